"""Calibration factors fitted on every second design of a grid, and residuals on all of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from asicbnn.calibration.energy_fit import SOURCE, fit_energies
from asicbnn.calibration.energy_measurement import EnergyMeasurement
from asicbnn.calibration.grid import GridPoint
from asicbnn.calibration.least_squares import Row, told_apart
from asicbnn.calibration.measurement import Measurement
from asicbnn.calibration.path_fit import fit_paths
from asicbnn.calibration.residuals import Metric, Residual, distinct, expected_spread
from asicbnn.model.area import component_cells, trimmed_cells
from asicbnn.technology.calibration import (
    CHOICE,
    CHOOSES,
    COMPONENTS,
    FLOP,
    HOLDING,
    PRODUCT,
    PRODUCT_GATES,
    REGISTERED_PRODUCT,
    MappedAs,
    accelerator_key,
    component_key,
    mapped_price,
)
from asicbnn.technology.cells import Cells
from asicbnn.technology.factor_entries import CalibrationEntry, CalibrationFactor
from asicbnn.technology.library import Technology

_LEAST_FACTOR = 0.01
"""Taken where cells that are mapped one to one are as large as all that was mapped: their figures
in the technology are too high, and the spread says by how much."""
_HELD = "registers"
_ROUNDS = 12
_DESIGNS = 2
"""That differ, for each price that is fitted together with others."""
_SHOWS_SPREAD = 4
"""Designs below which the residuals of all structures stand in for a structure's own."""


@dataclass(frozen=True)
class _Sample:
    """What one design says of one factor: measured = fixed + factor x scaled.

    raw  estimate without factors, if that is not their sum
    """

    structure: str
    metric: Metric
    point: GridPoint
    fixed: float
    scaled: float
    measured: float
    is_fitted: bool
    composed: bool
    raw: float | None = None

    def estimated(self, factor: float) -> float:
        return self.fixed + factor * self.scaled

    @property
    def unscaled(self) -> float:
        return self.estimated(1.0)


@dataclass(frozen=True)
class Fit:
    """Factors of a technology, and every estimate beside what gates gave."""

    entries: Mapping[str, CalibrationEntry]
    residuals: tuple[Residual, ...]


def fit(
    technology: Technology,
    measurements: Sequence[Measurement],
    energies: Sequence[EnergyMeasurement] = (),
    *,
    flop_um2: float | None = None,
    keeps_adders: bool = True,
) -> Fit:
    """Fit the factors on one half of the measurements and judge them on the other.

    energies      of some of the designs; their halves are their own
    flop_um2      area of the flip-flop that is mapped to; None takes the technology's
    keeps_adders  they were mapped as cells

    Of the designs with one popcount structure the first, third, ... of the grid are fitted on.
    A design whose gates were composed says nothing of what was composed of it (the saving across
    borders of components, and the longest path), but its residual counts for the spread.
    """
    halves = fitted_half(measurements)
    areas = _Areas(technology, measurements, halves, keeps_adders)
    kept = areas.mapped_as(flop_um2)
    samples = list(areas.samples(kept))
    factors = dict(_fitted(samples, kept))
    if areas.fitted:
        factors = _kept_factors(kept, areas.fitted) | factors
    whole = list(_whole_areas(samples, factors, measurements, halves))
    factors |= dict(_fitted(whole, kept))
    paths = fit_paths(technology, measurements, halves)
    factors |= {(structure, "delay"): factor for structure, factor in paths.factors.items()}
    spent = fit_energies(energies, fitted_half(energies))
    factors |= {(structure, "energy"): factor for structure, factor in spent.factors.items()}
    every = [*samples, *whole]
    residuals = tuple(
        Residual(
            s.structure, s.metric, s.point, s.estimated(1.0) if s.raw is None else s.raw,
            s.estimated(factors[s.structure, s.metric].factor), s.measured, s.is_fitted, s.composed,
        )
        for s in every
    )  # fmt: skip
    structures = dict.fromkeys(structure for structure, _ in factors)
    entries = {
        structure: CalibrationEntry(
            area=factors.get((structure, "area")),
            delay=factors.get((structure, "delay")),
            energy=factors.get((structure, "energy")),
        )
        for structure in structures
    }
    return Fit(entries, (*residuals, *paths.residuals, *spent.residuals))


