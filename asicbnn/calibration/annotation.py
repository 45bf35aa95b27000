"""Load and slew of every net of a mapped netlist.

A net's load is the input pins on it and a wire of stated capacitance. Slews are static: each net
has one per edge, the mean over what may cause it; they are worked out by turns until they agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asicbnn.calibration.cell_tables import Floats
from asicbnn.calibration.gate_cells import GateCells
from asicbnn.calibration.mapped_netlist import MappedNetlist
from asicbnn.calibration.sequential_cells import Flop

_TURNS = 30
_AGREED = 1e-3

Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Annotation:
    """A netlist with the electrical figures of its nets.

    members      indices of the instances of each cell
    load_ff      [nets]
    slews_ps     [nets, falls or rises]
    edge_slew_ps of the clock, and of the inputs
    """

    netlist: MappedNetlist
    cells: GateCells
    members: Mapping[str, Indices]
    load_ff: Floats
    slews_ps: Floats
    edge_slew_ps: float

    @property
    def half_cv2_fj(self) -> Floats:
        """Energy of a transition of each net: half of what its load takes when it is charged."""
        half: Floats = 0.5 * self.load_ff * self.cells.library.voltage_v**2
        return half

    def nets(self, members: Indices, pins: Iterable[str]) -> Indices:
        """Nets of pins of instances [members, pins]."""
        return _nets(self.netlist, members, pins)


def annotated(
    netlist: MappedNetlist,
    cells: GateCells,
    *,
    wire_ff: float | Floats = 0.0,
    edge_slew_ps: float | None = None,
) -> Annotation:
    """Work loads and slews out.

    wire_ff       capacitance of the wire of each net: one for all, or [nets]
    edge_slew_ps  of the clock and of the inputs (default: an inverter's at a fan-out of 4)

    Raises EnvironmentProblem for a cell the library lacks or that cannot be simulated.
    """
    found: dict[str, list[int]] = {}
    for index, instance in enumerate(netlist.instances):
        found.setdefault(instance.cell, []).append(index)
    members = {cell: np.array(indices) for cell, indices in found.items()}
    loads = wire_ff + _pins_ff(netlist, cells)
    slew = cells.fo4_slew_ps if edge_slew_ps is None else edge_slew_ps
    slews = _slews_ps(netlist, cells, members, loads, slew)
    return Annotation(netlist, cells, members, loads, slews, slew)


def _pins_ff(netlist: MappedNetlist, cells: GateCells) -> Floats:
    """Capacitance of the input pins on each net."""
    loads = np.zeros(netlist.nets)
    for instance in netlist.instances:
        pins = cells.cell(instance.cell).pins
        for name, net in instance.inputs.items():
            loads[net] += pins[name].capacitance_ff
    return loads


def _slews_ps(
    netlist: MappedNetlist,
    cells: GateCells,
    members: Mapping[str, Indices],
    load_ff: Floats,
    edge_slew_ps: float,
) -> Floats:
    slews = np.full((netlist.nets, 2), edge_slew_ps)
    gates = []
    for cell, some in members.items():
        if isinstance(flop := cells.sequential(cell), Flop):
            for pin in flop.outputs():
                nets = _nets(netlist, some, (pin.name,))[:, 0]
                edges = ("fall_transition", "rise_transition")
                slews[nets] = flop.launched(pin, edges, edge_slew_ps, load_ff[nets])
        for gate in cells.gates(cell):
            output = _nets(netlist, some, (gate.pin.name,))[:, 0]
            gates.append((gate, _nets(netlist, some, gate.inputs), output))
    for _ in range(_TURNS):
        before = slews.copy()
        for gate, inputs, output in gates:
            slews[output] = gate.slews_ps(before[inputs], load_ff[output])
        if np.abs(slews - before).max() <= _AGREED * edge_slew_ps:
            break
    return slews


def _nets(netlist: MappedNetlist, members: Indices, pins: Iterable[str]) -> Indices:
    names = tuple(pins)
    rows = (netlist.instances[i] for i in members.tolist())
    found = [[(x.inputs if name in x.inputs else x.outputs)[name] for name in names] for x in rows]
    return np.array(found, np.int64).reshape(len(members), len(names))
