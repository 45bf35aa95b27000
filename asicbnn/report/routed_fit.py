"""Factors of placement and routing as a table and as JSON: what runs show, what stood before."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from asicbnn.calibration.routed_section import RoutedFit
from asicbnn.report.tables import add, notes, plain_table
from asicbnn.technology.routing import factor_names
from asicbnn.units import figure

_MOST: Final = 24
"""Notes below the table; all runs are in the JSON."""
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
    headings = ["factor", "before", "fitted", "designs", "what it is"]
    runs = f"{_counted(len(fit.runs), 'run')} of {_counted(fit.designs, 'design')}"
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
    return Group(table, Text(), notes([*_left_out(fit), *nets], most=_MOST))


def _left_out(fit: RoutedFit) -> list[str]:
    """Say which runs are not in the fit, those of one reason together."""
    by_reason: dict[str, list[str]] = {}
    for each in fit.left_out:
        by_reason.setdefault(each.reason, []).append(each.run)
    return [f"left out, {reason}: {', '.join(runs)}" for reason, runs in by_reason.items()]


def _counted(number: int, noun: str) -> str:
    return f"1 {noun}" if number == 1 else f"{number} {noun}s"


def as_json(fit: RoutedFit, path: Path | None) -> dict[str, Any]:
    """Return the fit as a JSON object; `path` is the file it was written to, if it was."""
    return {
        "technology": fit.technology,
        **({} if path is None else {"file": str(path)}),
        "runs": [run.model_dump(mode="json", exclude_none=True) for run in fit.runs],
        "factors": {
            name: {"value": x.value, "relative_error": x.relative_error, "runs": x.runs}
            for name, x in fit.fitted.items()
        },
        "left_out": [{"run": each.run, "reason": each.reason} for each in fit.left_out],
    }


def _banded(value: float, relative_error: float) -> str:
    return f"{figure(value)} x/ {1 + relative_error:.2f}"


__all__ = ["as_json", "as_tables"]
