"""Settling times by hand on small blocks, and against every path of random ones."""

from __future__ import annotations

import numpy as np
import pyrtl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asicbnn.hardware.accelerator import elaborate
from asicbnn.hardware.arrivals import MOST_SINKS, GateDelays, _Arrivals, settling_ps
from asicbnn.hardware.popcount import full_adder
from asicbnn.hardware.verilog.netlist import BlockView
from asicbnn.spec import load
from asicbnn.spec.accelerator import with_changes
from asicbnn.technology.cells import ROLES

DELAY = {role: 10.0 * (i + 1) for i, role in enumerate(ROLES)}
CARRY = {role: ps / 2 for role, ps in DELAY.items()}
ONE_PIN = GateDelays(DELAY, CARRY, dict.fromkeys(ROLES, 1.0), 50.0, 7.0)
SLOPE = 50.0 / 5  # a fifth of FO4 per inverter


def pinned(load):
    """Delay beyond that at four inverters of a wire that drives so many."""
    return SLOPE * (load - 4)


def block(build):
    made = pyrtl.Block()
    with pyrtl.set_working_block(made, no_sanity_check=True):
        build()
    return made


def at_register(made, name, delays=ONE_PIN):
    view = BlockView(made)
    arrivals = _Arrivals(view, delays)
    [register] = [r for r in view.registers if r.name == name]
    return arrivals.of(view.resolve(view.next_of[register]))


def registers(*names, bits=1):
    return [pyrtl.Register(bits, name=name) for name in names]


def test_a_chain_of_gates_adds_up():
    def build():
        a, b, end = registers("a", "b", "end")
        a.next <<= a
        b.next <<= b
        end.next <<= (a & b) ^ b

    # a drives itself and the AND; b itself, the AND and the XOR
    flop = DELAY["flop"] + pinned(3)
    assert at_register(block(build), "end") == pytest.approx(
        [flop + DELAY["and2"] + pinned(1) + DELAY["xor2"] + pinned(1)]
    )


def test_carries_ripple_through_an_addition():
    width = 5

    def build():
        a, b, end = registers("a", "b", "end", bits=width)
        a.next <<= a
        b.next <<= b
        end.next <<= (a + b).truncate(width)

    flop = DELAY["flop"] + pinned(2)
    carry, total = CARRY["full_adder"], DELAY["full_adder"]
    expected = [flop + i * carry + total + pinned(1) for i in range(width)]
    assert at_register(block(build), "end") == pytest.approx(expected)


def test_a_comparison_takes_the_last_carry():
    def build():
        a, b = registers("a", "b", bits=6)
        [end] = registers("end")
        a.next <<= a
        b.next <<= b
        end.next <<= a < b

    flop = DELAY["flop"] + pinned(2)
    assert at_register(block(build), "end") == pytest.approx(
        [flop + 6 * CARRY["full_adder"] + pinned(1)]
    )


def test_an_equality_is_a_tree():
    def build():
        a, b = registers("a", "b", bits=5)
        [end] = registers("end")
        a.next <<= a
        b.next <<= b
        end.next <<= a == b

    flop = DELAY["flop"] + pinned(2)
    assert at_register(block(build), "end") == pytest.approx(
        [flop + DELAY["xor2"] + 3 * DELAY["or2"] + pinned(1)]
    )


def test_a_declared_adder_is_one_cell():
    def build():
        a, b, c, total, carry = registers("a", "b", "c", "total", "carry")
        for each in (a, b, c):
            each.next <<= each
        added = full_adder(a, b, c)
        total.next <<= added[0]
        carry.next <<= added[1]

    made = block(build)
    flop = DELAY["flop"] + pinned(2)
    assert at_register(made, "total") == pytest.approx([flop + DELAY["full_adder"] + pinned(1)])
    assert at_register(made, "carry") == pytest.approx([flop + CARRY["full_adder"] + pinned(1)])


@pytest.mark.parametrize(
    ("sinks", "stages"), [(15, 0), (MOST_SINKS, 0), (MOST_SINKS + 1, 1), (256, 1), (257, 2)]
)
def test_buffers_drive_what_a_gate_cannot(sinks, stages):
    """A register's own bit is broadcast to as many ANDs."""

    def build():
        [a] = registers("a")
        [end] = registers("end", bits=sinks)
        a.next <<= pyrtl.Const(0, 1)
        end.next <<= a.sign_extended(sinks) & end

    wide = DELAY["flop"] + pinned(min(sinks, MOST_SINKS))
    wide += stages * (DELAY["buffer"] + pinned(MOST_SINKS))
    assert at_register(block(build), "end")[0] == pytest.approx(
        wide + DELAY["and2"] + pinned(1)
    )


def test_inputs_and_memories_start_no_path():
    def build():
        outside = pyrtl.Input(1, "outside")
        memory = pyrtl.MemBlock(1, 1, "memory")
        [end] = registers("end")
        end.next <<= memory[outside] & outside

    assert np.isneginf(at_register(block(build), "end")).all()


@given(st.data())
def test_no_path_is_missed(data):
    """The latest arrival is the longest of all paths, counted one by one."""
    ops = data.draw(st.lists(st.sampled_from("&|^n"), min_size=1, max_size=9))
    gates = []
    for i, op in enumerate(ops):
        pick = st.integers(0, i + 1)
        gates.append((op, data.draw(pick), data.draw(pick)))

    def build():
        wires = registers("a", "b")
        for wire in wires:
            wire.next <<= wire
        for op, i, j in gates:
            a, b = wires[i], wires[j]
            wires.append({"&": a & b, "|": a | b, "^": a ^ b, "n": a.nand(b)}[op])
        [end] = registers("end")
        end.next <<= wires[-1]

    role = {"&": "and2", "|": "or2", "^": "xor2", "n": "nand2"}

    def longest(node):
        """Without loads, so that only the sum of gates is looked at."""
        if node < 2:
            return DELAY["flop"]
        op, i, j = gates[node - 2]
        return DELAY[role[op]] + max(longest(i), longest(j))

    weightless = GateDelays(DELAY, CARRY, dict.fromkeys(ROLES, 0.0), 0.0, 0.0)
    assert at_register(block(build), "end", weightless) == pytest.approx(
        [longest(len(gates) + 1)]
    )


@pytest.fixture(scope="module", name="tiny")
def _tiny():
    return load("arch_specs/tiny.yaml")


def settled(spec):
    return settling_ps(elaborate(spec, probe=False, ports=True, check=False), ONE_PIN)


def test_every_register_of_an_accelerator_belongs_to_a_part(tiny):
    machine = elaborate(tiny, probe=False, ports=True, check=False)
    found = settling_ps(machine, ONE_PIN)
    assert ("array", "popcount register") in found
    assert {component for component, _ in found} == {
        "array", "registers", "sequencer", "dma", "controller", "output",
    }  # fmt: skip
    assert all(at > DELAY["flop"] for at in found.values())


def test_more_lanes_take_longer_to_count(tiny):
    wider = with_changes(tiny, {"array.unroll": {"out_channels": 4, "in_channels": 64}})
    count = ("array", "popcount register")
    assert settled(wider)[count] > settled(tiny)[count]
