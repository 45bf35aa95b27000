"""Gates of two inputs that are never built twice: what of some logic is left to synthesise.

A literal is an even number, or that plus one for its complement; 0 and 1 are the constants. A gate
with a constant input, with equal inputs or like one that is there already is none, and complements
cost nothing: a mapper puts them into the gates around.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

Kind = Literal["and", "xor", "mux", "inverter"]
FALSE, TRUE = 0, 1


class SharedGates:
    """A growing pool of gates over literals."""

    def __init__(self) -> None:
        self._gates: list[tuple[Kind, tuple[int, ...]] | None] = [None]  # the constants
        self._known: dict[tuple[Kind, tuple[int, ...]], int] = {}

    def fresh(self) -> int:
        """Return the literal of something no gate here computes."""
        self._gates.append(None)
        return 2 * (len(self._gates) - 1)

    def both(self, a: int, b: int) -> int:
        """Return a and b."""
        if a > b:
            a, b = b, a
        if a == FALSE or a == b ^ 1:
            return FALSE
        if a in (TRUE, b):
            return b
        return self._gate("and", a, b)

    def either(self, a: int, b: int) -> int:
        """Return a or b."""
        return self.both(a ^ 1, b ^ 1) ^ 1

    def differ(self, a: int, b: int) -> int:
        """Return a exclusive-or b."""
        phase = (a ^ b) & 1
        a, b = sorted((a & ~1, b & ~1))
        if a == b:
            return phase
        return (b if a == FALSE else self._gate("xor", a, b)) ^ phase

    def choose(self, condition: int, yes: int, no: int) -> int:
        """Return yes if condition else no."""
        if condition & 1:
            return self.choose(condition ^ 1, no, yes)
        if yes == no or condition == FALSE:
            return no
        if yes == no ^ 1:
            return self.differ(condition, no)
        if FALSE in (yes, no) or TRUE in (yes, no):
            return self._masked(condition, yes, no)
        phase = no & 1
        return self._gate("mux", condition, yes ^ phase, no ^ phase) ^ phase

    def _masked(self, condition: int, yes: int, no: int) -> int:
        """Choose where one of the two is a constant."""
        if yes == FALSE:
            return self.both(condition ^ 1, no)
        if yes == TRUE:
            return self.either(condition, no)
        return self.both(condition, yes) if no == FALSE else self.either(condition ^ 1, yes)

    def all_of(self, literals: Iterable[int]) -> int:
        """Return the AND of literals as a balanced tree, so that like halves are shared."""
        level = list(literals)
        while len(level) > 1:
            paired = [self.both(a, b) for a, b in zip(level[::2], level[1::2], strict=False)]
            level = paired + level[2 * len(paired) :]
        return level[0] if level else TRUE

    def inverter(self, a: int) -> int:
        """Return not a as a gate of its own, where a pin must have it; of a constant for free."""
        return a ^ 1 if a <= TRUE else self._gate("inverter", a)

    def _gate(self, kind: Kind, *inputs: int) -> int:
        key = (kind, inputs)
        if key not in self._known:
            self._known[key] = self.fresh()
            self._gates[-1] = key
        return self._known[key]

    def needed(self, literals: Sequence[int]) -> tuple[Counter[str], Counter[int]]:
        """Return the gates that literals are computed from by kind, and the pins on each net.

        literals  one for each pin that reads it; nets are named by their even literal
        """
        pins = Counter(literal & ~1 for literal in literals)
        kinds: Counter[str] = Counter()
        waiting = list(pins)
        while waiting:
            gate = self._gates[waiting.pop() >> 1]
            if gate is None:
                continue
            kind, inputs = gate
            kinds[kind] += 1
            for net in (literal & ~1 for literal in inputs):
                if net not in pins:
                    waiting.append(net)
                pins[net] += 1
        del pins[FALSE]
        return kinds, pins


__all__ = ["FALSE", "TRUE", "SharedGates"]
