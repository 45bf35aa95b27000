"""Nets opened into gates compute what they computed, and are as many as the census says."""

from __future__ import annotations

from itertools import product
from random import Random
from typing import Any

import pyrtl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulation.machines import OPERATIONS, RESULT_BITS
from simulation.random_block import RandomBlock, ones

from asicbnn.errors import SimulationError
from asicbnn.hardware.accelerator import elaborate
from asicbnn.hardware.component import census
from asicbnn.simulation.backends.gate_level.gate_cover import cover, expression
from asicbnn.simulation.backends.gate_level.gate_netlist import (
    ALIAS,
    CONSTANT,
    GATE_KINDS,
    ONE,
    READ,
    GateNetlist,
    map_gates,
)
from asicbnn.simulation.backends.gate_level.gate_plan import Span, Unit, plan
from asicbnn.simulation.backends.gate_level.gate_trimming import fold_constants, live_signals
from asicbnn.simulation.backends.netlist import read_netlist
from asicbnn.spec.accelerator import Accelerator, with_changes

FUNCTIONS = {
    "inverter": lambda a: 1 - a,
    "and2": lambda a, b: a & b,
    "or2": lambda a, b: a | b,
    "nand2": lambda a, b: 1 - (a & b),
    "xor2": lambda a, b: a ^ b,
    "mux2": lambda choose, low, high: high if choose else low,
    ALIAS: lambda a: a,
}


def evaluate(gates: GateNetlist, given: dict[int, int]) -> list[int]:
    """Values of all signals, gate by gate; `given` are those of sources and read words."""
    values: list[int] = []
    for signal, kind in enumerate(gates.kinds):
        if kind == CONSTANT:
            values.append(int(signal == ONE))
        elif signal in given:
            values.append(given[signal])
        else:
            values.append(FUNCTIONS[kind](*(values[i] for i in gates.inputs[signal])))
    return values


def drawn(gates: GateNetlist, random: Random) -> dict[int, int]:
    return {
        signal: random.getrandbits(1)
        for signal, kind in enumerate(gates.kinds)
        if kind not in (*GATE_KINDS, CONSTANT, ALIAS)
    }


@pytest.mark.parametrize("op", OPERATIONS)
@given(
    bits=st.integers(1, 12), a=st.integers(0, 4095), b=st.integers(0, 4095), cut=st.integers(0, 24)
)
def test_the_gates_of_an_operation_compute_it(op: str, bits: int, a: int, b: int, cut: int) -> None:
    a, b = a & ones(bits), b & ones(bits)
    natural = 1 if op in "<>=" else RESULT_BITS.get(op, lambda n: n)(bits)
    block = pyrtl.Block()
    with pyrtl.set_working_block(block, no_sanity_check=True):
        wires = [pyrtl.WireVector(bits, "a"), pyrtl.WireVector(bits, "b")]
        dest = pyrtl.WireVector(max(1, natural - cut))
        args = tuple(wires[:1] if op in "w~" else wires)
        net = pyrtl.LogicNet(op, None, args, (dest,))
    gates = map_gates([net])
    assert len(gates.bits[dest]) == dest.bitwidth
    values = evaluate(
        gates,
        {
            gates.bits[wire][i]: number >> i & 1
            for wire, number in zip(args, (a, b), strict=False)
            for i in range(bits)
        },
    )
    result = sum(values[signal] << i for i, signal in enumerate(gates.bits[dest]))
    assert result == OPERATIONS[op](a, b, bits) & ones(dest.bitwidth)
    if op != "*":
        assert gates.gates() == census([net]).primitive()


@given(seed=st.integers(0, 2**32 - 1))
def test_random_nets_have_exactly_the_gates_of_the_census(seed: int) -> None:
    nets = [net for net in RandomBlock(Random(seed), nets=60).block.logic if net.op not in "*r@"]
    order = read_netlist_order(nets)
    assert map_gates(order).gates() == census(order).primitive()


