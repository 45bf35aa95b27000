"""A popcount with registers inside, counted in the cycle its operands arrive.

Its registers hold carries and sums that nobody else reads. So the products are counted on vectors
at once, as without registers, and the counts wait instead, as many cycles as the registers delay
them. The operands are kept as long: what the registers hold follows from them whenever somebody
asks. The nets that say so become a program of their own, the *replay*: one cycle of the registers
inside, from the operands of the cycle before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyrtl

from asicbnn.hardware.declarations import DeclaredFunction, ProductCount
from asicbnn.simulation.backends.netlist import (
    DeclaredNet,
    Net,
    Netlist,
    Wire,
    depth_first,
    drivers,
    next_of,
    read_netlist,
    state_of,
)
from asicbnn.simulation.backends.toolchain.fingerprint import fingerprint

_NAME = "counted ahead"  # no register of a block has a space in its name


@dataclass(frozen=True, eq=False)
class CountAhead:
    """Registers that take the place of those inside a popcount.

    netlist  what runs: the popcount is a declared function, the registers inside rest
    replay   one cycle of the registers inside, from `past[0]`; `seen` takes the count they give
    inside   the registers inside
    past     operands, of the cycle before first
    waiting  planes of the counts that wait, youngest first; the last are read
    seen     planes of the count that the registers inside gave before the replayed cycle
    """

    netlist: Netlist
    replay: Netlist
    inside: tuple[Wire, ...]
    past: tuple[tuple[Wire, ...], ...]
    waiting: tuple[tuple[Wire, ...], ...]
    seen: tuple[Wire, ...]

    def fingerprint(self) -> str:
        """Hash of what the hash of the netlist does not tell."""
        inside = {id(register) for register in self.inside}
        places = [i for i, wire in enumerate(self.netlist.registers) if id(wire) in inside]
        return fingerprint(self.replay, str(places))


def read_counting_ahead(
    block: Any, functions: Sequence[DeclaredFunction]
) -> tuple[Netlist, CountAhead | None]:
    """Order the live logic of a block, with declared functions in place of theirs.

    One popcount with registers inside is counted ahead, if nobody else reads these; further ones
    keep their nets.
    """
    plain = [function for function in functions if not _has_registers(function)]
    for function in functions:
        if isinstance(function, ProductCount) and function.stages:
            found = _Ahead(block, function, plain).found()
            if found is not None:
                return found.netlist, found
    return read_netlist(block, plain), None


def _has_registers(function: DeclaredFunction) -> bool:
    return isinstance(function, ProductCount) and function.stages > 0


class _Ahead:
    """Takes one popcount apart; `plain` functions are substituted as well."""

    def __init__(
        self, block: Any, function: ProductCount, plain: Sequence[DeclaredFunction]
    ) -> None:
        self.function = function
        self.plain = plain
        self.block = block
        self.registers, self.memories = state_of(block)
        self.next_of = next_of(block, self.registers)
        self.made_in = pyrtl.Block()  # the new registers are none of the block's
        operands = {id(wire): wire for wire in function.inputs if not isinstance(wire, pyrtl.Const)}
        self.operands = tuple(operands.values())
        ranks = range(function.stages)
        self.past = tuple(self._row(f"operand {age}", self.operands) for age in ranks)
        self.waiting = tuple(self._row(f"count {rank}", function.counts) for rank in ranks)
        self.seen = self._row("seen", function.counts)
        self.early = tuple(
            pyrtl.WireVector(wire.bitwidth, f"{_NAME}: count, {index}", block=self.made_in)
            for index, wire in enumerate(function.counts)
        )

    def _row(self, what: str, wires: Sequence[Wire]) -> tuple[Wire, ...]:
        """New registers as wide as some wires."""
        return tuple(
            pyrtl.Register(wire.bitwidth, f"{_NAME}: {what}, {index}", block=self.made_in)
            for index, wire in enumerate(wires)
        )

    def found(self) -> CountAhead | None:
        """Return what takes the place of the nets, None where these have to stay."""
        inside = self._inside()
        if inside is None:
            return None
        netlist = self._counting(inside)
        kept_from = {id(wire) for wire in (*inside, *self.function.counts)}
        if any(id(wire) in kept_from for wire in _read(netlist, inside)):
            return None
        return CountAhead(netlist, self._replay(inside), inside, self.past, self.waiting, self.seen)

    def _inside(self) -> tuple[Wire, ...] | None:
        """Registers between operands and counts; None if one is a flag, to run until it is set."""
        driver_of = drivers(self.block)
        known = {id(wire) for wire in self.operands}
        found: set[int] = set()
        open_ = list(self.function.counts)
        while open_:
            wire = open_.pop()
            if id(wire) in known or isinstance(wire, pyrtl.Const):
                continue
            known.add(id(wire))
            if isinstance(wire, pyrtl.Register):
                if wire.bitwidth == 1:
                    return None
                found.add(id(wire))
                open_.append(self.next_of[wire])
                continue
            net = driver_of[id(wire)]
            if net.op == "m":  # the replay has no memories
                return None
            open_ += net.args
        return tuple(register for register in self.registers if id(register) in found)

    def _counting(self, inside: Sequence[Wire]) -> Netlist:
        """The block, with counts that wait in place of those that the registers inside give."""
        now = replace(self.function, counts=self.early, stages=0)
        given = {
            id(count): waited
            for count, waited in zip(self.function.counts, self.waiting[-1], strict=True)
        }
        following = {register: given.get(id(wire), wire) for register, wire in self.next_of.items()}
        following |= {register: register for register in (*inside, *self.seen)}
        for row, before in ((self.past, self.operands), (self.waiting, self.early)):
            for older, younger in zip(row, (before, *row), strict=False):
                following |= zip(older, younger, strict=True)
        writes = tuple(
            _redirected(net, given) for memory in self.memories for net in memory.writeport_nets
        )
        driver_of = _all_redirected(drivers(self.block, self.plain), given)
        driver_of |= dict.fromkeys(map(id, self.early), DeclaredNet(now))
        sinks = [*following.values(), *(wire for net in writes for wire in net.args)]
        nets = depth_first(sinks, driver_of)
        return Netlist(tuple(following), following, self.memories, writes, nets)

    def _replay(self, inside: Sequence[Wire]) -> Netlist:
        """One cycle of the registers inside."""
        given = {id(wire): past for wire, past in zip(self.operands, self.past[0], strict=True)}
        following = {
            register: given.get(id(self.next_of[register]), self.next_of[register])
            for register in inside
        }
        following |= zip(self.seen, self.function.counts, strict=True)
        nets = depth_first(following.values(), _all_redirected(drivers(self.block), given))
        following |= {register: register for register in self.past[0]}
        return Netlist(tuple(following), following, (), (), nets)


def _redirected(net: Net, given: Mapping[int, Wire]) -> Net:
    """The net, reading other wires in place of those given."""
    if isinstance(net, DeclaredNet) or not any(id(wire) in given for wire in net.args):
        return net
    return net._replace(args=tuple(given.get(id(wire), wire) for wire in net.args))


def _all_redirected(driver_of: Mapping[int, Net], given: Mapping[int, Wire]) -> dict[int, Net]:
    return {wire: _redirected(net, given) for wire, net in driver_of.items()}


def _read(netlist: Netlist, resting: Sequence[Wire]) -> list[Wire]:
    """Every wire that is read, but by registers that rest."""
    rest = {id(register) for register in resting}
    read = [wire for register, wire in netlist.next_of.items() if id(register) not in rest]
    return [*read, *(wire for net in (*netlist.nets, *netlist.writes) for wire in net.args)]
