"""The exported Verilog, simulated by Verilator: an independent second opinion, and fast.

State lies in the arrays of the generated C++ model, which numpy sees as they are. One build serves
every case; a fork is another instance of the model.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Collection, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from asicbnn.hardware.gating import GatedGroup
from asicbnn.simulation.backends.exported.verilator_build import build_library
from asicbnn.simulation.backends.exported.verilog_source import verilog_source
from asicbnn.simulation.backends.interface import Backend, StateShape
from asicbnn.simulation.backends.netlist import check_block, read_netlist

_CYCLES_PER_CALL = 1 << 16
_LIMB_BYTES = 8


class VerilatorBackend(Backend):
    """A model built by Verilator with every register and memory at hand, soon compiled.

    build_cpu_seconds  CPU time of Verilator and the C++ compiler
    """

    name = "verilator"

    def __init__(
        self,
        block: Any,
        note: str = "",
        *,
        gated: Sequence[GatedGroup] = (),
        registers: Collection[str] | None = None,
        optimisation: str = "-O1",
    ) -> None:
        """Build the model.

        gated         the block's registers behind clock gates
        registers     those to reach from outside, besides any with a reset value other than 0;
                      Verilator optimises the others as it likes (default: all are reached)
        optimisation  of the C++ compiler
        """
        check_block(block)
        read_netlist(block)  # names a combinational loop
        super().__init__(_reached(StateShape.of(block), registers), note)
        self._source = verilog_source(block, gated)
        published = [
            piece.variable
            for name in self.shape.registers
            for piece in self._source.registers[name]
        ]
        published += self._source.memories.values()
        self._library = build_library(self._source, published, optimisation=optimisation)
        self.build_cpu_seconds = self._library.build_cpu_seconds
        self._start()

    def _start(self) -> None:
        """Take a new instance of the model: everything 0, read-only memories filled."""
        self._unit = self._library.make()
        self._registers = {
            name: [
                (piece.bits, self._unit.words_at(piece.variable, piece.bits)[0])
                for piece in self._source.registers[name]
            ]
            for name in self.shape.registers
        }
        self._memories = {
            name: self._unit.words_at(self._source.memories[name], memory.bits, memory.words)
            for name, memory in self.shape.memories.items()
        }
        for name, register in self.shape.registers.items():
            self._store_register(name, register.reset_value)

    def reset(self, *, keep_memories: bool = False) -> None:
        before = self._unit, self._memories
        self._start()
        if keep_memories:
            for name, words in before[1].items():
                self._memories[name][:] = words

    def fork(self) -> Self:
        twin = copy.copy(self)
        twin._start()
        return twin

    def _store_words(self, name: str, words: NDArray[np.uint64], start: int) -> None:
        array = self._memories[name]
        array[start : start + len(words)] = _bytes_of(words)[:, : array.shape[1]]

    def _load_words(self, name: str, start: int, count: int) -> NDArray[np.uint64]:
        array = self._memories[name][start : start + count]
        limbs = self.shape.memories[name].limbs
        widened = np.zeros((count, _LIMB_BYTES * limbs), np.uint8)
        widened[:, : array.shape[1]] = array
        return widened.view(np.uint64)

    def _store_register(self, name: str, value: int) -> None:
        for bits, word in self._registers[name]:
            part = value & ((1 << bits) - 1)
            word[:] = np.frombuffer(part.to_bytes(len(word), sys.byteorder), np.uint8)
            value >>= bits

    def _load_register(self, name: str) -> int:
        value, low = 0, 0
        for bits, word in self._registers[name]:
            value |= int.from_bytes(word.tobytes(), sys.byteorder) << low
            low += bits
        return value

    def _run(self, cycles: int) -> None:
        for _, count in self._stretches(cycles, _CYCLES_PER_CALL):
            self._unit.run(count)

    def _run_until(self, flag_register: str, limit: int) -> int | None:
        ((_, flag),) = self._registers[flag_register]
        for done, count in self._stretches(limit, _CYCLES_PER_CALL):
            if ran := self._unit.run_until(flag, count):
                return done + ran
        return None


def _reached(shape: StateShape, registers: Collection[str] | None) -> StateShape:
    """Leave out the registers nobody wants to reach and that start at 0."""
    if registers is None:
        return shape
    kept = {
        name: register
        for name, register in shape.registers.items()
        if name in registers or register.reset_value
    }
    return StateShape(kept, shape.memories)


def _bytes_of(words: NDArray[np.uint64]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(words).view(np.uint8)
