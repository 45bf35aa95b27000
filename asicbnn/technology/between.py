"""Between the libraries of two nodes: every figure of a technology, interpolated.

Figures go by their logarithms, those that may be zero or negative in a straight line; delays of
popcounts in FO4 delays, voltages of the operating section as a share of the nominal one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from asicbnn.technology.composition import Cell
from asicbnn.technology.form import Figure
from asicbnn.technology.library import Technology
from asicbnn.technology.operating_entry import OperatingEntry
from asicbnn.technology.popcount import popcount_energy
from asicbnn.technology.popcount_entries import STRUCTURES, PopcountDelayEntry, PopcountEnergyEntry
from asicbnn.technology.schema import SramEntry

BAND: Final = 1.0
"""Relative error of every figure: a factor of 2 either way."""
LEAKAGE_BAND: Final = 15.0
"""Relative error of leakage: by a factor of 16 two libraries of one node, 130 nm, differ."""

_LANES: Final = (16, 64, 256)
_CELL_FIGURES: Final = (
    "area_um2", "leakage_nw", "input_capacitance_ff", "internal_energy_fj", "toggle_energy_fj",
    "delay_fo4_ps", "carry_delay_fo4_ps", "clock_energy_fj",
)  # fmt: skip
_VOLTAGES: Final = frozenset({"threshold_voltage_v", "highest_voltage_v", "sram_lowest_voltage_v"})
"""Figures of an operating section that go with the nominal voltage."""

Of = Callable[[Technology], float]


def energy_ratio(technology: Technology) -> float:
    """Energy of a technology's SRAM over that of the fit scaled by FO4 toggle energy."""
    figure = technology.sram.energy_ratio
    return figure.value if figure is not None else 1.0


