"""Gates that count products are told from those that sum up what was counted."""

from __future__ import annotations

from asicbnn.calibration.mapped_netlist import Instance, MappedNetlist
from asicbnn.calibration.popcount_cone import cone, counting_registers
from asicbnn.hardware.accelerator import elaborate
from asicbnn.spec import load
from asicbnn.spec.accelerator import with_changes


def chain(*about):
    """Instances in a row, each driven by the one before it: (cell, component)."""
    instances = tuple(
        Instance(f"{component}.{i}", cell, (component,), {"A": 2 + i}, {"Y": 3 + i})
        for i, (cell, component) in enumerate(about)
    )
    return MappedNetlist("top", {"in": (2,)}, {}, instances, 3 + len(about), {})


def test_gates_are_followed_to_what_holds_a_state_or_belongs_to_others():
    row = chain(
        ("flop", "registers"), ("buffer", "registers"), ("xnor", "array"), ("adder", "array"),
        ("flop", "array"), ("adder", "array"), ("flop", "array"),
    )  # fmt: skip
    flops = {0, 4, 6}
    assert cone(row, {4}, flops, "array") == {2, 3, 4}
    assert cone(row, {6}, flops, "array") == {5, 6}
    assert cone(row, {4, 6}, flops, "array") == {2, 3, 4, 5, 6}


def test_registers_that_count_are_those_of_the_popcount():
    tiny = load("arch_specs/tiny.yaml")
    for stages in (0, 2):
        spec = with_changes(tiny, {"array.popcount.pipeline_stages": stages})
        machine = elaborate(spec)
        found = counting_registers(machine)
        bits = {net.dests[0].name: len(net.dests[0]) for nets in machine.parts.values()
                for net in nets if net.op == "r"}  # fmt: skip
        lanes_bits = tiny.array.unroll.in_channels.bit_length()
        pes = tiny.array.unroll.out_channels
        assert sum(bits[name] for name in found) >= pes * lanes_bits * (1 + stages)
        assert not any("accumulator" in name for name in found)
