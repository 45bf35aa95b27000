"""The roofline: how near each layer comes to what the array and the store link allow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter
from numpy.typing import NDArray

from asicbnn.report import style
from asicbnn.report.needed import require
from asicbnn.report.style import COLUMN_INCH, drawn, sheet

Points = NDArray[np.floating[Any]]
Box = tuple[float, float, float, float]

# as shares of the panel: a label's character and line, half a point
_CHARACTER, _LINE, _DOT = 0.019, 0.04, (0.014, 0.018)


@drawn
def roofline(layers: pd.DataFrame, *, peak_ops_per_cycle: float, link_bits: int) -> Figure:
    """Operations per cycle over operations per bit of the store link, under the two ceilings.

    peak_ops_per_cycle  2 x PEs x lanes [op/cycle]
    link_bits           width of the store link [bit/cycle]
    """
    moved = ["store_weight_reads", "store_activation_reads"]
    require(layers, ["layer", "binary_macs", "cycles", *moved])
    operations = 2.0 * layers["binary_macs"].astype(float)
    bits = layers[moved].sum(axis=1).astype(float) * link_bits
    intensity, rate = operations / bits, operations / layers["cycles"]
    figure = sheet(COLUMN_INCH, 2.6)
    axes = figure.subplots()
    ridge = peak_ops_per_cycle / link_bits
    low = min(float(intensity.min()), ridge) / 4
    high = max(float(intensity.max()), ridge) * 6
    bottom = min(float(rate.min()), low * link_bits) / 2
    roof = ([low, ridge, high], [low * link_bits, peak_ops_per_cycle, peak_ops_per_cycle])
    axes.loglog(*roof, color="#444444", lw=1.2, zorder=3)
    axes.fill_between(*roof, bottom, color="#F4F4F4", zorder=1)
    axes.plot(intensity, rate, "o", ms=4.5, mfc=style.BLUE, mec="white", mew=0.5, zorder=4)
    axes.set_xlim(low, high)
    axes.set_ylim(bottom, peak_ops_per_cycle * 2.2)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5) if axis is axes.yaxis else (1,)))
        axis.set_major_formatter(EngFormatter(sep=""))
        axis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("Operations per bit over the store link [op/bit]")
    axes.set_ylabel("Operations per cycle [op/cycle]")
    note: dict[str, Any] = {"textcoords": "offset points", "color": "#444444", "fontsize": 6.5}
    note["annotation_clip"] = note["in_layout"] = False
    ceiling = f"array: {peak_ops_per_cycle:,.0f} op/cycle"
    axes.annotate(ceiling, (high, peak_ops_per_cycle), xytext=(-3, 3), ha="right", **note)
    middle = low**0.4 * ridge**0.6
    slope = f"link: {link_bits} bit/cycle"
    axes.annotate(slope, (middle, middle * link_bits), xytext=(-5, 4), ha="right", **note)
    along = np.geomspace(low, high, 60)
    line = _shares(axes, along, np.minimum(along * link_bits, peak_ops_per_cycle))
    points = _shares(axes, intensity.to_numpy(), rate.to_numpy())
    [[_, top]] = _shares(axes, np.array([high]), np.array([peak_ops_per_cycle]))
    above = (1 - len(ceiling) * _CHARACTER * 1.1, top, 1.0, top + 1.5 * _LINE)
    for name, (left, bottom) in _places(list(layers["layer"]), points, line, above).items():
        axes.text(left, bottom, name, transform=axes.transAxes, fontsize=6, zorder=5)
    return figure


def _shares(axes: Axes, x: Points, y: Points) -> Points:
    """Return points of the logarithmic panel as shares of its width and height."""
    shares = []
    for values, limits in ((x, axes.get_xlim()), (y, axes.get_ylim())):
        low, high = np.log(limits)
        shares.append((np.log(values) - low) / (high - low))
    return np.column_stack(shares)


def _places(
    names: Sequence[str], points: Points, line: Points, note: Box
) -> dict[str, tuple[float, float]]:
    """Return the lower left corner of each layer's name, as shares of the panel.

    Names are placed one after the other at the first of a few places around their point where they
    cover no point, no other name, neither the line nor the note on it; layers at the same point
    share a name.
    """
    groups: dict[tuple[float, float], list[str]] = {}
    for name, (px, py) in zip(names, points, strict=True):
        groups.setdefault((round(float(px), 2), round(float(py), 2)), []).append(name)
    dot_x, dot_y = _DOT
    taken = [(px - dot_x, py - dot_y, px + dot_x, py + dot_y) for px, py in points]
    taken.append(note)
    taken += [(px - 0.01, py - 0.004, px + 0.01, py + 0.004) for px, py in line]
    placed = {}
    for (px, py), members in groups.items():
        text = ", ".join(members) if len(members) <= 3 else f"{members[0]} … {members[-1]}"
        width = len(text) * _CHARACTER
        boxes = [
            (left, bottom, left + width, bottom + _LINE)
            for dy in (-0.5, -1.6, 0.6, -2.7, 1.7)
            for left in (px + 1.2 * dot_x, px - 1.2 * dot_x - width)
            for bottom in (py + dy * _LINE,)
        ]
        inside = [box for box in boxes if box[0] > 0 and box[2] < 1 and box[1] > 0]
        box = min(inside or boxes, key=lambda box: sum(_overlap(box, other) for other in taken))
        taken.append(box)
        placed[text] = (box[0], box[1])
    return placed


def _overlap(a: Box, b: Box) -> float:
    """Return the area two boxes share."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(0.0, width) * max(0.0, height)
