"""Which wires show how often the cells of a block switch.

A net is the output of one cell per bit, with two exceptions. The five nets of a full adder are one
cell with two outputs, found by their pattern; and a word operation (a sum, a comparison) is a row
of cells of which only some outputs are wires: the others are taken to switch like those.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

import pyrtl

from asicbnn.hardware.component import census
from asicbnn.technology.cells import OUTPUTS

Net: TypeAlias = pyrtl.LogicNet
Wire: TypeAlias = pyrtl.WireVector
_BITWISE = {
    "&": "and2", "|": "or2", "^": "xor2", "~": "inverter", "n": "nand2", "x": "mux2", "r": "flop",
}  # fmt: skip


@dataclass(frozen=True)
class Switching:
    """Cells of one role, and the wires that tell how often their outputs switch.

    cells  number of cells
    wires  names; each of their bits stands for equally many outputs
    bits   of all these wires together
    level  of an adder: how many adders lie between the block's inputs and it, registers among
           them or not; else 0
    """

    role: str
    cells: int
    wires: tuple[str, ...]
    bits: int
    level: int = 0

    @property
    def outputs(self) -> int:
        return self.cells * OUTPUTS[self.role]

    def transitions(self, toggles: Mapping[str, int]) -> float:
        """Transitions of all outputs, from the toggles of each wire."""
        return sum(toggles.get(name, 0) for name in self.wires) * self.outputs / self.bits


def switching(nets: Iterable[Net]) -> tuple[Switching, ...]:
    """Cells of some nets and the wires that show their switching; wiring and memories left out."""
    nets = list(nets)
    adders, inside = _adders(nets)
    rest = (net for net in nets if id(net) not in inside)
    return (*adders, *(found for net in rest for found in _of_net(net)))


def _of_net(net: Net) -> Iterator[Switching]:
    if net.op in _BITWISE:
        dest = net.dests[0]
        yield Switching(_BITWISE[net.op], len(net.args[-1]), (dest.name,), len(dest))
    elif net.op in "+-":
        yield from _cells(net, net.dests)
    elif net.op in "<>=":  # one bit comes out of a row of cells that follow their inputs
        for found in _cells(net, net.args):
            yield Switching(found.role, found.cells, found.wires, len(net.args[0]))


def _cells(net: Net, wires: Collection[Wire]) -> Iterator[Switching]:
    names, bits = tuple(wire.name for wire in wires), sum(len(wire) for wire in wires)
    for role, count in census([net]).items():
        yield Switching(role, count, names, bits)


@dataclass(frozen=True)
class ProductGates:
    """Cells of the products of an array and of the counters behind them.

    xnor      ~(x ^ w)                mask      the AND of each with its mask
    masks     mask & active           popcount  the adders
    """

    xnor: tuple[Switching, ...]
    mask: tuple[Switching, ...]
    masks: tuple[Switching, ...]
    popcount: tuple[Switching, ...]


def product_gates(nets: Iterable[Net], registers: Iterable[Net] = ()) -> ProductGates:
    """Tell the gates of ~(x ^ w) & (mask & active) and the popcount of these apart.

    registers  nets of those inside the popcount, to be looked through
    """
    nets = list(nets)
    driver = {id(net.dests[0]): net for net in nets if net.dests}
    xnor: list[Switching] = []
    mask: list[Switching] = []
    masks: list[Switching] = []
    inside: set[int] = set()
    for net in nets:
        if net.op != "&":
            continue
        sources = [driver.get(id(wire)) for wire in net.args]
        agreeing = next((x for x in sources if x is not None and x.op == "~"), None)
        if agreeing is None:
            continue
        dest = agreeing.dests[0]
        xnor.append(Switching("xnor2", len(dest), (dest.name,), len(dest)))
        mask.extend(_of_net(net))
        inside |= {id(net), id(agreeing), id(driver[id(agreeing.args[0])])}
        for other in sources:
            if other is not None and other is not agreeing:
                masks.extend(_of_net(other))
                inside.add(id(other))
    held = {id(net.dests[0]): net.args[0] for net in registers if net.op == "r"}
    adders, cells = _adders([net for net in nets if id(net) not in inside], held)
    inside |= cells
    rest = (net for net in nets if id(net) not in inside)
    popcount = (*adders, *(found for net in rest for found in _of_net(net)))
    return ProductGates(tuple(xnor), tuple(mask), tuple(masks), popcount)


# ---------------------------------------------------------------------- adders
def _adders(
    nets: list[Net], held: Mapping[int, Wire] = MappingProxyType({})
) -> tuple[list[Switching], set[int]]:
    """Full and half adders, and the ids of the nets they are made of.

    held  what registers between them take, by the register's id
    """
    driver = {id(net.dests[0]): net for net in nets if net.dests}
    by_arguments: dict[tuple[str, frozenset[int]], Net] = {}
    for net in nets:
        if net.op in "&^":
            by_arguments[net.op, frozenset(map(id, net.args))] = net
    made: dict[int, tuple[list[Wire], list[Wire], str]] = {}  # id of the carry -> adder
    inside: set[int] = set()
    for net in nets:
        parts = _full_adder(net, driver, by_arguments)
        if parts:
            inputs, sums, members = parts
            inside |= {id(member) for member in members}
            outputs = [*sums, net.dests[0]]
            made[id(net.dests[0])] = (inputs, outputs, "full_adder")
    for net in nets:
        if net.op != "&" or id(net) in inside:
            continue
        total = by_arguments.get(("^", frozenset(map(id, net.args))))
        if total is not None and id(total) not in inside:
            inside |= {id(net), id(total)}
            outputs = [total.dests[0], net.dests[0]]
            made[id(net.dests[0])] = (list(net.args), outputs, "half_adder")
    return list(_levelled(made, held)), inside


def _full_adder(
    net: Net, driver: Mapping[int, Net], by_arguments: Mapping[tuple[str, frozenset[int]], Net]
) -> tuple[list[Wire], list[Wire], list[Net]] | None:
    """Inputs, sum (if there is one) and nets of the full adder whose carry a net is.

    carry = (a & b) | ((a ^ b) & c), sum = (a ^ b) ^ c
    """
    if net.op != "|":
        return None
    terms = [driver.get(id(wire)) for wire in net.args]
    for both, through in (terms, terms[::-1]):
        if both is None or through is None or both.op != "&" or through.op != "&":
            continue
        half = by_arguments.get(("^", frozenset(map(id, both.args))))
        if half is None or not any(wire is half.dests[0] for wire in through.args):
            continue
        third = [wire for wire in through.args if wire is not half.dests[0]]
        total = by_arguments.get(("^", frozenset(map(id, through.args))))
        members = [net, both, through, half, *([total] if total else [])]
        return [*both.args, *third], [total.dests[0]] if total else [], members
    return None


def _levelled(
    made: Mapping[int, tuple[list[Wire], list[Wire], str]], held: Mapping[int, Wire]
) -> Iterator[Switching]:
    """Adders with their levels: 0 for those that no other adder feeds."""

    def taken(wire: Wire) -> int:
        while id(wire) in held:
            wire = held[id(wire)]
        return id(wire)

    source = {id(wire): key for key, (_, outputs, _) in made.items() for wire in outputs}
    level: dict[int, int] = {}
    for start in made:
        stack = [start]
        while stack:
            key = stack[-1]
            before = [source[at] for w in made[key][0] if (at := taken(w)) in source]
            waiting = [k for k in before if k not in level]
            if waiting:
                stack += waiting
                continue
            stack.pop()
            level[key] = 1 + max((level[k] for k in before), default=-1)
    for key, (_, outputs, role) in made.items():
        names = tuple(wire.name for wire in outputs)
        width = len(outputs[-1])
        yield Switching(role, width, names, width * len(outputs), level[key])


__all__ = ["ProductGates", "Switching", "product_gates", "switching"]
