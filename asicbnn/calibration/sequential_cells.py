"""Flip-flops and clock gates of a Liberty library: what they store, and what a clock edge costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from asicbnn.calibration.cell_tables import Floats, holding, interpolated, truth
from asicbnn.errors import EnvironmentProblem
from asicbnn.technology.liberty.library import LibertyCell, Pin, Table

_GATES_ON_RISING_EDGE = "latch_posedge"


@dataclass(frozen=True, eq=False)
class Flop:
    """A flip-flop clocked by a rising edge.

    clock    its clock pin               inputs   the others, in the order of the bits of a state
    resets   pins that must be constant, and inactive
    """

    cell: LibertyCell
    clock: str
    inputs: tuple[str, ...]
    resets: tuple[str, ...]

    @property
    def next_state(self) -> int:
        """Truth table over the inputs and, above them, the state: bit s is what is stored next."""
        [storage] = self.cell.storages
        values = truth(storage.data, (*self.inputs, *self._variables[:1]))
        return sum(1 << s for s in range(len(values)) if values[s])

    @property
    def _variables(self) -> tuple[str, ...]:
        return self.cell.storages[0].variables

    def outputs(self) -> tuple[Pin, ...]:
        """Outputs that show the state or its inverse."""
        return tuple(p for p in self.cell.outputs() if p.function.strip() in self._variables)

    def is_inverse(self, pin: Pin) -> bool:
        """Say whether an output shows the inverse of the state."""
        return pin.function.strip() != self._variables[0]

    def is_reset(self, pins: dict[str, bool]) -> bool:
        """Say whether clear or preset are active with constants at their pins."""
        [storage] = self.cell.storages
        names = tuple(pins)
        state = sum(value << i for i, value in enumerate(pins.values()))
        active = (x for x in (storage.clear, storage.preset) if x)
        return any(bool(truth(x, names)[state]) for x in active)

    def launched(
        self, pin: Pin, names: tuple[str, str], slew_ps: float, loads_ff: Floats
    ) -> Floats:
        """Mean over the tables of these names, of what the clock causes: [n, falls or rises]."""
        return _launched(self.clock, pin, names, slew_ps, loads_ff)

    def clock_energy_fj(self, slew_ps: float) -> Floats:
        """Energy of a whole clock cycle in state (inputs, and above them what is stored before).

        The edge that rises finds what was stored, the one that falls what is stored next; the
        charge of the clock pin is not in it.
        """
        shown = self.outputs()
        pins = (*self.inputs, *(pin.name for pin in shown))
        count, following = len(self.inputs), self.next_state
        energies = np.zeros(2 << count)
        for at in range(len(energies)):
            for edge, stored in (("rise", at >> count), ("fall", following >> at & 1)):
                state = at & ((1 << count) - 1)
                for i, pin in enumerate(shown, count):
                    state |= (stored ^ self.is_inverse(pin)) << i
                energies[at] += _own_energy_fj(self.cell, self.clock, edge, pins, state, slew_ps)
        return energies


@dataclass(frozen=True, eq=False)
class ClockGate:
    """An integrated clock gate; it lets an edge through if an enable is 1 before it.

    enables  pins of which one must be 1
    """

    cell: LibertyCell
    clock: str
    enables: tuple[str, ...]
    output: str

    @property
    def pin_ff(self) -> float:
        """Capacitance of the clock pin."""
        return self.cell.pins[self.clock].capacitance_ff

    def closed_fj(self, slew_ps: float) -> float:
        """Energy of a clock cycle it stops, without the charge of its clock pin."""
        return self._clock_fj(0, slew_ps)

    def open_fj(self, slew_ps: float, loads_ff: Floats) -> Floats:
        """Energy of a clock cycle it lets through, its load left out [n]."""
        pin = self.cell.pins[self.output]
        both = _launched(self.clock, pin, ("fall", "rise"), slew_ps, loads_ff).sum(axis=1)
        opened: Floats = both + self._clock_fj(1, slew_ps)
        return opened

    def _clock_fj(self, state: int, slew_ps: float) -> float:
        """Energy of the clock pin's own transitions, the first enable being 0 or 1."""
        pins = self.enables
        return sum(
            _own_energy_fj(self.cell, self.clock, edge, pins, state, slew_ps)
            for edge in ("rise", "fall")
        )


