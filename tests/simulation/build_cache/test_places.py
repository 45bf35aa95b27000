"""Folders and disks that will not do cost the cache, not the run; where the cache is."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from simulation.build_cache.entries import FIRST, answer, entries, library, never

from asicbnn.simulation.backends.toolchain import c_compiler
from asicbnn.simulation.backends.toolchain.build_cache import cache_folder
from asicbnn.simulation.backends.toolchain.c_compiler import build_library

pytestmark = pytest.mark.skipif(
    c_compiler.find_compiler() is None, reason="no C compiler on this machine"
)


def test_a_folder_others_can_write_is_refused_with_a_note(folder: Path) -> None:
    library(7)
    folder.chmod(0o777)
    found = library(8)
    assert answer(found) == (8, "beside 8")
    assert found.note == (
        f"compiled simulators are not kept: {folder} can be written by other users"
    )


def test_a_folder_of_another_user_is_refused_with_a_note(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library(7)
    here = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: here + 1)
    found = library(8)
    assert answer(found) == (8, "beside 8")
    assert found.note == f"compiled simulators are not kept: {folder} belongs to another user"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EDQUOT])
def test_a_disk_that_is_full_or_read_only_costs_the_cache_and_not_the_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def copyfile(source: Path, target: Path) -> None:
        Path(target).write_bytes(Path(source).read_bytes()[:100])
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(shutil, "copyfile", copyfile)
    found = library(7)
    assert answer(found) == (7, "beside 7")
    assert found.note == f"compiled simulators are not kept: {folder}: {os.strerror(number)}"
    assert entries(folder) == []


@contextmanager
def small_disk(place: Path, options: str) -> Iterator[None]:
    place.mkdir(mode=0o700)
    mounted = os.geteuid() == 0 and shutil.which("mount") is not None
    command = ["mount", "-t", "tmpfs", "-o", options, "none", str(place)]
    if not mounted or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small disk")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_really_full_disk(folder: Path) -> None:
    with small_disk(folder, "size=32k,mode=0700"):
        found = library(7, padding=100_000)
        assert answer(found) == (7, "beside 7")
        assert found.note.endswith(f"{folder}: {os.strerror(errno.ENOSPC)}")
        assert entries(folder) == []


def test_a_really_read_only_disk(folder: Path) -> None:
    with small_disk(folder, "size=1m,mode=0700"):
        library(7)
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        assert answer(build_library(FIRST, never)) == (7, "beside 7")
        found = library(8, "another design")
        assert answer(found) == (8, "beside 8")
        assert found.note.endswith(f"{folder}: {os.strerror(errno.EROFS)}")


def test_a_folder_that_is_a_file_costs_the_cache_and_not_the_run(folder: Path) -> None:
    folder.write_text("")
    found = library(7)
    assert answer(found) == (7, "beside 7")
    assert "\n" not in found.note
    assert found.note.startswith(f"compiled simulators are not kept: {folder}: ")


def test_the_folder_follows_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("ASICBNN_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder() == tmp_path / ".cache" / "asicbnn"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder() == tmp_path / ".cache" / "asicbnn"
    monkeypatch.setenv("XDG_CACHE_HOME", "/absolute")
    assert cache_folder() == Path("/absolute/asicbnn")
    monkeypatch.setenv("ASICBNN_CACHE", "~/mine")
    assert cache_folder() == tmp_path / "mine"
    monkeypatch.setenv("ASICBNN_CACHE", "off")
    assert cache_folder() is None


def test_switched_off_nothing_is_kept_or_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("ASICBNN_CACHE", "off")
    assert answer(library(7)) == (7, "beside 7")
    found = library(8)
    assert answer(found) == (8, "beside 8")
    assert found.note == ""
    assert not (tmp_path / "cache").exists()
