"""The default simulator: C from the netlist, compiled on the spot, on a numpy state buffer.

Code and state are apart: one build serves every layer, image and thread, each with a fork's own
state. The C code runs without the interpreter lock.
"""

from __future__ import annotations

import copy
import ctypes
from typing import Any, Self

import numpy as np
import pyrtl
from numpy.typing import NDArray

from asicbnn.errors import SimulationError
from asicbnn.hardware.declarations import Declarations, DeclaredFunction, declarations
from asicbnn.hardware.uncollected import uncollected
from asicbnn.simulation.backends.interface import (
    Backend,
    StateShape,
    numbers_of_words,
    words_of_numbers,
)
from asicbnn.simulation.backends.netlist import Memory, Netlist, check_block, check_inputs
from asicbnn.simulation.backends.state_layout import (
    CACHE_LINE_LIMBS,
    SLACK_LIMBS,
    Slot,
    StateLayout,
    limbs_of,
)
from asicbnn.simulation.backends.toolchain.c_compiler import Generated, build_library
from asicbnn.simulation.backends.toolchain.fingerprint import fingerprint, generator_identity
from asicbnn.simulation.backends.word_level import c_source
from asicbnn.simulation.backends.word_level.c_product_count import is_supported
from asicbnn.simulation.backends.word_level.c_program import generate_scheduled
from asicbnn.simulation.backends.word_level.c_source import generate
from asicbnn.simulation.backends.word_level.count_ahead import read_counting_ahead
from asicbnn.simulation.backends.word_level.replay import Replay

_CYCLES_PER_CALL = 1 << 16  # an interrupt from the keyboard is noticed between calls


