"""C for a whole netlist: its nets cut into functions, one file each, and the loop that runs them.

Several files compile in parallel, and one huge function would take the compiler more than linear
time. The entry points of the result are ``run`` and ``run_until``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from asicbnn.simulation.backends.netlist import Net, Netlist, weight
from asicbnn.simulation.backends.state_layout import StateLayout, side_by_side
from asicbnn.simulation.backends.word_level.c_commit import Update, write_state_update
from asicbnn.simulation.backends.word_level.c_function import AT_END, FunctionWriter, Sharing
from asicbnn.simulation.backends.word_level.c_values import PRELUDE

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


def reserve_state(netlist: Netlist) -> StateLayout:
    """Lay out registers and memories: the same for every program of a netlist."""
    layout = StateLayout()
    for group in side_by_side(netlist, registers=True):
        layout.add_registers([(wire.name, wire.bitwidth) for wire in group])
    for register in netlist.registers:
        if register.name not in layout.registers:
            layout.add_register(register.name, register.bitwidth)
    for group in side_by_side(netlist, registers=False):
        words = 1 << group[0].addrwidth
        layout.add_memories([(memory.id, memory.bitwidth) for memory in group], words)
    for memory in netlist.memories:
        if memory.id not in layout.memories:
            layout.add_memory(memory.id, memory.bitwidth, 1 << memory.addrwidth)
    return layout


def generate(netlist: Netlist) -> CSource:
    """Translate a netlist, every net of it."""
    layout = reserve_state(netlist)
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


def write_functions(
    netlist: Netlist, layout: StateLayout, make_writer: Callable[[Sharing], Writer]
) -> list[Writer]:
    """Translate the nets into functions that, called in order, run a cycle."""
    parts = cut(netlist.nets)
    sharing = _sharing(netlist, parts, layout)
    writers = []
    for part in parts:
        writer = make_writer(sharing)
        for net in part:
            writer.write(net)
        writer.close()  # what waits may read a state that is about to change
        if part is parts[-1]:
            write_state_update(writer, Update(netlist.next_of, netlist.writes))
        writers.append(writer)
    return writers


def cut(nets: Sequence[Net]) -> list[list[Net]]:
    """Cut the nets into runs of about equal weight; at least one run, even if empty."""
    parts: list[list[Net]] = [[]]
    total = 0
    for net in nets:
        own = weight(net)
        if total + own > FUNCTION_WEIGHT and parts[-1]:
            parts.append([])
            total = 0
        parts[-1].append(net)
        total += own
    return parts


def _sharing(netlist: Netlist, parts: list[list[Net]], layout: StateLayout) -> Sharing:
    sharing = Sharing(layout, {}, {}, set())
    for part, nets in enumerate(parts):
        for net in nets:
            sharing.add(net, part)
    for wire in [*netlist.next_of.values(), *(w for net in netlist.writes for w in net.args)]:
        sharing.read(wire, AT_END, len(parts) - 1)
    return sharing
