"""Clock gating: what is behind a gate, and exactly what is built for it."""

from __future__ import annotations

import re
from functools import cache

import pyrtl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from asicbnn.hardware.accelerator import elaborate
from asicbnn.hardware.component import Gates, census
from asicbnn.hardware.gating import FAMILIES, MOST_SINKS, GatedGroup, Gating, hold_multiplexers
from asicbnn.hardware.structure import logic_gates, structure
from asicbnn.hardware.verilog.gates import spans_per_gate
from asicbnn.spec.accelerator import Accelerator, with_changes
from asicbnn.verify.cases import accelerator as random_accelerator

PLAIN = Accelerator.model_validate({
    "name": "plain",
    "array": {"unroll": {"out_channels": 2, "in_channels": 4}},
    "buffers": {"weight": {"port_bits": 4}, "psum": {"port_bits": 7}},
    "store": {"link": {"bits": 4}},
    "host": {"link_bits": 2},
    "limits": {"batch": 2, "activation_bits": 1, "psum_bits": 9},
})  # fmt: skip
GATED = with_changes(PLAIN, {"clock_gating": "register"})


def gated(accelerator):
    return with_changes(accelerator, {"clock_gating": "register"})


@cache
def machine_of(accelerator):
    return elaborate(accelerator, probe=False, ports=True)


def sinks_of(machine):
    """Sinks of each group's enable, found in the netlist and not in what the group says."""
    driver = {wire: net for net in machine.block.logic for wire in net.dests}
    found = {}
    for group in machine.gated:
        found[group.name] = 0
        for net in machine.block.logic:
            hold = driver.get(net.args[0]) if net.op == "r" else None
            if hold is None or hold.op != "x":
                continue
            if hold.args[0] is group.enable and hold.args[1] is net.dests[0]:
                found[group.name] += len(net.dests[0])
    return found


accelerators = st.builds(random_accelerator, st.integers(0, 40), st.integers(0, 40))
building = settings(max_examples=8, phases=[Phase.generate])  # a build takes as long to shrink


# ---------------------------------------------------------------------- groups
@pytest.mark.parametrize("accelerator", [GATED, gated(random_accelerator(11, 3))],
                         ids=["plain", "random"])  # fmt: skip
def test_every_register_of_a_group_holds_on_its_enable(accelerator):
    machine = machine_of(accelerator)
    assert machine.gated
    assert {group.name: group.sinks for group in machine.gated} == sinks_of(machine)
    for group in machine.gated:
        assert len(group.enable) == 1
        assert group.sinks == sum(map(len, group.registers))
        assert re.sub(r"\d+$", "", group.name) in FAMILIES
    names = [group.name for group in machine.gated]
    assert len(set(names)) == len(names)


def test_no_register_has_two_gates():
    registers = [r for group in machine_of(GATED).gated for r in group.registers]
    assert len(set(registers)) == len(registers)


@pytest.mark.parametrize(("sinks", "gates"), [(1, 1), (32, 1), (33, 2), (64, 2), (2048, 64)])
def test_a_gate_drives_at_most_32_flops(sinks, gates):
    with pyrtl.set_working_block(pyrtl.Block(), no_sanity_check=True):
        group = GatedGroup("g0", pyrtl.WireVector(1), (pyrtl.Register(sinks),))
    assert group.sinks == sinks
    assert group.clock_gates == gates
    assert group.sinks <= gates * MOST_SINKS < group.sinks + MOST_SINKS


@given(st.lists(st.integers(1, 100), min_size=1, max_size=8))
def test_flops_are_shared_out_to_gates_in_order_and_each_gate_but_the_last_is_full(widths):
    with pyrtl.set_working_block(pyrtl.Block(), no_sanity_check=True):
        registers = tuple(pyrtl.Register(bits) for bits in widths)
        group = GatedGroup("g0", pyrtl.WireVector(1), registers)
    gates = [
        [(span.register, bit) for span in spans for bit in range(span.low, span.high + 1)]
        for spans in spans_per_gate(registers)
    ]
    flops = [(register, bit) for register in registers for bit in range(len(register))]
    assert [flop for gate in gates for flop in gate] == flops
    assert [len(gate) for gate in gates[:-1]] == [MOST_SINKS] * (group.clock_gates - 1)
    assert 0 < len(gates[-1]) <= MOST_SINKS


