"""Wrappers of memory macros: one module per shape, with a place for the macro in it.

A macro is clocked on the falling edge: the address settles in the first half of a cycle, the data
comes in the second, so cycles are those of the combinational read the logic was built for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from asicbnn.hardware.verilog.expressions import part_of
from asicbnn.hardware.verilog.memories import ports_of, ranged
from asicbnn.hardware.verilog.writer import MemoryModule

Ports = Literal["1rw", "1r1w"]


@dataclass(frozen=True)
class MacroShape:
    """A memory macro.

    slices  bits of the parts of a word that are written apart, lowest first
    ports   1rw: one address; a cycle that writes reads nothing. 1r1w: an address each
    """

    words: int
    slices: tuple[int, ...]
    ports: Ports

    @property
    def bits(self) -> int:
        return sum(self.slices)

    @property
    def address_bits(self) -> int:
        return max(1, (self.words - 1).bit_length())

    @property
    def module(self) -> str:
        """Name of the wrapper; equal shapes have equal names."""
        parts = f"_by{self.slices[0]}" if len(self.slices) > 1 else ""
        return f"sram_{self.words}x{self.bits}{parts}_{self.ports}"

    def text(self) -> str:
        """Return the wrapper."""
        parts = ", ".join(map(str, self.slices))
        lines = [
            f"// {self.words} words of {self.bits} bit, {self.ports}; parts [bit]: {parts}",
            f"module {self.module} (",
            "  input clock,",
            f"  input {ranged(self.address_bits)}read_address,",
            f"  output {ranged(self.bits)}read_data,",
            f"  input {ranged(self.address_bits)}write_address,",
            f"  input {ranged(self.bits)}write_data,",
            f"  input {ranged(len(self.slices))}write_enable",
            ");",
            *self._address(),
            "`ifdef SRAM_MACRO",
            "  // Place for the macro: clock it with ~clock, give it the signals above (one bit of",
            "  // write_enable per part) and drive read_data from its output.",
            "`else",
            *self._arrays(),
            *self._model(),
            "`endif",
            "endmodule",
            "",
        ]
        return "\n".join(lines)

    def _address(self) -> list[str]:
        if self.ports == "1r1w":
            return []
        written = "|write_enable" if len(self.slices) > 1 else "write_enable"
        choice = f"({written}) ? write_address : read_address"
        return [f"  wire {ranged(self.address_bits)}address = {choice};"]

    def _arrays(self) -> list[str]:
        return [
            f"  reg {ranged(bits)}part{i} [0:{self.words - 1}];"
            for i, bits in enumerate(self.slices)
        ]

    def _model(self) -> list[str]:
        """Return the behavioural model: the macro's falling edge, or a combinational read."""
        single = self.ports == "1rw"
        read = "address" if single else "read_address"
        write = "address" if single else "write_address"
        word = ", ".join(f"part{i}[{read}]" for i in reversed(range(len(self.slices))))
        return [
            "`ifdef SRAM_FALLING_EDGE",
            f"  reg {ranged(self.bits)}word;",
            "  always @(negedge clock) begin",
            *self._writes(write),
            f"    word <= {{{word}}};",
            "  end",
            "  assign read_data = word;",
            "`else",
            "  always @(posedge clock) begin",
            *self._writes(write),
            "  end",
            f"  assign read_data = {{{word}}};",
            "`endif",
        ]

    def _writes(self, address: str) -> list[str]:
        lines, low = [], 0
        for i, bits in enumerate(self.slices):
            high = low + bits - 1
            enable = part_of("write_enable", len(self.slices), i, i)
            data = part_of("write_data", self.bits, low, high)
            lines.append(f"    if ({enable}) part{i}[{address}] <= {data};")
            low = high + 1
        return lines


@dataclass(frozen=True)
class MacroMemory:
    """A memory built of macros: one, or two halves of which one is filled while one is read.

    Raises ValueError for a memory without exactly one read and one write port.
    """

    memory: MemoryModule
    shape: MacroShape
    halves: bool

    def __post_init__(self) -> None:
        view = self.memory.view
        if len(view.reads) != 1 or len(view.writes) != 1:
            raise ValueError(f"memory {view.name}: a macro has one read and one write port")

    def text(self) -> str:
        """Return the memory's module: its macros and what chooses between them."""
        view, shape = self.memory.view, self.shape
        head = [f"module {self.memory.module} (", "  " + ",\n  ".join(ports_of(view)), ");"]
        body = self._two() if self.halves else [self._instance("macro", "", "", "read_data0")]
        assert view.slices[0].addrwidth >= shape.address_bits
        return "\n".join([*head, *body, "endmodule", ""])

    def _instance(self, name: str, enable: str, base: str, data: str) -> str:
        bits, whole = self.shape.address_bits, self.memory.view.slices[0].addrwidth
        reads, writes = "read_address0", "write_address0"
        if base:
            reads, writes = f"read_{base}", f"write_{base}"
        at = [part_of(x, whole if not base else bits, 0, bits - 1) for x in (reads, writes)]
        return (
            f"  {self.shape.module} {name} (.clock(clock), .read_address({at[0]}), "
            f".read_data({data}), .write_address({at[1]}), .write_data(write_data0), "
            f".write_enable({enable or 'write_enable0'}));"
        )

    def _two(self) -> list[str]:
        """Addresses below the half go to the first macro; both get the address without it."""
        half, bits = self.shape.words, self.shape.address_bits
        whole = self.memory.view.slices[0].addrwidth
        parts = len(self.shape.slices)
        lines = []
        for port in ("read", "write"):
            row = part_of(f"{port}_offset", whole, 0, bits - 1)
            start = f"({port}_upper ? {whole}'d{half} : {whole}'d0)"
            lines += [
                f"  wire {port}_upper = {port}_address0 >= {whole}'d{half};",
                f"  wire {ranged(whole)}{port}_offset = {port}_address0 - {start};",
                f"  wire {ranged(bits)}{port}_row = {row};",
            ]
        lines.append(f"  wire {ranged(self.shape.bits)}lower_data, upper_data;")
        spread = f"{{{parts}{{write_upper}}}}"
        lines += [
            self._instance("lower", f"write_enable0 & ~{spread}", "row", "lower_data"),
            self._instance("upper", f"write_enable0 & {spread}", "row", "upper_data"),
            "  assign read_data0 = read_upper ? upper_data : lower_data;",
        ]
        return lines
