"""The relative errors and levels of a result, from those of the terms it is made of.

Errors of one origin are one error and add; those of different origins are independent, and the
root of the sum of their squares is taken. Equations: docs/models/uncertainty.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from asicbnn.levels import WEAKEST_FIRST, Level, level_of_sum
from asicbnn.model.area import Area
from asicbnn.model.energy import Rate
from asicbnn.model.timing import Timing
from asicbnn.result import METRICS, PARTS

Array = npt.NDArray[np.floating[Any]]
Key = tuple[str, str]

PERIOD = "period"
"""Origin of the period's error: in energy it is leakage's alone, in power everything else's."""

_KINDS: Mapping[str, tuple[str, ...]] = {
    "energy_fj": ("logic", "memory", "link", "leakage", "external"),
    "onchip_energy_fj": ("logic", "memory", "link", "leakage"),
    "logic_energy_fj": ("logic",),
    "memory_energy_fj": ("memory",),
}
_GROUPS: tuple[frozenset[str], ...] = (
    *(frozenset(p for p in PARTS if PARTS[p].kind in kinds) for kinds in _KINDS.values()),
    *(frozenset({part}) for part in PARTS),
)
_MEMBERSHIPS = {part: [float(part in group) for group in _GROUPS] for part in PARTS}
_ENERGIES = (*_KINDS, *(f"{part}_energy_fj" for part in PARTS))
_AS_ENERGY = ("energy_per_inference_uj", "efficiency_tops_per_w")
_AS_PERIOD = ("period_ps", "clock_mhz", "latency_ms", "throughput_tops", "inferences_per_s")


def relative_error(amounts: Array, errors: Array, whole: Array) -> Array:
    """Return the relative error of sums of terms.

    amounts  ... x terms: what each term contributes     errors  terms x origins: relative errors
    whole    ...: the sums; of a sum that is 0 the error is 0

    error = sqrt(sum over origins (sum over terms amount x error)^2) / sum
    """
    widths: Array = np.sqrt(np.square(amounts @ errors).sum(axis=-1))
    np.divide(widths, whole, out=widths, where=np.greater(whole, 0))
    return widths


@dataclass(frozen=True, eq=False)
class EnergyErrors:
    """What is uncertain about the energy of any layer on one accelerator in one technology.

    keys     (part, term) of `energy.terms_fj`, in its order
    origins  what errors stem from
    errors   terms x origins: relative error of each term's energy
    levels   of each term
    period   relative error of the period
    """

    keys: tuple[Key, ...]
    origins: tuple[str, ...]
    errors: Array
    power_errors: Array
    levels: tuple[Level, ...]
    period: float

    @classmethod
    def of(cls, rates: Iterable[Rate], period: float) -> EnergyErrors:
        """Collect the errors of rates; terms of one name have the larger error of each origin."""
        keys: dict[Key, int] = {}
        origins = {PERIOD: 0}
        levels: list[Level] = []
        found: list[tuple[int, int, float]] = []
        for rate in rates:
            row = keys.setdefault((rate.part, rate.term), len(keys))
            if row == len(levels):
                levels.append(rate.level)
            else:
                levels[row] = _weaker(levels[row], rate.level)
            for origin, error in rate.errors:
                found.append((row, origins.setdefault(origin, len(origins)), error))
        errors = np.zeros((len(keys), len(origins)))
        for row, column, error in found:
            errors[row, column] = max(error, errors[row, column])
        power = errors.copy()
        leaks = np.array([PARTS[part].kind == "leakage" for part, _ in keys])
        errors[leaks, 0] = power[~leaks, 0] = period
        return cls(tuple(keys), tuple(origins), errors, power, tuple(levels), period)

    def by_origin_fj(self, terms: Mapping[Key, float]) -> dict[str, float]:
        """Return the error of the whole energy by what it stems from, the widest first [fJ]."""
        return self._widest_first(np.array([terms[key] for key in self.keys]) @ self.errors)

    def by_part_and_origin_fj(self, terms: Mapping[Key, float]) -> dict[str, dict[str, float]]:
        """Return the same of each part's energy, under `<part>_energy_errors_fj` [fJ].

        Parts that use no energy are left out. Of one origin the errors of parts add up.
        """
        widths = np.array([terms[key] for key in self.keys])[:, None] * self.errors
        parts: dict[str, Array] = {}
        for (part, _), width in zip(self.keys, widths, strict=True):
            parts[part] = parts.get(part, 0.0) + width
        return {
            f"{part}_energy_errors_fj": found
            for part, width in parts.items()
            if (found := self._widest_first(width))
        }

    def _widest_first(self, widths: Array) -> dict[str, float]:
        ranked = sorted(zip(self.origins, widths.tolist(), strict=True), key=lambda x: -x[1])
        return {origin: width for origin, width in ranked if width}

    @cached_property
    def _members(self) -> Array:
        """Sums x terms: 1.0 where a term is in the sum."""
        return np.array([_MEMBERSHIPS[part] for part, _ in self.keys]).T

    @cached_property
    def _at_levels(self) -> Array:
        """Terms x levels: 1.0 where a term is at the level."""
        return np.array([[float(own == level) for level in WEAKEST_FIRST] for own in self.levels])

    def metrics(self, terms: Sequence[Mapping[Key, float]]) -> list[dict[str, float]]:
        """Return the relative error of every metric of several layers, area's left out.

        terms  energy by (part, term) of each layer [fJ]
        """
        energies = np.array([[some[key] for key in self.keys] for some in terms])
        amounts = energies[:, None, :] * self._members
        errors = relative_error(amounts, self.errors, amounts.sum(axis=-1))
        power = relative_error(energies, self.power_errors, energies.sum(axis=-1))
        shared = dict.fromkeys(_AS_PERIOD, self.period)
        return [
            {
                **dict(zip(_ENERGIES, row, strict=True)),
                **dict.fromkeys(_AS_ENERGY, row[0]),
                "power_mw": watts,
                **shared,
            }
            for row, watts in zip(errors.tolist(), power.tolist(), strict=True)
        ]

    def level_shares(self, terms: Mapping[Key, float]) -> dict[str, dict[Level, float]]:
        """Return each metric's energy by the level of the terms it is a sum of [fJ]."""
        energies = np.array([terms[key] for key in self.keys])
        amounts = (self._members * energies) @ self._at_levels
        return {
            name: dict(zip(WEAKEST_FIRST, row, strict=True))
            for name, row in zip(_ENERGIES, amounts.tolist(), strict=True)
        }


