"""Accelerators in the order of estimates against that of gates, drawn: a panel per network."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from asicbnn.calibration.ranking import Ranked, ranking
from asicbnn.errors import ModelError
from asicbnn.levels import interval
from asicbnn.report.style import BLACK, BLUE, PAGE_INCH, VERMILION, drawn, sheet

_HEIGHT_INCH = 2.7
_ROOM = 1.15
_DECADE = 10.0
_BAND = "#BBBBBB"
_COLOURS = {"sliced": BLUE, "tree": VERMILION}
_MARKERS = {"sliced": "o", "tree": "^"}


@drawn
def ranking_figure(ranked: Sequence[Ranked]) -> Figure:
    """Estimated energy of an image over that of gates and macros, with the estimate's band.

    Raises ModelError if nothing was ranked.
    """
    if not ranked:
        raise ModelError("nothing was ranked, so there is nothing to draw")
    found = ranking(ranked)
    figure = sheet(PAGE_INCH, _HEIGHT_INCH)
    for axes, row in zip(figure.subplots(1, len(found), squeeze=False)[0], found, strict=True):
        some = [each for each in ranked if each.network == row.network]
        _panel(axes, some, row.pick)
        axes.set_title(f"{row.network}, $\\tau$ = {row.tau:.3f}")
    marks = [
        Line2D([], [], color=_COLOURS[name], marker=_MARKERS[name], linestyle="", markersize=4,
               label=f"{name} popcount")
        for name in _COLOURS
    ] + [
        Line2D([], [], color=BLACK, marker="o", linestyle="", markersize=8, markerfacecolor="none",
               label="the pick"),
        Line2D([], [], color=_BAND, linewidth=1.2, label="band of the estimate"),
    ]  # fmt: skip
    figure.legend(handles=marks, loc="outside lower center", ncols=len(marks))
    return figure


def _panel(axes: Axes, some: Sequence[Ranked], pick: str) -> None:
    for each in some:
        name = "tree" if each.accelerator.startswith("tree") else "sliced"
        low, high = interval(each.estimated_uj, each.relative_error)
        axes.plot([each.gates_uj] * 2, [low, high], color=_BAND, linewidth=0.6, zorder=1)
        axes.plot(
            each.gates_uj, each.estimated_uj, color=_COLOURS[name], marker=_MARKERS[name],
            markersize=3, linestyle="", zorder=2,
        )  # fmt: skip
        if each.accelerator == pick:
            axes.plot(
                each.gates_uj, each.estimated_uj, color=BLACK, marker="o", markersize=8,
                markerfacecolor="none", markeredgewidth=0.8, linestyle="", zorder=3,
            )  # fmt: skip
    every = [each.gates_uj for each in some]
    ends = (min(every) / _ROOM, max(every) * _ROOM)
    axes.plot(ends, ends, color="#888888", linewidth=0.7, zorder=0)
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        low, high = axis.get_view_interval()
        is_wide = high > _DECADE * low  # within a decade 1, 2 and 5 may give one tick
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)) if is_wide else MaxNLocator(3))
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("gates and macros [\N{MICRO SIGN}J]")
    axes.set_ylabel("estimated [\N{MICRO SIGN}J]")


__all__ = ["ranking_figure"]
