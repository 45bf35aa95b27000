"""Compiled simulators are kept and found again, by design and circumstances."""

from __future__ import annotations

import json
import os
import shutil
import stat
import time
from pathlib import Path

import pytest
from simulation.build_cache.entries import FIRST, answer, entries, library, never, wrapped_compiler

from asicbnn.simulation.backends.toolchain import build_cache, c_compiler
from asicbnn.simulation.backends.toolchain.c_compiler import build_library
from asicbnn.simulation.backends.toolchain.cpu import cpu_identity

pytestmark = pytest.mark.skipif(
    c_compiler.find_compiler() is None, reason="no C compiler on this machine"
)


def test_a_design_is_generated_and_compiled_once(folder: Path) -> None:
    assert answer(library(7)) == (7, "beside 7")
    again = build_library(FIRST, never)
    assert answer(again) == (7, "beside 7")
    assert again.note == ""
    assert answer(library(8, "another design")) == (8, "beside 8")
    assert len(entries(folder)) == 2


def test_what_is_kept_is_private(folder: Path) -> None:
    before = os.umask(0)
    try:
        library(7)
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for part in folder.rglob("*"):
        assert not stat.S_IMODE(part.stat().st_mode) & 0o077, part


@pytest.mark.parametrize(
    ("where", "name", "value"),
    [
        (c_compiler, "_FLAGS", ("-O0", "-fPIC")),
        (c_compiler, "_known_flags", lambda *_: ("-O0",)),
        (c_compiler, "__version__", "9.9.9"),
        (c_compiler, "cpu_identity", lambda: "another processor"),
        (c_compiler, "_version", lambda *_: "another compiler"),
    ],
)
def test_other_circumstances_are_another_entry(
    folder: Path, monkeypatch: pytest.MonkeyPatch, where: object, name: str, value: object
) -> None:
    library(7)
    monkeypatch.setattr(where, name, value)
    assert answer(library(8)) == (8, "beside 8")
    assert len(entries(folder)) == 2


def test_a_compiler_that_was_replaced_is_another_compiler(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler = wrapped_compiler(tmp_path, "")
    monkeypatch.setattr(shutil, "which", lambda name: str(compiler))
    library(7)
    compiler.write_text(compiler.read_text() + "# newer\n")
    assert answer(library(8)) == (8, "beside 8")


def test_the_processor_is_described_without_what_changes() -> None:
    first = cpu_identity()
    cpu_identity.cache_clear()
    time.sleep(0.01)
    assert cpu_identity() == first


def test_the_manifest_tells_people_what_the_entry_is(folder: Path) -> None:
    library(7)
    (entry,) = entries(folder)
    about = json.loads((entry / "manifest.json").read_text())["about"]
    assert set(about) == {"asicbnn", "compiler", "compiler_identity", "cpu", "flags"}
    assert build_cache.size_limit_bytes() == build_cache.DEFAULT_MIB << 20
