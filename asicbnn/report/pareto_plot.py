"""Design points in the plane of two metrics, and the fronts among them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from asicbnn.errors import SpecError
from asicbnn.report import style
from asicbnn.report.bands import (
    Cross,
    draw_crosses,
    errors_of,
    level_note,
    told_apart,
)
from asicbnn.report.needed import require
from asicbnn.report.style import COLUMN_INCH, PAGE_INCH, drawn, plain, scaled, sheet
from asicbnn.result import METRICS
from asicbnn.sweep.pareto import costs_of, non_dominated

_MOST_FACETS = 9


@drawn
def pareto(
    table: pd.DataFrame,
    x: str = "area_um2",
    y: str = "energy_per_inference_uj",
    by: str = "technology",
    panels: str = "workload",
) -> Figure:
    """Design points in the plane of two metrics, a front per series.

    by      column whose values are the series
    panels  column with a panel for each of its values
    """
    require(table, [x, y, by, panels])
    table = told_apart(table, by)
    facets = sorted(table[panels].astype(str).unique())
    names = [str(value) for value in sorted(table[by].unique(), key=_natural)]
    for what, found, most in ((panels, facets, _MOST_FACETS), (by, names, len(style.SERIES))):
        if len(found) > most:
            raise SpecError(f"{len(found)} values of {what} are too many for a figure; {most} fit")
    columns = min(3, len(facets))
    rows = -(-len(facets) // columns)
    width = COLUMN_INCH if columns == 1 else PAGE_INCH
    figure = sheet(width, 0.3 + rows * (2.5 if columns < 3 else 2.1))
    grid = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes, facet in zip(grid, facets, strict=False):
        _pareto_panel(axes, table[table[panels].astype(str) == facet], (x, y), by, names)
        axes.set_title(facet)
    for axes in grid[len(facets) :]:
        axes.set_axis_off()
    ending = by.rpartition(".")[2]
    handles = {}
    for axes in grid:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles[label if by == "technology" else f"{ending} {plain(label)}"] = handle
    shown = [n if by == "technology" else f"{ending} {plain(n)}" for n in names]
    shown = [name for name in shown if name in handles]
    ncols = min(5 if columns > 1 else 3, len(shown))
    figure.legend(
        [handles[n] for n in shown], shown, loc="outside lower center", ncols=ncols,
        title=level_note(table), title_fontsize=6,
    )  # fmt: skip
    return figure


def _natural(value: object) -> tuple[int, float, str]:
    """Sort numbers by size and before words."""
    if isinstance(value, int | float | np.integer | np.floating):
        return 0, float(value), ""
    return 1, 0.0, str(value)


def _pareto_panel(
    axes: Axes, table: pd.DataFrame, metrics: tuple[str, str], by: str, names: Sequence[str]
) -> None:
    x, x_label = scaled(table[metrics[0]].astype(float), metrics[0])
    y, y_label = scaled(table[metrics[1]].astype(float), metrics[1])
    costs = costs_of(table, metrics)
    steps = "steps-pre" if METRICS[metrics[0]].better == "higher" else "steps-post"
    crosses: list[Cross] = []
    for index, name in enumerate(names):
        rows = np.flatnonzero((table[by].astype(str) == name).to_numpy())
        if not len(rows):
            continue
        colour = style.SERIES[index % len(style.SERIES)]
        marker = style.MARKERS[index % len(style.MARKERS)]
        px, py = x.to_numpy(np.float64)[rows], y.to_numpy(np.float64)[rows]
        axes.plot(px, py, marker, ms=2.6, mfc=colour, mec="none", alpha=0.28, zorder=2)
        front = non_dominated(costs[rows])
        order = np.lexsort((py[front], px[front]))
        on = rows[front][order]
        fx, fy = x.to_numpy(np.float64)[on], y.to_numpy(np.float64)[on]
        errors = errors_of(table, metrics[0])[on], errors_of(table, metrics[1])[on]
        crosses.append(Cross(fx, fy, errors, colour))
        axes.plot(fx, fy, "-", color=colour, drawstyle=steps, alpha=0.8, zorder=3)
        axes.plot(fx, fy, marker, ms=4.2, mfc=colour, mec="white", mew=0.5, zorder=4, label=name)
    style.log_if_wide(axes, "x", x)
    style.log_if_wide(axes, "y", y)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.margins(0.06)
    draw_crosses(axes, crosses)
    _better_corner(axes, metrics)


def _better_corner(axes: Axes, metrics: tuple[str, str]) -> None:
    """Say above the panel which corner is best for both metrics."""
    right, up = (METRICS[name].better == "higher" for name in metrics)
    arrow = {(0, 0): "↙", (0, 1): "↖", (1, 0): "↘", (1, 1): "↗"}[(int(right), int(up))]
    axes.set_title(f"{arrow} better", loc="right", fontsize=6.5, color="#666666", weight="normal")


__all__ = ["pareto"]
