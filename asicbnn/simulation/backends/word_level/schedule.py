"""The order in which a netlist is evaluated, cut into segments that share a condition.

Logic that matters only under a condition (see `conditions`) gathers in segments that are skipped
in other cycles. Logic that depends on nothing but *steady* registers, such as configuration, is
evaluated when one of them has changed and keeps its values in the meantime.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import TypeAlias

import pyrtl

from asicbnn.simulation.backends.netlist import Net, Netlist, Wire, weight
from asicbnn.simulation.backends.state_layout import limbs_of
from asicbnn.simulation.backends.word_level.conditions import Condition, Conditions

Needs: TypeAlias = "dict[Wire, Condition]"

LEAST_WEIGHT = 60  # operands: less is not worth a branch
JOINING_WEIGHT = 150  # operands: less joins a larger segment with a weaker condition, if any
_DEEP_WEIGHT = 60
_ROUNDS = 4
_PORTS_IN_COMMON = 4
ALWAYS: Condition = None
STEADY: Condition = frozenset()
"""Stands for the condition that a steady register has changed."""


@dataclass
class Segment:
    """Nets evaluated one after the other if a condition holds, and the state taken after them."""

    condition: Condition
    nets: list[Net] = field(default_factory=list)
    registers: list[Wire] = field(default_factory=list)


@dataclass(frozen=True)
class Schedule:
    """A cycle: segments in order, then the updates that had to wait, each with its condition.

    late_*       registers and write ports whose old state somebody reads until the end
    condition_of the condition under which a register or write port is updated
    """

    segments: tuple[Segment, ...]
    late_registers: tuple[Wire, ...]
    late_writes: tuple[Net, ...]
    condition_of: Mapping[object, Condition]
    conditions: Conditions

    def wires(self, condition: Condition) -> list[tuple[Wire, bool]]:
        """Wires of a condition, and their polarities, in a fixed order."""
        known = self.conditions.wires
        return [(known[number], is_one) for number, is_one in sorted(condition or ())]


class _Planner:
    """Finds under which condition each net matters."""

    def __init__(self, netlist: Netlist, steady: frozenset[str]) -> None:
        self.netlist = netlist
        self.driver_of: dict[Wire, Net] = {w: net for net in netlist.nets for w in net.dests}
        numbered = [*netlist.registers, *(w for net in netlist.nets for w in net.dests)]
        self.conditions = Conditions(self.driver_of, numbered)
        self.weights = {id(net): weight(net) for net in netlist.nets}
        self.steady = self._steady(steady)
        self.depth = self._depths()
        self.updates = self._updates()
        self.canonical: dict[Condition, Condition] = {}

    # ------------------------------------------------------------------ steady logic
    def _steady(self, names: frozenset[str]) -> set[int]:
        """Nets that depend on steady registers and constants alone."""
        wires = {wire for wire in self.netlist.registers if wire.name in names}
        found: set[int] = set()
        for net in self.netlist.nets:
            if net.op not in "mF" and all(
                wire in wires or isinstance(wire, pyrtl.Const) for wire in net.args
            ):
                wires.update(net.dests)
                found.add(id(net))
        return found

    # ------------------------------------------------------------------ needs
    def _depths(self) -> dict[Wire, int]:
        """Weight of the logic behind each wire, counted as a tree and only so far."""
        depth: dict[Wire, int] = {}
        for net in self.netlist.nets:
            total = self.weights[id(net)] + sum(depth.get(wire, 0) for wire in net.args)
            for wire in net.dests:
                depth[wire] = 0 if id(net) in self.steady else min(total, 10 * _DEEP_WEIGHT)
        return depth

    def _updates(self) -> dict[object, Condition]:
        of_register = {
            register: self.conditions.of_update(register, following)
            for register, following in self.netlist.next_of.items()
        }
        return {**of_register, **self._write_updates()}

    def _write_updates(self) -> dict[object, Condition]:
        """Conditions of write ports; slices of one memory share what their enables share."""
        enables = {
            id(net): self.conditions.any_of([(net.args[2], True)])
            for net in self.netlist.writes
            if not isinstance(net.args[2], pyrtl.Const)
        }
        return {
            identity: self.conditions.common(condition, enables.values(), _PORTS_IN_COMMON)
            for identity, condition in enables.items()
        }

    def canon(self, condition: Condition) -> Condition:
        while condition in self.canonical:
            condition = self.canonical[condition]
        return condition

    def needs(self) -> Needs:
        """Condition of each computed wire under the present canonical conditions."""
        need: Needs = {}

        def want(wire: Wire, condition: Condition) -> None:
            if wire not in self.driver_of:
                return
            if wire in need:
                before = need[wire]
                if before is not None and before is not condition:
                    need[wire] = self.canon(self.conditions.either(before, condition))
            else:
                need[wire] = condition

        for register, following in self.netlist.next_of.items():
            want(following, self.canon(self.updates[register]))
        for net in self.netlist.writes:
            condition = self.canon(self.updates.get(id(net), ALWAYS))
            for wire in net.args:
                want(wire, condition)
        for condition in {self.canon(c) for c in self.updates.values()}:
            for wire in self.wires(condition):
                want(wire, ALWAYS)
        for net in reversed(self.netlist.nets):
            self._pass_on(net, need, want)
        return need

    def _pass_on(self, net: Net, need: Needs, want: Callable[[Wire, Condition], None]) -> None:
        """Let what a net reads be needed when the net is."""
        condition = ALWAYS
        if len(net.dests) == 1:
            if net.dests[0] not in need:
                return
            condition = need[net.dests[0]]
        if id(net) in self.steady:
            return
        if condition is None and net.op == "x":
            choose, low, high = net.args
            want(choose, ALWAYS)
            want(low, ALWAYS)  # what is chosen when nothing special happens
            want(high, self._under(high, choose))
            return
        if condition is None and net.op == "&" and net.dests[0].bitwidth == 1:
            first, second = sorted(net.args, key=lambda wire: self.depth.get(wire, 0))
            want(first, ALWAYS)
            want(second, self._under(second, first))
            return
        for wire in net.args:
            want(wire, condition)

    def _under(self, wire: Wire, choose: Wire) -> Condition:
        """Condition of a branch that is only looked at if another wire is 1."""
        if self.depth.get(wire, 0) < _DEEP_WEIGHT or isinstance(choose, pyrtl.Const):
            return ALWAYS
        return self.canon(self.conditions.any_of([(choose, True)]))

    def wires(self, condition: Condition) -> list[Wire]:
        return [self.conditions.wires[number] for number, _ in condition or ()]

    def settle(self) -> Needs:
        """Drop conditions that save too little, and those not known before they are needed."""
        for last in (False,) * _ROUNDS + (True,):
            need = self.needs()
            weights: Counter[Condition] = Counter()
            for net in self.netlist.nets:
                if id(net) not in self.steady and net.dests[0] in need:
                    weights[need[net.dests[0]]] += self.weights[id(net)]
            for register in self.netlist.registers:
                weights[self.canon(self.updates[register])] += 2 * limbs_of(register.bitwidth)
            used = {*weights, *map(self.canon, self.updates.values())} - {ALWAYS}
            kept = {c for c in used if weights[c] >= JOINING_WEIGHT and self._is_known(c, need)}
            dropped = {c: ALWAYS if last else self._weaker(c, kept) for c in used - kept}
            dropped = {
                c: weaker
                for c, weaker in dropped.items()
                if weaker is not None or weights[c] < LEAST_WEIGHT or not self._is_known(c, need)
            }
            if not dropped:
                break
            self.canonical |= dropped
        return self.needs()

    def _is_known(self, condition: Condition, need: Needs) -> bool:
        return all(
            need.get(wire, ALWAYS) is None
            for wire in self.wires(condition)
            if wire in self.driver_of
        )

    def _weaker(self, condition: Condition, kept: set[Condition]) -> Condition:
        """The most specific of the kept conditions that this one implies."""
        options = [c for c in kept if self.conditions.implies(condition, c)]
        return min(
            options,
            key=lambda c: (len(c or ()), sorted(c or ())),
            default=ALWAYS,
        )


def plan(netlist: Netlist, steady: frozenset[str] = frozenset()) -> Schedule:
    """Schedule a netlist.

    steady  names of registers that seldom change
    """
    planner = _Planner(netlist, steady)
    need = planner.settle()
    segments = _segments(planner, need)
    return _with_updates(planner, segments)


class _Order:
    """Nets that wait for their arguments, by condition; those that can be evaluated come out."""

    def __init__(self, planner: _Planner, need: Needs) -> None:
        self.nets = [net for net in planner.netlist.nets if id(net) not in planner.steady]
        self.condition_of = [need.get(net.dests[0]) for net in self.nets]
        maker = {wire: index for index, net in enumerate(self.nets) for wire in net.dests}
        self.readers: list[list[int]] = [[] for _ in self.nets]
        self.missing = [0] * len(self.nets)
        self.ready: dict[Condition, list[int]] = {c: [] for c in self.condition_of}
        self.from_others = dict.fromkeys(self.ready, 0)
        self.unknown: dict[Condition, set[int]] = {
            c: {maker[wire] for wire in planner.wires(c) if wire in maker} for c in self.ready
        }
        for index, net in enumerate(self.nets):
            makers = {maker[wire] for wire in net.args if wire in maker}
            self.missing[index] = len(makers)
            for other in makers:
                self.readers[other].append(index)
                if self.condition_of[other] != self.condition_of[index]:
                    self.from_others[self.condition_of[index]] += 1
            if not makers:
                self.ready[self.condition_of[index]].append(index)
        self.done: set[int] = set()

    def segments(self) -> Iterator[Segment]:
        """Unconditional nets first, then whole groups, then what there is of a group."""
        while len(self.done) < len(self.nets):
            condition = self._next()
            segment = Segment(condition)
            heap = self.ready[condition]
            while heap:
                index = heappop(heap)
                segment.nets.append(self.nets[index])
                self._finish(index)
            yield segment

    def _next(self) -> Condition:
        if self.ready.get(ALWAYS):
            return ALWAYS
        open_ = [c for c in self.ready if self.ready[c] and self.unknown[c] <= self.done]
        return next((c for c in open_ if not self.from_others[c]), open_[0])

    def _finish(self, index: int) -> None:
        self.done.add(index)
        for reader in self.readers[index]:
            condition = self.condition_of[reader]
            self.missing[reader] -= 1
            if condition != self.condition_of[index]:
                self.from_others[condition] -= 1
            if not self.missing[reader]:
                heappush(self.ready[condition], reader)


def _segments(planner: _Planner, need: Needs) -> list[Segment]:
    steady = [net for net in planner.netlist.nets if id(net) in planner.steady]
    first = [Segment(STEADY, steady)] if steady else []
    return [*first, *_Order(planner, need).segments()]


def _with_updates(planner: _Planner, segments: list[Segment]) -> Schedule:
    """Let state be taken at the end of the last segment of its condition if none later reads it."""
    netlist, conditions = planner.netlist, planner.conditions
    condition_of = {key: planner.canon(value) for key, value in planner.updates.items()}
    last_of: dict[Condition, int] = {s.condition: i for i, s in enumerate(segments)}
    place_of = {
        register: last_of.get(condition_of[register], len(segments))
        for register, following in netlist.next_of.items()
        if following is not register
    }
    end = len(segments)
    last_read = _last_reads(planner, segments, condition_of)
    moved = True
    while moved:
        for register, at in place_of.items():
            following = netlist.next_of[register]
            last_read[following] = max(last_read.get(following, -1), at)
            for wire in planner.wires(condition_of[register]) if at == end else ():
                last_read[wire] = end
        late = [r for r, at in place_of.items() if at < end and last_read.get(r, -1) > at]
        place_of |= dict.fromkeys(late, end)
        moved = bool(late)
    for register in netlist.registers:
        if place_of.get(register, end) < end:
            segments[place_of[register]].registers.append(register)
    last = tuple(r for r in netlist.registers if place_of.get(r) == end)
    return Schedule(tuple(segments), last, netlist.writes, condition_of, conditions)


def _last_reads(
    planner: _Planner, segments: Sequence[Segment], condition_of: Mapping[object, Condition]
) -> dict[Wire, int]:
    """Index of the last segment whose nets or condition read each wire; writes are at the end."""
    last: dict[Wire, int] = {}
    for index, segment in enumerate(segments):
        for wire in planner.wires(segment.condition):
            last[wire] = index
        for net in segment.nets:
            last |= dict.fromkeys(net.args, index)
    for net in planner.netlist.writes:
        for wire in [*net.args, *planner.wires(condition_of.get(id(net)))]:
            last[wire] = len(segments)
    return last
