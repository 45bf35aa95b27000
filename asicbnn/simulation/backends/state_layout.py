"""Where everything lies in the flat buffer of 64-bit limbs that is a compiled simulator's state."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, Self

LIMB_BITS = 64
LANES = 4  # limbs in one vector operation of the generated code
CACHE_LINE_LIMBS = 8


def limbs_of(bits: int) -> int:
    """64-bit limbs that hold ``bits`` bits."""
    return -(-bits // LIMB_BITS)


def stride_of(bits: int) -> int:
    """Limbs reserved for a value, so that vector operations on wide ones stay inside it."""
    limbs = limbs_of(bits)
    return limbs if limbs <= 2 else -(-limbs // LANES) * LANES


class Slot(NamedTuple):
    """A run of words in the buffer.

    offset  first limb
    bits    width of a word [bit]
    words   number of words
    stride  limbs from one word to the next
    """

    offset: int
    bits: int
    words: int
    stride: int


@dataclass
class StateLayout:
    """Slots of registers (by name) and memories (by PyRTL id), grown while code is generated.

    total_limbs  size of the buffer so far; scratch space for values between functions included
    """

    registers: dict[str, Slot] = field(default_factory=dict)
    memories: dict[int, Slot] = field(default_factory=dict)
    total_limbs: int = 0

    def add_register(self, name: str, bits: int) -> None:
        self.registers[name] = self._reserve(bits, 1)

    def add_memory(self, identity: int, bits: int, words: int) -> None:
        self.memories[identity] = self._reserve(bits, words)

    def add_scratch(self, bits: int) -> int:
        """Reserve room for one value and return the offset of its first limb."""
        return self._reserve(bits, 1).offset

    def to_text(self) -> str:
        """Write the slots by position: names and numbers differ from process to process."""
        slots = list(self.registers.values()), list(self.memories.values())
        return json.dumps([*slots, self.total_limbs], separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str, registers: Iterable[str], memories: Iterable[int]) -> Self:
        """Read what `to_text` wrote; names and PyRTL ids in the order in which they were added."""
        register_slots, memory_slots, total_limbs = json.loads(text)
        return cls(
            {name: Slot(*slot) for name, slot in zip(registers, register_slots, strict=True)},
            {identity: Slot(*slot) for identity, slot in zip(memories, memory_slots, strict=True)},
            total_limbs,
        )

    def _reserve(self, bits: int, words: int) -> Slot:
        stride = stride_of(bits)
        if stride >= LANES or words > 1:  # keep vectors from straddling cache lines
            self.total_limbs = -(-self.total_limbs // CACHE_LINE_LIMBS) * CACHE_LINE_LIMBS
        slot = Slot(self.total_limbs, bits, words, stride)
        self.total_limbs += stride * words
        return slot
