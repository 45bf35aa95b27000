"""When does a value matter? Necessary conditions, read from the multiplexers of a netlist.

A register behind a hold multiplexer changes only in cycles whose enable is 1; the logic that feeds
nothing but such registers need not be evaluated in other cycles. A *condition* is a set of
literals (wire, polarity) of which at least one must be true; None is no condition at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import pyrtl

from asicbnn.simulation.backends.netlist import Net, Wire

Literal: TypeAlias = "tuple[int, bool]"  # the number of a wire, and its polarity
Condition: TypeAlias = "frozenset[Literal] | None"

_LONGEST_PATH = 12
_MOST_LITERALS = 4
_LARGEST_CLOSURE = 16


class Conditions:
    """Conditions over the wires of one netlist.

    driver_of  the net that computes a wire, by the identity of the wire
    wires      registers and computed wires in a fixed order, which numbers them: what is chosen
               must not depend on where objects lie in memory
    number_of  a wire's number, by its identity
    """

    def __init__(self, driver_of: Mapping[int, Net], wires: Iterable[Wire]) -> None:
        self._driver_of = driver_of
        self.wires = list(wires)
        self.number_of = {id(wire): number for number, wire in enumerate(self.wires)}
        self._closures: dict[Literal, tuple[Literal, ...]] = {}

    def of_update(self, register: Wire, following: Wire) -> Condition:
        """Return a condition without which a register keeps its value."""
        path = self._path_to(register, following)
        if path is None:
            return None
        return self.any_of((choose, not taken) for choose, taken in path)

    def any_of(self, literals: Iterable[tuple[Wire, bool]]) -> Condition:
        """Return the condition that one of some wires has its polarity, ORs opened."""
        found: set[Literal] = set()
        open_ = list(literals)
        while open_:
            wire, polarity = open_.pop()
            if isinstance(wire, pyrtl.Const):
                if bool(wire.val) == polarity:
                    return None
                continue
            net: Any = self._driver_of.get(id(wire))
            op = net.op if net is not None and wire.bitwidth == 1 else ""
            if op == "w" and net.args[0].bitwidth == 1:
                open_.append((net.args[0], polarity))
            elif op == "~" and net.args[0].bitwidth == 1:
                open_.append((net.args[0], not polarity))
            elif op == ("|" if polarity else "&") and len(found) + len(open_) < _MOST_LITERALS:
                open_.extend((argument, polarity) for argument in net.args)
            else:
                found.add((self.number_of[id(wire)], polarity))
        if not found:  # never: what is constant needs no branch
            return None
        return self._bounded(found)

    def either(self, one: Condition, other: Condition) -> Condition:
        """Return a condition that both imply."""
        if one is None or other is None:
            return None
        if other <= one:
            return one
        if one <= other:
            return other
        return self._bounded(set(one | other))

    def implies(self, one: Condition, other: Condition) -> bool:
        """Whether one condition cannot hold without the other."""
        if other is None:
            return True
        if one is None:
            return False
        return all(any(a in other for a in self.closure(literal)) for literal in one)

    def closure(self, literal: Literal) -> tuple[Literal, ...]:
        """Literals that hold whenever this one does, itself first."""
        if literal in self._closures:
            return self._closures[literal]
        found = [literal]
        for number, polarity in found:
            wire = self.wires[number]
            net = self._driver_of.get(id(wire))
            if net is None or wire.bitwidth != 1 or len(found) > _LARGEST_CLOSURE:
                continue
            if net.op == "w" and net.args[0].bitwidth == 1:
                further = [(net.args[0], polarity)]
            elif net.op == "~" and net.args[0].bitwidth == 1:
                further = [(net.args[0], not polarity)]
            elif net.op == ("&" if polarity else "|"):
                further = [(argument, polarity) for argument in net.args]
            else:
                continue
            known = [(self.number_of.get(id(wire)), is_one) for wire, is_one in further]
            found.extend((n, is_one) for n, is_one in known if n is not None)  # no constants
        self._closures[literal] = tuple(dict.fromkeys(found))
        return self._closures[literal]

    def common(self, condition: Condition, others: Iterable[Condition], least: int) -> Condition:
        """Weaken a condition of one literal to the strongest that ``least`` others imply too."""
        if condition is None or len(condition) != 1:
            return condition
        (literal,) = condition
        single = [next(iter(c)) for c in others if c is not None and len(c) == 1]
        for option in self.closure(literal):
            if sum(option in self.closure(other) for other in single) >= least:
                return frozenset({option})
        return condition

    def _bounded(self, literals: set[Literal]) -> Condition:
        """Leave out what implies another literal; weaken what is left of too many."""
        literals = {
            one for one in literals if not any(a in literals for a in self.closure(one)[1:])
        }
        while len(literals) > _MOST_LITERALS:
            shared = Counter(a for literal in sorted(literals) for a in self.closure(literal))
            common, times = shared.most_common(1)[0]
            if times < 2:
                return None
            literals = {one for one in literals if common not in self.closure(one)} | {common}
        return frozenset(literals)

    def _path_to(self, register: Wire, following: Wire) -> list[tuple[Wire, bool]] | None:
        """Selections under which a multiplexer tree hands the register its own value."""
        paths: list[tuple[Wire, list[tuple[Wire, bool]]]] = [(following, [])]
        while paths:
            wire, path = paths.pop(0)
            if wire is register:
                return path
            net = self._driver_of.get(id(wire))
            if net is None or len(path) >= _LONGEST_PATH:
                continue
            if net.op == "w":
                paths.append((net.args[0], path))
            elif net.op == "x":
                choose, low, high = net.args
                paths.append((low, [*path, (choose, False)]))
                paths.append((high, [*path, (choose, True)]))
        return None
