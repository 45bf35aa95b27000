"""The price list of one memory, whatever it is built of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from asicbnn.technology.cells import Cells

Kind = Literal["sram", "latch", "register"]
Ports = Literal["1rw", "1r1w"]
WriteMask = Literal["none", "byte", "bit"]
Level = Literal["fit", "scaled", "cells"]


@dataclass(frozen=True, slots=True)
class Macros:
    """``count`` SRAM macros of ``words`` x ``word_bits`` that make up a memory."""

    count: int
    words: int
    word_bits: int


@dataclass(frozen=True, slots=True)
class Memory:
    """What one memory costs. One access is one strobe of one port, whatever its write mask.

    words, word_bits         : what was asked for;  capacity is their product
    area_um2                 : everything inside, `cells` included
    read_energy_fj, write_energy_fj : per access, at random data
    clock_energy_fj_per_cycle: what the ungated clock costs in every cycle, accessed or not
    leakage_nw               : of all macros and cells
    access_ps                : from the clock edge to the data: no cycle may be shorter
    cells                    : of a latch or register memory (already in the figures); None: SRAM
    macros                   : of an SRAM, all of one size;  None: built of cells
    level                    : "fit" to real macros, "scaled" from another technology's fit,
                               or counted "cells"
    *_error                  : relative error; 1.0 stands for a factor of two either way
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
    cells: Cells | None
    macros: Macros | None
    level: Level
    area_error: float
    energy_error: float
    access_error: float
    flags: tuple[str, ...]

    @property
    def capacity_bits(self) -> int:
        """Bits a program can store."""
        return self.words * self.word_bits

    @property
    def relative_error(self) -> float:
        """The larger of the relative errors of area and energy."""
        return max(self.area_error, self.energy_error)
