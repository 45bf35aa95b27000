"""The mappings a search looks at, and a lower bound of what each costs.

Tiles of one set of split dimensions are arrays; loop orders are walked around them. The bound
takes the accesses exactly and lets the DMA wait only where the whole layer must (its words against
the whole layer's computing), so it needs no sum over neighbouring tiles and one pass serves all
orders.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as MappingView
from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import chain, combinations, permutations
from math import inf
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from asicbnn.bnn.layer import DIMENSIONS, Layer
from asicbnn.mapping.capacity import buffer_limits
from asicbnn.mapping.counts import (
    ACCESSES,
    BufferWords,
    Movement,
    accesses,
    buffer_words,
    movement,
    operand_loads,
)
from asicbnn.mapping.loop_nest import OUTER_DIMENSIONS
from asicbnn.mapping.points import FloatArray, Number, OrderClass, Points, Trips, at_least
from asicbnn.mapping.tiling import split_tiles, whole_tile
from asicbnn.model.cycles import Machine, fixed_cycles
from asicbnn.model.stalls import register_stalls, tile_loads
from asicbnn.spec.accelerator import Accelerator

IndexArray: TypeAlias = npt.NDArray[np.intp]
LARGEST_SET = 65536


@dataclass(frozen=True, kw_only=True)
class Prices:
    """What a search pays [fJ]: per access of each memory, per step, change of tile and cycle.

    A technology and an accelerator give the prices; the search needs nothing else of either.
    Costs that no mapping changes (active lanes, outputs) may be left out.
    """

    weight_buffer_reads: float = 0.0
    weight_buffer_writes: float = 0.0
    input_buffer_reads: float = 0.0
    input_buffer_writes: float = 0.0
    psum_buffer_reads: float = 0.0
    psum_buffer_writes: float = 0.0
    threshold_buffer_reads: float = 0.0
    threshold_buffer_writes: float = 0.0
    pool_buffer_reads: float = 0.0
    pool_buffer_writes: float = 0.0
    store_weight_reads: float = 0.0
    store_weight_writes: float = 0.0
    store_activation_reads: float = 0.0
    store_activation_writes: float = 0.0
    steps: float = 0.0
    cycles: float = 0.0
    swap_cycles: float = 0.0

    def __post_init__(self) -> None:
        for f in fields(self):
            if not 0.0 <= getattr(self, f.name) < inf:
                raise ValueError(f"{f.name}: a price is a finite number >= 0 [fJ]")

    def accesses_fj(self, counts: MappingView[str, Number]) -> Number:
        """Price of the accesses alone [fJ]."""
        total: Number = 0.0
        for name in ACCESSES:
            price = getattr(self, name)
            if price:
                total = total + price * counts[name]
        return total

    def energy_fj(self, counts: MappingView[str, Number]) -> Number:
        """Price of a layer's accesses, steps, changes of tile and cycles [fJ]."""
        total = self.accesses_fj(counts) + self.steps * counts["steps"]
        if self.swap_cycles:
            total = total + self.swap_cycles * counts["swap_cycles"]
        return total + self.cycles * counts["cycles"]


