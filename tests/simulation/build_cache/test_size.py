"""The cache is bounded: what was not used for longest makes room."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from simulation.build_cache.entries import answer, entries, library, never

from asicbnn.errors import SpecError
from asicbnn.simulation.backends.toolchain import c_compiler
from asicbnn.simulation.backends.toolchain.c_compiler import build_library

pytestmark = pytest.mark.skipif(
    c_compiler.find_compiler() is None, reason="no C compiler on this machine"
)


def test_entries_used_longest_ago_make_room(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASICBNN_CACHE_MIB", "1")
    names = {}
    for number in range(3):
        before = set(entries(folder))
        library(number, str(number), padding=300_000)
        (names[number],) = set(entries(folder)) - before
        os.utime(names[number], (1000 + number, 1000 + number))
    build_library("0", never)  # used just now
    library(3, "3", padding=300_000)
    kept = entries(folder)
    assert names[0] in kept
    assert names[1] not in kept
    assert names[2] in kept
    assert len(kept) == 3
    assert build_library("3", never).code.answer() == 3


def test_a_build_larger_than_the_cache_is_not_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASICBNN_CACHE_MIB", "1")
    library(7)
    found = library(8, "another design", padding=3 << 20)
    assert answer(found) == (8, "beside 8")
    assert found.note == (
        "compiled simulators are not kept: one build takes 3 MiB, more than ASICBNN_CACHE_MIB "
        "allows"
    )
    assert len(entries(folder)) == 1


def test_eviction_touches_nothing_else(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASICBNN_CACHE_MIB", "1")
    folder.mkdir(mode=0o700)
    (folder / "notes").write_bytes(bytes(2 << 20))
    (folder / "photos").mkdir()
    (folder / "photos" / "cat").write_bytes(bytes(2 << 20))
    library(7, padding=600_000)
    library(8, "another design", padding=600_000)
    assert len(entries(folder)) == 3
    assert (folder / "photos" / "cat").exists()


@pytest.mark.parametrize(
    "text", ["0", "-1", "1.5", "many", "1e3", "9" * 5000, "\N{SUPERSCRIPT TWO}"]
)
def test_a_size_that_is_no_number_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("ASICBNN_CACHE_MIB", text)
    message = r"^ASICBNN_CACHE_MIB: expected a whole number of MiB >= 1, got '"
    with pytest.raises(SpecError, match=message):
        library(7)
