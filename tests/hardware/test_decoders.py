"""Comparisons with constants counted as one decoder, and nothing else changed."""

from __future__ import annotations

import pytest
from pyrtl import Const

from asicbnn.hardware.component import census
from asicbnn.hardware.decoders import decoded_gates
from asicbnn.hardware.structure import COMPONENTS, logic_machine, structure
from asicbnn.spec import load
from asicbnn.spec.accelerator import with_changes

TINY = load("arch_specs/tiny.yaml")


@pytest.mark.parametrize("lanes", [8, 64])
def test_each_comparison_becomes_an_and(lanes):
    spec = with_changes(TINY, {"array.unroll": {"out_channels": 4, "in_channels": lanes}})
    counted, decoded = structure(spec).gates, decoded_gates(spec)
    stages = logic_machine(spec).stages
    for name in COMPONENTS:
        compared = [n for n in stages[name] if n.op == "=" and any(
            isinstance(wire, Const) for wire in n.args
        )]  # fmt: skip
        lost = census(compared)
        for kind in {*counted[name], *decoded[name]}:
            expected = counted[name][kind] - lost[kind] + len(compared) * (kind == "and2")
            assert decoded[name][kind] == expected, (name, kind)
    assert sum(decoded["controller"].values()) < sum(counted["controller"].values())


def test_comparisons_of_two_wires_stay():
    gates = decoded_gates(TINY)
    assert gates["sequencer"]["xor2"] > 0
