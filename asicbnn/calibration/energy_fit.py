"""Factors of energy: of each part of the logic, and of the terms its energy goes by.

A part's energy is a sum of terms, each an event times what it takes at level cell; gates spend so
much of each (`factor x term`), and the designs' windows, busy and idle ones, tell the terms apart.
Least squares of relative errors, none negative. What designs hardly tell apart is held to the
factor of the whole part, and what only gates add to nought, the more loosely the more there is of
it: else one of two that always come together would take all, and the other none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asicbnn.calibration.energy_measurement import EnergyMeasurement
from asicbnn.calibration.energy_shares import SHARES, Terms
from asicbnn.calibration.grid import GridPoint
from asicbnn.calibration.residuals import Residual, expected_spread
from asicbnn.technology.calibration import (
    accelerator_key,
    component_key,
    energy_key,
)
from asicbnn.technology.schema import CalibrationFactor

SOURCE = "calibration"
_HELD = 0.02
"""Weight of the pull towards the factor of the whole part, against that of the designs."""
_LEAST_FACTOR = 0.01
_SHOWS_SPREAD = 4
"""Designs below which the residuals of all parts stand in for a part's own."""
_ARRAY = ("popcount", "sums")

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class EnergyFit:
    """Factors by structure, and every estimate beside what gates gave."""

    factors: Mapping[str, CalibrationFactor]
    residuals: tuple[Residual, ...]


@dataclass(frozen=True, eq=False)
class _Design:
    """What one design says of one part [fJ per step].

    windows  (measured, terms) of each, in units of the design's whole
    """

    point: GridPoint
    measured: float
    own: Terms
    added: Terms
    windows: tuple[tuple[float, Terms], ...]
    is_fitted: bool
    composed: bool

    @property
    def raw(self) -> float:
        return math.fsum(self.own.values())

    def estimated(self, factor: float, terms: Terms) -> float:
        """Return what is estimated with a factor of the part and those of terms."""
        own = math.fsum(terms.get(name, factor) * fj for name, fj in self.own.items())
        return own + math.fsum(terms.get(name, 0.0) * fj for name, fj in self.added.items())

    @cached_property
    def rows(self) -> tuple[tuple[float, Terms], ...]:
        """Equations whose solution is sought: the windows, and the whole."""
        whole = {name: fj / self.measured for name, fj in {**self.own, **self.added}.items()}
        return (*self.windows, (1.0, whole))


def fit_energies(energies: Sequence[EnergyMeasurement], fitted: Iterable[GridPoint]) -> EnergyFit:
    """Fit the energy of every part on some designs, and estimate all of them.

    fitted  the designs that are fitted on; the others judge
    """
    chosen = frozenset(fitted)
    parts: dict[str, list[_Design]] = {}
    for m in energies:
        for share in SHARES:
            key = energy_key(share, m.point.structure)
            parts.setdefault(key, []).append(_design(m, share, m.point in chosen))
    solved = {key: _solved(designs) for key, designs in parts.items()}
    residuals = {
        key: [_residual(key, each, *solved[key]) for each in designs]
        for key, designs in parts.items()
    }
    apart = {key: list(_left_out(key, designs)) for key, designs in parts.items()}
    residuals |= _sums(energies, residuals)
    apart |= _sums([m for m in energies if m.point in chosen], apart)
    pooled = [_log(r) for some in apart.values() for r in some]
    factors = {key: _factor(some, pooled, solved.get(key)) for key, some in apart.items()}
    return EnergyFit(factors, tuple(r for some in residuals.values() for r in some))


def _left_out(key: str, designs: Sequence[_Design]) -> Iterator[Residual]:
    """Estimate each design that is fitted on from the others: several terms fit their own best."""
    fitted = [each for each in designs if each.is_fitted]
    for each in fitted:
        others = [other for other in fitted if other is not each]
        yield _residual(key, each, *_solved(others or fitted))


