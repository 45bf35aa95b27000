"""What components declare about the netlist they build, so that nobody guesses it from patterns.

A netlist shows gates; whoever writes Verilog or runs it fast wants to know that five of them are a
full adder, that thousands count products, that a row of memories is one word and which registers
seldom change. The component that builds them says so here. Nothing of it may change a bit: tests
hold what is declared against the nets.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import pyrtl
from pyrtl import MemBlock, WireVector

AdderKind = Literal["full_adder", "half_adder"]


@dataclass(frozen=True, eq=False)
class Adder:
    """As many full or half adders as its wires have bits, side by side.

    inputs        two or three wires of equal width
    total, carry  the results
    inner         wires between the adder's own gates, read by nobody else
    """

    kind: AdderKind
    inputs: tuple[WireVector, ...]
    total: WireVector
    carry: WireVector
    inner: tuple[WireVector, ...]


@dataclass(frozen=True, eq=False)
class DeclaredMemory:
    """Memories that are read side by side: the slices of one word, lowest first.

    words  words there are, at most two to the power of the address bits
    """

    name: str
    words: int
    slices: tuple[MemBlock, ...]


@dataclass(frozen=True, eq=False)
class ProductCount:
    """Ones among masked XNOR products, counted for every PE: planes of the counts from operands.

    For output pixel i and channel k, PE p = i * channels + k and

        count_p = active_p * sum_n mask_i[n] * xnor(weights[n * channels + k], pixels_i[n])

    of `stages` cycles before. Registers in between are read by nobody else.

    channels  PEs that share a pixel
    lanes     products per PE and cycle
    weights   lanes * channels bits, lane by lane
    pixels    per output pixel: wires that together hold its activations, lane 0 lowest
    masks     per output pixel: wires that together hold its masks, lane 0 lowest
    active    one bit per PE
    counts    planes of the counts, least significant first, one bit per PE each
    stages    registers on every way from operands to counts
    """

    channels: int
    lanes: int
    weights: WireVector
    pixels: tuple[tuple[WireVector, ...], ...]
    masks: tuple[tuple[WireVector, ...], ...]
    active: WireVector
    counts: tuple[WireVector, ...]
    stages: int = 0

    @property
    def inputs(self) -> tuple[WireVector, ...]:
        """Every wire the function reads."""
        parts = [wire for words in (*self.pixels, *self.masks) for wire in words]
        return (self.weights, *parts, self.active)

    @property
    def outputs(self) -> tuple[WireVector, ...]:
        """Every wire the function drives."""
        return self.counts

    @property
    def shape(self) -> tuple[int, ...]:
        """The numbers that make out the function, wires apart."""
        return self.channels, self.lanes, self.stages, len(self.pixels), *map(len, self.pixels)


@dataclass(frozen=True, eq=False)
class NumberOfPe:
    """One PE's number, out of planes: bit j is bit p of plane j, 0 if an index is out of range.

    planes   bits of the numbers, least significant first, one bit per PE each
    indices  (wire, values, step): p is the sum of value times step
    number   the result, at most 64 bits
    """

    planes: tuple[WireVector, ...]
    indices: tuple[tuple[WireVector, int, int], ...]
    number: WireVector

    @property
    def inputs(self) -> tuple[WireVector, ...]:
        """Every wire the function reads."""
        return (*(wire for wire, _, _ in self.indices), *self.planes)

    @property
    def outputs(self) -> tuple[WireVector, ...]:
        """Every wire the function drives."""
        return (self.number,)

    @property
    def shape(self) -> tuple[int, ...]:
        """The numbers that make out the function, wires apart."""
        return tuple(number for _, values, step in self.indices for number in (values, step))


DeclaredFunction: TypeAlias = ProductCount | NumberOfPe


@dataclass(eq=False)
class Declarations:
    """What was declared while a block was built, in that order.

    functions  whose nets a simulator may replace
    steady     names of registers that change at most once per layer
    checked    nets of the block when all of it was found well formed, None before
    """

    adders: list[Adder] = field(default_factory=list)
    memories: list[DeclaredMemory] = field(default_factory=list)
    functions: list[DeclaredFunction] = field(default_factory=list)
    steady: set[str] = field(default_factory=set)
    checked: int | None = None


def declarations(block: Any = None) -> Declarations:
    """Return what is declared for a block (default: the working block); add to it freely."""
    owner = pyrtl.working_block() if block is None else block
    if not hasattr(owner, "declared"):
        owner.declared = Declarations()
    found: Declarations = owner.declared
    return found
