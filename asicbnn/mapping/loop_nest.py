"""The loop nest: tile sizes and orders of one layer, and the positions where operands reload.

A mapping has an outer list (dimension, tile) for the store level and an inner list of dimensions
for the buffers; the spatial unroll sits below. The sequencer is configured from the same nest
that the model counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from asicbnn.bnn.layer import DIMENSIONS, REDUCTION, RELEVANT, Layer
from asicbnn.mapping.layout import Layout, ceil_div

OUTER_DIMENSIONS = ("B", "K", "C", "OY", "OX")
OPERANDS = ("weight", "input", "psum")


@dataclass(frozen=True)
class Mapping:
    """Orders and tiles of one layer, independent of the accelerator that runs it.

    outer  (dimension, tile) outermost first, each of B K C OY OX once; a tile is a multiple of
           the unroll and covers the whole dimension where it is not split
    inner  the nine dimensions, outermost first
    hold   operands kept in L0 while they do not change: weight, input, psum
    """

    outer: tuple[tuple[str, int], ...]
    inner: tuple[str, ...]
    hold: tuple[bool, bool, bool] = (True, True, True)

    def __post_init__(self) -> None:
        if sorted(d for d, _ in self.outer) != sorted(OUTER_DIMENSIONS):
            raise ValueError(f"outer must name each of {' '.join(OUTER_DIMENSIONS)} once")
        if sorted(self.inner) != sorted(DIMENSIONS):
            raise ValueError(f"inner must name each of {' '.join(DIMENSIONS)} once")


@dataclass(frozen=True)
class LoopNest:
    """A mapping of one layer onto one layout: trips per dimension and reload positions."""

    layer: Layer
    layout: Layout
    mapping: Mapping

    @cached_property
    def tile(self) -> dict[str, int]:
        """Tile size per dimension; kernel and bit planes are never split."""
        outer = dict(self.mapping.outer)
        return {d: min(outer.get(d, self.size(d)), self.rounded(d)) for d in DIMENSIONS}

    def size(self, d: str) -> int:
        return self.layer.size(d)

    def rounded(self, d: str) -> int:
        """Size rounded up to the unroll."""
        return ceil_div(self.size(d), self.layout.unroll[d]) * self.layout.unroll[d]

    def tiles(self, d: str) -> int:
        """Outer trips n2."""
        return ceil_div(self.size(d), self.tile[d]) if d in OUTER_DIMENSIONS else 1

    def full_size(self, d: str) -> int:
        """Size of a full tile, never more than the layer."""
        return min(self.tile[d], self.size(d)) if d in OUTER_DIMENSIONS else self.size(d)

    def last_size(self, d: str) -> int:
        """Size of the last tile."""
        return (
            self.size(d) - (self.tiles(d) - 1) * self.tile[d]
            if self.tiles(d) > 1
            else (self.full_size(d))
        )

    def trips(self, d: str, *, last: bool = False) -> int:
        """Inner trips of a full (or the last) tile: nF, nL."""
        size = self.last_size(d) if last else self.full_size(d)
        return ceil_div(size, self.layout.unroll[d])

    def all_trips(self, d: str) -> int:
        """Inner trips over the whole layer: S."""
        return ceil_div(self.size(d), self.layout.unroll[d])

    @cached_property
    def outer_order(self) -> tuple[str, ...]:
        """Outer dimensions, outermost first, those without a second tile moved outermost.

        Moving them changes nothing the loops do; it lets counting skip them.
        """
        order = [d for d, _ in self.mapping.outer]
        return tuple(sorted(order, key=lambda d: self.tiles(d) > 1))

    def inner_reload(self, operand: str) -> int:
        """J of an operand: its innermost relevant inner position with trips, -1 if none."""
        if not self.mapping.hold[OPERANDS.index(operand)]:
            return len(self.mapping.inner) - 1
        moving = [
            i
            for i, d in enumerate(self.mapping.inner)
            if d in RELEVANT[operand] and self.trips(d) > 1
        ]
        return max(moving, default=-1)

    def outer_reload(self, operand: str) -> int:
        """j2 of weight or input: its innermost relevant outer slot with trips, -1 if none."""
        moving = [
            i
            for i, d in enumerate(self.outer_order)
            if d in RELEVANT[operand] and self.tiles(d) > 1
        ]
        return max(moving, default=-1)

    @cached_property
    def slides(self) -> bool:
        """True if a carry at the input's reload slot appends rows instead of reloading the tile.

        The slot must be OY's and the kernel at least as tall as the stride; whether the buffer
        is circular is the accelerator's business.
        """
        slot = self.outer_reload("input")
        return (
            slot >= 0
            and self.outer_order[slot] == "OY"
            and (self.layer.kernel_y >= self.layer.stride)
        )

    @cached_property
    def outermost_reduction(self) -> int:
        """r0: outermost moving reduction loop outside the psum's position, -1 if none."""
        outside = [
            i
            for i, d in enumerate(self.mapping.inner)
            if d in REDUCTION and self.trips(d) > 1 and i <= self.inner_reload("psum")
        ]
        return min(outside, default=-1)

    # ------------------------------------------------------------------ tile extents
    def rows(self, *, last: bool = False) -> int:
        """Input rows of a tile's window."""
        size = self.last_size("OY") if last else self.full_size("OY")
        return (size - 1) * self.layer.stride + self.layer.kernel_y

    def columns(self, *, last: bool = False) -> int:
        """Input columns of a tile's window."""
        size = self.last_size("OX") if last else self.full_size("OX")
        return (size - 1) * self.layer.stride + self.layer.kernel_x

    @cached_property
    def row_words(self) -> int:
        """Input-buffer words of one row slot: images x planes x columns x channel words."""
        channel_words = self.layout.channel_words_padded(self.trips("C"))
        return self.full_size("B") * self.layer.activation_bits * self.columns() * channel_words

    @cached_property
    def weight_tile_words(self) -> int:
        """Weight-buffer words of a full tile."""
        return (
            self.trips("K")
            * self.trips("C")
            * self.trips("FY")
            * self.trips("FX")
            * self.trips("BW")
        )

    @cached_property
    def input_tile_words(self) -> int:
        """Input-buffer words of a full tile."""
        return self.rows() * self.row_words

    @cached_property
    def psum_extent(self) -> dict[str, int]:
        """Psum-buffer radix per output dimension: trips that need words of their own."""
        split = self.tiles("C") > 1
        order = self.outer_order
        extent = {}
        for d in ("B", "K", "OY", "OX"):
            if split:
                inside = order.index(d) > order.index("C")
                extent[d] = self.all_trips(d) if inside else self.trips(d)
            else:
                r0 = self.outermost_reduction
                inside = r0 >= 0 and self.mapping.inner.index(d) > r0
                extent[d] = self.trips(d) if inside else 1
        return extent

    @cached_property
    def psum_words(self) -> int:
        """Psum-buffer words live at once; 0 if sums never leave the accumulators."""
        if self.tiles("C") == 1 and self.outermost_reduction < 0:
            return 0
        words = 1
        for extent in self.psum_extent.values():
            words *= extent
        return words

    @cached_property
    def pool_words(self) -> int:
        """Pool-buffer words of a full tile, 0 without pooling."""
        z = self.layer.pool
        if z == 1:
            return 0
        y, x = self.full_size("OY") // z, self.full_size("OX") // z
        return self.trips("K") * self.full_size("B") * y * x
