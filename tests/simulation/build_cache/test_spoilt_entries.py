"""What is kept is never trusted blindly: anything out of order is built again."""

from __future__ import annotations

import ctypes
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from simulation.build_cache.entries import FIRST, answer, entries, library, never

from asicbnn.simulation.backends.toolchain import c_compiler
from asicbnn.simulation.backends.toolchain.c_compiler import build_library

pytestmark = pytest.mark.skipif(
    c_compiler.find_compiler() is None, reason="no C compiler on this machine"
)


def flip_a_byte(entry: Path) -> None:
    path = entry / "simulator.so"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut_short(entry: Path) -> None:
    path = entry / "simulator.so"
    path.write_bytes(path.read_bytes()[:-1])


def change_the_attachment(entry: Path) -> None:
    path = entry / "manifest.json"
    path.write_text(path.read_text().replace("beside 7", "beside 9"))


def end_the_manifest_early(entry: Path) -> None:
    path = entry / "manifest.json"
    path.write_text(path.read_text()[:-20])


def nest_the_manifest_deeply(entry: Path) -> None:
    (entry / "manifest.json").write_text("[" * 100_000)


def say_nothing(entry: Path) -> None:
    (entry / "manifest.json").write_text("[]")


def lose_the_object(entry: Path) -> None:
    (entry / "simulator.so").unlink()


def lose_the_manifest(entry: Path) -> None:
    (entry / "manifest.json").unlink()


def let_others_write_the_object(entry: Path) -> None:
    (entry / "simulator.so").chmod(0o722)


def let_others_write_the_entry(entry: Path) -> None:
    entry.chmod(0o770)


def point_elsewhere(entry: Path) -> None:
    path = entry / "simulator.so"
    path.rename(entry.parent.parent / "elsewhere.so")
    path.symlink_to(entry.parent.parent / "elsewhere.so")


def become_a_file(entry: Path) -> None:
    shutil.rmtree(entry)
    entry.write_text("not a folder")


SPOILERS = [
    flip_a_byte, cut_short, change_the_attachment, end_the_manifest_early,
    nest_the_manifest_deeply, say_nothing, lose_the_object, lose_the_manifest,
    let_others_write_the_object, let_others_write_the_entry, point_elsewhere, become_a_file,
]  # fmt: skip


@pytest.mark.parametrize("spoil", SPOILERS)
def test_a_spoilt_entry_is_built_again_and_replaced(
    folder: Path, spoil: Callable[[Path], None]
) -> None:
    library(7)
    (entry,) = entries(folder)
    spoil(entry)
    rebuilt = library(8)
    assert answer(rebuilt) == (8, "beside 8")
    assert rebuilt.note == ""
    assert entries(folder) == [entry]
    assert answer(build_library(FIRST, never)) == (8, "beside 8")


def test_an_entry_under_another_key_is_not_loaded(folder: Path) -> None:
    library(7)
    (entry,) = entries(folder)
    library(8, "another design")
    (other,) = set(entries(folder)) - {entry}
    shutil.rmtree(entry)
    other.rename(entry)
    assert answer(library(9)) == (9, "beside 9")


@pytest.mark.parametrize("name", ["simulator.so", "manifest.json", ""])
def test_an_entry_of_another_user_is_not_loaded(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    library(7)
    (entry,) = entries(folder)
    foreign, honest = entry / name, Path.lstat

    def lstat(path: Path) -> os.stat_result:
        found = honest(path)
        if path != foreign:
            return found
        values = list(found)
        values[stat.ST_UID] += 1
        return os.stat_result(values)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "lstat", lstat)
        assert answer(library(8)) == (8, "beside 8")


def test_an_object_that_cannot_be_loaded_is_built_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library(7)
    honest = ctypes.CDLL

    def load(path: str) -> ctypes.CDLL:
        if str(folder) in path:
            raise OSError("failed to map segment from shared object")
        return honest(path)

    monkeypatch.setattr(ctypes, "CDLL", load)
    assert answer(library(8)) == (8, "beside 8")
