"""The state of a bit-sliced simulator, and its way into and out of words.

A private bit is a vector: one bit of every stimulus side by side. Words of many stimuli become
vectors by a transposition of bits, done on whole arrays.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from asicbnn.errors import SimulationError
from asicbnn.simulation.backends.gate_layout import GateLayout, PrivateSlot
from asicbnn.simulation.backends.state_layout import (
    CACHE_LINE_LIMBS,
    LANES,
    LIMB_BITS,
    Slot,
    StateLayout,
    limbs_of,
)

Words = NDArray[np.uint64]
_BYTES_AT_ONCE = 1 << 24  # of single bits, while words are transposed
_EVERY = np.uint64(2**64 - 1)


class StimulusState:
    """Buffers of one simulator, all zero at first.

    vectors [n, stimuli / 64], limbs, masks, words_read, handed_over  as the generated code sees
    them: P, S, M, A, Q
    """

    def __init__(self, stimuli: int, uniform: StateLayout, private: GateLayout) -> None:
        self.stimuli = stimuli
        width = stimuli // LIMB_BITS
        try:
            self.vectors = _aligned(private.vectors * width, width).reshape(-1, width)
            self.limbs = _aligned(uniform.total_limbs + LANES, CACHE_LINE_LIMBS)
        except (MemoryError, ValueError) as error:
            size = 8 * (private.vectors * width + uniform.total_limbs)
            raise SimulationError(f"the block's state of {size} bytes is too large") from error
        self.masks = _aligned(private.masks, CACHE_LINE_LIMBS)
        self.words_read = np.zeros(len(private.reads) + 1, np.uint64)
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
        count = max(1, _BYTES_AT_ONCE // (self.stimuli * LIMB_BITS * words.shape[2]))
        for first in range(0, words.shape[1], count):
            part = np.ascontiguousarray(words[:, first : first + count])
            octets = part.reshape(self.stimuli, -1).view(np.uint8)
            bits = np.unpackbits(octets, axis=1, bitorder="little")
            columns = np.packbits(bits, axis=0, bitorder="little").T
            rows = np.ascontiguousarray(columns).view(np.uint64)
            rows = rows.reshape(part.shape[1], -1, rows.shape[1])[:, : slot.bits]
            target = self._rows(slot, start + first, part.shape[1])
            target[:] = rows.reshape(target.shape)

    def unpack(self, slot: PrivateSlot, start: int, count: int) -> Words:
        """Each stimulus's words [stimuli, n, limbs]."""
        limbs = limbs_of(slot.bits)
        words = np.empty((self.stimuli, count, limbs), np.uint64)
        at_once = max(1, _BYTES_AT_ONCE // (self.stimuli * LIMB_BITS * limbs))
        for first in range(0, count, at_once):
            some = min(at_once, count - first)
            rows = self._rows(slot, start + first, some)
            padded = np.zeros((some, limbs * LIMB_BITS, rows.shape[1]), np.uint64)
            padded[:, : slot.bits] = rows.reshape(some, slot.bits, -1)
            octets = padded.view(np.uint8).reshape(some * limbs * LIMB_BITS, -1)
            bits = np.unpackbits(np.ascontiguousarray(octets.T), axis=0, bitorder="little")
            packed = np.packbits(bits, axis=1, bitorder="little")
            words[:, first : first + some] = packed.view(np.uint64).reshape(-1, some, limbs)
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
