"""What a Liberty cell does when an input changes: delays, slews and energies, many at once.

All figures are read for arrays of instances, each with its own slews and load, so that a netlist
of a hundred thousand cells is ready in seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from asicbnn.errors import EnvironmentProblem
from asicbnn.technology.liberty.functions import truth_table
from asicbnn.technology.liberty.library import InternalPower, LibertyCell, Pin, Table, TimingArc

MOST_INPUTS = 10
"""Inputs of a cell, an output that is fed back among them: its tables grow with 2 ** inputs."""

Floats: TypeAlias = NDArray[np.float64]
Conditional: TypeAlias = TimingArc | InternalPower
Held = TypeVar("Held", TimingArc, InternalPower)


@cache
def truth(function: str, names: tuple[str, ...]) -> NDArray[np.bool_]:
    """A Liberty expression in each state of some names, of which name i is bit i.

    Raises SpecError for what is no expression over them.
    """
    table = truth_table(function, names)
    return np.array([table >> state & 1 for state in range(1 << len(names))], bool)


def interpolated(table: Table, slews_ps: Floats, loads_ff: Floats) -> Floats:
    """Values of a table at slews and loads [n]; the lines at its edges go on beyond them."""
    row, across = _positions(table.slew_ps, slews_ps)
    column, along = _positions(table.load_ff, loads_ff)
    below, beside = min(1, len(table.slew_ps) - 1), min(1, len(table.load_ff) - 1)
    values = table.values
    here = values[row, column] * (1 - along) + values[row, column + beside] * along
    there = values[row + below, column] * (1 - along) + values[row + below, column + beside] * along
    found: Floats = here * (1 - across) + there * across
    return found


def _positions(axis: Sequence[float], wanted: Floats) -> tuple[NDArray[np.intp], Floats]:
    """Entry to interpolate from, and the share of the way to the next one."""
    if len(axis) == 1:
        return np.zeros(len(wanted), np.intp), np.zeros(len(wanted))
    points = np.asarray(axis)
    low = np.clip(np.searchsorted(points, wanted, side="right") - 1, 0, len(points) - 2)
    return low, (wanted - points[low]) / (points[low + 1] - points[low])


@dataclass(frozen=True, eq=False)
class Gate:
    """A combinational output of a cell, or the output of a latch, as a function of its inputs.

    inputs    pins it depends on, in the order of the bits of a state; a latch's output is its last
    is_stored whether the last input is the output itself
    values    bool [states]: the output in each state of the inputs
    """

    cell: LibertyCell
    pin: Pin
    inputs: tuple[str, ...]
    is_stored: bool
    values: NDArray[np.bool_]

    @property
    def states(self) -> int:
        return 1 << len(self.inputs)

    @property
    def words(self) -> NDArray[np.uint64]:
        """The truth table as words of 64 bits: bit s is the output in state s."""
        padded = np.zeros(-(-self.states // 64) * 64, bool)
        padded[: self.states] = self.values
        return np.packbits(padded, bitorder="little").view("<u8").astype(np.uint64)

    def delays_ps(self, slews_ps: Floats, loads_ff: Floats) -> Floats:
        """Delay of the output's transition [n, input, state after it]; 0 where there is no arc.

        slews_ps  [n, input, falls or rises]
        """
        return self._by_state(self._arcs, slews_ps, loads_ff, ("cell_fall", "cell_rise"))

    def energies_fj(self, slews_ps: Floats, loads_ff: Floats) -> Floats:
        """Energy inside the cell of the output's transition [n, input, state after it]."""
        return self._by_state(self._powers, slews_ps, loads_ff, ("fall", "rise"))

    def slews_ps(self, slews_ps: Floats, loads_ff: Floats) -> Floats:
        """Mean slew of the output's transitions over all states [n, falls or rises]."""
        names = ("fall_transition", "rise_transition")
        of_state = self._by_state(self._arcs, slews_ps, loads_ff, names)
        means = np.zeros((len(loads_ff), 2))
        for edge in (0, 1):
            counted = self.switches & (self.values == edge)
            if counted.any():
                means[:, edge] = of_state[:, counted].mean(axis=1)
        return means

    @cached_property
    def switches(self) -> NDArray[np.bool_]:
        """Whether the output changes with an input, into a state: [input, state]."""
        states = np.arange(self.states)
        found = np.zeros((len(self.inputs), self.states), bool)
        for i in range(len(self.inputs) - self.is_stored):
            found[i] = self.values[states] != self.values[states ^ 1 << i]
        return found

    def _by_state(
        self,
        chosen: Callable[[int, int], Sequence[Conditional]],
        slews_ps: Floats,
        loads_ff: Floats,
        names: tuple[str, str],
    ) -> Floats:
        """Mean over what holds in a state, for all states in which the output has just changed."""
        found = np.zeros((len(loads_ff), len(self.inputs), self.states))
        known: dict[tuple[int, int], Floats] = {}
        for i, state in zip(*np.nonzero(self.switches), strict=True):
            rises = int(state) >> i & 1
            name = names[int(self.values[state])]
            given = (getattr(x, name) for x in chosen(int(i), int(state)))
            tables = [table for table in given if table is not None]
            for table in tables:
                key = id(table), 2 * i + rises
                if key not in known:
                    known[key] = interpolated(table, slews_ps[:, i, rises], loads_ff)
                found[:, i, state] += known[key] / len(tables)
        return found

    def _arcs(self, i: int, state: int) -> Sequence[TimingArc]:
        """Delay arcs of an input's change into a state."""
        rises, output_rises = bool(state >> i & 1), bool(self.values[state])
        sense = "positive_unate" if rises == output_rises else "negative_unate"
        arcs = [a for a in self.pin.arcs if a.related_pin == self.inputs[i] and a.is_delay]
        fitting = [arc for arc in arcs if arc.sense in (sense, "non_unate", "")]
        return self._holding(fitting or arcs, state)

    def _powers(self, i: int, state: int) -> Sequence[InternalPower]:
        powers = [p for p in self.pin.powers if p.related_pin in (self.inputs[i], "")]
        return self._holding(powers, state)

    def _holding(self, some: Sequence[Held], state: int) -> list[Held]:
        return holding(self.cell, some, self.inputs, state)




