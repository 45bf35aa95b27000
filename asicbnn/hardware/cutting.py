"""A part of an accelerator cut out of it: a block of its own, with a pin per wire that was cut."""

from __future__ import annotations

from collections.abc import Iterable

import pyrtl
from pyrtl import Const, Input, LogicNet, Output, Register, WireVector

from asicbnn.hardware.accelerator import Machine
from asicbnn.hardware.declarations import Adder, declarations
from asicbnn.hardware.gating import GatedGroup
from asicbnn.hardware.verilog.names import creation_order


def cut(machine: Machine, *parts: tuple[str, str]) -> tuple[pyrtl.Block, tuple[GatedGroup, ...]]:
    """Return (component, part)s as one block, and their registers that are behind clock gates.

    Memories stay outside: what they give is an input, what they take an output.
    """
    nets = _nets(machine, parts)
    driven = {wire for net in nets for wire in net.dests}
    entering, leaving = boundary(machine, *parts)
    block = pyrtl.Block()
    with pyrtl.set_working_block(block, no_sanity_check=True):
        own = {wire: _copied(wire) for wire in _in_order(driven)}
        own |= {wire: Input(len(wire), pin) for pin, wire in entering.items()}
        constants = {wire for net in nets for wire in net.args if isinstance(wire, Const)}
        own |= {wire: Const(wire.val, len(wire)) for wire in _in_order(constants)}
        for net in nets:
            args, dests = (tuple(own[wire] for wire in wires) for wires in (net.args, net.dests))
            block.add_net(LogicNet(net.op, net.op_param, args, dests))
        for name, wire in leaving.items():
            pin = Output(len(wire), name)
            pin <<= own[wire]
        declarations().adders += [
            Adder(a.kind, *(tuple(own[w] for w in a.inputs), own[a.total], own[a.carry], ()))
            for a in declarations(machine.block).adders
            if a.total in driven
        ]
        block.sanity_check()
    groups = []
    for group in machine.gated:
        registers = tuple(own[r] for r in group.registers if r in driven)
        if registers:
            groups.append(GatedGroup(group.name, own[group.enable], registers))
    return block, tuple(groups)


def boundary(
    machine: Machine, *parts: tuple[str, str]
) -> tuple[dict[str, WireVector], dict[str, WireVector]]:
    """Return the machine's wires by the pins `cut` gives them: what enters, and what leaves.

    What a probe alone reads does not leave.
    """
    nets = _nets(machine, parts)
    driven = {wire for net in nets for wire in net.dests}
    read = _in_order(wire for net in nets for wire in net.args)
    others = machine.block.logic - nets - set(machine.stages.get("probe", ()))
    taken = driven & {wire for net in others for wire in net.args}
    taken |= {wire for wire in driven if isinstance(wire, Output)}
    entering = {
        f"in{i}": wire for i, wire in enumerate(read)
        if wire not in driven and not isinstance(wire, Const)
    }  # fmt: skip
    return entering, {f"out{i}": wire for i, wire in enumerate(_in_order(taken))}


def shown_bits(
    machine: Machine, wires: Iterable[WireVector]
) -> dict[tuple[str, int], tuple[str, int]]:
    """Return the register bits that wires are mere copies of: (register, bit) -> (wire, bit)."""
    driver = {net.dests[0]: net for net in machine.block.logic if net.op in "wsc"}
    shown = {}
    for wire in wires:
        for bit in range(len(wire)):
            source, place = wire, bit
            while (net := driver.get(source)) is not None:
                source, place = _copied_bit(net, place)
            if isinstance(source, Register):
                shown[source.name, place] = wire.name, bit
    return shown


def _copied_bit(net: LogicNet, bit: int) -> tuple[WireVector, int]:
    """Wire and bit that a bit of a copy, a slice or a concatenation comes from."""
    if net.op == "s":
        return net.args[0], net.op_param[bit]
    for part in reversed(net.args):
        if bit < len(part):
            return part, bit
        bit -= len(part)
    raise ValueError(f"{net} has no bit {bit}")


def _nets(machine: Machine, parts: Iterable[tuple[str, str]]) -> set[LogicNet]:
    return {net for part in parts for net in machine.parts[part] if net.op not in "m@"}


def _in_order(wires: Iterable[WireVector]) -> list[WireVector]:
    return sorted(set(wires), key=lambda wire: creation_order(wire.name))


def _copied(wire: WireVector) -> WireVector:
    if isinstance(wire, Register):
        return Register(len(wire), name=wire.name, reset_value=wire.reset_value)
    return WireVector(len(wire))
