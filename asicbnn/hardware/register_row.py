"""Registers between pins and nothing else, on which synthesis shows the flip-flop it takes."""

from __future__ import annotations

import pyrtl
from pyrtl import Input, Output, Register


def register_row(bits: int) -> pyrtl.Block:
    """Return a block of one register, as wide as `bits`, from an input to an output."""
    block = pyrtl.Block()
    with pyrtl.set_working_block(block, no_sanity_check=True):
        row, out = Register(bits, "row"), Output(bits, "out")
        row.next <<= Input(bits, "value")
        out <<= row
    return block


__all__ = ["register_row"]