def read_netlist_order(nets: list[Any]) -> list[Any]:
    """Nets in an order in which arguments come first."""
    made, order, waiting = {net.dests[0] for net in nets}, [], list(nets)
    while waiting:
        ready = [net for net in waiting if not any(wire in made for wire in net.args)]
        made -= {net.dests[0] for net in ready}
        order += ready
        waiting = [net for net in waiting if net.dests[0] in made]
    return order


@pytest.mark.parametrize("structure", ["sliced", "tree"])
def test_an_accelerator_has_exactly_the_gates_of_the_census(structure: str) -> None:
    changes = {"array.unroll": {"out_channels": 4, "in_channels": 16}}
    changes["array.popcount.structure"] = structure
    machine = elaborate(with_changes(Accelerator(name="counted"), changes))
    nets = read_netlist(machine.block).nets
    assert map_gates(nets).gates() == census(nets).primitive()


def test_an_unknown_operation_is_named() -> None:
    block = pyrtl.Block()
    with pyrtl.set_working_block(block, no_sanity_check=True):
        a, b = pyrtl.WireVector(2, "a"), pyrtl.WireVector(2, "b")
    net = pyrtl.LogicNet("?", None, (a,), (b,))
    with pytest.raises(SimulationError, match=r"^wire b: unknown PyRTL operation '\?'$"):
        map_gates([net])


# ---------------------------------------------------------------------- passes
def random_gates(random: Random, sources: int = 8, gates: int = 60) -> GateNetlist:
    """Gates of every kind on a few sources and constants, in rows of one to four."""
    netlist = GateNetlist()
    netlist.add("source", [()] * sources)
    for _ in range(gates):
        kind, width = random.choice(GATE_KINDS), random.choice([1, 1, 2, 4])
        count = {"inverter": 1, "mux2": 3}.get(kind, 2)
        known = len(netlist.kinds)
        columns = []
        for _ in range(count):
            start, step = random.randrange(max(1, known - width)), random.choice([0, 1])
            columns.append([start + step * lane for lane in range(width)])
        netlist.add(kind, list(zip(*columns, strict=True)))
    return netlist


@given(seed=st.integers(0, 2**32 - 1))
def test_folding_constants_changes_no_value_and_leaves_none_to_fold(seed: int) -> None:
    random = Random(seed)
    gates = random_gates(random)
    folded = fold_constants(gates)
    for _ in range(4):
        values = drawn(gates, random)
        assert evaluate(folded, values) == evaluate(gates, values)
    for kind, inputs in zip(folded.kinds, folded.inputs, strict=True):
        if kind in GATE_KINDS:
            constants = [i for i in inputs if folded.kinds[i] == CONSTANT]
            # What is left is a choice with one constant side, which takes an inverter and a gate.
            assert not constants or (kind == "mux2" and len(constants) == 1)
            assert all(folded.kinds[i] != ALIAS for i in inputs)
            if kind != "mux2":
                assert len(set(inputs)) == len(inputs)


@given(seed=st.integers(0, 2**32 - 1))
def test_live_signals_are_those_a_sink_can_be_traced_to(seed: int) -> None:
    random = Random(seed)
    gates = random_gates(random)
    sinks = random.sample(range(len(gates.kinds)), 3)
    reached = set(sinks)
    for signal in range(len(gates.kinds) - 1, -1, -1):
        if signal in reached:
            reached.update(gates.inputs[signal])
    live = live_signals(gates, sinks)
    assert {signal for signal, is_live in enumerate(live) if is_live} == reached


