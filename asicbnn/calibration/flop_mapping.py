"""What a flip-flop is mapped to, seen on a row of them alone.

Synthesis chooses its own flip-flop among a library's: in asap7 one that needs no inverter, which is
larger than the one with its inverter that a technology composes. Flip-flops are a third of the
logic, so this is not left to a factor.
"""

from __future__ import annotations

from asicbnn.calibration.measurement import mapped
from asicbnn.calibration.synthesis import Flow, Form
from asicbnn.hardware.register_row import register_row
from asicbnn.hardware.verilog import write_verilog

_BITS = 64


def mapped_flop_um2(flow: Flow, form: Form) -> float:
    """Map a row of registers, which nothing resets, and return the area of one flip-flop of it."""
    written = write_verilog(register_row(_BITS), reset=())
    return mapped(flow, written, form, timed=False).area_um2(flow.library) / _BITS


__all__ = ["mapped_flop_um2"]
