"""The form of a technology file: every figure with the source it was taken from.

The classes mirror the YAML; `library.py` turns them into the `Technology` the models ask.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, PositiveFloat, model_validator

from asicbnn.technology.cell_entries import AnyCell, CellEntry, Composition
from asicbnn.technology.cells import ROLES
from asicbnn.technology.factor_entries import (
    CalibrationEntry,
    CellMemoryEntry,
    PlacedWires,
    RoutedEntry,
)
from asicbnn.technology.form import Figure, Form, Name, check_sources
from asicbnn.technology.operating_entry import OperatingEntry
from asicbnn.technology.popcount_entries import STRUCTURES, PopcountDelayEntry, PopcountEnergyEntry


class SramEntry(Form):
    """How the fitted SRAM macros carry over to this technology.

    area_ratio, leakage_ratio : to the fitted macros;  access: from the fit, or a number of FO4
    delays. Energy scales with the toggle energy of an inverter loaded by four, and energy_ratio is
    to what that gives: what macros of this process show, where there are any. An error that a
    ratio states takes the place of a factor of 2 either way.
    """

    fit: Name
    scaled: bool
    area_ratio: Figure
    leakage_ratio: Figure
    access: Literal["fit"] | Figure
    energy_ratio: Figure | None = None
    note: str = ""


class CornerEntry(Form):
    """Another corner of the library, relative to the one whose figures the file holds.

    The ratios are geometric means over the cells of the file: delay at a fan-out of four, energy
    of an output transition with its load, leakage.
    """

    name: Name
    voltage_v: PositiveFloat
    temperature_c: float
    delay_ratio: PositiveFloat
    energy_ratio: PositiveFloat
    leakage_ratio: PositiveFloat
    source: Name


class TechnologyFile(Form):
    """A whole technology file."""

    kind: Literal["library"] = "library"

    name: Name
    description: str = ""
    sources: dict[str, Name]
    node_nm: Figure
    voltage_v: Figure
    temperature_c: Figure
    fo4_delay_ps: Figure
    inverter_capacitance_ff: Figure
    inverter_toggle_energy_fj: Figure
    gate_equivalent_um2: Figure
    wire_ff_per_mm: Figure
    wire_ohm_per_um: Figure | None = None
    inverter_width_um: Figure | None = None
    """Channel width of the inverter's transistors, mean of both: what its leakage is per."""
    clock_wire_ff_per_mm: Figure
    setup_ps: Figure
    path_relative_error: Figure
    clock_tree_fanout: Figure
    clock_tree_wire_um_per_sink: Figure
    cells: dict[str, AnyCell]
    popcount_energy: dict[str, PopcountEnergyEntry]
    popcount_delay: dict[str, PopcountDelayEntry]
    sram: SramEntry
    corners: tuple[CornerEntry, ...] = ()
    routed: RoutedEntry | None = None
    calibration: dict[str, CalibrationEntry] = Field(default_factory=dict)
    """Factors by structure: see `calibration.STRUCTURES`."""
    cell_memories: dict[Literal["latch", "register"], CellMemoryEntry] = Field(default_factory=dict)
    """Factors of memories built of cells, by what their rows are."""
    placed_wires: dict[str, PlacedWires] = Field(default_factory=dict)
    """Factors of the energy of wires, by structure: `placed_wires.wires_key`."""
    macros: tuple[Name, ...] = ()
    """Lists of SRAM macros: shipped names, or files beside this one."""
    operating: OperatingEntry | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if missing := [role for role in ROLES if role not in self.cells]:
            raise ValueError(f"cells lacks {', '.join(missing)}: measure or compose each role")
        for part in (self.popcount_energy, self.popcount_delay):
            if set(part) != set(STRUCTURES):
                raise ValueError("popcount figures need exactly sliced and tree")
        for role in ("flop", "latch", "clock_gate"):
            entry = self.cells[role]
            if isinstance(entry, CellEntry) and entry.clock_energy_fj is None:
                raise ValueError(f"cells.{role} needs clock_energy_fj [fJ per cycle]")
            if isinstance(entry, Composition) and not entry.is_clocked:
                raise ValueError(f"cells.{role} needs clocked_by or clock_pins")
        return self

    @model_validator(mode="after")
    def _operable(self) -> Self:
        if self.operating is None:
            return self
        volts, degrees = self.voltage_v.value, self.temperature_c.value
        low, high = self.operating.threshold_voltage_v.value, self.operating.highest_voltage_v.value
        if not low < volts <= high:
            raise ValueError(
                f"operating: voltage_v, {volts:g}, must lie above threshold_voltage_v, {low:g}, "
                f"and not above highest_voltage_v, {high:g}"
            )
        known = self.operating.temperature_c
        if not known.least <= degrees <= known.most:
            raise ValueError(
                f"operating.temperature_c: the library's own, {degrees:g}, must lie within "
                f"{known.least:g} to {known.most:g}"
            )
        return self

    @model_validator(mode="after")
    def _sourced(self) -> Self:
        check_sources(self, self.sources)
        return self
