"""The roofline: how near each layer comes to what the array and the store link allow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

from asicbnn.report import style
from asicbnn.report.plots import require
from asicbnn.report.style import COLUMN_INCH, drawn, sheet

_CHARACTER = 0.019  # width of a label's character, as a share of the panel


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
    high = max(float(intensity.max()), ridge) * 8
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
    middle = float(np.sqrt(low * ridge))
    slope = f"link: {link_bits} bit/cycle"
    axes.annotate(slope, (middle, middle * link_bits), xytext=(-6, 3), ha="right", **note)
    for text, x, y in _merged(axes, layers["layer"], intensity, rate):
        place = np.log(x / low) / np.log(high / low)
        is_right = place + len(text) * _CHARACTER > 1
        axes.annotate(
            text, (x, y), xytext=(-4 if is_right else 4, -8), ha="right" if is_right else "left",
            textcoords="offset points", fontsize=6, zorder=5, in_layout=False,
        )  # fmt: skip
    return figure


def _merged(
    axes: Axes, names: pd.Series[str], x: pd.Series[float], y: pd.Series[float]
) -> Iterator[tuple[str, float, float]]:
    """Yield labels; points whose labels would overlap share one."""
    width, height = (
        np.log(high / low) * part
        for (low, high), part in ((axes.get_xlim(), 0.1), (axes.get_ylim(), 0.05))
    )
    groups: list[tuple[list[str], float, float]] = []
    for name, px, py in zip(names, x, y, strict=True):
        for members, gx, gy in groups:
            if abs(np.log(px / gx)) < width and abs(np.log(py / gy)) < height:
                members.append(name)
                break
        else:
            groups.append(([name], float(px), float(py)))
    for members, gx, gy in groups:
        shown = ", ".join(members) if len(members) <= 3 else f"{members[0]} … {members[-1]}"
        yield shown, gx, gy
