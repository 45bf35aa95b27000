"""Estimated over measured on gates, drawn: components above, whole accelerators below."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

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
_JITTER, _HALF_BOX = 0.3, 0.4
_ROOM = 1.1
_UPRIGHT = 3
"""Names below a panel that fit side by side."""
_NARROWEST = 3
"""Structures that the narrowest panel is as wide as."""
_BOX = "#777777"

Spreads = Mapping[tuple[str, Metric], float]
"""Half-width of the band of a factor, by structure and metric."""


@drawn
def calibration(found: Calibration) -> Figure:
    """Error of every calibrated estimate; the half the factors were fitted on is hollow.

    A box around each structure is the band the next design is expected in (`expected_spread`).

    Raises ModelError if nothing was measured.
    """
    spreads = {(each.structure, each.metric): each.spread for each in found.summaries()}
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
        names = [_structures(some) for _, _, some in panels]
        widths = [max(len(some), _NARROWEST) for some in names]
        drawn_on = part.subplots(1, len(panels), squeeze=False, width_ratios=widths)[0]
        tilts = any(len(some) > _UPRIGHT for some in names)
        for axes, (metric, title, some) in zip(drawn_on, panels, strict=True):
            _panel(axes, some, _goal(metric, some), spreads)
            _name(axes, title, _structures(some), tilts=tilts)
        whole = panels[0][2][0].structure.startswith(_WHOLE)
        kind = "Accelerators" if whole else "Components"
        part.supylabel(f"{kind}\nestimated / measured - 1 [%]", fontsize=7.5, ma="center")
    marks = [
        Line2D([], [], color=BLUE, marker="o", linestyle="", markersize=4, label="judged"),
        Line2D([], [], color=BLUE, marker="o", linestyle="", markersize=4,
               markerfacecolor="none", label="fitted on"),
        Line2D([], [], color=VERMILION, marker="^", linestyle="", markersize=4, label="composed"),
        Patch(facecolor="#DDDDDD", label="goal"),
        Patch(facecolor="none", edgecolor=_BOX, linewidth=0.6, label="next design, 95 %"),
    ]  # fmt: skip
    figure.legend(handles=marks, loc="outside lower center", ncols=len(marks))
    return figure


def _panels(residuals: Iterable[Residual]) -> Iterator[tuple[Metric, str, list[Residual]]]:
    every = list(residuals)
    for metric, title in _TITLES:
        if some := [r for r in every if r.metric == metric]:
            yield metric, title, some


def _goal(metric: Metric, residuals: Sequence[Residual]) -> float:
    whole = metric == "area" and residuals[0].structure.startswith(_WHOLE)
    return GOALS[_WHOLE if whole else metric]


def _structures(residuals: Iterable[Residual]) -> list[str]:
    return sorted({r.structure for r in residuals})


def _panel(axes: Axes, residuals: Sequence[Residual], goal: float, spreads: Spreads) -> None:
    axes.axhspan(-100 * goal, 100 * goal, color="#EEEEEE", linewidth=0)
    axes.axhline(0, color="#888888", linewidth=0.7)
    furthest = max(goal, *(abs(r.error) for r in residuals))
    for place, structure in enumerate(_structures(residuals)):
        own = sorted(
            (r for r in residuals if r.structure == structure),
            key=lambda r: (r.point.pes * r.point.lanes, r.point.lanes),
        )
        spread = spreads.get((structure, own[0].metric), 0.0)
        _box(axes, place, spread)
        furthest = max(furthest, spread)
        across = place + np.linspace(-_JITTER, _JITTER, len(own))
        for x, residual in zip(across, own, strict=True):
            _point(axes, float(x), residual)
    limit = 100 * _ROOM * furthest
    axes.set_ylim(-limit, limit)


def _box(axes: Axes, place: int, spread: float) -> None:
    low, high = 100 * (1 / (1 + spread) - 1), 100 * spread
    axes.bar(place, high - low, 2 * _HALF_BOX, low, color="none", edgecolor=_BOX, linewidth=0.6)


def _name(axes: Axes, title: str, structures: Sequence[str], *, tilts: bool) -> None:
    names = [plain(name).removeprefix(f"{_WHOLE} ") for name in structures]
    tilt: Any = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if tilts else {}
    axes.set_xlim(-0.6, len(structures) - 0.4)
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
