"""What differs between stimuli simulated side by side, and what is the same for all.

An accelerator's control does not depend on data: sequencers, addresses, weights and counters are
the same for every image. Only what the images reach is simulated once per stimulus; the rest once
for all. Where a stimulus writes into something that is the same for all, the stimuli must agree,
which the simulator checks as it runs.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from asicbnn.errors import SimulationError
from asicbnn.simulation.backends.netlist import Net, Netlist, Wire

_WIRING = "wcs"


@dataclass(frozen=True)
class StimulusSplit:
    """The netlist in two parts.

    private_wires    wires whose values differ between stimuli, registers included
    private_memories hold one content per stimulus, by PyRTL id
    private_nets     nets whose results differ between stimuli, and the wiring between the parts
    uniform_nets     the rest
    private_writes   write ports of private memories
    checked_writes   ports of uniform memories of which one receives private values
    uniform_writes   the rest
    """

    private_wires: frozenset[Wire]
    private_memories: frozenset[int]
    private_nets: tuple[Net, ...]
    uniform_nets: tuple[Net, ...]
    private_writes: tuple[Net, ...]
    checked_writes: tuple[Net, ...]
    uniform_writes: tuple[Net, ...]


def split_stimuli(
    netlist: Netlist, entering: Collection[str] | None, shared: Collection[str] = ()
) -> StimulusSplit:
    """Follow what differs from the memories it enters by.

    entering  names of memories whose contents differ between stimuli; None: everything may differ
    shared    names of memories that are the same for all stimuli, whatever is written into them

    Raises SimulationError if a shared memory is read at an address that differs.
    """
    if entering is None:
        private_wires: set[Wire] = {net.dests[0] for net in netlist.nets}
        private_wires.update(netlist.registers)
        memories = {memory.id for memory in netlist.memories if memory.name not in shared}
    else:
        private_wires = set()
        memories = {memory.id for memory in netlist.memories if memory.name in entering}
        while _follow(netlist, private_wires, memories, shared):
            pass
    _check_addresses(netlist, private_wires, memories)
    checked = {
        net.op_param[0]
        for net in netlist.writes
        if net.op_param[0] not in memories and _touches(net, private_wires)
    }
    nets = netlist.nets
    return StimulusSplit(
        frozenset(private_wires),
        frozenset(memories),
        tuple(net for net in nets if net.dests[0] in private_wires or net.op in _WIRING),
        tuple(net for net in nets if net.dests[0] not in private_wires),
        tuple(net for net in netlist.writes if net.op_param[0] in memories),
        tuple(net for net in netlist.writes if net.op_param[0] in checked),
        tuple(net for net in netlist.writes if net.op_param[0] not in memories | checked),
    )


def _touches(net: Net, wires: set[Wire]) -> bool:
    return any(wire in wires for wire in net.args)


def _follow(
    netlist: Netlist, wires: set[Wire], memories: set[int], shared: Collection[str]
) -> bool:
    """Mark what is reached in one pass over the netlist; return whether anything new was."""
    before = len(wires) + len(memories)
    for net in netlist.nets:
        if _touches(net, wires) or (net.op == "m" and net.op_param[0] in memories):
            wires.add(net.dests[0])
        if net.op == "m" and net.args[0] in wires and net.op_param[1].name not in shared:
            memories.add(net.op_param[0])
    wires.update(register for register, source in netlist.next_of.items() if source in wires)
    for net in netlist.writes:
        if _touches(net, wires) and net.op_param[1].name not in shared:
            memories.add(net.op_param[0])
    return len(wires) + len(memories) > before


def _check_addresses(netlist: Netlist, wires: set[Wire], memories: set[int]) -> None:
    for net in netlist.nets:
        if net.op == "m" and net.op_param[0] not in memories and net.args[0] in wires:
            raise SimulationError(
                f"memory {net.op_param[1].name} is the same for all stimuli, but is read at an "
                f"address that differs between them"
            )