class Measured(Protocol):
    """A measurement of a design."""

    @property
    def point(self) -> GridPoint: ...


def fitted_half(measurements: Iterable[Measured]) -> frozenset[GridPoint]:
    """Return every second design of each popcount structure."""
    seen: dict[str, list[GridPoint]] = {}
    for measurement in measurements:
        seen.setdefault(measurement.point.structure, []).append(measurement.point)
    return frozenset(point for points in seen.values() for point in points[::2])


@dataclass(frozen=True)
class _Areas:
    """Areas of the components of measured designs, beside what their cells come to."""

    technology: Technology
    measurements: Sequence[Measurement]
    halves: frozenset[GridPoint]
    keeps_adders: bool

    @property
    def fitted(self) -> int:
        """How many of the designs are fitted on."""
        return sum(m.point in self.halves for m in self.measurements)

    def mapped_as(self, flop_um2: float | None) -> MappedAs:
        """Return what flip-flops and multiplexers that hold are mapped to."""
        counted_um2 = self.technology.area_um2(Cells(flop=1))
        kept = MappedAs(flop=1.0 if flop_um2 is None else flop_um2 / counted_um2)
        for _ in range(_ROUNDS):
            kept = replace(kept, holding=self._holding(kept))
        return self._with_choices(self._with_products(kept))

    def _holding(self, kept: MappedAs) -> float:
        """Fit what holds where there is little else: on the registers of the operands.

        Least squares of relative errors in its factor and that of the gates beside it. The gates
        have multiplexers too, at the price of the round before.
        """
        mux2_um2 = self.technology.area_um2(Cells(mux2=1))
        rows: list[Row] = []
        for s in self.samples(kept, (_HELD,)):
            held = mux2_um2 * trimmed_cells(s.point.accelerator)[_HELD].holding
            if s.is_fitted:
                rest = s.measured - (s.fixed - kept.holding * held)
                rows.append(((held, s.scaled), rest, s.measured))
        found = told_apart(rows, 2)[0]
        return kept.holding if found is None else found

    def _with_products(self, kept: MappedAs) -> MappedAs:
        """Fit products on the arrays of both structures, beside the gates of either.

        A product is the same hardware in both. Where its masks are registered they come with its
        operands, and it becomes an XNOR and a wide AND; where they are made in the same cycle
        they come last, and it becomes gates that meet them late.
        """
        product_um2 = self.technology.area_um2(PRODUCT_GATES)
        rows: list[Row] = []
        for s in self.samples(kept, ("array",)):
            if s.is_fitted:
                cells = trimmed_cells(s.point.accelerator)["array"]
                late = product_um2 * cells.products
                early = product_um2 * cells.registered_products
                rest = s.scaled - late - early
                is_tree = s.point.structure == "tree"
                columns = (0.0 if is_tree else rest, rest if is_tree else 0.0, late, early)
                rows.append((columns, s.measured - s.fixed, s.measured))
        _, _, product, registered = told_apart(rows, 4, _DESIGNS)
        return replace(kept, product=product, registered_product=registered)

    def _with_choices(self, kept: MappedAs) -> MappedAs:
        """Fit the multiplexers of the output stage beside its other gates."""
        mux2_um2 = self.technology.area_um2(Cells(mux2=1))
        rows: list[Row] = []
        for s in self.samples(kept, CHOOSES):
            if s.is_fitted:
                choices = mux2_um2 * trimmed_cells(s.point.accelerator)[CHOOSES[0]].shared.mux2
                rest = s.scaled - kept.holding * choices
                rows.append(((rest, choices), s.measured - s.fixed, s.measured))
        return replace(kept, choice=told_apart(rows, 2, _DESIGNS)[1])

    def samples(self, kept: MappedAs, names: Sequence[str] = COMPONENTS) -> Iterator[_Sample]:
        """Yield what each design says of the factors of some components."""
        for measurement in self.measurements:
            point = measurement.point
            trimmed, counted = trimmed_cells(point.accelerator), component_cells(point.accelerator)
            for name in names:
                price = mapped_price(
                    self.technology, self.technology.area_um2, trimmed[name], kept.of(name),
                    keeps_adders=self.keeps_adders,
                )  # fmt: skip
                yield _Sample(
                    component_key(name, point.structure), "area", point, price.kept, price.scaled,
                    measurement.areas_um2[name], point in self.halves,
                    name in measurement.composed_components,
                    raw=self.technology.area_um2(counted[name]),
                )  # fmt: skip


