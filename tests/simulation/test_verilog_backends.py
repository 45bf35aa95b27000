"""Verilator and Icarus, given the exported Verilog, do what the other back ends do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyrtl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from simulation.test_backends import RandomBlock
from tools import EXTERNAL, needs

from asicbnn.errors import EnvironmentProblem, SimulationError
from asicbnn.hardware.gating import GatedGroup
from asicbnn.simulation.backends import Backend, simulator
from asicbnn.simulation.backends.exported.verilator import VerilatorBackend
from asicbnn.simulation.backends.exported.verilator_build import VerilatedLibrary, VerilatedUnit
from asicbnn.simulation.backends.exported.verilog_source import verilog_source
from asicbnn.simulation.backends.interface import (
    StoppedError,
    numbers_of_words,
    words_of_numbers,
)
from asicbnn.simulation.backends.toolchain.external_tool import Workshop

# Around every type of Verilator's: 8, 16, 32, 64 bit, and words of 32 bit beyond.
WIDTHS = [1, 2, 8, 9, 16, 17, 32, 33, 63, 64, 65, 96, 97, 128, 129, 300]
ROM = [5, 0, 1 << 69, 3]


def ones(bits: int) -> int:
    return (1 << bits) - 1


def machine() -> tuple[pyrtl.Block, list[GatedGroup]]:
    """Registers and memories of every width, logic on both, a counter with a flag, a ROM, gates."""
    block = pyrtl.Block()
    with pyrtl.set_working_block(block, no_sanity_check=True):
        count, done = pyrtl.Register(8, "count", reset_value=2), pyrtl.Register(1, "done")
        count.next <<= (count + 1).truncate(8)
        done.next <<= count == 10
        for bits in WIDTHS:
            held = _held(bits, f"held {bits}", ones(bits) & 0x5A5A5A5A5A5)
            _copy(~held, f"inverse{bits}")
            _copy((held + count).truncate(bits), f"sum{bits}")
            _written_memory(bits, count, held)
            given = pyrtl.MemBlock(bits, 3, f"given{bits}")  # no write port: filled from outside
            _copy(given[count[:3]], f"read{bits}")
        rom = pyrtl.RomBlock(70, 2, ROM, name="rom")
        _copy(rom[count[:2]], "rom_word")
        shared = pyrtl.concat_list([_held(20, f"factor{i}") for i in range(3)])  # by two readers
        square = shared * shared + shared
        _copy(square, "square")
        _copy(square ^ shared.zero_extended(len(square)), "square_too")
        _copy(pyrtl.concat(count, done), "always")  # a name Verilog has taken
        enable = count[1]
        registers = tuple(_gated(bits, count, enable) for bits in (20, 30, 1, 80))
        gated = GatedGroup("gated", enable, registers)
    return block, [gated]


def _gated(bits: int, count: Any, enable: Any) -> Any:
    """A register that loads in some cycles; several of them fill more than one gate of 32 flops."""
    register = pyrtl.Register(bits, f"gated{bits}")
    loaded = ~register ^ pyrtl.concat_list([count] * (bits // 8 + 1))[:bits]
    register.next <<= pyrtl.select(enable, loaded, register)
    return register


def _held(bits: int, name: str, reset_value: int = 0) -> Any:
    """A register that keeps what is written into it from outside."""
    register = pyrtl.Register(bits, name, reset_value=reset_value)
    register.next <<= register
    return register


def _copy(value: Any, name: str) -> None:
    register = pyrtl.Register(len(value), name)
    register.next <<= value


def _written_memory(bits: int, count: Any, held: Any) -> None:
    """Two write ports that never meet in one word; a read of the word written at the same time."""
    memory = pyrtl.MemBlock(bits, 3, f"memory{bits}", max_read_ports=None, max_write_ports=None)
    even, odd = pyrtl.concat(count[1:3], pyrtl.Const(0, 1)), pyrtl.concat(count[:2], pyrtl.Const(1))
    memory[even] <<= pyrtl.MemBlock.EnabledWrite(held, count[0])
    memory[odd] <<= pyrtl.MemBlock.EnabledWrite(~held, ~count[0])
    _copy(memory[even], f"before{bits}")


def state(unit: Backend) -> dict[str, int | list[int]]:
    registers = {name: unit.read_register(name) for name in unit.shape.registers}
    memories = {name: numbers_of_words(unit.read_memory(name)) for name in unit.shape.memories}
    return registers | memories


def load(unit: Backend, random: Random) -> None:
    for name, register in unit.shape.registers.items():
        unit.write_register(name, random.getrandbits(register.bits))
    for name, memory in unit.shape.memories.items():
        if not memory.is_read_only:
            numbers = [random.getrandbits(memory.bits) for _ in range(memory.words - 2)]
            unit.write_memory(name, words_of_numbers(numbers, memory.limbs), start=2)


@pytest.fixture(scope="module", params=EXTERNAL)
def built(request: pytest.FixtureRequest) -> Backend:
    block, gated = machine()
    return simulator(block, request.param, gated=gated)


@pytest.fixture
def unit(built: Backend) -> Backend:
    built.reset()
    return built


@pytest.fixture(scope="module")
def reference() -> Backend:
    return simulator(machine()[0], "pyrtl")


def test_random_states_go_where_fast_simulation_takes_them(
    unit: Backend, reference: Backend
) -> None:
    reference.reset()
    assert state(unit) == state(reference)
    for seed in range(4):
        load(unit, Random(seed))
        load(reference, Random(seed))
        assert state(unit) == state(reference)
        for cycles in (1, 1, 9):
            unit.run(cycles)
            reference.run(cycles)
            assert state(unit) == state(reference)


def check_random_block(seed: int, backend: str) -> None:
    random = Random(seed)
    block = RandomBlock(random, nets=150).block
    external, interpreted = simulator(block, backend), simulator(block, "pyrtl")
    load(external, Random(seed))
    load(interpreted, Random(seed))
    for cycles in (1, 1, 20):
        external.run(cycles)
        interpreted.run(cycles)
        assert state(external) == state(interpreted)


@needs("iverilog", "vvp")
@settings(max_examples=4)
@given(seed=st.integers(0, 2**32 - 1))
@example(seed=60)  # a wire narrower than its source
def test_nets_of_every_kind_and_width_do_in_icarus_what_fast_simulation_does(seed: int) -> None:
    check_random_block(seed, "icarus")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("backend", EXTERNAL)
def test_large_blocks_of_random_nets_agree(backend: str, seed: int) -> None:
    check_random_block(seed, backend)


def test_registers_behind_clock_gates_lie_in_pieces_of_at_most_32_flops() -> None:
    block, gated = machine()
    source = verilog_source(block, gated)
    pieces = [piece.bits for r in gated[0].registers for piece in source.registers[r.name]]
    assert pieces == [20, 12, 18, 1, 13, 32, 32, 3]
    assert source.text.count("clock_gate clock_gate_gated_") == 5
    assert [piece.bits for piece in source.registers["held 300"]] == [300]


def test_what_is_written_between_cycles_reaches_the_logic_behind_it(unit: Backend) -> None:
    for value in (0, 1, 1 << 64, ones(65)):
        unit.write_register("held 65", value)
        unit.write_memory("given65", words_of_numbers([value] * 8, 2))
        unit.write_register("factor1", value % 1000)
        unit.run(1)
        square = (value % 1000 << 20) ** 2 + (value % 1000 << 20)
        assert unit.read_register("square") == square
        assert unit.read_register("square_too") == square ^ (value % 1000 << 20)
        assert unit.read_register("inverse65") == value ^ ones(65)
        assert unit.read_register("read65") == value


def test_run_until_counts_cycles_and_fails_loudly_at_its_limit(unit: Backend) -> None:
    assert unit.run_until("done", 9) == 9
    assert unit.read_register("count") == 11
    unit.reset()
    with pytest.raises(SimulationError, match=r"^register done was not 1 within 8 cycles$"):
        unit.run_until("done", 8)
    assert unit.read_register("count") == 10
    assert unit.run_until("done", 1) == 1
    assert unit.run_until("done", 500) == 256  # at least one cycle, though it is 1 already


def test_runs_longer_than_one_call_into_the_simulator_add_up(
    unit: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{type(unit).__module__}._CYCLES_PER_CALL", 7)
    unit.run(20)
    assert unit.read_register("count") == 22
    assert unit.run_until("done", 300) == 256 + 9 - 20
    with pytest.raises(SimulationError, match=r"^register done was not 1 within 255 cycles$"):
        unit.run_until("done", 255)
    assert unit.run_until("done", 1) == 1


def test_a_run_that_another_thread_stopped_is_left(unit: Backend) -> None:
    unit.stop.set()
    try:
        for run in (lambda: unit.run(5), lambda: unit.run_until("done", 5)):
            with pytest.raises(StoppedError):
                run()
        assert unit.read_register("count") == 2
    finally:
        unit.stop.clear()
    unit.run(5)
    assert unit.read_register("count") == 7


def test_a_reset_may_keep_the_memories(unit: Backend) -> None:
    load(unit, Random(7))
    memories = {name: unit.read_memory(name) for name in unit.shape.memories}
    unit.reset(keep_memories=True)
    for name, register in unit.shape.registers.items():
        assert unit.read_register(name) == register.reset_value
    for name, words in memories.items():
        assert np.array_equal(unit.read_memory(name), words)
    unit.reset()
    for name, memory in unit.shape.memories.items():
        assert unit.read_memory(name).any() == memory.is_read_only
    assert numbers_of_words(unit.read_memory("rom")) == ROM


def test_a_fork_has_a_state_of_its_own(unit: Backend) -> None:
    fresh = state(unit)
    load(unit, Random(8))
    before = state(unit)
    twin = unit.fork()
    assert state(twin) == fresh
    twin.run(30)
    assert state(unit) == before
    unit.reset()
    unit.run(30)
    assert state(unit) == state(twin)


def test_a_fork_that_goes_while_another_is_made_takes_nothing_with_it(
    unit: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = [unit.fork(), unit.fork()]
    make = VerilatedLibrary.make

    def make_while_another_goes(library: VerilatedLibrary) -> VerilatedUnit:
        made = make(library)  # by now the newest one
        older.pop(0)
        return made

    monkeypatch.setattr(VerilatedLibrary, "make", make_while_another_goes)
    twin = unit.fork()
    monkeypatch.undo()
    older.clear()
    twin.run(30)
    unit.run(30)
    assert state(twin) == state(unit)
    last = twin.fork()
    del twin
    last.run(30)
    assert state(last) == state(unit)


@needs("iverilog", "vvp")
def test_a_block_may_have_no_memories_and_no_flags() -> None:
    block = pyrtl.Block()
    with pyrtl.set_working_block(block, no_sanity_check=True):
        _copy(~_held(3, "a"), "b")
    unit = simulator(block, "icarus")
    unit.run(1)
    assert unit.read_register("b") == 7


@needs("iverilog", "vvp")
def test_nothing_is_left_on_disk_when_the_simulator_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    block = machine()[0]
    nets, wires = set(block.logic), set(block.wirevector_set)
    unit = simulator(block, "icarus")
    unit.run(3)
    assert (block.logic, block.wirevector_set) == (nets, wires)
    del unit
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@needs("verilator", "g++")
def test_a_fast_build_reaches_what_was_asked_for_and_does_the_same(reference: Backend) -> None:
    unit = VerilatorBackend(machine()[0], registers=["done"], optimisation="-O3")
    started = {name for name, register in reference.shape.registers.items() if register.reset_value}
    assert set(unit.shape.registers) == {"done"} | started
    with pytest.raises(SimulationError, match=r"^no register before8; there are: count, done, "):
        unit.read_register("before8")
    assert unit.build_cpu_seconds > 0
    reference.reset()
    reference.run(100)
    unit.run(100)
    everything = state(reference)
    assert state(unit) == {name: everything[name] for name in state(unit)}
    unit.reset()
    assert unit.run_until("done", 9) == 9


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
