"""Compiled simulators are kept, found again, never trusted blindly, and never in the way."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from asicbnn.errors import SpecError
from asicbnn.simulation.backends.toolchain import build_cache, c_compiler, scratch
from asicbnn.simulation.backends.toolchain.build_cache import cache_folder
from asicbnn.simulation.backends.toolchain.c_compiler import Generated, Library, build_library
from asicbnn.simulation.backends.toolchain.cpu import cpu_identity

pytestmark = pytest.mark.skipif(
    c_compiler.find_compiler() is None, reason="no C compiler on this machine"
)
FIRST = "a design"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, not yet made."""
    chosen = tmp_path / "cache"
    monkeypatch.setenv("ASICBNN_CACHE", str(chosen))
    monkeypatch.delenv("ASICBNN_CACHE_MIB", raising=False)
    return chosen


def library(number: int, fingerprint: str = FIRST, padding: int = 0) -> Library:
    """Code that answers with a number; what is found in the cache may answer with another."""
    fill = f"char fill[{padding + 1}] = {{1}};\n"
    files = (f"int answer(void) {{ return {number}; }}\n{fill}",)
    return build_library(fingerprint, lambda: Generated(files, f"beside {number}"))


def answer(found: Library) -> tuple[int, str]:
    return found.code.answer(), found.attachment


def entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.exists() else []


def never() -> Generated:
    raise AssertionError("generated again")


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


def wrapped_compiler(place: Path, before: str) -> Path:
    """A compiler that first does something else."""
    real = c_compiler.find_compiler()
    assert real is not None
    wrapper = place / "bin" / "cc"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\n{before}\nexec {" ".join(real)} "$@"\n')
    wrapper.chmod(0o755)
    return wrapper


def test_the_processor_is_described_without_what_changes() -> None:
    first = cpu_identity()
    cpu_identity.cache_clear()
    time.sleep(0.01)
    assert cpu_identity() == first


# -- entries that must not be loaded ---------------------------------------------------------------


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


# -- folders that cannot be used -------------------------------------------------------------------


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


# -- size ------------------------------------------------------------------------------------------


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


# -- what the user says ----------------------------------------------------------------------------


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


# -- several processes, and dead ones --------------------------------------------------------------

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


def test_the_manifest_tells_people_what_the_entry_is(folder: Path) -> None:
    library(7)
    (entry,) = entries(folder)
    about = json.loads((entry / "manifest.json").read_text())["about"]
    assert set(about) == {"asicbnn", "compiler", "compiler_identity", "cpu", "flags"}
    assert build_cache.size_limit_bytes() == build_cache.DEFAULT_MIB << 20
