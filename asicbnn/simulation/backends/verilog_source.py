"""The Verilog that external simulators run, and where in it the state of the block lies.

The one place that knows how a block becomes Verilog: everything else works on a `VerilogSource`.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import Any

import pyrtl

from asicbnn.errors import SimulationError
from asicbnn.simulation.backends.netlist import state_of

_DECLARATION = re.compile(r"^ {4}reg(?:\[\d+:0\])? (\w+)[^/\n]*(?://(.*))?$", re.MULTILINE)


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
class VerilogSource:
    """A design as text, with one clock input and no other that matters.

    text       the Verilog
    top        the module to simulate
    clock      its clock, rising edges count
    tied       its other inputs, held at 0
    registers  per register of the block, the variable that holds it
    memories   per memory of the block, the array that holds it, word n at index n
    """

    text: str
    top: str
    clock: str
    tied: tuple[str, ...]
    registers: dict[str, Variable]
    memories: dict[str, Variable]


def verilog_source(block: Any) -> VerilogSource:
    """Export a checked block without inputs."""
    text, top = io.StringIO(), "toplevel"
    try:
        pyrtl.output_to_verilog(text, add_reset=False, block=block)
    except (pyrtl.PyrtlError, RecursionError) as error:
        raise SimulationError(f"PyRTL cannot write the block as Verilog: {error}") from error
    variable_of = {}
    for name, comment in _DECLARATION.findall(text.getvalue()):
        original = re.sub(r"^ ((MemBlock|RomBlock)( |$))?", "", comment or "")
        variable_of[original or name] = Variable(top, name)
    registers, memories = state_of(block)
    return VerilogSource(
        text=text.getvalue(),
        top=top,
        clock="clk",
        tied=(),
        registers={register.name: variable_of[register.name] for register in registers},
        memories={memory.name: variable_of[memory.name] for memory in memories},
    )
