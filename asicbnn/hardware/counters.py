"""The adders of a popcount by number, in the order they are built: before there is a wire.

`sliced` is a 3:2 counter tree; `tree` a binary tree of ripple-carry adders.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count
from typing import TypeVar

_SUM_DELAY, _CARRY_DELAY = 4, 3
"""Of an adder, relative: carries of sky130hd, asap7 and the composed adder are ready earlier."""

Bit = TypeVar("Bit")


@dataclass(frozen=True)
class Counters:
    """Full and half adders that count the ones of some lanes.

    Bits are numbers: the lanes first, then sum and carry of each adder in turn. No bit is read
    twice.

    lanes   bits counted
    adders  the three or two bits that each of them adds; what it reads was made before
    planes  bits of the count, least significant first
    """

    lanes: int
    adders: tuple[tuple[int, ...], ...]
    planes: tuple[int, ...]


@lru_cache(maxsize=256)
def counters(structure: str, lanes: int) -> Counters:
    """Adders of a popcount: `structure` is sliced or tree, `lanes` >= 1."""
    adding = _Adding(lanes)
    planes = adding.counter_tree() if structure == "sliced" else adding.adder_tree()
    return Counters(lanes, tuple(adding.adders), tuple(planes))


def rippled(
    a: Sequence[Bit],
    b: Sequence[Bit],
    planes: int,
    added: Callable[[Sequence[Bit]], tuple[Bit, Bit]],
) -> list[Bit]:
    """Sum of two numbers given as bits, least significant first, cut to `planes` of them.

    added  sum and carry of two or three bits
    """
    total: list[Bit] = []
    carry: Bit | None = None
    for position in range(planes):
        addends = [x[position] for x in (a, b) if position < len(x)]
        if carry is not None:
            addends.append(carry)
        carry = None
        if len(addends) > 1:
            bit, carry = added(addends)
        elif addends:
            bit = addends[0]
        else:
            break
        total.append(bit)
    return total


@dataclass
class _Adding:
    """Adders made so far."""

    lanes: int
    adders: list[tuple[int, ...]] = field(default_factory=list)

    def added(self, addends: Sequence[int]) -> tuple[int, int]:
        total = self.lanes + 2 * len(self.adders)
        self.adders.append(tuple(addends))
        return total, total + 1

    def counter_tree(self) -> list[int]:
        """Each adder takes the bits of its column that arrive first, the last of them as carry in.

        The tree is then as deep as it must be, and bits that meet have arrived together: what
        arrives apart makes an adder switch for nothing.
        """
        order = count()
        column = [(0, next(order), lane) for lane in range(self.lanes)]  # as they arrive
        total = []
        while column:
            carries: list[tuple[int, int, int]] = []
            while len(column) > 1:
                addends, column = column[:3], column[3:]
                last, _, _ = addends[-1]
                bit, carry = self.added([bit for _, _, bit in addends])
                insort(column, (last + _SUM_DELAY, next(order), bit))
                carries.append((last + _CARRY_DELAY, next(order), carry))
            total += [bit for _, _, bit in column]
            column = sorted(carries)
        return total

    def adder_tree(self) -> list[int]:
        terms = [[lane] for lane in range(self.lanes)]
        while len(terms) > 1:
            pairs = [
                rippled(a, b, max(len(a), len(b)) + 1, self.added)
                for a, b in zip(terms[::2], terms[1::2], strict=False)
            ]
            terms = pairs + ([terms[-1]] if len(terms) % 2 else [])
        return terms[0][: self.lanes.bit_length()]


__all__ = ["Counters", "counters", "rippled"]
