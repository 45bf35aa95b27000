"""Several processes share a cache, and some of them are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from simulation.build_cache.entries import FIRST, answer, entries, library, never, wrapped_compiler

from asicbnn.simulation.backends.toolchain import c_compiler, scratch
from asicbnn.simulation.backends.toolchain.c_compiler import build_library

pytestmark = pytest.mark.skipif(
    c_compiler.find_compiler() is None, reason="no C compiler on this machine"
)

BUILDER = """\
import sys, time
from pathlib import Path
from asicbnn.simulation.backends.toolchain.c_compiler import Generated, build_library
while not Path(sys.argv[1]).exists(): time.sleep(1e-4)
files = tuple(f"int answer{n}(void) {{ return {n}; }}" for n in range(3))
found = build_library("a design", lambda: Generated(files, sys.argv[2]))
print([getattr(found.code, f"answer{n}")() for n in range(3)], found.attachment, found.note)
"""


def builder(start: Path, attachment: str = "beside") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", BUILDER, str(start), attachment],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_processes_that_build_one_design_at_once_are_all_right(
    folder: Path, tmp_path: Path
) -> None:
    start = tmp_path / "start"
    processes = [builder(start) for _ in range(3)]
    start.touch()
    for process in processes:
        said, complaint = process.communicate(timeout=60)
        assert (said, complaint) == ("[0, 1, 2] beside \n", "")
    (entry,) = entries(folder)
    assert sorted(part.name for part in entry.iterdir()) == ["manifest.json", "simulator.so"]
    said, complaint = builder(start, "built again").communicate(timeout=60)
    assert (said, complaint) == ("[0, 1, 2] beside \n", "")


def test_of_two_that_keep_one_design_the_first_stays(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = c_compiler._build

    def slow(*arguments: object) -> Path:
        built = honest(*arguments)  # type: ignore[arg-type]
        monkeypatch.setattr(c_compiler, "_build", honest)
        library(7)  # meanwhile another process
        return built

    monkeypatch.setattr(c_compiler, "_build", slow)
    assert answer(library(8)) == (8, "beside 8")
    assert len(entries(folder)) == 1
    assert answer(build_library(FIRST, never)) == (7, "beside 7")


def test_a_killed_build_leaves_no_entry_and_its_rubbish_goes_later(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    compiling = tmp_path / "compiling"
    slowly = f'case "$*" in *part1.c*) touch {compiling}; exec sleep 20;; esac'
    compiler = wrapped_compiler(tmp_path, slowly)
    path = os.environ["PATH"]
    monkeypatch.setenv("PATH", f"{compiler.parent}:{path}")
    process = builder(tmp_path)  # exists already
    deadline = time.monotonic() + 60
    while not compiling.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    os.killpg(process.pid, signal.SIGKILL)  # the compiler, which knows nothing of it
    process.communicate()
    assert entries(folder) == []
    (rubbish,) = temporary.glob("asicbnn-build-*")

    monkeypatch.setenv("PATH", path)
    assert answer(library(7)) == (7, "beside 7")
    assert rubbish.exists()  # too young to be sure of
    os.utime(rubbish, (1, 1))
    assert answer(library(8, "another design")) == (8, "beside 8")
    assert list(temporary.iterdir()) == []


def test_an_old_scratch_folder_in_use_stays(tmp_path: Path) -> None:
    with scratch.new_scratch(tmp_path, "mine-") as used:
        os.utime(used, (1, 1))
        scratch.sweep(tmp_path, "mine-")
        assert used.exists()
    assert not used.exists()


def test_unfinished_entries_of_the_dead_are_swept(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    for name in ("unfinished-dead", "of the user"):
        (folder / name).mkdir()
        os.utime(folder / name, (1, 1))
    library(7)
    assert not (folder / "unfinished-dead").exists()
    assert (folder / "of the user").exists()
