"""A compiler that is missing, fails, dies or hangs is one clear error, and says the cure."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pyrtl
import pytest
from typer.testing import CliRunner

from asicbnn.cli import app
from asicbnn.errors import EnvironmentProblem
from asicbnn.simulation.backends import simulator
from asicbnn.simulation.backends.toolchain import c_compiler
from asicbnn.simulation.backends.toolchain.c_compiler import (
    Generated,
    build_library,
    compile_library,
)

GOOD = "int answer(void) { return 7; }\n"
BAD = "int answer(void) { return nothing_of_that_name; }\n"
needs_compiler = pytest.mark.skipif(
    c_compiler.find_compiler() is None, reason="no C compiler on this machine"
)


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder whose contents the test can list."""
    folder = tmp_path / "temporary folder"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    monkeypatch.setenv("ASICBNN_CACHE", "off")
    return folder


def compiler(place: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the only compiler on PATH a script."""
    path = place / "cc"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda name: str(path))


def counter() -> pyrtl.Block:
    block = pyrtl.Block()
    with pyrtl.set_working_block(block, no_sanity_check=True):
        count = pyrtl.Register(8, "count")
        count.next <<= (count + 1).truncate(8)
    return block


@needs_compiler
def test_what_the_compiler_refuses_is_kept_with_its_message_and_the_command_to_repeat_it(
    temporary: Path,
) -> None:
    with pytest.raises(EnvironmentProblem) as raised:
        compile_library((GOOD, BAD))
    headline, *message, where, command = str(raised.value).splitlines()
    assert headline.startswith("the C compiler failed: ")
    assert "nothing_of_that_name" in "\n".join([headline, *message])
    (kept,) = temporary.iterdir()
    assert where == f"the C file is kept in {kept}; to repeat:"
    (source,) = kept.iterdir()
    assert source.read_text() == BAD
    again = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert again.returncode != 0
    assert "nothing_of_that_name" in again.stderr
    source.write_text(GOOD)  # and it is this file the command compiles
    subprocess.run(command, shell=True, check=True)
    assert raised.value.exit_code == 3


def test_a_compiler_that_says_nothing_is_quoted_by_its_exit_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler(tmp_path, "exit 77", monkeypatch)
    with pytest.raises(EnvironmentProblem, match=r"^the C compiler failed: exit status 77\n"):
        compile_library((GOOD,))


def test_a_killed_compiler_is_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiler(tmp_path, 'case "$*" in *part0*) kill -9 $$;; esac', monkeypatch)
    message = r"^the C compiler failed: killed by SIGKILL; out of memory\?\n"
    with pytest.raises(EnvironmentProblem, match=message):
        compile_library((GOOD,))


def test_a_hanging_compiler_is_given_up(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler(tmp_path, 'case "$*" in *part0*) exec sleep 30;; esac', monkeypatch)
    monkeypatch.setattr(c_compiler, "_PATIENCE_S", 0.3)
    message = r"^the C compiler did not end within 0\.3 s: .*part0\.c"
    with pytest.raises(EnvironmentProblem, match=message):
        compile_library((GOOD,))
    assert not list(temporary.iterdir())


def test_a_compiler_that_is_no_program_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cc"
    path.write_bytes(b"\x7fELF but not really")
    path.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda name: str(path))
    with pytest.raises(EnvironmentProblem, match=r"^the C compiler .*cc cannot be used: "):
        compile_library((GOOD,))
    with pytest.raises(EnvironmentProblem, match=r"^the C compiler .*cc cannot be used: ") as told:
        simulator(counter(), "gates")  # asks for the width of vectors first
    assert told.value.exit_code == 3


@needs_compiler
@pytest.mark.parametrize("refused", ["-fno-tree-dse", "-march=native"])
@pytest.mark.parametrize("backend", ["compiled", "gates"])
def test_a_compiler_that_refuses_a_flag_we_can_do_without_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: str, backend: str
) -> None:
    real = c_compiler.find_compiler()
    assert real is not None
    log = tmp_path / "log"
    script = (
        f'echo "$*" >> {log}\n'
        f'case " $* " in *" {refused} "*) echo "unknown option" >&2; exit 1;; esac\n'
        f'exec {shlex.join(real)} "$@"'
    )
    compiler(tmp_path, script, monkeypatch)
    unit = simulator(counter(), backend)
    unit.run(300)
    assert unit.read_register("count") == 44
    (*_, built) = [line.split() for line in log.read_text().splitlines() if "part0.c" in line]
    others = set(c_compiler._OPTIONAL_FLAGS) - {refused}
    assert others <= set(built)  # what it does know is used
    assert refused not in built


def test_whether_a_compiler_knows_a_flag_is_asked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    compiler(tmp_path, f'echo "$*" >> {log}; exit 1', monkeypatch)
    for _ in range(2):
        with pytest.raises(EnvironmentProblem, match=r"^the C compiler failed: exit status 1\n"):
            compile_library((GOOD,))
    asked = [line for line in log.read_text().splitlines() if "probe.c" in line]
    one_by_one = len(c_compiler._OPTIONAL_FLAGS)
    assert len(asked) == len(set(asked)) == 1 + one_by_one  # all together first


def test_a_compiler_that_makes_no_library_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler(tmp_path, "exit 0", monkeypatch)
    with pytest.raises(EnvironmentProblem, match=r"^building the compiled simulator failed: "):
        compile_library((GOOD,))


@needs_compiler
def test_a_temporary_folder_that_cannot_be_written_is_an_error_of_the_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(EnvironmentProblem, match=r"^building the compiled simulator failed: "):
        compile_library((GOOD,))


@needs_compiler
def test_a_full_temporary_folder_is_an_error_of_the_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def write_text(path: Path, text: str, **_: str) -> int:
        raise OSError(28, "No space left on device", str(path))

    compile_library((GOOD,))  # knows the flags by now
    monkeypatch.setattr(Path, "write_text", write_text)
    with pytest.raises(EnvironmentProblem, match=r"failed: .*No space left on device"):
        compile_library((GOOD,))


@needs_compiler
def test_nothing_stays_in_the_temporary_folder_of_a_build_that_works(temporary: Path) -> None:
    assert compile_library((GOOD,)).answer() == 7
    assert build_library("x", lambda: Generated((GOOD,))).code.answer() == 7
    assert not list(temporary.iterdir())


def test_without_a_compiler_auto_says_so_and_compiled_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    unit = simulator(counter())
    assert unit.name == "pyrtl"
    assert "pip install asicbnn[compiler]" in unit.note
    assert "\n" not in unit.note
    unit.run(3)
    assert unit.read_register("count") == 3
    with pytest.raises(EnvironmentProblem, match=r"pip install asicbnn\[compiler\]") as raised:
        simulator(counter(), "compiled")
    assert raised.value.exit_code == 3


@pytest.mark.slow
@pytest.mark.timeout(600)  # at first zig builds its own runtime
def test_the_compiler_in_package_ziglang_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ziglang", reason="package ziglang is not installed")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert c_compiler.find_compiler() == (sys.executable, "-m", "ziglang", "cc")
    for backend in ("compiled", "gates"):
        unit = simulator(counter(), backend)
        unit.run(300)
        assert unit.read_register("count") == 44
    with pytest.raises(EnvironmentProblem) as raised:
        compile_library((BAD,))
    command = str(raised.value).splitlines()[-1]
    assert shlex.split(command)[:4] == [sys.executable, "-m", "ziglang", "cc"]
    assert "nothing_of_that_name" in str(raised.value)


def test_the_command_ends_with_exit_code_3_and_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    root = Path(__file__).parents[2]
    files = ["arch_specs/tiny.yaml", "workloads/digits_mlp_64_256_256_10.yaml"]
    paths = [str(root / name) for name in files]
    done = CliRunner().invoke(app, ["simulate", *paths, "--backend", "compiled"])
    assert done.exit_code == 3
    assert "pip install asicbnn[compiler]" in done.stderr
    assert done.stdout == ""
