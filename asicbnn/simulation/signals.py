"""Which wires of an accelerator a person wants to see, and under which names of the spec."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pyrtl

from asicbnn.hardware.accelerator import Machine
from asicbnn.simulation.backends.netlist import Memory, Wire, is_temporary
from asicbnn.simulation.value_changes import identifier

PROBE = "probe"
"""Registers and memories that count for the simulation and are no part of the chip."""
_MEMORY_SCOPES = {
    "weight_buffer": ("buffers", "weight"),
    "input_buffer": ("buffers", "input"),
    "psum_buffer": ("buffers", "psum"),
    "threshold_buffer": ("buffers", "threshold"),
    "pool_buffer": ("buffers", "pool"),
    "store_weights": ("store", "weights"),
    "store_a": ("store", "activations_a"),
    "store_b": ("store", "activations_b"),
    "host_in": ("host", "incoming"),
    "host_out": ("host", "outgoing"),
    "classes": ("output", "classes"),
}
_PORTS = {"m": ("read", ("address",)), "@": ("write", ("address", "data", "enable"))}


@dataclass(frozen=True)
class Signal:
    """A wire to watch, and where a person looks for it.

    scopes, name  as in the spec: component, buffer or link, then register or port
    wire          PyRTL's name
    """

    scopes: tuple[str, ...]
    name: str
    bits: int
    wire: str


def signals_of(machine: Machine, *, nets: bool = False) -> list[Signal]:
    """List named registers by component, memory ports by memory, and on request all other wires.

    Sorted by scope, then by name, numbers inside names as numbers.
    """
    component_of = {
        wire.name: component
        for component, logic in machine.stages.items()
        for net in logic
        for wire in net.dests
    }
    found = list(_registers(machine, component_of))
    memories = {net.op_param[1].name: net.op_param[1] for net in machine.block.logic_subset("m@")}
    for name in sorted(memories, key=_natural):
        found += _ports(memories[name], sum(_base(name) == _base(other) for other in memories))
    if nets:
        known = {signal.wire for signal in found}
        found += [
            Signal((component, "nets"), identifier(wire.name), wire.bitwidth, wire.name)
            for wire in machine.block.wirevector_set
            if wire.name not in known and (component := component_of.get(wire.name))
        ]
    return sorted(found, key=lambda signal: (signal.scopes, _natural(signal.name)))


def _registers(machine: Machine, component_of: dict[str, str]) -> Iterator[Signal]:
    for wire in machine.block.wirevector_subset(pyrtl.Register):
        if not is_temporary(wire):
            is_probe = wire.name.startswith(f"{PROBE}_")
            scope = PROBE if is_probe else component_of.get(wire.name, "controller")
            yield Signal((scope,), identifier(wire.name), wire.bitwidth, wire.name)


def _ports(memory: Memory, slices: int) -> Iterator[Signal]:
    """Ports of one slice of a memory; wires that are constants are left out."""
    base = _base(memory.name)
    if base not in _MEMORY_SCOPES:
        return
    scopes: tuple[str, ...] = _MEMORY_SCOPES[base]
    if slices > 1:
        scopes = (*scopes, f"slice{memory.name[len(base) :]}")
    for ports in (memory.readport_nets, memory.writeport_nets):
        for number, net in enumerate(ports):
            kind, roles = _PORTS[net.op]
            prefix = kind if len(ports) == 1 else f"{kind}{number}"
            named: list[tuple[str, Wire]] = list(zip(roles, net.args, strict=True))
            named += [("data", wire) for wire in net.dests]
            for role, wire in named:
                if not isinstance(wire, pyrtl.Const):
                    yield Signal(scopes, f"{prefix}_{role}", wire.bitwidth, wire.name)


def _base(name: str) -> str:
    """Return a memory's name without the number of its slice."""
    return name.rstrip("0123456789")


def _natural(name: str) -> list[tuple[int, str]]:
    """Sort key that takes digits as numbers: step2 before step10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]
