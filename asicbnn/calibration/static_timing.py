"""Longest register-to-register path of a mapped netlist, by the delay tables of its library.

Every net has, per edge, the latest arrival and the slowest slew of all arcs that reach it; slews
propagate, an arc's sense says which edge causes which, conditions on other pins (`when`) are all
taken to hold. The clock is ideal: it arrives everywhere at 0 with slew 0. A net's load is the pins
on it and, if asked for, a wire. Paths start at clocked cells and end at pins with a setup
constraint; ports and black boxes start and end none. So OpenSTA works as well, which is used
where it is installed; docs/models/calibration.md says how far the two agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from asicbnn.calibration.mapped_netlist import Instance, MappedNetlist
from asicbnn.errors import EnvironmentProblem
from asicbnn.technology.liberty import LibertyCell, Library, Table

RISE, FALL = 0, 1
_EDGES = (RISE, FALL)
_LAUNCH = "rising_edge"
_SETUP = "setup_rising"
_COMBINATIONAL = frozenset({"combinational", "combinational_rise", "combinational_fall"})


@dataclass(frozen=True)
class LongestPath:
    """The path that bounds the clock.

    period_ps  arrival plus setup
    pins       (instance, pin) from the clocked cell's output to the pin that is set up
    """

    period_ps: float
    pins: tuple[tuple[str, str], ...]

    @property
    def levels(self) -> int:
        """Cells on the path, the launching one among them."""
        return len(self.pins) - 1


@dataclass(frozen=True)
class _Arc:
    """From an edge of an input pin to an edge of an output pin."""

    source: str
    source_edge: int
    target: str
    target_edge: int
    delay: Table
    slew: Table


@dataclass(frozen=True)
class _CellTiming:
    """What static timing asks of a cell: capacitances per edge, arcs by kind, setup tables."""

    capacitance_ff: Mapping[str, tuple[float, float]]
    through: tuple[_Arc, ...]
    launched: tuple[_Arc, ...]
    setups: tuple[tuple[str, int, Table], ...]


def longest_path(
    netlist: MappedNetlist, library: Library, wire_ff_per_net: float = 0.0
) -> LongestPath | None:
    """Return the longest path from clocked cell to clocked cell; None if there is no path.

    wire_ff_per_net  capacitance of every net's wire

    Raises EnvironmentProblem for a loop of combinational cells.
    """
    return _Propagation(netlist, library, wire_ff_per_net).longest()


@lru_cache(maxsize=4096)
def _timing(cell: LibertyCell) -> _CellTiming:
    through, launched, setups = [], [], []
    for pin in cell.pins.values():
        for arc in pin.arcs:
            if arc.kind == _SETUP:
                for edge, table in ((RISE, arc.rise_constraint), (FALL, arc.fall_constraint)):
                    if table is not None:
                        setups.append((pin.name, edge, table))
                continue
            if not arc.is_delay:
                continue
            delays = (
                (RISE, arc.cell_rise, arc.rise_transition),
                (FALL, arc.cell_fall, arc.fall_transition),
            )
            for edge, delay, slew in delays:
                if delay is None or slew is None:
                    continue
                if arc.kind == _LAUNCH:
                    launched.append(_Arc(arc.related_pin, RISE, pin.name, edge, delay, slew))
                elif arc.kind in _COMBINATIONAL:
                    through += [
                        _Arc(arc.related_pin, cause, pin.name, edge, delay, slew)
                        for cause in _causes(arc.sense, edge)
                    ]
    capacitances = {
        p.name: (p.rise_capacitance_ff, p.fall_capacitance_ff) for p in cell.pins.values()
    }
    return _CellTiming(capacitances, tuple(through), tuple(launched), tuple(setups))


def _causes(sense: str, edge: int) -> tuple[int, ...]:
    """Edges of the input that cause an edge of the output."""
    if sense == "positive_unate":
        return (edge,)
    if sense == "negative_unate":
        return (1 - edge,)
    return _EDGES


@dataclass
class _Propagation:
    """Arrival and slew of each net and edge, and where the arrival came from."""

    netlist: MappedNetlist
    library: Library
    wire_ff: float
    arrival: dict[tuple[int, int], float] = field(default_factory=dict)
    slew: dict[tuple[int, int], float] = field(default_factory=dict)
    origin: dict[tuple[int, int], tuple[int, str, tuple[int, int] | None]] = field(
        default_factory=dict
    )

    def __post_init__(self) -> None:
        cells = self.library.cells
        self.cells = [
            _timing(cells[i.cell]) if i.cell in cells else None for i in self.netlist.instances
        ]
        self.loads = self._loads()

    def _loads(self) -> list[tuple[float, float]]:
        """Capacitance of every net per edge [fF]."""
        rise = [self.wire_ff] * self.netlist.nets
        fall = [self.wire_ff] * self.netlist.nets
        for instance, cell in zip(self.netlist.instances, self.cells, strict=True):
            if cell is None:
                continue
            for pin, net in instance.inputs.items():
                up, down = cell.capacitance_ff[pin]
                rise[net] += up
                fall[net] += down
        return list(zip(rise, fall, strict=True))

    def longest(self) -> LongestPath | None:
        for index in self._in_order():
            self._propagate(index)
        worst, at = 0.0, None
        for index, pin, edge, setup in self._ends():
            key = (self.netlist.instances[index].inputs[pin], edge)
            total = self.arrival[key] + setup.at(self.slew[key], 0.0)
            if total > worst:
                worst, at = total, (index, pin, key)
        if at is None:
            return None
        return LongestPath(worst, tuple(reversed(list(self._back(*at)))))

    def _ends(self) -> Iterator[tuple[int, str, int, Table]]:
        for index, cell in enumerate(self.cells):
            if cell is None:
                continue
            inputs = self.netlist.instances[index].inputs
            for pin, edge, table in cell.setups:
                if pin in inputs and (inputs[pin], edge) in self.arrival:
                    yield index, pin, edge, table

    def _back(
        self, index: int, pin: str, key: tuple[int, int]
    ) -> Iterator[tuple[str, str]]:
        yield self.netlist.instances[index].name, pin
        step: tuple[int, int] | None = key
        while step is not None:
            cause, out, step = self.origin[step]
            yield self.netlist.instances[cause].name, out

    def _propagate(self, index: int) -> None:
        cell, instance = self.cells[index], self.netlist.instances[index]
        if cell is None:
            return
        for arc in cell.launched:
            if arc.source in instance.inputs:
                self._reach(index, instance, arc, 0.0, 0.0, None)
        for arc in cell.through:
            key = (instance.inputs.get(arc.source, -1), arc.source_edge)
            start = self.arrival.get(key)
            if start is not None:
                self._reach(index, instance, arc, start, self.slew[key], key)

    def _reach(
        self,
        index: int,
        instance: Instance,
        arc: _Arc,
        start_ps: float,
        slew_ps: float,
        cause: tuple[int, int] | None,
    ) -> None:
        net = instance.outputs.get(arc.target)
        if net is None:
            return
        load = self.loads[net][arc.target_edge]
        key = (net, arc.target_edge)
        arrival = start_ps + arc.delay.at(slew_ps, load)
        if arrival > self.arrival.get(key, float("-inf")):
            self.arrival[key] = arrival
            self.origin[key] = (index, arc.target, cause)
        self.slew[key] = max(arc.slew.at(slew_ps, load), self.slew.get(key, 0.0))

    def _in_order(self) -> list[int]:
        """Instances, each after those whose outputs pass through it."""
        instances, waiting = self.netlist.instances, []
        readers: dict[int, list[int]] = {}
        for index, (instance, cell) in enumerate(zip(instances, self.cells, strict=True)):
            nets = set()
            if cell is not None:
                read = {arc.source for arc in cell.through}
                nets = {net for pin, net in instance.inputs.items() if pin in read}
            driven = [net for net in nets if net in self.netlist.driver]
            waiting.append(len(driven))
            for net in driven:
                readers.setdefault(net, []).append(index)
        ready = [index for index, count in enumerate(waiting) if count == 0]
        order = []
        while ready:
            index = ready.pop()
            order.append(index)
            for net in set(instances[index].outputs.values()):
                for reader in readers.get(net, ()):
                    waiting[reader] -= 1
                    if waiting[reader] == 0:
                        ready.append(reader)
        if len(order) < len(instances):
            stuck = next(i for i, count in enumerate(waiting) if count)
            raise EnvironmentProblem(
                f"{self.netlist.top}: a loop of combinational cells through {instances[stuck].name}"
            )
        return order
