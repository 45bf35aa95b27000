"""Factors of energy: of each part of the logic, and of the terms its energy goes by.

A part's energy is a sum of terms, each an event times what it takes at level cell; gates spend so
much of each (`factor x term`), and the designs' windows, busy and idle ones, tell the terms apart.
Least squares of relative errors, none negative. What designs hardly tell apart is held to the
factor of the whole part, and what only gates add to nought, the more loosely the more there is of
it: else one of two that always come together would take all, and the other none. What stands before
the counters of a popcount is the same in both of its structures, and has one factor for both.
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
from asicbnn.model.gate_terms import BEFORE_COUNTERS
from asicbnn.technology.calibration import (
    accelerator_key,
    component_key,
    energy_key,
)
from asicbnn.technology.factor_entries import CalibrationFactor

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


_Parts = Mapping[str, list[_Design]]
"""Designs by the part of a share they say something of: the popcount has two, by structure."""


@dataclass(frozen=True)
class _Solution:
    """Factor of a part, and of each of its terms if there are several."""

    factor: float
    terms: Terms


def fit_energies(energies: Sequence[EnergyMeasurement], fitted: Iterable[GridPoint]) -> EnergyFit:
    """Fit the energy of every part on some designs, and estimate all of them.

    fitted  the designs that are fitted on; the others judge
    """
    chosen = frozenset(fitted)
    shares: dict[str, dict[str, list[_Design]]] = {share: {} for share in SHARES}
    for m in energies:
        for share, parts in shares.items():
            key = energy_key(share, m.point.structure)
            parts.setdefault(key, []).append(_design(m, share, m.point in chosen))
    solved = {key: found for parts in shares.values() for key, found in _solved(parts).items()}
    residuals = {
        key: [_residual(key, each, solved[key]) for each in designs]
        for parts in shares.values()
        for key, designs in parts.items()
    }
    apart = {key: some for parts in shares.values() for key, some in _left_out(parts)}
    residuals |= _sums(energies, residuals)
    apart |= _sums([m for m in energies if m.point in chosen], apart)
    pooled = [_log(r) for some in apart.values() for r in some]
    factors = {key: _factor(some, pooled, solved.get(key)) for key, some in apart.items()}
    return EnergyFit(factors, tuple(r for some in residuals.values() for r in some))


def _left_out(parts: _Parts) -> Iterator[tuple[str, list[Residual]]]:
    """Estimate each design that is fitted on from the others: several terms fit their own best."""
    for key, designs in parts.items():
        fitted = [each for each in designs if each.is_fitted]
        found = []
        for each in fitted:
            others = [other for other in fitted if other is not each] or fitted
            found.append(_residual(key, each, _solved({**parts, key: others})[key]))
        yield key, found


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


def _solved(parts: _Parts) -> dict[str, _Solution]:
    """Return the factors of the parts of a share, fitted together for what they have in common."""
    used = {
        key: [each for each in designs if each.is_fitted] or list(designs)
        for key, designs in parts.items()
    }
    factors = {key: _whole_factor(designs) for key, designs in used.items()}
    pulls = _pulls(used, factors)
    if not pulls:  # SciPy aborts where nothing is sought
        return {key: _Solution(factor, {}) for key, factor in factors.items()}
    place = {column: i for i, column in enumerate(pulls)}
    rows = [(key, row) for key, designs in used.items() for each in designs for row in each.rows]
    left = np.zeros((len(rows), len(place)))
    for i, (key, (_, terms)) in enumerate(rows):
        for name, fj in terms.items():
            if (column := _column(key, name)) in place:
                left[i, place[column]] = fj
    right = np.array([measured for _, (measured, _) in rows])
    pull = np.array([weight for weight, _ in pulls.values()])
    wanted = np.array([factor for _, factor in pulls.values()])
    found = _least_squares(np.vstack([left, np.diag(pull)]), np.append(right, pull * wanted))
    return {
        key: _Solution(factor, _terms_of(key, used[key], place, found.tolist()))
        for key, factor in factors.items()
    }


def _column(key: str, name: str) -> tuple[str, str]:
    """What is sought for a term of a part: one factor for all parts, or one of its own."""
    return ("", name) if name in BEFORE_COUNTERS else (key, name)


def _whole_factor(designs: Sequence[_Design]) -> float:
    raw = np.array([each.raw / each.measured for each in designs])
    return max(float(raw.sum() / (raw @ raw)), _LEAST_FACTOR)


def _pulls(
    used: _Parts, factors: Mapping[str, float]
) -> dict[tuple[str, str], tuple[float, float]]:
    """Return how strongly each factor that is sought is pulled, and where to."""
    seen: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for key, designs in used.items():
        for each in designs:
            for name in (*each.own, *each.added):
                wanted = factors[key] if name in each.own else 0.0
                seen.setdefault(_column(key, name), []).append((_whole(each, name), wanted))
    return {
        column: (
            math.sqrt(_HELD * math.fsum(share**2 for share, _ in found)),
            math.fsum(wanted for _, wanted in found) / len(found),
        )
        for column, found in seen.items()
        if any(share > 0 for share, _ in found)
    }


def _terms_of(
    key: str, designs: Sequence[_Design], place: Mapping[tuple[str, str], int],
    found: Sequence[float],
) -> Terms:  # fmt: skip
    """Return the factors of a part's terms if there are several."""
    names = dict.fromkeys(name for each in designs for name in (*each.own, *each.added))
    terms = {
        name: found[place[column]]
        for name in names
        if (column := _column(key, name)) in place
    }
    return terms if len(terms) > 1 else {}


def _whole(design: _Design, name: str) -> float:
    return design.rows[-1][1].get(name, 0.0)


def _least_squares(left: Floats, right: Floats) -> Floats:
    from scipy.optimize import nnls  # takes longer to import than an estimate does

    found: Floats = nnls(left, right)[0]
    return found


def _residual(key: str, design: _Design, by: _Solution) -> Residual:
    estimated = design.estimated(by.factor, by.terms)
    return Residual(
        key, "energy", design.point, design.raw, estimated, design.measured,
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
    residuals: Sequence[Residual], pooled: Sequence[float], solved: _Solution | None
) -> CalibrationFactor:
    """Return a factor with its spread; a sum of calibrated parts stays as it is.

    residuals  of the designs that are fitted on, each left out
    """
    spread = expected_spread([_log(r) for r in residuals])
    if len(residuals) < _SHOWS_SPREAD:
        spread = max(spread, expected_spread(pooled))
    by = solved or _Solution(1.0, {})
    note = "" if solved else "of the sum of its parts, which is not scaled once more"
    return CalibrationFactor(
        factor=by.factor, spread=spread, points=len(residuals), source=SOURCE, note=note,
        terms=dict(by.terms),
    )


__all__ = ["SOURCE", "EnergyFit", "fit_energies"]
