"""The price list of one memory, whatever it is built of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from asicbnn.technology.cells import Cells

Kind = Literal["sram", "latch", "register", "rom"]
Ports = Literal["1rw", "1r1w"]
WriteMask = Literal["none", "byte", "bit"]
Pricing = Literal["fit", "exact"]
Level = Literal["fit", "scaled", "cells", "gates", "macros"]


@dataclass(frozen=True, slots=True)
class MacroUse:
    """One kind of macro a memory is made of.

    count                 : instances, all banks together
    banks                 : how many of them lie above each other; one bank is accessed at a time
    column_mux            : words in a row of the macro's array; None if nobody says
    read_latency_cycles   : from the edge that takes the address to the edge that takes the word
    minimum_cycle_ps      : no clock may be faster; None if nobody says more than the access time
    is_synthetic          : True if it is a formula or a placeholder and no layout
    """

    name: str
    count: int
    words: int
    word_bits: int
    banks: int
    column_mux: int | None
    read_latency_cycles: int
    minimum_cycle_ps: float | None
    is_synthetic: bool

    @property
    def capacity_bits(self) -> int:
        """Bits all instances hold."""
        return self.count * self.words * self.word_bits


@dataclass(frozen=True, slots=True)
class Memory:
    """What one memory costs. One access is one strobe of one port, whatever its write mask.

    words, word_bits         : what was asked for;  capacity is their product
    area_um2                 : everything inside, `cells` included
    read_energy_fj, write_energy_fj : per access, at random data
    clock_energy_fj_per_cycle: what the ungated clock costs in every cycle, accessed or not
    leakage_nw               : of all macros and cells
    access_ps                : from the clock edge to the data
    minimum_cycle_ps         : no cycle may be shorter; never below the access time
    cells                    : of a latch or register memory (already in the figures); None: SRAM
    macros                   : what an SRAM or ROM is made of;  empty: built of cells
    level                    : "macros" that exist, a "fit" to such, "scaled" from another
                               technology's fit, counted "cells", or those times factors to "gates"
    *_error                  : relative error, read_error that of the energy of a read; 1.0 stands
                               for a factor of two either way
    flags                    : what a report has to say about these figures
    """

    kind: Kind
    words: int
    word_bits: int
    ports: Ports
    write_mask: WriteMask
    area_um2: float
    read_energy_fj: float
    write_energy_fj: float
    clock_energy_fj_per_cycle: float
    leakage_nw: float
    access_ps: float
    minimum_cycle_ps: float
    cells: Cells | None
    macros: tuple[MacroUse, ...]
    level: Level
    area_error: float
    energy_error: float
    access_error: float
    read_error: float
    flags: tuple[str, ...]

    @property
    def capacity_bits(self) -> int:
        """Bits a program can store."""
        return self.words * self.word_bits

    @property
    def relative_error(self) -> float:
        """The larger of the relative errors of area and energy."""
        return max(self.area_error, self.energy_error)
