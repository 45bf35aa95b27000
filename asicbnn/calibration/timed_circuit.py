"""A mapped netlist as the arrays the timed simulation runs on.

An element is what one list of events belongs to: an output of a combinational cell (a gate), an
output of a flip-flop or an input of the netlist (a source), or the inputs of a cell whose own
transitions cost energy (a sink).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from asicbnn.calibration.annotation import Annotation, Indices
from asicbnn.calibration.cell_tables import Floats
from asicbnn.calibration.clock_network import ClockNetwork, clock_network
from asicbnn.calibration.sequential_cells import Flop, own_energies_fj
from asicbnn.errors import EnvironmentProblem

GATE, SINK, SOURCE = 0, 1, 2  # as in timed_simulation.c
_DEEPEST = 5000
_DELAYS = ("cell_fall", "cell_rise")
_POWERS = ("fall", "rise")


@dataclass(frozen=True, eq=False)
class Group:
    """Elements of one sort, one per row.

    instances    [n] index of the instance, -1 of an input of the netlist
    output       [n] net they drive, -1 of sinks
    inputs       [n, k] nets                       words  truth table, the same for all
    delays_ps, energies_fj  [n, arcs]: k * 2**k of gates and sinks, falls and rises of sources
    own_input    whether the last input is the output
    """

    kind: int
    instances: Indices
    output: Indices
    inputs: Indices
    words: NDArray[np.uint64]
    delays_ps: Floats
    energies_fj: Floats
    own_input: bool = False

    @property
    def has_output(self) -> bool:
        return self.kind != SINK


@dataclass(frozen=True, eq=False)
class Flops:
    """All flip-flops [n], in the order of the groups of their cells.

    outputs    [n, shows the state or its inverse] element, -1 for none
    first      [n + 1] where the inputs of each begin in `inputs`
    clock_fj   of a clock cycle by state, from `clock_at` on; the charge of the clock pin included
    """

    instances: Indices
    domain: Indices
    first: Indices
    inputs: Indices
    next_state: NDArray[np.uint64]
    clock_at: Indices
    clock_fj: Floats
    outputs: Indices


class TimedCircuit:
    """A netlist ready to be simulated.

    annotation      loads and slews
    clock           its port; a netlist of gates alone needs none
    input_delay_ps  when inputs change after the clock's edge: one number, or by port

    Raises EnvironmentProblem for what cannot be simulated: a loop of gates, a clock that is used as
    data, a flip-flop that is reset in operation.
    """

    def __init__(
        self,
        annotation: Annotation,
        *,
        clock: str = "clock",
        input_delay_ps: float | Mapping[str, float] = 0.0,
    ) -> None:
        self.annotation, self.netlist = annotation, annotation.netlist
        self.network: ClockNetwork = clock_network(self.netlist, annotation.cells, clock)
        self.ports = [
            (name, bit, net)
            for name, nets in self.netlist.inputs.items() if name != clock
            for bit, net in enumerate(nets)
        ]  # fmt: skip
        self._input_delay_ps = input_delay_ps
        self.groups: list[Group] = []
        self._first_elements: list[int] = [0]
        self.flops = self._flops()
        self.input_elements = self._add(self._inputs())
        self.latch_elements = self._add(self._latch_clocks())
        for group in (*self._gates(), *self._sinks()):
            self._add(group)

    def _add(self, group: Group) -> Indices:
        """Take a group in; returns its elements."""
        first = self._first_elements[-1]
        self.groups.append(group)
        self._first_elements.append(first + len(group.instances))
        return np.arange(first, self._first_elements[-1])

    # ------------------------------------------------------------------ elements
    def _inputs(self) -> Group:
        given = self._input_delay_ps
        delays = [
            given.get(name, 0.0) if isinstance(given, Mapping) else given
            for name, _, _ in self.ports
        ]  # fmt: skip
        both = np.repeat(np.array(delays, float)[:, np.newaxis], 2, axis=1)
        nets = np.array([net for _, _, net in self.ports], np.int64)
        none = np.full(len(nets), -1)
        return Group(SOURCE, none, nets, _no_nets(nets), _NO_WORDS, both, np.zeros_like(both))

    def _latch_clocks(self) -> Group:
        """Sources of the nets that open latches, in the order of `network.latches`."""
        nets = np.array(list(self.network.latches.values()), np.int64)
        gates = [self.network.domains[domain].gate for domain in self.network.latches]
        at_once = np.zeros((len(nets), 2))
        return Group(
            SOURCE, np.array(gates, np.int64), nets, _no_nets(nets), _NO_WORDS, at_once, at_once
        )

    def _gates(self) -> Iterator[Group]:
        about = self.annotation
        for cell, members in about.members.items():
            for gate in about.cells.gates(cell):
                inputs = about.nets(members, gate.inputs)
                output = about.nets(members, (gate.pin.name,))[:, 0]
                figures = about.slews_ps[inputs], about.load_ff[output]
                delays, energies = gate.delays_ps(*figures), gate.energies_fj(*figures)
                yield Group(
                    GATE, members, output, inputs, gate.words, _flat(delays), _flat(energies),
                    gate.is_stored,
                )  # fmt: skip

    def _sinks(self) -> Iterator[Group]:
        """Energy of inputs' transitions that change no output: what the outputs' leave out."""
        about = self.annotation
        for cell, members in about.members.items():
            found = about.cells.sequential(cell)
            gates = about.cells.gates(cell)
            if found is not None:
                pins = found.inputs if isinstance(found, Flop) else found.enables
            else:
                pins = tuple(pin.name for pin in about.cells.cell(cell).inputs())
            inputs = about.nets(members, pins)
            slews = about.slews_ps[inputs]
            energies = own_energies_fj(about.cells.cell(cell), pins, pins, slews)
            for gate in gates:
                energies[:, gate.switches[: len(pins), : 1 << len(pins)]] = 0.0
            if energies.any():
                none = np.full(len(members), -1)
                flat = _flat(energies)
                yield Group(SINK, members, none, inputs, _NO_WORDS, np.zeros_like(flat), flat)

    # ------------------------------------------------------------------ flip-flops
    def _flops(self) -> Flops:
        about = self.annotation
        rows: list[tuple[Indices, Indices, int, Floats, Indices]] = []
        for cell, members in about.members.items():
            found = about.cells.sequential(cell)
            if not isinstance(found, Flop):
                continue
            outputs = np.full((len(members), 2), -1)
            for pin in found.outputs():
                nets = about.nets(members, (pin.name,))[:, 0]
                figures = about.edge_slew_ps, about.load_ff[nets]
                outputs[:, int(found.is_inverse(pin))] = self._add(Group(
                    SOURCE, members, nets, _no_nets(nets), _NO_WORDS,
                    found.launched(pin, _DELAYS, *figures), found.launched(pin, _POWERS, *figures),
                ))  # fmt: skip
            pin_ff = about.cells.cell(cell).pins[found.clock].capacitance_ff
            charged = pin_ff * about.cells.library.voltage_v**2
            clock_fj = found.clock_energy_fj(about.edge_slew_ps) + charged
            inputs = about.nets(members, found.inputs)
            rows.append((members, inputs, found.next_state, clock_fj, outputs))
        return self._joined(rows)

    def _joined(self, rows: list[tuple[Indices, Indices, int, Floats, Indices]]) -> Flops:
        members = [row[0] for row in rows]
        sizes = [np.full(len(m), i.shape[1]) for m, i, *_ in rows]
        starts = np.cumsum([0, *(len(row[3]) for row in rows)])[:-1]
        domains = [self.network.flops[i] for m in members for i in m.tolist()]
        return Flops(
            _joined(members),
            np.array(domains, np.int64),
            np.concatenate([[0], np.cumsum(_joined(sizes))]),
            _joined([row[1].ravel() for row in rows]),
            np.concatenate([np.full(len(m), f, np.uint64) for m, _, f, *_ in rows] or [_NO_WORDS]),
            _joined([np.full(len(m), s) for m, s in zip(members, starts, strict=True)]),
            np.concatenate([row[3] for row in rows] or [np.zeros(0)]),
            np.concatenate([row[4] for row in rows] or [np.zeros((0, 2), np.int64)]),
        )

    # ------------------------------------------------------------------ order
    @cached_property
    def order(self) -> Indices:
        """Gates and sinks, each behind the gates that drive it; a latch's own output aside.

        Raises EnvironmentProblem where gates drive each other in a loop.
        """
        level = np.zeros(self.netlist.nets, np.int64)
        followers = [
            (group, group.inputs[:, : group.inputs.shape[1] - group.own_input])
            for group in self.groups
        ]
        found = [np.zeros(len(group.instances), np.int64) for group in self.groups]
        for _ in range(_DEEPEST):
            before = level.copy()
            for i, (group, inputs) in enumerate(followers):
                if group.kind != SOURCE and inputs.shape[1]:
                    found[i] = before[inputs].max(axis=1) + 1
                if group.kind == GATE:
                    level[group.output] = found[i]
            if np.array_equal(level, before):
                break
        else:
            raise EnvironmentProblem(
                f"{self.netlist.top}: gates drive each other in a loop, or {_DEEPEST} in a row"
            )
        levels = np.concatenate(found)
        kinds = np.repeat([g.kind for g in self.groups], [len(g.instances) for g in self.groups])
        order = np.argsort(levels, kind="stable")
        chosen: Indices = order[kinds[order] != SOURCE]
        return chosen


_NO_WORDS = np.zeros(0, np.uint64)


def _no_nets(rows: Indices) -> Indices:
    return np.zeros((len(rows), 0), np.int64)


def _flat(tables: Floats) -> Floats:
    return tables.reshape(len(tables), -1)


def _joined(arrays: list[Indices]) -> Indices:
    return np.concatenate([*arrays, np.zeros(0, np.int64)])
