"""Tools that are missing, fail, hang or are interrupted are told with their command."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from simulation.exported.machine import machine
from tools import needs

from asicbnn.errors import EnvironmentProblem, SimulationError
from asicbnn.simulation.backends import simulator
from asicbnn.simulation.backends.toolchain.external_tool import Workshop


# ---------------------------------------------------------------------- faults
@pytest.mark.parametrize(
    ("backend", "message"),
    [
        ("verilator", r"^no verilator on PATH; Debian and Ubuntu: apt install verilator$"),
        ("icarus", r"^no iverilog on PATH; Debian and Ubuntu: apt install iverilog$"),
    ],
)
def test_a_missing_tool_is_named_with_the_package_that_brings_it(
    backend: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(EnvironmentProblem, match=message):
        simulator(machine()[0], backend)


def failing_tool(folder: Path) -> Path:
    tool = folder / "iverilog"
    tool.write_text('#!/bin/sh\necho "$(wc -l < bench.v) lines of sand" >&2\nexit 3\n')
    tool.chmod(0o755)
    return tool


def test_a_failing_tool_is_quoted_its_files_kept_and_its_command_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = failing_tool(tmp_path)
    monkeypatch.setattr(shutil, "which", lambda name: str(tool))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(EnvironmentProblem) as caught:
        simulator(machine()[0], "icarus")
    headline, message = str(caught.value).splitlines()
    assert headline.startswith("iverilog failed with exit status 3; its files are kept, to repeat")
    assert message.endswith(" lines of sand")
    command = headline.split("to repeat it: ")[1]
    (kept,) = tmp_path.glob("asicbnn-*")
    os.utime(kept, (1, 1))
    with Workshop("sweep"):
        pass
    again = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert (again.returncode, again.stderr.strip()) == (3, message)
    assert list(tmp_path.glob("asicbnn-*")) == [kept]


def test_a_tool_that_cannot_start_and_a_folder_that_cannot_be_made_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = failing_tool(tmp_path)
    tool.chmod(0o644)
    monkeypatch.setattr(shutil, "which", lambda name: str(tool))
    with pytest.raises(EnvironmentProblem, match=r"^cannot run .*iverilog: .*Permission denied"):
        simulator(machine()[0], "icarus")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    with pytest.raises(EnvironmentProblem, match=r"^no folder to build .* in: .*missing"):
        simulator(machine()[0], "icarus")


def test_a_file_that_cannot_be_written_is_told() -> None:
    with (
        Workshop("carve in stone") as workshop,
        pytest.raises(EnvironmentProblem, match=r"^cannot carve in stone: .*no/such"),
    ):
        workshop.write("no/such", "text")
    assert not workshop.folder.exists()


KEEPER = """\
import sys, time
from asicbnn.simulation.backends.toolchain.external_tool import Workshop
class Owner: pass
owner = Owner()
with Workshop("keep") as workshop:
    print(workshop.leave_to(owner), flush=True)
time.sleep(60)
"""


def test_the_folder_of_a_process_that_was_killed_goes_when_the_next_workshop_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    keeper = subprocess.Popen([sys.executable, "-c", KEEPER], stdout=subprocess.PIPE, text=True)
    assert keeper.stdout is not None
    folder = Path(keeper.stdout.readline().strip())
    os.utime(folder, (1, 1))
    with Workshop("sweep"):
        assert folder.exists()  # old, but in use
    keeper.kill()
    keeper.communicate()
    with Workshop("sweep"):
        assert not folder.exists()
    assert not list(tmp_path.iterdir())


@needs("iverilog", "vvp")
def test_unknown_bits_and_a_simulator_that_has_ended_are_told() -> None:
    unit = simulator(machine()[0], "icarus")
    assert unit.name == "icarus"
    unit._tell("set 0 zx")
    with pytest.raises(SimulationError, match=r"^register always: Icarus says \w*[xz]\w*, which"):
        unit.read_register("always")
    unit._process.kill()
    unit._process.wait()
    with pytest.raises(EnvironmentProblem, match=r"^vvp has ended"):
        unit.run(1)


def test_an_interrupt_ends_the_tool_and_what_the_tool_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "tool"
    tool.write_text(f"#!/bin/sh\nsleep 60 & echo $! > {tmp_path}/pid\nwait\n")
    tool.chmod(0o755)

    def interrupted(self: subprocess.Popen[str], *_: Any) -> tuple[str, str]:
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
            time.sleep(0.01)
        monkeypatch.undo()
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess.Popen, "communicate", interrupted)
    with Workshop("wait") as workshop, pytest.raises(KeyboardInterrupt):
        workshop.call([str(tool)])
    status = Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}/status")
    assert not status.exists() or "State:\tZ" in status.read_text()
    assert not workshop.folder.exists()
