"""How often everything is accessed: the closed forms, exact for sizes that divide nothing.

Each form is a product over dimensions of either the layer's trips or its tiles, so no tile is ever
enumerated. Equations: docs/models/counts.md. `tests/agreement/walker.py` walks the same machine
step by step and knows none of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from asicbnn.bnn.layer import RELEVANT, Layer
from asicbnn.mapping.layout import Layout
from asicbnn.mapping.loop_nest import OPERANDS
from asicbnn.mapping.points import (
    Mask,
    Number,
    OrderClass,
    Points,
    Trips,
    at_least,
    at_most,
    ceil_ratio,
    select,
    times,
)

OUTPUT_DIMENSIONS = ("B", "K", "OY", "OX")

ACCESSES = (
    "weight_buffer_reads", "weight_buffer_writes", "input_buffer_reads", "input_buffer_writes",
    "psum_buffer_reads", "psum_buffer_writes", "threshold_buffer_reads",
    "threshold_buffer_writes", "pool_buffer_reads", "pool_buffer_writes", "store_weight_reads",
    "store_weight_writes", "store_activation_reads", "store_activation_writes",
)  # fmt: skip


@dataclass(frozen=True)
class Movement:
    """What the DMA moves into the buffers over a whole layer.

    weight_refills, input_refills   tiles loaded
    weight_words     weight-buffer words written
    weight_links     link words read for them
    input_links      link slots of input tiles, pads included
    input_reads      link words read from the store for them
    """

    weight_refills: Number
    input_refills: Number
    weight_words: Number
    weight_links: Number
    input_links: Number
    input_reads: Number


def operand_loads(order: OrderClass, trips: Trips) -> tuple[Number, Number, Number]:
    """Count loads of weight, input and psum into L0: all trips inside the cut, tiles outside."""
    loads: list[Number] = []
    for operand in OPERANDS:
        total: Number = 1.0
        for d, inside in order.inside[operand].items():
            total = times(total, select(inside, trips.all[d], trips.tiles[d]))
        loads.append(total)
    return loads[0], loads[1], loads[2]


def record_links(lay: Layout, channel_words: Number) -> Number:
    """q(n): link words of one plane of one pixel with n channel words."""
    return times(float(lay.links_per_word), ceil_ratio(channel_words, float(lay.words_per_link)))


def slides(order: OrderClass, points: Points, circular_rows: bool) -> Mask:
    """Whether a tick of the output rows appends input rows instead of reloading the tile."""
    if not (circular_rows and order.slides_rows):
        return False
    return points.size["FY"] >= points.stride


def movement(
    lay: Layout, order: OrderClass, points: Points, trips: Trips, circular_rows: bool
) -> Movement:
    """Words and refills of both buffers over the layer."""
    weight_slot, input_slot = order.reload_slot("weight"), order.reload_slot("input")
    weight_refills = trips.product("tiles", order.slots[: weight_slot + 1])
    input_refills = trips.product("tiles", order.slots[: input_slot + 1])
    again = tuple(d for d in order.slots[: weight_slot + 1] if d not in RELEVANT["weight"])
    weight_words = times(
        trips.product("tiles", again), trips.product("all", ("K", "C", "FY", "FX", "BW"))
    )
    again = tuple(d for d in order.slots[: input_slot + 1] if d not in RELEVANT["input"])
    records = times(
        times(trips.product("tiles", again), points.size["B"] * points.size["BA"]),
        record_links(lay, trips.all["C"]),
    )
    sliding = slides(order, points, circular_rows)
    row_slots, row_reads = _lines(points, trips, "OY", sliding)
    column_slots, column_reads = _lines(points, trips, "OX", False)
    return Movement(
        weight_refills=weight_refills,
        input_refills=input_refills,
        weight_words=weight_words,
        weight_links=times(weight_words, float(lay.links_per_weight)),
        input_links=records * times(row_slots, column_slots),
        input_reads=records * times(row_reads, column_reads),
    )


def _lines(points: Points, trips: Trips, d: str, sliding: Mask) -> tuple[Number, Number]:
    """Input rows (or columns) of all tiles: slots with pads (U), and read ones (R).

    Rows a tile shares with its neighbour count in both unless the load slides. `overhang` rows
    of the last window lie beyond the map; windows before it reach less far by T s each.
    """
    kernel = points.size["FY" if d == "OY" else "FX"]
    extent, pad = (points.in_y, points.pad_top) if d == "OY" else (points.in_x, points.pad_left)
    stride, count, tiles = points.stride, points.size[d], trips.tiles[d]
    reach = (count - 1.0) * stride + kernel
    union = at_most(extent, reach - pad)
    if d not in points.tile or (isinstance(tiles, float) and tiles == 1.0):
        return reach, union
    step = trips.full_size[d] * stride
    left_tiles = at_most(tiles, ceil_ratio(pad, step))
    left = left_tiles * pad - step * left_tiles * (left_tiles - 1.0) / 2.0
    overhang = reach - pad - extent
    earlier = at_least(overhang - trips.last_size[d] * stride, 0.0)
    right_tiles = at_most(tiles - 1.0, ceil_ratio(earlier, step))
    right = (
        at_least(overhang, 0.0)
        + right_tiles * earlier
        - step * right_tiles * (right_tiles - 1.0) / 2.0
    )
    slots = count * stride + tiles * (kernel - stride)
    return select(sliding, reach, slots), select(sliding, union, slots - left - right)


def accesses(
    lay: Layout,
    points: Points,
    trips: Trips,
    loads: tuple[Number, Number, Number],
    moved: Movement,
    n_cfg: int,
) -> dict[str, Number]:
    """Count the accesses of every memory in words of its port, without the host's."""
    finished = trips.product("all", OUTPUT_DIMENSIONS)
    spilled = (loads[2] - finished) * float(lay.psum_slots)
    rows = trips.all["K"]
    pooled = rows * points.pooled
    written = moved.input_links * (lay.words_per_link * lay.input_word_slots / lay.links_per_word)
    return {
        "weight_buffer_reads": times(loads[0], float(lay.weight_slots)),
        "weight_buffer_writes": times(moved.weight_words, float(lay.weight_slots)),
        "input_buffer_reads": times(loads[1], points.input_slots),
        "input_buffer_writes": written,
        "psum_buffer_reads": spilled,
        "psum_buffer_writes": spilled,
        "threshold_buffer_reads": finished,
        "threshold_buffer_writes": rows,
        "pool_buffer_reads": pooled,
        "pool_buffer_writes": pooled,
        "store_weight_reads": moved.weight_links + (n_cfg + rows * float(lay.links_per_threshold)),
        "store_weight_writes": 0.0,
        "store_activation_reads": moved.input_reads,
        "store_activation_writes": points.output_words,
    }