@dataclass(frozen=True)
class AreaErrors:
    """Relative error and level of every metric of area."""

    errors: Mapping[str, float]
    levels: Mapping[str, Level]

    @classmethod
    def of(cls, built: Area) -> AreaErrors:
        """Combine the terms of an area."""
        sums = {
            "area_um2": lambda part: PARTS[part].kind in ("logic", "memory"),
            "logic_area_um2": lambda part: PARTS[part].kind == "logic",
            "memory_area_um2": lambda part: PARTS[part].kind == "memory",
            **{f"{name}_area_um2": name.__eq__ for name in built.parts},
        }
        errors: dict[str, float] = {}
        levels: dict[str, Level] = {}
        for name, holds in sums.items():
            by_origin: dict[str, float] = {}
            by_level: dict[Level, float] = {}
            for term in built.terms:
                if holds(term.part):
                    by_level[term.level] = by_level.get(term.level, 0.0) + term.area_um2
                    width = term.area_um2 * term.relative_error
                    by_origin[term.origin] = by_origin.get(term.origin, 0.0) + width
            whole = sum(by_level.values())
            width = sum(x * x for x in by_origin.values()) ** 0.5
            errors[name] = width / whole if whole else 0.0
            levels[name] = level_of_sum(by_level)
        return cls(errors, levels)


@dataclass(frozen=True)
class Bands:
    """What is uncertain about every metric of an accelerator in a technology."""

    energy: EnergyErrors
    area: AreaErrors
    period_level: Level

    @classmethod
    def of(cls, rates: Iterable[Rate], built: Area, clocked: Timing) -> Bands:
        """Collect the errors and levels of rates of energy, an area and a period."""
        energy = EnergyErrors.of(rates, clocked.relative_error)
        return cls(energy, AreaErrors.of(built), clocked.level)

    def at_rates(self, rates: Iterable[Rate]) -> Bands:
        """Return the same with other rates of energy."""
        return replace(self, energy=EnergyErrors.of(rates, self.energy.period))

    def errors(self, terms: Sequence[Mapping[Key, float]]) -> list[dict[str, float]]:
        """Return the relative errors of all metrics, for several layers or wholes.

        terms  energy by (part, term) of each [fJ]
        """
        # the period and the area have no origin in common
        density = float(np.hypot(self.area.errors["area_um2"], self.energy.period))
        static = {**self.area.errors, "density_tops_per_mm2": density}
        return [{**errors, **static} for errors in self.energy.metrics(terms)]

    def levels(self, terms: Mapping[Key, float]) -> dict[str, Level]:
        """Return the level of every metric of a whole."""
        levels: dict[str, Level] = {name: "counted" for name, m in METRICS.items() if m.is_count}
        levels["utilisation"] = "counted"
        shares = self.energy.level_shares(terms)
        levels |= {name: level_of_sum(amounts) for name, amounts in shares.items()}
        levels |= dict.fromkeys(_AS_ENERGY, levels["energy_fj"])
        levels |= dict.fromkeys(_AS_PERIOD, self.period_level)
        levels["power_mw"] = _weaker(levels["energy_fj"], self.period_level)
        levels["density_tops_per_mm2"] = _weaker(self.area.levels["area_um2"], self.period_level)
        return {**levels, **self.area.levels}


def _weaker(*levels: Level) -> Level:
    return min(levels, key=WEAKEST_FIRST.index)


__all__ = ["PERIOD", "AreaErrors", "Bands", "EnergyErrors", "relative_error"]
