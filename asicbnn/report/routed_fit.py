"""Factors of placement and routing as a table and as JSON: what runs show, what stood before."""

from __future__ import annotations

from typing import Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from asicbnn.calibration.routed_section import RoutedFit
from asicbnn.report.tables import add, notes, plain_table
from asicbnn.technology.routing import factor_names
from asicbnn.units import figure

_MEANING: Final = {
    "placement_density": "standard cells over core area outside macros",
    "growth": "placed over mapped cell area",
    "sizing": "the same of the logic alone",
    "repair_ge_per_load": "repair buffers, NAND2 areas per inverter load of wire",
    "clock_area_ge_per_sink": "clock buffers, NAND2 areas per flop",
    "detour": "routed wire over Steiner trees of the placed pins",
    "datapath_spacings": "wire per net of arithmetic, in distances between nets",
    "control_spacings": "wire per net of control, likewise",
    "power_ratio": "routed over mapped power: a check, not a factor",
}


def as_tables(fit: RoutedFit) -> RenderableType:
    """Return the fit as a reader wants to see it."""
    headings = ["factor", "before", "fitted", "runs", "what it is"]
    runs = "1 run" if len(fit.runs) == 1 else f"{len(fit.runs)} runs"
    title = f"placement and routing of {fit.technology}, from {runs}"
    table = plain_table(title, headings, sentence=len(headings) - 1)
    for name in factor_names():
        before, found = getattr(fit.before, name), fit.fitted.get(name)
        add(
            table, name, _banded(before.value, before.relative_error),
            _banded(found.value, found.relative_error) if found else "not shown",
            str(found.runs) if found else "0", _MEANING[name],
        )  # fmt: skip
    nets = [f"{run.name}: {run.nets or 'unknown'} nets" for run in fit.runs]
    return Group(table, Text(), notes(nets))


def as_json(fit: RoutedFit, path: str) -> dict[str, Any]:
    """Return the fit as a JSON object."""
    return {
        "technology": fit.technology,
        "file": path,
        "runs": [run.model_dump(mode="json", exclude_none=True) for run in fit.runs],
        "factors": {
            name: {"value": x.value, "relative_error": x.relative_error, "runs": x.runs}
            for name, x in fit.fitted.items()
        },
    }


def _banded(value: float, relative_error: float) -> str:
    return f"{figure(value)} x/ {1 + relative_error:.2f}"


__all__ = ["as_json", "as_tables"]
