"""Energy of what a timed simulation counted, by component: in cells, on nets, of the clock.

A transition costs what Liberty says happens inside the cell, and half of C V^2 of the net it
drives; a clock cycle costs what the clock does inside each flip-flop and clock gate it reaches, and
C V^2 of their clock pins. A net is charged to the component that drives it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np

from asicbnn.calibration.cell_tables import Floats
from asicbnn.calibration.sequential_cells import ClockGate
from asicbnn.calibration.timed_circuit import TimedCircuit
from asicbnn.calibration.timed_simulation import Counted


@dataclass(frozen=True)
class Energy:
    """Energy of some cells over some cycles, and their leakage.

    cells_fj, nets_fj   inside cells, and on the nets they drive
    clock_fj            of the clock in flip-flops and clock gates, their pins included
    glitches_fj         share of cells and nets that is no functional transition's; see `energies`
    """

    cells_fj: float = 0.0
    nets_fj: float = 0.0
    clock_fj: float = 0.0
    glitches_fj: float = 0.0
    leakage_nw: float = 0.0

    def __add__(self, other: Energy) -> Energy:
        return Energy(
            self.cells_fj + other.cells_fj, self.nets_fj + other.nets_fj,
            self.clock_fj + other.clock_fj, self.glitches_fj + other.glitches_fj,
            self.leakage_nw + other.leakage_nw,
        )  # fmt: skip

    @property
    def logic_fj(self) -> float:
        """Energy of transitions: everything but the clock and leakage."""
        return self.cells_fj + self.nets_fj

    @property
    def total_fj(self) -> float:
        return self.logic_fj + self.clock_fj


@dataclass(frozen=True, eq=False)
class GateEnergy:
    """Energy of a netlist over the cycles that were counted.

    components  by name of the module instance, or as it was asked; "" is outside all of them
    inputs_fj   charged by whoever drives the netlist's inputs
    """

    cycles: int
    components: Mapping[str, Energy]
    inputs_fj: float

    @property
    def total(self) -> Energy:
        """The sum over all components, inputs left out."""
        return reduce(add, self.components.values(), Energy())


def energies(
    circuit: TimedCircuit,
    counted: Counted,
    components: Collection[str] = (),
    names: Sequence[str] = (),
) -> GateEnergy:
    """Price what was counted.

    components  names of module instances to tell apart
    names       of each instance, in the netlist's order, where these are not enough

    Glitches are told from functional transitions net by net: a transition of a net costs the mean
    over all its transitions.
    """
    about = circuit.annotation
    instances = circuit.netlist.instances
    cells_fj, glitches_fj = _cells_fj(circuit, counted)
    nets_fj = counted.toggles * about.half_cv2_fj
    glitching = 1 - counted.functional / np.maximum(counted.toggles, 1)
    driver = np.full(circuit.netlist.nets, -1)
    for net, (index, _) in circuit.netlist.driver.items():
        driver[net] = index
    is_driven = driver >= 0
    per_instance = np.zeros((4, len(instances)))
    per_instance[0] = cells_fj
    np.add.at(per_instance[1], driver[is_driven], nets_fj[is_driven])
    per_instance[2] = _clock_fj(circuit, counted)
    per_instance[3] = glitches_fj
    np.add.at(per_instance[3], driver[is_driven], (nets_fj * glitching)[is_driven])
    names = names or [instance.component(components) for instance in instances]
    found: dict[str, Energy] = {}
    for name in dict.fromkeys(names):
        chosen = [i for i, other in enumerate(names) if other == name]
        leakage = sum(about.cells.cell(instances[i].cell).leakage_nw for i in chosen)
        cells, nets, clock, glitches = per_instance[:, chosen].sum(axis=1).tolist()
        found[name] = Energy(cells, nets, clock, glitches, leakage)
    inputs = {net for _, _, net in circuit.ports}
    return GateEnergy(counted.cycles, found, float(sum(nets_fj[net] for net in inputs)))


def _cells_fj(circuit: TimedCircuit, counted: Counted) -> tuple[Floats, Floats]:
    """Energy inside each instance, and the part of it that is glitches' [instances]."""
    total, glitches = (np.zeros(len(circuit.netlist.instances)) for _ in range(2))
    first = 0
    for group in circuit.groups:
        count = len(group.instances)
        spent = counted.element_fj[first : first + count]
        first += count
        if not count or group.instances[0] < 0:
            continue
        np.add.at(total, group.instances, spent)
        if group.has_output:
            toggles = np.maximum(counted.toggles[group.output], 1)
            share = 1 - counted.functional[group.output] / toggles
            np.add.at(glitches, group.instances, spent * share)
    return total, glitches


def _clock_fj(circuit: TimedCircuit, counted: Counted) -> Floats:
    """Energy of the clock in each instance [instances]."""
    found = np.zeros(len(circuit.netlist.instances))
    found[circuit.flops.instances] = counted.flop_fj
    about = circuit.annotation
    for domain, opened in zip(circuit.network.domains, counted.edges.tolist(), strict=True):
        if domain.gate < 0:
            continue
        instance = circuit.netlist.instances[domain.gate]
        gate = about.cells.sequential(instance.cell)
        assert isinstance(gate, ClockGate)
        arriving = int(counted.edges[domain.parent])
        load = about.load_ff[[instance.outputs[gate.output]]]
        charged = gate.pin_ff * about.cells.library.voltage_v**2
        found[domain.gate] = (
            arriving * charged
            + opened * float(gate.open_fj(about.edge_slew_ps, load)[0])
            + (arriving - opened) * gate.closed_fj(about.edge_slew_ps)
        )
    return found


__all__ = ["Energy", "GateEnergy", "energies"]
