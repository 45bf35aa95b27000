"""Memory macros that exist: what each is and costs, and the lists of them a compiler offers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from asicbnn.technology.compiled_memory import Ports, WriteMask

MacroPorts = Literal["1rw", "1r1w", "1rw1r", "2rw", "rom"]
_SERVES: dict[Ports, tuple[MacroPorts, ...]] = {
    "1rw": ("1rw", "1rw1r", "2rw"),
    "1r1w": ("1r1w", "1rw1r", "2rw"),
}


@dataclass(frozen=True, slots=True)
class SramMacro:
    """One macro. A figure nobody states is None.

    words, word_bits    : depth and width
    ports               : as built; a port of a macro may stay unused
    area_um2            : outline of the cell, no halo
    read_energy_fj, write_energy_fj : per access of a port
    leakage_nw          : idle, clock stopped
    access_ps           : clock edge to data
    minimum_cycle_ps    : shortest clock period
    column_mux, banks   : words in a row of the array; arrays inside the macro
    read_latency_cycles : 1 if the word is there before the next edge
    write_mask          : the smallest part of a word written on its own
    is_synthetic        : an abstract or a formula, no layout
    voltage_v           : at which the figures hold
    """

    name: str
    words: int
    word_bits: int
    ports: MacroPorts
    area_um2: float
    read_energy_fj: float | None = None
    write_energy_fj: float | None = None
    leakage_nw: float | None = None
    access_ps: float | None = None
    minimum_cycle_ps: float | None = None
    column_mux: int | None = None
    banks: int | None = None
    read_latency_cycles: int = 1
    write_mask: WriteMask = "none"
    is_synthetic: bool = False
    voltage_v: float | None = None

    @property
    def unknown(self) -> tuple[str, ...]:
        """The figures a price list needs and this macro has not."""
        needed = ["read_energy_fj", "leakage_nw", "access_ps"]
        if self.ports != "rom":
            needed.insert(1, "write_energy_fj")
        return tuple(name for name in needed if getattr(self, name) is None)

    def serves(self, ports: Ports, write_mask: WriteMask) -> bool:
        """Return whether it can be read and written as asked."""
        masks = get_args(WriteMask)
        return self.ports in _SERVES[ports] and masks.index(self.write_mask) >= masks.index(
            write_mask
        )


@dataclass(frozen=True, eq=False)
class MacroList:
    """The macros of a technology or of a user's compiler.

    Two lists are equal when they were read from the same bytes (``digest``).
    """

    name: str
    digest: str
    macros: tuple[SramMacro, ...] = field(repr=False)
    sources: tuple[str, ...] = field(default=(), repr=False)

    @property
    def has_roms(self) -> bool:
        """Whether any of them is a ROM."""
        return any(macro.ports == "rom" for macro in self.macros)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MacroList) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)
