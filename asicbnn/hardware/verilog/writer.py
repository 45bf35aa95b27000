"""A PyRTL block as Verilog modules: one for the logic, one per memory.

The text is a pure function of the block: whoever builds the same block gets the same bytes.
Adders, subtractors and comparators are instances of the modules in `cells`, so that synthesis can
map each of their bits to one adder cell. Power-on values come by `reset`, synchronous and active
high; where SIMULATION is defined, by `initial` blocks too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType
from typing import Any

from pyrtl import Register, WireVector

from asicbnn.hardware.declarations import Adder
from asicbnn.hardware.gating import GatedGroup, hold_multiplexers
from asicbnn.hardware.verilog.expressions import (
    expression,
    joined,
    literal,
    operand,
    part_of,
    sliced,
)
from asicbnn.hardware.verilog.gates import Span, spans_per_gate
from asicbnn.hardware.verilog.memories import behavioural, ranged
from asicbnn.hardware.verilog.names import Names, is_temporary
from asicbnn.hardware.verilog.netlist import BlockView, MemoryView, Port, Unit

_ARITHMETIC = {
    "+": ("ripple_adder", "sum"),
    "-": ("ripple_subtractor", "difference"),
    "<": ("ripple_below", "is_below"),
    ">": ("ripple_below", "is_below"),
}


@dataclass(frozen=True)
class MemoryModule:
    """A memory of the block and its module.

    instance  name of its instance in the top module
    arrays    PyRTL memory name -> name of its array in the module
    repeats   whether every slice is written from the lowest bits of one word
    """

    view: MemoryView
    module: str
    instance: str
    arrays: Mapping[str, str]
    repeats: bool = False

    def text(self, words: int | None = None) -> str:
        """Behavioural model of `words` rows (default: as many as its addresses reach)."""
        rows = 1 << self.view.slices[0].addrwidth if words is None else words
        return behavioural(self.view, self.module, list(self.arrays.values()), rows)


@dataclass(frozen=True)
class VerilogBlock:
    """A block as Verilog.

    name       the top module                 top   its text
    inputs     input port -> bits, without clock and reset
    registers  PyRTL register name -> its name in the top module
    pieces     PyRTL register name -> the variables that hold it, lowest first, with their bits
    memories   in the order of their names
    counts     adders and clock gates its instances come to: full_adder half_adder clock_gate
    """

    name: str
    top: str
    inputs: Mapping[str, int]
    registers: Mapping[str, str]
    pieces: Mapping[str, tuple[tuple[str, int], ...]]
    memories: tuple[MemoryModule, ...]
    counts: Mapping[str, int]

    def text(self) -> str:
        """Everything in one file, for simulators: adders as vector expressions."""
        parts = [self.top, *(memory.text() for memory in self.memories)]
        return "\n".join([*parts, library("arithmetic_simulation.v"), library("clock_gate.v")])


def library(name: str) -> str:
    """Return the text of a file in `cells`: modules the written Verilog instantiates."""
    return (resources.files(__package__) / "cells" / name).read_text("utf-8")


def write_verilog(
    block: Any,
    *,
    name: str = "toplevel",
    gated: Sequence[GatedGroup] = (),
    reset: Collection[str] | None = None,
) -> VerilogBlock:
    """Write a block that has been built.

    name   of the top module; memories become {name}_{memory}
    gated  groups of registers clocked by gates of at most MOST_SINKS flops each
    reset  names of the registers that `reset` gives their power-on value (default: all)

    Raises ValueError for a gated register that does not hold its value by a multiplexer.
    """
    return _Writer(BlockView(block), name, gated, reset).write()


class _Writer:
    """State while one block is written."""

    def __init__(
        self,
        view: BlockView,
        name: str,
        gated: Sequence[GatedGroup],
        reset: Collection[str] | None,
    ) -> None:
        self.view, self.name, self.gated = view, name, gated
        ports = [*view.inputs, *view.outputs]
        self.names = Names(("clock", "reset"))
        self.name_of = {wire: self.names.given(wire.name) for wire in ports}
        for i, register in enumerate(view.registers):
            wanted = f"r{i}" if is_temporary(register.name) else register.name
            self.name_of[register] = self.names.given(wanted)
        self.memories = [self._memory(memory) for memory in view.memories]
        self.is_reset = {r for r in view.registers if reset is None or r.name in reset}
        self.counts: Counter[str] = Counter()
        self.wires = 0
        self._divide()

    def _divide(self) -> None:
        """Share the flops of each gated group out to its gates, which hold them from now on."""
        holding = hold_multiplexers(tuple(self.view.block.logic), self.gated)
        self.loaded: dict[Register, WireVector] = {net.args[1]: net.args[2] for net in holding}
        self.gates = [spans_per_gate(group.registers) for group in self.gated]
        self.pieces: dict[Register, list[Span]] = {}
        for span in (span for gates in self.gates for gate in gates for span in gate):
            self.pieces.setdefault(span.register, []).append(span)
        self.piece_of: dict[Span, str] = {}
        for register, spans in self.pieces.items():
            name = self.name_of[register]
            for i, span in enumerate(spans):
                self.piece_of[span] = name if len(spans) == 1 else self.names.given(f"{name}_{i}")

    def _memory(self, view: MemoryView) -> MemoryModule:
        instance = self.names.given(view.name)
        arrays = Names(("clock",))
        given = {m.name: arrays.given(m.name) for m in view.slices}
        repeats = len(view.slices) > 1 and all(self._repeats(port) for port in view.writes)
        module = f"{self.name}_{instance}"
        return MemoryModule(view, module, instance, MappingProxyType(given), repeats)

    def _repeats(self, port: Port) -> bool:
        """Say whether slices are written from the lowest bits of the first slice's data."""
        first = self.view.resolve(port.data[0])
        for wire in map(self.view.resolve, port.data[1:]):
            if wire is not first and not self._is_low_part(wire, first):
                return False
        return True

    def _is_low_part(self, wire: WireVector, whole: WireVector) -> bool:
        net = self.view.driver(wire)
        if net is None or getattr(net, "op", "") != "s":
            return False
        if net.op_param != tuple(range(len(wire))):
            return False
        [source] = self.view.sources(net)
        return source is whole  # `==` of wires would add a comparison to the hardware

    # ------------------------------------------------------------------ wires
    def named(self, wire: WireVector) -> str:
        """Return a wire's identifier, made up at the first call."""
        if wire not in self.name_of:
            wanted = f"n{self.wires}" if is_temporary(wire.name) else wire.name
            self.wires += 1
            self.name_of[wire] = self.names.given(wanted)
        return self.name_of[wire]

    def written(self, wire: WireVector) -> str:
        """Return a wire as an operand, copies followed to their source."""
        return operand(self.view.resolve(wire), self.named)

    def declared(self, wire: WireVector) -> str:
        return f"wire {ranged(len(wire))}{self.named(wire)}"

    # ------------------------------------------------------------------ the module
    def write(self) -> VerilogBlock:
        body = [*self._registers(), *self._read_data()]
        for unit in self.view.ordered(self._sinks()):
            body += self._unit(unit)
        for memory in self.memories:
            body += self._instance(memory)
        body += [f"assign {self.named(w)} = {self.written(w)};" for w in self.view.outputs]
        body += self._updates()
        top = "\n".join(
            [
                f"module {self.name} (",
                "  " + ",\n  ".join(self._ports()),
                ");",
                *(f"  {line}" for line in body),
                "endmodule",
                "",
            ]
        )
        registers = {r.name: self.name_of[r] for r in self.view.registers}
        return VerilogBlock(
            self.name,
            top,
            MappingProxyType({self.name_of[w]: len(w) for w in self.view.inputs}),
            MappingProxyType(registers),
            MappingProxyType({r.name: self._pieces(r) for r in self.view.registers}),
            tuple(self.memories),
            MappingProxyType(dict(self.counts)),
        )

    def _ports(self) -> list[str]:
        given = [f"input {ranged(len(w))}{self.name_of[w]}" for w in self.view.inputs]
        given += [f"output {ranged(len(w))}{self.name_of[w]}" for w in self.view.outputs]
        return ["input clock", "input reset", *given]

    def _sinks(self) -> Iterator[WireVector]:
        for group in self.gated:
            yield group.enable
        for register in self.view.registers:
            is_gated = register in self.pieces
            yield self.loaded[register] if is_gated else self.view.next_of[register]
        for memory in self.view.memories:
            for port in (*memory.reads, *memory.writes):
                yield port.address
            for port in memory.writes:
                yield from port.data
                yield from port.enables
        yield from self.view.outputs

    # ------------------------------------------------------------------ logic
    def _unit(self, unit: Unit) -> list[str]:
        if isinstance(unit, Adder):
            return self._adder(unit)
        if unit.op == "m":
            return []  # a memory's data, declared above
        args = self.view.sources(unit)
        if unit.op in _ARITHMETIC:
            return self._arithmetic(unit, args)
        return [f"{self.declared(unit.dests[0])} = {expression(unit, args, self.named)};"]

    def _adder(self, adder: Adder) -> list[str]:
        bits = len(adder.total)
        self.counts[adder.kind] += bits
        pins = zip("abc", adder.inputs, strict=False)
        connected = [f".{pin}({self.written(wire)})" for pin, wire in pins]
        results = [self.declared(wire) for wire in (adder.total, adder.carry)]
        connected += [f".sum({self.named(adder.total)})", f".carry({self.named(adder.carry)})"]
        instance = self.names.given(f"{adder.kind}_{self.named(adder.total)}")
        module = f"{adder.kind} #(.WIDTH({bits}))"
        return [f"{result};" for result in results] + [
            f"{module} {instance} ({', '.join(connected)});"
        ]

    def _arithmetic(self, net: Any, args: Sequence[WireVector]) -> list[str]:
        """Write control arithmetic with the same adders, as the census counts it."""
        module, result = _ARITHMETIC[net.op]
        a, b = reversed(args) if net.op == ">" else args
        bits, out = len(a), net.dests[0]
        self.counts["half_adder"] += net.op == "+"
        self.counts["full_adder"] += bits - (net.op == "+")
        instance = self.names.given(f"{module}_{self.named(out)}")
        pins = f".a({self.written(a)}), .b({self.written(b)}), .{result}({self.named(out)})"
        return [f"{self.declared(out)};", f"{module} #(.WIDTH({bits})) {instance} ({pins});"]

    # ------------------------------------------------------------------ memories
    def _data_name(self, memory: MemoryModule, port: int) -> str:
        return f"{memory.instance}_data{port}"

    def _read_data(self) -> list[str]:
        """Declare what memories give, and the slices of it that the logic reads."""
        lines = []
        for memory in self.memories:
            for i, port in enumerate(memory.view.reads):
                data = self.names.given(self._data_name(memory, i))
                lines.append(f"wire {ranged(memory.view.bits)}{data};")
                low = 0
                for wire in port.data:
                    high = low + len(wire) - 1
                    part = part_of(data, memory.view.bits, low, high)
                    lines.append(f"{self.declared(wire)} = {part};")
                    low = high + 1
        return lines

    def _instance(self, memory: MemoryModule) -> list[str]:
        pins = [".clock(clock)", ".reset(reset)"]
        for i, port in enumerate(memory.view.reads):
            pins.append(f".read_address{i}({self.written(port.address)})")
            pins.append(f".read_data{i}({self._data_name(memory, i)})")
        for i, port in enumerate(memory.view.writes):
            pins.append(f".write_address{i}({self.written(port.address)})")
            pins.append(f".write_data{i}({self._parts(port, port.data)})")
            pins.append(f".write_enable{i}({self._parts(port, port.enables)})")
        return [f"{memory.module} {memory.instance} (", "  " + ",\n    ".join(pins), ");"]

    def _parts(self, port: Port, wires: Sequence[WireVector]) -> str:
        return joined([self.written(wire) for wire in reversed(wires)])

    # ------------------------------------------------------------------ registers
    def _registers(self) -> list[str]:
        """Declare registers; one that several gates clock is a wire over its pieces."""
        lines = []
        for register in self.view.registers:
            spans = self.pieces.get(register, [])
            if len(spans) < 2:
                lines.append(f"reg {ranged(len(register))}{self.name_of[register]};")
                continue
            lines += [f"reg {ranged(s.high - s.low + 1)}{self.piece_of[s]};" for s in spans]
            whole = joined([self.piece_of[span] for span in reversed(spans)])
            lines.append(f"{self.declared(register)} = {whole};")
        return lines

    def _pieces(self, register: Register) -> tuple[tuple[str, int], ...]:
        spans = self.pieces.get(register)
        if not spans:
            return ((self.name_of[register], len(register)),)
        return tuple((self.piece_of[s], s.high - s.low + 1) for s in spans)

    def _updates(self) -> list[str]:
        plain = [r for r in self.view.registers if r not in self.pieces]
        lines = []
        for is_reset in (True, False):
            some = [
                _Load(self.name_of[r], self.written(self.view.next_of[r]), self._power_on(r))
                for r in plain
                if (r in self.is_reset) == is_reset
            ]
            lines += _clocked("clock", some, is_reset)
        for group, gates in zip(self.gated, self.gates, strict=True):
            for number, spans in enumerate(gates):
                lines += self._gate(group, number, spans)
        return lines + self._initial()

    def _gate(self, group: GatedGroup, number: int, spans: Sequence[Span]) -> list[str]:
        """Write a clock gate and what it clocks; it clocks during a reset its flops need."""
        self.counts["clock_gate"] += 1
        resets = any(span.register in self.is_reset for span in spans)
        enable = self.written(group.enable) + (" | reset" if resets else "")
        instance = self.names.given(f"clock_gate_{group.name}_{number}")
        clock = self.names.given(f"clock_{group.name}_{number}")
        pins = f".clock(clock), .enable({enable}), .gated_clock({clock})"
        lines = [f"wire {clock};", f"clock_gate {instance} ({pins});"]
        for is_reset in (True, False):
            chosen = [s for s in spans if (s.register in self.is_reset) == is_reset]
            lines += _clocked(clock, [self._span_load(span) for span in chosen], is_reset)
        return lines

    def _span_load(self, span: Span) -> _Load:
        value = self.view.resolve(self.loaded[span.register])
        bits = range(span.low, span.high + 1)
        return _Load(
            self.piece_of[span],
            self.written(value) if span.is_whole else sliced(value, bits, self.named),
            self._power_on(span.register, span.low, span.high),
        )

    def _initial(self) -> list[str]:
        """Power-on values for simulators that do not play a reset."""
        values = []
        for r in self.view.registers:
            spans = self.pieces.get(r) or [Span(r, 0, len(r) - 1)]
            for s in spans:
                name = self.piece_of.get(s, self.name_of[r])
                values.append(f"  {name} = {self._power_on(r, s.low, s.high)};")
        if not values:
            return []
        return ["`ifdef SIMULATION", "initial begin", *values, "end", "`endif"]

    def _power_on(self, register: Register, low: int = 0, high: int | None = None) -> str:
        bits = (len(register) if high is None else high + 1) - low
        return literal((register.reset_value or 0) >> low & ((1 << bits) - 1), bits)


@dataclass(frozen=True)
class _Load:
    """A register (or a piece of one), what it loads, and its power-on value."""

    name: str
    value: str
    power_on: str


def _clocked(clock: str, loads: Sequence[_Load], is_reset: bool) -> list[str]:
    if not loads:
        return []
    values = [f"{load.name} <= {load.value};" for load in loads]
    if not is_reset:
        return [f"always @(posedge {clock}) begin", *(f"  {x}" for x in values), "end"]
    return [
        f"always @(posedge {clock})",
        "  if (reset) begin",
        *(f"    {load.name} <= {load.power_on};" for load in loads),
        "  end else begin",
        *(f"    {line}" for line in values),
        "  end",
    ]
