"""Which tiles a dimension may have, and which of them are worth counting.

Accesses and capacity depend on how often a dimension is cut, and of all tiles with the same number
of cuts the smallest legal one is best: T = step * ceil(n / k), some 2 sqrt(n) candidates. For
cycles a larger tile, hence a smaller last one, wins by a few per cent when the link is the
bottleneck; `exhaustive` lists every legal tile.
"""

from __future__ import annotations

from math import lcm

from asicbnn.bnn.layer import Layer
from asicbnn.mapping.layout import Layout, ceil_div


def tile_step(layout: Layout, layer: Layer, d: str) -> int:
    """Return the number every tile of a split dimension is a multiple of.

    The unroll; for input channels also whole link words; for output rows and columns also whole
    pooling windows.
    """
    unroll = layout.unroll[d]
    if d == "C":
        return unroll * layout.words_per_link
    if d in ("OY", "OX"):
        return lcm(unroll, layer.pool)
    return unroll


def whole_tile(layout: Layout, layer: Layer, d: str) -> int:
    """Return the tile that does not split a dimension: its size rounded up to the unroll."""
    return ceil_div(layer.size(d), layout.unroll[d]) * layout.unroll[d]


def split_tiles(
    layout: Layout, layer: Layer, d: str, *, exhaustive: bool = False
) -> tuple[int, ...]:
    """Return the candidate tiles that cut a dimension, smallest first."""
    step, size = tile_step(layout, layer, d), layer.size(d)
    trips = ceil_div(size, step)
    counts = range(1, trips) if exhaustive else {ceil_div(trips, k) for k in range(2, trips + 1)}
    return tuple(step * count for count in sorted(counts) if step * count < size)


def tiles(layout: Layout, layer: Layer, d: str, *, exhaustive: bool = False) -> tuple[int, ...]:
    """Return every candidate tile of a dimension, the whole dimension last."""
    return (*split_tiles(layout, layer, d, exhaustive=exhaustive), whole_tile(layout, layer, d))


__all__ = ["split_tiles", "tile_step", "tiles", "whole_tile"]
