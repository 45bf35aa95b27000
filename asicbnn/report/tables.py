"""The tables a terminal shows: one row per layer, per part, per design point.

Numbers are right-aligned and carry their unit in the heading or beside them; what is not covered
and what is assumed stands under every table that has totals. Names come from users' files, so every
cell is plain text and never markup.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from textwrap import wrap
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from asicbnn.compare import energy_ratios
from asicbnn.report.remarks import remarks
from asicbnn.report.ties import SHARED, shared, ties
from asicbnn.result import METRICS, Result, Uncovered, error_column, error_columns
from asicbnn.units import Scale, banded, figure, scale

CYCLE_COLUMNS = (
    "cycles", "configuration_cycles", "prologue_cycles", "compute_cycles", "l0_stall_cycles",
    "output_stall_cycles", "dma_stall_cycles", "swap_cycles", "drain_cycles", "io_cycles",
)  # fmt: skip
ACCESS_COLUMNS = (
    "weight_buffer_reads", "weight_buffer_writes", "input_buffer_reads", "input_buffer_writes",
    "psum_buffer_reads", "psum_buffer_writes", "threshold_buffer_reads",
    "threshold_buffer_writes", "pool_buffer_reads", "pool_buffer_writes",
)  # fmt: skip
STORE_COLUMNS = (
    "store_weight_reads", "store_weight_writes", "store_activation_reads",
    "store_activation_writes", "host_words_in", "host_words_out",
)  # fmt: skip
_SHORT = {
    "energy_per_inference_uj": "energy/inference",
    "logic_energy_fj": "logic",
    "memory_energy_fj": "memory",
    "leakage_energy_fj": "leakage",
    "link_energy_fj": "link",
    "external_energy_fj": "external",
    "io_energy_fj": "in, out",
    "macs": "MACs",
    "configuration_cycles": "config",
    "prologue_cycles": "prologue",
    "compute_cycles": "compute",
    "l0_stall_cycles": "L0 stall",
    "output_stall_cycles": "out stall",
    "dma_stall_cycles": "DMA stall",
    "swap_cycles": "swap",
    "drain_cycles": "drain",
    "io_cycles": "in, out",
    "weight_buffer_reads": "W rd",
    "weight_buffer_writes": "W wr",
    "input_buffer_reads": "I rd",
    "input_buffer_writes": "I wr",
    "psum_buffer_reads": "psum rd",
    "psum_buffer_writes": "psum wr",
    "threshold_buffer_reads": "thr rd",
    "threshold_buffer_writes": "thr wr",
    "pool_buffer_reads": "pool rd",
    "pool_buffer_writes": "pool wr",
    "store_weight_reads": "L2 W rd",
    "store_weight_writes": "L2 W wr",
    "store_activation_reads": "L2 I rd",
    "store_activation_writes": "L2 I wr",
    "host_words_in": "host in",
    "host_words_out": "host out",
}
COUNTED = (
    ("cycles", CYCLE_COLUMNS),
    ("accesses of the buffers", ACCESS_COLUMNS),
    ("accesses of the store (L2), words of the host link", STORE_COLUMNS),
)
_TO_LEAST = "to least"
_FLOW_COSTS = (
    "latency_ms", "utilisation", "energy_per_inference_uj", _TO_LEAST, "logic_energy_fj",
    "memory_energy_fj", "leakage_energy_fj", "link_energy_fj", "external_energy_fj",
    "io_energy_fj",
)  # fmt: skip
_BANDED_COSTS = ("latency_ms", "energy_per_inference_uj")  # there is no room for more
_MOST_REASONS = 10
_SENTENCE, _LINE = 72, 100


def plain_table(
    title: str, headings: Sequence[str], *, words: int = 1, sentence: int | None = None
) -> Table:
    """Return an empty table: the first `words` columns hold words, the others numbers.

    sentence  the one column that may be broken into lines
    """
    table = Table(
        title=Text(title), title_justify="left", title_style="bold", box=None, pad_edge=False
    )
    for index, text in enumerate(headings):
        table.add_column(
            Text(text),
            justify="left" if index < words or index == sentence else "right",
            overflow="fold" if index == sentence else "ellipsis",
            no_wrap=index != sentence,
            max_width=_SENTENCE if index == sentence else None,
            header_style="dim",
        )
    return table


def add(table: Table, *cells: str | Text, style: str | None = None) -> None:
    """Add a row of cells that are shown as they are."""
    table.add_row(*(Text(x) if isinstance(x, str) else x for x in cells), style=style)


def scale_of(name: str, rows: Sequence[Mapping[str, Any]]) -> Scale:
    """Return the unit in which the largest value of a metric's column reads best."""
    if METRICS[name].is_count:
        return Scale(1.0, "1")
    values = [abs(float(row[name])) for row in rows if row.get(name) is not None]
    return scale(max(values, default=0.0), METRICS[name].unit)


def column_heading(name: str, chosen: Scale) -> str:
    """Return the heading of a metric's column, with the unit its values are in."""
    title = METRICS[name].title
    text = _SHORT.get(name, title if title.startswith("DMA") else title[0].lower() + title[1:])
    return text if chosen.unit == "1" else f"{text} [{chosen.unit}]"


def cell(values: Mapping[str, Any], name: str, chosen: Scale) -> str:
    """Return a metric of a row, with the band its error leaves if the row has one."""
    value = values.get(name)
    if value is None:
        return "-"
    if METRICS[name].is_count:
        return figure(int(value))
    return banded(float(value) * chosen.factor, float(values.get(error_column(name)) or 0.0))


