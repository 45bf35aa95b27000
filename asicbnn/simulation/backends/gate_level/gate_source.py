"""C for a block simulated on many stimuli at once: what is uniform in words, the rest in gates.

One cycle: the word-level code (`c_source`) runs the uniform part and hands over what the gates
read; the sections of gates run; then private registers and memories take their new values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from asicbnn.simulation.backends.gate_level.gate_changes import ChangeFlags
from asicbnn.simulation.backends.gate_level.gate_commit import CommitWriter, Faults
from asicbnn.simulation.backends.gate_level.gate_cover import cover, expression
from asicbnn.simulation.backends.gate_level.gate_layout import GateLayout, PrivateSlot
from asicbnn.simulation.backends.gate_level.gate_netlist import READ, map_gates
from asicbnn.simulation.backends.gate_level.gate_plan import Section, Span, Unit, plan
from asicbnn.simulation.backends.gate_level.gate_templates import (
    DECLARE,
    DEFINE,
    EXPAND,
    FORMS,
    LOOPS,
    PRELUDE,
    STEP,
    TERNARY,
    TRANSPOSE,
)
from asicbnn.simulation.backends.gate_level.gate_trimming import fold_constants, live_signals
from asicbnn.simulation.backends.gate_level.stimulus_split import StimulusSplit
from asicbnn.simulation.backends.netlist import Net, Netlist, Wire
from asicbnn.simulation.backends.state_layout import StateLayout
from asicbnn.simulation.backends.word_level.c_source import generate

FILE_WEIGHT = 3000  # functions per file, about: files compile in parallel


@dataclass(frozen=True)
class Options:
    """How a block becomes gates and code.

    lanes            stimuli side by side, a multiple of 64
    ternary          the processor computes functions of three bits in one instruction
    folds_constants  simplify gates that read constants
    drops_dead       leave out gates whose output reaches no state
    """

    lanes: int
    ternary: bool
    folds_constants: bool = True
    drops_dead: bool = True


@dataclass(frozen=True)
class GateSource:
    """C files, to be compiled and linked together, and what they work on.

    faults        what went wrong when a run ends early, by its code - 1
    gates         how many gates are evaluated
    instructions  how many operations on vectors that takes
    """

    files: tuple[str, ...]
    uniform: StateLayout
    private: GateLayout
    faults: tuple[str, ...]
    gates: int
    instructions: int


def generate_gates(netlist: Netlist, split: StimulusSplit, options: Options) -> GateSource:
    """Translate a netlist that is split between what stimuli share and what differs."""
    return _Generator(netlist, split, options).source()


class _Generator:
    def __init__(self, netlist: Netlist, split: StimulusSplit, options: Options) -> None:
        self._netlist, self._split, self._options = netlist, split, options
        self._gates = map_gates(split.private_nets)
        self._layout = GateLayout()
        self._registers = [r for r in netlist.registers if r in split.private_wires]
        for register in self._registers:
            bits = register.bitwidth
            self._layout.registers[register.name] = PrivateSlot(self._layout.reserve(bits), bits)
        for memory in netlist.memories:
            if memory.id in split.private_memories:
                bits, words = memory.bitwidth, 1 << memory.addrwidth
                offset = self._layout.reserve(bits * words)
                self._layout.memories[memory.id] = PrivateSlot(offset, bits, words)
        self._instructions = 0

    def source(self) -> GateSource:
        options, layout, faults = self._options, self._layout, Faults()
        sink_wires = self._sink_wires()
        for wire in sink_wires:
            self._gates.of(wire)
        if options.folds_constants:
            self._gates = fold_constants(self._gates)
        sinks = [bit for wire in sink_wires for bit in self._gates.bits[wire]]
        live = bytearray(b"\1" * len(self._gates.kinds))
        if options.drops_dead:
            live = live_signals(self._gates, sinks)
        checked = self._reads(live)
        sections = plan(self._gates, live, sinks, checked)
        self._place(sections, sinks)
        uniform = generate(self._uniform())
        changes = ChangeFlags(self._gates, layout)
        conditions = changes.conditions(sections)
        commit = CommitWriter(self._split, self._gates, layout, uniform.layout, faults, changes)
        last = [
            self._hand_over_text(uniform.layout, changes),
            commit.text(self._registers, self._netlist),
        ]
        steps = [
            STEP.format(index=index, flag=changes.flag("section", index), condition=condition)
            for index, condition in enumerate(conditions)
        ]
        bodies = [self._body(section, faults) for section in sections]
        different = faults.add("the flag register differs between stimuli")
        gates = sum(unit.width for section in sections for unit in section.units)
        files = (*uniform.files, *self._files(sections, bodies, last, steps, different))
        return GateSource(
            files, uniform.layout, layout, tuple(faults.sentences), gates, self._instructions
        )  # fmt: skip

    # -- what is read from where -----------------------------------------------------------------

    def _sink_wires(self) -> list[Wire]:
        """Wires whose bits the gates must deliver."""
        private = self._split.private_wires
        wires = [self._netlist.next_of[register] for register in self._registers]
        for net in self._split.private_writes:
            address, data, enable = net.args
            wires.append(data)
            wires += [wire for wire in (address, enable) if wire in private]
        for net in self._split.checked_writes:
            wires += [wire for wire in net.args if wire in private]
        return wires

    def _reads(self, live: bytearray) -> list[int]:
        """Number the live read ports; return those whose address is made of gates."""
        checked = []
        for first, read in self._gates.reads.items():
            if any(live[first : first + self._gates.sizes[first]]):
                self._layout.reads[first] = len(self._layout.reads)
                if self._address_wire(read.first) is None:
                    checked.append(first)
        return checked

    def _address_wire(self, first: int) -> Wire | None:
        """The uniform wire that is a read port's address, if it is uniform."""
        wire = self._gates.reads[first].wire
        return None if wire in self._split.private_wires else wire

    def _place(self, sections: list[Section], sinks: Sequence[int]) -> None:
        """Give stored values room, and have the uniform bits handed over that gates read."""
        gates, layout = self._gates, self._layout
        for section in sections:
            for unit in section.units:
                self._hand_over(span.first for span in unit.operands)
                if unit.span in section.stored:
                    origin = gates.origins[unit.span.first]
                    if origin not in layout.groups:
                        layout.groups[origin] = layout.reserve(gates.sizes[origin])
        self._hand_over(sinks)
        for first in layout.reads:
            if (wire := self._address_wire(first)) is not None:
                layout.export(wire, as_masks=False)
        for net in (*self._split.private_writes, *self._split.checked_writes):
            for wire in net.args:
                if wire not in self._split.private_wires:
                    layout.export(wire, as_masks=False)

    def _hand_over(self, signals: Iterable[int]) -> None:
        for signal in signals:
            wire = self._gates.sources.get(self._gates.origins[signal])
            if wire is not None and wire not in self._split.private_wires:
                self._layout.export(wire, as_masks=True)

    def _uniform(self) -> Netlist:
        """The uniform part as a netlist of its own, exports being registers of it."""
        split, netlist = self._split, self._netlist
        exports = list(self._layout.exports.values())
        next_of = {r: s for r, s in netlist.next_of.items() if r not in split.private_wires}
        next_of |= {export: export.wire for export in exports}
        registers = [r for r in netlist.registers if r not in split.private_wires]
        memories = [m for m in netlist.memories if m.id not in split.private_memories]
        wanted = set(next_of.values()) | {w for net in split.uniform_writes for w in net.args}
        nets: list[Net] = []
        for net in reversed(split.uniform_nets):
            if net.dests[0] in wanted:
                nets.append(net)
                wanted.update(net.args)
        return Netlist(
            (*registers, *exports), next_of, tuple(memories), split.uniform_writes,
            tuple(reversed(nets)),
        )  # fmt: skip

    # -- code ------------------------------------------------------------------------------------

    def _body(self, section: Section, faults: Faults) -> list[str]:
        """Statements of one section."""
        checks = any(unit.kind == READ for unit in section.units)
        lines: list[str] = []
        local: set[Span] = set()

        def operand(span: Span) -> str:
            return f"g{span.first}" if span in local else self._layout.place(self._gates, span)

        def define(span: Span, text: str) -> None:
            lines.append(f"const V g{span.first} = {text};")
            local.add(span)
            if span in section.stored:
                lines.append(f"{self._layout.place(self._gates, span)} = g{span.first};")
            self._instructions += section.width

        if self._options.ternary and not checks:
            needed = set(section.stored)
            if not self._options.drops_dead:
                needed = {unit.span for unit in section.units}
            for function in cover(section.units, needed):
                define(function.output, expression(function, operand))
            return lines
        for unit in section.units:
            if unit.kind == READ:
                lines += self._checked_read(unit, operand, faults)
            else:
                define(unit.span, FORMS[unit.kind].format(*map(operand, unit.operands)))
        return lines

    def _checked_read(
        self, unit: Unit, operand: Callable[[Span], str], faults: Faults
    ) -> list[str]:
        """Set the word a port reads, from an address on which all stimuli must agree."""
        memory = self._gates.reads[unit.span.first].memory
        slot = self._layout.memories[memory.id]
        code = faults.add(f"memory {memory.name}: stimuli read different words in one cycle")
        bits = " | ".join(
            f"agreed({operand(span)}, ~(V){{0}}, &differ) << {i}"
            for i, span in enumerate(unit.operands)
        )
        port = self._layout.reads[unit.span.first]
        return [
            "{",
            "u differ = 0;",
            f"A[{port}] = {slot.offset} + {slot.bits} * ({bits});",
            f"if (differ) return {code};",
            "}",
        ]

    def _hand_over_text(self, uniform: StateLayout, changes: ChangeFlags) -> str:
        """The function that spreads uniform bits into M and finds the words that are read."""
        moves = [
            f"{{{uniform.registers[export.name].offset + limb}, {(export.mask or 0) + 64 * limb}}}"
            for export, limb in changes.limbs
        ]
        lines = ["static void hand_over(u *S, u *M, u *A, u *Q) {"]
        if moves:
            lines += [
                f"static const struct {{ unsigned from, to; }} T[] = {{{', '.join(moves)}}};",
                f"for (int i = 0; i < {len(moves)}; i++) {{",
                "const u limb = S[T[i].from];",
                f"if ((A[{changes.first_limb} + i] = limb != Q[i])) {{",
                "Q[i] = limb;",
                "expand(limb, M + T[i].to);",
                "}",
                "}",
            ]
        for first, port in self._layout.reads.items():
            if (wire := self._address_wire(first)) is not None:
                slot = self._layout.memories[self._gates.reads[first].memory.id]
                number = uniform.registers[self._layout.exports[wire].name].offset
                flag = changes.flag("read", first)
                lines += [
                    f"const u a{port} = {slot.offset} + {slot.bits} * S[{number}];",
                    f"{flag} = a{port} != A[{port}];",
                    f"A[{port}] = a{port};",
                ]
        return "\n".join([*lines, "}"])

    def _files(
        self,
        sections: list[Section],
        bodies: list[list[str]],
        last: list[str],
        steps: list[str],
        different: int,
    ) -> Iterator[str]:
        """Sections in files of about equal size, and the loops in the last one."""
        octets = self._options.lanes // 8
        splat = ", ".join(["limb"] * (octets // 8))
        prelude = PRELUDE.format(octets=octets, limbs=octets // 8, splat=splat)
        heading = prelude + (TERNARY if self._options.ternary else "")
        texts: list[str] = []
        weight = 0
        for index, (section, body) in enumerate(zip(sections, bodies, strict=True)):
            loop = f"for (int k = 0; k < {section.width}; k++) {{" if section.width > 1 else "{"
            texts.append("\n".join([DEFINE.format(index), loop, *body, "}", "return 0;", "}"]))
            weight += len(body)
            if weight >= FILE_WEIGHT:
                yield heading + "\n".join(texts)
                texts, weight = [], 0
        if texts:
            yield heading + "\n".join(texts)
        declarations = "".join(DECLARE.format(index) for index in range(len(sections)))
        loops = LOOPS.format(steps="\n".join(steps), different=different)
        yield "\n".join([prelude, EXPAND, declarations, *last, loops, TRANSPOSE])
