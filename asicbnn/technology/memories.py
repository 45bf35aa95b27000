"""What a memory of a given kind and size costs in a technology: one question, `memory`."""

from __future__ import annotations

from functools import lru_cache
from typing import get_args

from asicbnn.errors import ModelError
from asicbnn.technology.compiled_memory import Kind, Macros, Memory, Ports, WriteMask
from asicbnn.technology.library import Technology
from asicbnn.technology.schema import unknown
from asicbnn.technology.sram import sram
from asicbnn.technology.standard_cell_memory import standard_cell_memory

__all__ = ["Kind", "Macros", "Memory", "Ports", "WriteMask", "break_even_words", "memory"]


@lru_cache(maxsize=65536)
def memory(
    technology: Technology,
    kind: Kind,
    words: int,
    word_bits: int,
    ports: Ports = "1rw",
    write_mask: WriteMask = "none",
) -> Memory:
    """Compile a memory and return its price list.

    words, word_bits : depth and width as built; a port narrower than its word means a deeper
                       memory of the port's width
    ports            : one that reads or writes, or one of each
    write_mask       : the smallest part of a word written on its own

    An SRAM beyond the largest macro is made of several; one below the smallest is charged as the
    smallest and flagged. Raises ModelError for kinds, ports or sizes that do not exist.
    """
    for what, value, known in (
        ("kind of memory", kind, get_args(Kind)),
        ("ports of a memory", ports, get_args(Ports)),
        ("write mask", write_mask, get_args(WriteMask)),
    ):
        if value not in known:
            raise ModelError(unknown(what, str(value), known))
    for what, size, unit in (("words", words, ""), ("word_bits", word_bits, " [bit]")):
        if size < 1:
            raise ModelError(f"a memory's {what} must be an integer >= 1{unit}, not {size}")
    if kind == "sram":
        return sram(technology, words, word_bits, ports, write_mask)
    return standard_cell_memory(technology, kind, words, word_bits, ports, write_mask)


def break_even_words(
    technology: Technology, word_bits: int, ports: Ports = "1rw", kind: Kind = "latch"
) -> int | None:
    """Return the fewest words at which an SRAM is no larger than a memory of latches (registers).

    None if the latches stay smaller up to 4096 words.
    """
    for words in range(1, 4097):
        macro = memory(technology, "sram", words, word_bits, ports)
        if macro.area_um2 <= memory(technology, kind, words, word_bits, ports).area_um2:
            return words
    return None