def not_covered(uncovered: Sequence[Uncovered]) -> Table:
    """Return the layers that are in no total, with the reason."""
    count = "1 layer" if len(uncovered) == 1 else f"{len(uncovered)} layers"
    title = f"not covered: {count}, in no total above"
    table = plain_table(title, ["layer", "kind", "reason", "weights", "MACs"], words=3, sentence=2)
    for layer in uncovered:
        add(table, layer.name, layer.op, layer.reason, figure(layer.weights), figure(layer.macs))
    table.add_section()
    weights, macs = (sum(getattr(x, name) for x in uncovered) for name in ("weights", "macs"))
    add(table, "total", "", "", figure(weights), figure(macs), style="bold")
    return table


def notes(flags: Collection[str], *, most: int | None = None) -> Text:
    """Return caveats by weight, then facts, broken into lines; with `most`, so many sentences."""
    sorted_out = remarks(flags)
    sentences = [("note", "yellow", text) for text in sorted_out.caveats]
    sentences += [("fact", "dim", text) for text in sorted_out.facts]
    lines = []
    for word, style, sentence in sentences[:most]:
        broken = wrap(sentence, _LINE, initial_indent=" " * 6, subsequent_indent=" " * 6)
        lines.append(Text.assemble((word, style), "\n".join(broken)[4:]))
    if most is not None and len(sentences) > most:
        lines.append(Text(f"      ... and {len(sentences) - most} more"))
    return Text("\n").join(lines)


def front(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], title: str, *, words: int, most: int
) -> RenderableType:
    """Return the points of a front; points that cost the same to the last digit share a row."""
    tied = ties(rows, columns[words:])
    merged = [shared(group, columns[:words]) for group in tied]
    shown: list[RenderableType] = [points(merged[:most], columns, title, words=words)]
    if len(merged) < len(rows):
        shown.append(Text(SHARED, "dim"))
    if rest := tied[most:]:
        shown.append(Text(f"... and {sum(map(len, rest)):,} more points on the front"))
    return Group(*shown)


def points(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], title: str, *, words: int = 1
) -> Table:
    """Return chosen columns of rows of design points, each metric in one unit for all rows.

    A swept field is headed by the end of its path, as far as it takes to tell it from the others.
    """
    scales = {name: scale_of(name, rows) for name in columns if name in METRICS}
    others = [name for name in columns if name not in scales]
    headings = [
        column_heading(name, scales[name]) if name in scales else ending(name, others)
        for name in columns
    ]
    table = plain_table(title, headings, words=words)
    for row in rows:
        cells = (
            cell(row, name, scales[name]) if name in scales else str(row.get(name, ""))
            for name in columns
        )
        add(table, *cells)
    return table


def ending(path: str, others: Sequence[str]) -> str:
    """Return the end of a field's path, as far as it takes to tell it from the others."""
    parts = path.split(".")
    for count in range(1, len(parts)):
        ending = parts[-count:]
        if sum(other.split(".")[-count:] == ending for other in others) == 1:
            return ".".join(ending)
    return path


def differences(
    rows: Iterable[tuple[str, str, Any, Any]], *, title: str = "model against hardware"
) -> Table:
    """Return (layer, what, model, hardware) rows with their difference; a difference is red.

    What is nothing on both sides is left out.
    """
    table = plain_table(title, ["layer", "quantity", "model", "hardware", "difference"], words=2)
    previous = ""
    for layer, what, model, hardware in rows:
        if model == hardware == 0:
            continue
        if model == hardware:
            difference = Text("0", "green")
        elif isinstance(model, int) and isinstance(hardware, int):
            difference = Text(f"{hardware - model:+,}", "bold red")
        else:
            difference = Text("differ", "bold red")
        label = layer if layer != previous else ""
        add(table, label, what, _count(model), _count(hardware), difference)
        previous = layer
    return table


def _count(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def dataflows(results: Mapping[str, Result]) -> RenderableType:
    """Return the dataflows of one accelerator side by side: costs, cycles, accesses."""
    first = next(iter(results.values()))
    title = f"{first.accelerator} runs {first.workload} in {first.technology}"
    title += f", at {first.level} level"
    ratios = energy_ratios(results)
    rows = [
        {
            "dataflow": n.replace("_", " "), **result.totals, _TO_LEAST: banded(*ratios[n]),
            **error_columns(result.errors, _BANDED_COSTS),
        }
        for n, result in results.items()
    ]  # fmt: skip
    shown: list[RenderableType] = []
    for name, columns in ((title, _FLOW_COSTS), *COUNTED):
        there = [column for column in columns if column in rows[0]]
        shown += [points(rows, ["dataflow", *there], name), Text()]
    if first.not_covered:
        shown += [not_covered(first.not_covered), Text()]
    flags = dict.fromkeys(flag for result in results.values() for flag in result.flags)
    return Group(*shown, notes(flags)) if flags else Group(*shown[:-1])


def counts(counted: Mapping[str, int], title: str) -> Table:
    """Return how often each thing was seen; what was never seen is red."""
    table = plain_table(title, ["", "count"])
    for name, count in counted.items():
        add(table, name.replace("_", " "), f"{count:,}", style=None if count else "bold red")
    return table


def reasons(counted: Mapping[str, int], title: str) -> Table:
    """Return reasons with how often each was given, the most frequent first."""
    table = plain_table(title, ["reason", "points"], sentence=0)
    ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    for reason, count in ordered[:_MOST_REASONS]:
        add(table, reason, f"{count:,}")
    if rest := ordered[_MOST_REASONS:]:
        add(table, f"... and {len(rest)} other reasons", f"{sum(n for _, n in rest):,}")
    return table