@given(seed=st.integers(0, 2**32 - 1), drops=st.booleans())
def test_sections_run_every_live_gate_once_after_what_it_reads(seed: int, drops: bool) -> None:
    random = Random(seed)
    gates = random_gates(random)
    sinks = random.sample(range(2, len(gates.kinds)), 5)
    live = live_signals(gates, sinks) if drops else bytearray(b"\1" * len(gates.kinds))
    values = evaluate(gates, drawn(gates, random))
    known = {s: values[s] for s, kind in enumerate(gates.kinds) if kind not in GATE_KINDS}
    stored = set(known)
    ran: list[int] = []
    for section in plan(gates, live, sinks, []):
        for lane in range(section.width):
            local: dict[int, int] = {}
            for unit in section.units:
                signal = unit.span.first + unit.span.step * lane
                ran.append(signal)
                operands = []
                for span in unit.operands:
                    place = span.first + span.step * lane
                    # From this lane's own gates, or from what another section stored.
                    assert place in local or place in stored
                    operands.append(local[place] if place in local else values[place])
                local[signal] = FUNCTIONS[unit.kind](*operands)
                assert local[signal] == values[signal]
        for span in section.stored:
            stored.update(span.first + span.step * lane for lane in range(section.width))
    wanted = [s for s, kind in enumerate(gates.kinds) if kind in GATE_KINDS and live[s]]
    assert sorted(ran) == wanted
    assert stored.issuperset(sinks)


@given(seed=st.integers(0, 2**32 - 1))
def test_a_cover_computes_the_needed_gates_from_three_bits_at_most(seed: int) -> None:
    random = Random(seed)
    gates = random_gates(random, sources=6, gates=30)
    units = [
        Unit(Span(s, 0), 1, kind, tuple(Span(i, 0) for i in gates.inputs[s]))
        for s, kind in enumerate(gates.kinds)
        if kind in GATE_KINDS
    ]
    needed = {unit.span for unit in random.sample(units, 4)}
    functions = cover(units, needed)
    assert needed <= {function.output for function in functions}
    assert len(functions) <= len(units)
    for bits in product((0, 1), repeat=6):
        sources = [s for s, kind in enumerate(gates.kinds) if kind == "source"]
        values = evaluate(gates, dict(zip(sources, bits, strict=True)))
        known = {s for s, kind in enumerate(gates.kinds) if kind not in GATE_KINDS}
        for function in functions:
            assert len(function.leaves) <= 3
            assert {leaf.first for leaf in function.leaves} <= known
            point = [values[leaf.first] for leaf in function.leaves]
            index = sum(bit << 2 - i for i, bit in enumerate(point))
            assert function.table >> index & 1 == values[function.output.first]
            known.add(function.output.first)
            text = expression(function, lambda leaf: f"[{leaf.first}]")
            assert calculated(text, values) == values[function.output.first]


def calculated(text: str, values: list[int]) -> int:
    """Value of an expression in C on single bits."""

    def ternary(a: int, b: int, c: int, table: int) -> int:
        return table >> (a << 2 | b << 1 | c) & 1

    python = text.replace("[", "values[")
    return eval(python, {"values": values, "TERNARY": ternary}) & 1


def test_a_full_adder_takes_two_functions() -> None:
    a, b, carry = (Span(i, 0) for i in (2, 3, 4))
    half, total, first, second, out = (Span(i, 0) for i in range(5, 10))
    units = [
        Unit(half, 1, "xor2", (a, b)),
        Unit(total, 1, "xor2", (half, carry)),
        Unit(first, 1, "and2", (a, b)),
        Unit(second, 1, "and2", (half, carry)),
        Unit(out, 1, "or2", (first, second)),
    ]
    sums = cover(units, {total, out})
    assert [function.output for function in sums] == [total, out]
    assert {function.leaves for function in sums} == {(a, b, carry)}
    assert [function.table for function in sums] == [0x96, 0xE8]


def test_rows_of_a_word_stay_whole_and_their_neighbours_wait() -> None:
    gates = GateNetlist()
    word = gates.add("source", [()] * 4)
    row = gates.add("inverter", [(s,) for s in word])
    again = gates.add("xor2", [(a, b) for a, b in zip(row, word, strict=True)])
    turned = gates.add("inverter", [(s,) for s in reversed(again)])
    live = bytearray(b"\1" * len(gates.kinds))
    sections = plan(gates, live, list(turned), [])
    assert [section.width for section in sections] == [4, 1]
    assert [unit.span for unit in sections[0].units] == [Span(row[0], 1), Span(again[0], 1)]
    assert sections[0].stored == {Span(again[0], 1)}
    assert READ not in {unit.kind for section in sections for unit in section.units}
