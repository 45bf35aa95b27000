"""The section `routed` of a technology file: factors fitted to finished runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

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
"""Runs whose own scatter is believed."""


@dataclass(frozen=True)
class RoutedFit:
    """Factors that runs show, beside those they replace.

    fitted  by name; what no run shows is not in it     before  what the technology had
    """

    technology: str
    runs: tuple[RoutedDesign, ...]
    fitted: Mapping[str, Factor]
    before: RoutedFactors


def fit_runs(technology: Technology, runs: Sequence[RoutedDesign]) -> RoutedFit:
    """Fit the factors of placement and routing to finished runs.

    The scatter of fewer than four runs is not believed; they have that of the open designs.
    """
    found = shown(runs, (technology,))
    before = routed_factors(technology)
    priors = routed_factors(replace(technology, digest=f"{technology.digest} bare", routed=None))
    factors = {}
    for name in factor_names():
        if found[name]:
            factor = fitted(found[name])
            if factor.runs < _ENOUGH:
                factor = replace(factor, relative_error=getattr(priors, name).relative_error)
            factors[name] = factor
    return RoutedFit(technology.name, tuple(runs), factors, before)


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
    names = ", ".join(run.name for run in fit.runs)
    sources = {SOURCE: f"metrics of finished place-and-route runs: {names}"}
    return with_section(text, path, SECTION, content, sources)


def _note(runs: int) -> str:
    if runs >= _ENOUGH:
        return f"geometric mean of {runs} runs; the error covers the next one, 19 times of 20"
    some = "1 run" if runs == 1 else f"geometric mean of {runs} runs"
    return f"{some}; the error is that of the open designs"


__all__ = ["SECTION", "RoutedFit", "fit_runs", "with_routed_section"]
