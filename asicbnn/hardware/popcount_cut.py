"""Where registers cut a popcount: stages whose longest is as short as it can be.

Delays are those of gates counted in no technology: a full adder takes four units to its sum and
three to its carry, a half adder three and two, a product (XNOR and mask) four.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache

from asicbnn.hardware.counters import Counters, counters

_DELAYS = {3: (4, 3), 2: (3, 2)}
"""Of an adder of three or two bits, to its sum and to its carry."""
_PRODUCT_DELAY = 4


@dataclass(frozen=True)
class PopcountCut:
    """Adders of a popcount in their stages, 0 the first.

    registers  there are so many between operands and count: the last stage's number
    adders     stage of each adder         bits    stage that each bit is made in, lanes first
    longest    longest stage, products among them      whole   without registers, alike
    flops      registers inside the popcount of one PE [bit]
    """

    registers: int
    adders: tuple[int, ...]
    bits: tuple[int, ...]
    longest: int
    whole: int
    flops: int


@lru_cache(maxsize=512)
def popcount_cut(structure: str, lanes: int, registers: int) -> PopcountCut:
    """Cut a popcount at `registers` places into stages, the longest as short as possible.

    Every adder stands in the first stage it fits in. Since none gives more bits than it takes,
    no other choice of equally short stages has fewer registers.
    """
    known = counters(structure, lanes)
    whole = _Placed(known, limit=None)
    limits = range(_PRODUCT_DELAY, whole.longest + 1)
    shortest = bisect_left(
        limits, True, key=lambda limit: _Placed(known, limit).last <= registers
    )  # a longer limit never takes more stages
    placed = _Placed(known, limits[shortest])
    return PopcountCut(
        registers, tuple(placed.adders), tuple(stage for stage, _ in placed.bits),
        placed.longest, whole.longest, placed.flops(registers),
    )  # fmt: skip


class _Placed:
    """Adders one after the other, each in the first stage where it ends within a limit.

    adders  stage of each           bits  stage each bit is made in, and when
    """

    def __init__(self, known: Counters, limit: int | None) -> None:
        self.known = known
        self.adders: list[int] = []
        self.bits = [(0, _PRODUCT_DELAY)] * known.lanes
        for addends in known.adders:
            total, carry = _DELAYS[len(addends)]
            stage, start = max(self.bits[bit] for bit in addends)
            if limit is not None and start + total > limit:
                stage, start = stage + 1, 0
            self.adders.append(stage)
            self.bits += [(stage, start + total), (stage, start + carry)]

    @property
    def last(self) -> int:
        return max(stage for stage, _ in self.bits)

    @property
    def longest(self) -> int:
        return max(at for _, at in self.bits)

    def flops(self, registers: int) -> int:
        """Registers that bits pass from where they are made to where they are read."""
        read = zip(self.adders, self.known.adders, strict=True)
        waits = [stage - self.bits[bit][0] for stage, addends in read for bit in addends]
        waits += [registers - self.bits[bit][0] for bit in self.known.planes]
        return sum(waits)


__all__ = ["PopcountCut", "popcount_cut"]
