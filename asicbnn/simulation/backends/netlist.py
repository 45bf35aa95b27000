"""A PyRTL block, read once for simulation: its state, and its live logic in a good order.

Nothing here changes the block. The order is depth-first from what is stored (register inputs and
memory write ports), which keeps values short-lived: the compiled simulator runs up to three times
faster than with PyRTL's breadth-first order, and logic that reaches no state is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import pyrtl

from asicbnn.errors import SimulationError
from asicbnn.hardware.declarations import DeclaredFunction, ProductCount, declarations

# The library ships no types. Never compare wires with ==: PyRTL would build a comparator.
Wire: TypeAlias = Any  # pyrtl.WireVector
Net: TypeAlias = Any  # pyrtl.LogicNet
Memory: TypeAlias = Any  # pyrtl.MemBlock

_TEMPORARY = re.compile(r"tmp(\d+)")


@dataclass(frozen=True)
class Netlist:
    """State and live logic of a block without inputs.

    registers  sorted by name, unnamed ones after the others in the order they were made
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
    def op_param(self) -> tuple[int, ...]:
        """The numbers that make out the function."""
        return self.function.shape

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
    """Refuse a block that is malformed or waits for inputs nobody drives.

    PyRTL's check takes as long as a fifth of a build: not twice for a block nobody added to.
    """
    if declarations(block).checked != len(block.logic):
        try:
            block.sanity_check()
        except pyrtl.PyrtlError as error:
            raise SimulationError(f"the block is malformed: {error}") from error
    check_inputs(block)


def check_inputs(block: Any) -> None:
    """Refuse a block that waits for inputs nobody drives."""
    if inputs := sorted(wire.name for wire in block.wirevector_subset(pyrtl.Input)):
        raise SimulationError(
            f"the block has inputs ({', '.join(inputs)}); drive them from registers or memories"
        )


def is_temporary(wire: Wire) -> bool:
    """Whether PyRTL named the wire, with a number that depends on what was built before."""
    return _TEMPORARY.match(wire.name) is not None


def wire_order(wire: Wire) -> tuple[int, str]:
    """Sort key: names as text, but temporaries by number, the order in which they were made."""
    made = _TEMPORARY.match(wire.name)
    return (int(made[1]), "") if made else (-1, wire.name)


def state_of(block: Any) -> tuple[tuple[Wire, ...], tuple[Memory, ...]]:
    """Return registers and memories with ports, in the order of `Netlist`."""
    registers = sorted(block.wirevector_subset(pyrtl.Register), key=wire_order)
    ported = {net.op_param[1].id: net.op_param[1] for net in block.logic_subset("m@")}
    memories = sorted(ported.values(), key=lambda memory: (memory.name, memory.id))
    return tuple(registers), tuple(memories)


def read_netlist(
    block: Any, functions: Sequence[DeclaredFunction] = (), watched: Iterable[Wire] = ()
) -> Netlist:
    """Order the live logic of a block.

    functions  declared functions without registers inside, which take the place of the logic
               behind their outputs
    watched    wires to be computed though they may reach no state; they come last
    Raises SimulationError for a combinational loop, or logic that nothing drives.
    """
    registers, memories = state_of(block)
    following = next_of(block, registers)
    writes = tuple(net for memory in memories for net in memory.writeport_nets)
    sinks = [following[register] for register in registers]
    sinks += [argument for net in writes for argument in net.args]
    sinks += watched
    driver_of = drivers(block, functions)
    return Netlist(registers, following, memories, writes, depth_first(sinks, driver_of))


def next_of(block: Any, registers: Sequence[Wire]) -> dict[Wire, Wire]:
    """The wire each register copies at the end of a cycle."""
    driven = {net.dests[0]: net.args[0] for net in block.logic_subset("r")}
    if idle := [register.name for register in registers if register not in driven]:
        raise SimulationError(f"the block is malformed: nothing drives register {idle[0]}")
    return {register: driven[register] for register in registers}


def drivers(block: Any, functions: Sequence[DeclaredFunction] = ()) -> dict[int, Net]:
    """The net, or declared function, that computes each wire, by the wire's identity."""
    driver_of = {id(net.dests[0]): net for net in block.logic if net.op not in "r@"}
    for function in functions:
        driver_of |= dict.fromkeys(map(id, function.outputs), DeclaredNet(function))
    return driver_of


def depth_first(sinks: Iterable[Wire], driver_of: dict[int, Net]) -> tuple[Net, ...]:
    """Nets driving the sinks, arguments first, without recursion (chains may be very deep).

    driver_of  by the identity of the wire: PyRTL's own hash of a wire takes half of the time
    """
    order: list[Net] = []
    open_or_done: dict[int, bool] = {}  # False while its arguments are being visited
    done: set[int] = set()  # declared functions drive several wires
    for sink in sinks:
        stack: list[tuple[Wire, Net | None]] = [(sink, None)]
        while stack:
            wire, finished = stack.pop()
            identity = id(wire)
            if finished is not None:
                if id(finished) not in done:
                    order.append(finished)
                    done.add(id(finished))
                open_or_done[identity] = True
            elif identity in open_or_done:
                if not open_or_done[identity]:
                    raise SimulationError(f"combinational loop through wire {wire.name}")
            elif (net := driver_of.get(identity)) is not None:
                open_or_done[identity] = False
                stack.append((wire, net))
                stack.extend([(argument, None) for argument in net.args[::-1]])
            elif not isinstance(wire, pyrtl.Register | pyrtl.Const):
                raise SimulationError(f"the block is malformed: nothing drives wire {wire.name}")
    return tuple(order)
