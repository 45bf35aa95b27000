"""What the toggle build writes down in every cycle, and which net's bits lie where in it.

A *row* holds one cycle: the registers and the results of logic and memories. Wiring is not written
down: a bit of a selection, a concatenation or an inverter toggles whenever its origin does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyrtl
from numpy.typing import NDArray

from asicbnn.simulation.backends.netlist import Net, Wire, all_nets
from asicbnn.simulation.backends.state_layout import LIMB_BITS, stride_of

ROW_ALIGNMENT = 64  # bytes; rows are counted in vectors of this size
_BYTE_BITS = 8
_NARROW_BYTES = (8, 4, 2, 1)  # largest first, so that each lies at a multiple of its size
_WIRING = "wcs~"


@dataclass(frozen=True)
class Record:
    """Layout of a row.

    offsets    first byte of each recorded wire, little endian
    row_bytes  a multiple of ROW_ALIGNMENT
    """

    offsets: dict[Wire, int]
    row_bytes: int

    @property
    def row_bits(self) -> int:
        return self.row_bytes * _BYTE_BITS


def bytes_of(bits: int) -> int:
    """Bytes a row keeps for a wire: the smallest C integer, or limbs as the state has them."""
    if bits > LIMB_BITS:
        return stride_of(bits) * LIMB_BITS // _BYTE_BITS
    return next(size for size in reversed(_NARROW_BYTES) if bits <= size * _BYTE_BITS)


def is_recorded(net: Net) -> bool:
    """Whether a net's result is a wire of its own, not a bit-by-bit image of others."""
    return net.op not in _WIRING


def lay_out(registers: Iterable[Wire], nets: Iterable[Net]) -> Record:
    """Place registers and recorded results, in this order, wide ones first."""
    wires = [*registers, *(net.dests[0] for net in nets if is_recorded(net))]
    offsets: dict[Wire, int] = {}
    position = 0
    wide = [wire for wire in wires if wire.bitwidth > LIMB_BITS]
    narrow = [wire for wire in wires if wire.bitwidth <= LIMB_BITS]
    ordered = [wide, *([w for w in narrow if bytes_of(w.bitwidth) == n] for n in _NARROW_BYTES)]
    for group in ordered:
        for wire in group:
            offsets[wire] = position
            position += bytes_of(wire.bitwidth)
    return Record(offsets, -(-position // ROW_ALIGNMENT) * ROW_ALIGNMENT)


@dataclass(frozen=True, eq=False)
class Origins:
    """Where in a row the bits of every wire come from.

    names  wires of the block without constants, in order
    bits   positions in a row, wire by wire; constant bits are left out
    ends   where each wire's bits end
    """

    names: tuple[str, ...]
    bits: NDArray[np.int64]
    ends: NDArray[np.int64]

    def per_wire(self, counts: NDArray[np.int64]) -> dict[str, int]:
        """Add up per-bit counts (of a row) wire by wire."""
        sums = np.concatenate([[0], np.cumsum(counts[self.bits])])
        totals = np.diff(sums[np.concatenate([[0], self.ends])])
        return dict(zip(self.names, totals.tolist(), strict=True))


def origins(block: Any, record: Record) -> Origins:
    """Trace the bits of every wire of a block back to the row."""
    found: dict[Wire, NDArray[np.int64]] = {
        wire: np.arange(wire.bitwidth, dtype=np.int64) + _BYTE_BITS * offset
        for wire, offset in record.offsets.items()
    }
    for net in all_nets(block):
        if not is_recorded(net):
            found[net.dests[0]] = _through(net, [_bits(found, wire) for wire in net.args])
    pieces = [(wire.name, bits[bits >= 0]) for wire, bits in _named(found)]
    lengths = [len(bits) for _, bits in pieces]
    return Origins(
        tuple(name for name, _ in pieces),
        np.concatenate([bits for _, bits in pieces]) if pieces else np.zeros(0, np.int64),
        np.cumsum(lengths, dtype=np.int64),
    )


def _named(found: dict[Wire, NDArray[np.int64]]) -> Iterator[tuple[Wire, NDArray[np.int64]]]:
    yield from sorted(found.items(), key=lambda item: item[0].name)


def _bits(found: dict[Wire, NDArray[np.int64]], wire: Wire) -> NDArray[np.int64]:
    if isinstance(wire, pyrtl.Const):
        return np.full(wire.bitwidth, -1, np.int64)
    return found[wire]


def _through(net: Net, args: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Follow a net of wiring: the origin of each bit of its result, -1 if it never changes."""
    if net.op == "s":
        laid = args[0][list(net.op_param)]
    elif net.op == "c":
        laid = np.concatenate(args[::-1])
    else:
        laid = args[0]
    bits = net.dests[0].bitwidth
    if len(laid) >= bits:
        return laid[:bits]
    return np.pad(laid, (0, bits - len(laid)), constant_values=-1)
