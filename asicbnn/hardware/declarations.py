"""What the hardware says of itself beyond its nets, for whoever runs or prices it.

A component knows what function it computes and which registers seldom change. A simulator may use
that to be fast; it must not change a bit, which tests prove against the nets.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from pyrtl import WireVector


@dataclass(frozen=True, eq=False)
class ProductCount:
    """Ones among masked XNOR products, counted for every PE: planes of the counts from operands.

    For output pixel i and channel k, PE p = i * channels + k and

        count_p = active_p * sum_n mask_i[n] * xnor(weights[n * channels + k], pixels_i[n])

    channels  PEs that share a pixel
    lanes     products per PE and cycle
    weights   lanes * channels bits, lane by lane
    pixels    per output pixel: wires that together hold its activations, lane 0 lowest
    masks     per output pixel: wires that together hold its masks, lane 0 lowest
    active    one bit per PE
    counts    planes of the counts, least significant first, one bit per PE each
    """

    channels: int
    lanes: int
    weights: WireVector
    pixels: tuple[tuple[WireVector, ...], ...]
    masks: tuple[tuple[WireVector, ...], ...]
    active: WireVector
    counts: tuple[WireVector, ...]

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
        return self.channels, self.lanes, len(self.pixels), *map(len, self.pixels)


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


@dataclass
class Declarations:
    """Gathered while a block is built.

    functions  functions whose nets may be replaced
    steady     names of registers that change at most once per layer
    """

    functions: list[DeclaredFunction] = field(default_factory=list)
    steady: set[str] = field(default_factory=set)
