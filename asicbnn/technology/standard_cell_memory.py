"""Memories of latches or flip-flops: counted cell by cell, times factors measured on mapped gates.

Reads are combinational, as the machine asks for them: the register behind is the machine's. Both
kinds have a port that reads and one that writes, so a 1r1w memory costs what a 1rw memory costs.
Structure: `row_memory.py`. Equations and residuals: docs/models/technology.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from asicbnn.technology.cells import Cells
from asicbnn.technology.compiled_memory import Memory, Ports, WriteMask
from asicbnn.technology.decoder import Order
from asicbnn.technology.factor_entries import CellMemoryEntry
from asicbnn.technology.form import Form, Name, RangeEntry, read_form
from asicbnn.technology.library import Technology
from asicbnn.technology.row_memory import GROUP_WORDS, RowKind, RowMemory, row_memory
from asicbnn.technology.row_read import (
    MOST_PINS,
    ReadEnergy,
    buffer_fj,
    counted_reads,
    read_price,
)

_FILE = Path(__file__).parent / "figures" / "standard_cell_memory.yaml"
_RANDOM_BIT = 0.5


class _CellMemoryFile(Form):
    """Factors of a technology whose own were not measured, and the sizes they were measured at."""

    sources: dict[str, Name]
    factors: dict[RowKind, CellMemoryEntry]
    words: RangeEntry
    word_bits: RangeEntry


@lru_cache(maxsize=1)
def _figures() -> _CellMemoryFile:
    return read_form(_CellMemoryFile, _FILE.read_bytes(), _FILE.name)


@dataclass(frozen=True)
class CountedCosts:
    """What a memory costs by its cells alone, before factors.

    reads        of another word than the last, by the order of what is read
    write_fj     of writing a word in all its parts, beside its lines: `lines_fj`
    write_sinks  clock pins it reaches, whose clock tree is not in it
    idle_fj      of a cycle without access, the clock tree left out
    access_ps    register to register, without the levels of the OR: `levels_ps`
    """

    reads: Mapping[Order, ReadEnergy]
    write_fj: float
    lines_fj: float
    write_sinks: float
    idle_fj: float
    access_ps: float
    levels_ps: float


def counted_costs(technology: Technology, memory: RowMemory) -> CountedCosts:
    """Count the energies and the path of a memory."""
    gate_fj = technology.cell("clock_gate").clock_energy_fj or 0.0
    return CountedCosts(
        counted_reads(technology, memory.words, memory.bits),
        _write_fj(technology, memory), _lines_fj(technology, memory),
        _writes(memory) * _write_use(memory).sinks, memory.idle_gates.clock_gate * gate_fj,
        _access_ps(technology, memory), _levels_ps(technology, memory),
    )  # fmt: skip


def _write_fj(technology: Technology, memory: RowMemory) -> float:
    """Energy of writing one word, the lines to its group left out [fJ].

    Per part: the register of what is written; the clock down to one row, past the gates of all
    groups and of one group's rows; and what the row stores.
    """
    gate, flop = technology.cell("clock_gate"), technology.cell("flop")
    row = technology.cell("latch" if memory.kind == "latch" else "flop")
    use, changed = _write_use(memory), _RANDOM_BIT * memory.data_bits
    spent = use.flops * (flop.clock_energy_fj or 0.0)
    spent += changed * flop.internal_energy_fj if use.flops else 0.0
    spent += use.gates * (gate.clock_energy_fj or 0.0) + 2 * use.opened * gate.internal_energy_fj
    stored = row.internal_energy_fj + technology.pin_energy_fj("nand2")
    spent += use.row_bits * ((row.clock_energy_fj or 0.0) + _RANDOM_BIT * stored)
    if memory.groups > 1:
        pins_fj = memory.groups * technology.pin_energy_fj("and2")
        buffers = memory.groups // MOST_PINS * buffer_fj(technology)
        spent += changed * (technology.cell("and2").internal_energy_fj + pins_fj + buffers)
        spent += 2 * pins_fj
    return _writes(memory) * spent


def _lines_fj(technology: Technology, memory: RowMemory) -> float:
    """Energy of what is written to one word on the pins of its group's rows [fJ].

    Words are written in order, as counters do. Half of the lines change; all that are 1 do in two
    groups where a word lies in another group than the one before.
    """
    elsewhere = 1 / GROUP_WORDS if memory.groups > 1 else 0.0
    pin_fj = technology.pin_energy_fj("latch" if memory.kind == "latch" else "flop")
    pins = memory.group_words * memory.bits * _writes(memory)
    return _RANDOM_BIT * (1 + elsewhere) * pins * pin_fj


def _writes(memory: RowMemory) -> int:
    """Writes it takes to fill a word."""
    return len(memory.parts) if memory.is_shared else 1


@dataclass(frozen=True)
class _WriteUse:
    """What one write clocks: flops of the data register, clock gates, those it opens, row bits."""

    flops: int
    gates: float
    opened: float
    row_bits: float

    @property
    def sinks(self) -> float:
        """Clock pins."""
        return self.flops + self.gates + self.row_bits


def _write_use(memory: RowMemory) -> _WriteUse:
    writes, flops = _writes(memory), memory.registered.flop
    parts, row_gates = len(memory.parts) / writes, memory.row_gates / writes
    of_groups = parts * memory.groups if memory.groups > 1 else 0
    opened = parts * (2 if memory.groups > 1 else 1) + row_gates + (flops > 0)
    gates = of_groups + memory.group_words * row_gates
    return _WriteUse(flops, gates, opened, memory.bits / writes)


def _access_ps(technology: Technology, memory: RowMemory) -> float:
    """Longest path up to the OR: an address through decoder and line, or a word through its latch.

    A driver's delay is two thirds its own and one third for each four pins.
    """
    ends = technology.cell("flop").delay_fo4_ps + technology.setup_ps
    if memory.kind == "latch":
        isolated = technology.cell("and2").delay_fo4_ps if memory.groups > 1 else 0.0
        written = isolated + technology.cell("latch").delay_fo4_ps
    else:
        written = 0.0
    if memory.words == 1:
        return ends + written
    low = 1 << memory.levels // 2
    pins = max(low, -(-memory.words // low))
    line = technology.cell("and2").delay_fo4_ps * _driven(min(pins, MOST_PINS))
    line += sum(technology.cell("buffer").delay_fo4_ps * _driven(n) for n in _fan_outs(memory.bits))
    return ends + max(line, written)


def _levels_ps(technology: Technology, memory: RowMemory) -> float:
    """Levels of the OR on that path [ps]."""
    return memory.levels * technology.cell("or2").delay_fo4_ps


def _driven(pins: float) -> float:
    """Delay of a gate that drives so many pins, over that at four."""
    return (2 + pins / 4) / 3


def _fan_outs(pins: int) -> Iterator[int]:
    """Pins that each stage of a tree of buffers drives, the last one first."""
    while pins > MOST_PINS:
        buffers = -(-pins // MOST_PINS)
        yield -(-pins // buffers)
        pins = buffers
    yield pins


def state_and_logic(memory: RowMemory, price: Mapping[str, float], factor: float) -> float:
    """Price cells: those with state one to one, the logic times a factor.

    price  of one cell of each role
    """
    kept = sum(n * price[role] for role, n in memory.state.items())
    return kept + factor * sum(n * price[role] for role, n in memory.logic.items())


def standard_cell_memory(
    technology: Technology,
    kind: RowKind,
    words: int,
    word_bits: int,
    ports: Ports,
    write_mask: WriteMask,
    write_bits: int | None = None,
) -> Memory:
    """Compile a latch or register memory.

    write_bits  a word is written in parts of so many bits, one after the other (default: at once)
    """
    built = row_memory(kind, words, word_bits, write_mask, write_bits)
    own = technology.cell_memories.get(kind)
    by = own or _figures().factors[kind]
    counted = counted_costs(technology, built)
    tree_fj = technology.clock_tree_energy_fj_per_sink
    cells, idle = built.cells, built.idle_gates
    clocked = Cells(clock_gate=cells.clock_gate, flop=cells.flop)
    access_ps = by.access.factor * counted.access_ps + by.access_levels.factor * counted.levels_ps
    areas = {role: technology.cells[role].area_um2 for role in cells}
    leaks = {role: technology.cells[role].leakage_nw for role in cells}
    read = read_price(by, words, counted.reads)
    energy_spread = max(by.write_energy.spread, by.idle_energy.spread)
    return Memory(
        kind=kind,
        words=words,
        word_bits=word_bits,
        ports=ports,
        write_mask=write_mask,
        area_um2=state_and_logic(built, areas, by.area.factor)
        + technology.clock_tree_area_um2(clocked),
        read_energy_fj=read.energy_fj,
        write_energy_fj=by.write_energy.factor * counted.write_fj
        + by.write_lines.factor * counted.lines_fj
        + counted.write_sinks * tree_fj,
        clock_energy_fj_per_cycle=by.idle_energy.factor * counted.idle_fj
        + idle.clock_gate * tree_fj,
        leakage_nw=state_and_logic(built, leaks, by.leakage.factor),
        access_ps=access_ps,
        minimum_cycle_ps=access_ps,
        cells=cells,
        macros=(),
        level="gates" if own else "cells",
        area_error=by.area.spread,
        energy_error=energy_spread,
        access_error=by.access.spread,
        read_error=read.relative_error,
        flags=tuple(_flags(technology, kind, words, word_bits, is_own=own is not None)),
    )


def _flags(
    technology: Technology, kind: RowKind, words: int, word_bits: int, *, is_own: bool
) -> Iterator[str]:
    known = _figures()
    if not is_own:
        yield (
            f"{kind} memories were not mapped in {technology.name}: factors and spread are those "
            "of other libraries"
        )
    for what, size, span in (("words", words, known.words), ("bits", word_bits, known.word_bits)):
        if not span.least <= size <= span.most:
            yield (
                f"{kind} memories were mapped at {span.least:g} to {span.most:g} {what}, "
                f"not at {size:,}: counted from the same cells"
            )


__all__ = ["CountedCosts", "counted_costs", "standard_cell_memory", "state_and_logic"]
