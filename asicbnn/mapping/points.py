"""Many (layer, mapping) points of one order class: their sizes, trips and reload positions.

Numbers of a point are float64, which is exact below 2^53; a quantity that is the same for all
points stays a plain float, so that numpy never spends a pass on it. Orders, and which loops have
more than one trip, are shared by all points of a class: that is what makes counting fast.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingView
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from asicbnn.bnn.layer import DIMENSIONS, RELEVANT, Layer
from asicbnn.mapping.layout import Layout
from asicbnn.mapping.loop_nest import OPERANDS, OUTER_DIMENSIONS, LoopNest

FloatArray: TypeAlias = npt.NDArray[np.float64]
Number: TypeAlias = float | FloatArray
Mask: TypeAlias = bool | npt.NDArray[np.bool_]


CHUNK = 16384
_TABLES = ("size", "tile")


def reserve_heap() -> None:
    """Keep freed memory with the process, so that arrays do not fault in their pages anew.

    glibc returns large blocks to the system at once until a block of that size has been freed
    before; this frees one, never touched. It is worth a factor of three in points per second and
    does nothing elsewhere.
    """
    np.empty(2**22 - 2**12)


def times(a: Number, b: Number) -> Number:
    """Product that costs nothing where a factor is the constant one."""
    if isinstance(a, float) and a == 1.0:
        return b
    if isinstance(b, float) and b == 1.0:
        return a
    return a * b


def plus(a: Number, b: Number) -> Number:
    """Sum that costs nothing where a term is the constant zero."""
    if isinstance(a, float) and a == 0.0:
        return b
    if isinstance(b, float) and b == 0.0:
        return a
    return a + b


def ceil_ratio(a: Number, b: Number) -> Number:
    """Smallest integer not below a / b, exact while a and b are integers below 2^26."""
    if isinstance(b, float) and b == 1.0:
        return a
    ratio: Number = np.ceil(a / b)
    return float(ratio) if isinstance(ratio, float) else ratio


def select(mask: Mask, yes: Number, no: Number) -> Number:
    """Return yes where the mask holds, no elsewhere; a constant mask costs nothing."""
    if isinstance(mask, np.ndarray):
        return np.where(mask, yes, no)
    return yes if mask else no


def at_most(a: Number, b: Number) -> Number:
    """Smaller of two numbers."""
    result: Any = np.minimum(a, b)
    return float(result) if isinstance(result, float) else result


def at_least(a: Number, b: Number) -> Number:
    """Larger of two numbers."""
    result: Any = np.maximum(a, b)
    return float(result) if isinstance(result, float) else result


@dataclass(frozen=True)
class OrderClass:
    """What all points of a class share: loop orders, and which loops move.

    inner   the nine inner dimensions, outermost first
    moving  inner dimensions with more than one trip in a full tile; a mask where points differ
    slots   outer dimensions with more than one tile, outermost first
    hold    operands kept in their registers: weight, input, psum
    """

    inner: tuple[str, ...]
    moving: MappingView[str, Mask]
    slots: tuple[str, ...]
    hold: tuple[bool, bool, bool] = (True, True, True)

    @classmethod
    def of(cls, nest: LoopNest) -> OrderClass:
        """Class of one nest."""
        return cls(
            inner=nest.mapping.inner,
            moving={d: nest.trips(d) > 1 for d in DIMENSIONS},
            slots=tuple(d for d in nest.outer_order if nest.tiles(d) > 1),
            hold=nest.mapping.hold,
        )

    @cached_property
    def inside(self) -> dict[str, dict[str, Mask]]:
        """Per operand and inner dimension: whether the loop's tick reloads (position <= j)."""
        masks: dict[str, dict[str, Mask]] = {}
        for operand, held in zip(OPERANDS, self.hold, strict=True):
            reloads: Mask = not held
            masks[operand] = {}
            for d in reversed(self.inner):
                if d in RELEVANT[operand]:
                    reloads = reloads | self.moving[d]
                masks[operand][d] = reloads
        return masks

    def reload_slot(self, operand: str) -> int:
        """j2: innermost outer slot whose tick refills the operand's buffer, -1 if none does."""
        return max((i for i, d in enumerate(self.slots) if d in RELEVANT[operand]), default=-1)

    @cached_property
    def slides_rows(self) -> bool:
        """True if output rows are the innermost loop that refills the input buffer."""
        slot = self.reload_slot("input")
        return slot >= 0 and self.slots[slot] == "OY"


