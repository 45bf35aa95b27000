"""A calibration as tables, as a page and as JSON: factors, residuals, what was composed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from asicbnn.calibration.calibrate import Calibration
from asicbnn.calibration.residuals import Summary, rows
from asicbnn.report.factor_page import csv_of
from asicbnn.report.style import plain
from asicbnn.report.tables import add, notes, plain_table
from asicbnn.technology.calibration import (
    ADDER,
    CHOICE,
    FLOP,
    HOLDING,
    PRODUCT,
    REGISTERED_PRODUCT,
)

GOALS: Final = {"area": 0.03, "accelerator": 0.05, "delay": 0.15, "energy": 0.15}
"""Largest mean error of the judged half a factor should leave."""
_MAPPED: Final = (
    (PRODUCT, "a product is mapped"), (REGISTERED_PRODUCT, "one of registered masks"),
    (CHOICE, "a multiplexer of the output stage"),
)  # fmt: skip
_WRITTEN_BY: Final = (
    "Written by `asicbnn calibrate {technology}`; what is changed here by hand is lost. "
    "What the columns mean: [calibration](../calibration.md)."
)
_HEADINGS: Final = (
    "structure", "metric", "designs", "gates/cells", "factor", "spread", "judged", "mean error",
    "worst", "inside", "goal",
)  # fmt: skip


def goal(row: Summary) -> float:
    """Return the error a factor is meant to stay below."""
    whole = row.metric == "area" and row.structure.startswith("accelerator")
    return GOALS["accelerator" if whole else row.metric]


def _cells(row: Summary) -> tuple[str, ...]:
    wanted = goal(row)
    met = "met" if row.worst <= wanted else "on average" if row.mean <= wanted else "missed"
    return (
        plain(row.structure), row.metric, str(row.designs), f"{row.raw:.3f}", f"{row.factor:.3f}",
        f"{row.spread:.1%}", str(row.judged), f"{row.mean:.1%}", f"{row.worst:.1%}",
        f"{row.inside:.0%}", f"{wanted:.0%} {met}",
    )  # fmt: skip


def calibration_tables(found: Calibration) -> RenderableType:
    """Return what a terminal shows: a line per factor, then where it all is from."""
    title = f"{found.technology} on gates, {plain(found.form)}"
    table = plain_table(title, _HEADINGS, words=2)
    for row in found.summaries():
        add(table, *_cells(row))
    return Group(table, Text(), *(Text(line) for line in _facts(found)), notes(found.notes))


def _facts(found: Calibration) -> Iterator[str]:
    yield f"{found.source}."
    yield f"wall time {found.seconds:.0f} s"
    areas = {name: area for name, metric, area in found.factors() if metric == "area"}
    if FLOP in areas:
        yield (
            f"a flip-flop is mapped to {areas[FLOP].factor:.3f} of the technology's area, a "
            "multiplexer that holds with the buffers of its enable to "
            f"{areas[HOLDING].factor:.3f}"
        )
    own = [f"{what} to {areas[key].factor:.3f}" for key, what in _MAPPED if key in areas]
    if own:
        yield f"of the gates each is counted as, {', '.join(own)}"
    adders = [each.factor for name, _, each in found.factors() if name == ADDER]
    if adders:
        yield (
            f"adders take {adders[0]:.3f} of their stated delay in a path, before the factor of "
            "the path"
        )
    if found.energies:
        shares = [m.glitch_share for m in found.energies]
        yield (
            f"glitches take {min(shares):.0%} to {max(shares):.0%} of the logic's energy "
            f"({len(shares)} designs)"
        )
    apart = [abs(m.timers_apart) for m in found.measurements if m.timers_apart is not None]
    if apart:
        yield (
            f"longest paths by OpenSTA and by asicbnn differ by at most {max(apart):.2g} "
            f"({len(apart)} netlists)"
        )


def residual_csv(found: Calibration) -> str:
    """Return every residual as a row of CSV."""
    return csv_of(rows(found.residuals))


def calibration_page(found: Calibration, figure: str, table: str) -> str:
    """Return the page of one technology.

    figure, table  names of the files of the drawing and the residuals beside it
    """
    lines = [
        f"# Calibration of {found.technology}, {plain(found.form)}", "",
        _WRITTEN_BY.format(technology=found.technology), "",
        *(f"{fact.rstrip('.')}." for fact in _facts(found)), "",
        f"![Estimated over measured]({figure})", "",
        f"Every residual: [{table}]({table}).", "",
        "| " + " | ".join(_HEADINGS) + " |", "|" + "---|" * len(_HEADINGS),
        *("| " + " | ".join(_cells(row)) + " |" for row in found.summaries()), "",
        *(f"- {note}" for note in found.notes), "",
        "What was composed:", "",
        *(f"- {m.point.name}: {', '.join(m.composed)}" for m in found.measurements if m.composed),
    ]  # fmt: skip
    return "\n".join(lines).rstrip() + "\n"


def as_json(found: Calibration) -> dict[str, Any]:
    """Return a calibration as a JSON object."""
    return {
        "technology": found.technology,
        "form": found.form,
        "tools": found.tools,
        "files": list(found.files),
        "seconds": found.seconds,
        "factors": [
            {"structure": structure, "metric": metric, **factor.model_dump(mode="json")}
            for structure, metric, factor in found.factors()
        ],
        "residuals": list(rows(found.residuals)),
        "notes": list(found.notes),
    }


__all__ = ["as_json", "calibration_page", "calibration_tables", "goal", "residual_csv"]
