"""The compiled back end with a second build of the same netlist, which counts toggles.

Both builds work on one state, so a run can pass from one to the other between any two cycles: all
cycles are counted, or windows of them, at little more than the cost of the plain build.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asicbnn.simulation.backends.c_compiler import compile_library
from asicbnn.simulation.backends.c_toggles import BATCH_ROWS, COUNT_PLANES, generate_toggles
from asicbnn.simulation.backends.compiled import CompiledBackend
from asicbnn.simulation.backends.record import ROW_ALIGNMENT
from asicbnn.simulation.backends.sampling import Sampling

_CYCLES_PER_CALL = 1 << 14


@dataclass(frozen=True)
class Toggles:
    """Counts of one run.

    wires    toggles of each wire (constants left out), summed over its bits
    counted  pairs of consecutive cycles that were compared
    cycles   cycles run, counted or not
    """

    wires: dict[str, int]
    counted: int
    cycles: int


class TogglingBackend(CompiledBackend):
    """A compiled simulator that counts toggles, as often as ``sampling`` says."""

    def __init__(self, block: Any, sampling: Sampling, note: str = "") -> None:
        super().__init__(block, note)
        self.sampling = sampling
        source = generate_toggles(block, self._layout)
        self._record, self._origins = source.record, source.origins
        self._count_cycles = compile_library(source.files).count
        self._count_cycles.argtypes = [ctypes.c_void_p] * 3 + [ctypes.c_uint64] * 3
        self._count_cycles.restype = ctypes.c_uint64
        self._total_limbs = source.layout.total_limbs
        self._allocate()

    def toggles(self) -> Toggles:
        """Return what was counted since the last `forget_toggles`; resets do not clear it."""
        bits = np.zeros(self._record.row_bits, np.int64)
        for weight, plane in enumerate(self._planes):
            if plane.any():
                bits += np.unpackbits(plane, bitorder="little").astype(np.int64) << weight
        return Toggles(self._origins.per_wire(bits), self._counted, self._cycles)

    def toggle_counts(self) -> dict[str, int]:
        """Toggles of each wire by name, constants left out."""
        return self.toggles().wires

    def forget_toggles(self) -> None:
        """Start counting again."""
        self._planes[:] = 0
        self._counted = self._cycles = 0
        self._is_primed = False

    def reset(self, *, keep_memories: bool = False) -> None:
        """Reset the state; the jump to it is no toggle."""
        super().reset(keep_memories=keep_memories)
        self._is_primed = False

    def _allocate(self) -> None:
        super()._allocate()
        if hasattr(self, "_record"):
            self._rows = _aligned(BATCH_ROWS + 1, self._record.row_bytes)
            self._planes = _aligned(COUNT_PLANES, self._record.row_bytes)
            self.forget_toggles()

    def _run(self, cycles: int) -> None:
        left = cycles
        while left:
            self._check_stop()
            is_counted, stretch = self.sampling.stretch(self._cycles)
            stretch = min(stretch, left)
            if is_counted:
                self._count(stretch, 0)
            else:
                self._skip()
                super()._run(stretch)
                self._cycles += stretch
            left -= stretch

    def _run_until(self, flag_register: str, limit: int) -> int | None:
        flag = 1 + self._layout.registers[flag_register].offset
        done = 0
        while done < limit:
            self._check_stop()
            is_counted, stretch = self.sampling.stretch(self._cycles)
            stretch = min(stretch, limit - done)
            if is_counted:
                ran = self._count(stretch, flag) or None
            else:
                self._skip()
                ran = super()._run_until(flag_register, stretch)
                self._cycles += ran or stretch
            if ran:
                return done + ran
            done += stretch
        return None

    def _skip(self) -> None:
        self._is_primed = False

    def _count(self, cycles: int, flag: int) -> int:
        """Run and count; returns the cycles run, 0 if the flag was never set."""
        addresses = (x.ctypes.data for x in (self._state, self._rows, self._planes))
        found = int(self._count_cycles(*addresses, cycles, self._is_primed, flag))
        ran = found or cycles
        self._counted += ran if self._is_primed else ran - 1
        self._cycles += ran
        self._is_primed = True
        self._note_change()
        return found


def _aligned(rows: int, row_bytes: int) -> NDArray[np.uint8]:
    """Zeroed rows whose first byte is aligned to a vector."""
    buffer = np.zeros(rows * row_bytes + ROW_ALIGNMENT, np.uint8)
    first = -buffer.ctypes.data % ROW_ALIGNMENT
    return buffer[first : first + rows * row_bytes].reshape(rows, row_bytes)
