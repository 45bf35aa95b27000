"""Bars of a report and of a paper, drawn from tables whose columns are metric names.

Every function takes a pandas frame and returns a matplotlib figure; `style.save` writes it. None
touches matplotlib's global state, so figures may be made in any thread and any order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import EngFormatter, MaxNLocator
from numpy.typing import NDArray

from asicbnn.errors import SpecError
from asicbnn.report import style
from asicbnn.report.bands import (
    draw_bars,
    errors_of,
    level_note,
    reach,
    summed_reach,
    told_apart,
)
from asicbnn.report.needed import require
from asicbnn.report.style import COLUMN_INCH, PAGE_INCH, drawn, heading, plain, sheet
from asicbnn.result import METRICS, PARTS
from asicbnn.units import scale, typeset

CYCLE_PARTS: Mapping[str, tuple[str, str]] = {
    "compute_cycles": ("compute", style.BLUE),
    "prologue_cycles": ("prologue", style.SKY),
    "l0_stall_cycles": ("L0 stalls", style.ORANGE),
    "output_stall_cycles": ("output stalls", style.YELLOW),
    "dma_stall_cycles": ("DMA stalls", style.VERMILION),
    "swap_cycles": ("swap", "#BFBFBF"),
    "drain_cycles": ("drain", "#808080"),
    "configuration_cycles": ("configuration", style.GREEN),
    "io_cycles": ("input, output", style.PURPLE),
}
ACCESS_LEVELS: Mapping[str, tuple[str, tuple[str, ...], str]] = {
    "weight_buffer": ("weight buffer", ("weight_buffer",), style.VERMILION),
    "input_buffer": ("input buffer", ("input_buffer",), style.ORANGE),
    "psum_buffer": ("psum buffer", ("psum_buffer",), style.YELLOW),
    "other": ("threshold, pool", ("threshold_buffer", "pool_buffer"), style.PURPLE),
    "store": ("store", ("store_weight", "store_activation"), style.BLUE),
}
_MOST_BARS = 16
_DATAFLOWS = frozenset(f"{name}_stationary" for name in ("output", "weight", "input", "row")) | {
    "no_local_reuse"
}


def _require_few(table: pd.DataFrame, what: str) -> None:
    if len(table) > _MOST_BARS:
        raise SpecError(
            f"{len(table)} rows are too many for a {what}; {_MOST_BARS} fit: keep the rows to be "
            "compared in a table of their own, or draw --kind pareto"
        )


@drawn
def breakdown(
    table: pd.DataFrame, label: str = "accelerator", quantity: str = "energy_fj"
) -> Figure:
    """Energy or area by part: for each row a bar of logic, one of memories, and one of the rest.

    label     column that names the rows
    quantity  energy_fj or area_um2
    """
    parts = [name for name in PARTS if f"{name}_{quantity}" in table]
    require(table, [label, *(f"{name}_{quantity}" for name in parts or ["array"])])
    _require_few(table, "breakdown")
    table = told_apart(table, label)
    values = {name: table[f"{name}_{quantity}"].to_numpy(dtype=float) for name in parts}
    seen = [name for name in parts if values[name].max() > 0]
    groups = {text: [n for n in seen if _group(n) == text] for text in ("logic", "mem.", "rest")}
    groups = {text: members for text, members in groups.items() if members}
    tallest = max(
        (np.sum([values[n] for n in some], axis=0).max() for some in groups.values()), default=0.0
    )
    factor, unit = scale(float(tallest), METRICS[quantity].unit)
    is_narrow = len(table) <= 3
    figure = sheet(COLUMN_INCH if is_narrow else PAGE_INCH, 2.9)
    axes = figure.subplots()
    positions = np.arange(len(table), dtype=float)
    offsets = 0.28 * (np.arange(len(groups), dtype=float) - (len(groups) - 1) / 2)
    for offset, members in zip(offsets, groups.values(), strict=True):
        bottom = np.zeros(len(table))
        for name in members:
            height = values[name] * factor
            axes.bar(positions + offset, height, 0.26, bottom=bottom, **_part_look(name))
            bottom += height
        reaches = summed_reach(table, _summed_metrics(members, quantity, table), factor)
        draw_bars(axes, positions + offset, bottom, across=False, reaches=reaches)
    axes.set_ylim(bottom=0)
    _names_below(axes, positions, offsets, list(groups), [_wrapped(x) for x in table[label]])
    axes.set_ylabel(f"{heading(quantity)} [{typeset(unit)}]")
    handles = [Patch(label=style.part_text(name), **_part_look(name)) for name in seen]
    figure.legend(
        handles=handles, loc="outside lower center", ncols=3 if is_narrow else 5,
        title=level_note(table), title_fontsize=6,
    )  # fmt: skip
    return figure


def _summed_metrics(members: Sequence[str], quantity: str, table: pd.DataFrame) -> list[str]:
    """Return the metrics whose sum is the sum of parts of one group, as few as there are."""
    whole = f"{PARTS[members[0]].kind}_{quantity}"
    if _group(members[0]) != "rest" and whole in table:
        return [whole]
    return [f"{name}_{quantity}" for name in members]


def _group(part: str) -> str:
    return {"logic": "logic", "memory": "mem."}.get(PARTS[part].kind, "rest")


def _wrapped(name: str) -> str:
    """Return a name that fits under its bars."""
    text = str(name)
    return text.replace("_", "\n" if text in _DATAFLOWS else "_\n") if len(text) > 11 else text


def _part_look(name: str) -> dict[str, Any]:
    hatch = "////" if name in style.HATCHED else ""
    return {
        "facecolor": style.PART_COLOURS[name],
        "edgecolor": "white",
        "linewidth": 0.4,
        "hatch": hatch,
    }


def _names_below(
    axes: Axes,
    positions: NDArray[np.float64],
    offsets: NDArray[np.floating[Any]],
    groups: Sequence[str],
    names: Sequence[str],
) -> None:
    """Write each bar's group under it, and the row's name under the groups."""
    is_crowded = len(names) > 6
    axes.set_xticks(
        np.concatenate([positions + offset for offset in offsets]),
        [text for text in groups for _ in positions],
        rotation=90 if is_crowded else 0,
        fontsize=6,
        color="#555555",
    )
    axes.tick_params(axis="x", length=0, pad=2)
    axes.set_xlim(-0.6, len(names) - 0.4)
    axes.grid(axis="x", visible=False)
    second = axes.secondary_xaxis("bottom")
    second.set_xticks(positions, names, fontsize=7)
    second.tick_params(length=0, pad=22 if is_crowded else 11)
    second.spines["bottom"].set_visible(False)


@drawn
def latency(layers: pd.DataFrame) -> Figure:
    """Cycles of every layer, split by what they are spent on; the utilisation stands beside."""
    parts = [name for name in CYCLE_PARTS if name in layers]
    require(layers, ["layer", "cycles", *parts])
    figure = sheet(PAGE_INCH, 0.85 + 0.19 * max(3, len(layers)))
    axes = figure.subplots()
    _stacked(axes, layers, list(layers["layer"]), _cycle_columns(layers))
    axes.set_xlabel("Cycles")
    if "utilisation" in layers:
        totals = layers["cycles"].astype(float)
        for position, (length, ratio) in enumerate(zip(totals, layers["utilisation"], strict=True)):
            axes.annotate(
                f"{ratio:.2f}", (length, position), xytext=(3, 0), va="center",
                textcoords="offset points", fontsize=6.5, color="#555555",
            )  # fmt: skip
        axes.set_title("utilisation", loc="right", fontsize=6.5, color="#555555", weight="normal")
        axes.margins(x=0.07)
    _legend_below(figure, axes, columns=9)
    return figure


def _cycle_columns(table: pd.DataFrame) -> Iterator[tuple[str, str, pd.Series[float]]]:
    for name, (text, colour) in CYCLE_PARTS.items():
        if name in table and table[name].max() > 0:
            yield text, colour, table[name].astype(float)


def _stacked(
    axes: Axes,
    table: pd.DataFrame,
    names: Sequence[str],
    columns: Iterator[tuple[str, str, pd.Series[float]]],
) -> None:
    """Draw horizontal stacked bars, first row on top."""
    positions = np.arange(len(table))
    left = np.zeros(len(table))
    for text, colour, values in columns:
        axes.barh(
            positions, values.to_numpy(), 0.72, left=left, color=colour, label=text,
            edgecolor="white", linewidth=0.3,
        )  # fmt: skip
        left += values.to_numpy()
    axes.set_yticks(positions, names)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(table) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.xaxis.set_major_locator(MaxNLocator(5))


def _legend_below(figure: Figure, axes: Axes, columns: int) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(columns, len(labels)))


@drawn
def dataflows(table: pd.DataFrame) -> Figure:
    """Draw the dataflows of one accelerator side by side: cycles, utilisation, accesses, energy."""
    require(table, ["dataflow", "cycles", "utilisation", "energy_fj"])
    _require_few(table, "comparison of dataflows")
    table = told_apart(table, "dataflow")
    names = [plain(name) for name in table["dataflow"]]
    figure = sheet(PAGE_INCH, 1.75 + 0.17 * len(table))
    panels = figure.subplots(1, 4, sharey=True, width_ratios=(1.15, 0.75, 1.15, 1.15))
    _stacked(panels[0], table, names, _cycle_columns(table))
    _stacked(panels[2], table, names, _access_columns(table))
    factor, unit = scale(float(table["energy_fj"].max()), "fJ")
    _stacked(panels[3], table, names, _energy_columns(table, factor))
    panels[3].xaxis.set_major_formatter("{x:g}")
    energies = table["energy_fj"].to_numpy(dtype=float) * factor
    reaches = reach(energies, errors_of(table, "energy_fj"))
    rows = np.arange(len(table), dtype=float)
    draw_bars(panels[3], energies, rows, across=True, reaches=reaches)
    panels[3].set_xlim(left=0)
    ratios = table["utilisation"].astype(float)
    panels[1].barh(np.arange(len(table)), ratios, 0.72, color=style.GREEN)
    for position, ratio in enumerate(ratios):
        panels[1].annotate(
            f"{ratio:.2f}", (ratio, position), xytext=(2, 0), va="center",
            textcoords="offset points", fontsize=6.5,
        )  # fmt: skip
    panels[1].set_xlim(0, 1.28)
    panels[1].set_xticks([0, 0.5, 1])
    panels[1].grid(axis="y", visible=False)
    panels[1].tick_params(axis="y", length=0)
    titles = ("Cycles", "Utilisation", "Accesses", f"Energy [{typeset(unit)}]")
    for panel, title in zip(panels, titles, strict=True):
        panel.set_title(title)
        handles, labels = panel.get_legend_handles_labels()
        if len(labels) > 1:
            panel.legend(
                handles, labels, loc="upper left", bbox_to_anchor=(-0.04, -0.14),
                ncols=2, borderpad=0, columnspacing=0.8, fontsize=6,
                title=level_note(table) if panel is panels[3] else None, title_fontsize=6,
            )  # fmt: skip
    return figure


def _access_columns(table: pd.DataFrame) -> Iterator[tuple[str, str, pd.Series[float]]]:
    for text, memories, colour in ACCESS_LEVELS.values():
        columns = [f"{m}_{action}" for m in memories for action in ("reads", "writes")]
        there = [name for name in columns if name in table]
        if there and (total := table[there].sum(axis=1).astype(float)).max() > 0:
            yield text, colour, total


def _energy_columns(
    table: pd.DataFrame, factor: float
) -> Iterator[tuple[str, str, pd.Series[float]]]:
    rest = table["energy_fj"].astype(float)
    looks = {"logic": style.BLUE, "memory": style.VERMILION, "leakage": style.GREEN}
    for text, colour in looks.items():
        if f"{text}_energy_fj" in table:
            values = table[f"{text}_energy_fj"].astype(float)
            rest = rest - values
            yield text, colour, values * factor
    if rest.max() > 1e-9 * float(table["energy_fj"].max()):
        yield "link, external, host", "#A6A6A6", rest.clip(lower=0) * factor


__all__ = ["breakdown", "dataflows", "latency"]
