"""C for a scheduled netlist: what need not be evaluated in a cycle is not.

Each segment of the schedule becomes one or more functions, called under the segment's condition;
declared functions become vector code. State and values that functions share lie in the buffer.
The every-net program of `c_source` computes the same and is the reference for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from asicbnn.simulation.backends.netlist import Net, Netlist, Wire
from asicbnn.simulation.backends.state_layout import StateLayout
from asicbnn.simulation.backends.word_level.c_commit import Update, write_state_update
from asicbnn.simulation.backends.word_level.c_function import AT_END, FunctionWriter, Sharing
from asicbnn.simulation.backends.word_level.c_product_count import PRELUDE as COUNT_PRELUDE
from asicbnn.simulation.backends.word_level.c_source import (
    CSource,
    cut,
    reserve_state,
    write_functions,
)
from asicbnn.simulation.backends.word_level.c_values import PRELUDE
from asicbnn.simulation.backends.word_level.conditions import Condition
from asicbnn.simulation.backends.word_level.schedule import STEADY, Schedule, plan

_MOST_FILES = 2  # compiled side by side
_SMALLEST_FILE = 100_000  # characters; for less it does not pay to start another compiler
_SELDOM = '__attribute__((optimize("O0"))) '  # code that runs too seldom to be worth optimising
_LOOPS = """\
static inline __attribute__((always_inline)) void cycle(u *S) {{ {steps} }}
void run(u *S, u cycles) {{
  for (u n = 0; n < cycles; n++) cycle(S);
}}
u run_until(u *S, u flag, u limit) {{
  for (u n = 1; n <= limit; n++) {{ cycle(S); if (S[flag]) return n; }}
  return 0;
}}
"""
_REPLAY = """void replay(u *S) {{ {steps} }}
void run_replayed(u *S, u cycles) {{
  for (u n = 0; n < cycles; n++) {{ cycle(S); replay(S); }}
}}
"""


@dataclass
class _Part:
    """Nets of one function, the segment they belong to, and the state taken at its end."""

    condition: Condition
    nets: list[Net]
    registers: list[Wire]


def generate_scheduled(
    netlist: Netlist, steady: frozenset[str], replay: Netlist | None = None
) -> CSource:
    """Translate a netlist.

    steady  names of registers that seldom change
    replay  a cycle of some more of the registers: ``void replay(u *S)`` runs it, and ``void
            run_replayed(u *S, u cycles)`` in each cycle, after all others
    """
    return _Generator(netlist, steady).source(replay)


class _Generator:
    def __init__(self, netlist: Netlist, steady: frozenset[str]) -> None:
        self.netlist, self.steady = netlist, steady
        self.schedule: Schedule = plan(netlist, steady)
        self.layout: StateLayout = reserve_state(netlist)
        self.changed = self.layout.changed = self.layout.add_scratch(1)
        self.parts = list(self._parts())
        self.sharing = self._sharing()

    def source(self, replay: Netlist | None) -> CSource:
        writers = []
        calls: list[tuple[Condition, str]] = []
        for index, part in enumerate(self.parts):
            writer = FunctionWriter(self.sharing)
            for net in part.nets:
                writer.write(net)
            writer.close()
            if part.registers:
                self._take(writer, part.registers)
            linkage = _SELDOM if part.condition == STEADY else ""
            writers.append(writer.text(f"part{index}", linkage))
            calls.append((part.condition, f"part{index}(S);"))
        writer = FunctionWriter(self.sharing)
        self._finish(writer)
        writers.append(writer.text("finish", ""))
        calls.append((None, "finish(S);"))
        names = [f"part{index}" for index in range(len(self.parts))] + ["finish"]
        loops = _LOOPS.format(steps="\n".join(self._steps(calls)))
        if replay is not None:
            functions = write_functions(replay, self.layout, FunctionWriter)
            replayed = [f"replay{index}" for index in range(len(functions))]
            writers += [w.text(name, "") for w, name in zip(functions, replayed, strict=True)]
            loops += _REPLAY.format(steps=" ".join(f"{name}(S);" for name in replayed))
            names += replayed
        loops = "".join(f"void {name}(u *S);\n" for name in names) + loops
        return CSource(tuple(self._files(writers, loops)), self.layout)

    @staticmethod
    def _files(writers: list[str], loops: str) -> Iterator[str]:
        """Share the functions out over a few files, the largest first."""
        files = min(_MOST_FILES, sum(map(len, writers)) // _SMALLEST_FILE)
        heaps: list[list[str]] = [[] for _ in range(max(1, files))]
        for text in sorted(writers, key=len, reverse=True):
            min(heaps, key=lambda heap: sum(map(len, heap))).append(text)
        for index, heap in enumerate(heaps):
            if heap or not index:
                end = "" if index else loops
                yield "\n".join([PRELUDE, COUNT_PRELUDE, *heap, end])

    # ------------------------------------------------------------------ parts
    def _parts(self) -> Iterator[_Part]:
        for segment in self.schedule.segments:
            parts = cut(segment.nets)
            for nets in parts:
                last = nets is parts[-1]
                yield _Part(segment.condition, nets, segment.registers if last else [])

    def _sharing(self) -> Sharing:
        sharing, wires_of = Sharing(self.layout, {}, {}, set()), self.schedule.wires
        for index, part in enumerate(self.parts):
            for wire, _ in wires_of(part.condition):
                sharing.read(wire, AT_END, index)
            for net in part.nets:
                sharing.add(net, index)
            for register in part.registers:
                sharing.read(self.netlist.next_of[register], AT_END, index)
        late = [self.netlist.next_of[register] for register in self.schedule.late_registers]
        late += [wire for net in self.schedule.late_writes for wire in net.args]
        for one in (*self.schedule.late_registers, *self.schedule.late_writes):
            late += [wire for wire, _ in wires_of(self.schedule.condition_of.get(id(one)))]
        for wire in late:
            sharing.read(wire, AT_END, len(self.parts))
        return sharing

    # ------------------------------------------------------------------ conditions
    def _text(self, condition: Condition) -> str:
        """C expression of a condition."""
        return " | ".join(self._literal(*one) for one in self.schedule.wires(condition))

    def _literal(self, wire: Wire, is_one: bool) -> str:
        if id(wire) in self.sharing.values:
            text = self.sharing.values[id(wire)].text
        else:
            text = f"S[{self.layout.registers[wire.name].offset}]"
        return text if is_one else f"!{text}"

    def _steps(self, calls: list[tuple[Condition, str]]) -> Iterator[str]:
        for condition, group in groupby(calls, key=lambda call: call[0]):
            text = " ".join(call for _, call in group)
            if condition is None:
                yield text
            elif condition == STEADY:
                yield f"if (S[{self.changed}]) {{ {text} S[{self.changed}] = 0; }}"
            else:
                yield f"if ({self._text(condition)}) {{ {text} }}"

    # ------------------------------------------------------------------ state
    def _take(self, writer: FunctionWriter, registers: list[Wire]) -> None:
        """Take the state nobody reads any more in this cycle."""
        write_state_update(writer, Update({r: self.netlist.next_of[r] for r in registers}))
        if self.steady & {register.name for register in registers}:
            writer.line(f"S[{self.changed}] = 1;")

    def _finish(self, writer: FunctionWriter) -> None:
        """Take the state that somebody read to the very end."""
        late = self.schedule.late_registers
        conditions: dict[object, str] = {
            register: self._text(condition)
            for register in late
            if (condition := self.schedule.condition_of[id(register)]) is not None
        }
        for net in self.schedule.late_writes:
            condition = self.schedule.condition_of.get(id(net))
            if condition is not None:
                conditions[id(net)] = self._text(condition)
        for text in dict.fromkeys(
            conditions.get(register, "1") for register in late if register.name in self.steady
        ):
            writer.line(f"S[{self.changed}] |= {text};")
        next_of = {register: self.netlist.next_of[register] for register in late}
        write_state_update(writer, Update(next_of, self.schedule.late_writes, conditions))