def _own_energy_fj(
    cell: LibertyCell, name: str, edge: str, pins: tuple[str, ...], state: int, slew_ps: float
) -> float:
    """Energy of an input's own transition, others being in a state; the mean of what holds."""
    powers = [p for p in cell.pins[name].powers if p.related_pin in ("", name)]
    tables = [getattr(p, edge) for p in holding(cell, powers, pins, state)]
    given = [table.at(slew_ps, 0.0) for table in tables if table is not None]
    return sum(given) / len(given) if given else 0.0


def own_energies_fj(
    cell: LibertyCell, pins: tuple[str, ...], changing: tuple[str, ...], slews_ps: Floats
) -> Floats:
    """Energy of inputs' own transitions [n, input, state of the pins after it].

    pins      known pins, in the order of the bits of a state
    changing  those of them that change, the first ones
    slews_ps  [n, input, falls or rises]
    """
    count = len(slews_ps)
    found = np.zeros((count, len(pins), 1 << len(pins)))
    for i, name in enumerate(changing):
        powers = [p for p in cell.pins[name].powers if p.related_pin in ("", name)]
        for state in range(1 << len(pins)) if powers else ():
            rises = state >> i & 1
            tables = [x.rise if rises else x.fall for x in holding(cell, powers, pins, state)]
            given = [table for table in tables if table is not None]
            for table in given:
                energies = interpolated(table, slews_ps[:, i, rises], np.zeros(count))
                found[:, i, state] += energies / len(given)
    return found


def _launched(
    clock: str, pin: Pin, names: tuple[str, str], slew_ps: float, loads_ff: Floats
) -> Floats:
    slews = np.full(len(loads_ff), slew_ps)
    found = np.zeros((len(loads_ff), 2))
    for edge, name in enumerate(names):
        given = list(_tables(clock, pin, name))
        for table in given:
            found[:, edge] += interpolated(table, slews, loads_ff) / len(given)
    return found


def _tables(clock: str, pin: Pin, name: str) -> Iterator[Table]:
    """Tables of a name, of arcs that begin at the clock."""
    for some in (pin.arcs, pin.powers):
        for x in some:
            if x.related_pin == clock and (table := getattr(x, name, None)) is not None:
                yield table


def sequential(cell: LibertyCell) -> Flop | ClockGate | None:
    """Return a cell as a flip-flop or clock gate; None for all others.

    Raises EnvironmentProblem for one that is not clocked by a rising edge.
    """
    if cell.clock_gate:
        return _clock_gate(cell)
    if not cell.storages or cell.storages[0].kind != "flop":
        return None
    [storage] = cell.storages
    clock = storage.clock.strip("() ")
    if clock not in cell.pins:
        raise EnvironmentProblem(f"{cell.name} is not clocked by the rising edge of one pin")
    asynchronous = f"{storage.clear} {storage.preset}"
    resets = tuple(p.name for p in cell.inputs() if p.name in _words(asynchronous))
    inputs = tuple(p.name for p in cell.inputs() if p.name not in (clock, *resets))
    return Flop(cell, clock, inputs, resets)


def _clock_gate(cell: LibertyCell) -> ClockGate:
    if not cell.clock_gate.startswith(_GATES_ON_RISING_EDGE):
        raise EnvironmentProblem(f"{cell.name} is no clock gate of rising edges")
    by_role: dict[str, list[str]] = {}
    for pin in cell.pins.values():
        by_role.setdefault(pin.role, []).append(pin.name)
    [clock], [output] = by_role["gate_clock"], by_role["gate_out"]
    enables = (*by_role["gate_enable"], *by_role.get("gate_test", ()))
    return ClockGate(cell, clock, enables, output)


def _words(text: str) -> set[str]:
    return set("".join(x if x.isalnum() or x == "_" else " " for x in text).split())


__all__ = ["ClockGate", "Flop", "own_energies_fj", "sequential"]
