"""What a Liberty file does not say, scaled from technologies in which it was measured.

A figure is expressed in a unit the library itself gives (its FO4 delay, its adder's delay, its
gate equivalent) and averaged over the shipped technologies that have it measured. The band is
how far those technologies are off when each is predicted from the others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import fmean, geometric_mean
from typing import Final, Literal

from pydantic import PositiveFloat

from asicbnn.technology.cell_entries import CellEntry, Composition
from asicbnn.technology.form import Figure, Form, Name, read_form
from asicbnn.technology.library import LIBRARIES
from asicbnn.technology.popcount_entries import PopcountDelayEntry, PopcountEnergyEntry
from asicbnn.technology.schema import SramEntry, TechnologyFile

ANCHORS: Final = ("sky130hd", "asap7", "ihp_sg13g2")
ADDERS: Final = ("full_adder", "full_adder_inverting")
SOURCE: Final = "scaled"
_WIRES: Final = Path(__file__).parents[1] / "figures/wires.yaml"
_ALONE: Final = 1.0  # a single technology to scale from: a factor of two either way
_STRUCTURES: Final = ("sliced", "tree")
_DELAY_LANES: Final = (8, 16, 32, 64, 128, 256)
_FIGURES_KEPT: Final = 5


@dataclass(frozen=True, slots=True)
class Units:
    """The figures of a library in which what it does not say is expressed.

    adder_delay_ps  : of the full adder cell, or of the path through the gates in its place
    has_adder       : whether there is such a cell
    inverter_nw     : leakage of the inverter
    """

    fo4_ps: float
    fo4_energy_fj: float
    adder_delay_ps: float
    gate_equivalent_um2: float
    inverter_nw: float
    has_adder: bool


@dataclass(frozen=True, slots=True)
class Predicted:
    """A factor predicted from the anchors, with the largest error among them."""

    value: float
    relative_error: float


@lru_cache(maxsize=1)
def anchors() -> Mapping[str, TechnologyFile]:
    """The shipped technologies that others are scaled from."""
    return {
        name: read_form(TechnologyFile, (LIBRARIES / f"{name}.yaml").read_bytes(), f"{name}.yaml")
        for name in ANCHORS
    }


def units_of(file: TechnologyFile) -> Units:
    """Return the units of a technology file."""
    inverter = file.cells["inverter"]
    return Units(
        fo4_ps=file.fo4_delay_ps.value,
        fo4_energy_fj=file.inverter_toggle_energy_fj.value,
        adder_delay_ps=adder_delay_ps(file.cells),
        gate_equivalent_um2=file.gate_equivalent_um2.value,
        inverter_nw=inverter.leakage_nw if isinstance(inverter, CellEntry) else 0.0,
        has_adder=any(isinstance(file.cells.get(role), CellEntry) for role in ADDERS),
    )


def adder_delay_ps(cells: Mapping[str, CellEntry | Composition]) -> float:
    """Return the delay of a full adder cell, or of the composed one's path to its sum [ps]."""
    for role in ADDERS:
        if isinstance(entry := cells.get(role), CellEntry):
            return entry.delay_fo4_ps
    entry = cells["full_adder"]
    assert isinstance(entry, Composition)
    parts = (cells[part] for part in entry.path)
    return sum(part.delay_fo4_ps for part in parts if isinstance(part, CellEntry))


def predicted(values: Mapping[str, float]) -> Predicted:
    """Return the geometric mean, and the largest error of predicting one value from the others."""
    if len(values) == 1:
        return Predicted(next(iter(values.values())), _ALONE)
    errors = []
    for name, actual in values.items():
        others = geometric_mean(v for other, v in values.items() if other != name)
        errors.append(max(others / actual, actual / others) - 1)
    return Predicted(geometric_mean(values.values()), max(errors))


def scaled_figure(
    what: str, unit: float, of: Callable[[TechnologyFile], tuple[Figure, float]]
) -> Figure:
    """Return a figure: ``unit`` times the mean of each anchor's figure in its own unit.

    of : gives the anchor's figure and its unit
    """
    parts = {name: of(file) for name, file in anchors().items()}
    found = predicted({name: figure.value / its for name, (figure, its) in parts.items()})
    return Figure(
        value=rounded(found.value * unit),
        source=SOURCE,
        assumed=True,
        relative_error=rounded(found.relative_error),
        note=f"{what} of {', '.join(parts)}",
    )


class _WireFile(Form):
    source: Name
    signal_ff_per_mm: dict[str, PositiveFloat]
    clock_ff_per_mm: dict[str, PositiveFloat]


@lru_cache(maxsize=1)
def _wires() -> _WireFile:
    return read_form(_WireFile, _WIRES.read_bytes(), _WIRES.name)


def wire_source() -> str:
    """Return where the capacitances of wires are from."""
    return _wires().source


def wire_figure(kind: Literal["signal", "clock"]) -> Figure:
    """Capacitance of wires [fF/mm]: the mean of open platforms, with their spread."""
    platforms = _wires().signal_ff_per_mm if kind == "signal" else _wires().clock_ff_per_mm
    found = predicted(platforms)
    return Figure(
        value=rounded(found.value), source="wires", assumed=True,
        relative_error=rounded(found.relative_error), note=f"mean of {', '.join(platforms)}",
    )  # fmt: skip


