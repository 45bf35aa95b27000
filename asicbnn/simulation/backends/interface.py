"""What every simulator of a built block can do: set state, run cycles, look at state.

All stimuli come from registers and memories and all results end there, so a run needs nothing per
cycle from Python, and any back end can replace any other.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
import pyrtl
from numpy.typing import NDArray

from asicbnn.errors import CycleLimitError, SimulationError
from asicbnn.simulation.backends.netlist import Memory, state_of

_LIMB_BITS = 64
_Shape = TypeVar("_Shape")


@dataclass(frozen=True)
class RegisterShape:
    """A register's width [bit] and the value it has after a reset."""

    bits: int
    reset_value: int


@dataclass(frozen=True)
class MemoryShape:
    """A memory's word width [bit], depth [words], and whether it can be written."""

    bits: int
    words: int
    is_read_only: bool = False

    @property
    def limbs(self) -> int:
        """64-bit limbs per word."""
        return -(-self.bits // _LIMB_BITS)

    @property
    def octets(self) -> int:
        """Bytes the contents take, as limbs."""
        return 8 * self.limbs * self.words


@dataclass(frozen=True)
class StateShape:
    """Registers and memories of a block, by name. Memories without ports are not simulated."""

    registers: dict[str, RegisterShape]
    memories: dict[str, MemoryShape]

    @classmethod
    def of(cls, block: Any) -> Self:
        """Describe a PyRTL block."""
        registers, memories = state_of(block)
        return cls(
            {wire.name: RegisterShape(wire.bitwidth, wire.reset_value or 0) for wire in registers},
            {memory.name: _memory_shape(memory) for memory in memories},
        )


def _memory_shape(memory: Memory) -> MemoryShape:
    is_read_only = isinstance(memory, pyrtl.RomBlock)
    return MemoryShape(memory.bitwidth, 1 << memory.addrwidth, is_read_only)


class StoppedError(SimulationError):
    """A run that another thread ended through `Backend.stop`."""


class Backend(ABC):
    """A simulator holding the state of one instance of a block.

    A memory word of ``bits`` bits is a row of ``ceil(bits / 64)`` uint64 limbs, limb 0 lowest; bits
    above the width must be zero. Memories read asynchronously; a word read in the cycle that writes
    it has its old value; of two ports writing one word the one built last wins.

    name   as given to `simulator`
    note   a sentence for the user about the choice of back end; empty if there is nothing to say
    shape  the registers and memories
    loaded_by  whoever filled the memories last; for users who keep them between runs
    releases_lock  whether runs of forks in threads of their own run at the same time
    stop   set by another thread to end long runs of this simulator and of all its forks
    """

    name: ClassVar[str]
    releases_lock: ClassVar[bool] = False

    def __init__(self, shape: StateShape, note: str = "") -> None:
        self.shape = shape
        self.note = note
        self.loaded_by: object = None
        self.stop = threading.Event()  # forks are copies: they share it

    @property
    def state_bytes(self) -> int:
        """About the bytes the state of one fork takes."""
        return sum(memory.octets for memory in self.shape.memories.values())

    def write_memory(self, name: str, words: NDArray[np.uint64], start: int = 0) -> None:
        """Replace the words from ``start`` [word] on by the rows of ``words``."""
        words = np.asarray(words)
        self._check_words(name, words, start)
        self._store_words(name, words, start)

    def _check_words(self, name: str, words: NDArray[np.uint64], start: int) -> None:
        memory = _named(self.shape.memories, name, "memory")
        if memory.is_read_only:
            raise SimulationError(f"memory {name} is read-only")
        if words.dtype != np.uint64 or words.ndim != 2 or words.shape[1] != memory.limbs:
            raise SimulationError(
                f"memory {name}: expected uint64 words of shape (n, {memory.limbs}), "
                f"got {words.dtype} of shape {words.shape}"
            )
        self._check_range(name, start, len(words))
        if (top := memory.bits % _LIMB_BITS) and (words[:, -1] >> np.uint64(top)).any():
            row = int(np.flatnonzero(words[:, -1] >> np.uint64(top))[0])
            raise SimulationError(
                f"memory {name}: word {start + row} has bits above its {memory.bits} bits"
            )

    def read_memory(
        self, name: str, start: int = 0, count: int | None = None
    ) -> NDArray[np.uint64]:
        """Copy ``count`` words from ``start`` on; without ``count``, all that follow."""
        memory = _named(self.shape.memories, name, "memory")
        count = memory.words - start if count is None else count
        self._check_range(name, start, count)
        return self._load_words(name, start, count)

    def write_register(self, name: str, value: int) -> None:
        """Set a register."""
        bits = _named(self.shape.registers, name, "register").bits
        if not 0 <= value < 1 << bits:
            raise SimulationError(f"register {name}: {value:#x} does not fit its {bits} bits")
        self._store_register(name, int(value))

    def read_register(self, name: str) -> int:
        """Return a register's value."""
        _named(self.shape.registers, name, "register")
        return self._load_register(name)

    def registers(self) -> dict[str, int]:
        """Return all registers' values; of many stimuli, those of the first."""
        return {name: self.read_register(name) for name in self.shape.registers}

    def run(self, cycles: int) -> None:
        """Run that many cycles."""
        if cycles < 0:
            raise SimulationError(f"expected a number of cycles >= 0, got {cycles}")
        self._run(cycles)

    def run_until(self, flag_register: str, limit: int) -> int:
        """Run, at least one cycle, until a 1-bit register is 1; return the cycles run.

        Raises CycleLimitError, with the state as it then is, if that takes more than ``limit``.
        """
        if (bits := _named(self.shape.registers, flag_register, "register").bits) != 1:
            raise SimulationError(f"register {flag_register}: a flag has 1 bit, not {bits}")
        if limit < 1:
            raise SimulationError(f"expected a limit >= 1 cycle, got {limit}")
        if (cycles := self._run_until(flag_register, limit)) is None:
            raise CycleLimitError(f"register {flag_register} was not 1 within {limit} cycles")
        return cycles

    def _check_stop(self) -> None:
        """Leave a run that nobody waits for any more."""
        if self.stop.is_set():
            raise StoppedError("the run was stopped")

    def _stretches(self, cycles: int, most: int) -> Iterator[tuple[int, int]]:
        """Split a long run into calls of at most ``most`` cycles: yield cycles done, and to do now.

        Between them a stop, or an interrupt from the keyboard, is noticed.
        """
        for done in range(0, cycles, most):
            self._check_stop()
            yield done, min(most, cycles - done)

    def _check_range(self, name: str, start: int, count: int) -> None:
        depth = self.shape.memories[name].words
        if start < 0 or count < 0 or start + count > depth:
            raise SimulationError(
                f"memory {name}: words {start} to {start + count - 1} are outside its {depth} words"
            )

    @abstractmethod
    def reset(self, *, keep_memories: bool = False) -> None:
        """Give registers their reset values and clear memories (read-only ones get their data).

        keep_memories  leave the memories as they are
        """

    @abstractmethod
    def fork(self) -> Self:
        """Return a simulator of the same block with a state of its own, just reset."""

    @abstractmethod
    def _store_words(self, name: str, words: NDArray[np.uint64], start: int) -> None: ...

    @abstractmethod
    def _load_words(self, name: str, start: int, count: int) -> NDArray[np.uint64]: ...

    @abstractmethod
    def _store_register(self, name: str, value: int) -> None: ...

    @abstractmethod
    def _load_register(self, name: str) -> int: ...

    @abstractmethod
    def _run(self, cycles: int) -> None: ...

    @abstractmethod
    def _run_until(self, flag_register: str, limit: int) -> int | None:
        """Return the cycles run, None if the limit came first."""


def words_of_numbers(numbers: Iterable[int], limbs: int) -> NDArray[np.uint64]:
    """Memory words, shape (n, limbs), of a sequence of numbers."""
    data = b"".join(number.to_bytes(8 * limbs, "little") for number in numbers)
    return np.frombuffer(data, dtype="<u8").reshape(-1, limbs).astype(np.uint64)


def numbers_of_words(words: NDArray[np.uint64]) -> list[int]:
    """Numbers held by memory words of shape (n, limbs)."""
    return [int.from_bytes(row.tobytes(), "little") for row in words.astype("<u8")]


def _named(shapes: dict[str, _Shape], name: str, kind: str) -> _Shape:
    if name not in shapes:
        raise SimulationError(f"no {kind} {name}; there are: {', '.join(shapes) or 'none'}")
    return shapes[name]
