"""Many stimuli at once: the gates of a block, each computing one bit of every stimulus.

A stimulus is one run of the block with contents of its own in the memories the images enter by.
Everything they do not reach (control, addresses, weights, counters) is simulated once for all.
"""

from __future__ import annotations

import copy
import ctypes
from collections.abc import Collection
from typing import Any, Self

import numpy as np
import pyrtl
from numpy.typing import NDArray

from asicbnn.errors import SimulationError
from asicbnn.hardware.accelerator import DIFFERS_BETWEEN_IMAGES, SAME_FOR_ALL_IMAGES
from asicbnn.simulation.backends.gate_level.gate_source import Options, generate_gates
from asicbnn.simulation.backends.gate_level.stimulus_split import split_stimuli
from asicbnn.simulation.backends.gate_level.stimulus_state import StimulusState, Transposition
from asicbnn.simulation.backends.gate_level.vector_width import widest_vector_bits
from asicbnn.simulation.backends.interface import (
    Backend,
    StateShape,
    numbers_of_words,
    words_of_numbers,
)
from asicbnn.simulation.backends.netlist import Memory, check_block, read_netlist
from asicbnn.simulation.backends.state_layout import limbs_of
from asicbnn.simulation.backends.toolchain.c_compiler import compile_library

_CYCLES_PER_CALL = 1 << 12  # an interrupt from the keyboard is noticed between calls


def gate_options(stimuli: int | None = None) -> Options:
    """As many stimuli as fit a vector of this machine, or as many as given."""
    widest = widest_vector_bits()
    lanes = stimuli or widest
    if lanes not in (64, 128, 256, 512):
        raise SimulationError(f"expected 64, 128, 256 or 512 stimuli, got {lanes}")
    return Options(lanes, ternary=lanes == widest == 512)


