"""Estimates held against gates: one residual per design, structure and metric."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from asicbnn.calibration.grid import GridPoint
from asicbnn.technology.routing import UNKNOWN_ERROR, student_t

Metric = Literal["area", "delay", "energy"]
UNITS = {"area": "um2", "delay": "ps", "energy": "fJ"}


@dataclass(frozen=True)
class Residual:
    """One estimate and what gates gave for it, in the unit of `UNITS`.

    raw        without factors, at level cell     estimated  with them
    is_fitted  the factor was fitted on this design, among others
    composed   what was measured is composed from smaller designs
    """

    structure: str
    metric: Metric
    point: GridPoint
    raw: float
    estimated: float
    measured: float
    is_fitted: bool
    composed: bool

    @property
    def error(self) -> float:
        """Relative error of the estimate."""
        return self.estimated / self.measured - 1


class Unscaled(Protocol):
    """Something measured, and its estimate before any factor of its structure."""

    @property
    def measured(self) -> float: ...
    @property
    def unscaled(self) -> float: ...


_Held = TypeVar("_Held", bound=Unscaled)


@dataclass(frozen=True)
class Summary:
    """Residuals of one structure and metric.

    judged     designs the factor was not fitted on
    raw        mean of measured over raw estimate
    mean, worst   mean of the absolute errors, and the largest of them, over the judged designs
    inside     share of the judged designs within the spread of the factor
    """

    structure: str
    metric: Metric
    designs: int
    judged: int
    raw: float
    factor: float
    spread: float
    mean: float
    worst: float
    inside: float


def summary(
    residuals: Iterable[Residual], structure: str, metric: Metric, factor: float, spread: float
) -> Summary | None:
    """Sum up the residuals of one structure and metric; None if none was judged."""
    own = [r for r in residuals if (r.structure, r.metric) == (structure, metric)]
    judged = [r for r in own if not r.is_fitted]
    if not judged:
        return None
    errors = [abs(r.error) for r in judged]
    within = sum(abs(math.log(r.measured / r.estimated)) <= math.log1p(spread) for r in judged)
    return Summary(
        structure, metric, len(own), len(judged),
        math.fsum(r.measured / r.raw for r in own) / len(own), factor, spread,
        math.fsum(errors) / len(errors), max(errors), within / len(judged),
    )  # fmt: skip


_EXACT = 1e-9
"""Deviation below which designs are met but for rounding."""


def expected_spread(residuals: Sequence[float], parameters: int = 1) -> float:
    """Half-width of the band one more design is expected in with 95 %.

    residuals   logarithms of measured over estimated of the fitted designs, each of which was
                measured by itself: what is said twice counts once
    parameters  that were fitted on them

    A prediction interval: Student's quantile of n - parameters degrees of freedom times the
    standard deviation times sqrt(1 + 1 / n). As many parameters as designs meet them all and say
    nothing of the next: a factor of two either way.
    """
    n = len(residuals)
    free = max(1, n - parameters)
    deviation = math.sqrt(math.fsum(r * r for r in residuals) / free)
    if n <= parameters and deviation < _EXACT:
        return UNKNOWN_ERROR
    return math.expm1(student_t(free) * deviation * math.sqrt(1 + 1 / n))


def distinct(designs: Iterable[_Held]) -> list[_Held]:
    """Return designs without those that repeat another: as much measured, as much estimated.

    Many designs of the grid hold the same part, such as an output stage of as many PEs.
    """
    found: dict[tuple[str, str], _Held] = {}
    for each in designs:
        found.setdefault((f"{each.measured:.9g}", f"{each.unscaled:.9g}"), each)
    return list(found.values())


def rows(residuals: Iterable[Residual]) -> Iterator[dict[str, str | float | int]]:
    """Yield the residuals as rows of a table; areas in um2, delays in ps, energies in fJ."""
    for r in residuals:
        yield {
            "structure": r.structure, "metric": r.metric, "unit": UNITS[r.metric],
            "popcount": r.point.structure, "pes": r.point.pes, "lanes": r.point.lanes,
            "pipeline_stages": r.point.pipeline_stages, "raw": r.raw, "estimated": r.estimated,
            "measured": r.measured, "relative_error": r.error,
            "half": "fitted" if r.is_fitted else "judged",
            "composed": "composed" if r.composed else "direct",
        }  # fmt: skip
