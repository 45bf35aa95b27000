"""The compiled back end with a second build of the same netlist, which counts toggles.

It follows the plain build through the cycles it is to count, so that all cycles are counted, or
windows of them, at little more than the cost of the plain build.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asicbnn.simulation.backends.toolchain.c_compiler import compile_library
from asicbnn.simulation.backends.word_level.c_tally import Counters, Last
from asicbnn.simulation.backends.word_level.c_toggles import generate_toggles
from asicbnn.simulation.backends.word_level.columns import (
    ALIGNMENT,
    CYCLES,
    Columns,
    bytes_per_cycle,
    columns_of,
)
from asicbnn.simulation.backends.word_level.compiled import CompiledBackend
from asicbnn.simulation.backends.word_level.sampling import Sampling

Numbers = NDArray[np.int64]
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


_CYCLES_PER_FLUSH = 1 << 25  # a counter of 32 bits takes at most 2 * 32 per 16 cycles


class TogglingBackend(CompiledBackend):
    """A compiled simulator that counts toggles, as often as ``sampling`` says."""

    def __init__(self, block: Any, sampling: Sampling, note: str = "") -> None:
        super().__init__(block, note)
        self.sampling = sampling
        source = generate_toggles(block, self._layout)
        self._columns = source.columns
        self._values_bytes = source.values_bytes
        self._count_cycles = compile_library(source.files).count
        self._count_cycles.argtypes = [ctypes.c_void_p] * 5 + [ctypes.c_uint64] * 3
        self._count_cycles.restype = ctypes.c_uint64
        stepped = self._replay.run_replayed if self._replay else self._run_cycles
        self._run_address = ctypes.cast(stepped, ctypes.c_void_p).value
        self._total_limbs = source.scratch_limbs
        self._allocate()

    def toggles(self) -> Toggles:
        """Return what was counted since the last `forget_toggles`; resets do not clear it."""
        self._flush()
        names = (wire.name for wire in self._columns.wires)
        counted = dict(zip(names, self._totals.tolist(), strict=True))
        counted |= {copy.name: counted[wire.name] for copy, wire in self._columns.copies}
        return Toggles(counted, self._counted, self._cycles)

    def toggle_counts(self) -> dict[str, int]:
        """Toggles of each wire by name, constants left out."""
        return self.toggles().wires

    def forget_toggles(self) -> None:
        """Start counting again."""
        self._counters[:] = 0
        self._totals[:] = 0
        self._counted = self._cycles = self._unflushed = 0
        self._is_primed = False

    def reset(self, *, keep_memories: bool = False) -> None:
        """Reset the state; the jump to it is no toggle."""
        super().reset(keep_memories=keep_memories)
        self._is_primed = False

    def _allocate(self) -> None:
        super()._allocate()
        if hasattr(self, "_columns"):
            columns = self._columns
            self._values = _aligned(self._values_bytes)
            self._last = _aligned(Last.of(columns).last_bytes)
            self._counters = _aligned(Counters.of(columns).counter_bytes)
            self._places = tuple(_places(columns))
            self._totals = np.zeros(len(columns.wires), np.int64)
            self.forget_toggles()

    def _flush(self) -> None:
        """Add the C code's counters to the totals and clear them."""
        places = Counters.of(self._columns)
        narrow = self._counters[: places.tiny_at].view(np.uint32).reshape(-1, CYCLES)
        totals = self._counters[places.totals_at :].view(np.int64)
        limbs = totals[(places.wide_totals_at - places.totals_at) // 8 :]
        by_size = {1: totals, 4: narrow.sum(axis=1, dtype=np.int64), 8: limbs}
        upto = {size: np.concatenate([[0], np.cumsum(counts)]) for size, counts in by_size.items()}
        for size, selected, first, end in self._places:
            self._totals[selected] += upto[size][end] - upto[size][first]
        self._counters[:] = 0
        self._unflushed = 0

    def _run(self, cycles: int) -> None:
        left = cycles
        while left:
            self._check_stop()
            is_counted, stretch = self.sampling.stretch(self._cycles)
            stretch = min(stretch, left)
            if is_counted:
                self._count(stretch, 0)
            else:
                self._is_primed = False
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
                self._is_primed = False
                ran = super()._run_until(flag_register, stretch)
                self._cycles += ran or stretch
            if ran:
                return done + ran
            done += stretch
        return None

    def _count(self, cycles: int, flag: int) -> int:
        """Run and count; returns the cycles run, 0 if the flag was never set."""
        if self._unflushed + cycles > _CYCLES_PER_FLUSH:
            self._flush()
        self._count_ahead()
        self._catch_up()
        buffers = (self._state, self._values, self._last, self._counters)
        addresses = [buffer.ctypes.data for buffer in buffers]
        found = int(
            self._count_cycles(*addresses, self._run_address, cycles, self._is_primed, flag)
        )
        ran = found or cycles
        self._counted += ran if self._is_primed else ran - 1
        self._cycles += ran
        self._unflushed += ran
        self._is_primed = True
        return found


def _places(columns: Columns) -> Iterator[tuple[int, Numbers, Numbers, Numbers]]:
    """Yield, by bytes per cycle, which wires have such columns, their first ones and ends."""
    sizes = np.array([bytes_per_cycle(wire.bitwidth) for wire in columns.wires], np.int64)
    first = np.array([columns.column(wire) for wire in columns.wires], np.int64)
    number = np.array([columns_of(wire.bitwidth) for wire in columns.wires], np.int64)
    for size in (1, 4, 8):
        selected = np.flatnonzero(sizes == size)
        yield size, selected, first[selected], first[selected] + number[selected]


def _aligned(count: int) -> NDArray[np.uint8]:
    """Zeroed bytes, the first aligned to a vector."""
    buffer = np.zeros(count + ALIGNMENT, np.uint8)
    first = -buffer.ctypes.data % ALIGNMENT
    return buffer[first : first + count]