def test_the_groups_of_a_small_accelerator_counted_by_hand():
    """Words of 8 weights and 27 bits of sums, in ports of 4 and 7; 2 channels share 11-bit rows."""
    sinks = {group.name: group.sinks for group in machine_of(GATED).gated}
    assert [sinks[f"weight_register{i}"] for i in range(2)] == [4, 4]
    assert sinks["input_register0"] == 4
    assert [sinks[f"psum_register{i}"] for i in range(4)] == [7, 7, 7, 6]
    words = machine_of(GATED).configuration.words
    assert sinks["configuration_register0"] == 4 * words
    assert sinks["host_register0"] == 2
    widths = machine_of(GATED).configuration.widths
    assert sinks["accumulator0"] == 2 * 9 + 9 + widths.psum
    assert sinks["psum_write_register0"] == widths.psum
    assert "weight_register2" not in sinks
    assert "psum_register4" not in sinks


def test_a_shadow_register_is_gated_by_its_load_and_by_its_transfer():
    shadow = gated(with_changes(PLAIN, {"registers.shadow": True}))
    sinks = {group.name: group.sinks for group in machine_of(shadow).gated}
    assert [sinks[f"weight_register{i}"] for i in range(3)] == [4, 4, 8]
    assert [sinks[f"input_register{i}"] for i in range(2)] == [4, 4]
    assert [sinks[f"psum_register{i}"] for i in range(5)] == [7, 7, 7, 6, 27]
    assert sinks["psum_write_register0"] == machine_of(shadow).configuration.widths.psum + 27


def test_without_clock_gating_no_group_is_declared():
    assert elaborate(PLAIN).gated == ()
    assert structure(PLAIN).gated_flops == 0


def test_an_unknown_family_and_a_register_that_does_not_hold_are_refused():
    block = pyrtl.Block()
    with pyrtl.set_working_block(block, no_sanity_check=True):
        enable, value = pyrtl.Input(1, "enable"), pyrtl.Input(4, "value")
        good, free = pyrtl.Register(4, "good"), pyrtl.Register(4, "free")
        good.next <<= pyrtl.select(enable, value, good)
        free.next <<= pyrtl.select(enable, value, good)
        gating = Gating(GATED, None)
        with pytest.raises(ValueError, match="no such family of gated registers: magic"):
            gating.declare("magic", enable, [good])
        gating.declare("accumulator", enable, [good])
        held = hold_multiplexers(tuple(block.logic), gating.groups)
        assert [len(net.dests[0]) for net in held] == [4]
        gating.declare("tile_register", enable, [free])
        with pytest.raises(ValueError, match="tile_register0: free does not hold on its enable"):
            hold_multiplexers(tuple(block.logic), gating.groups)
        other = Gating(GATED, None)
        other.declare("accumulator", pyrtl.Input(1, "other"), [good])
        with pytest.raises(ValueError, match="accumulator0: good does not hold on its enable"):
            hold_multiplexers(tuple(block.logic), other.groups)


# ---------------------------------------------------------------------- cells
@building
@given(accelerators)
def test_cells_of_a_gated_build_are_its_census_with_gates_for_multiplexers(accelerator):
    machine = machine_of(gated(accelerator))
    found = structure(gated(accelerator))
    everything = sum((part.primitive() for part in found.gates.values()), Gates())
    sinks = sinks_of(machine)
    gates = sum(-(-n // 32) for n in sinks.values())
    plain = census(machine.block.logic).primitive()
    expected = Gates(plain)
    expected.subtract({"mux2": sum(sinks.values())})
    assert everything == Gates(+expected) + Gates(clock_gate=gates)
    assert found.gated_flops == sum(sinks.values())
    flops = sum(map(len, machine.block.wirevector_subset(pyrtl.Register)))
    assert everything["flop"] == flops > found.gated_flops


@building
@given(accelerators)
def test_gating_changes_multiplexers_and_enables_alone(accelerator):
    """No AND per PE in the mask of the accumulators; an OR for the enable of each sequencer."""
    changed = ("mux2", "and2", "or2", "clock_gate")
    plain = logic_gates(with_changes(accelerator, {"clock_gating": "none"}))
    other = logic_gates(gated(accelerator))
    for component, gates in plain.items():
        with_gates = other[component]
        assert {k: n for k, n in gates.items() if k not in changed} == {
            k: n for k, n in with_gates.items() if k not in changed
        }
        pes = machine_of(gated(accelerator)).configuration.layout.pes
        assert gates["and2"] - with_gates["and2"] == (pes if component == "array" else 0)
        assert with_gates["or2"] - gates["or2"] == (2 if component == "sequencer" else 0)
        assert gates["mux2"] >= with_gates["mux2"]
