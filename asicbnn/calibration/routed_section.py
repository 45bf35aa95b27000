"""The section `routed` of a technology file: factors fitted to finished runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import geometric_mean
from typing import Any, Final

from asicbnn.calibration.flow_metrics import LeftOut
from asicbnn.technology.library import Technology
from asicbnn.technology.routed_designs import RoutedDesign
from asicbnn.technology.routing import (
    Factor,
    RoutedFactors,
    factor_names,
    fitted,
    routed_factors,
    shown,
)
from asicbnn.technology.sections import with_section

SECTION: Final = "routed"
SOURCE: Final = "flow_runs"
_DIGITS: Final = 5
_ENOUGH: Final = 4
"""Designs whose own scatter is believed."""


@dataclass(frozen=True)
class RoutedFit:
    """Factors that runs show, beside those they replace.

    fitted  by name, `runs` of each counting designs; what no run shows is not in it
    before  what the technology had        left_out  runs below the folder that are not in it
    """

    technology: str
    runs: tuple[RoutedDesign, ...]
    fitted: Mapping[str, Factor]
    before: RoutedFactors
    left_out: tuple[LeftOut, ...] = ()

    @property
    def designs(self) -> int:
        """How many designs there are runs of."""
        return len({run.name for run in self.runs})


def fit_runs(
    technology: Technology, runs: Sequence[RoutedDesign], left_out: Sequence[LeftOut] = ()
) -> RoutedFit:
    """Fit the factors of placement and routing to finished runs.

    Runs of one design repeat each other, and count as one, their geometric mean. The scatter of
    fewer than four designs is not believed; they have that of the open designs.
    """
    found = _by_design(technology, runs)
    before = routed_factors(technology)
    priors = routed_factors(replace(technology, digest=f"{technology.digest} bare", routed=None))
    factors = {}
    for name in factor_names():
        if found[name]:
            factor = fitted(found[name])
            if factor.runs < _ENOUGH:
                factor = replace(factor, relative_error=getattr(priors, name).relative_error)
            factors[name] = factor
    return RoutedFit(technology.name, tuple(runs), factors, before, tuple(left_out))


def _by_design(technology: Technology, runs: Sequence[RoutedDesign]) -> dict[str, list[float]]:
    """Return what each design shows of each factor, the geometric mean of its runs."""
    designs: dict[str, list[RoutedDesign]] = {}
    for run in runs:
        designs.setdefault(run.name, []).append(run)
    found: dict[str, list[float]] = {name: [] for name in factor_names()}
    for repeated in designs.values():
        for name, values in shown(repeated, (technology,)).items():
            if values:
                found[name].append(geometric_mean(values))
    return found


def with_routed_section(text: str, path: str, fit: RoutedFit) -> str:
    """Return a technology file with the fit as its section `routed`."""
    content: dict[str, Any] = {"runs": len(fit.runs)}
    for name, factor in fit.fitted.items():
        content[name] = {
            "value": float(f"{factor.value:.{_DIGITS}g}"),
            "source": SOURCE,
            "relative_error": float(f"{factor.relative_error:.{_DIGITS}g}"),
            "note": _note(factor.runs),
        }
    names = ", ".join(dict.fromkeys(run.name for run in fit.runs))
    sources = {SOURCE: f"metrics of finished place-and-route runs: {names}"}
    return with_section(text, path, SECTION, content, sources)


def _note(designs: int) -> str:
    if designs >= _ENOUGH:
        return f"geometric mean of {designs} designs; the error covers the next, 19 times of 20"
    some = "1 design" if designs == 1 else f"geometric mean of {designs} designs"
    return f"{some}; the error is that of the open designs"


__all__ = ["SECTION", "RoutedFit", "fit_runs", "with_routed_section"]