class CompiledBackend(Backend):
    """C generated from the block's netlist; see `c_source`."""

    name = "compiled"
    releases_lock = True

    def __init__(
        self,
        block: Any,
        note: str = "",
        *,
        every_net: bool = False,
    ) -> None:
        """Build, or find what an earlier process built.

        every_net  evaluate each net in each cycle, whatever is declared: the reference for
                   everything cleverer
        """
        check_inputs(block)
        known = Declarations() if every_net else declarations(block)
        functions: list[DeclaredFunction] = list(filter(is_supported, known.functions))
        netlist, ahead = read_counting_ahead(block, functions)
        super().__init__(StateShape.of(block), note)
        registers = [register.name for register in netlist.registers]
        memories = [memory.id for memory in netlist.memories]

        def generated() -> Generated:
            check_block(block)  # slow; what is in the cache has passed it
            with uncollected():
                if every_net:
                    source = generate(netlist)
                else:
                    replay = ahead.replay if ahead else None
                    source = generate_scheduled(netlist, frozenset(known.steady), replay)
            return Generated(source.files, source.layout.to_text(registers, memories))

        program = "every net" if every_net else f"scheduled {sorted(known.steady)}"
        if ahead is not None:
            program += f" {ahead.fingerprint()}"
        built = build_library(_key(netlist, program), generated)
        self.note = "; ".join(filter(None, (note, built.note)))
        self._layout = StateLayout.from_text(built.attachment, registers, memories)
        self._reset_image = self._registers_after_reset()
        self._slot_of_memory = {
            memory.name: self._layout.memories[memory.id] for memory in netlist.memories
        }
        self._rom_words = {
            memory.id: _rom_words(memory)
            for memory in netlist.memories
            if isinstance(memory, pyrtl.RomBlock)
        }
        library = built.code
        self._run_cycles = library.run
        self._run_cycles.argtypes = [ctypes.c_void_p, ctypes.c_uint64]
        self._run_cycles.restype = None
        self._run_to_flag = library.run_until
        self._run_to_flag.argtypes = [ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint64]
        self._run_to_flag.restype = ctypes.c_uint64
        self._replay = Replay.of(ahead, self._layout, library) if ahead else None
        self._total_limbs = self._layout.total_limbs
        self._allocate()

    def fork(self) -> Self:
        twin = copy.copy(self)
        twin._allocate()
        return twin

    def reset(self, *, keep_memories: bool = False) -> None:
        if not keep_memories:
            self._state[:] = 0
        limbs, values = self._reset_image
        self._state[limbs] = values
        self._note_change()
        self._behind, self._is_ahead = 0, False
        if keep_memories:
            return
        for identity, words in self._rom_words.items():
            self._words(self._layout.memories[identity])[:] = words

    def _registers_after_reset(self) -> tuple[NDArray[np.intp], NDArray[np.uint64]]:
        """Positions of all registers' limbs in the state, and what a reset puts there."""
        limbs: list[int] = []
        values: list[int] = []
        for name, register in self.shape.registers.items():
            slot = self._layout.registers[name]
            count = limbs_of(slot.bits)
            limbs += range(slot.offset, slot.offset + count)
            values += words_of_numbers([register.reset_value], count)[0].tolist()
        return np.array(limbs, np.intp), np.array(values, np.uint64)

    def _allocate(self) -> None:
        """Take a zeroed buffer of its own, aligned to cache lines, and reset it."""
        # Vector loads from a part of the last value may reach beyond it.
        count = self._total_limbs + SLACK_LIMBS
        try:
            buffer = np.zeros(count + CACHE_LINE_LIMBS, np.uint64)
        except (MemoryError, ValueError) as error:
            raise SimulationError(f"the block's state of {8 * count} bytes is too large") from error
        first = -(buffer.ctypes.data // 8) % CACHE_LINE_LIMBS
        self._state: NDArray[np.uint64] = buffer[first : first + count]
        self.reset()

    def _words(self, slot: Slot) -> NDArray[np.uint64]:
        """View a slot as words of limbs."""
        region = self._state[slot.offset : slot.offset + slot.words * slot.stride]
        return region.reshape(slot.words, slot.stride)[:, : limbs_of(slot.bits)]

    def _store_words(self, name: str, words: NDArray[np.uint64], start: int) -> None:
        self._words(self._slot_of_memory[name])[start : start + len(words)] = words

    def _load_words(self, name: str, start: int, count: int) -> NDArray[np.uint64]:
        return self._words(self._slot_of_memory[name])[start : start + count].copy()

    def _store_register(self, name: str, value: int) -> None:
        slot = self._layout.registers[name]
        self._note_change()
        if self._replay is not None and name in self._replay.inside:
            self._catch_up()
            self._is_ahead = False
        self._words(slot)[:] = words_of_numbers([value], limbs_of(slot.bits))

    def _note_change(self) -> None:
        """Let logic that is evaluated only after changes of what it reads be evaluated again."""
        if self._layout.changed is not None:
            self._state[self._layout.changed] = 1

    def _load_register(self, name: str) -> int:
        if self._replay is not None and name in self._replay.inside:
            self._catch_up()
        return numbers_of_words(self._words(self._layout.registers[name]))[0]

    def _catch_up(self) -> None:
        """Let registers inside a popcount that is counted ahead hold what they would."""
        if self._replay is not None:
            self._replay.catch_up(self._state, self._behind)
            self._behind = 0

    def _count_ahead(self) -> None:
        """Let counts wait that follow from registers inside the popcount, if these were set."""
        if self._replay is not None and not self._is_ahead:
            self._catch_up()
            self._replay.count_ahead(self._state)
            self._is_ahead = True

    def _run(self, cycles: int) -> None:
        self._count_ahead()
        for _, calls in self._stretches(cycles, _CYCLES_PER_CALL):
            self._run_cycles(self._state.ctypes.data, calls)
            self._behind += calls

    def _run_until(self, flag_register: str, limit: int) -> int | None:
        self._count_ahead()
        flag = self._layout.registers[flag_register].offset
        for done, calls in self._stretches(limit, _CYCLES_PER_CALL):
            ran = int(self._run_to_flag(self._state.ctypes.data, flag, calls))
            self._behind += ran or calls
            if ran:
                return done + ran
        return None


def _key(netlist: Netlist, program: str) -> str:
    """Hash all that decides which code is generated: an equal key may find it in the cache."""
    return fingerprint(netlist, generator_identity(), str(c_source.FUNCTION_WEIGHT), program)


def _rom_words(memory: Memory) -> NDArray[np.uint64]:
    numbers = (memory._get_read_data(address) for address in range(1 << memory.addrwidth))
    return words_of_numbers(numbers, limbs_of(memory.bitwidth))
