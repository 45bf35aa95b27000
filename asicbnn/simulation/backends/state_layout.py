"""Where everything lies in the flat buffer of 64-bit limbs that is a compiled simulator's state."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

from asicbnn.simulation.backends.netlist import Net, Netlist, Wire

LIMB_BITS = 64
LANES = 4  # limbs in one vector operation of the generated code
CACHE_LINE_LIMBS = 8
SLACK_LIMBS = 512  # behind the state: vectors may read, never write, so far beyond a value


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
    changed      limb to set when registers have been written from outside, if a program asks for it
    """

    registers: dict[str, Slot] = field(default_factory=dict)
    memories: dict[int, Slot] = field(default_factory=dict)
    total_limbs: int = 0
    changed: int | None = None

    def add_register(self, name: str, bits: int) -> None:
        self.registers[name] = self._reserve(bits, 1)

    def add_memory(self, identity: int, bits: int, words: int) -> None:
        self.memories[identity] = self._reserve(bits, words)

    def add_registers(self, registers: Sequence[tuple[str, int]]) -> None:
        """Reserve registers (name, bits) one right after the other, as one value."""
        whole = self._reserve(sum(bits for _, bits in registers), 1)
        offset = whole.offset
        for name, bits in registers:
            self.registers[name] = Slot(offset, bits, 1, limbs_of(bits))
            offset += limbs_of(bits)

    def add_memories(self, memories: Sequence[tuple[int, int]], words: int) -> None:
        """Reserve memories (id, bits) of as many words whose words lie side by side."""
        whole = self._reserve(sum(bits for _, bits in memories), words)
        offset = whole.offset
        for identity, bits in memories:
            self.memories[identity] = Slot(offset, bits, words, whole.stride)
            offset += limbs_of(bits)

    def add_scratch(self, bits: int) -> int:
        """Reserve room for one value and return the offset of its first limb."""
        return self._reserve(bits, 1).offset

    def to_text(self, registers: Iterable[str], memories: Iterable[int]) -> str:
        """Write the slots by position: names and numbers differ from process to process."""
        slots = [self.registers[name] for name in registers], [self.memories[i] for i in memories]
        return json.dumps([*slots, self.total_limbs, self.changed], separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str, registers: Iterable[str], memories: Iterable[int]) -> Self:
        """Read what `to_text` wrote, given names and PyRTL ids in the same order."""
        register_slots, memory_slots, total_limbs, changed = json.loads(text)
        return cls(
            {name: Slot(*slot) for name, slot in zip(registers, register_slots, strict=True)},
            {identity: Slot(*slot) for identity, slot in zip(memories, memory_slots, strict=True)},
            total_limbs,
            changed,
        )

    def _reserve(self, bits: int, words: int) -> Slot:
        stride = stride_of(bits)
        if stride >= LANES or words > 1:  # keep vectors from straddling cache lines
            self.total_limbs = -(-self.total_limbs // CACHE_LINE_LIMBS) * CACHE_LINE_LIMBS
        slot = Slot(self.total_limbs, bits, words, stride)
        self.total_limbs += stride * words
        return slot


def side_by_side(netlist: Netlist, *, registers: bool) -> Iterator[list[Any]]:
    """Registers, or memories, whose values are joined to one: groups to lay out in that order.

    Every part but the last must fill its limbs. Memories are joined if read at one address.
    """
    driver_of = {net.dests[0]: net for net in netlist.nets if net.op == "m"}
    known = set(netlist.registers)
    taken: set[int] = set()
    for net in netlist.nets:
        if net.op != "c" or len(net.args) < 2:
            continue
        parts = list(reversed(net.args))
        if any(wire.bitwidth % LIMB_BITS for wire in parts[:-1]):
            continue
        if registers:
            group: list[Any] = parts if all(wire in known for wire in parts) else []
        else:
            group = _read_together(parts, driver_of)
        identities = {id(one) for one in group}
        if group and len(identities) == len(group) and not identities & taken:
            taken |= identities
            yield group


def _read_together(parts: Sequence[Wire], driver_of: dict[Wire, Net]) -> list[Any]:
    """Memories of parts that are all read at one address, else nothing."""
    reads = [driver_of[wire] for wire in parts if wire in driver_of]
    if len(reads) < len(parts) or any(read.args[0] is not reads[0].args[0] for read in reads):
        return []
    memories = [read.op_param[1] for read in reads]
    same = all(memory.addrwidth == memories[0].addrwidth for memory in memories)
    return memories if same else []
