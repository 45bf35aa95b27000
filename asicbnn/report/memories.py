"""Memories as tables and as JSON: the macros one is made of, its costs, where an SRAM pays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from asicbnn.errors import AsicbnnError
from asicbnn.model.area import Macro, area
from asicbnn.model.costs import technology_of
from asicbnn.report.tables import add, notes, plain_table
from asicbnn.result import PARTS
from asicbnn.spec.accelerator import Accelerator
from asicbnn.technology.break_even import BreakEven, break_even_table
from asicbnn.technology.compiled_memory import Kind, MacroUse, Memory, Ports, Pricing, WriteMask
from asicbnn.technology.library import Technology
from asicbnn.technology.macro import MacroList
from asicbnn.technology.memories import memory
from asicbnn.units import quantity

_WAYS: tuple[tuple[str, Kind, Pricing], ...] = (
    ("SRAM, exact macros", "sram", "exact"),
    ("SRAM, fit", "sram", "fit"),
    ("latches", "latch", "fit"),
    ("registers", "register", "fit"),
    ("ROM", "rom", "fit"),
)
_MACROS = (
    "name", "count", "words", "word_bits", "banks", "column_mux", "read_latency_cycles",
    "minimum_cycle_ps", "is_synthetic",
)  # fmt: skip
_FIGURES = (
    ("area_um2", "area", "um2", "area_error"),
    ("read_energy_fj", "read", "fJ", "read_error"),
    ("write_energy_fj", "write", "fJ", "energy_error"),
    ("leakage_nw", "leakage nW", "1", "energy_error"),
    ("minimum_cycle_ps", "cycle", "ps", "access_error"),
)


@dataclass(frozen=True)
class Asked:
    """A memory somebody asks the price of."""

    words: int
    word_bits: int
    ports: Ports = "1rw"
    write_mask: WriteMask = "none"
    extrapolate: bool = False

    def __str__(self) -> str:
        mask = "" if self.write_mask == "none" else f", {self.write_mask} write mask"
        return f"{self.words:,} words of {self.word_bits:,} bit, {self.ports}{mask}"


@dataclass(frozen=True)
class Way:
    """One way to build a memory: its price list, or why there is none."""

    name: str
    memory: Memory | None
    reason: str = ""


def ways(technology: Technology, asked: Asked, listed: MacroList | None) -> tuple[Way, ...]:
    """Return every way to build a memory, the refused ones with their reason."""
    found = []
    for name, kind, pricing in _WAYS:
        try:
            built = memory(
                technology, kind, asked.words, asked.word_bits, asked.ports, asked.write_mask,
                pricing=pricing, macros=listed, extrapolate=asked.extrapolate,
            )  # fmt: skip
        except AsicbnnError as refusal:
            found.append(Way(name, None, str(refusal)))
        else:
            found.append(Way(name, built))
    return tuple(found)


def memory_json(technology: Technology, asked: Asked, found: Sequence[Way]) -> dict[str, Any]:
    """Return the ways to build a memory as a JSON object."""
    return {
        "technology": technology.name,
        "asked": asdict(asked),
        "ways": [
            {"way": way.name, **({"refused": way.reason} if way.memory is None else _costs(way))}
            for way in found
        ],
    }


def _costs(way: Way) -> dict[str, Any]:
    assert way.memory is not None
    figures = {name: getattr(way.memory, name) for name, *_ in _FIGURES}
    errors = {name: getattr(way.memory, error) for name, _, _, error in _FIGURES}
    return {
        **figures,
        "errors": errors,
        "level": way.memory.level,
        "macros": [_macro_json(use) for use in way.memory.macros],
        "flags": list(way.memory.flags),
    }


def _macro_json(use: MacroUse) -> dict[str, Any]:
    return {name: getattr(use, name) for name in _MACROS}


def memory_tables(technology: Technology, asked: Asked, found: Sequence[Way]) -> RenderableType:
    """Return the ways to build a memory side by side, and the macros of each."""
    headings = ["", *(heading for _, heading, *_ in _FIGURES)]
    costs = plain_table(f"{asked} in {technology.name}", headings)
    for way in found:
        if way.memory is None:
            add(costs, way.name, *("-" for _ in _FIGURES))
            continue
        built = way.memory
        cells = (
            quantity(getattr(built, name), unit, getattr(built, error))
            for name, _, unit, error in _FIGURES
        )
        add(costs, way.name, *cells)
    shown: list[RenderableType] = [costs]
    rows = [(way.name, use) for way in found if way.memory for use in way.memory.macros]
    if rows:
        shown += [Text(), _macro_table("macros", rows)]
    refusals = [f"{way.name}: {way.reason}" for way in found if way.memory is None]
    flags = [flag for way in found if way.memory for flag in way.memory.flags]
    if said := list(dict.fromkeys([*refusals, *flags])):
        shown += [Text(), notes(said)]
    return Group(*shown)


def _macro_table(title: str, rows: Iterable[tuple[str, MacroUse]]) -> RenderableType:
    headings = [
        "", "macro", "count", "words", "bit", "banks", "column mux", "latency", "minimum cycle",
    ]  # fmt: skip
    table = plain_table(title, headings, words=2)
    for name, use in rows:
        cycle = use.minimum_cycle_ps
        add(
            table,
            name,
            use.name + (" (synthetic)" if use.is_synthetic else ""),
            f"{use.count:,}",
            f"{use.words:,}",
            f"{use.word_bits:,}",
            f"{use.banks:,}",
            "-" if use.column_mux is None else f"{use.column_mux}",
            f"{use.read_latency_cycles}",
            "-" if cycle is None else quantity(cycle, "ps"),
        )
    return table


def break_even_json(technology: Technology, table: Sequence[BreakEven]) -> dict[str, Any]:
    """Return where an SRAM begins to pay, and the macros there are, as a JSON object."""
    listed = technology.macros
    return {
        "technology": technology.name,
        "macros": [] if listed is None else [asdict(macro) for macro in listed.macros],
        "break_even": [
            {"word_bits": row.word_bits, **{f"by_{k}": v for k, v in row.words.items()}}
            for row in table
        ],
    }


def break_even_tables(technology: Technology, table: Sequence[BreakEven]) -> RenderableType:
    """Return the macros of a technology, and the depth from which an SRAM costs no more."""
    title = f"fewest words at which an SRAM costs no more than latches in {technology.name}"
    even = plain_table(title, ["bit", "area", "energy of a read", "leakage"])
    for row in table:
        cells = ("over 1,024" if words is None else f"{words:,}" for words in row.words.values())
        add(even, f"{row.word_bits}", *cells)
    if technology.macros is None:
        return even
    return Group(_listed(technology.macros), Text(), even)


def _listed(listed: MacroList) -> RenderableType:
    headings = ["macro", "words", "bit", "ports", "area", "read", "write", "access"]
    table = plain_table(f"SRAM macros that exist ({listed.name})", headings)
    for macro in listed.macros:
        figures = (
            (macro.area_um2, "um2"),
            (macro.read_energy_fj, "fJ"),
            (macro.write_energy_fj, "fJ"),
            (macro.access_ps, "ps"),
        )
        add(
            table,
            macro.name + (" (synthetic)" if macro.is_synthetic else ""),
            f"{macro.words:,}",
            f"{macro.word_bits}",
            macro.ports,
            *("-" if value is None else quantity(value, unit) for value, unit in figures),
        )
    return table


def break_even(technology: Technology) -> tuple[BreakEven, ...]:
    """Return where an SRAM begins to pay against latches."""
    return break_even_table(technology)


def accelerator_memories(accelerator: Accelerator) -> tuple[tuple[Macro, Memory], ...] | str:
    """Return the memories of an accelerator, or why they have no price."""
    try:
        built = area(accelerator, technology_of(accelerator))
    except AsicbnnError as refusal:
        return str(refusal)
    return tuple(pair for pair in built.memories if PARTS[pair[0].part].kind == "memory")


def accelerator_table(accelerator: Accelerator) -> RenderableType:
    """Return what each memory of an accelerator is built of."""
    found = accelerator_memories(accelerator)
    if isinstance(found, str):
        return Text(f"memories: {found}")
    headings = ["", "kind", "memories", "words", "bit", "each built of"]
    table = plain_table("memories", headings, words=2, sentence=5)
    for macro, built in found:
        uses = [f"{use.count} x {use.name}" for use in built.macros]
        sizes = (f"{size:,}" for size in (macro.count, built.words, built.word_bits))
        add(table, macro.part.replace("_", " "), built.kind, *sizes, ", ".join(uses) or "cells")
    return table


def accelerator_json(accelerator: Accelerator) -> dict[str, Any]:
    """Return what each memory of an accelerator is built of, as a JSON object."""
    found = accelerator_memories(accelerator)
    if isinstance(found, str):
        return {"refused": found}
    return {
        macro.part: {
            "kind": built.kind,
            "memories": macro.count,
            "words": built.words,
            "word_bits": built.word_bits,
            "macros": [_macro_json(use) for use in built.macros],
        }
        for macro, built in found
    }


__all__ = [
    "Asked", "Way", "accelerator_json", "accelerator_table", "break_even", "break_even_json",
    "break_even_tables", "memory_json", "memory_tables", "ways",
]  # fmt: skip
