"""Where the toggle build keeps sixteen consecutive cycles of every wire: a *column* each.

A wire of at most 32 bits is a vector of 16 C integers (of at most 8 bits: of bytes), so that one
vector operation evaluates a net in 16 cycles; a wider one has its limbs cycle by cycle.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from asicbnn.simulation.backends.netlist import Wire
from asicbnn.simulation.backends.state_layout import LIMB_BITS, stride_of

CYCLES = 16
BYTE_BITS = 8
HALF_BITS = 32
ALIGNMENT = 64  # bytes of a vector
_LIMB_BYTES = 8


def limbs_per_cycle(bits: int) -> int:
    """Limbs from one cycle of a wire of more than 32 bits to the next."""
    return 1 if bits <= LIMB_BITS else stride_of(bits)


def bytes_per_cycle(bits: int) -> int:
    """Bytes from one cycle of a wire to the next."""
    if bits <= BYTE_BITS:
        return 1
    return 4 if bits <= HALF_BITS else _LIMB_BYTES * limbs_per_cycle(bits)


@dataclass(frozen=True, eq=False)
class Columns:
    """Columns of wires, tiny ones first.

    tiny    of at most 8 bits      narrow  of at most 32 bits, one vector each      wide  the others
    first_narrow  first byte of the narrow wires
    offsets first byte of each wire's column, by identity; a wide one's cycle before is in front
    """

    tiny: tuple[Wire, ...]
    narrow: tuple[Wire, ...]
    wide: tuple[Wire, ...]
    first_narrow: int
    offsets: dict[int, int]
    total_bytes: int


def lay_out(wires: Iterable[Wire]) -> Columns:
    """Give each wire a column."""
    wires = list(wires)
    tiny = tuple(wire for wire in wires if wire.bitwidth <= BYTE_BITS)
    narrow = tuple(wire for wire in wires if BYTE_BITS < wire.bitwidth <= HALF_BITS)
    wide = tuple(wire for wire in wires if wire.bitwidth > HALF_BITS)
    offsets: dict[int, int] = {}
    position = ALIGNMENT  # what lies one cycle before the first column is read, and not used
    for wire in tiny:
        offsets[id(wire)] = position
        position += CYCLES
    position = first_narrow = _aligned(position)
    for wire in (*narrow, *wide):
        if wire.bitwidth > HALF_BITS:  # the cycle before stands in front
            position += _aligned(bytes_per_cycle(wire.bitwidth))
        offsets[id(wire)] = position
        position += CYCLES * bytes_per_cycle(wire.bitwidth)
    return Columns(tiny, narrow, wide, first_narrow, offsets, position)


def _aligned(count: int) -> int:
    return -(-count // ALIGNMENT) * ALIGNMENT
