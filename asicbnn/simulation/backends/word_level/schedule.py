"""The order in which a netlist is evaluated, cut into segments that share a condition.

Logic that matters only under a condition (see `conditions`) gathers in segments that are skipped
in other cycles. Logic that depends on nothing but *steady* registers, such as configuration, is
evaluated when one of them has changed and keeps its values in the meantime.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import NamedTuple, TypeAlias

import pyrtl

from asicbnn.simulation.backends.netlist import Net, Netlist, Wire, weight
from asicbnn.simulation.backends.state_layout import limbs_of
from asicbnn.simulation.backends.word_level.conditions import Condition, Conditions

Needs: TypeAlias = "list[Condition]"  # by the numbers of wires that `Conditions` gives

LEAST_WEIGHT = 60  # operands: less is not worth a branch
JOINING_WEIGHT = 150  # operands: less joins a larger segment with a weaker condition, if any
_DEEP_WEIGHT = 60
_ROUNDS = 4
_PORTS_IN_COMMON = 4
ALWAYS: Condition = None
STEADY: Condition = frozenset()
"""Stands for the condition that a steady register has changed."""
_NOT_NEEDED: Condition = frozenset({(-1, True)})
"""Stands for a wire that nobody has asked for yet."""


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
    condition_of the condition under which a register or write port is updated, by its identity
    """

    segments: tuple[Segment, ...]
    late_registers: tuple[Wire, ...]
    late_writes: tuple[Net, ...]
    condition_of: Mapping[int, Condition]
    conditions: Conditions

    def wires(self, condition: Condition) -> list[tuple[Wire, bool]]:
        """Wires of a condition, and their polarities, in a fixed order."""
        known = self.conditions.wires
        return [(known[number], is_one) for number, is_one in sorted(condition or ())]


class _Reads(NamedTuple):
    """The wires a net computes and reads, by number; those that no net computes are left out.

    Plain numbers, because the planner goes over all nets again and again and PyRTL's own hash of
    a wire is slow.

    first    number of the first wire it computes      is_alone  it computes no other
    always   read in every cycle by a net that is needed in every cycle
    guarded  read by it only under the condition ``guard``, if there is such a wire
    """

    first: int
    is_alone: bool
    is_steady: bool
    reads: tuple[int, ...]
    always: tuple[int, ...]
    guarded: int | None
    guard: Condition


