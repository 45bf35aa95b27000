"""How every figure looks: sizes of a two-column paper, a palette all readers can tell apart.

Colours are Okabe and Ito's (jfly.uni-koeln.de/color, 2008), safe for every kind of colour vision;
blues are logic, warm colours memories, and the store is hatched, so that print in grey works too.
A figure has no date and no random identifier: the same table gives the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from io import StringIO
from pathlib import Path
from typing import Any, ParamSpec

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from asicbnn.replacing import replacing
from asicbnn.result import METRICS
from asicbnn.units import scale, typeset

P = ParamSpec("P")

COLUMN_INCH = 3.5  # IEEE: one column, two columns
PAGE_INCH = 7.16
FORMATS = ("svg", "pdf", "png")

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
SERIES = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY, BLACK, YELLOW)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<")

PART_COLOURS: Mapping[str, str] = {
    "array": BLUE,
    "post": SKY,
    "control": "#A6D4F2",
    "dma": "#D3EAF8",
    "clock": "#003E63",
    "weight_buffer": VERMILION,
    "input_buffer": ORANGE,
    "psum_buffer": YELLOW,
    "threshold_buffer": "#F7C9A8",
    "pool_buffer": PURPLE,
    "store_weight": VERMILION,
    "store_activation": ORANGE,
    "link": "#D9D9D9",
    "external": "#666666",
    "io": "#A6A6A6",
    "leakage": GREEN,
}
HATCHED = frozenset({"store_weight", "store_activation"})

RC: Any = {  # its keys are an enumeration in new releases of matplotlib, text in old ones
    "font.family": "DejaVu Sans",  # ships with matplotlib: the same text on every machine
    "font.size": 7.5,
    "axes.labelsize": 7.5,
    "axes.titlesize": 8,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.linewidth": 0.6,
    "axes.edgecolor": "#444444",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.formatter.use_mathtext": True,
    "grid.color": "#E3E3E3",
    "grid.linewidth": 0.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "legend.handlelength": 1.2,
    "legend.handletextpad": 0.5,
    "legend.columnspacing": 1.2,
    "lines.linewidth": 1.0,
    "hatch.linewidth": 0.5,
    "hatch.color": "#FFFFFF",
    "figure.dpi": 150,
    "savefig.dpi": 300,
    "pdf.fonttype": 42,  # text stays text: journals refuse Type 3 fonts
    "svg.fonttype": "path",
    "svg.hashsalt": "asicbnn",
}
_METADATA: Mapping[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "ModDate": None},
    "png": {"Software": None},
}


def drawn(function: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw a figure in our style, whatever the user's matplotlib settings are."""

    @wraps(function)
    def in_style(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with mpl.rc_context():
            mpl.rcdefaults()
            mpl.rcParams.update(RC)
            figure = function(*args, **kwargs)
            figure.draw_without_rendering()
            figure.set_layout_engine("none")  # laid out once, the same in every format
            return figure

    return in_style


def sheet(width: float, height: float) -> Figure:
    """Return an empty figure of a size in inches, laid out so that nothing overlaps."""
    return Figure(figsize=(width, height), layout="constrained")


def save(figure: Figure, path: Path | str, formats: Sequence[str] = FORMATS) -> tuple[Path, ...]:
    """Write a figure as `path`.svg, .pdf and .png, each whole or not at all."""
    stem = Path(path)
    written = []
    for kind in formats:
        target = stem.parent / f"{stem.name}.{kind}"
        with replacing(target) as beside, mpl.rc_context(RC):
            figure.savefig(beside, format=kind, metadata=_METADATA[kind])
        written.append(target)
    return tuple(written)


def inline_svg(figure: Figure, name: str) -> str:
    """Return a figure as SVG for a page of several: its identifiers start with `name`."""
    text = StringIO()
    with mpl.rc_context(RC):
        figure.savefig(text, format="svg", metadata=_METADATA["svg"])
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    return re.sub(r'(url\(#|href="#)', rf"\g<1>{name}-", svg)


def heading(name: str) -> str:
    """Return a metric's title, or a column's name as words."""
    return METRICS[name].title if name in METRICS else plain(name)


def scaled(values: pd.Series[float], metric: str) -> tuple[pd.Series[float], str]:
    """Return values in the unit they read best in, and the axis label with that unit."""
    unit = METRICS[metric].unit if metric in METRICS else "1"
    largest = float(values.abs().max()) if len(values) else 0.0
    factor, chosen = scale(largest, unit)
    label = heading(metric)
    if chosen != "1" and not (metric in METRICS and METRICS[metric].is_count):
        label += f" [{typeset(chosen)}]"
    return values * factor, label


def log_if_wide(axes: Axes, axis: str, values: pd.Series[float], *, ratio: float = 20) -> None:
    """Make an axis logarithmic if positive values span more than a ratio."""
    smallest, largest = float(values.min()), float(values.max())
    if smallest > 0 and largest / smallest > ratio:
        axes.set_xscale("log") if axis == "x" else axes.set_yscale("log")


def part_text(name: str) -> str:
    """Return a part of `result.PARTS` as legends name it."""
    texts = {"store_weight": "weight store", "store_activation": "activation store", "io": "host"}
    return texts.get(name, plain(name).replace("dma", "DMA"))


def plain(name: str) -> str:
    """Return a name of a file or enumeration as words: output_stationary -> output stationary."""
    return str(name).replace("_", " ")
