"""Gates of two inputs that are never built twice: what of some logic is left to synthesise.

A literal is an even number, or that plus one for its complement; 0 and 1 are the constants. A gate
with a constant input, with equal inputs or like one that is there already is none, and complements
cost nothing: a mapper puts them into the gates around.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias

Kind = Literal["and", "xor", "mux", "inverter"]
_Gate: TypeAlias = tuple[Kind, tuple[int, ...]]
FALSE, TRUE = 0, 1


class SharedGates:
    """A growing pool of gates over literals."""

    def __init__(self) -> None:
        self._gates: list[_Gate | None] = [None]  # the constants
        self._known: dict[_Gate, int] = {}

    def fresh(self) -> int:
        """Return the literal of something no gate here computes."""
        return self.fresh_word(1)[0]

    def fresh_word(self, bits: int) -> list[int]:
        """Return the literals of as many bits of something no gate here computes."""
        first = 2 * len(self._gates)
        self._gates += [None] * bits
        return list(range(first, first + 2 * bits, 2))

    def both(self, a: int, b: int) -> int:
        """Return a and b."""
        if a > b:
            a, b = b, a
        if a == FALSE or a == b ^ 1:
            return FALSE
        if a in (TRUE, b):
            return b
        return self._gate(("and", (a, b)))

    def either(self, a: int, b: int) -> int:
        """Return a or b."""
        return self.both(a ^ 1, b ^ 1) ^ 1

    def differ(self, a: int, b: int) -> int:
        """Return a exclusive-or b."""
        phase = (a ^ b) & 1
        a, b = a & ~1, b & ~1
        if a == b:
            return phase
        if a > b:
            a, b = b, a
        return (b if a == FALSE else self._gate(("xor", (a, b)))) ^ phase

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
        return self._gate(("mux", (condition, yes ^ phase, no ^ phase))) ^ phase

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
        return a ^ 1 if a <= TRUE else self._gate(("inverter", (a,)))

    def _gate(self, gate: _Gate) -> int:
        known = self._known.get(gate)
        if known is None:
            known = self._known[gate] = 2 * len(self._gates)
            self._gates.append(gate)
        return known

    def needed(self, literals: Sequence[int]) -> tuple[Counter[str], Counter[int]]:
        """Return the gates that literals are computed from by kind, and the pins on each net.

        literals  one for each pin that reads it; nets are named by their even literal
        """
        pins = [0] * len(self._gates)
        for literal in literals:
            pins[literal >> 1] += 1
        kinds: list[str] = []
        for net in range(len(pins) - 1, FALSE, -1):  # gates read what was there before them
            gate = self._gates[net]
            if gate is not None and pins[net]:
                kinds.append(gate[0])
                for literal in gate[1]:
                    pins[literal >> 1] += 1
        return Counter(kinds), Counter({2 * net: n for net, n in enumerate(pins) if n and net})


__all__ = ["FALSE", "TRUE", "SharedGates"]
