"""Error bars, and the level that figures in one drawing have in common or are told apart by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from asicbnn.levels import interval
from asicbnn.report.style import BLACK
from asicbnn.result import error_column

Values = NDArray[np.floating[Any]]
_LOOK: dict[str, Any] = {"fmt": "none", "ecolor": BLACK, "elinewidth": 0.6, "capthick": 0.6}


def errors_of(table: pd.DataFrame, metric: str) -> Values:
    """Return the relative errors of a metric, 0 where the table has none."""
    name = error_column(metric)
    if name not in table:
        return np.zeros(len(table))
    return table[name].to_numpy(dtype=np.float64, na_value=0.0)


def reach(values: Values, errors: Values) -> Values:
    """Return how far the bands of values reach below and above them, as `errorbar` takes it."""
    low, high = interval(values, errors)
    return np.array([values - low, high - values])


def summed_reach(table: pd.DataFrame, metrics: Sequence[str], factor: float) -> Values:
    """Return how far the band of a sum of independent metrics reaches below and above it."""
    values = [table[name].to_numpy(dtype=np.float64) * factor for name in metrics]
    widths = [v * errors_of(table, name) for v, name in zip(values, metrics, strict=True)]
    whole = np.sum(values, axis=0)
    half = np.sqrt(np.sum(np.square(widths), axis=0))
    errors = np.divide(half, whole, out=np.zeros_like(half), where=whole > 0)
    return reach(whole, errors)


def draw_bars(axes: Axes, x: Values, y: Values, *, across: bool, reaches: Values) -> None:
    """Draw error bars at the ends of bars; nothing where nothing is uncertain.

    across  of bars that lie
    """
    if reaches.max(initial=0.0) > 0:
        along = (reaches, None) if across else (None, reaches)
        axes.errorbar(x, y, xerr=along[0], yerr=along[1], capsize=1.6, zorder=5, **_LOOK)


@dataclass(frozen=True)
class Cross:
    """Where the error bars of a series stand: points, and relative errors along x and along y."""

    x: Values
    y: Values
    errors: tuple[Values, Values]
    colour: str


def draw_crosses(axes: Axes, crosses: Sequence[Cross]) -> None:
    """Draw the bars of the middle point of each series; linear axes keep their limits.

    Figures of one series share most of their error, so one cross stands for all. A bar that passes
    both ends of its axis is left out, and the axis says how wide it is.
    """
    limits = axes.get_xlim(), axes.get_ylim()
    linear = axes.get_xscale() == "linear", axes.get_yscale() == "linear"
    widest = [0.0, 0.0]
    for cross in crosses:
        middle = slice(len(cross.x) // 2, len(cross.x) // 2 + 1)
        bars: list[Values | None] = [None, None]
        for k, values in enumerate((cross.x[middle], cross.y[middle])):
            errors = cross.errors[k][middle]
            low, high = interval(values, errors)
            if linear[k] and (low < limits[k][0]).all() and (high > limits[k][1]).all():
                widest[k] = max(widest[k], float(errors.max()))
            elif errors.any():
                bars[k] = reach(values, errors)
        axes.errorbar(
            cross.x[middle], cross.y[middle], xerr=bars[0], yerr=bars[1], fmt="none",
            elinewidth=0.7, capsize=1.6, capthick=0.7, zorder=3.5, ecolor=cross.colour, alpha=0.8,
        )  # fmt: skip
    if linear[0]:
        axes.set_xlim(limits[0])
    if linear[1]:
        axes.set_ylim(limits[1])
    for axis, error in ((axes.xaxis, widest[0]), (axes.yaxis, widest[1])):
        if error:
            axis.set_label_text(f"{axis.get_label_text()}, {_spelt(error)}")


def _spelt(error: float) -> str:
    return f"within a factor {1 + error:.2g}" if error >= 0.5 else f"±{error:.0%}"


def level_note(table: pd.DataFrame) -> str | None:
    """Return what a legend says of the level and the bars of its figures, if the table knows."""
    levels = sorted(table["level"].unique()) if "level" in table else []
    if not levels:
        return None
    said = f"at {levels[0]} level" if len(levels) == 1 else "at different levels"
    has_errors = any(str(name).endswith(error_column("")) for name in table)
    return f"{said}; bars: relative error" if has_errors else said


def told_apart(table: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return a table whose values of a column name their level, where rows are at several.

    Figures of different levels do not compare: one drawing may hold both, and says which is which.
    """
    if "level" not in table or table["level"].nunique() < 2:
        return table
    pairs = zip(table[column].astype(str), table["level"], strict=True)
    return table.assign(**{column: [f"{value} ({level})" for value, level in pairs]})


__all__ = [
    "Cross", "draw_bars", "draw_crosses", "errors_of", "level_note", "reach", "summed_reach",
    "told_apart",
]  # fmt: skip
