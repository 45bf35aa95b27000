"""Which gates of a memory decode an address, drive the lines of words, and OR their bits.

Mapping leaves no names inside but those of the lines' own buffers, which it leaves alone. So gates
are told by what they follow: whatever a stored bit reaches through gates is in a column, whatever
else a line's buffer reaches is a line, and the rest decodes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

from asicbnn.calibration.gate_cells import GateCells
from asicbnn.calibration.mapped_netlist import MappedNetlist

ReadPart = Literal["addresses", "lines", "columns"]
READ_PARTS: tuple[ReadPart, ...] = get_args(ReadPart)
_DRIVERS = "drivers"
"""How the instances that drive lines begin (`hardware/verilog/cell_memories.py`)."""


def read_parts(netlist: MappedNetlist, cells: GateCells) -> tuple[ReadPart, ...]:
    """Return the part of a read that each instance of a memory works for.

    What holds a state is counted among the columns, of which it is no gate.
    """
    state = {i for i, instance in enumerate(netlist.instances) if _is_state(instance.cell, cells)}
    drivers = {i for i, each in enumerate(netlist.instances) if each.name.startswith(_DRIVERS)}
    columns = _reached(netlist, state, state)
    lines = _reached(netlist, drivers, columns)
    return tuple(
        "columns" if i in columns else "lines" if i in lines else "addresses"
        for i in range(len(netlist.instances))
    )


def _is_state(cell: str, cells: GateCells) -> bool:
    """Say whether a cell is a flip-flop, a latch or a clock gate."""
    return cells.sequential(cell) is not None or any(g.is_stored for g in cells.gates(cell))


def _reached(netlist: MappedNetlist, starts: Iterable[int], ends: Iterable[int]) -> frozenset[int]:
    """Return instances that others reach through gates, these among them.

    ends  are not entered, nor looked for behind
    """
    found, stops = set(starts), frozenset(ends)
    waiting = list(found)
    while waiting:
        for net in netlist.instances[waiting.pop()].outputs.values():
            for reader, _ in netlist.loads.get(net, ()):
                if reader not in found and reader not in stops:
                    found.add(reader)
                    waiting.append(reader)
    return frozenset(found)


__all__ = ["READ_PARTS", "ReadPart", "read_parts"]
