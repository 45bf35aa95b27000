"""The registers inside a popcount that is counted ahead: brought up to date when somebody looks."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from asicbnn.simulation.backends.netlist import Wire
from asicbnn.simulation.backends.state_layout import StateLayout, limbs_of
from asicbnn.simulation.backends.word_level.count_ahead import CountAhead

Limbs = NDArray[np.intp]
State = NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class Replay:
    """What a simulator that counts ahead needs to know of the registers inside, in all its states.

    inside  their names
    run     C code: a cycle of the registers inside, from the operands of the cycle before
    run_replayed  C code: cycles in which these are replayed at once
    at_*    limbs of the state that hold the groups of `CountAhead`
    """

    inside: frozenset[str]
    run: Any
    run_replayed: Any
    at_inside: Limbs
    at_past: tuple[Limbs, ...]
    at_waiting: tuple[Limbs, ...]
    at_seen: Limbs

    @classmethod
    def of(cls, ahead: CountAhead, layout: StateLayout, library: Any) -> Self:
        """Find the groups in a state, and the code in a library."""
        run, run_replayed = library.replay, library.run_replayed
        run.argtypes, run.restype = [ctypes.c_void_p], None
        run_replayed.argtypes, run_replayed.restype = [ctypes.c_void_p, ctypes.c_uint64], None
        return cls(
            frozenset(register.name for register in ahead.inside),
            run,
            run_replayed,
            _limbs(layout, ahead.inside),
            tuple(_limbs(layout, row) for row in ahead.past),
            tuple(_limbs(layout, row) for row in ahead.waiting),
            _limbs(layout, ahead.seen),
        )

    def catch_up(self, state: State, cycles: int) -> None:
        """Bring the registers inside up to date, which were so many cycles ago.

        What they held then is of no matter as soon as it has passed all of them.
        """
        newest = state[self.at_past[0]]
        for row in self.at_past[:cycles][::-1]:
            state[self.at_past[0]] = newest if row is self.at_past[0] else state[row]
            self.run(state.ctypes.data)

    def count_ahead(self, state: State) -> None:
        """Let the counts wait that the registers inside, which are up to date, will give."""
        kept = state[self.at_inside]
        for row in self.at_waiting[::-1]:
            self.run(state.ctypes.data)
            state[row] = state[self.at_seen]
        state[self.at_inside] = kept


def _limbs(layout: StateLayout, registers: Iterable[Wire]) -> Limbs:
    slots = [layout.registers[register.name] for register in registers]
    return np.array(
        [limb for slot in slots for limb in range(slot.offset, slot.offset + limbs_of(slot.bits))],
        np.intp,
    )
