"""A library of a few cells with figures one can add up in the head, and netlists of them."""

from __future__ import annotations

import numpy as np

from asicbnn.calibration.annotation import annotated
from asicbnn.calibration.gate_cells import GateCells
from asicbnn.calibration.mapped_netlist import Instance, MappedNetlist
from asicbnn.calibration.timed_circuit import TimedCircuit
from asicbnn.technology.liberty.library import (
    InternalPower,
    LibertyCell,
    Library,
    Pin,
    Storage,
    Table,
    Thresholds,
    TimingArc,
)

VOLTAGE_V = 2.0
PIN_FF = 1.0
SLEW_PS = 5.0
PIN_FJ = 0.5 * PIN_FF * VOLTAGE_V**2  # of one transition of one input pin
DELAY_PS = {"INV": 10.0, "NAND": 20.0, "XOR": 30.0, "DFF": 40.0, "LATCH": 25.0}
OUTPUT_FJ = {"INV": 1.0, "NAND": 3.0, "XOR": 5.0, "DFF": 7.0, "LATCH": 2.0}
CLOCK_FJ = 0.5  # of each edge at a flip-flop or clock gate
OWN_FJ = 0.25  # of a transition at an input of a NAND that changes nothing
GATE_OUT_FJ = 0.75


def constant(value):
    return Table((1.0,), (1.0,), np.array([[value]]))


def output(name, function, causes, fj, *, kind="combinational"):
    arcs = tuple(
        TimingArc(pin, "non_unate", kind, "", *(constant(delay) for _ in range(2)),
                  *(constant(SLEW_PS) for _ in range(2)))
        for pin, delay in causes.items()
    )  # fmt: skip
    powers = tuple(InternalPower(pin, "", constant(fj), constant(fj)) for pin in causes)
    return _pin(name, "output", 0.0, function, arcs, powers)


def entering(name, *, role="", own_fj=None, is_clock=False):
    powers = () if own_fj is None else (InternalPower("", "", constant(own_fj), constant(own_fj)),)
    return _pin(name, "input", PIN_FF, "", (), powers, role=role, is_clock=is_clock)


def _pin(name, direction, ff, function, arcs, powers, *, role="", is_clock=False):
    return Pin(name, direction, 1, ff, ff, ff, function, "", is_clock, role, tuple(arcs),
               tuple(powers))  # fmt: skip


def cell(name, *pins, storages=(), clock_gate=""):
    return LibertyCell(
        name, 1.0, 0.25, (), {pin.name: pin for pin in pins}, tuple(storages), bool(clock_gate),
        clock_gate, frozenset(), None, "cells.lib", 1,
    )  # fmt: skip


def gate(name, function, inputs, **powers):
    causes = dict.fromkeys(inputs, DELAY_PS[name])
    pins = (entering(pin, own_fj=powers.get(pin)) for pin in inputs)
    return cell(name, *pins, output("Y", function, causes, OUTPUT_FJ[name]))


CLOCK_PIN = entering("C", own_fj=CLOCK_FJ, is_clock=True)
FLOP = Storage("flop", ("IQ", "IQN"), 1, "C", "D", "", "")
RESET_FLOP = Storage("flop", ("IQ", "IQN"), 1, "C", "D", "!R", "")
Q = output("Q", "IQ", {"C": DELAY_PS["DFF"]}, OUTPUT_FJ["DFF"], kind="rising_edge")
QN = output("QN", "IQN", {"C": DELAY_PS["DFF"]}, OUTPUT_FJ["DFF"], kind="rising_edge")
LATCH_Q = output("Q", "IQ", dict.fromkeys("DG", DELAY_PS["LATCH"]), OUTPUT_FJ["LATCH"])
GATED = output("O", "C & E", {"C": 1.0}, GATE_OUT_FJ)
CELLS = [
    gate("INV", "!A", "A"),
    gate("NAND", "!(A & B)", "AB", A=OWN_FJ, B=OWN_FJ),
    gate("XOR", "A ^ B", "AB"),
    cell("DFF", CLOCK_PIN, entering("D"), Q, storages=[FLOP]),
    cell("DFFN", CLOCK_PIN, entering("D"), QN, storages=[FLOP]),
    cell("DFFR", CLOCK_PIN, entering("D"), entering("R"), Q, storages=[RESET_FLOP]),
    cell("LATCH", entering("D"), entering("G"), LATCH_Q,
         storages=[Storage("latch", ("IQ", "IQN"), 1, "G", "D", "", "")]),
    cell("ICG", entering("C", role="gate_clock", own_fj=CLOCK_FJ),
         entering("E", role="gate_enable"),
         _pin("O", "output", 0.0, GATED.function, GATED.arcs, GATED.powers, role="gate_out"),
         clock_gate="latch_posedge"),
]  # fmt: skip
LIBRARY = Library(
    "hand", VOLTAGE_V, 25.0, 1.0, "typical", Thresholds(0.2, 0.8, 0.5, 1.0),
    {one.name: one for one in CELLS}, (), (),
)  # fmt: skip


def netlist(inputs, outputs, cells):
    """A netlist by names: ports and pins each name a net; `0` and `1` are the constants.

    cells  instance name -> cell, scope, inputs by pin, outputs by pin
    """
    number = {"0": 0, "1": 1}

    def net(name):
        return number.setdefault(name, len(number))

    ports = [{name: (net(name),) for name in names} for names in (inputs, outputs)]
    instances = tuple(
        Instance(name, kind, scope, {pin: net(x) for pin, x in read.items()},
                 {pin: net(x) for pin, x in driven.items()})
        for name, (kind, scope, read, driven) in cells.items()
    )  # fmt: skip
    wires = {name: (index,) for name, index in number.items() if index > 1}
    return MappedNetlist("made", *ports, instances, len(number), wires)


def circuit(netlist, **how):
    """A netlist of these cells, ready to be simulated; slews at its ports are its cells'."""
    about = annotated(netlist, GateCells(LIBRARY), edge_slew_ps=SLEW_PS)
    return TimedCircuit(about, **how)
