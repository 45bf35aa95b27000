"""What a flip-flop is mapped to, seen on a row of them alone.

Synthesis chooses its own flip-flop among a library's: in asap7 one that needs no inverter, which is
larger than the one with its inverter that a technology composes. Flip-flops are a third of the
logic, so this is not left to a factor.
"""

from __future__ import annotations

import pyrtl
from pyrtl import Input, Output, Register

from asicbnn.calibration.measurement import mapped
from asicbnn.calibration.synthesis import Flow, Form
from asicbnn.hardware.verilog import VerilogBlock, write_verilog

_BITS = 64


def mapped_flop_um2(flow: Flow, form: Form) -> float:
    """Map a row of registers and return the area of one flip-flop of it."""
    return mapped(flow, register_row(_BITS), form, timed=False).area_um2(flow.library) / _BITS


def register_row(bits: int) -> VerilogBlock:
    """Return registers between pins, as many as bits, which nothing resets."""
    block = pyrtl.Block()
    with pyrtl.set_working_block(block, no_sanity_check=True):
        row, out = Register(bits, "row"), Output(bits, "out")
        row.next <<= Input(bits, "value")
        out <<= row
    return write_verilog(block, reset=())


__all__ = ["mapped_flop_um2", "register_row"]
