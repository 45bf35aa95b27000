"""Components mapped apart become one netlist, each wire one net."""

from __future__ import annotations

import numpy as np
from calibration.cells import circuit, netlist

from asicbnn.calibration.assembly import Component, assembled
from asicbnn.calibration.gate_energy import energies
from asicbnn.calibration.timed_simulation import TimedSimulation

INVERTED = ("INV", (), {"A": "in0"}, {"Y": "out0"})
STORED = ("DFF", ("inner",), {"C": "clock", "D": "in0"}, {"Q": "out0"})


def joined():
    left = netlist(["in0"], ["out0"], {"u": INVERTED})
    right = netlist(["clock", "in0"], ["out0"], {"f": STORED})
    return assembled("both", {
        "left": Component(left, {"in0": "q"}, {"out0": "d"}),
        "right": Component(right, {"in0": "d"}, {"out0": "q"}),
    })  # fmt: skip


def test_a_wire_between_components_is_one_net_and_no_port():
    found = joined()
    assert set(found.inputs) == {"clock"}
    assert set(found.outputs) == {"d", "q"}
    inverter, flop = found.instances
    assert (inverter.name, inverter.scope) == ("left.u", ("left",))
    assert (flop.name, flop.scope) == ("right.f", ("right", "inner"))
    assert inverter.outputs["Y"] == flop.inputs["D"] == found.outputs["d"][0]
    assert flop.outputs["Q"] == inverter.inputs["A"]
    assert found.wires["left.out0"] == found.wires["right.in0"] == found.outputs["d"]
    assert found.nets == 2 + 3


def test_what_was_joined_runs_and_keeps_its_components_apart():
    found = circuit(joined())
    simulation = TimedSimulation(found, found.netlist.outputs["q"])
    simulation.start(np.zeros(0, np.uint8))
    assert simulation.run(np.zeros((4, 0), np.uint8))[:, 0].tolist() == [1, 0, 1, 0]
    parts = energies(found, simulation.counted(), {"left", "right"}).components
    assert parts["left"].clock_fj == 0 < parts["right"].clock_fj
    assert parts["left"].nets_fj == parts["right"].nets_fj > 0  # each drives one pin


def test_a_wire_that_is_constant_is_constant_for_whoever_reads_it():
    constant = netlist(["in0"], [], {"u": ("INV", (), {"A": "in0"}, {"Y": "y"})})
    tied = assembled("tied", {
        "left": Component(_constant(), {}, {"out0": "w"}),
        "right": Component(constant, {"in0": "w"}, {}),
    })  # fmt: skip
    assert tied.instances[0].inputs["A"] == 1
    assert not tied.inputs


def _constant():
    found = netlist([], [], {})
    return type(found)("tie", {}, {"out0": (1,)}, (), found.nets, {})