def popcount_energies(
    units: Units, xnor_input_ff: float, voltage_v: float
) -> dict[str, PopcountEnergyEntry]:
    """Energy per lane by the FO4 toggle energy, from technologies with adder cells or without."""
    pins_fj = 0.25 * xnor_input_ff * voltage_v**2  # a random bit toggles every other time
    return {
        structure: _popcount_energy(structure, units, rounded(pins_fj)) for structure in _STRUCTURES
    }


def _popcount_energy(structure: str, units: Units, pins_fj: float) -> PopcountEnergyEntry:
    entries = {
        name: (file.popcount_energy[structure], file.inverter_toggle_energy_fj.value)
        for name, file in anchors().items()
        if units_of(file).has_adder == units.has_adder
    }
    first, _ = next(iter(entries.values()))
    means = [
        predicted({name: entry.compute_fj[i] / unit for name, (entry, unit) in entries.items()})
        for i in range(len(first.lanes))
    ]
    band = max(mean.relative_error for mean in means)
    if len(entries) == 1:
        band = max(band, first.relative_error)
    kind = "with adder cells" if units.has_adder else "without adder cells"
    return PopcountEnergyEntry(
        lanes=first.lanes,
        compute_fj=tuple(rounded(mean.value * units.fo4_energy_fj) for mean in means),
        input_pins_fj=(pins_fj,) * len(means),
        relative_error=rounded(band),
        source=SOURCE,
        scaled=True,
        note=f"by the FO4 toggle energy from {' and '.join(entries)}, {kind}",
    )


def popcount_delays(units: Units) -> dict[str, PopcountDelayEntry]:
    """Delay by that of the full adder, from the technologies whose trees were synthesised."""
    return {structure: _popcount_delay(structure, units) for structure in _STRUCTURES}


def _popcount_delay(structure: str, units: Units) -> PopcountDelayEntry:
    lines = {}
    for name, file in anchors().items():
        entry, unit = file.popcount_delay[structure], units_of(file).adder_delay_ps
        if not entry.derived:
            lines[name] = (entry.per_level_ps / unit, entry.offset_ps / unit)
    bands = []
    for name, (slope, offset) in lines.items():
        others = [line for other, line in lines.items() if other != name]
        for levels in map(math.log2, _DELAY_LANES):
            guess = fmean(line[0] for line in others) * levels + fmean(line[1] for line in others)
            actual = slope * levels + offset
            bands.append(max(guess / actual, actual / guess) - 1)
    return PopcountDelayEntry(
        per_level_ps=rounded(units.adder_delay_ps * fmean(line[0] for line in lines.values())),
        offset_ps=rounded(units.adder_delay_ps * fmean(line[1] for line in lines.values())),
        lanes_from=_DELAY_LANES[0],
        lanes_to=_DELAY_LANES[-1],
        relative_error=rounded(max(bands)),
        source=SOURCE,
        derived=True,
        note=f"by the delay of the full adder from {', '.join(lines)}",
    )


def sram_entry(units: Units) -> SramEntry:
    """SRAM by the gate equivalent (area) and the inverter's leakage; its access time assumed."""
    fitted = anchors()["ihp_sg13g2"]
    base = units_of(fitted)
    area = scaled_figure(
        "ratio of gate equivalents, times its mean ratio to the ratio of SRAM areas",
        units.gate_equivalent_um2 / base.gate_equivalent_um2,
        lambda file: (
            file.sram.area_ratio,
            units_of(file).gate_equivalent_um2 / base.gate_equivalent_um2,
        ),
    )
    known = Figure(value=1.0, source=SOURCE)
    energy = scaled_figure(
        "the mean over what FO4 toggle energies give",
        1.0,
        lambda file: (file.sram.energy_ratio or known, 1.0),
    )
    leakage = Figure(
        value=rounded(units.inverter_nw / base.inverter_nw),
        source="composed",
        assumed=True,
        note="leakage of this library's inverter over that of ihp_sg13g2; no usable SRAM leakage "
        "figure exists",
    )
    return SramEntry(
        fit=fitted.sram.fit, scaled=True, area_ratio=area, leakage_ratio=leakage,
        access=assumed_as(anchors()["sky130hd"].sram.access), energy_ratio=energy,
    )  # fmt: skip


def assumed_as(figure: Figure | str) -> Figure:
    """Return a shipped technology's assumption as one of this file."""
    assert isinstance(figure, Figure)
    return figure.model_copy(update={"source": "assumed", "assumed": True})


def node_nm(gate_equivalent_um2: float) -> Figure:
    """Guess the node from the gate equivalent: a straight line between anchors in the logarithms.

    A label alone: no model reads it where the user states the node.
    """
    files = anchors().values()
    small, large = min(f.node_nm.value for f in files), max(f.node_nm.value for f in files)

    def mean_um2(node: float) -> float:
        return geometric_mean(f.gate_equivalent_um2.value for f in files if f.node_nm.value == node)

    slope = math.log(large / small) / math.log(mean_um2(large) / mean_um2(small))
    value = small * (gate_equivalent_um2 / mean_um2(small)) ** slope
    return Figure(
        value=float(f"{value:.2g}"), source=SOURCE, assumed=True, relative_error=0.5,
        note="guessed from the area of the smallest NAND2, for no Liberty file states it",
    )  # fmt: skip


def rounded(value: float) -> float:
    """Return a number with as many digits as a derived figure is worth."""
    return float(f"{value:.{_FIGURES_KEPT}g}")