@dataclass(frozen=True)
class BufferWords:
    """Words a full tile needs in each buffer (one half, if it is a ping-pong buffer)."""

    weight: Number
    input: Number
    psum: Number
    pool: Number


def buffer_words(
    lay: Layout, order: OrderClass, points: Points, trips: Trips, pool: float
) -> BufferWords:
    """Words of a full tile, the largest there is."""
    r = float(lay.words_per_link)
    pixel = times(r, ceil_ratio(trips.full["C"], r)) * points.size["BA"]
    rows = (trips.full_size["OY"] - 1.0) * points.stride + points.size["FY"]
    columns = (trips.full_size["OX"] - 1.0) * points.stride + points.size["FX"]
    pooling: Number = 0.0
    if pool > 1:
        windows = (trips.full_size["OY"] // pool) * (trips.full_size["OX"] // pool)
        pooling = trips.full["K"] * trips.full_size["B"] * windows
    return BufferWords(
        weight=trips.product("full", ("K", "C", "FY", "FX", "BW")),
        input=trips.full_size["B"] * rows * columns * pixel,
        psum=_psum_words(order, trips),
        pool=pooling,
    )


def _psum_words(order: OrderClass, trips: Trips) -> Number:
    """Count sums that wait at once: those inside the outermost loop that leaves them."""
    words: Number = 1.0
    if "C" in order.slots:
        split = order.slots.index("C")
        for d in OUTPUT_DIMENSIONS:
            within = d in order.slots and order.slots.index(d) > split
            words = times(words, trips.all[d] if within else trips.full[d])
        return words
    left: Mask = False
    for d in order.inner:
        if d in OUTPUT_DIMENSIONS:
            words = times(words, select(left, trips.full[d], 1.0))
        else:
            left = left | (order.moving[d] & order.inside["psum"][d])
    return select(left, words, 0.0)


def useful_lines(count: int, kernel: int, stride: int, pad: int, extent: int) -> int:
    """V: (output row, kernel row) pairs whose input row lies on the map."""
    total = 0
    for tap in range(kernel):
        last = min(count - 1, (extent - 1 + pad - tap) // stride)
        first = max(0, -((tap - pad) // stride))
        total += max(0, last - first + 1)
    return total


def operations(layer: Layer) -> dict[str, int]:
    """Three counts of products: nominal, times the bit widths, without padded taps."""
    rows = useful_lines(layer.out_y, layer.kernel_y, layer.stride, layer.pad_top, layer.in_y)
    columns = useful_lines(layer.out_x, layer.kernel_x, layer.stride, layer.pad_left, layer.in_x)
    planes = layer.weight_bits * layer.activation_bits
    per_position = layer.batch * layer.out_channels * layer.in_channels * planes
    return {
        "macs": layer.macs,
        "binary_macs": layer.binary_macs,
        "useful_binary_macs": per_position * rows * columns,
    }