@dataclass(frozen=True)
class Between:
    """Where a node lies between two others, and the libraries there are of each.

    share  0 at the coarser node, 1 at the finer;  before, after  their libraries
    """

    node_nm: float
    share: float
    before: tuple[Technology, ...]
    after: tuple[Technology, ...]

    @property
    def all(self) -> tuple[Technology, ...]:
        """All libraries, coarser node first."""
        return (*self.before, *self.after)

    def log(self, of: Of) -> float:
        """Interpolate a positive figure by its logarithm; libraries of one node count alike."""
        before, after = (_mean(math.log(of(t)) for t in some) for some in (self.before, self.after))
        return math.exp((1 - self.share) * before + self.share * after)

    def straight(self, of: Of) -> float:
        """Interpolate a figure that may be zero or negative."""
        before, after = (_mean(of(t) for t in some) for some in (self.before, self.after))
        return (1 - self.share) * before + self.share * after

    def technology(self, bit_cell_ratio: float) -> Technology:
        """Return the technology between them.

        bit_cell_ratio  area of an SRAM bit cell over that of the fitted macros' node
        """
        nearest = self.after[0] if self.share > 0.5 else self.before[0]
        fo4, volts = self.log(lambda t: t.fo4_delay_ps), self.log(lambda t: t.voltage_v)
        return replace(
            nearest,
            name=f"scaled:{self.node_nm:g}",
            description=f"{self.node_nm:g} nm, interpolated between {self.names}",
            digest=f"{self.node_nm!r} nm between {' '.join(t.digest for t in self.all)}",
            node_nm=self.node_nm,
            voltage_v=volts,
            fo4_delay_ps=fo4,
            inverter_capacitance_ff=self.log(lambda t: t.inverter_capacitance_ff),
            inverter_toggle_energy_fj=self.log(lambda t: t.inverter_toggle_energy_fj),
            gate_equivalent_um2=self.log(lambda t: t.gate_equivalent_um2),
            wire_ff_per_mm=self.log(lambda t: t.wire_ff_per_mm),
            wire_ohm_per_um=self._resistance(),
            clock_wire_ff_per_mm=self.log(lambda t: t.clock_wire_ff_per_mm),
            setup_ps=self.log(lambda t: t.setup_ps),
            path_relative_error=BAND,
            clock_tree_energy_fj_per_sink=self.log(lambda t: t.clock_tree_energy_fj_per_sink),
            clock_tree_area_um2_per_sink=self.log(lambda t: t.clock_tree_area_um2_per_sink),
            cells={role: self._cell(_role(role)) for role in nearest.cells},
            clock_buffer=self._cell(lambda t: t.clock_buffer),
            popcount_energies={s: self._popcount_energy(s) for s in STRUCTURES},
            popcount_delays={s: self._popcount_delay(s, fo4) for s in STRUCTURES},
            sram=self._sram(bit_cell_ratio),
            macros=None,
            routed=None,
            sources={f"{t.name}: {key}": text for t in self.all for key, text in t.sources.items()},
            flags=(self.flag,),
            operating=self._operating(volts),
            corners=(),
            calibration={},
            cell_memories={},
            placed_wires={},
            node_error=BAND,
            leakage_error=LEAKAGE_BAND,
            inverter_width_um=self._width(),
        )

    @property
    def names(self) -> str:
        """The libraries, as a reader wants them."""
        named = [f"{t.name} ({t.node_nm:g} nm)" for t in self.all]
        return f"{', '.join(named[:-1])} and {named[-1]}"

    @property
    def flag(self) -> str:
        """What a report has to say about such figures."""
        return (
            f"{self.node_nm:g} nm is interpolated between {self.names}, in the logarithms of node "
            f"and figure: a factor of 2 either way, leakage one of {1 + LEAKAGE_BAND:.0f}"
        )

    def _width(self) -> float | None:
        if any(t.inverter_width_um is None for t in self.all):
            return None
        return self.log(lambda t: t.inverter_width_um or math.nan)

    def _resistance(self) -> float | None:
        if any(t.wire_ohm_per_um is None for t in self.all):
            return None
        return self.log(lambda t: t.wire_ohm_per_um or math.nan)

    def _cell(self, of: Callable[[Technology], Cell]) -> Cell:
        """Interpolate every figure of a cell; what a library has none of, nobody has."""
        cells = [of(t) for t in self.all]
        figures: dict[str, float | None] = {}
        for name in _CELL_FIGURES:
            values = [getattr(cell, name) for cell in cells]
            if None in values:
                figures[name] = None
            else:  # a library may state that a cell has no internal energy at all
                rule = self.log if min(values) > 0 else self.straight
                figures[name] = rule(_figure(of, name))
        named = replace(cells[0], composed=False, source="scaled", note="", composition=self.names)
        return replace(named, **figures)  # type: ignore[arg-type]

    def _popcount_energy(self, structure: str) -> PopcountEnergyEntry:
        def compute(lanes: int) -> Of:
            return lambda t: popcount_energy(t, structure, lanes).per_lane_fj(0)

        def pins(lanes: int) -> Of:
            return lambda t: popcount_energy(t, structure, lanes).input_pin_fj

        return PopcountEnergyEntry(
            lanes=_LANES,
            compute_fj=tuple(self.log(compute(lanes)) for lanes in _LANES),
            input_pins_fj=tuple(self.log(pins(lanes)) for lanes in _LANES),
            relative_error=BAND,
            source="scaled",
            note=f"interpolated between {self.names}",
            scaled=True,
        )

    def _popcount_delay(self, structure: str, fo4_ps: float) -> PopcountDelayEntry:
        """Interpolate delays in FO4, which change little from node to node."""
        entries = [t.popcount_delays[structure] for t in self.all]
        levels = self.straight(lambda t: t.popcount_delays[structure].per_level_ps / t.fo4_delay_ps)
        offset = self.straight(lambda t: t.popcount_delays[structure].offset_ps / t.fo4_delay_ps)
        return PopcountDelayEntry(
            per_level_ps=fo4_ps * levels,
            offset_ps=fo4_ps * offset,
            lanes_from=max(entry.lanes_from for entry in entries),
            lanes_to=min(entry.lanes_to for entry in entries),
            relative_error=BAND,
            source="scaled",
            note=f"interpolated between {self.names}, in FO4 delays",
            derived=True,
        )

    def _sram(self, bit_cell_ratio: float) -> SramEntry:
        """Scale the fitted macros by bit cells; their timing is no better known than elsewhere."""
        entry = next(t.sram for t in self.all if t.sram.scaled)
        fitted = next(t for t in self.all if t.sram.leakage_ratio.value > 0)
        own_nw = fitted.cells["inverter"].leakage_nw / fitted.sram.leakage_ratio.value
        leaking = self.log(lambda t: t.cells["inverter"].leakage_nw) / own_nw
        return entry.model_copy(
            update={
                "energy_ratio": Figure(
                    value=self.log(energy_ratio), source="scaled", relative_error=BAND
                ),
                "area_ratio": Figure(value=bit_cell_ratio, source="scaled", relative_error=BAND),
                "leakage_ratio": Figure(value=leaking, source="scaled", assumed=True),
            }
        )

    def _operating(self, volts: float) -> OperatingEntry | None:
        entries = [t.operating for t in self.all if t.operating is not None]
        if len(entries) < len(self.all):
            return None
        moved: dict[str, object] = {}
        for key in type(entries[0]).model_fields:
            if any(getattr(entry, key) is None for entry in entries):
                moved[key] = None  # a floor of leakage is a library's own, no node's
            elif isinstance(figure := getattr(entries[0], key), Figure):
                value = self.straight(_operating_figure(key)) * (volts if key in _VOLTAGES else 1)
                moved[key] = figure.model_copy(update={"value": value, "assumed": True})
        ranges = [entry.temperature_c for entry in entries]
        least, most = max(r.least for r in ranges), min(r.most for r in ranges)
        moved["temperature_c"] = ranges[0].model_copy(update={"least": least, "most": most})
        return entries[0].model_copy(update=moved)


def _role(role: str) -> Callable[[Technology], Cell]:
    return lambda technology: technology.cells[role]


def _figure(of: Callable[[Technology], Cell], name: str) -> Of:
    return lambda technology: float(getattr(of(technology), name))


def _operating_figure(key: str) -> Of:
    def of(technology: Technology) -> float:
        value = float(getattr(technology.operating, key).value)
        return value / technology.voltage_v if key in _VOLTAGES else value

    return of


def _mean(values: Iterable[float]) -> float:
    known = list(values)
    return sum(known) / len(known)


__all__ = ["BAND", "LEAKAGE_BAND", "Between"]
