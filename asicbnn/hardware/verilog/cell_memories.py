"""Memories of latches or flip-flops as synthesisable Verilog, cell by cell.

Same ports and same bits as `memories.behavioural`: reads are combinational, and a word read in the
cycle that writes it has its old value. A row of latches is open in the first half of the cycle
after its write, and shows what a register took at the edge between; a row of flip-flops takes the
word at that edge itself.

Rows are clocked by gates of at most `MOST_SINKS` bits, which stand behind a gate per group of
`GROUP_WORDS` words and one per part of a word that is written apart: a memory at rest clocks one
pin per part. Data reaches the rows of the group that is written, and lies at 0 in the others. One
line per word, out of a decoder, opens its bits to an OR over all words, so a read switches two
words, whatever order they are read in (docs/decisions/0013-standard-cell-memories.md). A buffer of
its own drives each line, and keeps mapping from opening words by parts of the address instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from asicbnn.hardware.verilog.expressions import part_of
from asicbnn.hardware.verilog.memories import ranged
from asicbnn.technology.row_memory import GROUP_WORDS, MOST_SINKS, RowKind, RowMemory


@dataclass(frozen=True)
class CellMemory:
    """A memory with one write port.

    module  its name      rows  what it is made of      reads  read ports
    """

    module: str
    rows: RowMemory
    reads: int = 1

    @property
    def kind(self) -> RowKind:
        return self.rows.kind

    @property
    def words(self) -> int:
        return self.rows.words

    @property
    def parts(self) -> tuple[int, ...]:
        return self.rows.parts

    @property
    def bits(self) -> int:
        """Word width."""
        return self.rows.bits

    @property
    def data_bits(self) -> int:
        """Bits of the data that are not repetitions of others."""
        return self.rows.data_bits

    @property
    def groups(self) -> int:
        """Groups of rows."""
        return self.rows.groups

    @property
    def address_bits(self) -> int:
        return max(1, (self.words - 1).bit_length())

    def text(self) -> str:
        """Return the module."""
        body = [*self._clocks(), *self._words()]
        for port in range(self.reads):
            body += self._read(port)
        ports = ",\n  ".join(self._ports())
        return "\n".join([
            f"module {self.module} (", f"  {ports}", ");", *(f"  {x}" for x in body), "endmodule",
            "",
        ])  # fmt: skip

    def _ports(self) -> Iterator[str]:
        address = ranged(self.address_bits)
        yield from ("input clock", "input reset")
        for port in range(self.reads):
            yield f"input {address}read_address{port}"
            yield f"output {ranged(self.bits)}read_data{port}"
        yield f"input {address}write_address0"
        yield f"input {ranged(self.bits)}write_data0"
        yield f"input {ranged(len(self.parts))}write_enable0"

    # ------------------------------------------------------------------ writing
    def _clocks(self) -> Iterator[str]:
        """A gate per part, and one per part and group; of latches a register of the data."""
        at, groups = self.address_bits, self.groups
        low = min(at, GROUP_WORDS.bit_length() - 1)
        yield f"wire {ranged(low)}row_at = {part_of('write_address0', at, 0, low - 1)};"
        yield from decoder("row_line", "row_at", low, min(self.words, GROUP_WORDS))
        if groups > 1:
            yield f"wire {ranged(at - low)}group_at = {part_of('write_address0', at, low, at - 1)};"
            yield from decoder("group_line", "group_at", at - low, groups)
            yield f"wire {ranged(self.words)}write_line;"
            for w in range(self.words):
                row, group = w % GROUP_WORDS, w // GROUP_WORDS
                yield f"assign write_line[{w}] = row_line[{row}] & group_line[{group}];"
        for p in range(len(self.parts)):
            enable = part_of("write_enable0", len(self.parts), p, p)
            yield from _gate(f"part{p}", "clock", enable)
            for g in range(groups if groups > 1 else 0):
                yield from _gate(f"part{p}_group{g}", f"clock_part{p}", f"group_line[{g}]")
        data = part_of("write_data0", self.bits, 0, self.data_bits - 1)
        yield from self._registered(data) if self.kind == "latch" else self._at_once(data)
        yield from self._isolated()

    def _registered(self, data: str) -> Iterator[str]:
        """Hold what is written, and the group it goes to, while latches are open."""
        yield from _gate("data", "clock", "|write_enable0")
        yield f"reg {ranged(self.data_bits)}written;"
        yield f"always @(posedge clock_data) written <= {data};"
        if self.groups > 1:
            yield f"reg {ranged(self.groups)}chosen;"
            yield "always @(posedge clock_data) chosen <= group_line;"

    def _at_once(self, data: str) -> Iterator[str]:
        yield f"wire {ranged(self.data_bits)}written = {data};"
        if self.groups > 1:
            yield f"wire {ranged(self.groups)}chosen = group_line;"

    def _isolated(self) -> Iterator[str]:
        for g in range(self.groups):
            opened = f" & {{{self.data_bits}{{chosen[{g}]}}}}" if self.groups > 1 else ""
            yield f"wire {ranged(self.data_bits)}data{g} = written{opened};"

    def _words(self) -> Iterator[str]:
        row = "wire" if self.kind == "latch" else "reg"
        for word in range(self.words):
            yield f"{row} {ranged(self.bits)}word{word};"
            for p, low, high in self._sinks():
                yield from self._sink(word, p, low, high)

    def _sinks(self) -> Iterator[tuple[int, int, int]]:
        """Part, lowest and highest bit in the word of what one gate clocks."""
        first = 0
        for p, bits in enumerate(self.parts):
            for low in range(first, first + bits, MOST_SINKS):
                yield p, low, min(low + MOST_SINKS, first + bits) - 1
            first += bits

    def _sink(self, word: int, part: int, low: int, high: int) -> Iterator[str]:
        name, group = f"{word}_{low}", word // GROUP_WORDS
        behind, line = "", f"row_line[{word}]" if self.words > 1 else "1'b1"
        if self.groups > 1:
            behind, line = f"_group{group}", f"write_line[{word}]"
        yield from _gate(name, f"clock_part{part}{behind}", line)
        first = sum(self.parts[:part]) if self.rows.is_shared else 0
        stored = part_of(f"word{word}", self.bits, low, high)
        data = part_of(f"data{group}", self.data_bits, low - first, high - first)
        if self.kind == "register":
            yield f"always @(posedge clock_{name}) {stored} <= {data};"
            return
        pins = f".enable(clock_{name}), .data({data}), .stored({stored})"
        yield f"latch #(.WIDTH({high - low + 1})) latch_{name} ({pins});"

    # ------------------------------------------------------------------ reading
    def _read(self, port: int) -> Iterator[str]:
        """AND each word with its line, OR all of them in a balanced tree."""
        if self.words == 1:
            yield f"assign read_data{port} = word0;"
            return
        line, seen = f"read_line{port}", f"seen{port}_"
        yield from decoder(line, f"read_address{port}", self.address_bits, self.words)
        yield f"wire [{self.words - 1}:0] {line}_driven;"
        pins = f".line({line}), .driven({line}_driven)"
        yield f"word_lines #(.WORDS({self.words})) drivers{port} ({pins});"
        wires = [f"{seen}{word}" for word in range(self.words)]
        for word, wire in enumerate(wires):
            opened = f"{{{self.bits}{{{line}_driven[{word}]}}}}"
            yield f"wire {ranged(self.bits)}{wire} = word{word} & {opened};"
        while len(wires) > 1:
            pairs = [f"{a} | {b}" for a, b in zip(wires[::2], wires[1::2], strict=False)]
            odd = wires[len(pairs) * 2 :]
            wires = [f"{seen}{self.words}_{len(wires)}_{i}" for i in range(len(pairs))]
            for wire, pair in zip(wires, pairs, strict=True):
                yield f"wire {ranged(self.bits)}{wire} = {pair};"
            wires += odd
        yield f"assign read_data{port} = {wires[0]};"


def _gate(name: str, clock: str, enable: str) -> Iterator[str]:
    yield f"wire clock_{name};"
    pins = f".clock({clock}), .enable({enable}), .gated_clock(clock_{name})"
    yield f"clock_gate gate_{name} ({pins});"


def decoder(name: str, address: str, bits: int, lines: int) -> Iterator[str]:
    """Declare `lines` wires `name`, of which the one with an address's number is 1.

    The address is halved, each half is decoded, and a line is the AND of one of each.
    """
    if lines == 1:
        return
    yield f"wire [{lines - 1}:0] {name};"
    if lines == 2:
        bit = part_of(address, bits, 0, 0)
        yield f"assign {name} = {{{bit}, ~{bit}}};"
        return
    whole = (lines - 1).bit_length()
    low = whole // 2
    for half, first, last in (("low", 0, low - 1), ("high", low, whole - 1)):
        size = last - first + 1
        yield f"wire {ranged(size)}{name}_{half}_at = {part_of(address, bits, first, last)};"
        count = 1 << low if half == "low" else -(-lines // (1 << low))
        yield from decoder(f"{name}_{half}", f"{name}_{half}_at", size, count)
    for line in range(lines):
        ends = f"{name}_high[{line >> low}] & {name}_low[{line & ((1 << low) - 1)}]"
        yield f"assign {name}[{line}] = {ends};"


__all__ = ["CellMemory", "decoder"]
