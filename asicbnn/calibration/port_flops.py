"""Flip-flops on the ports of a mapped block, as the machine around it has them.

A path is timed from register to register, and a block that was cut out begins and ends at pins.
"""

from __future__ import annotations

from dataclasses import replace

from asicbnn.calibration.mapped_netlist import ONE, Instance, MappedNetlist
from asicbnn.calibration.sequential_cells import Flop, sequential
from asicbnn.errors import EnvironmentProblem
from asicbnn.technology.liberty import LibertyCell, Library


def registered(
    netlist: MappedNetlist, library: Library, usable: frozenset[str], *, outputs: bool = True
) -> MappedNetlist:
    """Return a netlist with a flip-flop on every bit of its ports, the clock's aside.

    outputs  on those as well; without them what leaves the block ends no path
    """
    flop, data, out, tied = _smallest_flop(library, usable)
    [clock] = netlist.inputs["clock"]
    moved, nets = {}, netlist.nets
    ports = {**netlist.inputs, **(netlist.outputs if outputs else {})}
    for name, bits in ports.items():
        if name != "clock":
            moved[name] = tuple(range(nets, nets + len(bits)))
            nets += len(bits)
    flops = []
    for name, outside in moved.items():
        is_input = name in netlist.inputs
        inside = netlist.inputs[name] if is_input else netlist.outputs[name]
        for bit, (inner, outer) in enumerate(zip(inside, outside, strict=True)):
            before, behind = (outer, inner) if is_input else (inner, outer)
            pins = {data: before, flop.clock: clock, **tied}
            flops.append(Instance(f"{name}{bit}", flop.cell.name, (), pins, {out: behind}))
    return replace(
        netlist, instances=(*netlist.instances, *flops), nets=nets,
        inputs={name: moved.get(name, bits) for name, bits in netlist.inputs.items()},
        outputs={name: moved.get(name, bits) for name, bits in netlist.outputs.items()},
    )  # fmt: skip


def _smallest_flop(
    library: Library, usable: frozenset[str]
) -> tuple[Flop, str, str, dict[str, int]]:
    """Smallest flip-flop with one data pin: it, that pin, an output, its resets tied to rest."""
    cells = sorted((library.cells[name] for name in usable), key=lambda c: (c.area_um2, c.name))
    for cell in cells:
        if not any(storage.kind == "flop" for storage in cell.storages) or cell.clock_gate:
            continue
        found = _rising(cell)
        if found and len(found.inputs) == 1 and (shown := found.outputs()):
            tied = dict.fromkeys(found.resets, ONE)
            if not found.is_reset(dict.fromkeys(tied, True)):
                return found, found.inputs[0], shown[0].name, tied
    raise EnvironmentProblem(f"library {library.name} has no plain flip-flop")


def _rising(cell: LibertyCell) -> Flop | None:
    try:
        found = sequential(cell)
    except EnvironmentProblem:
        return None
    return found if isinstance(found, Flop) else None


__all__ = ["registered"]
