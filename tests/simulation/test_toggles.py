"""Counted toggles are those of PyRTL's full trace, on every wire, whatever is sampled."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pyrtl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulation.machines import build, held, needs_compiler, result
from simulation.random_block import RandomBlock, load, ones, random_contents, state

from asicbnn.bnn.reference import random_activations, random_parameters
from asicbnn.errors import EnvironmentProblem, SimulationError
from asicbnn.hardware.accelerator import elaborate
from asicbnn.simulation.backends import Backend, simulator
from asicbnn.simulation.backends.interface import numbers_of_words
from asicbnn.simulation.backends.selection import counting_simulator
from asicbnn.simulation.backends.toolchain import c_compiler
from asicbnn.simulation.backends.word_level import c_source
from asicbnn.simulation.backends.word_level.sampling import Sampling
from asicbnn.simulation.execution import Executor
from asicbnn.simulation.program import build_program
from asicbnn.verify import cases

TRACED_CYCLES = 300


def traces(block: pyrtl.Block, backend: Backend, cycles: int) -> dict[str, list[int]]:
    """Values of every wire but constants, cycle by cycle, from PyRTL, begun in a state."""
    registers = block.wirevector_subset(pyrtl.Register)
    ported = {net.op_param[1].id: net.op_param[1] for net in block.logic_subset("m@")}
    memories = {
        memory: dict(enumerate(numbers_of_words(backend.read_memory(memory.name))))
        for memory in ported.values()
        if not isinstance(memory, pyrtl.RomBlock)
    }
    wires = block.wirevector_set - block.wirevector_subset(pyrtl.Const)
    simulation = pyrtl.FastSimulation(
        register_value_map={wire: backend.read_register(wire.name) for wire in registers},
        memory_value_map=memories,
        tracer=pyrtl.SimulationTrace(list(wires), block=block),
        block=block,
    )
    for _ in range(cycles):
        simulation.step()
    return dict(simulation.tracer.trace)


def toggles_between(values: list[int], first: int, last: int) -> int:
    """Bits that changed from cycle `first` to cycle `last`, step by step."""
    return sum((values[i] ^ values[i + 1]).bit_count() for i in range(first, last))


def loaded_accelerator(seed: int, group: int) -> tuple[Any, Executor]:
    """A random accelerator about to run a random network, and whoever loaded it."""
    accelerator = cases.accelerator(seed, group)
    drawn = cases.case(seed, group * cases.CASES_PER_ACCELERATOR, accelerator)
    machine = elaborate(accelerator)
    generator = np.random.default_rng([seed, group])
    parameters = [random_parameters(layer, generator) for layer in drawn.layers]
    program = build_program(accelerator, drawn.layers, parameters, drawn.mappings)
    executor = Executor(machine, counting_simulator(machine.block), program)
    executor._load(random_activations(drawn.layers[0], generator))
    return machine.block, executor


def check_accelerator(seed: int, group: int) -> None:
    block, executor = loaded_accelerator(seed, group)
    backend = executor.backend
    backend.run_until("run", 1_000_000)  # the first tile is loaded and the array begins
    backend.forget_toggles()
    traced = traces(block, backend, TRACED_CYCLES)
    backend.run(TRACED_CYCLES)
    found = backend.toggles()
    last = TRACED_CYCLES - 1
    assert found.wires == {name: toggles_between(v, 0, last) for name, v in traced.items()}
    assert found.counted == last
    assert found.cycles == TRACED_CYCLES
    assert sum(count > 0 for count in found.wires.values()) > len(found.wires) // 10


@needs_compiler
@pytest.mark.parametrize(("seed", "group"), [(0, 0), (3, 1)])
def test_toggles_of_a_random_accelerator_are_those_of_the_full_trace(seed: int, group: int) -> None:
    check_accelerator(seed, group)


@pytest.mark.slow
@needs_compiler
@pytest.mark.parametrize("group", range(22))
def test_toggles_of_many_random_accelerators_are_those_of_the_full_trace(group: int) -> None:
    check_accelerator(7, group)


@needs_compiler
@settings(max_examples=4)
@given(seed=st.integers(0, 2**32 - 1), weight=st.sampled_from([60, 10_000]))
def test_toggles_of_random_blocks_are_those_of_the_full_trace(seed: int, weight: int) -> None:
    random = Random(seed)
    block = RandomBlock(random, nets=80).block
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(c_source, "FUNCTION_WEIGHT", weight)  # one function, or values between many
        backend = counting_simulator(block)
    load(backend, random_contents(backend, random))
    traced = traces(block, backend, 60)
    done = 0
    for cycles in (1, 1, 14, 16, 17, 11):  # around the rows of a batch
        backend.run(cycles)
        done += cycles
        expected = {name: toggles_between(v, 0, done - 1) for name, v in traced.items()}
        assert backend.toggle_counts() == expected


@needs_compiler
@settings(max_examples=4)
@given(
    seed=st.integers(0, 2**32 - 1),
    window=st.integers(2, 40),
    gap=st.integers(0, 60),
    runs=st.lists(st.integers(1, 90), min_size=1, max_size=5),
)
def test_sampled_windows_count_what_happens_inside_them_and_leave_the_state_alone(
    seed: int, window: int, gap: int, runs: list[int]
) -> None:
    random = Random(seed)
    block = RandomBlock(random, nets=40).block
    sampling = Sampling(window, window + gap)
    backend, plain = counting_simulator(block, sampling=sampling), simulator(block, "compiled")
    contents = random_contents(plain, random)
    load(backend, contents)
    load(plain, contents)
    traced = traces(block, backend, sum(runs))
    for cycles in runs:
        backend.run(cycles)
        plain.run(cycles)
        assert state(backend) == state(plain)
    counted = [sampling.stretch(cycle)[0] for cycle in range(sum(runs))]
    pairs = [i for i in range(sum(runs) - 1) if counted[i] and counted[i + 1]]
    # neighbouring windows that touch are one stretch, unless a window ends where a run does
    found = backend.toggles()
    assert found.cycles == sum(runs)
    assert found.counted == len(pairs)
    assert found.wires == {
        name: sum(toggles_between(v, i, i + 1) for i in pairs) for name, v in traced.items()
    }


@given(window=st.integers(2, 50), more=st.integers(0, 400), periods=st.integers(1, 30))
def test_every_period_has_one_window_and_stretches_agree_with_their_cycles(
    window: int, more: int, periods: int
) -> None:
    sampling = Sampling(window, window + more)
    total = sampling.period * periods
    counted = [sampling.stretch(cycle)[0] for cycle in range(total)]
    if more:
        for start in range(0, total, sampling.period):
            inside = counted[start : start + sampling.period]
            assert sum(inside) == window
            first = inside.index(True)
            assert all(inside[first : first + window])
    cycle = 0
    while cycle < total:
        is_counted, length = sampling.stretch(cycle)
        assert length >= 1
        assert set(counted[cycle : cycle + length]) == {is_counted}
        cycle += length


def test_windows_wander_through_their_period() -> None:
    sampling = Sampling(10, 1000)
    starts = []
    for index in range(200):
        is_counted, length = sampling.stretch(1000 * index)
        starts.append(0 if is_counted else length)
    tenths = {start // 100 for start in starts}
    assert tenths == set(range(10))


@pytest.mark.parametrize(
    ("window", "period", "sentence"),
    [
        (0, 5, r"^a window of 0 cycles does not fit a period of 5$"),
        (6, 5, r"^a window of 6 cycles does not fit a period of 5$"),
        (1, 5, r"^a window of 1 cycle has no toggles; expected at least 2 cycles$"),
    ],
)
def test_windows_that_count_nothing_are_refused(window: int, period: int, sentence: str) -> None:
    with pytest.raises(SimulationError, match=sentence):
        Sampling(window, period)


def counter_block(bits: int) -> pyrtl.Block:
    def describe() -> None:
        counter = pyrtl.Register(bits, "counter")
        counter.next <<= (counter + 1).truncate(bits)
        ended = pyrtl.Register(1, "ended")
        ended.next <<= counter == 49
        inverted = pyrtl.WireVector(bits, "inverted")
        inverted <<= ~counter
        top = pyrtl.WireVector(1, "top")
        top <<= counter[bits - 1]
        pyrtl.WireVector(bits + 3, "extended").__ilshift__(counter.zero_extended(bits + 3))
        result(pyrtl.concat_list([counter[1]] * 5), "five")

    return build(describe)


@needs_compiler
def test_a_counters_toggles_are_a_geometric_series() -> None:
    backend = counting_simulator(counter_block(10))
    backend.run(1025)
    found = backend.toggles()
    once_around = sum(1024 >> bit for bit in range(10))
    for name in ("counter", "inverted", "extended"):
        assert found.wires[name] == once_around
    assert found.wires["top"] == 2
    assert found.wires["five"] == 5 * 511  # a cycle behind its bit
    assert found.counted == 1024


@needs_compiler
@pytest.mark.parametrize("sampling", [Sampling(), Sampling(3, 7), Sampling(7, 1000)])
def test_counting_runs_until_a_flag_exactly_as_long_as_the_plain_build(sampling: Sampling) -> None:
    backend = counting_simulator(counter_block(10), sampling=sampling)
    assert backend.run_until("ended", 200) == 50
    assert backend.read_register("counter") == 50
    assert backend.toggles().cycles == 50
    with pytest.raises(SimulationError, match="was not 1 within 40 cycles"):
        backend.run_until("ended", 40)
    assert backend.read_register("counter") == 90


@needs_compiler
def test_a_reset_is_no_toggle_and_keeps_the_counts() -> None:
    backend = counting_simulator(counter_block(4))
    backend.run(9)  # from 0 to 8: bit 3 toggled once
    before = backend.toggle_counts()["top"]
    backend.reset()
    backend.run(3)
    assert backend.toggle_counts()["top"] == before == 1
    assert backend.toggles().counted == 8 + 2
    backend.forget_toggles()
    assert set(backend.toggle_counts().values()) == {0}
    backend.run(2)
    assert backend.toggles().counted == 1


@needs_compiler
def test_forks_count_for_themselves() -> None:
    backend = counting_simulator(counter_block(4))
    twin = backend.fork()
    backend.run(10)
    assert twin.toggles().counted == 0
    twin.run(5)
    assert twin.toggles().counted == 4
    assert backend.toggles().counted == 9


@needs_compiler
def test_wires_that_reach_no_state_are_counted() -> None:
    def describe() -> None:
        a = pyrtl.Register(100, "a")
        a.next <<= ~a
        dead = pyrtl.WireVector(100, "dead")
        dead <<= a & pyrtl.Const(ones(70), 100)
        deader = pyrtl.WireVector(70, "deader")
        deader <<= dead[:70]
        held(8, "still")

    backend = counting_simulator(build(describe))
    backend.run(6)
    counts = backend.toggle_counts()
    assert {name: counts[name] for name in ("a", "dead", "deader", "still")} == {
        "a": 500, "dead": 350, "deader": 350, "still": 0,
    }  # fmt: skip


def test_other_back_ends_say_that_they_count_nothing() -> None:
    with pytest.raises(SimulationError, match=r"^back end pyrtl counts no toggles; leave backend"):
        counting_simulator(counter_block(4), "pyrtl")


def test_counting_without_a_compiler_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(c_compiler, "find_compiler", lambda: None)
    with pytest.raises(EnvironmentProblem, match=r"^no C compiler: .* asicbnn\[compiler\]"):
        counting_simulator(counter_block(4))
