"""Memories as modules of their own, so that a macro can take a behavioural model's place.

Ports of every memory module: clock and reset (which clears no contents); per read port i
read_address{i} and read_data{i}; per write port i write_address{i}, write_data{i} and
write_enable{i} with one enable bit per slice. Reads are
combinational: read_data{i} belongs to read_address{i} of the same cycle, and a word read in the
cycle that writes it has its old value.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyrtl

from asicbnn.hardware.verilog.expressions import literal, part_of
from asicbnn.hardware.verilog.netlist import MemoryView


def ranged(bits: int) -> str:
    """Return a vector's range, empty for one bit."""
    return f"[{bits - 1}:0] " if bits > 1 else ""


def ports_of(view: MemoryView) -> list[str]:
    """Return the port declarations of a memory's module."""
    address = ranged(view.slices[0].addrwidth)
    ports = ["input clock", "input reset"]
    for i in range(len(view.reads)):
        ports += [
            f"input {address}read_address{i}",
            f"output {ranged(view.bits)}read_data{i}",
        ]
    for i in range(len(view.writes)):
        ports += [
            f"input {address}write_address{i}",
            f"input {ranged(view.bits)}write_data{i}",
            f"input {ranged(len(view.slices))}write_enable{i}",
        ]
    return ports


def behavioural(view: MemoryView, module: str, arrays: Sequence[str], words: int) -> str:
    """Return the module of a memory: one array per slice.

    arrays  names of the arrays, lowest slice first      words  rows of each
    """
    lines = [f"module {module} (", "  " + ",\n  ".join(ports_of(view)), ");"]
    for array, memory in zip(arrays, view.slices, strict=True):
        lines.append(f"  reg {ranged(memory.bitwidth)}{array} [0:{words - 1}];")
    for i in range(len(view.reads)):
        parts = [f"{array}[read_address{i}]" for array in reversed(arrays)]
        lines.append(f"  assign read_data{i} = {{{', '.join(parts)}}};")
    lines += _writes(view, arrays)
    lines += _contents(view, arrays)
    return "\n".join([*lines, "endmodule", ""])


def _writes(view: MemoryView, arrays: Sequence[str]) -> list[str]:
    if not view.writes:
        return []
    lines = ["  always @(posedge clock) begin"]
    for i in range(len(view.writes)):
        low = 0
        for s, (array, memory) in enumerate(zip(arrays, view.slices, strict=True)):
            high = low + memory.bitwidth - 1
            enable = f"write_enable{i}[{s}]" if len(arrays) > 1 else f"write_enable{i}"
            data = part_of(f"write_data{i}", view.bits, low, high)
            lines.append(f"    if ({enable}) {array}[write_address{i}] <= {data};")
            low = high + 1
    return [*lines, "  end"]


def _contents(view: MemoryView, arrays: Sequence[str]) -> list[str]:
    """Return what a read-only memory holds; the others start without contents."""
    lines = []
    for array, memory in zip(arrays, view.slices, strict=True):
        if isinstance(memory, pyrtl.RomBlock):
            lines.append("  initial begin")
            for address in range(1 << memory.addrwidth):
                word = literal(int(memory._get_read_data(address)), memory.bitwidth)
                lines.append(f"    {array}[{address}] = {word};")
            lines.append("  end")
    return lines
