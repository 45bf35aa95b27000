"""A technology at another voltage and temperature: each of its figures, moved as it must be."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from asicbnn.errors import ModelError
from asicbnn.technology.compiled_memory import Memory
from asicbnn.technology.composition import Cell
from asicbnn.technology.corners import Ratios
from asicbnn.technology.operating_point import ratios
from asicbnn.technology.popcount_entries import PopcountDelayEntry, PopcountEnergyEntry

if TYPE_CHECKING:
    from asicbnn.technology.library import Technology


@lru_cache(maxsize=512)
def moved(technology: Technology, voltage_v: float, temperature_c: float) -> Technology:
    """Return a library with its figures at another voltage and temperature.

    Areas, wire capacitances and everything outside the chip stay. At the library's own point the
    library itself is returned. Raises SpecError where its figures do not reach.
    """
    by = ratios(technology, voltage_v, temperature_c)
    if by == Ratios():
        return technology
    cells = {role: _cell(cell, by) for role, cell in technology.cells.items()}
    inverter, own = cells["inverter"], technology.cells["inverter"]
    toggle = inverter.toggle_energy_fj / own.toggle_energy_fj
    return replace(
        technology,
        digest=f"{technology.digest} at {voltage_v!r} V, {temperature_c!r} C",
        voltage_v=voltage_v,
        temperature_c=temperature_c,
        fo4_delay_ps=technology.fo4_delay_ps * by.delay,
        inverter_capacitance_ff=technology.inverter_capacitance_ff * by.capacitance,
        inverter_toggle_energy_fj=technology.inverter_toggle_energy_fj * toggle,
        setup_ps=technology.setup_ps * by.delay,
        path_relative_error=math.hypot(technology.path_relative_error, by.delay_error),
        clock_tree_energy_fj_per_sink=technology.clock_tree_energy_fj_per_sink * toggle,
        cells=cells,
        clock_buffer=_cell(technology.clock_buffer, by),
        popcount_energies={
            structure: _popcount_energy(entry, by, toggle)
            for structure, entry in technology.popcount_energies.items()
        },
        popcount_delays={
            structure: _popcount_delay(entry, by)
            for structure, entry in technology.popcount_delays.items()
        },
        flags=(*_flags(technology, by, toggle, voltage_v, temperature_c), *technology.flags),
        moved_by=by,
        moved_from=technology,
    )


def _cell(cell: Cell, by: Ratios) -> Cell:
    load = cell.toggle_energy_fj - cell.internal_energy_fj
    internal = cell.internal_energy_fj * by.internal
    clock = cell.clock_energy_fj
    return replace(
        cell,
        leakage_nw=cell.leakage_nw * by.leakage,
        input_capacitance_ff=cell.input_capacitance_ff * by.capacitance,
        internal_energy_fj=internal,
        toggle_energy_fj=internal + load * by.pin_energy,
        delay_fo4_ps=cell.delay_fo4_ps * by.delay,
        carry_delay_fo4_ps=cell.carry_delay_fo4_ps * by.delay,
        clock_energy_fj=None if clock is None else clock * by.internal,
    )


def _popcount_energy(entry: PopcountEnergyEntry, by: Ratios, toggle: float) -> PopcountEnergyEntry:
    return entry.model_copy(
        update={
            "compute_fj": tuple(fj * toggle for fj in entry.compute_fj),
            "input_pins_fj": tuple(fj * by.pin_energy for fj in entry.input_pins_fj),
        }
    )


def _popcount_delay(entry: PopcountDelayEntry, by: Ratios) -> PopcountDelayEntry:
    return entry.model_copy(
        update={
            "per_level_ps": entry.per_level_ps * by.delay,
            "offset_ps": entry.offset_ps * by.delay,
            "relative_error": math.hypot(entry.relative_error, by.delay_error),
        }
    )


def moved_macros(memory: Memory, technology: Technology) -> Memory:
    """Return a memory of SRAM macros at the voltage of the logic beside it.

    Their bit lines are charged to the supply, so energy goes by V^2 and the rest as logic does.
    Raises ModelError below the lowest voltage the macros are known at.
    """
    by, entry = technology.moved_by, technology.operating
    if by == Ratios():
        return memory
    least = technology.nominal.voltage_v if entry is None else entry.sram_lowest_voltage_v.value
    if technology.voltage_v < least:
        raise ModelError(
            f"SRAM macros of {technology.name} are known down to {least:g} V, not at "
            f"{technology.voltage_v:g} V; build the memory of latches (kind: latch) or raise "
            "operating_point.voltage_v"
        )
    return replace(
        memory,
        read_energy_fj=memory.read_energy_fj * by.wire_energy,
        write_energy_fj=memory.write_energy_fj * by.wire_energy,
        clock_energy_fj_per_cycle=memory.clock_energy_fj_per_cycle * by.wire_energy,
        leakage_nw=memory.leakage_nw * by.leakage,
        access_ps=memory.access_ps * by.delay,
        minimum_cycle_ps=memory.minimum_cycle_ps * by.delay,
        access_error=math.hypot(memory.access_error, by.delay_error),
    )


def _flags(
    technology: Technology, by: Ratios, toggle: float, voltage_v: float, temperature_c: float
) -> Iterator[str]:
    if by.corners:
        how = f"interpolated between the library corners {', '.join(by.corners)}"
        how = how if len(by.corners) > 1 else f"as in the library corner {by.corners[0]}"
    else:
        how = (
            f"by alpha-power delay (+-{by.delay_error:.0%}), powers of the voltage for energy "
            f"(+-{by.energy_error:.0%}) and exponential leakage (+-{by.leakage_error:.0%}; "
            f"assumed: {_assumed(technology)})"
        )
    yield (
        f"{technology.name} is moved from {technology.voltage_v:g} V and "
        f"{technology.temperature_c:g} C to {voltage_v:g} V and {temperature_c:g} C {how}: delay "
        f"x {by.delay:.3g}, toggle energy x {toggle:.3g}, leakage x {by.leakage:.3g}; what is off "
        "the chip stays as it is"
    )


def _assumed(technology: Technology) -> str:
    entry = technology.operating
    keys = () if entry is None else type(entry).model_fields
    named = [key for key in keys if getattr(getattr(entry, key), "assumed", False)]
    return ", ".join(named) or "none"


__all__ = ["moved", "moved_macros"]