@dataclass(frozen=True)
class Points:
    """Layer sizes and tiles of the points; everything else in it follows from the layer alone.

    size          per loop dimension              tile   per outer dimension
    input_slots   port trips of one activation load (depends on the stride)
    output_slots  write-channel slots of a finished word
    output_words  link words the layer stores     pooled   pool-buffer accesses per weight row
    """

    size: MappingView[str, Number]
    tile: MappingView[str, Number]
    stride: Number
    in_y: Number
    in_x: Number
    pad_top: Number
    pad_left: Number
    input_slots: Number
    output_slots: Number
    output_words: Number
    pooled: Number

    @classmethod
    def of(cls, layout: Layout, layer: Layer, tile: MappingView[str, Number]) -> Points:
        """Points of one layer: the tiles may be arrays, the rest is the layer's."""
        stored = layer.batch * layer.stored_y * layer.stored_x
        pieces = -(-layer.out_channels // layout.output_piece_bits)
        return cls(
            size={d: float(layer.size(d)) for d in DIMENSIONS},
            tile=tile,
            stride=float(layer.stride),
            in_y=float(layer.in_y),
            in_x=float(layer.in_x),
            pad_top=float(layer.pad_top),
            pad_left=float(layer.pad_left),
            input_slots=float(layout.input_slots(layer.stride)),
            output_slots=float(layout.output_slots(layer)),
            output_words=float(0 if layer.output == "argmax" else stored * pieces),
            pooled=float(layer.batch * layer.out_y * layer.out_x - stored),
        )

    def chunk(self, start: int, stop: int) -> Points:
        """Return some of the points."""

        def part(value: Number) -> Number:
            return value if isinstance(value, float) else value[start:stop]

        def parts(table: MappingView[str, Number]) -> dict[str, Number]:
            return {d: part(value) for d, value in table.items()}

        numbers = {
            f.name: part(getattr(self, f.name)) for f in fields(self) if f.name not in _TABLES
        }
        return Points(size=parts(self.size), tile=parts(self.tile), **numbers)


@dataclass(frozen=True)
class Trips:
    """Trip counts per dimension, and the sizes of full and last tiles."""

    tiles: dict[str, Number]
    full_size: dict[str, Number]
    last_size: dict[str, Number]
    full: dict[str, Number]
    last: dict[str, Number]
    all: dict[str, Number]

    @classmethod
    def of(cls, layout: Layout, slots: tuple[str, ...], points: Points) -> Trips:
        """Trips of the points; dimensions outside `slots` have one tile."""
        trips = cls({}, {}, {}, {}, {}, {})
        for d in DIMENSIONS:
            unroll, size = float(layout.unroll[d]), points.size[d]
            if d in slots:
                tile = points.tile[d]
                tiles = ceil_ratio(size, tile)
                last_size = size - (tiles - 1.0) * tile
                full, last = ceil_ratio(tile, unroll), ceil_ratio(last_size, unroll)
                every = (tiles - 1.0) * full + last
            else:
                tiles, tile, last_size = 1.0, size, size
                full = last = every = ceil_ratio(size, unroll)
            trips.tiles[d], trips.full_size[d], trips.last_size[d] = tiles, tile, last_size
            trips.full[d], trips.last[d], trips.all[d] = full, last, every
        return trips

    def product(self, table: str, dimensions: tuple[str, ...]) -> Number:
        """Product of one table's entries over some dimensions."""
        result: Number = 1.0
        for d in dimensions:
            result = times(result, getattr(self, table)[d])
        return result

    @cached_property
    def phases(self) -> Number:
        """Tiles of the layer."""
        return self.product("tiles", OUTER_DIMENSIONS)
