"""Which flops each clock gate drives, cut from the registers of a group in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyrtl import Register

from asicbnn.hardware.gating import MOST_SINKS


@dataclass(frozen=True, eq=False)
class Span:
    """Bits low to high, both included, of a register."""

    register: Register
    low: int
    high: int

    @property
    def is_whole(self) -> bool:
        return self.low == 0 and self.high == len(self.register) - 1


def spans_per_gate(registers: Sequence[Register]) -> list[list[Span]]:
    """Return the spans each gate of a group clocks: ceil(flops / MOST_SINKS) gates, none larger."""
    gates: list[list[Span]] = []
    room = 0
    for register in registers:
        low = 0
        while low < len(register):
            if room == 0:
                gates.append([])
                room = MOST_SINKS
            high = min(len(register), low + room) - 1
            gates[-1].append(Span(register, low, high))
            room -= high - low + 1
            low = high + 1
    return gates
