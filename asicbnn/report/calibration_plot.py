"""Estimated over measured on gates, drawn: a panel per metric, a column per structure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from asicbnn.calibration.calibrate import Calibration
from asicbnn.calibration.residuals import Residual
from asicbnn.errors import ModelError
from asicbnn.report.calibration import GOALS
from asicbnn.report.style import BLUE, PAGE_INCH, VERMILION, drawn, plain, sheet

_PANELS = (
    ("Area of components", "area", False, GOALS["area"]),
    ("Area of accelerators", "area", True, GOALS["accelerator"]),
    ("Longest path", "delay", True, GOALS["delay"]),
    ("Energy per operation", "energy", False, GOALS["energy"]),
)
_JITTER = 0.28
_ROOM = 1.35


@drawn
def calibration(found: Calibration) -> Figure:
    """Error of every calibrated estimate; the half the factors were fitted on is hollow.

    Raises ModelError if nothing was measured.
    """
    panels = []
    for title, metric, is_whole, band in _PANELS:
        some = [
            r for r in found.residuals
            if r.metric == metric and r.structure.startswith("accelerator") == is_whole
        ]  # fmt: skip
        if some:
            panels.append((title, some, band))
    if not panels:
        raise ModelError("nothing was measured, so there is nothing to draw")
    widths = [max(2.0, len({r.structure for r in some})) for _, some, _ in panels]
    figure = sheet(PAGE_INCH, 2.6)
    grid = figure.subplots(1, len(panels), width_ratios=widths, squeeze=False)[0]
    for axes, (title, some, band) in zip(grid, panels, strict=True):
        _panel(axes, title, some, band)
    grid[0].set_ylabel("estimated / measured - 1 [%]")
    marks = [
        Line2D([], [], color=BLUE, marker="o", linestyle="", markersize=4, label="judged"),
        Line2D([], [], color=BLUE, marker="o", linestyle="", markersize=4,
               markerfacecolor="none", label="fitted on"),
        Line2D([], [], color=VERMILION, marker="^", linestyle="", markersize=4, label="composed"),
        Line2D([], [], color="#DDDDDD", linewidth=6, label="goal"),
    ]  # fmt: skip
    figure.legend(handles=marks, loc="outside lower center", ncols=4)
    return figure


def _panel(axes: Axes, title: str, residuals: Sequence[Residual], goal: float) -> None:
    structures = list(dict.fromkeys(r.structure for r in residuals))
    axes.axhspan(-100 * goal, 100 * goal, color="#EEEEEE", linewidth=0)
    axes.axhline(0, color="#888888", linewidth=0.7)
    for place, structure in enumerate(structures):
        own = sorted(
            (r for r in residuals if r.structure == structure),
            key=lambda r: (r.point.pes * r.point.lanes, r.point.lanes),
        )
        across = place + np.linspace(-_JITTER, _JITTER, len(own))
        for x, residual in zip(across, own, strict=True):
            colour = VERMILION if residual.composed else BLUE
            axes.plot(
                x, 100 * residual.error, color=colour, markersize=3, linestyle="",
                marker="^" if residual.composed else "o", markeredgewidth=0.7,
                markerfacecolor="none" if residual.is_fitted else colour,
            )  # fmt: skip
    worst = max(abs(r.error) for r in residuals)
    limit = 100 * _ROOM * max(worst, goal)
    axes.set_ylim(-limit, limit)
    axes.set_xlim(-0.6, len(structures) - 0.4)
    names = [plain(s).replace("accelerator ", "").replace(" ", "\n") for s in structures]
    axes.set_xticks(range(len(structures)), names)
    axes.grid(visible=False, axis="x")
    axes.set_title(title)


__all__ = ["calibration"]
