"""What synthesis finds of a component: same function as what is built, and less of it."""

from __future__ import annotations

from types import SimpleNamespace

import pyrtl
import pytest
from hardware.test_shared_gates import value
from hardware.test_structure import accelerators
from hypothesis import given, settings
from hypothesis import strategies as st
from pyrtl import Const, Input, Output, Register

from asicbnn.hardware import trimmed
from asicbnn.hardware.component import Gates
from asicbnn.hardware.fanout import buffers
from asicbnn.hardware.popcount import full_adder
from asicbnn.hardware.structure import COMPONENTS, structure
from asicbnn.hardware.trimmed import component_logic, trimmed_cells
from asicbnn.spec import load
from asicbnn.spec.accelerator import with_changes

TINY = load("arch_specs/tiny.yaml")


def of_block(block):
    """The logic of a block as one component."""
    return component_logic(SimpleNamespace(block=block, stages={"it": list(block.logic)}))["it"]


def logic(build):
    """The logic of a block that is built as one component."""
    block = pyrtl.Block()
    with pyrtl.set_working_block(block, no_sanity_check=True):
        build()
    return block, of_block(block)


def cells(build):
    _, own = logic(build)
    return own.cells(Gates(), 0)


@settings(max_examples=10)
@given(accelerators())
def test_products_are_among_the_gates_of_an_array(accelerator):
    """By where their masks are made; each is an exclusive-or and two ANDs."""
    cells = trimmed_cells(accelerator)
    for name in COMPONENTS:
        own = cells[name]
        products = own.products + own.registered_products
        assert products <= own.shared.xor2
        assert 2 * products <= own.shared.nand2
        if name != "array":
            assert products == 0
    stages = accelerator.array.popcount.pipeline_stages
    assert (cells["array"].products if stages else cells["array"].registered_products) == 0


# ---------------------------------------------------------------------- function
OPERATIONS = (
    lambda a, b, c: a & b,
    lambda a, b, c: a | b,
    lambda a, b, c: a ^ b,
    lambda a, b, c: ~a,
    lambda a, b, c: a.nand(b),
    lambda a, b, c: pyrtl.select(c[0], a, b),
    lambda a, b, c: (a == b).zero_extended(2),
    lambda a, b, c: pyrtl.concat(a[1], b[0]),
    lambda a, b, c: pyrtl.concat(a[:1], a[1:]),
)


@given(
    st.lists(
        st.tuples(st.sampled_from(OPERATIONS), *[st.integers(0, 99)] * 3), min_size=1, max_size=12
    ),
    st.lists(st.tuples(*[st.integers(0, 3)] * 2), min_size=1, max_size=4),
)
def test_literals_are_what_a_simulation_gives(operations, runs):
    block = pyrtl.Block()
    with pyrtl.set_working_block(block):
        inputs = [Input(2, name) for name in "xy"]
        pool = [Const(0, 2), Const(2, 2), *inputs]
        for function, *picks in operations:
            pool.append(function(*(pool[i % len(pool)] for i in picks)))
        out = Output(2, "out")
        out <<= pool[-1]
    own = of_block(block)
    with pyrtl.set_working_block(block):
        simulation = pyrtl.Simulation(tracer=None)
        for run in runs:
            simulation.step(dict(zip("xy", run, strict=True)))
            values = {
                own._of(wire)[bit] & ~1: run[i] >> bit & 1
                for i, wire in enumerate(inputs)
                for bit in range(2)
            }
            found = sum(value(own.gates, each, values) << i for i, each in enumerate(own._of(out)))
            assert found == simulation.inspect("out")


# ---------------------------------------------------------------------- what is left out
def test_equal_options_take_no_multiplexer():
    def strides():
        out = Output(4, "out")
        word = Input(4, "word")
        out <<= pyrtl.select(Input(1, "stride"), word, word)

    assert cells(strides).shared.total == 0


def test_a_comparison_with_a_constant_has_no_inverters_and_its_sums_are_unread():
    def edges(limit):
        out, at = Output(1, "out"), Input(5, "at")
        out <<= at < limit()

    with_constant = cells(lambda: edges(lambda: Const(9, 5)))
    assert with_constant.shared.total == 0
    assert (with_constant.unread.full_adder, with_constant.unread.half_adder) == (5, 0)
    assert cells(lambda: edges(lambda: Input(5, "b"))).shared.inverter == 5


def test_the_top_of_a_truncated_sum_is_unread():
    def counter(bits):
        out = Output(bits, "out")
        out <<= (Input(4, "a") + Input(4, "b"))[:bits]

    assert cells(lambda: counter(5)).unread.total == 0
    assert cells(lambda: counter(4)).unread.full_adder == 1
    few = cells(lambda: counter(1)).unread
    assert (few.half_adder, few.full_adder) == (0, 4)


def test_declared_adders_are_no_gates():
    def adder():
        _, carry = full_adder(*(Input(3, name) for name in "abc"))
        out = Output(3, "out")
        out <<= carry

    found = cells(adder)
    assert found.shared.total == 0
    assert found.unread.full_adder == 3


def test_what_a_register_holds_by_is_kept_apart():
    def held(bits):
        register = Register(bits, "held")
        enable = Input(1, "a") & Input(1, "b")
        register.next <<= pyrtl.select(enable, Input(bits, "value"), register)

    found = cells(lambda: held(100))
    assert dict(found.shared) == {"nand2": 1}
    assert found.buffers == 0


@given(st.integers(1, 700))
@settings(max_examples=20)
def test_a_broadcast_bit_is_buffered(pins):
    def products():
        out = Output(pins, "out")
        out <<= Input(1, "bit").sign_extended(pins) ^ Input(pins, "weights")

    assert cells(products).buffers == buffers(pins)


# ---------------------------------------------------------------------- accelerators
@given(accelerators())
@settings(max_examples=10)
def test_gates_are_left_out_and_none_is_added(spec):
    counted, found = structure(spec), trimmed_cells(spec)
    for name in COMPONENTS:
        gates, own = counted.gates[name], found[name]
        for role in ("flop", "clock_gate", "full_adder", "half_adder"):
            assert own.kept[role] == gates[role]
        assert own.holding == counted.holding[name]
        assert own.shared.mux2 <= gates["mux2"] - own.holding
        assert own.shared.inverter <= gates["inverter"] + gates["full_adder"]
        both = sum(gates[kind] for kind in ("and2", "or2", "nand2", "xor2", "mux2"))
        assert own.shared.nand2 <= both
        for role in ("full_adder", "half_adder"):
            assert own.unread[role] <= 2 * gates[role]


@pytest.mark.parametrize("pes", [1, 2, 8])
def test_every_lane_of_every_pe_is_one_xor_and_two_ands(pes):
    """Product, lane mask and PE mask; beside them a mask per lane, and a plane of sums per PE."""

    def array(lanes):
        unroll = {"out_channels": pes, "in_channels": lanes}
        return trimmed_cells(with_changes(TINY, {"array.unroll": unroll}))["array"].shared

    slope = [array(64)[kind] - array(32)[kind] for kind in ("xor2", "nand2")]
    assert slope[0] == 32 * pes
    assert 2 * 32 * pes <= slope[1] <= (2 * pes + 4) * 32 + 20 * pes


def test_the_last_designs_are_kept():
    assert trimmed.trimmed_cells(TINY) is trimmed.trimmed_cells(TINY)
