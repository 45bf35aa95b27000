"""Runs: their cycles and limits, forks, threads, and how to stop them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pyrtl
import pytest
from simulation.machines import BOTH, build, counter, needs_compiler
from simulation.random_block import state

from asicbnn.errors import SimulationError
from asicbnn.simulation.backends import simulator
from asicbnn.simulation.backends.interface import StoppedError


@pytest.mark.parametrize("backend", BOTH)
def test_run_until_counts_cycles_and_fails_loudly_at_its_limit(backend: str) -> None:
    unit = simulator(build(counter), backend)
    assert unit.name == backend
    assert unit.note == ""
    assert unit.run_until("done", 9) == 9
    assert unit.read_register("count") == 11
    unit.reset()
    assert unit.read_register("count") == 2
    with pytest.raises(SimulationError, match=r"^register done was not 1 within 8 cycles$"):
        unit.run_until("done", 8)
    assert unit.read_register("count") == 10
    assert unit.run_until("done", 1) == 1


@needs_compiler
def test_runs_longer_than_one_call_into_the_code_add_up() -> None:
    def describe() -> None:
        count, done = pyrtl.Register(20, "count"), pyrtl.Register(1, "done")
        count.next <<= (count + 1).truncate(20)
        done.next <<= count == 200_000

    unit = simulator(build(describe), "compiled")
    unit.run(150_000)
    assert unit.read_register("count") == 150_000
    assert unit.run_until("done", 1_000_000) == 50_001
    assert unit.run_until("done", 2_000_000) == 1 << 20


@pytest.mark.parametrize("backend", BOTH)
def test_a_fork_has_a_state_of_its_own(backend: str) -> None:
    unit = simulator(build(counter), backend)
    unit.run(5)
    before = state(unit)
    twin = unit.fork()
    assert twin.read_register("count") == 2
    assert not twin.read_memory("memory").any()
    twin.run(3)
    assert state(unit) == before
    unit.reset()
    unit.run(3)
    assert state(unit) == state(twin)


@pytest.mark.parametrize("backend", BOTH)
def test_stopping_a_simulator_ends_runs_of_its_forks_until_the_stop_is_taken_back(
    backend: str,
) -> None:
    unit = simulator(build(counter), backend)
    twin = unit.fork()
    unit.stop.set()
    with pytest.raises(StoppedError, match=r"^the run was stopped$"):
        twin.run(1)
    with pytest.raises(StoppedError, match=r"^the run was stopped$"):
        twin.run_until("done", 9)
    assert twin.read_register("count") == 2
    unit.stop.clear()
    assert twin.run_until("done", 9) == 9


@needs_compiler
def test_forks_run_in_threads() -> None:
    first = simulator(build(counter), "compiled")
    units = [first, *(first.fork() for _ in range(7))]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda unit: unit.run(100_000), units))
    assert all(state(unit) == state(first) for unit in units)
    assert first.read_register("count") == (100_000 + 2) % 256
