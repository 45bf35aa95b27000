"""Where the values of a bit-sliced simulator lie.

P   vectors, one bit of every stimulus each: registers, memories, values between sections
S   limbs of the part that is the same for all stimuli (`StateLayout` of the word-level code)
M   a limb of zeros or ones per bit that the gates read from that part
A   first element in P of the word each read port of a private memory sees
"""

from __future__ import annotations

from dataclasses import dataclass, field

from asicbnn.simulation.backends.gate_level.gate_netlist import READ, SOURCE, ZERO, GateNetlist
from asicbnn.simulation.backends.gate_level.gate_plan import Span
from asicbnn.simulation.backends.netlist import Wire
from asicbnn.simulation.backends.state_layout import LIMB_BITS, limbs_of


@dataclass(frozen=True)
class PrivateSlot:
    """``words`` times ``bits`` vectors of P from ``offset`` on."""

    offset: int
    bits: int
    words: int = 1


@dataclass(eq=False)
class Export:
    """A uniform wire the gates read: the word-level code copies it as if into a register.

    mask  its first limb in M, None if only its number is read
    """

    name: str
    bitwidth: int
    wire: Wire
    mask: int | None = None


@dataclass
class GateLayout:
    """Places of everything, grown while the code is planned; flags are those of `ChangeFlags`."""

    registers: dict[str, PrivateSlot] = field(default_factory=dict)
    memories: dict[int, PrivateSlot] = field(default_factory=dict)
    exports: dict[Wire, Export] = field(default_factory=dict)
    groups: dict[int, int] = field(default_factory=dict)
    reads: dict[int, int] = field(default_factory=dict)
    vectors: int = 0
    masks: int = 0
    flags: int = 0

    def reserve(self, count: int) -> int:
        """Reserve vectors and return the first.

        An odd distance between rows keeps a loop that walks through many of them, all at the same
        bit, from using few sets of the cache.
        """
        first = self.vectors
        self.vectors += count | 1
        return first

    def export(self, wire: Wire, *, as_masks: bool) -> Export:
        """Have a uniform wire handed over, as a number or bit by bit."""
        made = self.exports.setdefault(
            wire, Export(f"export {len(self.exports)}", wire.bitwidth, wire)
        )
        if as_masks and made.mask is None:
            made.mask = self.masks
            self.masks += LIMB_BITS * limbs_of(wire.bitwidth)
        return made

    def place(self, netlist: GateNetlist, span: Span, index: str = "k") -> str:
        """C expression of a stored signal, element ``index`` of a span with a step."""
        if span.first <= 1:
            return "(V){0}" if span.first == ZERO else "~(V){0}"
        origin = netlist.origins[span.first]
        inside = span.first - origin
        moving = f" + {index}" if span.step else ""
        kind = netlist.kinds[span.first]
        if kind == READ:
            return f"P[A[{self.reads[origin]}] + {inside}{moving}]"
        if kind == SOURCE:
            wire = netlist.sources[origin]
            if wire in self.exports and (mask := self.exports[wire].mask) is not None:
                return f"all(M[{mask + inside}{moving}])"
            return f"P[{self.registers[wire.name].offset + inside}{moving}]"
        return f"P[{self.groups[origin] + inside}{moving}]"
