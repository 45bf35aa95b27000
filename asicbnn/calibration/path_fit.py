"""Longest paths held against static timing: adders, the popcount, all other paths.

    path = factor x longest path of the built block with its adders scaled      (`built_paths.py`)

Mapping shortens the gates of a path and leaves adders as they are, whose slowest arc is slower than
the mean that a technology states. So adders are scaled first: by as much as the paths through the
popcounts ask for, which hold few adders and many. The popcount has a factor of its own. The longest
of the other paths is in the sequencer, which is the same under every popcount: the factors of each
kind of path are fitted on both structures together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from asicbnn.calibration.grid import GridPoint
from asicbnn.calibration.least_squares import Row, told_apart
from asicbnn.calibration.measurement import SMALL_PES, Measurement
from asicbnn.calibration.residuals import Residual, distinct, expected_spread
from asicbnn.model.built_paths import COUNTED, settled_ps
from asicbnn.spec.accelerator import Accelerator
from asicbnn.technology.calibration import ADDER, POPCOUNT, accelerator_key, energy_key
from asicbnn.technology.factor_entries import CalibrationFactor
from asicbnn.technology.library import Technology

SOURCE = "calibration"
_DESIGNS = 2
"""That differ, for each factor that is fitted together with another."""
_ROUNDS = 4
_STEP = 0.02
_RANGE = (0.25, 8.0)
"""Of the factor of adders; beyond it the paths are taken not to tell adders from gates."""
_IS_LONGEST = 0.95
"""Part of the longest path from which on the popcount's, mapped by itself, is taken to be it."""


@dataclass(frozen=True)
class PathFit:
    """Factors of delays by structure, and every estimate beside what static timing gave."""

    factors: Mapping[str, CalibrationFactor]
    residuals: tuple[Residual, ...]


def fit_paths(
    technology: Technology, measurements: Sequence[Measurement], halves: frozenset[GridPoint]
) -> PathFit:
    """Fit the factors of paths on half of the designs.

    Measurements whose popcounts were not timed give one factor, of the longest path of all.
    """
    return _Fitting(technology, measurements, halves).fit()


@dataclass(frozen=True)
class _Path:
    """A measured path and what it is estimated as, factors left out [ps].

    raw       with adders as the technology states them     unscaled  with adders scaled
    is_seen   it says something of the factor: mapped as a whole, and not another path
    """

    structure: str
    measurement: Measurement
    measured: float
    raw: float
    unscaled: float
    is_seen: bool


@dataclass(frozen=True)
class _Fitting:
    technology: Technology
    measurements: Sequence[Measurement]
    halves: frozenset[GridPoint]

    def fit(self) -> PathFit:
        adders = self._adders()
        scale = 1.0 if adders is None else adders
        counted, others = list(self._popcounts(scale)), list(self._others(scale))
        factors = dict(self._factors(counted, _popcount_key, 1 if adders is None else 2))
        factors |= self._factors(others, accelerator_key, 1)
        estimated = {
            (p.measurement.point, p.structure): p.unscaled * factors[p.structure].factor
            for p in (*counted, *others)
        }
        residuals = [self._residual(p, estimated) for p in (*counted, *others)]
        if adders is not None:
            points = len(self._timed_popcounts())
            factors[ADDER] = CalibrationFactor(
                factor=adders, spread=0.0, points=points, source=SOURCE
            )
        return PathFit(factors, tuple(residuals))

    def _settled(self, accelerator: Accelerator, adders: float) -> Mapping[str, float]:
        return settled_ps(accelerator, self.technology, adders)

    # ------------------------------------------------------------------ adders
    def _adders(self) -> float | None:
        """Return what adders are slower by than gates; None if popcounts do not tell it.

        Which path is the longest depends on it, so it is found in rounds: by how much a path grows
        with the delay of adders shows how much of it they are.
        """
        scale, timed = 1.0, self._timed_popcounts()
        for _ in range(_ROUNDS):
            rows: list[Row] = []
            for accelerator, measured in timed:
                at, more = (
                    self._settled(accelerator, each)[COUNTED]
                    for each in (scale, scale * (1 + _STEP))
                )
                in_adders = (more - at) / _STEP / scale
                rows.append(((at - scale * in_adders, in_adders), measured, measured))
            of_gates, of_adders = told_apart(rows, 2, _DESIGNS)
            if of_gates is None or of_adders is None:
                return None
            scale = of_adders / of_gates
            if not _RANGE[0] <= scale <= _RANGE[1]:
                return None
        return scale

    def _timed_popcounts(self) -> list[tuple[Accelerator, float]]:
        """Return accelerators of the fitted half whose popcounts were timed [ps], each once."""
        found = {_timed(m): m.popcount_ps for m in self.measurements if m.point in self.halves}
        return [(accelerator, ps) for accelerator, ps in found.items() if ps is not None]

    # ------------------------------------------------------------------ paths
    def _popcounts(self, adders: float) -> Iterator[_Path]:
        for m in self.measurements:
            if m.popcount_ps is not None:
                raw, scaled = (self._settled(_timed(m), each)[COUNTED] for each in (1.0, adders))
                key = _popcount_key(m.point.structure)
                yield _Path(key, m, m.popcount_ps, raw, scaled, not m.is_composed)

    def _others(self, adders: float) -> Iterator[_Path]:
        """Yield the longest path of each design, estimated without the popcount's."""
        for m in self.measurements:
            raw, scaled = (
                max(
                    ps for name, ps in self._settled(_timed(m), each).items()
                    if name != COUNTED or m.popcount_ps is None
                )
                for each in (1.0, adders)
            )  # fmt: skip
            is_counted = m.popcount_ps is not None and m.popcount_ps > _IS_LONGEST * m.period_ps
            key = accelerator_key(m.point.structure)
            yield _Path(key, m, m.period_ps, raw, scaled, not m.is_composed and not is_counted)

    def _factors(
        self, paths: Sequence[_Path], key: Callable[[str], str], parameters: int
    ) -> Iterator[tuple[str, CalibrationFactor]]:
        """Yield one factor for each structure there are paths of."""
        half = [p for p in paths if p.measurement.point in self.halves]
        own = distinct([p for p in half if p.is_seen] or half or paths)
        if not own:
            return
        above = math.fsum(p.unscaled / p.measured for p in own)
        factor = above / math.fsum((p.unscaled / p.measured) ** 2 for p in own)
        residuals = [math.log(p.measured / (factor * p.unscaled)) for p in own]
        fitted = CalibrationFactor(
            factor=factor, spread=expected_spread(residuals, parameters), points=len(own),
            source=SOURCE,
        )  # fmt: skip
        for structure in dict.fromkeys(p.measurement.point.structure for p in paths):
            yield key(structure), fitted

    def _residual(
        self, path: _Path, estimated: Mapping[tuple[GridPoint, str], float]
    ) -> Residual:
        """Hold a path against what is estimated for it; the longest may be the popcount's."""
        m = path.measurement
        found = estimated[m.point, path.structure]
        if path.structure == accelerator_key(m.point.structure):
            found = max(found, estimated.get((m.point, _popcount_key(m.point.structure)), 0.0))
        return Residual(
            path.structure, "delay", m.point, path.raw, found, path.measured,
            m.point in self.halves, m.is_composed,
        )  # fmt: skip


def _popcount_key(popcount: str) -> str:
    return energy_key(POPCOUNT, popcount)


def _timed(measurement: Measurement) -> Accelerator:
    """Return the accelerator whose paths were timed."""
    point = measurement.point
    return (point.of(SMALL_PES) if measurement.is_composed else point).accelerator


__all__ = ["PathFit", "fit_paths"]
