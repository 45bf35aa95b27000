"""A technology as tables and as JSON: its cells, what is composed, where each figure is from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from asicbnn.report.tables import add, notes, plain_table
from asicbnn.technology.cell_entries import CellEntry
from asicbnn.technology.cells import ROLES
from asicbnn.technology.composition import Cell, resolve
from asicbnn.technology.form import Figure, Form
from asicbnn.technology.library import flags_of
from asicbnn.technology.schema import TechnologyFile
from asicbnn.units import figure

_COLUMNS: Final = (
    ("area_um2", "area um2"),
    ("leakage_nw", "leakage nW"),
    ("input_capacitance_ff", "input fF"),
    ("internal_energy_fj", "internal fJ"),
    ("toggle_energy_fj", "toggle fJ"),
    ("delay_fo4_ps", "FO4 delay ps"),
    ("carry_delay_fo4_ps", "to carry ps"),
    ("clock_energy_fj", "clock fJ"),
)
_ADDERS: Final = ("full_adder", "half_adder")
_LINE: Final = 100


def as_json(file: TechnologyFile, path: str) -> dict[str, Any]:
    """Return a technology file's figures, every role resolved, as a JSON object."""
    return {
        "technology": file.name,
        "file": path,
        "figures": {
            key: value.model_dump(mode="json") for key, value in _figures(file)
        },
        "cells": {role: _cell_json(cell) for role, cell in _cells(file).items()},
        "corners": [corner.model_dump(mode="json") for corner in file.corners],
        "sources": dict(file.sources),
        "flags": list(flags_of(file)),
    }  # fmt: skip


def _cell_json(cell: Cell) -> dict[str, Any]:
    figures = {name: getattr(cell, name) for name, _ in _COLUMNS}
    named = {"cell": cell.composition, "composed": cell.composed, "source": cell.source}
    return {**named, **figures, **({"note": cell.note} if cell.note else {})}


def as_tables(file: TechnologyFile) -> RenderableType:
    """Return a technology as a reader wants to see it: cells, figures, corners, sources."""
    shown: list[RenderableType] = [
        _cell_table(file), Text(), _popcount_table(file), Text(), _figure_table(file),
    ]  # fmt: skip
    if file.corners:
        shown += [Text(), _corner_table(file)]
    shown += [Text(), _sources(file)]
    if flags := tuple(flags_of(file)):
        shown += [Text(), notes(flags)]
    return Group(*shown)


def listing(files: Sequence[tuple[str, TechnologyFile]]) -> RenderableType:
    """Return the technologies side by side: corner, FO4 figures, what each composes."""
    headings = ["technology", "node nm", "V", "degC", "FO4 ps", "FO4 fJ", "NAND2 um2", "composed"]
    table = plain_table("technologies", headings, sentence=len(headings) - 1)
    for name, file in files:
        composed = [role for role, cell in _cells(file).items() if cell.composed]
        add(
            table,
            name,
            f"{file.node_nm.value:g}",
            f"{file.voltage_v.value:g}",
            f"{file.temperature_c.value:g}",
            figure(file.fo4_delay_ps.value),
            figure(file.inverter_toggle_energy_fj.value),
            figure(file.gate_equivalent_um2.value),
            ", ".join(role for role in composed if role in _roles(file)) or "none",
        )
    return table


def listing_json(files: Sequence[tuple[str, TechnologyFile]]) -> dict[str, Any]:
    """Return the technologies as a JSON object."""
    return {
        "technologies": [
            {"technology": name, **{key: value.value for key, value in _figures(file)}}
            for name, file in files
        ]
    }


def _roles(file: TechnologyFile) -> set[str]:
    """Return the roles of a file, without the cells that only stand in for one."""
    parts = {
        part
        for entry in file.cells.values()
        if not isinstance(entry, CellEntry)
        for part in entry.composed
    }
    return {role for role in file.cells if role in ROLES or role not in parts}


def _cells(file: TechnologyFile) -> dict[str, Cell]:
    return resolve(file.cells, file.voltage_v.value, file.inverter_capacitance_ff.value)


def _figures(part: Form, place: str = "") -> Iterator[tuple[str, Figure]]:
    """Yield every figure of a file, those of its sections after their names."""
    for key in type(part).model_fields:
        value = getattr(part, key)
        if isinstance(value, Figure):
            yield f"{place}{key}", value
        elif isinstance(value, Form):
            yield from _figures(value, f"{key}.")


def _popcount_table(file: TechnologyFile) -> RenderableType:
    headings = ["popcount", "source", "fJ per lane", "error", "delay ps", "error"]
    table = plain_table("XNOR and popcount, by structure", headings, words=2)
    for structure, energy in file.popcount_energy.items():
        delay = file.popcount_delay[structure]
        source = f"{energy.source}, {delay.source}"
        pairs = zip(energy.lanes, energy.compute_fj, strict=True)
        values = ", ".join(f"{figure(fj)} ({lanes})" for lanes, fj in pairs)
        line = f"{figure(delay.per_level_ps)} log2 N {delay.offset_ps:+.0f}"
        errors = (f"+-{x.relative_error:.0%}" for x in (energy, delay))
        add(table, structure, source, values, next(errors), line, next(errors))
    return table


def _cell_table(file: TechnologyFile) -> RenderableType:
    title = f"{file.name}: {file.description}" if file.description else file.name
    headings = ["role", "cell", *(heading for _, heading in _COLUMNS)]
    table = plain_table(title, headings, words=2)
    for role, cell in _cells(file).items():
        values = [
            "" if value is None or (name == "carry_delay_fo4_ps" and not role.startswith(_ADDERS))
            else figure(value)
            for name, _ in _COLUMNS
            for value in (getattr(cell, name),)
        ]  # fmt: skip
        what = f"= {cell.composition}" if cell.composed else cell.composition
        add(table, role, what, *values, style="yellow" if cell.composed else None)
    return table


def _figure_table(file: TechnologyFile) -> RenderableType:
    headings = ["figure", "source", "value", "error", "note"]
    table = plain_table("figures", headings, words=2, sentence=len(headings) - 1)
    table.columns[-1].justify = "left"
    for key, value in _figures(file):
        error = "" if value.relative_error is None else f"+-{value.relative_error:.0%}"
        says_so = value.source == "assumed" or not value.assumed
        source = value.source if says_so else f"{value.source}, assumed"
        add(table, key, source, f"{value.value:g}", error, value.note)
    return table


def _corner_table(file: TechnologyFile) -> RenderableType:
    headings = ["corner", "V", "degC", "delay x", "energy x", "leakage x"]
    table = plain_table("corners, relative to the figures above", headings)
    for corner in file.corners:
        add(
            table, corner.name, f"{corner.voltage_v:g}", f"{corner.temperature_c:g}",
            f"{corner.delay_ratio:.4g}", f"{corner.energy_ratio:.4g}",
            f"{corner.leakage_ratio:.4g}",
        )  # fmt: skip
    return table


def _sources(file: TechnologyFile) -> Text:
    lines = [Text("sources", style="bold")]
    for name, source in file.sources.items():
        broken = wrap(f"{name}: {source}", _LINE, subsequent_indent="    ", break_long_words=False)
        lines.append(Text("\n".join(broken)))
    return Text("\n").join(lines)
