"""Estimated over measured on gates, drawn: components above, whole accelerators below."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from asicbnn.calibration.calibrate import Calibration
from asicbnn.calibration.residuals import Metric, Residual
from asicbnn.errors import ModelError
from asicbnn.report.calibration import GOALS
from asicbnn.report.style import BLUE, PAGE_INCH, VERMILION, drawn, plain, sheet

_WHOLE = "accelerator"
_TITLES: tuple[tuple[Metric, str], ...] = (
    ("area", "Area"), ("delay", "Longest path"), ("energy", "Energy per op"),
)  # fmt: skip
_ROW_INCH, _LEGEND_INCH = 2.3, 0.3
_JITTER = 0.3
_ROOM = 1.25
_UPRIGHT = 3
"""Names below a panel that fit side by side."""


@drawn
def calibration(found: Calibration) -> Figure:
    """Error of every calibrated estimate; the half the factors were fitted on is hollow.

    Raises ModelError if nothing was measured.
    """
    rows = [
        list(_panels(r for r in found.residuals if r.structure.startswith(_WHOLE) == is_whole))
        for is_whole in (False, True)
    ]
    rows = [row for row in rows if row]
    if not rows:
        raise ModelError("nothing was measured, so there is nothing to draw")
    figure = sheet(PAGE_INCH, _LEGEND_INCH + _ROW_INCH * len(rows))
    shown = figure.subfigures(len(rows), 1, squeeze=False)[:, 0]
    for part, panels in zip(shown, rows, strict=True):
        for axes, (metric, title, some) in zip(
            part.subplots(1, len(panels), squeeze=False)[0], panels, strict=True
        ):
            _panel(axes, title, some, _goal(metric, some))
        part.supylabel("estimated / measured - 1 [%]", fontsize=7.5)
    marks = [
        Line2D([], [], color=BLUE, marker="o", linestyle="", markersize=4, label="judged"),
        Line2D([], [], color=BLUE, marker="o", linestyle="", markersize=4,
               markerfacecolor="none", label="fitted on"),
        Line2D([], [], color=VERMILION, marker="^", linestyle="", markersize=4, label="composed"),
        Line2D([], [], color="#DDDDDD", linewidth=6, label="goal"),
    ]  # fmt: skip
    figure.legend(handles=marks, loc="outside lower center", ncols=4)
    return figure


def _panels(residuals: Iterable[Residual]) -> Iterator[tuple[Metric, str, list[Residual]]]:
    every = list(residuals)
    for metric, title in _TITLES:
        if some := [r for r in every if r.metric == metric]:
            whole = some[0].structure.startswith(_WHOLE)
            yield metric, f"{title}, {'accelerators' if whole else 'components'}", some


def _goal(metric: Metric, residuals: Sequence[Residual]) -> float:
    whole = metric == "area" and residuals[0].structure.startswith(_WHOLE)
    return GOALS[_WHOLE if whole else metric]


def _panel(axes: Axes, title: str, residuals: Sequence[Residual], goal: float) -> None:
    structures = sorted({r.structure for r in residuals})
    axes.axhspan(-100 * goal, 100 * goal, color="#EEEEEE", linewidth=0)
    axes.axhline(0, color="#888888", linewidth=0.7)
    for place, structure in enumerate(structures):
        own = sorted(
            (r for r in residuals if r.structure == structure),
            key=lambda r: (r.point.pes * r.point.lanes, r.point.lanes),
        )
        across = place + np.linspace(-_JITTER, _JITTER, len(own))
        for x, residual in zip(across, own, strict=True):
            _point(axes, float(x), residual)
    limit = 100 * _ROOM * max(*(abs(r.error) for r in residuals), goal)
    axes.set_ylim(-limit, limit)
    axes.set_xlim(-0.6, len(structures) - 0.4)
    names = [plain(name).removeprefix(f"{_WHOLE} ") for name in structures]
    tilt: Any = {} if len(names) <= _UPRIGHT else {"rotation": 30, "ha": "right"}
    axes.set_xticks(range(len(names)), names, **tilt)
    axes.grid(visible=False, axis="x")
    axes.set_title(title)


def _point(axes: Axes, x: float, residual: Residual) -> None:
    colour = VERMILION if residual.composed else BLUE
    axes.plot(
        x, 100 * residual.error, color=colour, markersize=3, linestyle="",
        marker="^" if residual.composed else "o", markeredgewidth=0.7,
        markerfacecolor="none" if residual.is_fitted else colour,
    )  # fmt: skip


__all__ = ["calibration"]
