"""How the gates of a netlist become code: units, the order they run in, and what they store.

A *unit* is a whole row of gates that one loop over its bits can compute (bit n of every processing
element is one row), or else a single gate. Units of one width that need nothing from each other
but the same bit run in one *section*: a loop whose body is a cone of gates, small enough to stay
in the processor's caches, however many processing elements there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from asicbnn.simulation.backends.gate_level.gate_netlist import GATE_KINDS, READ, GateNetlist

SECTION_UNITS = 2500  # units per section: large enough to optimise, small enough to compile


class Span(NamedTuple):
    """Signals first, first + step, ...: one per bit of a row; step 0 is the same for all."""

    first: int
    step: int


@dataclass(frozen=True)
class Unit:
    """A row of ``width`` equal gates, a single gate (width 1), or a checked read port (kind read).

    span      its outputs
    operands  what the gates read
    """

    span: Span
    width: int
    kind: str
    operands: tuple[Span, ...]


@dataclass
class Section:
    """Units of one width in the order they run, and those of their outputs others read."""

    width: int
    units: list[Unit]
    stored: set[Span] = field(default_factory=set)


def plan(
    netlist: GateNetlist, live: bytearray, sinks: Sequence[int], checked_reads: Iterable[int]
) -> list[Section]:
    """Cut the live gates into sections, in an order in which each follows what it reads.

    checked_reads  first signals of read ports whose address is made of gates
    """
    units, unit_of = _units(netlist, live, checked_reads)
    order = _depth_first(netlist, units, unit_of, sinks, live)
    sections = [
        Section(width, chunk) for width, phase in _phases(order, unit_of) for chunk in _cut(phase)
    ]
    _mark_stored(sections, unit_of, sinks)
    return sections


def _units(
    netlist: GateNetlist, live: bytearray, checked_reads: Iterable[int]
) -> tuple[list[Unit], dict[int, Unit]]:
    units: list[Unit] = []
    unit_of: dict[int, Unit] = {}
    for first, size in netlist.sizes.items():
        members = range(first, first + size)
        if not any(live[first : first + size]):
            continue
        made = _row(netlist, first, size) if all(live[first : first + size]) else None
        if made is not None:
            units.append(made)
            unit_of.update(dict.fromkeys(members, made))
            continue
        for signal in members:
            if live[signal] and netlist.kinds[signal] in GATE_KINDS:
                operands = tuple(Span(i, 0) for i in netlist.inputs[signal])
                unit = Unit(Span(signal, 0), 1, netlist.kinds[signal], operands)
                units.append(unit)
                unit_of[signal] = unit
    for first in checked_reads:
        read = netlist.reads[first]
        unit = Unit(Span(first, 0), 1, READ, tuple(Span(bit, 0) for bit in read.address))
        units.append(unit)
        unit_of.update(dict.fromkeys(range(first, first + netlist.sizes[first]), unit))
    return units, unit_of


def _row(netlist: GateNetlist, first: int, size: int) -> Unit | None:
    """The row as one unit, if its gates are equal and read one signal per operand and bit."""
    kind = netlist.kinds[first]
    members = range(first, first + size)
    if size < 2 or kind not in GATE_KINDS or any(netlist.kinds[s] != kind for s in members):
        return None
    spans = []
    for column in zip(*(netlist.inputs[s] for s in members), strict=True):
        span = _span(netlist, column)
        if span is None:
            return None
        spans.append(span)
    return Unit(Span(first, 1), size, kind, tuple(spans))


def _span(netlist: GateNetlist, signals: Sequence[int]) -> Span | None:
    first = signals[0]
    step = signals[1] - first
    if step not in (0, 1) or netlist.origins[signals[-1]] != netlist.origins[first]:
        return None
    if any(signal != first + step * index for index, signal in enumerate(signals)):
        return None
    return Span(first, step)


def _needed(unit: Unit, unit_of: dict[int, Unit]) -> Iterator[tuple[Unit, bool]]:
    """Units that make what a unit reads, and whether it is the same bit of an equal row."""
    for span in unit.operands:
        last = span.first + span.step * (unit.width - 1)
        for signal in range(span.first, last + 1):
            maker = unit_of.get(signal)
            if maker is None:
                continue
            if maker.kind == READ:
                aligned = unit.width == 1  # in a section without a loop, order is enough
            else:
                aligned = maker.width == unit.width and maker.span == span
            yield maker, aligned
            if maker.width > 1 and last < maker.span.first + maker.width:
                break


def _depth_first(
    netlist: GateNetlist,
    units: list[Unit],
    unit_of: dict[int, Unit],
    sinks: Sequence[int],
    live: bytearray,
) -> list[Unit]:
    order: list[Unit] = []
    seen: set[Span] = set()
    starts = [unit_of[sink] for sink in sinks if sink in unit_of]
    # Whatever is kept alive but read by nothing runs last.
    for start in (*starts, *units):
        stack = [(start, False)]
        while stack:
            unit, is_ready = stack.pop()
            if is_ready:
                order.append(unit)
            elif unit.span not in seen:
                seen.add(unit.span)
                stack.append((unit, True))
                stack.extend((maker, False) for maker, _ in reversed([*_needed(unit, unit_of)]))
    return order


def _phases(order: list[Unit], unit_of: dict[int, Unit]) -> Iterator[tuple[int, list[Unit]]]:
    """Runs of units of one width, as long as they can be: the width with most units goes first."""
    needs = {
        unit.span: [(maker.span, aligned) for maker, aligned in _needed(unit, unit_of)]
        for unit in order
    }
    done: set[Span] = set()
    remaining = order
    while remaining:
        best: list[Unit] = []
        for width in {unit.width for unit in remaining}:
            phase, inside = [], set()
            for unit in remaining:
                if unit.width == width and all(
                    maker in done or (aligned and maker in inside)
                    for maker, aligned in needs[unit.span]
                ):
                    phase.append(unit)
                    inside.add(unit.span)
            best = max(best, phase, key=len)
        done.update(unit.span for unit in best)
        remaining = [unit for unit in remaining if unit.span not in done]
        yield best[0].width, best


def _cut(units: list[Unit]) -> Iterator[list[Unit]]:
    for start in range(0, len(units), SECTION_UNITS):
        yield units[start : start + SECTION_UNITS]


def _mark_stored(sections: list[Section], unit_of: dict[int, Unit], sinks: Sequence[int]) -> None:
    section_of = {unit.span: section for section in sections for unit in section.units}
    for section in sections:
        for unit in section.units:
            for maker, aligned in _needed(unit, unit_of):
                home = section_of[maker.span]
                if not (aligned and home is section):
                    home.stored.add(maker.span)
    for sink in sinks:
        if sink in unit_of:
            maker = unit_of[sink]
            section_of[maker.span].stored.add(maker.span)
