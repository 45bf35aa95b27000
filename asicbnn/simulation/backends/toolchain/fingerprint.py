"""A hash of a netlist: equal for equal hardware in any process, whatever came before.

Names of temporary wires and numbers of memories depend on what PyRTL built earlier, and sets on
the hash seed, so neither enters: nets are taken in the netlist's order and wires by position.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import pyrtl

from asicbnn.simulation.backends.netlist import Net, Netlist, Wire, is_temporary


def fingerprint(netlist: Netlist, *circumstances: str) -> str:
    """SHA-256 of a netlist and of whatever else the generated code depends on, as 64 hex digits."""
    name_of = {id(wire): str(index) for index, wire in enumerate(netlist.registers)}
    memory_number = {memory.id: index for index, memory in enumerate(netlist.memories)}

    def names(wires: Sequence[Wire]) -> str:
        try:
            return ",".join([name_of[id(wire)] for wire in wires])
        except KeyError:  # a constant met for the first time
            for wire in wires:
                name_of.setdefault(id(wire), f"{getattr(wire, 'val', 0):x}'{wire.bitwidth}")
            return names(wires)

    lines = [*circumstances, ""]
    for register in netlist.registers:
        name = "" if is_temporary(register) else register.name
        lines.append(f"r {name} {register.bitwidth}")
    for memory in netlist.memories:
        is_rom = int(isinstance(memory, pyrtl.RomBlock))
        lines.append(f"m {memory.name} {memory.bitwidth} {memory.addrwidth} {is_rom}")
    for number, net in enumerate(netlist.nets, len(name_of)):
        parameter = _parameter(net, memory_number) if net.op_param is not None else ""
        widths = ",".join([str(wire.bitwidth) for wire in net.dests])
        lines.append(f"{net.op} {parameter} {names(net.args)} {widths}")
        for index, wire in enumerate(net.dests):
            name_of[id(wire)] = f"{number}.{index}" if index else str(number)
    lines += [names([netlist.next_of[register]]) for register in netlist.registers]
    lines += [f"@ {memory_number[net.op_param[0]]} {names(net.args)}" for net in netlist.writes]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _parameter(net: Net, memory_number: dict[int, int]) -> str:
    if net.op == "m":
        return str(memory_number[net.op_param[0]])
    if net.op == "s":
        return array("I", net.op_param).tobytes().hex()
    return f"{type(net.function).__name__} {net.op_param}"


@lru_cache
def generator_identity() -> str:
    """SHA-256 of the sources of this package: other generators may write other code."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
