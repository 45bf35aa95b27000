"""A block as the writer walks it: live logic in order, adders and memories as they were declared.

Nothing here changes the block, and nothing recurses: chains may be deeper than Python's stack.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import pyrtl
from pyrtl import MemBlock, Register, WireVector

from asicbnn.hardware.declarations import Adder, declarations
from asicbnn.hardware.verilog.names import creation_order

Net: TypeAlias = Any  # pyrtl.LogicNet
Unit: TypeAlias = Any  # a net, or an Adder


@dataclass(frozen=True, eq=False)
class Port:
    """A read port (data: the wires read, lowest slice first) or a write port (data and enables)."""

    address: WireVector
    data: tuple[WireVector, ...]
    enables: tuple[WireVector, ...] = ()


@dataclass(frozen=True, eq=False)
class MemoryView:
    """A memory of one or more slices that share their addresses.

    reads, writes  ports; of two write ports to one word the later wins
    """

    name: str
    words: int
    slices: tuple[MemBlock, ...]
    reads: tuple[Port, ...]
    writes: tuple[Port, ...]

    @property
    def bits(self) -> int:
        """Word width."""
        return sum(memory.bitwidth for memory in self.slices)


class BlockView:
    """What a block computes.

    registers  sorted: named ones by name, then the others in the order they were made
    next_of    the wire each register copies
    memories   with ports, sorted likewise

    Wires and units are looked up by their `id`: PyRTL hashes a wire in Python.
    """

    def __init__(self, block: Any) -> None:
        self.block = block
        driving = [net for net in block.logic if net.op not in "r@"]
        self._copied = {id(net.dests[0]): net.args[0] for net in driving if _is_copy(net)}
        self._driver: dict[int, Unit] = {id(net.dests[0]): net for net in driving}
        self._sources: dict[int, list[WireVector]] = {}
        self.next_of = {net.dests[0]: net.args[0] for net in block.logic_subset("r")}
        for adder in declarations(block).adders:
            if len({len(wire) for wire in adder.inputs}) == 1:
                self._driver |= {id(adder.total): adder, id(adder.carry): adder}
        self.registers: list[Register] = _sorted(block.wirevector_subset(pyrtl.Register))
        self.inputs: list[WireVector] = _sorted(block.wirevector_subset(pyrtl.Input))
        self.outputs: list[WireVector] = _sorted(block.wirevector_subset(pyrtl.Output))
        self.memories = _memories(block)

    def resolve(self, wire: WireVector) -> WireVector:
        """Return the wire this one is a copy of."""
        while (copied := self._copied.get(id(wire))) is not None:
            wire = copied
        return wire

    def driver(self, wire: WireVector) -> Unit | None:
        """Return the adder or net that drives a resolved wire; None for state, ports, constants."""
        return self._driver.get(id(wire))

    def sources(self, unit: Unit) -> list[WireVector]:
        """Return the resolved wires a unit reads."""
        found = self._sources.get(id(unit))
        if found is None:
            args = unit.inputs if isinstance(unit, Adder) else unit.args
            found = [self.resolve(wire) if id(wire) in self._copied else wire for wire in args]
            self._sources[id(unit)] = found
        return found

    def ordered(self, sinks: Iterable[WireVector]) -> list[Unit]:
        """Return the units that drive the sinks, each after what it reads."""
        order: list[Unit] = []
        state: dict[int, bool] = {}  # by id of the unit: False while what it reads is visited
        for sink in sinks:
            stack: list[tuple[Unit, bool]] = [(self.driver(self.resolve(sink)), False)]
            while stack:
                unit, is_ready = stack.pop()
                if unit is None or state.get(id(unit), False):
                    continue
                if is_ready:
                    order.append(unit)
                    state[id(unit)] = True
                elif id(unit) in state:
                    raise ValueError(f"combinational loop through {unit}")
                else:
                    state[id(unit)] = False
                    stack.append((unit, True))
                    for wire in reversed(self.sources(unit)):
                        source = self._driver.get(id(wire))
                        if source is not None:
                            stack.append((source, False))
        return order


def _is_copy(net: Net) -> bool:
    """Say whether a net is a wire, or a slice that leaves nothing out, and cuts nothing off."""
    if net.op not in "ws" or len(net.dests[0]) != len(net.args[0]):
        return False
    return bool(net.op == "w" or net.op_param == tuple(range(len(net.args[0]))))


def _sorted(wires: Iterable[Any]) -> list[Any]:
    return sorted(wires, key=lambda wire: creation_order(wire.name))


def _memories(block: Any) -> tuple[MemoryView, ...]:
    ported = {net.op_param[1].id: net.op_param[1] for net in block.logic_subset("m@")}
    views, grouped = [], set()
    for declared in declarations(block).memories:
        view = _together(block, declared.name, declared.words, declared.slices)
        if view is not None and all(memory.id in ported for memory in declared.slices):
            views.append(view)
            grouped |= {memory.id for memory in declared.slices}
    for number, memory in ported.items():
        if number not in grouped:
            view = _together(block, memory.name, 1 << memory.addrwidth, (memory,))
            assert view is not None
            views.append(view)
    return tuple(sorted(views, key=lambda view: creation_order(view.name)))


def _together(block: Any, name: str, words: int, slices: Sequence[MemBlock]) -> MemoryView | None:
    """Slices as one memory; None if they do not share their addresses."""
    reads = [[n for n in m.readport_nets if n in block.logic] for m in slices]
    writes = [list(m.writeport_nets) for m in slices]
    if len({len(nets) for nets in reads}) > 1 or len({len(nets) for nets in writes}) > 1:
        return None
    read_ports, write_ports = [], []
    for nets in zip(*reads, strict=True):
        if len({id(net.args[0]) for net in nets}) > 1:
            return None
        read_ports.append(Port(nets[0].args[0], tuple(net.dests[0] for net in nets)))
    for nets in zip(*writes, strict=True):
        if len({id(net.args[0]) for net in nets}) > 1:
            return None
        data, enables = tuple(n.args[1] for n in nets), tuple(n.args[2] for n in nets)
        write_ports.append(Port(nets[0].args[0], data, enables))
    return MemoryView(name, words, tuple(slices), tuple(read_ports), tuple(write_ports))
