"""Runs in another program: cycles, limits, resets, forks, and what they leave behind."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
import pytest
from simulation.exported.machine import ROM, load, machine
from simulation.random_block import state
from tools import needs

from asicbnn.errors import SimulationError
from asicbnn.simulation.backends import Backend, simulator
from asicbnn.simulation.backends.exported.verilator_build import VerilatedLibrary, VerilatedUnit
from asicbnn.simulation.backends.interface import (
    StoppedError,
    numbers_of_words,
)


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
