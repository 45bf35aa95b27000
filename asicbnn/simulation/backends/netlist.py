"""A PyRTL block, read once for simulation: its state, and its live logic in a good order.

Nothing here changes the block. The order is depth-first from what is stored (register inputs and
memory write ports), which keeps values short-lived: the compiled simulator runs up to three times
faster than with PyRTL's breadth-first order, and logic that reaches no state is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import pyrtl

from asicbnn.errors import SimulationError
from asicbnn.hardware.declarations import DeclaredFunction, ProductCount

# The library ships no types. Never compare wires with ==: PyRTL would build a comparator.
Wire: TypeAlias = Any  # pyrtl.WireVector
Net: TypeAlias = Any  # pyrtl.LogicNet
Memory: TypeAlias = Any  # pyrtl.MemBlock


@dataclass(frozen=True)
class Netlist:
    """State and live logic of a block without inputs.

    registers  sorted by name
    next_of    the wire each register copies at the end of a cycle
    memories   those with at least one port, sorted by name
    writes     write ports, per memory in the order they were made: the last one wins
    nets       combinational nets that reach state, each after its arguments
    """

    registers: tuple[Wire, ...]
    next_of: dict[Wire, Wire]
    memories: tuple[Memory, ...]
    writes: tuple[Net, ...]
    nets: tuple[Net, ...]


@dataclass(frozen=True, eq=False)
class DeclaredNet:
    """A function that the hardware declares, in place of the nets that compute it.

    Stands among the nets of a netlist and looks like one; it alone drives several wires.
    """

    function: DeclaredFunction
    op: str = "F"

    @property
    def args(self) -> tuple[Wire, ...]:
        return self.function.inputs

    @property
    def dests(self) -> tuple[Wire, ...]:
        return self.function.outputs


def weight(net: Net) -> int:
    """About the number of operands in the C statements a net becomes."""
    if net.op == "F":
        products = net.function.lanes if isinstance(net.function, ProductCount) else 0
        return 6 * len(net.args) + products
    if net.op == "s":
        starts = [low for low, high in pairwise(net.op_param) if high not in (low, low + 1)]
        return len(starts) + 1 + int(net.dests[0].bitwidth) // 64
    if net.op == "c":
        return len(set(net.args)) + int(net.dests[0].bitwidth) // 64
    return len(net.args)


def check_block(block: Any) -> None:
    """Refuse a block that is malformed or waits for inputs nobody drives."""
    try:
        block.sanity_check()
    except pyrtl.PyrtlError as error:
        raise SimulationError(f"the block is malformed: {error}") from error
    if inputs := sorted(wire.name for wire in block.wirevector_subset(pyrtl.Input)):
        raise SimulationError(
            f"the block has inputs ({', '.join(inputs)}); drive them from registers or memories"
        )


def state_of(block: Any) -> tuple[tuple[Wire, ...], tuple[Memory, ...]]:
    """Return registers and memories with ports, each sorted by name."""
    registers = sorted(block.wirevector_subset(pyrtl.Register), key=lambda wire: wire.name)
    ported = {net.op_param[1].id: net.op_param[1] for net in block.logic_subset("m@")}
    memories = sorted(ported.values(), key=lambda memory: (memory.name, memory.id))
    return tuple(registers), tuple(memories)


def read_netlist(block: Any, functions: Sequence[DeclaredFunction] = ()) -> Netlist:
    """Order the live logic of a checked block.

    functions  declared functions that take the place of the logic behind their outputs
    """
    registers, memories = state_of(block)
    driven = {net.dests[0]: net.args[0] for net in block.logic_subset("r")}
    next_of = {register: driven[register] for register in registers}
    writes = tuple(net for memory in memories for net in memory.writeport_nets)
    sinks = [next_of[register] for register in registers]
    sinks += [argument for net in writes for argument in net.args]
    driver_of = {net.dests[0]: net for net in block.logic if net.op not in "r@"}
    for function in functions:
        driver_of |= dict.fromkeys(function.outputs, DeclaredNet(function))
    return Netlist(registers, next_of, memories, writes, _depth_first(sinks, driver_of))


def _depth_first(sinks: Iterable[Wire], driver_of: dict[Wire, Net]) -> tuple[Net, ...]:
    """Nets driving the sinks, arguments first, without recursion (chains may be very deep)."""
    order: list[Net] = []
    open_or_done: dict[Wire, bool] = {}  # False while its arguments are being visited
    done: set[int] = set()  # declared functions drive several wires
    for sink in sinks:
        stack = [(sink, False)]
        while stack:
            wire, arguments_done = stack.pop()
            if arguments_done:
                if id(driver_of[wire]) not in done:
                    done.add(id(driver_of[wire]))
                    order.append(driver_of[wire])
                open_or_done[wire] = True
            elif wire in open_or_done:
                if not open_or_done[wire]:
                    raise SimulationError(f"combinational loop through wire {wire.name}")
            elif wire in driver_of:
                open_or_done[wire] = False
                stack.append((wire, True))
                stack.extend((argument, False) for argument in reversed(driver_of[wire].args))
    return tuple(order)
