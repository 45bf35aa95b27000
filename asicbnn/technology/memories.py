"""What a memory of a given kind and size costs in a technology: one question, `memory`."""

from __future__ import annotations

from functools import lru_cache
from typing import get_args

from asicbnn.errors import ModelError
from asicbnn.technology.cell_rom import cell_rom
from asicbnn.technology.compiled_memory import (
    Kind,
    MacroUse,
    Memory,
    Ports,
    Pricing,
    WriteMask,
)
from asicbnn.technology.known_names import unknown
from asicbnn.technology.library import Technology
from asicbnn.technology.macro import MacroList
from asicbnn.technology.moving import moved_macros
from asicbnn.technology.sram import fitted_sram, listed_rom, listed_sram
from asicbnn.technology.standard_cell_memory import standard_cell_memory

__all__ = [
    "Kind", "MacroUse", "Memory", "Ports", "Pricing", "WriteMask", "memory",
]  # fmt: skip


@lru_cache(maxsize=65536)
def memory(
    technology: Technology,
    kind: Kind,
    words: int,
    word_bits: int,
    ports: Ports = "1rw",
    write_mask: WriteMask = "none",
    *,
    write_bits: int | None = None,
    pricing: Pricing = "fit",
    macros: MacroList | None = None,
    extrapolate: bool = False,
) -> Memory:
    """Compile a memory and return its price list.

    words, word_bits : depth and width as built; a port narrower than its word means a deeper
                       memory of the port's width
    ports            : one that reads or writes, or one of each
    write_mask       : the smallest part of a word written on its own
    write_bits       : of latches and registers: a word is written in parts of so many bits, one
                       after the other; None: at once
    pricing          : of an SRAM: the fit to real macros, or exactly those on a list; a ROM is of
                       cells where the list has none and it need not be exact
    macros           : the list of a memory compiler; None takes the technology's own
    extrapolate      : price an SRAM or ROM below the range of its fit all the same, and flag it

    A memory beyond the largest macro is made of several. Raises ModelError for kinds, ports or
    sizes that do not exist, and for a size outside the range of the fit.
    """
    for what, value, known in (
        ("kind of memory", kind, get_args(Kind)),
        ("ports of a memory", ports, get_args(Ports)),
        ("write mask", write_mask, get_args(WriteMask)),
        ("pricing of an SRAM", pricing, get_args(Pricing)),
    ):
        if value not in known:
            raise ModelError(unknown(what, str(value), known))
    for what, size, unit in (("words", words, ""), ("word_bits", word_bits, " [bit]")):
        if size < 1:
            raise ModelError(f"a memory's {what} must be an integer >= 1{unit}, not {size}")
    if kind in ("latch", "register"):
        return standard_cell_memory(
            technology, kind, words, word_bits, ports, write_mask, write_bits
        )
    own = technology.nominal
    if kind == "rom":
        listed = macros or own.macros
        if pricing == "fit" and not (listed and listed.has_roms):
            return cell_rom(technology, words, word_bits, extrapolate=extrapolate)
        built = listed_rom(own, _listed(own, macros, "exact pricing"), words, word_bits)
    elif pricing == "fit":
        built = fitted_sram(own, words, word_bits, ports, write_mask, extrapolate=extrapolate)
    else:
        listed = _listed(own, macros, "exact pricing")
        built = listed_sram(own, listed, words, word_bits, ports, write_mask)
    return moved_macros(built, technology)


def _listed(technology: Technology, macros: MacroList | None, what: str) -> MacroList:
    listed = macros or technology.macros
    if listed is None:
        raise ModelError(
            f"{what} needs a list of macros, and {technology.name} has none: name your memory "
            "compiler's in sram.lists (CSV or Liberty)"
        )
    return listed