def _design(m: EnergyMeasurement, share: str, is_fitted: bool) -> _Design:
    whole = m.gates_fj[share] * m.steps
    windows = tuple(
        (
            window.gates_fj[share] / whole,
            {
                name: fj / whole
                for name, fj in {**window.terms_fj[share], **window.added_fj[share]}.items()
            },
        )
        for window in m.windows
    )
    return _Design(
        m.point, m.gates_fj[share], m.terms_fj[share], m.added_fj[share], windows, is_fitted,
        m.is_composed,
    )  # fmt: skip


def _solved(designs: Sequence[_Design]) -> tuple[float, Terms]:
    """Return the factor of a part, and of each of its terms if there are several."""
    used = [each for each in designs if each.is_fitted] or list(designs)
    raw = np.array([each.raw / each.measured for each in used])
    factor = max(float(raw.sum() / (raw @ raw)), _LEAST_FACTOR)
    mean = {
        name: float(np.sqrt(np.mean([_whole(each, name) ** 2 for each in used])))
        for name in dict.fromkeys(name for each in used for name in (*each.own, *each.added))
    }
    names = [name for name, share in mean.items() if share > 0]
    if len(names) < 2:
        return factor, {}
    own = {name for each in used for name in each.own}
    wanted = np.array([factor if name in own else 0.0 for name in names])
    pull = np.array([mean[name] for name in names]) * math.sqrt(_HELD * len(used))
    rows = [row for each in used for row in each.rows]
    left = np.array([[terms.get(name, 0.0) for name in names] for _, terms in rows])
    right = np.array([measured for measured, _ in rows])
    found = _least_squares(np.vstack([left, np.diag(pull)]), np.append(right, pull * wanted))
    return factor, dict(zip(names, found.tolist(), strict=True))


def _whole(design: _Design, name: str) -> float:
    return design.rows[-1][1].get(name, 0.0)


def _least_squares(left: Floats, right: Floats) -> Floats:
    from scipy.optimize import nnls  # takes longer to import than an estimate does

    found: Floats = nnls(left, right)[0]
    return found


def _residual(key: str, design: _Design, factor: float, terms: Terms) -> Residual:
    return Residual(
        key, "energy", design.point, design.raw, design.estimated(factor, terms), design.measured,
        design.is_fitted, design.composed,
    )  # fmt: skip


def _sums(
    energies: Sequence[EnergyMeasurement], residuals: Mapping[str, Sequence[Residual]]
) -> dict[str, list[Residual]]:
    """Array, and logic and clock together: the sums of what is estimated of their parts."""
    by_point: dict[tuple[GridPoint, str], Residual] = {
        (r.point, key): r for key, some in residuals.items() for r in some
    }
    found: dict[str, list[Residual]] = {}
    for m in energies:
        popcount = m.point.structure
        for key, shares in (
            (component_key("array", popcount), _ARRAY), (accelerator_key(popcount), SHARES),
        ):  # fmt: skip
            parts = [by_point[m.point, energy_key(share, popcount)] for share in shares]
            found.setdefault(key, []).append(Residual(
                key, "energy", m.point, sum(p.estimated for p in parts),
                sum(p.estimated for p in parts), sum(p.measured for p in parts),
                parts[0].is_fitted, parts[0].composed,
            ))  # fmt: skip
    return found


def _log(residual: Residual) -> float:
    return math.log(residual.measured / residual.estimated)


def _factor(
    residuals: Sequence[Residual], pooled: Sequence[float], solved: tuple[float, Terms] | None
) -> CalibrationFactor:
    """Return a factor with its spread; a sum of calibrated parts stays as it is.

    residuals  of the designs that are fitted on, each left out
    """
    spread = expected_spread([_log(r) for r in residuals])
    if len(residuals) < _SHOWS_SPREAD:
        spread = max(spread, expected_spread(pooled))
    factor, terms = solved or (1.0, {})
    note = "" if solved else "of the sum of its parts, which is not scaled once more"
    return CalibrationFactor(
        factor=factor, spread=spread, points=len(residuals), source=SOURCE, note=note,
        terms=dict(terms),
    )


__all__ = ["SOURCE", "EnergyFit", "fit_energies"]
