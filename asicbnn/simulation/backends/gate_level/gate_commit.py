"""The end of a cycle of the bit-sliced simulator: private registers and memories take new values.

What is still to be overwritten is read first: words read from memories and registers copied into
other registers wait in vectors of their own. Memories are written before registers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from asicbnn.simulation.backends.gate_level.gate_changes import ChangeFlags
from asicbnn.simulation.backends.gate_level.gate_layout import GateLayout, PrivateSlot
from asicbnn.simulation.backends.gate_level.gate_netlist import READ, SOURCE, GateNetlist
from asicbnn.simulation.backends.gate_level.gate_plan import Span
from asicbnn.simulation.backends.gate_level.stimulus_split import StimulusSplit
from asicbnn.simulation.backends.netlist import Net, Netlist, Wire
from asicbnn.simulation.backends.state_layout import LIMB_BITS, StateLayout, limbs_of

_EVERY = "~(V){0}"


@dataclass
class Faults:
    """Sentences about what ends a run early; the generated code returns their numbers, from 1."""

    sentences: list[str] = field(default_factory=list)

    def add(self, sentence: str) -> int:
        if sentence not in self.sentences:
            self.sentences.append(sentence)
        return self.sentences.index(sentence) + 1


@dataclass(frozen=True)
class _Run:
    """``count`` bits of a wire from ``position`` on, and where they are."""

    position: int
    count: int
    text: str


class CommitWriter:
    """Writes the C function ``commit``."""

    def __init__(
        self,
        split: StimulusSplit,
        gates: GateNetlist,
        layout: GateLayout,
        uniform: StateLayout,
        faults: Faults,
        changes: ChangeFlags,
    ) -> None:
        self._split, self._gates, self._layout = split, gates, layout
        self._uniform, self._faults, self._changed = uniform, faults, changes
        self._captures: list[str] = []

    def text(self, registers: Sequence[Wire], netlist: Netlist) -> str:
        """The function; it returns the number of a fault, 0 if there was none."""
        stores: list[str] = []
        for net in self._split.private_writes:
            stores += self._private_write(net)
        for net in self._split.checked_writes:
            stores += self._checked_write(net)
        for register in registers:
            slot = self._layout.registers[register.name]
            source = netlist.next_of[register]
            stores.append("{ V d = (V){0};")
            for run in self._runs(source, register.bitwidth, register):
                target = f"P[{slot.offset + run.position} + k]"
                step = f"const V x = {run.text}; d |= x ^ {target}; {target} = x;"
                stores.append(_loop(run.count, step))
            stores.append(f"{self._changed.flag('register', register.name)} = any(d); }}")
        return "\n".join(
            [
                "static u commit(V *restrict P, u *restrict S, u *restrict M, u *restrict A) {",
                *self._captures,
                *(f"{self._changed.flag('memory', m)} = 0;" for m in sorted(self._layout.memories)),
                *stores,
                "return 0;",
                "}",
            ]
        )

    # -- bits of wires ---------------------------------------------------------------------------

    def _runs(self, wire: Wire, bits: int, into: Wire | None = None) -> Iterator[_Run]:
        """The lowest bits of a wire in runs that lie side by side, held against overwriting.

        into  the register the bits go to: bits that stay where they are are left out
        """
        signals = list(self._gates.bits[wire])[:bits]
        own = self._gates.bits.get(into, ()) if into is not None else ()
        position = 0
        while position < len(signals):
            span, count = self._span(signals, position)
            stays = position < len(own) and own[position] == span.first and span.step == 1
            if not (stays or (count == 1 and own[position : position + 1] == [span.first])):
                text = self._layout.place(self._gates, span)
                if self._changes(span):
                    text = self._capture(text, count)
                yield _Run(position, count, text)
            position += count

    def _span(self, signals: Sequence[int], position: int) -> tuple[Span, int]:
        first = signals[position]
        origins = self._gates.origins
        following = signals[position + 1] if position + 1 < len(signals) else None
        step = 0 if following == first else 1
        count = 1
        while (
            position + count < len(signals)
            and signals[position + count] == first + step * count
            and origins[signals[position + count]] == origins[first]
        ):
            count += 1
        return Span(first, step if count > 1 else 0), count

    def _changes(self, span: Span) -> bool:
        """Whether the place of these signals may be written before they are copied."""
        kind = self._gates.kinds[span.first]
        if kind == SOURCE:
            wire = self._gates.sources[self._gates.origins[span.first]]
            return wire in self._split.private_wires
        return kind == READ

    def _capture(self, text: str, count: int) -> str:
        kept = self._layout.reserve(count)
        self._captures.append(_loop(count, f"P[{kept} + k] = {text};"))
        return f"P[{kept} + k]"

    # -- write ports -----------------------------------------------------------------------------

    def _number(self, wire: Wire) -> str:
        """First limb of a uniform wire."""
        return f"S[{self._uniform.registers[self._layout.exports[wire].name].offset}]"

    def _bit(self, wire: Wire) -> str:
        """A private one-bit wire, held."""
        (run,) = self._runs(wire, 1)
        return run.text.replace("+ k]", "+ 0]")

    def _opening(self, net: Net) -> list[str]:
        """Declare ``on``, the stimuli that write, and their common address ``a``; open an if."""
        address, _, enable = net.args
        memory = net.op_param[1]
        code = self._faults.add(f"memory {memory.name}: stimuli write different words in one cycle")
        if enable in self._split.private_wires:
            lines = ["{", f"const V on = {self._bit(enable)};", "if (any(on)) {"]
        else:
            lines = ["{", f"const V on = {_EVERY};", f"if ({self._number(enable)}) {{"]
        lines.append("u a = 0, differ = 0;")
        if address not in self._split.private_wires:
            return [*lines, f"a = {self._number(address)};"]
        for run in self._runs(address, address.bitwidth):
            place = f"agreed({run.text}, on, &differ) << ({run.position} + k)"
            lines.append(_loop(run.count, f"a |= {place};"))
        return [*lines, f"if (differ) return {code};"]

    def _private_write(self, net: Net) -> list[str]:
        slot: PrivateSlot = self._layout.memories[net.op_param[0]]
        lines = [*self._opening(net), f"V *const D = P + {slot.offset} + {slot.bits} * a;"]
        is_masked = net.args[2] in self._split.private_wires
        for run in self._runs(net.args[1], slot.bits):
            target = f"D[{run.position} + k]"
            value = f"({target} & ~on) | ({run.text} & on)" if is_masked else run.text
            lines.append(_loop(run.count, f"{target} = {value};"))
        return [*lines, f"{self._changed.flag('memory', net.op_param[0])} = 1;", "}", "}"]

    def _checked_write(self, net: Net) -> list[str]:
        """A write into a memory all stimuli share: they must agree on everything."""
        _, data, enable = net.args
        memory, slot = net.op_param[1], self._uniform.memories[net.op_param[0]]
        limbs = limbs_of(slot.bits)
        code = self._faults.add(
            f"memory {memory.name} is the same for all stimuli, but they write different words"
        )
        lines = self._opening(net)
        if enable in self._split.private_wires:
            lines.append(f"if (!agree(on)) return {code};")
        if data in self._split.private_wires:
            lines.append(f"u w[{limbs}] = {{0}};")
            for run in self._runs(data, slot.bits):
                index = f"({run.position} + k)"
                place = f"w[{index} / {LIMB_BITS}] |= (x[0] & 1) << {index} % {LIMB_BITS}"
                lines.append(
                    _loop(run.count, f"const V x = {run.text}; differ |= !agree(x); {place};")
                )
            lines.append(f"if (differ) return {code};")
        else:
            lines.append(f"const u *w = &{self._number(data)};")
        target = f"S + {slot.offset} + {slot.stride} * a"
        return [*lines, f"memcpy({target}, w, {8 * limbs});", "}", "}"]


def _loop(count: int, statement: str) -> str:
    return f"for (int k = 0; k < {count}; k++) {{ {statement} }}"
