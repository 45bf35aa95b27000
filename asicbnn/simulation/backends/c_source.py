"""C for a whole netlist: its nets cut into functions, one file each, and the loop that runs them.

Several files compile in parallel, and one huge function would take the compiler more than linear
time. The entry points of the result are ``run`` and ``run_until``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

from asicbnn.simulation.backends.c_commit import write_state_update
from asicbnn.simulation.backends.c_function import AT_END, FunctionWriter, Sharing
from asicbnn.simulation.backends.c_values import PRELUDE
from asicbnn.simulation.backends.netlist import Net, Netlist, Wire
from asicbnn.simulation.backends.state_layout import LIMB_BITS, StateLayout

FUNCTION_WEIGHT = 3000  # operands per function: large enough to optimise, small enough to compile

Writer = TypeVar("Writer", bound=FunctionWriter)

_LOOPS = """\
void run(u *S, u cycles) {{
  for (u n = 0; n < cycles; n++) {{ {steps} }}
}}
u run_until(u *S, u flag, u limit) {{
  for (u n = 1; n <= limit; n++) {{ {steps} if (S[flag]) return n; }}
  return 0;
}}
"""


@dataclass(frozen=True)
class CSource:
    """C files, to be compiled and linked together, and the state they work on.

    ``void run(u *S, u cycles)`` runs cycles; ``u run_until(u *S, u flag, u limit)`` returns the
    number of cycles after which limb ``flag`` of the state was set, 0 if it never was.
    """

    files: tuple[str, ...]
    layout: StateLayout


def generate(netlist: Netlist) -> CSource:
    """Translate a netlist."""
    layout = state_layout(netlist)
    writers = write_functions(netlist, layout, FunctionWriter)
    names = [f"part{index}" for index in range(len(writers))]
    loops = _LOOPS.format(steps=" ".join(f"{name}(S);" for name in names))
    if len(writers) == 1:
        return CSource(
            (PRELUDE + writers[0].text("part0", "static inline ") + "\n" + loops,), layout
        )
    files = [PRELUDE + w.text(name, "") for w, name in zip(writers, names, strict=True)]
    declarations = "".join(f"void {name}(u *S);\n" for name in names)
    return CSource((*files, PRELUDE + declarations + loops), layout)


def state_layout(netlist: Netlist) -> StateLayout:
    """Place registers and memories; every build of a netlist has them at the same offsets."""
    layout = StateLayout()
    for register in netlist.registers:
        layout.add_register(register.name, register.bitwidth)
    for memory in netlist.memories:
        layout.add_memory(memory.id, memory.bitwidth, 1 << memory.addrwidth)
    return layout


def write_functions(
    netlist: Netlist, layout: StateLayout, make_writer: Callable[[Sharing], Writer]
) -> list[Writer]:
    """Translate the nets into functions that, called in order, run a cycle."""
    parts = _cut(netlist.nets)
    sharing = _sharing(netlist, parts, layout)
    writers = []
    for part in parts:
        writer = make_writer(sharing)
        for net in part:
            writer.write(net)
        writer.close()  # what waits may read a state that is about to change
        if part is parts[-1]:
            write_state_update(writer, netlist)
        writers.append(writer)
    return writers


def _cut(nets: tuple[Net, ...]) -> list[list[Net]]:
    """Cut the nets into runs of about equal weight; at least one run, even if empty."""
    parts: list[list[Net]] = [[]]
    weight = 0
    for net in nets:
        own = _weight(net)
        if weight + own > FUNCTION_WEIGHT and parts[-1]:
            parts.append([])
            weight = 0
        parts[-1].append(net)
        weight += own
    return parts


def _weight(net: Net) -> int:
    """About the number of operands in the C statements a net becomes."""
    if net.op == "s":
        starts = [low for low, high in pairwise(net.op_param) if high not in (low, low + 1)]
        return len(starts) + 1 + int(net.dests[0].bitwidth) // LIMB_BITS
    if net.op == "c":
        return len(set(net.args)) + int(net.dests[0].bitwidth) // LIMB_BITS
    return len(net.args)


def _sharing(netlist: Netlist, parts: list[list[Net]], layout: StateLayout) -> Sharing:
    number_of: dict[Wire, int] = {}
    part_of: dict[Wire, int] = {}
    readers_of: dict[Wire, set[int]] = {}
    crossing: set[Wire] = set()

    def read(wire: Wire, reader: int, part: int) -> None:
        if wire in part_of:
            readers_of[wire].add(reader)
            if part_of[wire] != part:
                crossing.add(wire)

    for part, nets in enumerate(parts):
        for net in nets:
            (wire,) = net.dests
            number_of[wire] = len(number_of)
            part_of[wire], readers_of[wire] = part, set()
            for argument in net.args:
                read(argument, number_of[wire], part)
    for sink in netlist.next_of.values():
        read(sink, AT_END, len(parts) - 1)
    for write in netlist.writes:
        for argument in write.args:
            read(argument, AT_END, len(parts) - 1)
    return Sharing(layout, number_of, readers_of, crossing)
