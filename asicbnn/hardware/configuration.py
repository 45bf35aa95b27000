"""The configuration registers of an accelerator: one table of fields read by hardware and program.

A layer's shape lives in registers, not in the netlist, so one elaborated accelerator runs every
layer. The table is a pure function of the spec; its length in link words is `n_cfg` of the
cycle model.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as MappingView
from dataclasses import dataclass
from functools import lru_cache

from asicbnn.bnn.layer import DIMENSIONS, REDUCTION
from asicbnn.errors import MappingError
from asicbnn.mapping.layout import Layout, ceil_div, ceil_log2, layout
from asicbnn.mapping.loop_nest import OUTER_DIMENSIONS
from asicbnn.spec.accelerator import Accelerator

LEVEL_QUANTITIES = (
    "weight",
    "input",
    "y",
    "x",
    "psum",
    "threshold",
    "store",
    "pool",
    "phase_y",
    "phase_x",
    "shift",
    "image",
)
SLOT_QUANTITIES = (
    "weight_source",
    "input_source",
    "y",
    "x",
    "psum",
    "threshold",
    "store",
    "image",
)
EDGE_DIMENSIONS = ("B", "K", "C", "OY", "OX", "FY", "FX")


def bits_for(largest: int) -> int:
    """Bits of an unsigned register that holds 0..largest, at least one."""
    return max(1, int(largest).bit_length())


@dataclass(frozen=True)
class Widths:
    """Register widths [bit] that follow from the limits and capacities of a spec."""

    trips: int
    weight: int
    input: int
    psum: int
    threshold: int
    pool: int
    coordinate: int
    weight_bank: int
    activation_bank: int
    store: int
    phase: int
    shift: int
    image: int
    record: int

    def of(self, quantity: str) -> int:
        """Width of an address generator's quantity."""
        shared = {
            "y": self.coordinate,
            "x": self.coordinate,
            "phase_y": self.phase,
            "phase_x": self.phase,
            "weight_source": self.weight_bank,
            "input_source": self.activation_bank,
        }
        return shared[quantity] if quantity in shared else int(getattr(self, quantity))

    def each(self, quantities: Iterable[str]) -> dict[str, int]:
        """Width of each quantity."""
        return {q: self.of(q) for q in quantities}


@dataclass(frozen=True)
class Order:
    """Loop order frozen into the hardware: dimensions of the levels and slots, outermost first."""

    inner: tuple[str, ...]
    outer: tuple[str, ...]


@dataclass(frozen=True)
class Configuration:
    """Field table of one accelerator.

    levels  inner loop positions: how many dimensions can take more than one trip
    slots   outer loop positions
    fields  (name, bits) in the order they are packed, least significant first
    """

    layout: Layout
    widths: Widths
    level_dimensions: tuple[str, ...]
    slot_dimensions: tuple[str, ...]
    edges: tuple[str, ...]
    fields: tuple[tuple[str, int], ...]
    order: Order | None

    @property
    def levels(self) -> int:
        return len(self.level_dimensions)

    @property
    def slots(self) -> int:
        return len(self.slot_dimensions)

    @property
    def words(self) -> int:
        """n_cfg: link words of one layer's configuration."""
        return ceil_div(sum(bits for _, bits in self.fields), self.layout.link_bits)

    def pack(self, values: MappingView[str, int]) -> int:
        """One integer of all fields; negative values wrap, too large ones are refused.

        Raises MappingError if a value does not fit its register: the layer is beyond `limits`.
        """
        packed, position = 0, 0
        for name, bits in self.fields:
            value = values[name]
            if not -(1 << bits) < value < (1 << bits):
                raise MappingError(
                    f"configuration register {name} has {bits} bit and cannot hold {value}; "
                    f"raise the accelerator's limits or choose smaller tiles"
                )
            packed |= (value % (1 << bits)) << position
            position += bits
        if set(values) != {name for name, _ in self.fields}:
            raise KeyError(set(values) ^ {name for name, _ in self.fields})
        return packed


def largest_sizes(accelerator: Accelerator) -> dict[str, int]:
    """Largest size of each loop dimension the limits allow."""
    limits = accelerator.limits
    return {
        "B": limits.batch,
        "K": limits.out_channels,
        "C": limits.in_channels,
        "OY": limits.map,
        "OX": limits.map,
        "FY": limits.kernel,
        "FX": limits.kernel,
        "BW": limits.weight_bits,
        "BA": limits.activation_bits,
    }


