"""Where an SRAM begins to pay: the depth from which it is no larger, or no hungrier, than latches.

Below the range of the fit the smallest macro that holds the words is compared, as a designer
would have to take it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from asicbnn.technology.compiled_memory import Memory, Ports
from asicbnn.technology.library import Technology
from asicbnn.technology.memories import memory
from asicbnn.technology.sram_fit import covering_size

_DEEPEST = 1024
CellKind = Literal["latch", "register"]
Measure = Literal["area_um2", "read_energy_fj", "leakage_nw"]
MEASURES: tuple[Measure, ...] = ("area_um2", "read_energy_fj", "leakage_nw")


def smallest_sram(
    technology: Technology, words: int, word_bits: int, ports: Ports = "1rw"
) -> Memory:
    """Return the smallest SRAM within the range of the fit that holds a memory."""
    return memory(technology, "sram", *covering_size(technology, words, word_bits, ports), ports)


def break_even_words(
    technology: Technology,
    word_bits: int,
    ports: Ports = "1rw",
    kind: CellKind = "latch",
    measure: Measure = "area_um2",
) -> int | None:
    """Return the fewest words at which an SRAM costs no more than a memory of latches (registers).

    None if the cells stay cheaper up to 1024 words.
    """
    for words in range(1, _DEEPEST + 1):
        cells = memory(technology, kind, words, word_bits, ports)
        macro = smallest_sram(technology, words, word_bits, ports)
        if getattr(macro, measure) <= getattr(cells, measure):
            return words
    return None


@dataclass(frozen=True, slots=True)
class BreakEven:
    """Fewest words at which an SRAM of a width costs no more than latches, by measure."""

    word_bits: int
    words: dict[Measure, int | None]


def break_even_table(
    technology: Technology,
    widths: tuple[int, ...] = (8, 16, 32, 64, 128),
    ports: Ports = "1rw",
    kind: CellKind = "latch",
) -> tuple[BreakEven, ...]:
    """Return the break-even of a few widths."""
    return tuple(
        BreakEven(
            bits,
            {
                measure: break_even_words(technology, bits, ports, kind, measure)
                for measure in MEASURES
            },
        )
        for bits in widths
    )


__all__ = ["MEASURES", "BreakEven", "break_even_table", "break_even_words", "smallest_sram"]