class _Planner:
    """Finds under which condition each net matters."""

    def __init__(self, netlist: Netlist, steady: frozenset[str]) -> None:
        self.netlist = netlist
        driver_of = {id(wire): net for net in netlist.nets for wire in net.dests}
        numbered = [*netlist.registers, *(wire for net in netlist.nets for wire in net.dests)]
        self.conditions = Conditions(driver_of, numbered)
        self.number_of = number_of = self.conditions.number_of
        self.first_computed = len(netlist.registers)
        self.weights = [weight(net) for net in netlist.nets]
        self._arguments = [
            tuple([number_of.get(id(wire), -1) for wire in net.args]) for net in netlist.nets
        ]
        self.steady = self._steady(steady)
        self.depth = self._depths()
        self.updates = self._updates()
        self.canonical: dict[Condition, Condition] = {}
        self.reads = [
            self._reads(net, numbers)
            for net, numbers in zip(netlist.nets, self._arguments, strict=True)
        ]

    def computed(self, numbers: Iterable[int]) -> tuple[int, ...]:
        """Return those of the wires that a net computes."""
        first = self.first_computed
        return tuple([number for number in numbers if number >= first])

    # ------------------------------------------------------------------ steady logic
    def _steady(self, names: frozenset[str]) -> set[int]:
        """Nets that depend on steady registers and constants alone."""
        wires = {id(wire) for wire in self.netlist.registers if wire.name in names}
        found: set[int] = set()
        for net in self.netlist.nets:
            if net.op not in "mF" and all(
                id(wire) in wires or isinstance(wire, pyrtl.Const) for wire in net.args
            ):
                wires.update(map(id, net.dests))
                found.add(id(net))
        return found

    # ------------------------------------------------------------------ needs
    def _depths(self) -> list[int]:
        """Weight of the logic behind each wire, counted as a tree and only so far."""
        depth = [0] * self.first_computed
        for index, net in enumerate(self.netlist.nets):
            total = 0
            if id(net) not in self.steady:
                total = self.weights[index]
                for number in self._arguments[index]:
                    if number >= self.first_computed:
                        total += depth[number]
            depth += [min(total, 10 * _DEEP_WEIGHT)] * len(net.dests)
        return depth

    def _reads(self, net: Net, numbers: tuple[int, ...]) -> _Reads:
        reads = self.computed(numbers)
        always, guarded, guard = reads, None, ALWAYS
        if found := self._guarded(net, numbers):
            position, chooser = found
            always = self.computed(numbers[:position] + numbers[position + 1 :])
            guarded, guard = numbers[position], self.conditions.any_of([(chooser, True)])
        return _Reads(
            self.number_of[id(net.dests[0])], len(net.dests) == 1, id(net) in self.steady,
            reads, always, guarded, guard,
        )  # fmt: skip

    def _guarded(self, net: Net, numbers: tuple[int, ...]) -> tuple[int, Wire] | None:
        """Position of an argument that is only looked at if another wire is 1, and that wire."""
        if net.op == "x":  # the first is chosen when nothing special happens
            position, other = 2, 0
        elif net.op == "&" and net.dests[0].bitwidth == 1:
            depths = [self.depth[number] if number >= 0 else 0 for number in numbers]
            position = 0 if depths[0] > depths[1] else 1
            other = 1 - position
        else:
            return None
        number, chooser = numbers[position], net.args[other]
        if number < self.first_computed or self.depth[number] < _DEEP_WEIGHT:
            return None
        return None if isinstance(chooser, pyrtl.Const) else (position, chooser)

    def _updates(self) -> dict[int, Condition]:
        """Conditions under which registers and write ports take a value, by identity."""
        of_register = {
            id(register): self.conditions.of_update(register, following)
            for register, following in self.netlist.next_of.items()
        }
        return {**of_register, **self._write_updates()}

    def _write_updates(self) -> dict[int, Condition]:
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

    def needs(self) -> Needs:
        """Condition of each wire under the present canonical conditions."""
        need: Needs = [_NOT_NEEDED] * len(self.conditions.wires)
        for wires, condition in self._sinks():
            numbers = [self.number_of.get(id(wire), -1) for wire in wires]
            self._want(need, self.computed(numbers), condition)
        for net in reversed(self.reads):
            condition = need[net.first] if net.is_alone else ALWAYS
            if condition is _NOT_NEEDED or net.is_steady:
                continue
            if condition is not ALWAYS:
                self._want(need, net.reads, condition)
                continue
            for number in net.always:
                need[number] = ALWAYS
            if net.guarded is not None:
                self._want(need, (net.guarded,), self.canon(net.guard))
        return need

    def _sinks(self) -> Iterator[tuple[Sequence[Wire], Condition]]:
        """Wires that state and conditions are made of, and when they are needed."""
        for register, following in self.netlist.next_of.items():
            yield (following,), self.canon(self.updates[id(register)])
        for net in self.netlist.writes:
            yield net.args, self.canon(self.updates.get(id(net), ALWAYS))
        for condition in {self.canon(c) for c in self.updates.values()}:
            yield self.wires(condition), ALWAYS

    def _want(self, need: Needs, numbers: Sequence[int], condition: Condition) -> None:
        """Let wires be needed under one more condition."""
        for number in numbers:
            before = need[number]
            if before is _NOT_NEEDED:
                need[number] = condition
            elif before is not None and before is not condition:
                need[number] = self.canon(self.conditions.either(before, condition))

    def wires(self, condition: Condition) -> list[Wire]:
        return [self.conditions.wires[number] for number, _ in condition or ()]

    def canon(self, condition: Condition) -> Condition:
        while condition in self.canonical:
            condition = self.canonical[condition]
        return condition

    def settle(self) -> Needs:
        """Drop conditions that save too little, and those not known before they are needed."""
        for last in (False,) * _ROUNDS + (True,):
            need = self.needs()
            weights: Counter[Condition] = Counter()
            for net, own in zip(self.reads, self.weights, strict=True):
                if not net.is_steady and need[net.first] is not _NOT_NEEDED:
                    weights[need[net.first]] += own
            for register in self.netlist.registers:
                weights[self.canon(self.updates[id(register)])] += 2 * limbs_of(register.bitwidth)
            used = {*weights, *map(self.canon, self.updates.values())} - {ALWAYS}
            kept = {c for c in used if weights[c] >= JOINING_WEIGHT and self._is_known(c, need)}
            dropped = {c: ALWAYS if last else self._weaker(c, kept) for c in used - kept}
            dropped = {
                c: weaker
                for c, weaker in dropped.items()
                if weaker is not None or weights[c] < LEAST_WEIGHT or not self._is_known(c, need)
            }
            if not dropped:
                return need
            self.canonical |= dropped
        return self.needs()

    def _is_known(self, condition: Condition, need: Needs) -> bool:
        return all(
            need[number] is ALWAYS or need[number] is _NOT_NEEDED
            for number, _ in condition or ()
            if number >= self.first_computed
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
        nets = zip(planner.netlist.nets, planner.reads, strict=True)
        found = [(net, reads) for net, reads in nets if not reads.is_steady]
        self.nets = [net for net, _ in found]
        self.condition_of = [
            ALWAYS if need[reads.first] is _NOT_NEEDED else need[reads.first] for _, reads in found
        ]
        maker: dict[int, int] = {}
        for index, (net, reads) in enumerate(found):
            maker |= dict.fromkeys(range(reads.first, reads.first + len(net.dests)), index)
        self.readers: list[list[int]] = [[] for _ in self.nets]
        self.missing = [0] * len(self.nets)
        self.ready: dict[Condition, list[int]] = {c: [] for c in self.condition_of}
        self.from_others = dict.fromkeys(self.ready, 0)
        self.unknown: dict[Condition, set[int]] = {
            c: {maker[number] for number, _ in c or () if number in maker} for c in self.ready
        }
        for index, (_, reads) in enumerate(found):
            makers = {maker[number] for number in reads.reads if number in maker}
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
    end = len(segments)
    place_of = {
        id(register): last_of.get(condition_of[id(register)], end)
        for register, following in netlist.next_of.items()
        if following is not register
    }
    last_read = _last_reads(planner, segments, condition_of)
    moved = True
    while moved:
        for register, following in netlist.next_of.items():
            at = place_of.get(id(register))
            if at is None:
                continue
            last_read[id(following)] = max(last_read.get(id(following), -1), at)
            for wire in planner.wires(condition_of[id(register)]) if at == end else ():
                last_read[id(wire)] = end
        late = [r for r, at in place_of.items() if at < end and last_read.get(r, -1) > at]
        place_of |= dict.fromkeys(late, end)
        moved = bool(late)
    for register in netlist.registers:
        if (at := place_of.get(id(register), end)) < end:
            segments[at].registers.append(register)
    last = tuple(r for r in netlist.registers if place_of.get(id(r)) == end)
    return Schedule(tuple(segments), last, netlist.writes, condition_of, conditions)


def _last_reads(
    planner: _Planner, segments: Sequence[Segment], condition_of: Mapping[int, Condition]
) -> dict[int, int]:
    """Index of the last segment whose nets or condition read each wire; writes are at the end.

    By the identity of the wire.
    """
    last: dict[int, int] = {}
    for index, segment in enumerate(segments):
        last |= dict.fromkeys(map(id, planner.wires(segment.condition)), index)
        for net in segment.nets:
            last |= dict.fromkeys(map(id, net.args), index)
    for net in planner.netlist.writes:
        wires = [*net.args, *planner.wires(condition_of.get(id(net)))]
        last |= dict.fromkeys(map(id, wires), len(segments))
    return last
