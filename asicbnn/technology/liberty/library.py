"""What a Liberty library says, in this program's units: ps, fF, fJ, nW, um2, V and degrees C."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, slots=True)
class Table:
    """A non-linear delay model table: values over input slew and load, both axes rising.

    slew_ps, load_ff : the axes; one entry where the values do not depend on it
    values           : [slew, load], in ps of a delay or slew, in fJ of an energy. Of a constraint
                       the axes are the slews of the constrained and of the related pin [ps].
    """

    slew_ps: tuple[float, ...]
    load_ff: tuple[float, ...]
    values: NDArray[np.float64] = field(repr=False)

    def at(self, slew_ps: float, load_ff: float) -> float:
        """Interpolate bilinearly; beyond an axis the line of its last two entries goes on."""
        row, across = _position(self.slew_ps, slew_ps)
        column, along = _position(self.load_ff, load_ff)
        value = self.values.item
        here = value(row, column)
        if across:
            here += across * (value(row + 1, column) - here)
        if not along:
            return here
        there = value(row, column + 1)
        if across:
            there += across * (value(row + 1, column + 1) - there)
        return here + along * (there - here)


def _position(axis: tuple[float, ...], value: float) -> tuple[int, float]:
    """Return the entry to interpolate from and the share of the way to the next one."""
    if len(axis) == 1:
        return 0, 0.0
    low = min(max(bisect_right(axis, value) - 1, 0), len(axis) - 2)
    return low, (value - axis[low]) / (axis[low + 1] - axis[low])


@dataclass(frozen=True, eq=False, slots=True)
class TimingArc:
    """Delay from a related pin to the pin that holds the arc, or a constraint between the two.

    sense : "positive_unate", "negative_unate", "non_unate" or "" where the file does not say
    kind  : Liberty's timing_type, "combinational" where the file does not say
    when  : condition on other pins, "" for none
    """

    related_pin: str
    sense: str
    kind: str
    when: str
    cell_rise: Table | None = None
    cell_fall: Table | None = None
    rise_transition: Table | None = None
    fall_transition: Table | None = None
    rise_constraint: Table | None = None
    fall_constraint: Table | None = None

    @property
    def is_delay(self) -> bool:
        """Whether the arc holds delays, no constraint."""
        return self.cell_rise is not None or self.cell_fall is not None


@dataclass(frozen=True, eq=False, slots=True)
class InternalPower:
    """Energy inside the cell per transition of the pin that holds it, the load excluded [fJ].

    related_pin : input that causes the transition; "" for the energy of an input's own transition
    when        : condition on other pins, "" for none
    with_output : another output that switches at once, whose energy is in the tables as well
    """

    related_pin: str
    when: str
    rise: Table | None
    fall: Table | None
    with_output: str = ""


@dataclass(frozen=True, slots=True)
class Leakage:
    """Leakage power of the cell in the states that satisfy ``when`` ("" for all of them)."""

    power_nw: float
    when: str


@dataclass(frozen=True, eq=False, slots=True)
class Pin:
    """A signal pin, or a bus of ``width`` of them.

    capacitance_ff   : of an input, per bit;  rise and fall of it where the file tells them apart
    function         : Liberty expression of an output, over inputs and state variables
    is_clock         : marked as a clock
    role             : "scan" for pins of a scan path; "gate_clock", "gate_enable", "gate_test",
                       "gate_out" for the pins of a clock gate; else ""
    minimum_period_ps : of a clock pin, where the file states one
    """

    name: str
    direction: str
    width: int
    capacitance_ff: float
    rise_capacitance_ff: float
    fall_capacitance_ff: float
    function: str
    three_state: str
    is_clock: bool
    role: str
    arcs: tuple[TimingArc, ...]
    powers: tuple[InternalPower, ...]
    minimum_period_ps: float | None = None


@dataclass(frozen=True, slots=True)
class Storage:
    """An ``ff`` or ``latch`` group: one bit of state, or a bank of ``bits``.

    variables : names of the state and of its complement
    clock     : clocked_on of a flip-flop, enable of a latch (Liberty expressions, as the others)
    data      : next_state of a flip-flop, data_in of a latch
    has_second_clock : master and slave have clocks of their own
    """

    kind: str
    variables: tuple[str, ...]
    bits: int
    clock: str
    data: str
    clear: str
    preset: str
    has_second_clock: bool = False


@dataclass(frozen=True, slots=True)
class MemoryShape:
    """The ``memory`` group of a macro: words it addresses and bits of a word."""

    kind: str
    address_bits: int
    word_bits: int


@dataclass(frozen=True, eq=False, slots=True)
class LibertyCell:
    """One cell.

    leakage_nw   : cell_leakage_power, or the mean of the states where that is not given
    clock_gate   : clock_gating_integrated_cell, "" for other cells
    drawbacks    : why a synthesis tool would not use it freely: "dont_use", "scan", "always_on",
                   "level_shifter", "isolation", "retention", "switch", "pad", "filler", "macro",
                   "supplies" (more than one power supply), "use_for_size_only", "driver" (an
                   output that does not drive both levels)
    threshold    : threshold_voltage_group, or the library's default, "" where neither is given
    is_for_clock : marked as a cell of clock trees
    place        : which of the library's files it is from, in the order they were given
    line         : where it begins in its file
    """

    name: str
    area_um2: float
    leakage_nw: float
    leakages: tuple[Leakage, ...]
    pins: Mapping[str, Pin]
    storages: tuple[Storage, ...]
    has_state_table: bool
    clock_gate: str
    drawbacks: frozenset[str]
    memory: MemoryShape | None
    file: str
    line: int
    threshold: str = ""
    is_for_clock: bool = False
    place: int = 0

    def inputs(self) -> Iterator[Pin]:
        """Pins that are driven from outside."""
        return (pin for pin in self.pins.values() if pin.direction == "input")

    def outputs(self) -> Iterator[Pin]:
        """Pins that drive others."""
        return (pin for pin in self.pins.values() if pin.direction == "output")


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Between which shares of the swing slews are measured, and where delays are [0 to 1].

    derate : factor from a slew in the tables to the time between the two slew thresholds
    """

    slew_lower: float
    slew_upper: float
    delay: float
    derate: float

    def __str__(self) -> str:
        return (
            f"{self.slew_lower:.0%} to {self.slew_upper:.0%} of the swing (slews), "
            f"{self.delay:.0%} (delays), derate {self.derate:g},"
        )


@dataclass(frozen=True, slots=True)
class LibertyFile:
    """A file that was read: its name without folders, SHA-256 of its bytes, size in characters."""

    name: str
    sha256: str
    characters: int


@dataclass(frozen=True, eq=False, slots=True)
class Library:
    """The cells of one corner, from one file or several.

    notes       : what was peculiar about the files: an assumed unit, a cell defined twice
    delay_model : as the file names it, "" where it does not
    """

    name: str
    voltage_v: float
    temperature_c: float
    process: float | None
    corner: str
    thresholds: Thresholds
    cells: Mapping[str, LibertyCell] = field(repr=False)
    files: tuple[LibertyFile, ...]
    notes: tuple[str, ...]
    delay_model: str = ""
