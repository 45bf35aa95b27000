"""The table of what toggled: every group of cells beside the model's assumption."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from asicbnn.activity import Activity, Row
from asicbnn.report.tables import add, notes, plain_table
from asicbnn.units import figure, quantity

_HEADINGS = (
    "cells", "outputs", "toggles/cycle", "per event", "model", "energy", "model", "ratio",
)  # fmt: skip


def activity(found: Activity) -> RenderableType:
    """Return energy and activity by group, the popcount's levels, and what they leave out.

    Per event: transitions per output and step, read, link word or cycle, as the model has it.
    """
    table = plain_table("activity: as counted, and as the model assumes", _HEADINGS)
    for row in found.rows:
        add(table, row.name, *_cells(row, found.cycles))
    table.add_section()
    add(table, "total", *_cells(total(found.rows), found.cycles), style="bold")
    levels = plain_table("popcount by level of its adders", _HEADINGS[:4] + _HEADINGS[5:6])
    for row in found.levels:
        cells = _cells(row, found.cycles)
        add(levels, row.name, *cells[:3], cells[4])
    return Group(Text(), table, Text(), levels, Text(), notes(found.flags))


def total(rows: tuple[Row, ...]) -> Row:
    """Return the sum of all rows; what the model does not price is in the measured side alone."""
    return Row(
        "total",
        sum(row.transitions for row in rows),
        sum(row.outputs for row in rows),
        None,
        None,
        sum(row.energy_fj for row in rows),
        sum(row.model_fj or 0.0 for row in rows),
    )


def _cells(row: Row, cycles: int) -> tuple[str, ...]:
    return (
        figure(row.outputs) if row.outputs else "",
        figure(row.transitions / cycles) if row.outputs else "",
        _or_blank(row.measured),
        _or_blank(row.assumed),
        quantity(row.energy_fj, "fJ"),
        "" if row.model_fj is None else quantity(row.model_fj, "fJ"),
        "" if row.ratio is None else f"{row.ratio:.2f}",
    )


def _or_blank(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


__all__ = ["activity", "total"]
