"""Verilator and Icarus, given the exported Verilog, do what the other back ends do."""

from __future__ import annotations

from random import Random

import pyrtl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from simulation.exported.machine import kept, load, machine
from simulation.machines import result
from simulation.random_block import RandomBlock, check_alike, ones, state
from tools import EXTERNAL, needs

from asicbnn.errors import SimulationError
from asicbnn.simulation.backends import Backend, simulator
from asicbnn.simulation.backends.exported.verilator import VerilatorBackend
from asicbnn.simulation.backends.exported.verilog_source import verilog_source
from asicbnn.simulation.backends.interface import (
    words_of_numbers,
)


def test_random_states_go_where_fast_simulation_takes_them(
    unit: Backend, reference: Backend
) -> None:
    reference.reset()
    assert state(unit) == state(reference)
    for seed in range(4):
        load(unit, Random(seed))
        load(reference, Random(seed))
        check_alike(unit, reference, (1, 1, 9))


def check_random_block(seed: int, backend: str) -> None:
    random = Random(seed)
    block = RandomBlock(random, nets=150).block
    external, interpreted = simulator(block, backend), simulator(block, "pyrtl")
    load(external, Random(seed))
    load(interpreted, Random(seed))
    check_alike(external, interpreted, (1, 1, 20))


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


@needs("iverilog", "vvp")
def test_a_block_may_have_no_memories_and_no_flags() -> None:
    block = pyrtl.Block()
    with pyrtl.set_working_block(block, no_sanity_check=True):
        result(~kept(3, "a"), "b")
    unit = simulator(block, "icarus")
    unit.run(1)
    assert unit.read_register("b") == 7


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
