"""On-chip memories as slices that are written separately and read side by side."""

from __future__ import annotations

from collections.abc import Sequence

import pyrtl
from pyrtl import Const, MemBlock, WireVector

from asicbnn.hardware.declarations import DeclaredMemory, declarations
from asicbnn.hardware.wires import joined, sized
from asicbnn.mapping.layout import ceil_div


class SlicedMemory:
    """A memory of `words` words built from slices, each with a write enable of its own.

    name         slices are named name0, name1, ...
    slice_bits   bits of a slice; the last one is what is left of the word
    Reads are combinational: the register behind them makes the read synchronous. A read in the
    cycle of a write to the same address returns the old word.
    """

    def __init__(self, name: str, words: int, word_bits: int, slice_bits: int) -> None:
        self.word_bits, self.slice_bits = word_bits, slice_bits
        self.address_bits = max(1, (words - 1).bit_length())
        count = ceil_div(word_bits, slice_bits)
        self.slices = [
            MemBlock(
                bitwidth=min(slice_bits, word_bits - i * slice_bits),
                addrwidth=self.address_bits,
                name=f"{name}{i}",
                asynchronous=True,
                max_read_ports=None,
                max_write_ports=None,
            )
            for i in range(count)
        ]
        declarations().memories.append(DeclaredMemory(name, words, tuple(self.slices)))

    def read(self, address: WireVector) -> WireVector:
        """The whole word."""
        at = sized(address, self.address_bits)
        return joined([memory[at] for memory in self.slices])

    def write(
        self, address: WireVector, data: Sequence[WireVector], enables: Sequence[WireVector]
    ) -> None:
        """Write the slices whose enable is 1."""
        at = sized(address, self.address_bits)
        for memory, word, enable in zip(self.slices, data, enables, strict=True):
            memory[at] <<= MemBlock.EnabledWrite(sized(word, memory.bitwidth), enable)


class Probe:
    """Counts strobes and cycles while a layer runs; exists only in a probe build.

    counters  name -> (event, increment), each 40 bit; a snapshot per layer goes to memory `probe`
    """

    COUNTER_BITS = 40
    LAYER_BITS = 8

    def __init__(self) -> None:
        self.counters: dict[str, list[tuple[WireVector, int]]] = {}

    def count(self, name: str, event: WireVector, increment: int = 1) -> None:
        """Add `increment` to a counter whenever `event` is 1."""
        self.counters.setdefault(name, []).append((event, increment))

    def connect(self, layer_end: WireVector, restart: WireVector) -> None:
        bits = self.COUNTER_BITS
        index = pyrtl.Register(self.LAYER_BITS, name="probe_layer")
        after = pyrtl.select(layer_end, (index + 1).truncate(self.LAYER_BITS), index)
        index.next <<= pyrtl.select(restart, Const(0, self.LAYER_BITS), after)
        ended = pyrtl.Register(1, name="layer_ended")
        ended.next <<= layer_end
        totals = []
        for name, events in self.counters.items():
            register = pyrtl.Register(bits, name=f"probe_{name}")
            total: WireVector = register
            for event, increment in events:
                step = pyrtl.select(event, Const(increment, bits), Const(0, bits))
                total = (total + step).truncate(bits)
            register.next <<= pyrtl.select(layer_end | restart, Const(0, bits), total)
            totals.append(total)
        memory = SlicedMemory("probe", 1 << self.LAYER_BITS, bits * len(totals), bits)
        memory.write(index, totals, [layer_end] * len(totals))
