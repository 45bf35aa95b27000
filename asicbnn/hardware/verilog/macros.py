"""Wrappers of memory macros: one module per shape, with a place for the macro in it.

The logic reads combinationally. A synchronous macro clocked on the falling edge gives the same
cycles: the address settles in the first half of a cycle, the data comes in the second. What is
written may itself have come out of another memory in that second half, so the wrapper takes it on
the rising edge that ends the cycle, writes it half a cycle later, and answers for the word until
then.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import resources
from typing import Literal

from asicbnn.hardware.verilog.expressions import part_of
from asicbnn.hardware.verilog.memories import ports_of, ranged
from asicbnn.hardware.verilog.writer import MemoryModule

Ports = Literal["1rw", "1r1w"]


@dataclass(frozen=True)
class MacroShape:
    """A memory macro.

    words, bits  its size
    part_bits    bits of the parts of a word that are written apart (the last may be narrower)
    ports        1rw: one address; a cycle that writes reads nothing. 1r1w: an address each
    """

    words: int
    bits: int
    part_bits: int
    ports: Ports

    @property
    def parts(self) -> int:
        return -(-self.bits // self.part_bits)

    @property
    def address_bits(self) -> int:
        return max(1, (self.words - 1).bit_length())

    @property
    def module(self) -> str:
        """Name of the wrapper; equal shapes have equal names."""
        parts = f"_by{self.part_bits}" if self.parts > 1 else ""
        return f"sram_{self.words}x{self.bits}{parts}_{self.ports}"

    @staticmethod
    def is_module(name: str) -> bool:
        """Say whether some shape's wrapper has this name."""
        return re.fullmatch(r"sram_\d+x\d+(_by\d+)?_(1rw|1r1w)", name) is not None

    def text(self) -> str:
        """Return the wrapper."""
        text = (resources.files(__package__) / "cells" / "sram_wrapper.v.in").read_text("utf-8")
        mask = [
            f"{{{min(self.part_bits, self.bits - i * self.part_bits)}"
            f"{{{part_of('written', self.parts, i, i)}}}}}"
            for i in range(self.parts)
        ]
        values = {
            "MODULE": self.module,
            "WORDS": str(self.words),
            "BITS": str(self.bits),
            "PARTS": str(self.parts),
            "PART_BITS": str(self.part_bits),
            "ADDRESS_BITS": str(self.address_bits),
            "PORTS": self.ports,
            "FLUSHES": "1'b1" if self.ports == "1r1w" else "!selected || write_enable != 0",
            "MASK": ", ".join(reversed(mask)),
        }
        for key, value in values.items():
            text = text.replace(f"@{key}@", value)
        return text


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
        view = self.memory.view
        head = [f"module {self.memory.module} (", "  " + ",\n  ".join(ports_of(view)), ");"]
        whole = view.slices[0].addrwidth
        at = [
            part_of(f"{port}_address0", whole, 0, self.shape.address_bits - 1)
            for port in ("read", "write")
        ]
        one = self._instance("macro", "1'b1", (at[0], at[1]), "write_enable0", "read_data0")
        return "\n".join([*head, *(self._two() if self.halves else [one]), "endmodule", ""])

    def _instance(
        self, name: str, selected: str, at: tuple[str, str], enable: str, data: str
    ) -> str:
        return (
            f"  {self.shape.module} {name} (\n"
            f"    .clock(clock), .reset(reset), .selected({selected}),\n"
            f"    .read_address({at[0]}), .read_data({data}),\n"
            f"    .write_address({at[1]}), .write_data(write_data0), .write_enable({enable}));"
        )

    def _two(self) -> list[str]:
        """Addresses below the half go to the first macro; both get the address without it."""
        half, bits = self.shape.words, self.shape.address_bits
        whole = self.memory.view.slices[0].addrwidth
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
        spread, rows = f"{{{self.shape.parts}{{write_upper}}}}", ("read_row", "write_row")
        lower, upper = f"write_enable0 & ~{spread}", f"write_enable0 & {spread}"
        return [
            *lines,
            self._instance("lower", "!read_upper", rows, lower, "lower_data"),
            self._instance("upper", "read_upper", rows, upper, "upper_data"),
            "  assign read_data0 = read_upper ? upper_data : lower_data;",
        ]