def _kept_factors(
    kept: MappedAs, designs: int
) -> dict[tuple[str, Metric], CalibrationFactor]:
    """Return the factors of what is kept; what they miss is in the spreads of the components.

    designs  the multiplexers that hold were fitted on; a flip-flop is seen alone
    """
    found = {
        FLOP: (kept.flop, 1), HOLDING: (kept.holding, designs),
        PRODUCT: (kept.product, designs), REGISTERED_PRODUCT: (kept.registered_product, designs),
        CHOICE: (kept.choice, designs),
    }  # fmt: skip
    return {
        (name, "area"): CalibrationFactor(factor=factor, spread=0.0, points=points, source=SOURCE)
        for name, (factor, points) in found.items()
        if factor is not None
    }


def _whole_areas(
    samples: Iterable[_Sample],
    factors: Mapping[tuple[str, Metric], CalibrationFactor],
    measurements: Iterable[Measurement],
    halves: frozenset[GridPoint],
) -> Iterator[_Sample]:
    """The whole over the sum of its components as they are estimated."""
    summed: dict[GridPoint, float] = {}
    for sample in samples:
        factor = factors[sample.structure, sample.metric].factor
        summed[sample.point] = summed.get(sample.point, 0.0) + sample.estimated(factor)
    for m in measurements:
        yield _Sample(
            accelerator_key(m.point.structure), "area", m.point, 0.0, summed[m.point], m.whole_um2,
            m.point in halves, m.is_composed,
        )  # fmt: skip


def _fitted(
    samples: Iterable[_Sample], kept: MappedAs
) -> Iterator[tuple[tuple[str, Metric], CalibrationFactor]]:
    """Least squares of relative errors, per structure and metric."""
    groups: dict[tuple[str, Metric], list[_Sample]] = {}
    for sample in samples:
        groups.setdefault((sample.structure, sample.metric), []).append(sample)
    pooled: dict[Metric, list[float]] = {}
    found = []
    for key, group in groups.items():
        own = [s for s in group if s.is_fitted and not _says_nothing(s)]
        own = own or [s for s in group if s.is_fitted] or group
        above = math.fsum(s.scaled * (s.measured - s.fixed) / s.measured**2 for s in own)
        factor = above / math.fsum((s.scaled / s.measured) ** 2 for s in own)
        factor = max(factor, _LEAST_FACTOR)
        half = distinct([s for s in group if s.is_fitted] or own)
        residuals = [math.log(s.measured / s.estimated(factor)) for s in half]
        pooled.setdefault(key[1], []).extend(residuals)
        found.append((key, factor, len(own), residuals))
    for key, factor, points, residuals in found:
        spread = expected_spread(residuals, _parameters(key[0], kept))
        if len(residuals) < _SHOWS_SPREAD:
            spread = max(spread, expected_spread(pooled[key[1]]))
        yield key, CalibrationFactor(factor=factor, spread=spread, points=points, source=SOURCE)


def _parameters(structure: str, kept: MappedAs) -> int:
    """Count what was fitted on the designs of a structure: its factor, and what is kept in it."""
    if structure.startswith("array"):
        return 1 + sum(each is not None for each in (kept.product, kept.registered_product))
    if structure in CHOOSES:
        return 1 if kept.choice is None else 2
    return 2 if structure == _HELD else 1


def _says_nothing(sample: _Sample) -> bool:
    return sample.composed and sample.structure.startswith("accelerator")


__all__ = ["SOURCE", "Fit", "fit", "fitted_half"]
