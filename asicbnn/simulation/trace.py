"""What wires carry cycle by cycle, from a moment of a run on.

A fast back end runs to the moment, then PyRTL's own simulator goes on from its state and shows any
wire, so that what is seen does not depend on the code generator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from asicbnn.simulation.backends.interface import Backend
from asicbnn.simulation.backends.interpreted import InterpretedBackend


@dataclass(frozen=True, eq=False)
class Trace:
    """Some consecutive cycles of a run.

    registers  value of each register in the first cycle
    wires      values of each wire that is watched, one per cycle
    """

    registers: Mapping[str, int]
    wires: Mapping[str, Sequence[int]]


class Tracer:
    """PyRTL's simulator of a block, to continue runs of others with an eye on some wires.

    wires  names; registers need not be among them
    """

    def __init__(self, block: Any, wires: Sequence[str]) -> None:
        self._simulator = InterpretedBackend(block, watch=wires)
        self._wires = tuple(wires)

    def take(self, state: Backend) -> InterpretedBackend:
        """Return the simulator in the state another one has reached."""
        simulator = self._simulator
        for name in state.shape.registers:
            simulator.write_register(name, state.read_register(name))
        for name, memory in state.shape.memories.items():
            if not memory.is_read_only:
                simulator.write_memory(name, state.read_memory(name))
        return simulator

    def follow(self, state: Backend, cycles: int) -> Trace:
        """Continue a run, whose own simulator is left as it is, for some cycles."""
        simulator = self.take(state)
        registers = {name: state.read_register(name) for name in state.shape.registers}
        seen: dict[str, list[int]] = {name: [] for name in self._wires}
        for _ in range(cycles):
            simulator.run(1)
            values = simulator.watched()
            for name, found in seen.items():
                found.append(values[name])
        return Trace(registers, seen)


__all__ = ["Trace", "Tracer"]
