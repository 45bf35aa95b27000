"""Predicted against published, drawn: a panel per quantity, a marker per kind of figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from asicbnn.errors import ModelError
from asicbnn.report import style
from asicbnn.report.style import PAGE_INCH, drawn, sheet
from asicbnn.units import typeset
from asicbnn.validate.comparison import RATIO_TOLERANCE, UNITS, Row
from asicbnn.validate.run import Validation

KIND_MARKERS: Mapping[str, str] = {"measured": "o", "post-layout": "s", "post-synthesis": "^"}
_PANELS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Energy per operation", ("energy_fj_per_op",)),
    ("Energy per inference", ("energy_uj",)),
    ("Power", ("power_mw",)),
    ("Area", ("area_mm2",)),
    ("Cycles and steps", ("cycles", "steps")),
    ("Ratios and shares", ("voltage_ratio", "system_ratio", "energy_share")),
)
_COLOURS = (*(c for c in style.SERIES if c != style.YELLOW), "#8C6D31")
"""Yellow is too faint for a point; a brown stands in for it."""
_COLUMNS = 3
_FACTOR = 2.0
_MARGIN = 1.6


@drawn
def validation(found: Validation) -> Figure:
    """Every predicted figure over the published one, with the band of the prediction as a bar.

    Raises ModelError if nothing was predicted.
    """
    rows = [row for row in found.rows if row.predicted is not None]
    panels = [(title, [r for r in rows if r.quantity in names]) for title, names in _PANELS]
    panels = [(title, some) for title, some in panels if some]
    if not panels:
        raise ModelError("nothing was predicted, so there is nothing to draw")
    chips = [each.chip for each in found.chips]
    colours = {c.name: _COLOURS[i % len(_COLOURS)] for i, c in enumerate(chips)}
    height = -(-len(panels) // _COLUMNS)
    figure = sheet(PAGE_INCH, 0.6 + 2.15 * height)
    grid = list(figure.subplots(height, _COLUMNS, squeeze=False).flat)
    for axes, (title, some) in zip(grid, panels, strict=False):
        _panel(axes, title, some, colours)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    handles = [
        Line2D([], [], color=colours[c.name], marker="o", linestyle="", label=c.title)
        for c in chips
    ]
    kinds = {row.kind for row in rows}
    grey: Any = {"color": "#555555", "linestyle": ""}
    handles += [
        Line2D([], [], marker=marker, label=kind, **grey)
        for kind, marker in KIND_MARKERS.items()
        if kind in kinds
    ]
    handles.append(Line2D([], [], marker="o", markerfacecolor="none", label="missed", **grey))
    figure.legend(handles=handles, loc="outside lower center", ncols=5)
    return figure


def _panel(axes: Axes, title: str, rows: Sequence[Row], colours: Mapping[str, str]) -> None:
    bounds = [bound for row in rows for bound in (*(row.band or ()), row.published)]
    low, high = min(bounds) / _MARGIN, max(bounds) * _MARGIN
    is_ratio = rows[0].judgement != "absolute"
    width = 1 + RATIO_TOLERANCE if is_ratio else _FACTOR
    axes.fill_between(
        [low, high], [low / width, high / width], [low * width, high * width],
        color="#EEEEEE", linewidth=0,
    )  # fmt: skip
    axes.plot([low, high], [low, high], color="#888888", linewidth=0.7)
    for row in rows:
        _point(axes, row, colours[row.chip])
    axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high))
    axes.set_aspect("equal")
    axes.minorticks_off()
    axes.set_title(f"{title}, {'±20 %' if is_ratio else 'x 2'}")
    unit = UNITS[rows[0].quantity]
    suffix = "" if unit in ("1", "cycle", "step") else f" [{typeset(unit)}]"
    axes.set_xlabel(f"published{suffix}")
    axes.set_ylabel(f"predicted{suffix}")


def _point(axes: Axes, row: Row, colour: str) -> None:
    if row.predicted is None or row.band is None:
        return
    low, high = row.band
    axes.errorbar(
        [row.published], [row.predicted],
        yerr=[[row.predicted - low], [high - row.predicted]] if row.relative_error else None,
        color=colour, marker=KIND_MARKERS[row.kind], markersize=4, linestyle="",
        markerfacecolor="none" if row.is_miss else colour, markeredgewidth=0.9,
        elinewidth=0.8, capsize=1.5,
    )  # fmt: skip


__all__ = ["KIND_MARKERS", "validation"]
