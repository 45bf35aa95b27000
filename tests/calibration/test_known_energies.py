"""Counter and adder trees against energies measured elsewhere with one delay per output pin.

The published figures (popcount_energy_*.csv) are for XNOR gates and adder cells, random data on
both operands, outputs loaded by a fan-out of four. Where all arcs of a pin take its mean delay they
must come out again; with each arc's own delay the trees glitch more, which is recorded.
"""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest
from hardware.circuit import Circuit
from shared_data import shared_data

from asicbnn.calibration.annotation import annotated
from asicbnn.calibration.gate_cells import GateCells
from asicbnn.calibration.gate_energy import energies
from asicbnn.calibration.synthesis import flow
from asicbnn.calibration.timed_circuit import GATE, TimedCircuit
from asicbnn.calibration.timed_simulation import TimedSimulation
from asicbnn.hardware.popcount import Popcount
from asicbnn.hardware.verilog import write_verilog

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
# table, load of a fan-out of four [fF], and how near: of asap7 smaller inverters are mapped here
LIBRARIES = {
    "sky130hd": ("popcount_energy_sky.csv", 9.2, {"sliced": 0.03, "tree": 0.03}),
    "asap7": ("popcount_energy_asap7.csv", 2.5, {"sliced": 0.04, "tree": 0.16}),
}
CYCLES = 300
ARCHITECTURES = {"sliced": "csa_cell", "tree": "tree_cell"}


@pytest.fixture(scope="module", params=LIBRARIES)
def library(request):
    table, load_ff, near = LIBRARIES[request.param]
    paths = sorted(shared_data(f"liberty/{request.param}").glob("*.lib.gz"))
    with shared_data(f"technology/{table}").open(newline="") as file:
        rows = {(row["arch"], int(row["N"]), row["mode"]): row for row in csv.DictReader(file)}
    made = flow(paths)
    return near, made, GateCells(made.library), load_ff, rows


def mapped(made, lanes, structure):
    def build(x, w):
        products = [~(x[i] ^ w[i]) for i in range(lanes)]
        counted = Popcount(lanes, structure).hardware(products)
        return {f"count{i}": plane for i, plane in enumerate(counted)}

    return made.netlist(write_verilog(Circuit(build, x=lanes, w=lanes).block), "adder_cells")


def per_pin(circuit):
    """Give all arcs of an input pin of a gate their mean delay."""
    for place, group in enumerate(circuit.groups):
        if group.kind == GATE and group.inputs.shape[1]:
            delays = group.delays_ps.reshape(*group.inputs.shape, -1)
            arcs = delays > 0
            mean = delays.sum(axis=2) / arcs.sum(axis=2)
            same = np.where(arcs, mean[:, :, np.newaxis], 0.0)
            circuit.groups[place] = replace(group, delays_ps=same.reshape(len(same), -1))
    return circuit


def played(netlist, cells, load_ff, shape=lambda circuit: circuit):
    """Energy of cells and driven nets per cycle, random data, and the energy spent on glitches."""
    wires = np.zeros(netlist.nets)
    counts = [nets for name, nets in netlist.outputs.items() if name.startswith("out_")]
    wires[[net for nets in counts for net in nets]] = load_ff
    circuit = shape(TimedCircuit(annotated(netlist, cells, wire_ff=wires)))
    rows = np.random.default_rng(1).integers(0, 2, (CYCLES + 1, len(circuit.ports)), dtype=np.uint8)
    simulation = TimedSimulation(circuit)
    simulation.start(rows[0])
    simulation.run(rows[1:])
    total = energies(circuit, simulation.counted()).total
    return total.logic_fj / CYCLES, total.glitches_fj / total.logic_fj


@pytest.mark.parametrize("structure", ARCHITECTURES)
@pytest.mark.parametrize("lanes", [16, 64, 256])
def test_trees_take_what_was_measured_with_one_delay_per_pin(library, structure, lanes):
    near, made, cells, load_ff, rows = library
    netlist = mapped(made, lanes, structure)
    found, _ = played(netlist, cells, load_ff, per_pin)
    row = rows[ARCHITECTURES[structure], lanes, "both"]
    published = float(row["E_total_fJ"])
    if row["lib"] == "asap7":  # the table averages over the two supply pins, and they add up
        published += float(row["E_int_fJ"])
    assert found == pytest.approx(published, rel=near[structure])


def test_arcs_of_their_own_make_trees_glitch_more(library):
    _, made, cells, load_ff, _ = library
    netlist = mapped(made, 64, "sliced")
    own, glitches = played(netlist, cells, load_ff)
    mean, fewer = played(netlist, cells, load_ff, per_pin)
    assert mean < own < 1.3 * mean
    assert fewer < glitches
