"""The tables of one result: figures of merit, layers, parts, what is uncertain and what is dead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from asicbnn.report.remarks import worded
from asicbnn.report.tables import (
    COUNTED,
    add,
    cell,
    column_heading,
    not_covered,
    notes,
    plain_table,
    scale_of,
)
from asicbnn.result import METRICS, PARTS, Result, error_columns, parts_of
from asicbnn.units import banded, figure, quantity, scale

LAYER_COLUMNS = ("macs", "cycles", "utilisation", "latency_ms", "energy_fj")
SUMMARY = (
    ("performance", ("latency_ms", "inferences_per_s", "throughput_tops", "utilisation")),
    ("energy", ("energy_per_inference_uj", "power_mw", "efficiency_tops_per_w")),
    ("area", ("area_um2", "logic_area_um2", "memory_area_um2", "density_tops_per_mm2")),
    ("clock", ("period_ps", "clock_mhz")),
    ("power-up", ("power_up_energy_uj", "power_up_ms", "amortised_energy_uj")),
    ("with extras", ("energy_with_extras_uj", "area_with_extras_um2")),
)
_SPLITS = {"energy_operands_fj": "energy by operand", "energy_levels_fj": "energy by level"}
_SUMMED = ("logic", "memory")  # kinds of parts whose sums are metrics
_KINDS = {"link": "wires", "external": "outside"}
_MOST_ORIGINS = 8
_MW_PER_FJ_PER_MS = 1e-9


def result_tables(result: Result) -> RenderableType:
    """Return everything about one design point: summary, layers, parts, what is not covered."""
    shown: list[RenderableType] = [summary(result)]
    if result.layers:
        shown += [Text(), layers(result, LAYER_COLUMNS, "layers")]
        for title, columns in COUNTED:
            shown += [Text(), layers(result, columns, title)]
    for table in parts(result):
        shown += [Text(), table]
    for name, title in _SPLITS.items():
        if split := result.breakdowns.get(name):
            shown += [Text(), energy_split(split, title)]
    if errors := result.breakdowns.get("energy_errors_fj"):
        shown += [Text(), error_origins(errors, result.totals["energy_fj"])]
    if written := result.breakdowns.get("written_bits"):
        shown += [Text(), dead_bits(written, result.breakdowns["dead_bits"])]
    if result.not_covered:
        shown += [Text(), not_covered(result.not_covered)]
    if result.flags:
        shown += [Text(), notes(result.flags)]
    return Group(*shown)


def summary(result: Result) -> Table:
    """Return the figures of merit in groups, each value in the unit it reads best in."""
    what = f"the covered layers of {result.workload}" if result.not_covered else result.workload
    title = f"{result.accelerator} runs {what} in {result.technology}, at {result.level} level"
    table = plain_table(title, ["", "", "", "from"], words=2)
    table.columns[3].justify = "left"
    table.show_header = False
    for group, names in SUMMARY:
        label = group
        for name in (name for name in names if name in result.totals):
            metric = METRICS[name]
            value = quantity(result.totals[name], metric.unit, result.errors.get(name, 0.0))
            level = result.levels.get(name, "")
            add(table, Text(label, "dim"), metric.title, value, Text(level, "dim"))
            label = ""
    if result.not_covered:
        count, macs = len(result.not_covered), sum(layer.macs for layer in result.not_covered)
        layers_text = "1 layer" if count == 1 else f"{count} layers"
        label_text = Text("not covered", "bold yellow")
        add(table, label_text, layers_text, f"{macs:,} MACs", style="bold")
    return table


def layers(result: Result, columns: Sequence[str], title: str) -> Table:
    """Return chosen metrics of every layer, and their totals where layers add up."""
    names = [name for name in columns if any(name in layer.metrics for layer in result.layers)]
    rows = [{**x.metrics, **error_columns(x.errors, names)} for x in result.layers]
    scales = {name: scale_of(name, rows) for name in names}
    table = plain_table(title, ["layer", *(column_heading(name, scales[name]) for name in names)])
    for layer, row in zip(result.layers, rows, strict=True):
        add(table, layer.name, *(cell(row, name, scales[name]) for name in names))
    table.add_section()
    whole = {**result.totals, **error_columns(result.errors, names)}
    totals = (cell(whole, name, scales[name]) for name in names)
    add(table, "total", *totals, style="bold")
    return table


def parts(result: Result) -> Iterator[Table]:
    """Yield energy with power by part, then area, with a sum for each kind of part.

    Each figure has its band and the level it comes from.
    """
    latency_ms = result.totals.get("latency_ms")
    for what, title in (("energy_fj", "energy by part"), ("area_um2", "area by part")):
        rows = [row for row in parts_of(result.totals) if row[what]]
        if not rows:
            continue
        whole = sum(float(row[what]) for row in rows)
        factor, unit = scale(whole, METRICS[what].unit)
        is_power = what == "energy_fj" and bool(latency_ms)
        per_mw = _MW_PER_FJ_PER_MS / latency_ms if is_power and latency_ms else 0.0
        power = ["power [mW]"] if is_power else []
        headings = ["part", "level", f"{title.split()[0]} [{unit}]", "share", *power, "from"]
        table = plain_table(title, headings, words=2)
        table.columns[-1].justify = "left"
        for label, level, value, name in _with_sums(rows, what):
            shown = banded(value * factor, result.errors.get(name, 0.0))
            spent = [figure(value * per_mw)] if is_power else []
            cells = [shown, f"{value / whole:.3f}", *spent, result.levels.get(name, "")]
            is_sum = not name or label in _SUMMED
            add(table, label, level, *cells, style="bold" if is_sum else None)
        yield table


def _with_sums(
    rows: Sequence[Mapping[str, Any]], what: str
) -> Iterator[tuple[str, str, float, str]]:
    """Yield label, memory level, value and metric of every part, and after each kind its sum.

    The sum of a kind that is no metric has none.
    """
    for kind in dict.fromkeys(part.kind for part in PARTS.values()):
        members = [row for row in rows if row["kind"] == kind]
        for row in members:
            part = str(row["part"])
            yield part.replace("_", " "), str(row["level"]), float(row[what]), f"{part}_{what}"
        if len(members) > 1:
            whole = sum(float(row[what]) for row in members)
            yield _KINDS.get(kind, kind), "", whole, f"{kind}_{what}" if kind in _SUMMED else ""


def energy_split(energies: Mapping[str, float], title: str) -> Table:
    """Return a split of the whole energy [fJ] with the share of each entry."""
    whole = sum(energies.values())
    factor, unit = scale(whole, "fJ")
    table = plain_table(title, ["", f"energy [{unit}]", "share"])
    for name, energy in energies.items():
        add(table, name, figure(energy * factor), f"{energy / whole:.3f}" if whole else "")
    return table


def error_origins(errors_fj: Mapping[str, float], energy_fj: float) -> Table:
    """Return what the error of an energy stems from, the widest first.

    errors_fj  origin -> error [fJ]; the root of the sum of squares is the error of the whole
    """
    factor, unit = scale(max(errors_fj.values(), default=0.0), "fJ")
    table = plain_table("error of the energy by origin", ["", f"error [{unit}]", "relative"])
    for origin, error in list(errors_fj.items())[:_MOST_ORIGINS]:
        add(table, worded(origin), figure(error * factor), f"{error / energy_fj:.3f}")
    return table


def dead_bits(written: Mapping[str, float], dead: Mapping[str, float]) -> Table:
    """Return bits written to each memory, and how many of them nothing depends on."""
    table = plain_table("bits written", ["", "written", "dead", "share"])
    for name, bits in written.items():
        share = f"{dead[name] / bits:.3f}" if bits else ""
        add(table, name.replace("_", " "), f"{bits:,.0f}", f"{dead[name]:,.0f}", share)
    return table
