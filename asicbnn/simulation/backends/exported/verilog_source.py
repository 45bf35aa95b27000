"""The Verilog that external simulators run, and where in it the state of the block lies.

The one place that knows how a block becomes Verilog: everything else works on a `VerilogSource`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from asicbnn.hardware.gating import GatedGroup
from asicbnn.hardware.verilog import write_verilog


@dataclass(frozen=True)
class Variable:
    """A variable of the design.

    module  the module that declares it
    path    names of the instances below the top module and its own, with dots between
    """

    module: str
    path: str

    @property
    def name(self) -> str:
        return self.path.rpartition(".")[2]


@dataclass(frozen=True)
class Piece:
    """A register, or as much of one as a clock gate drives."""

    variable: Variable
    bits: int


@dataclass(frozen=True)
class VerilogSource:
    """A design as text, with one clock input and no other that matters.

    text       the Verilog
    top        the module to simulate
    clock      its clock, rising edges count
    tied       its other inputs, held at 0
    registers  per register of the block, the variables that hold it, lowest bits first
    memories   per memory of the block, the array that holds it, word n at index n
    """

    text: str
    top: str
    clock: str
    tied: tuple[str, ...]
    registers: dict[str, tuple[Piece, ...]]
    memories: dict[str, Variable]


def verilog_source(block: Any, gated: Sequence[GatedGroup] = ()) -> VerilogSource:
    """Export a checked block without inputs.

    gated  its registers behind clock gates
    """
    written = write_verilog(block, gated=gated)
    return VerilogSource(
        text=written.text(),
        top=written.name,
        clock="clock",
        tied=("reset",),
        registers={
            name: tuple(Piece(Variable(written.name, path), bits) for path, bits in pieces)
            for name, pieces in written.pieces.items()
        },
        memories={
            name: Variable(memory.module, f"{memory.instance}.{array}")
            for memory in written.memories
            for name, array in memory.arrays.items()
        },
    )
