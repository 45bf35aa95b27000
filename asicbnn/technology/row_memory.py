"""What a memory of latches or flip-flops is made of, cell by cell: closed forms of what is written.

`hardware/verilog/cell_memories.py` writes the memory, and says why it looks so; tests hold every
count here against the cells of that text.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

from asicbnn.technology.cells import Cells
from asicbnn.technology.compiled_memory import WriteMask

RowKind = Literal["latch", "register"]
GROUP_WORDS = 8
"""Rows that see what is written to one of them."""
MOST_SINKS = 32
"""Bits that one clock gate drives."""


@dataclass(frozen=True)
class RowMemory:
    """A memory with one port that reads and one that writes.

    words      rows                     parts  bits of each part that is written apart
    is_shared  every part is written from the lowest bits of the data, one after the other
    """

    kind: RowKind
    words: int
    parts: tuple[int, ...]
    is_shared: bool = False

    @cached_property
    def bits(self) -> int:
        """Word width."""
        return sum(self.parts)

    @cached_property
    def data_bits(self) -> int:
        """Bits that are written at once."""
        return max(self.parts) if self.is_shared else self.bits

    @cached_property
    def groups(self) -> int:
        """Groups of rows."""
        return -(-self.words // GROUP_WORDS)

    @property
    def group_words(self) -> int:
        """Rows of the first group, which is as large as any."""
        return min(self.words, GROUP_WORDS)

    @cached_property
    def row_gates(self) -> int:
        """Clock gates of one row."""
        return sum(-(-part // MOST_SINKS) for part in self.parts)

    @property
    def levels(self) -> int:
        """Levels of the OR over all words."""
        return (self.words - 1).bit_length()

    @property
    def idle_gates(self) -> Cells:
        """Clock gates the clock reaches in every cycle: of the parts, and of a data register."""
        return Cells(clock_gate=len(self.parts) + (self.kind == "latch"))

    @cached_property
    def registered(self) -> Cells:
        """Flip-flops that hold what is written while latches are open."""
        if self.kind == "register":
            return Cells()
        return Cells(flop=self.data_bits + (self.groups if self.groups > 1 else 0))

    @cached_property
    def state(self) -> Cells:
        """Rows, data register and clock gates: cells that no mapping changes."""
        stored = self.words * self.bits
        of_groups = len(self.parts) * self.groups if self.groups > 1 else 0
        return (
            (Cells(latch=stored) if self.kind == "latch" else Cells(flop=stored))
            + self.registered
            + self.idle_gates
            + Cells(clock_gate=of_groups + self.words * self.row_gates)
        )

    @cached_property
    def logic(self) -> Cells:
        """Decoders, what keeps data from other groups, AND and OR of the read."""
        found = decoder_cells(self.group_words) + decoder_cells(self.words)
        if self.kind == "latch":
            found += Cells(or2=len(self.parts) - 1)
        if self.groups > 1:
            found += decoder_cells(self.groups)
            found += Cells(and2=self.groups * self.data_bits + self.words)
        if self.words > 1:
            found += Cells(and2=self.words * self.bits, or2=(self.words - 1) * self.bits)
            found += Cells(buffer=self.words)
        return found

    @cached_property
    def cells(self) -> Cells:
        """All of it."""
        return self.state + self.logic


@lru_cache(maxsize=4096)
def decoder_cells(lines: int) -> Cells:
    """Cells of a decoder: each half of the address decoded, a line the AND of one of each.

    lines  how many it has; one line is no decoder, two are the bit and its inverse
    """
    if lines <= 2:
        return Cells(inverter=lines - 1)
    low = (lines - 1).bit_length() // 2
    halves = decoder_cells(1 << low) + decoder_cells(-(-lines // (1 << low)))
    return halves + Cells(and2=lines)


def row_memory(
    kind: RowKind,
    words: int,
    word_bits: int,
    write_mask: WriteMask = "none",
    write_bits: int | None = None,
) -> RowMemory:
    """Return the memory of a size.

    write_mask  the smallest part written on its own, with data of its own
    write_bits  a word is written in parts of so many bits, one after the other (default: at once)
    """
    if write_mask == "none" and write_bits is not None and write_bits < word_bits:
        return RowMemory(kind, words, _cut(word_bits, write_bits), is_shared=True)
    part_bits = {"none": word_bits, "byte": 8, "bit": 1}[write_mask]
    return RowMemory(kind, words, _cut(word_bits, part_bits))


def _cut(bits: int, part_bits: int) -> tuple[int, ...]:
    parts = math.ceil(bits / part_bits)
    return (*(part_bits for _ in range(parts - 1)), bits - (parts - 1) * part_bits)


__all__ = ["GROUP_WORDS", "MOST_SINKS", "RowKind", "RowMemory", "decoder_cells", "row_memory"]