@dataclass(frozen=True)
class Orders:
    """Loop orders a search may use, each outermost first."""

    inner: tuple[tuple[str, ...], ...]
    outer: tuple[tuple[str, ...], ...]
    hold: tuple[bool, bool, bool]

    def slots_of(self, split: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
        """Return the distinct outer orders of the dimensions that have more than one tile."""
        if len(self.outer) == 1:
            return (tuple(d for d in self.outer[0] if d in split),)
        return tuple(permutations(split))


@dataclass(frozen=True)
class TileSet:
    """Tiles of one layer that split the same dimensions and fit the buffers, as arrays."""

    machine: Machine
    layer: Layer
    split: tuple[str, ...]
    tile: dict[str, Number]
    count: int

    @cached_property
    def points(self) -> Points:
        return Points.of(self.machine.layout, self.layer, self.tile)

    @cached_property
    def trips(self) -> Trips:
        return Trips.of(self.machine.layout, self.split, self.points)

    def order_class(
        self, inner: tuple[str, ...], slots: tuple[str, ...], hold: tuple[bool, bool, bool]
    ) -> OrderClass:
        """Class of all tiles of the set; which inner loops move may differ between them."""
        moving = {d: trips > 1.0 for d, trips in self.trips.full.items()}
        return OrderClass(inner, moving, slots, hold)

    def take(self, index: IndexArray) -> dict[str, Number]:
        """Tiles of some of the points."""
        return {d: v if isinstance(v, float) else v[index] for d, v in self.tile.items()}


def tile_sets(
    accelerator: Accelerator, machine: Machine, layer: Layer, exhaustive: bool
) -> Iterator[TileSet]:
    """Yield the candidate tiles that fit the weight, input and pool buffers."""
    lay = machine.layout
    whole: dict[str, Number] = {d: float(whole_tile(lay, layer, d)) for d in OUTER_DIMENSIONS}
    cuts = {d: split_tiles(lay, layer, d, exhaustive=exhaustive) for d in OUTER_DIMENSIONS}
    able = [d for d in OUTER_DIMENSIONS if cuts[d]]
    subsets = chain.from_iterable(combinations(able, n) for n in range(len(able) + 1))
    for split in subsets:
        for columns in _products([np.array(cuts[d], dtype=np.float64) for d in split]):
            tile = {**whole, **dict(zip(split, columns, strict=True))}
            count = len(columns[0]) if columns else 1
            fitting = _fitting(accelerator, TileSet(machine, layer, split, tile, count))
            if fitting is not None:
                yield fitting


def _products(axes: list[FloatArray]) -> Iterator[list[FloatArray]]:
    """Yield all combinations of the axes' values as columns, a bounded number at a time."""
    if not axes:
        yield []
        return
    size = int(np.prod([len(axis) for axis in axes]))
    for start in range(0, size, LARGEST_SET):
        flat = np.arange(start, min(start + LARGEST_SET, size))
        index = np.unravel_index(flat, [len(axis) for axis in axes])
        yield [axis[i] for axis, i in zip(axes, index, strict=True)]


def _fitting(accelerator: Accelerator, tiles: TileSet) -> TileSet | None:
    """Return the tiles that fit all buffers whose words no loop order changes."""
    limits = buffer_limits(accelerator)
    order = tiles.order_class(DIMENSIONS, tiles.split, (True, True, True))
    words = set_words(tiles, order)
    fits = (
        np.less_equal(words.weight, limits["weight"])
        & np.less_equal(words.input, limits["input"])
        & np.less_equal(words.pool, limits["pool"])
    )
    if np.all(fits):
        return tiles
    if not np.any(fits):
        return None
    index = np.flatnonzero(fits)
    return replace(tiles, tile=tiles.take(index), count=len(index))


def set_words(tiles: TileSet, order: OrderClass) -> BufferWords:
    """Buffer words of every point of a set under one order."""
    pool = float(tiles.layer.pool)
    return buffer_words(tiles.machine.layout, order, tiles.points, tiles.trips, pool)


@dataclass(frozen=True)
class InnerPart:
    """What the inner order decides: cycles of the array and accesses that no refill changes."""

    order: OrderClass
    busy: Number
    energy_fj: Number


@dataclass(frozen=True)
class OuterPart:
    """What the outer order decides: refills, and their accesses beyond `Movement` zero.

    hidden   DMA cycles of ping-pong operands after the first tile
    exposed  DMA cycles the array cannot hide: first tiles and single buffers, swaps, drain
    """

    slots: tuple[str, ...]
    hidden: Number
    exposed: Number
    energy_fj: Number


_NOTHING = Movement(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def inner_part(
    tiles: TileSet, prices: Prices, inner: tuple[str, ...], hold: tuple[bool, bool, bool]
) -> InnerPart:
    """Bound of the array's own cycles, and the energy of all but the DMA's accesses."""
    machine, points, trips = tiles.machine, tiles.points, tiles.trips
    order = tiles.order_class(inner, tiles.split, hold)
    loads = operand_loads(order, trips)
    steps = trips.product("all", DIMENSIONS)
    ports = machine.ports(points)
    if ports.shadow:
        busy = steps
        for count, slots in zip(loads, ports.slots, strict=True):
            busy = at_least(busy, count * slots)
        busy = busy + trips.phases * (ports.longest - 1.0)
    else:
        busy = steps + register_stalls(ports, loads)
    finished = trips.product("all", ("B", "K", "OY", "OX"))
    busy = busy + finished * (points.output_slots - 1.0)
    counted = accesses(machine.layout, points, trips, loads, _NOTHING, machine.n_cfg)
    return InnerPart(order, busy, prices.accesses_fj(counted) + prices.steps * steps)


def outer_part(tiles: TileSet, prices: Prices, slots: tuple[str, ...]) -> OuterPart:
    """Bound of the DMA's cycles, and the energy of its accesses."""
    machine, points, trips = tiles.machine, tiles.points, tiles.trips
    lay, latency = machine.layout, float(machine.latency_cycles)
    order = tiles.order_class(DIMENSIONS, slots, (True, True, True))
    moved = movement(lay, order, points, trips, machine.circular_rows)
    pair = tile_loads(lay, order, points, trips, machine.circular_rows, latency)
    hidden: Number = 0.0
    exposed: Number = 0.0
    overheads = fixed_cycles(machine, trips)
    for cycles in overheads.values():
        exposed = exposed + cycles
    for load, words, refills, is_double in zip(
        pair,
        (moved.weight_links, moved.input_links),
        (moved.weight_refills, moved.input_refills),
        (machine.weight_ping_pong, machine.input_ping_pong),
        strict=True,
    ):
        first = latency + load.chain.first_tile
        rest = words + latency * refills - first
        exposed = exposed + first
        if is_double:
            hidden = hidden + rest
        else:
            exposed = exposed + rest
    none = (0.0, 0.0, 0.0)
    beyond = prices.accesses_fj(accesses(lay, points, trips, none, moved, machine.n_cfg))
    if prices.swap_cycles:
        beyond = beyond + prices.swap_cycles * overheads["swap_cycles"]
    return OuterPart(
        slots,
        hidden,
        exposed,
        beyond - prices.accesses_fj(accesses(lay, points, trips, none, _NOTHING, machine.n_cfg)),
    )


def moving_patterns(
    order: OrderClass, index: IndexArray
) -> list[tuple[dict[str, bool], IndexArray]]:
    """Group points by which inner loops move, so that each group is one order class."""
    masks = {d: m for d, m in order.moving.items() if isinstance(m, np.ndarray)}
    fixed = {d: bool(m) for d, m in order.moving.items() if not isinstance(m, np.ndarray)}
    code = np.zeros(len(index), dtype=np.int64)
    for bit, mask in enumerate(masks.values()):
        code |= mask[index].astype(np.int64) << bit
    groups = []
    for value in np.unique(code):
        moving = {d: bool(value >> bit & 1) for bit, d in enumerate(masks)}
        groups.append(({**fixed, **moving}, index[code == value]))
    return groups
