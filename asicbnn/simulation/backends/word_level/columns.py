"""Where the toggle build keeps sixteen consecutive cycles of every wire: in *columns*.

A wire of at most 32 bits is a vector of 16 C integers (of at most 8 bits: of bytes), so that one
vector operation evaluates a net in 16 cycles. A wider one has a column of 16 limbs for each 64 of
its bits. Wires come in clusters, whose columns of each kind lie side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from asicbnn.simulation.backends.netlist import Wire
from asicbnn.simulation.backends.state_layout import LIMB_BITS, limbs_of

CYCLES = 16
BYTE_BITS = 8
HALF_BITS = 32
ALIGNMENT = 64  # bytes of a vector
LIMB_COLUMN = CYCLES * LIMB_BITS // 8  # bytes
TINY_GROUP = ALIGNMENT // CYCLES
"""Columns of bytes in one vector."""
LIMB_GROUP = 4
"""Columns of limbs that are tallied together."""


def bytes_per_cycle(bits: int) -> int:
    """Bytes from one cycle of a column to the next, in every column of such a wire."""
    if bits <= BYTE_BITS:
        return 1
    return 4 if bits <= HALF_BITS else LIMB_BITS // 8


def columns_of(bits: int) -> int:
    """Columns of one wire, one behind the other."""
    return limbs_of(bits)


class Span(NamedTuple):
    """First and end of a cluster's groups of columns: of bytes, of halves (one each), of limbs."""

    tiny: int
    tiny_end: int
    narrow: int
    narrow_end: int
    limbs: int
    limbs_end: int


@dataclass(frozen=True, eq=False)
class Columns:
    """Columns of wires: of bytes first, then of halves, then of limbs.

    wires    all that have columns of their own
    offsets  first byte of each wire's columns, by identity
    copies   wires that share the columns of another, which is among the wires
    spans    one per cluster
    first_narrow, first_wide  first byte of the columns of halves, of limbs
    """

    wires: tuple[Wire, ...]
    offsets: dict[int, int]
    copies: tuple[tuple[Wire, Wire], ...]
    spans: tuple[Span, ...]
    first_narrow: int
    first_wide: int
    total_bytes: int

    @property
    def tiny_groups(self) -> int:
        """Vectors of columns of bytes."""
        return self.spans[-1].tiny_end

    @property
    def narrow(self) -> int:
        """Columns of halves."""
        return self.spans[-1].narrow_end

    @property
    def limb_groups(self) -> int:
        """Groups of `LIMB_GROUP` columns of limbs."""
        return self.spans[-1].limbs_end

    def column(self, wire: Wire) -> int:
        """Return which column of its kind is a wire's first."""
        offset, size = self.offsets[id(wire)], bytes_per_cycle(wire.bitwidth)
        first = {1: ALIGNMENT, 4: self.first_narrow, 8: self.first_wide}[size]
        return (offset - first) // (CYCLES * size)


def lay_out(clusters: Sequence[Iterable[Wire]], copies: Mapping[Wire, Wire]) -> Columns:
    """Give each wire its columns; a copy those of the wire it is mapped to."""
    ends = {1: 0, 4: 0, 8: 0}  # columns so far, by bytes per cycle
    places: list[tuple[Wire, int]] = []
    spans = []
    for cluster in clusters:
        before = _groups(ends)
        for wire in cluster:
            size = bytes_per_cycle(wire.bitwidth)
            places.append((wire, ends[size]))
            ends[size] += columns_of(wire.bitwidth)
        ends[1] = _aligned(ends[1], TINY_GROUP)
        ends[8] = _aligned(ends[8], LIMB_GROUP)
        spans.append(Span(*(x for pair in zip(before, _groups(ends), strict=True) for x in pair)))
    # what lies one cycle before the first column is read, and not used
    first_narrow = ALIGNMENT + CYCLES * ends[1]
    first_wide = first_narrow + 4 * CYCLES * ends[4]
    first = {1: ALIGNMENT, 4: first_narrow, 8: first_wide}
    offsets = {}
    for wire, column in places:
        size = bytes_per_cycle(wire.bitwidth)
        offsets[id(wire)] = first[size] + CYCLES * size * column
    offsets |= {id(copy): offsets[id(original)] for copy, original in copies.items()}
    total = first_wide + LIMB_COLUMN * ends[8]
    wires = tuple(wire for wire, _ in places)
    shared = tuple(copies.items())
    return Columns(wires, offsets, shared, tuple(spans), first_narrow, first_wide, total)


def input_groups(columns: Columns) -> Iterator[tuple[Wire, range]]:
    """Yield the wires of the first cluster and their groups, numbered through the three kinds."""
    span = columns.spans[0]
    first = {1: 0, 4: span.tiny_end, 8: span.tiny_end + span.narrow_end}
    in_group = {1: TINY_GROUP, 4: 1, 8: LIMB_GROUP}
    for wire in columns.wires:
        size, column = bytes_per_cycle(wire.bitwidth), columns.column(wire)
        last = column + columns_of(wire.bitwidth) - 1
        groups = range(column // in_group[size], last // in_group[size] + 1)
        yield wire, range(first[size] + groups.start, first[size] + groups.stop)


def _groups(ends: Mapping[int, int]) -> tuple[int, int, int]:
    return ends[1] // TINY_GROUP, ends[4], ends[8] // LIMB_GROUP


def _aligned(count: int, unit: int) -> int:
    return -(-count // unit) * unit