class GatesBackend(Backend):
    """Bit-sliced C; see `gate_source`.

    The plain methods speak of all stimuli: what is written, all get; what is read, all must have,
    else SimulationError. `write_stimuli` and `read_stimuli` speak of each.

    stimuli  how many there are
    """

    name = "gates"
    releases_lock = True

    def __init__(
        self,
        block: Any,
        note: str = "",
        *,
        entering: Collection[str] | None = None,
        shared: Collection[str] | None = None,
        options: Options | None = None,
    ) -> None:
        """Build the simulator.

        entering  memories by whose contents stimuli differ (default: where images enter an
                  accelerator; in a block that is none, everything may differ)
        shared    memories that are the same for all stimuli, which is checked
        options   stimuli and optimisations (default: what is fastest on this machine)
        """
        check_block(block)
        super().__init__(StateShape.of(block), note)
        options = options or gate_options()
        netlist = read_netlist(block)
        names = {memory.name for memory in netlist.memories}
        if entering is None and names.issuperset(DIFFERS_BETWEEN_IMAGES):
            entering = DIFFERS_BETWEEN_IMAGES
            shared = SAME_FOR_ALL_IMAGES if shared is None else shared
        split = split_stimuli(netlist, entering, shared or ())
        source = generate_gates(netlist, split, options)
        self.stimuli = options.lanes
        self.gates, self.instructions = source.gates, source.instructions
        self._uniform, self._private = source.uniform, source.private
        self._faults = source.faults
        self._id_of = {memory.name: memory.id for memory in netlist.memories}
        self._roms = {
            memory.name: _rom_words(memory)
            for memory in netlist.memories
            if isinstance(memory, pyrtl.RomBlock)
        }
        library = compile_library(source.files)
        pointers, number = [ctypes.c_void_p] * 5, ctypes.c_uint64
        self._run_cycles = library.run_stimuli
        self._run_cycles.argtypes = [*pointers, number, ctypes.c_void_p]
        self._run_cycles.restype = number
        self._run_to_flag = library.run_stimuli_until
        self._run_to_flag.argtypes = [*pointers, number, ctypes.c_void_p, number, number]
        self._run_to_flag.restype = number
        self._transposition = Transposition.of(library)
        self.reset()

    @property
    def state_bytes(self) -> int:
        return self._private.vectors * self.stimuli // 8 + self._uniform.total_limbs * 8

    # -- every stimulus for itself ---------------------------------------------------------------

    def write_stimuli(self, name: str, words: NDArray[np.uint64], start: int = 0) -> None:
        """Replace words of a memory from ``start`` [word] on, for each stimulus by its own.

        words  [stimuli, n, limbs] uint64; the rows as in `write_memory`
        """
        words = np.asarray(words)
        if words.ndim != 3 or len(words) != self.stimuli:
            raise SimulationError(
                f"memory {name}: expected words of shape ({self.stimuli}, n, limbs), one row per "
                f"stimulus, got shape {words.shape}"
            )
        self._check_words(name, np.bitwise_or.reduce(words, axis=0), start)
        if (slot := self._private.memories.get(self._id_of[name])) is not None:
            self._state.pack(slot, words, start)
        elif (words != words[:1]).any():
            raise SimulationError(f"memory {name} is the same for all stimuli")
        else:
            self._store_words(name, words[0], start)

    def read_stimuli(
        self, name: str, start: int = 0, count: int | None = None
    ) -> NDArray[np.uint64]:
        """Copy words of a memory as each stimulus has them: [stimuli, count, limbs]."""
        if name in self._id_of and (memory := self._id_of[name]) in self._private.memories:
            count = self.shape.memories[name].words - start if count is None else count
            self._check_range(name, start, count)
            return self._state.unpack(self._private.memories[memory], start, count)
        words = self.read_memory(name, start, count)
        return np.broadcast_to(words, (self.stimuli, *words.shape)).copy()

    def registers(self) -> dict[str, int]:
        slots = self._private.registers
        return {
            name: numbers_of_words(self._state.first(slots[name], 0, 1))[0]
            if name in slots
            else self._load_register(name)
            for name in self.shape.registers
        }

    # -- all stimuli together --------------------------------------------------------------------

    def fork(self) -> Self:
        twin = copy.copy(self)
        twin.reset()
        return twin

    def reset(self, *, keep_memories: bool = False) -> None:
        if not keep_memories:
            # Fresh buffers cost nothing until they are used; clearing them may take megabytes.
            self._state = StimulusState(
                self.stimuli, self._uniform, self._private, self._transposition
            )
            for name, words in self._roms.items():
                self._store_words(name, words, 0)
        for name, register in self.shape.registers.items():
            self._store_register(name, register.reset_value)

    def _store_words(self, name: str, words: NDArray[np.uint64], start: int) -> None:
        identity = self._id_of[name]
        if (slot := self._private.memories.get(identity)) is not None:
            self._state.spread(slot, words, start)
        else:
            uniform = self._state.uniform_words(self._uniform.memories[identity])
            uniform[start : start + len(words)] = words

    def _load_words(self, name: str, start: int, count: int) -> NDArray[np.uint64]:
        identity = self._id_of[name]
        if (slot := self._private.memories.get(identity)) is None:
            uniform = self._state.uniform_words(self._uniform.memories[identity])
            return uniform[start : start + count].copy()
        if len(differing := self._state.differing(slot, start, count)):
            raise SimulationError(
                f"memory {name}: word {start + int(differing[0])} differs between stimuli; "
                f"read_stimuli gives each"
            )
        return self._state.first(slot, start, count)

    def _store_register(self, name: str, value: int) -> None:
        words = words_of_numbers([value], limbs_of(self.shape.registers[name].bits))
        if (slot := self._private.registers.get(name)) is not None:
            self._state.spread(slot, words, 0)
        else:
            self._state.uniform_words(self._uniform.registers[name])[:] = words

    def _load_register(self, name: str) -> int:
        if (slot := self._private.registers.get(name)) is None:
            words = self._state.uniform_words(self._uniform.registers[name])
        elif len(self._state.differing(slot, 0, 1)):
            raise SimulationError(f"register {name} differs between stimuli")
        else:
            words = self._state.first(slot, 0, 1)
        return numbers_of_words(words)[0]

    def _run(self, cycles: int) -> None:
        fault = ctypes.c_uint64()
        for done in range(0, cycles, _CYCLES_PER_CALL):
            calls = min(_CYCLES_PER_CALL, cycles - done)
            self._check_stop()
            self._run_cycles(*self._state.addresses(), calls, ctypes.byref(fault))
            self._check(fault.value)

    def _run_until(self, flag_register: str, limit: int) -> int | None:
        fault = ctypes.c_uint64()
        private = self._private.registers.get(flag_register)
        slot = self._uniform.registers[flag_register] if private is None else private
        flag = (slot.offset, int(private is not None))
        for done in range(0, limit, _CYCLES_PER_CALL):
            calls = min(_CYCLES_PER_CALL, limit - done)
            self._check_stop()
            ran = self._run_to_flag(*self._state.addresses(), calls, ctypes.byref(fault), *flag)
            self._check(fault.value)
            if ran:
                return done + int(ran)
        return None

    def _check(self, fault: int) -> None:
        if fault:
            raise SimulationError(self._faults[fault - 1])


def _rom_words(memory: Memory) -> NDArray[np.uint64]:
    numbers = (memory._get_read_data(address) for address in range(1 << memory.addrwidth))
    return words_of_numbers(numbers, limbs_of(memory.bitwidth))
