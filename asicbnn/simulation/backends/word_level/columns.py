"""Where the toggle build keeps sixteen consecutive cycles of every wire: in *columns*.

A wire of at most 32 bits is a vector of 16 C integers (of at most 8 bits: of bytes), so that one
vector operation evaluates a net in 16 cycles. A wider one has a column of 16 limbs for each 64 of
its bits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from asicbnn.simulation.backends.netlist import Wire
from asicbnn.simulation.backends.state_layout import LIMB_BITS, limbs_of

CYCLES = 16
BYTE_BITS = 8
HALF_BITS = 32
ALIGNMENT = 64  # bytes of a vector
LIMB_COLUMN = CYCLES * LIMB_BITS // 8  # bytes
LIMB_GROUP = 4
"""Columns of limbs that are tallied together; their number is rounded up to it."""


def bytes_per_cycle(bits: int) -> int:
    """Bytes from one cycle of a column to the next, in every column of such a wire."""
    if bits <= BYTE_BITS:
        return 1
    return 4 if bits <= HALF_BITS else LIMB_BITS // 8


def columns_of(bits: int) -> int:
    """Columns of one wire, one behind the other."""
    return limbs_of(bits)


@dataclass(frozen=True, eq=False)
class Columns:
    """Columns of wires, tiny ones first.

    tiny    of at most 8 bits      narrow  of at most 32 bits, one vector each      wide  the others
    first_narrow, first_wide  first byte of the narrow wires, of the wide ones
    offsets first byte of each wire's columns, by identity
    copies  wires that share the columns of another, which is among the tiny, narrow or wide
    """

    tiny: tuple[Wire, ...]
    narrow: tuple[Wire, ...]
    wide: tuple[Wire, ...]
    first_narrow: int
    first_wide: int
    offsets: dict[int, int]
    copies: tuple[tuple[Wire, Wire], ...]
    total_bytes: int

    @property
    def limb_groups(self) -> int:
        """Groups of `LIMB_GROUP` columns that hold the wide wires."""
        return (self.total_bytes - self.first_wide) // (LIMB_GROUP * LIMB_COLUMN)


def lay_out(wires: Iterable[Wire], copies: Mapping[Wire, Wire]) -> Columns:
    """Give each wire its columns; a copy those of the wire it is mapped to."""
    wires = list(wires)
    tiny = tuple(wire for wire in wires if wire.bitwidth <= BYTE_BITS)
    narrow = tuple(wire for wire in wires if BYTE_BITS < wire.bitwidth <= HALF_BITS)
    wide = tuple(wire for wire in wires if wire.bitwidth > HALF_BITS)
    offsets: dict[int, int] = {}
    position = ALIGNMENT  # what lies one cycle before the first column is read, and not used
    for wire in tiny:
        offsets[id(wire)] = position
        position += CYCLES
    first_narrow = position = _aligned(position, ALIGNMENT)
    for wire in narrow:
        offsets[id(wire)] = position
        position += CYCLES * bytes_per_cycle(wire.bitwidth)
    first_wide = position
    for wire in wide:
        offsets[id(wire)] = position
        position += LIMB_COLUMN * columns_of(wire.bitwidth)
    groups = _aligned(position - first_wide, LIMB_GROUP * LIMB_COLUMN)
    offsets |= {id(copy): offsets[id(original)] for copy, original in copies.items()}
    total = first_wide + groups
    shared = tuple(copies.items())
    return Columns(tiny, narrow, wide, first_narrow, first_wide, offsets, shared, total)


def _aligned(count: int, unit: int) -> int:
    return -(-count // unit) * unit
