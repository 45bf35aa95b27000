"""What flip-flops must hold for registers to show their values, seen on gates that are at rest."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from calibration.cells import circuit, netlist

from asicbnn.calibration.stored_state import stored_bits
from asicbnn.calibration.timed_simulation import TimedSimulation

SHOWN = ("plain", "inverse", "behind_one", "behind_two")


def flop(kind, shown):
    return kind, (), {"C": "clock", "D": "a"}, {"QN" if kind == "DFFN" else "Q": shown}


def inverter(source, target):
    return "INV", (), {"A": source}, {"Y": target}


@pytest.fixture(name="made")
def _made():
    """Flip-flops that show their state or its inverse, at once or through inverters."""
    return circuit(
        netlist(
            ["clock", "a"],
            [*SHOWN, "both"],
            {
                "f": flop("DFF", "plain"),
                "g": flop("DFFN", "inverse"),
                "h": flop("DFF", "x"),
                "i": inverter("x", "behind_one"),
                "j": flop("DFFN", "y"),
                "k": inverter("y", "z"),
                "l": inverter("z", "behind_two"),
                "m": ("NAND", (), {"A": "plain", "B": "inverse"}, {"Y": "both"}),
            },
        )
    )


def test_registers_show_the_values_they_are_to_have(made):
    nets = {name: made.netlist.wires[name][0] for name in SHOWN}
    found = stored_bits(made.netlist, made, {(name, 0): net for name, net in nets.items()})
    assert found.unknown == 0
    for values in product((0, 1), repeat=len(SHOWN)):
        wanted = dict(zip(SHOWN, values, strict=True))
        simulation = TimedSimulation(made)
        simulation.start(np.zeros(len(made.ports), np.uint8), found.of(wanted))
        assert {name: int(simulation.values[net]) for name, net in nets.items()} == wanted


def test_what_a_gate_of_two_inputs_shows_is_no_register(made):
    found = stored_bits(made.netlist, made, {("both", 0): made.netlist.wires["both"][0]})
    assert found.places == ()
    assert found.unknown == 4
