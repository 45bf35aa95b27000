"""The state of a bit-sliced simulator, and its way into and out of words.

A private bit is a vector: one bit of every stimulus side by side. Words of many stimuli become
vectors by a transposition of bits, which the generated code does 64 by 64.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asicbnn.errors import SimulationError
from asicbnn.simulation.backends.gate_level.gate_layout import GateLayout, PrivateSlot
from asicbnn.simulation.backends.state_layout import (
    CACHE_LINE_LIMBS,
    LANES,
    LIMB_BITS,
    Slot,
    StateLayout,
    limbs_of,
)

Words = NDArray[np.uint64]
_EVERY = np.uint64(2**64 - 1)


@dataclass(frozen=True)
class Transposition:
    """The generated code's way from words of stimuli to vectors and back."""

    pack: Any
    unpack: Any

    @classmethod
    def of(cls, library: ctypes.CDLL) -> Transposition:
        for function in (library.pack_stimuli, library.unpack_stimuli):
            function.argtypes = [ctypes.c_void_p] * 2 + [ctypes.c_uint64] * 3
            function.restype = None
        return cls(library.pack_stimuli, library.unpack_stimuli)


class StimulusState:
    """Buffers of one simulator, all zero at first.

    vectors [n, stimuli / 64], limbs, masks, words_read, handed_over  as the generated code sees
    them: P, S, M, A, Q
    """

    def __init__(
        self,
        stimuli: int,
        uniform: StateLayout,
        private: GateLayout,
        transposition: Transposition,
    ) -> None:
        self.stimuli = stimuli
        self._transposition = transposition
        width = stimuli // LIMB_BITS
        try:
            self.vectors = _aligned(private.vectors * width, width).reshape(-1, width)
            self.limbs = _aligned(uniform.total_limbs + LANES, CACHE_LINE_LIMBS)
        except (MemoryError, ValueError) as error:
            size = 8 * (private.vectors * width + uniform.total_limbs)
            raise SimulationError(f"the block's state of {size} bytes is too large") from error
        self.masks = _aligned(private.masks, CACHE_LINE_LIMBS)
        self.words_read = np.zeros(len(private.reads) + private.flags + 1, np.uint64)
        self.handed_over = np.zeros(private.masks // LIMB_BITS + 1, np.uint64)

    def addresses(self) -> tuple[int, ...]:
        """The buffers' addresses, in the order of the generated code's arguments."""
        buffers = (self.vectors, self.limbs, self.masks, self.words_read, self.handed_over)
        return tuple(buffer.ctypes.data for buffer in buffers)

    # -- what is the same for all stimuli --------------------------------------------------------

    def uniform_words(self, slot: Slot) -> Words:
        """View a slot of limbs as words."""
        region = self.limbs[slot.offset : slot.offset + slot.words * slot.stride]
        return region.reshape(slot.words, slot.stride)[:, : limbs_of(slot.bits)]

    # -- what differs ----------------------------------------------------------------------------

    def spread(self, slot: PrivateSlot, words: Words, start: int) -> None:
        """Give all stimuli the same words [n, limbs]."""
        octets = np.ascontiguousarray(words).view(np.uint8)
        bits = np.unpackbits(octets, axis=1, bitorder="little")[:, : slot.bits]
        self._rows(slot, start, len(words))[:] = np.where(bits.reshape(-1, 1), _EVERY, np.uint64(0))

    def pack(self, slot: PrivateSlot, words: Words, start: int) -> None:
        """Give each stimulus its words [stimuli, n, limbs]."""
        words = np.ascontiguousarray(words)
        rows = self._rows(slot, start, words.shape[1])
        self._transposition.pack(
            rows.ctypes.data, words.ctypes.data, words.shape[1], slot.bits, self.stimuli
        )

    def unpack(self, slot: PrivateSlot, start: int, count: int) -> Words:
        """Each stimulus's words [stimuli, n, limbs]."""
        words = np.empty((self.stimuli, count, limbs_of(slot.bits)), np.uint64)
        rows = self._rows(slot, start, count)
        self._transposition.unpack(
            rows.ctypes.data, words.ctypes.data, count, slot.bits, self.stimuli
        )
        return words

    def differing(self, slot: PrivateSlot, start: int, count: int) -> NDArray[np.intp]:
        """Words, counted from ``start``, that are not the same for all stimuli."""
        rows = self._rows(slot, start, count)
        first = np.where(rows[:, :1] & np.uint64(1), _EVERY, np.uint64(0))
        return np.flatnonzero((rows != first).any(axis=1).reshape(count, -1).any(axis=1))

    def first(self, slot: PrivateSlot, start: int, count: int) -> Words:
        """Words [n, limbs] of stimulus 0."""
        bits = (self._rows(slot, start, count)[:, 0] & np.uint64(1)).astype(np.uint8)
        padded = np.zeros((count, limbs_of(slot.bits) * LIMB_BITS), np.uint8)
        padded[:, : slot.bits] = bits.reshape(count, slot.bits)
        return np.packbits(padded, axis=1, bitorder="little").view(np.uint64)

    def _rows(self, slot: PrivateSlot, start: int, count: int) -> Words:
        return self.vectors[slot.offset + start * slot.bits :][: count * slot.bits]


def _aligned(count: int, boundary: int) -> Words:
    """Zeroed limbs whose first one lies at a multiple of ``boundary`` limbs."""
    buffer = np.zeros(count + boundary, np.uint64)
    first = -(buffer.ctypes.data // 8) % boundary
    return buffer[first : first + count]
