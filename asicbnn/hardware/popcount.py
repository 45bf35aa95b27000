"""Full and half adders, and the two structures that count the ones of a PE's products.

Both work on `planes`: one wire carries the same bit of every PE, so P adders of one position are
one P-bit wire. Which bits meet is said in `counters`, where registers cut them in `popcount_cut`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyrtl import Const, WireVector

from asicbnn.hardware.component import Gates
from asicbnn.hardware.counters import counters, rippled
from asicbnn.hardware.declarations import Adder, declarations
from asicbnn.hardware.popcount_cut import PopcountCut, popcount_cut


def full_adder(a: WireVector, b: WireVector, c: WireVector) -> tuple[WireVector, WireVector]:
    """Sum and carry of three bits: 2 XOR, 2 AND, 1 OR per bit."""
    half, generated = a ^ b, a & b
    propagated = half & c
    total, carry = half ^ c, generated | propagated
    inner = (half, generated, propagated)
    declarations().adders.append(Adder("full_adder", (a, b, c), total, carry, inner))
    return total, carry


def half_adder(a: WireVector, b: WireVector) -> tuple[WireVector, WireVector]:
    """Sum and carry of two bits: 1 XOR, 1 AND per bit."""
    total, carry = a ^ b, a & b
    declarations().adders.append(Adder("half_adder", (a, b), total, carry, ()))
    return total, carry


def ripple(a: Sequence[WireVector], b: Sequence[WireVector], planes: int) -> list[WireVector]:
    """Sum of two numbers given as planes, least significant first, cut to `planes` planes."""
    return rippled(a, b, planes, _added)


def _added(addends: Sequence[WireVector]) -> tuple[WireVector, WireVector]:
    return full_adder(*addends) if len(addends) == 3 else half_adder(*addends)


@dataclass(frozen=True)
class Popcount:
    """Count the ones of `lanes` planes: one plane per lane in, bit planes of the count out.

    lanes      planes counted, >= 1
    structure  sliced (3:2 counter tree) or tree (binary tree of ripple adders)
    stages     registers every bit passes on its way (`popcount_cut`); combinational without

    A column of n planes takes (n-1)//2 full adders, a half adder if n is even, and hands n//2
    carries on; so a counter tree has N - floor(log2 N) - 1 full adders.
    """

    lanes: int
    structure: str = "sliced"
    stages: int = 0

    @property
    def planes(self) -> int:
        """Bit planes of the count."""
        return self.lanes.bit_length()

    def reference(self, word: int) -> int:
        return word.bit_count()

    @property
    def cut(self) -> PopcountCut:
        """Stage of each adder and bit."""
        return popcount_cut(self.structure, self.lanes, self.stages)

    def hardware(self, lanes: Sequence[WireVector]) -> list[WireVector]:
        """Planes of the count, `stages` cycles later."""
        from asicbnn.hardware.wires import delayed

        known, cut = counters(self.structure, self.lanes), self.cut
        wires = list(lanes)
        for stage, addends in zip(cut.adders, known.adders, strict=True):
            wires += _added([delayed(wires[bit], stage - cut.bits[bit]) for bit in addends])
        return [delayed(wires[bit], self.stages - cut.bits[bit]) for bit in known.planes]

    def gates(self) -> Gates:
        """Adders per PE: each plane wire carries one bit of each PE."""
        if self.structure == "sliced":
            return self._counter_tree_gates()
        return self._adder_tree_gates()

    def register_gates(self) -> Gates:
        """Registers inside, per PE."""
        return Gates(flop=self.cut.flops) if self.stages else Gates()

    def _counter_tree_gates(self) -> Gates:
        gates, column = Gates(), self.lanes
        while column > 1:
            gates += Gates(full_adder=(column - 1) // 2, half_adder=1 - column % 2)
            column //= 2
        return gates

    def _adder_tree_gates(self) -> Gates:
        half = full = 0
        terms = [1] * self.lanes
        while len(terms) > 1:
            widths = []
            for i in range(0, len(terms) - 1, 2):
                long, short = max(terms[i : i + 2]), min(terms[i : i + 2])
                half += 1 + long - short
                full += short - 1
                widths.append(long + 1)
            terms = widths + ([terms[-1]] if len(terms) % 2 else [])
        return Gates(half_adder=half, full_adder=full)


def shifted(
    planes: Sequence[WireVector], amount: WireVector, largest: int, width: int
) -> list[WireVector]:
    """The number times 2**amount, as at most `width` planes; `amount` up to `largest`."""
    from asicbnn.hardware.wires import one_of, spread

    if largest == 0:
        return list(planes[:width])
    bits = len(planes[0])
    hot = [spread(amount == Const(i, len(amount)), bits) for i in range(largest + 1)]
    out = []
    for position in range(min(width, len(planes) + largest)):
        terms = [
            (hot[s], planes[position - s])
            for s in range(largest + 1)
            if 0 <= position - s < len(planes)
        ]
        out.append(one_of(terms))
    return out


def at_least(a: Sequence[WireVector], b: Sequence[WireVector]) -> WireVector:
    """A >= b per bit position of the planes (carry out of a + ~b + 1); equally many planes."""
    from asicbnn.hardware.wires import constant

    bits = len(a[0])
    carry = constant((1 << bits) - 1, bits)
    for x, y in zip(a, b, strict=True):
        inverted = ~y
        carry = (x & inverted) | ((x ^ inverted) & carry)
    return carry
