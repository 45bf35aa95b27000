"""Wires of a placed accelerator: what charging them takes while a run is played on its gates.

Its components are mapped and joined, placed (`placement.py`) as dense as the floorplan of the model
has its cells, and played in the dataflows of `energy_measurement`. Each net has the length of its
Steiner tree, with the detours routers make, and the transitions it had, glitches included. Nets to
and from memories are left out: their ends are pins on the border here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

from asicbnn.calibration.energy_measurement import DATAFLOWS, layer_of
from asicbnn.calibration.grid import GridPoint
from asicbnn.calibration.network_energy import GateLevel, Sampling
from asicbnn.calibration.network_run import NetworkRun, RunningMachine
from asicbnn.calibration.placement import Placement, place
from asicbnn.calibration.synthesis import Flow
from asicbnn.calibration.timed_simulation import Counted
from asicbnn.hardware.structure import COMPONENTS
from asicbnn.model.area import PART_OF_COMPONENT
from asicbnn.model.costs import costs
from asicbnn.model.energy import WIRES, terms_fj
from asicbnn.model.wires import BROADCAST, wire_fj_per_um
from asicbnn.spec.accelerator import Accelerator, with_changes
from asicbnn.technology.library import Technology
from asicbnn.technology.placed_wires import PARTS, placed_factor, wires_key
from asicbnn.technology.routing import routed_factors

_SAMPLING = Sampling(cycles=50, per_layer=8)


@dataclass(frozen=True)
class WireMeasurement:
    """Wires of one accelerator, by part of the logic (`placed_wires.PARTS`).

    placed_fj  energy of a step, on the placed netlist    model_fj  the law's for the same events
    nets       nets a cell of the part drives             wire_um   their length, detours included
    core_um2   area of the core it was placed in          cells     how many
    """

    point: GridPoint
    placed_fj: Mapping[str, float]
    model_fj: Mapping[str, float]
    nets: Mapping[str, int]
    wire_um: Mapping[str, float]
    core_um2: float
    cells: int


def measure_wires(flow: Flow, point: GridPoint, technology: Technology) -> WireMeasurement:
    """Place an accelerator of the grid and play a layer on its gates.

    flow  keeps names

    Raises what mapping, placing and playing raise.
    """
    return _Measuring(flow, point, technology).measured()


class _Measuring:
    def __init__(self, flow: Flow, point: GridPoint, technology: Technology) -> None:
        self.point, self.technology = point, technology
        self.running = RunningMachine(point.accelerator)
        self.gates = GateLevel(flow, self.running, "adder_cells", technology)
        self.placement = self._placed(flow)
        self.detour = routed_factors(technology).detour.value

    def _placed(self, flow: Flow) -> Placement:
        laid_out = costs(self.point.accelerator, self.technology, "routed").routed
        assert laid_out is not None  # of level routed
        plan = laid_out.plan
        areas = {name: cell.area_um2 for name, cell in flow.library.cells.items()}
        gate_um2 = self.technology.gate_equivalent_um2
        # the netlist has the cells as mapped; when they grow, so does what they take of the core
        return place(self.gates.netlist, areas, gate_um2, plan.placement_density / plan.growth)

    def measured(self) -> WireMeasurement:
        nets = self._nets()
        placed, model = dict.fromkeys(PARTS, 0.0), dict.fromkeys(PARTS, 0.0)
        steps, lengths = 0.0, self.placement.lengths_um
        for counted, counts, modelled in self._windows():
            steps += counts["steps"]
            for part in PARTS:
                model[part] += modelled[part]
                placed[part] += sum(lengths[n] * int(counted.toggles[n]) for n in nets[part])
        per_um = wire_fj_per_um(self.technology) * self.detour
        return WireMeasurement(
            self.point,
            {part: um * per_um / steps for part, um in placed.items()},
            {part: energy / steps for part, energy in model.items()},
            {part: len(own) for part, own in nets.items()},
            {part: self.detour * sum(lengths[n] for n in own) for part, own in nets.items()},
            self.placement.core_um2, self.placement.cells,
        )  # fmt: skip

    def _nets(self) -> dict[str, list[int]]:
        """Nets between cells, by the part of the cell that drives them."""
        netlist = self.gates.netlist
        found: dict[str, list[int]] = {part: [] for part in PARTS}
        for net in self.placement.lengths_um:
            if net in netlist.driver:
                driver = netlist.instances[netlist.driver[net][0]]
                found[PART_OF_COMPONENT[driver.component(COMPONENTS)]].append(net)
        return found

    def _windows(self) -> Iterator[tuple[Counted, Mapping[str, float], dict[str, float]]]:
        """Yield what gates did, the events, and the energy of wires in the model, by window."""
        layer = layer_of(self.point)
        for dataflow in DATAFLOWS:
            accelerator = with_changes(self.point.accelerator, {"dataflow": dataflow})
            run = NetworkRun(self.running, layer, accelerator)
            for window, counted in self.gates.played(run, _SAMPLING):
                stride = run.layers[window.layer].stride
                modelled = self._model_fj(accelerator, stride, window.counts)
                yield counted, window.counts, modelled

    def _model_fj(
        self, accelerator: Accelerator, stride: int, counts: Mapping[str, float]
    ) -> dict[str, float]:
        rates = costs(accelerator, self.technology, "routed").rates_of[stride]
        found = dict.fromkeys(PARTS, 0.0)
        for (part, term), energy in terms_fj(rates, counts).items():
            if part in found and (term.endswith(WIRES) or (part, term) == BROADCAST):
                found[part] += energy
        return {part: energy / self._factor(part) for part, energy in found.items()}

    def _factor(self, part: str) -> float:
        """What the model takes a part's wires times already: the law is without it."""
        key = wires_key(part, self.point.structure)
        known = placed_factor(self.technology, key)
        return known.value if known else 1.0


def measure_all_wires(
    flow: Flow,
    points: Iterable[GridPoint],
    technology: Technology,
    jobs: int,
    done: Callable[[WireMeasurement], None] = lambda _: None,
) -> list[WireMeasurement]:
    """Measure designs in ``jobs`` processes; ``done`` is called as they come, in order."""
    found = []
    taken = (replace(flow, keeps_names=True), technology)
    with ProcessPoolExecutor(jobs, initializer=_take, initargs=taken) as pool:
        for measurement in pool.map(_measured, points):
            found.append(measurement)
            done(measurement)
    return found


_taken: list[tuple[Flow, Technology]] = []


def _take(flow: Flow, technology: Technology) -> None:
    """Give a process of the pool what all its points share."""
    _taken[:] = [(flow, technology)]


def _measured(point: GridPoint) -> WireMeasurement:
    flow, technology = _taken[0]
    return measure_wires(flow, point, technology)


__all__ = ["WireMeasurement", "measure_all_wires", "measure_wires"]