def _widths(accelerator: Accelerator, lay: Layout) -> Widths:
    limits, unroll = accelerator.limits, lay.unroll
    sizes = largest_sizes(accelerator)
    overshoot = max(unroll["OY"], unroll["OX"]) * lay.largest_stride
    reach = limits.map + 2 * limits.kernel + overshoot + max(unroll["FY"], unroll["FX"])
    pieces = max(1, lay.link_bits // unroll["K"])
    return Widths(
        trips=bits_for(max(ceil_div(sizes[d], unroll[d]) for d in DIMENSIONS) - 1),
        weight=bits_for(lay.weight_words),
        input=bits_for(lay.input_words),
        psum=bits_for(max(lay.psum_words - 1, 0)),
        threshold=bits_for(lay.threshold_words - 1),
        pool=bits_for(max(lay.pool_words - 1, 0)),
        coordinate=bits_for(reach) + 1,
        weight_bank=bits_for(lay.weight_bank_words),
        activation_bank=bits_for(lay.activation_bank_words),
        store=bits_for(lay.activation_bank_words * pieces),
        phase=bits_for(limits.pool),
        shift=bits_for(limits.weight_bits + limits.activation_bits - 2),
        image=bits_for(limits.batch),
        record=bits_for(lay.record_links(ceil_div(limits.in_channels, unroll["C"]))),
    )


def _level_fields(accelerator: Accelerator, c: Configuration) -> list[tuple[str, int]]:
    w, fields = c.widths, []
    for level in range(c.levels):
        fields += [(f"level{level}_full", w.trips), (f"level{level}_last", w.trips)]
        fields += [(f"level{level}_inside", 3)]
        if c.order is None:
            fields += [
                (f"level{level}_slot", c.slots),
                (f"level{level}_reduction", 1),
                (f"level{level}_edge", max(1, len(c.edges))),
            ]
        fields += [(f"level{level}_{q}", w.of(q)) for q in level_quantities(accelerator)]
    return fields


def _slot_fields(accelerator: Accelerator, c: Configuration) -> list[tuple[str, int]]:
    w, fields = c.widths, []
    for slot in range(c.slots):
        fields += [
            (f"slot{slot}_last", w.trips),
            (f"slot{slot}_reload", 2),
            (f"slot{slot}_slide", 1),
        ]
        if c.order is None:
            fields += [(f"slot{slot}_dimension", len(OUTER_DIMENSIONS))]
        fields += [(f"slot{slot}_{q}", w.of(q)) for q in slot_quantities(accelerator)]
    return fields


def level_quantities(accelerator: Accelerator) -> tuple[str, ...]:
    """Quantities the inner loops step; pooling and argmax bring their own."""
    return tuple(q for q in LEVEL_QUANTITIES if _used(accelerator, q))


def slot_quantities(accelerator: Accelerator) -> tuple[str, ...]:
    """Quantities the outer loops step."""
    return tuple(q for q in SLOT_QUANTITIES if _used(accelerator, q))


def _used(accelerator: Accelerator, quantity: str) -> bool:
    if quantity in ("pool", "phase_y", "phase_x"):
        return "max_pool" in accelerator.post
    if quantity == "image":
        return "argmax" in accelerator.post and accelerator.limits.batch > 1
    if quantity == "shift":
        return accelerator.limits.weight_bits + accelerator.limits.activation_bits > 2
    return True


def _layer_fields(accelerator: Accelerator, c: Configuration) -> list[tuple[str, int]]:
    """Fields of the whole layer: chaining, tile extents, data movement, edges, output."""
    w, lay = c.widths, c.layout
    links = bits_for(lay.threshold_words * lay.links_per_threshold)
    result = max(w.activation_bank, w.image)
    fields = [
        ("threshold_links", links),
        ("next_stream", w.weight_bank),
        ("next_address", w.weight_bank),
        ("is_last", 1),
        ("result_words", result),
        ("start_weight_source", w.weight_bank),
        ("start_input_source", w.activation_bank),
        ("start_y", w.coordinate),
        ("start_x", w.coordinate),
        ("tile_k_full", w.trips),
        ("tile_k_last", w.trips),
        ("tile_weights_full", w.weight),
        ("tile_weights_last", w.weight),
        ("weight_source_row", w.weight_bank),
        ("weight_row", w.weight),
        ("rows_full", w.coordinate),
        ("rows_last", w.coordinate),
        ("slide_rows_full", w.coordinate),
        ("slide_rows_last", w.coordinate),
        ("images_full", w.image),
        ("images_last", w.image),
        ("planes", bits_for(accelerator.limits.activation_bits - 1)),
        ("columns_full", w.coordinate),
        ("columns_last", w.coordinate),
        ("channels_full", w.record),
        ("channels_last", w.record),
        ("source_row", w.activation_bank),
        ("source_image", w.activation_bank),
        ("source_plane", w.activation_bank),
        ("source_column", w.activation_bank),
        ("row_words", w.input),
        ("image_words", w.input),
        ("plane_words", w.input),
        ("column_words", w.input),
        ("slide_y", w.coordinate),
        ("slide_source", w.activation_bank),
        ("input_rows", w.coordinate),
        ("input_columns", w.coordinate),
        ("pad_planes", accelerator.limits.activation_bits),
        ("masks_pads", 1),
        ("record_step", w.store),
        ("row_step", w.store),
        ("image_step", w.store),
        ("flips_first", 1),
    ]
    if accelerator.buffers.input.circular_rows:
        fields += [("ring_words", w.input), ("slide_words", w.input)]
    if len(accelerator.array.strides) > 1:
        fields += [("stride_index", bits_for(len(accelerator.array.strides) - 1))]
    if "max_pool" in accelerator.post:
        fields += [("pool_last", w.phase), ("pool_row", w.pool), ("pool_image", w.pool)]
    if "argmax" in accelerator.post:
        fields += [("is_argmax", 1)]
    fields += [(f"edge_{d}", bits_for(lay.unroll[d])) for d in c.edges]
    return fields


@lru_cache(maxsize=1024)
def configuration(accelerator: Accelerator, order: Order | None = None) -> Configuration:
    """Field table of an accelerator; `order` freezes the loop order of a fixed sequencer."""
    lay = layout(accelerator)
    sizes = largest_sizes(accelerator)
    moving = {d for d in DIMENSIONS if ceil_div(sizes[d], lay.unroll[d]) > 1} | {"K", "C"}
    inner = order.inner if order else DIMENSIONS
    outer = order.outer if order else OUTER_DIMENSIONS
    bare = Configuration(
        layout=lay,
        widths=_widths(accelerator, lay),
        level_dimensions=tuple(d for d in inner if d in moving),
        slot_dimensions=tuple(d for d in outer if d in moving),
        edges=tuple(d for d in EDGE_DIMENSIONS if lay.unroll[d] > 1),
        fields=(),
        order=order,
    )
    fields = [
        *_layer_fields(accelerator, bare),
        *_level_fields(accelerator, bare),
        *_slot_fields(accelerator, bare),
    ]
    return Configuration(**{**vars(bare), "fields": tuple(fields)})


def order_values(
    c: Configuration, inner: tuple[str, ...], outer: tuple[str, ...]
) -> dict[str, int]:
    """Fields that say which dimension sits at which position: data, or constants if frozen.

    inner, outer  the moving dimensions only, outermost first
    """
    values = {}
    for level, d in enumerate(inner):
        values[f"level{level}_slot"] = 1 << outer.index(d) if d in outer else 0
        values[f"level{level}_reduction"] = int(d in REDUCTION)
        values[f"level{level}_edge"] = 1 << c.edges.index(d) if d in c.edges else 0
    for slot, d in enumerate(outer):
        values[f"slot{slot}_dimension"] = 1 << OUTER_DIMENSIONS.index(d)
    return values


def frozen_order(accelerator: Accelerator) -> Order | None:
    """The order a fixed sequencer has when nothing else is said: its dataflow's."""
    if accelerator.sequencer.order == "programmable":
        return None
    from asicbnn.mapping.dataflow import ORDERS

    name = accelerator.dataflow if accelerator.dataflow != "best" else "output_stationary"
    inner, outer = ORDERS[name]
    return Order(inner, outer)


def configuration_words(accelerator: Accelerator) -> int:
    """n_cfg: link words that configure one layer (the order frozen or not)."""
    return configuration(accelerator, frozen_order(accelerator)).words


__all__ = [
    "Configuration",
    "Order",
    "Widths",
    "bits_for",
    "ceil_log2",
    "configuration",
    "configuration_words",
    "frozen_order",
]
