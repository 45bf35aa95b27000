"""Cells of a technology by role: measured ones as they are, missing ones composed from others.

A library without, say, a full adder still builds popcounts; the figures of the composed role
follow from its parts, and reports say that it was composed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from asicbnn.technology.cell_entries import CellEntry, Composition
from asicbnn.technology.cells import OUTPUTS


@dataclass(frozen=True, slots=True)
class Cell:
    """Figures of one cell (or of the cells composed in its place).

    area_um2, leakage_nw    : area [um2], leakage [nW]
    input_capacitance_ff    : mean over the input pins [fF]
    internal_energy_fj      : per transition of one output, without the load [fJ]
    toggle_energy_fj        : the same, driving four inverters [fJ]
    delay_fo4_ps            : mean of arcs and edges, driving four inverters [ps]
    carry_delay_fo4_ps      : to the carry output of an adder, else equal to ``delay_fo4_ps`` [ps]
    clock_energy_fj         : per clock cycle, in the cell and on its clock pin [fJ]; None: no clock
    composition             : the cell's name, or what it is composed of
    output_inverters        : inverters behind outputs the library's cell has inverted
    """

    role: str
    area_um2: float
    leakage_nw: float
    input_capacitance_ff: float
    internal_energy_fj: float
    toggle_energy_fj: float
    delay_fo4_ps: float
    carry_delay_fo4_ps: float
    clock_energy_fj: float | None
    composed: bool
    composition: str
    source: str
    note: str
    output_inverters: int = 0


def resolve(
    entries: Mapping[str, CellEntry | Composition], voltage_v: float, inverter_ff: float
) -> dict[str, Cell]:
    """Return every entry as a `Cell`; a composition uses measured entries only (ValueError)."""
    cells = {
        role: _measured(role, entry)
        for role, entry in entries.items()
        if isinstance(entry, CellEntry)
    }
    measured = dict(cells)
    for role, entry in entries.items():
        if isinstance(entry, Composition):
            cells[role] = _composed(role, entry, measured, voltage_v, inverter_ff)
    return cells


def _measured(role: str, entry: CellEntry) -> Cell:
    return Cell(
        role=role,
        area_um2=entry.area_um2,
        leakage_nw=entry.leakage_nw,
        input_capacitance_ff=entry.input_capacitance_ff,
        internal_energy_fj=entry.internal_energy_fj,
        toggle_energy_fj=entry.toggle_energy_fj,
        delay_fo4_ps=entry.delay_fo4_ps,
        carry_delay_fo4_ps=entry.carry_delay_fo4_ps or entry.delay_fo4_ps,
        clock_energy_fj=entry.clock_energy_fj,
        composed=False,
        composition=entry.cell,
        source=entry.source,
        note=entry.note,
    )


def _composed(
    role: str, entry: Composition, parts: Mapping[str, Cell], voltage_v: float, inverter_ff: float
) -> Cell:
    if strange := sorted(part for part in _named(entry) if part not in parts):
        raise ValueError(f"{role} is composed of {', '.join(strange)}, not measured in this file")
    half_v2 = 0.5 * voltage_v**2
    inside = _sum(entry.switching, parts, lambda cell: cell.internal_energy_fj)
    inside += half_v2 * _sum(entry.inner_pins, parts, lambda cell: cell.input_capacitance_ff)
    internal = inside / OUTPUTS.get(role, 1)
    path = sum(parts[part].delay_fo4_ps for part in entry.path)
    carry = sum(parts[part].carry_delay_fo4_ps for part in entry.carry_path)
    return Cell(
        role=role,
        area_um2=_sum(entry.composed, parts, lambda cell: cell.area_um2),
        leakage_nw=_sum(entry.composed, parts, lambda cell: cell.leakage_nw),
        input_capacitance_ff=_sum(entry.input_pins, parts, lambda cell: cell.input_capacitance_ff),
        internal_energy_fj=internal,
        toggle_energy_fj=internal + 4 * half_v2 * inverter_ff,
        delay_fo4_ps=path,
        carry_delay_fo4_ps=carry or path,
        clock_energy_fj=_clock_energy_fj(entry, parts, half_v2) if entry.is_clocked else None,
        composed=True,
        composition=" + ".join(f"{n} {parts[part].role}" for part, n in entry.composed.items()),
        source=entry.source,
        note=entry.note,
        output_inverters=(
            entry.composed.get("inverter", 0) if f"{role}_inverting" in entry.composed else 0
        ),
    )


def _named(entry: Composition) -> set[str]:
    """Parts that a composition names anywhere."""
    used = {*entry.composed, *entry.switching, *entry.inner_pins, *entry.input_pins}
    used |= {*entry.path, *entry.carry_path, *entry.clock_pins, *entry.clock_switching}
    return used | ({entry.clocked_by} if entry.clocked_by else set())


def _sum(
    counts: Mapping[str, float], parts: Mapping[str, Cell], figure: Callable[[Cell], float]
) -> float:
    """Sum of a figure over so many of each part."""
    return sum(n * figure(parts[part]) for part, n in counts.items())


def _clock_energy_fj(entry: Composition, parts: Mapping[str, Cell], half_v2: float) -> float:
    """Energy of one clock cycle: every clock pin and what it drives rises and falls."""
    own = (parts[entry.clocked_by].clock_energy_fj or 0.0) if entry.clocked_by else 0.0
    pins = _sum(entry.clock_pins, parts, lambda cell: cell.input_capacitance_ff)
    inside = _sum(entry.clock_switching, parts, lambda cell: cell.internal_energy_fj)
    return own + 2 * (half_v2 * pins + inside)