def holding(
    cell: LibertyCell, some: Sequence[Held], pins: tuple[str, ...], state: int
) -> list[Held]:
    """Return those whose condition may hold with pins in a state, else those without one."""
    names = (*pins, *(name for name in cell.pins if name not in pins))
    held = [
        x for x in some
        if x.when and truth(x.when, names)[state :: 1 << len(pins)].any()
    ]  # fmt: skip
    return held or [x for x in some if not x.when]


def gates_of(cell: LibertyCell) -> tuple[Gate, ...]:
    """Every output of a combinational cell or latch.

    Raises EnvironmentProblem for what cannot be simulated: more than six inputs, an output without
    a function, a bank of latches.
    """
    inputs = tuple(pin.name for pin in cell.inputs())
    found = []
    for pin in cell.outputs():
        names, functions = (*inputs, *_own_state(cell, pin)), pin.function
        if len(names) > MOST_INPUTS:
            raise EnvironmentProblem(f"{cell.name} has more than {MOST_INPUTS} inputs")
        if not functions:
            raise EnvironmentProblem(f"{cell.name}: output {pin.name} has no function")
        found.append(Gate(cell, pin, names, len(names) > len(inputs), _values(cell, pin, names)))
    return tuple(found)


def _own_state(cell: LibertyCell, pin: Pin) -> tuple[str, ...]:
    return (pin.name,) if cell.storages else ()


def _values(cell: LibertyCell, pin: Pin, names: tuple[str, ...]) -> NDArray[np.bool_]:
    """Return the output in each state; of a latch, what it holds or lets through."""
    if not cell.storages:
        return truth(pin.function, names)
    [latch] = cell.storages
    data, enable = (truth(x, names) for x in (latch.data, latch.clock))
    own = truth(pin.name, names)
    is_inverse = pin.function.strip() != latch.variables[0]
    through = ~data if is_inverse else data
    return np.where(enable, through, own)
