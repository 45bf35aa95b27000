"""The order in which a netlist is evaluated, cut into segments that share a condition.

Logic that matters only under a condition (see `conditions`) gathers in segments that are skipped
in other cycles. Logic that depends on nothing but *steady* registers, such as configuration, is
evaluated when one of them has changed and keeps its values in the meantime.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import pyrtl

from asicbnn.simulation.backends.conditions import Condition, Conditions
from asicbnn.simulation.backends.netlist import Net, Netlist, Wire, weight
from asicbnn.simulation.backends.state_layout import limbs_of

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
    writes: list[Net] = field(default_factory=list)


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
            for wire, is_one in ((low, False), (high, True)):
                want(wire, self._under(wire, choose, is_one))
            return
        if condition is None and net.op == "&" and net.dests[0].bitwidth == 1:
            first, second = sorted(net.args, key=lambda wire: self.depth.get(wire, 0))
            want(first, ALWAYS)
            want(second, self._under(second, first, True))
            return
        for wire in net.args:
            want(wire, condition)

    def _under(self, wire: Wire, choose: Wire, is_one: bool) -> Condition:
        """Condition of a branch that is only looked at if another wire has some value."""
        if self.depth.get(wire, 0) < _DEEP_WEIGHT or isinstance(choose, pyrtl.Const):
            return ALWAYS
        return self.canon(self.conditions.any_of([(choose, is_one)]))

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


def _segments(planner: _Planner, need: Needs) -> list[Segment]:
    steady = [net for net in planner.netlist.nets if id(net) in planner.steady]
    segments = [Segment(STEADY, steady)] if steady else []
    done = {wire for net in steady for wire in net.dests}
    waiting: dict[Condition, list[Net]] = {}
    for net in planner.netlist.nets:
        if id(net) not in planner.steady:
            waiting.setdefault(need.get(net.dests[0], ALWAYS), []).append(net)
    while waiting:
        condition, nets, rest = _most_ready(planner, waiting, done)
        segments.append(Segment(condition, nets))
        done.update(wire for net in nets for wire in net.dests)
        if rest:
            waiting[condition] = rest
        else:
            del waiting[condition]
    return segments


def _most_ready(
    planner: _Planner, waiting: dict[Condition, list[Net]], done: set[Wire]
) -> tuple[Condition, list[Net], list[Net]]:
    """Nets that can be evaluated now: unconditional ones first, then whole groups, then most."""
    best: tuple[int, Condition, list[Net], list[Net]] | None = None
    for condition, nets in waiting.items():
        if any(w in planner.driver_of and w not in done for w in planner.wires(condition)):
            continue
        here = set()
        ready, rest = [], []
        for net in nets:
            if all(w in done or w in here or w not in planner.driver_of for w in net.args):
                ready.append(net)
                here.update(net.dests)
            else:
                rest.append(net)
        if condition is None and ready:
            return condition, ready, rest
        score = (2 if not rest else 1) if ready else 0
        if ready and (best is None or score > best[0]):
            best = (score, condition, ready, rest)
    assert best is not None
    return best[1:]


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
    while True:
        last_read = _last_reads(planner, segments, place_of, condition_of)
        moved = [r for r, at in place_of.items() if at < end and last_read.get(r, -1) > at]
        if not moved:
            break
        for register in moved:
            place_of[register] = end
    for register in netlist.registers:
        if place_of.get(register, end) < end:
            segments[place_of[register]].registers.append(register)
    late = [r for r in netlist.registers if place_of.get(r) == end]
    late_writes = list(netlist.writes)
    return Schedule(tuple(segments), tuple(late), tuple(late_writes), condition_of, conditions)


def _last_reads(
    planner: _Planner,
    segments: Sequence[Segment],
    place_of: Mapping[Wire, int],
    condition_of: Mapping[object, Condition],
) -> dict[Wire, int]:
    """Index of the last segment that reads each register, the end being one more."""
    netlist, end = planner.netlist, len(segments)
    last: dict[Wire, int] = {}

    def read(wire: Wire, at: int) -> None:
        last[wire] = max(last.get(wire, -1), at)

    for index, segment in enumerate(segments):
        for wire in planner.wires(segment.condition):
            read(wire, index)
        for net in segment.nets:
            for wire in net.args:
                read(wire, index)
    for register, at in place_of.items():
        read(netlist.next_of[register], at)
        if at == end:
            for wire in planner.wires(condition_of[register]):
                read(wire, end)
    for net in netlist.writes:
        for wire in [*net.args, *planner.wires(condition_of.get(id(net)))]:
            read(wire, end)
    return last
