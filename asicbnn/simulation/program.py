"""From a network and its mappings to configuration registers and memory images.

This is the compiler's side of the machine: strides, bounds, masks and base addresses come from
the loop nest and the layout, never from the model's counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from asicbnn.bnn.layer import Layer
from asicbnn.bnn.reference import Parameters
from asicbnn.errors import MappingError
from asicbnn.hardware.configuration import (
    Configuration,
    Order,
    configuration,
    level_quantities,
    order_values,
    slot_quantities,
)
from asicbnn.mapping.layout import Layout, ceil_div, layout
from asicbnn.mapping.loop_nest import OPERANDS, LoopNest, Mapping
from asicbnn.simulation.packing import (
    Words,
    threshold_words,
    weight_words,
    words_of_int,
)
from asicbnn.simulation.strides import (
    buffer_strides,
    input_record,
    output_record,
    pool_strides,
    step_strides,
    tile_strides,
)
from asicbnn.spec.accelerator import Accelerator

Values = dict[str, int]


@dataclass(frozen=True)
class Placement:
    """Where a layer's block (configuration, thresholds, weights) lies in the weight bank.

    address    link word of its start      words  its length
    streamed   the host sends it before every run
    """

    address: int
    words: int
    streamed: bool


@dataclass(frozen=True, eq=False)
class Program:
    """Everything an accelerator needs to run a network, except the images.

    nests, placements  per layer
    blocks             link words of each layer's block
    order              loop order of a fixed sequencer, None if programmable
    boot               values of the boot registers
    """

    accelerator: Accelerator
    layers: tuple[Layer, ...]
    nests: tuple[LoopNest, ...]
    placements: tuple[Placement, ...]
    blocks: tuple[Words, ...]
    order: Order | None
    boot: Values

    @property
    def host_words(self) -> int:
        """Host link words the larger of the host's two memories needs."""
        lay, last = self.nests[-1].layout, self.layers[-1]
        streamed = sum(place.words for place in self.placements if place.streamed)
        incoming = (self.boot["boot_image_words"] + streamed) * lay.host_beats
        if last.output == "argmax":
            return max(incoming, last.batch * lay.class_beats)
        records = lay.record_links(ceil_div(last.out_channels, lay.unroll["C"]))
        stored = last.batch * last.stored_y * last.stored_x * records
        return max(incoming, stored * lay.host_beats)


def build_program(
    accelerator: Accelerator,
    layers: Sequence[Layer],
    parameters: Sequence[Parameters],
    mappings: Sequence[Mapping],
    contents: Sequence[Words] | None = None,
    *,
    all_streamed: bool = False,
) -> Program:
    """Compile a network for an accelerator.

    contents  the parameters as `pack_parameters` packed them, if that is done already
    all_streamed  send every block through the host link, so that the memories may start empty

    Raises MappingError if a block does not fit the weight bank, or the mappings of a fixed
    sequencer do not share one loop order.
    """
    lay = layout(accelerator)
    order = shared_order(accelerator, mappings)
    c = configuration(accelerator, order)
    nests = tuple(LoopNest(x, lay, m) for x, m in zip(layers, mappings, strict=True))
    if contents is None:
        contents = pack_parameters(accelerator, layers, parameters)
    sizes = [c.words + len(words) for words in contents]
    placements = place(lay, sizes, layers)
    if all_streamed:
        placements = [Placement(0, size, True) for size in sizes]
    blocks = []
    for i, nest in enumerate(nests):
        following = placements[i + 1] if i + 1 < len(nests) else None
        values = layer_values(accelerator, c, nest, placements[i], following)
        head = words_of_int(c.pack(values), lay.link_bits, c.words)
        blocks.append(np.concatenate([head, contents[i]]))
    first = layers[0]
    records = lay.record_links(ceil_div(first.in_channels, lay.unroll["C"]))
    boot = {
        "boot_image_words": first.batch * first.in_y * first.in_x * first.activation_bits * records,
        "boot_stream_words": placements[0].words if placements[0].streamed else 0,
        "boot_address": placements[0].address,
    }
    return Program(accelerator, tuple(layers), nests, tuple(placements), tuple(blocks), order, boot)


def pack_parameters(
    accelerator: Accelerator, layers: Sequence[Layer], parameters: Sequence[Parameters]
) -> list[Words]:
    """Thresholds and weights of each layer as link words, the same for every batch size."""
    lay = layout(accelerator)
    return [
        np.concatenate([threshold_words(lay, x, p), weight_words(lay, x, p.weights)])
        for x, p in zip(layers, parameters, strict=True)
    ]


def place(lay: Layout, sizes: Sequence[int], layers: Sequence[Layer]) -> list[Placement]:
    """Resident blocks in layer order while words last; the rest shares one streaming area."""
    bank = lay.weight_bank_words
    for size, layer in zip(sizes, layers, strict=True):
        if size > bank:
            raise MappingError(
                f"layer {layer.name}: its weights, thresholds and configuration take {size} "
                f"link words, the weight bank has {bank}: {size - bank} words are missing; "
                f"raise store.kib.weights"
            )
    resident = len(sizes)
    while sum(sizes[:resident]) + max(sizes[resident:], default=0) > bank:
        resident -= 1
    placements, address = [], 0
    for i, size in enumerate(sizes):
        placements.append(Placement(address, size, i >= resident))
        if i < resident:
            address += size
    return placements


def shared_order(accelerator: Accelerator, mappings: Sequence[Mapping]) -> Order | None:
    """The one loop order of a fixed sequencer, None if programmable."""
    if accelerator.sequencer.order == "programmable":
        return None
    orders = {(m.inner, tuple(d for d, _ in m.outer)) for m in mappings}
    if len(orders) > 1:
        raise MappingError(
            "sequencer.order is fixed, but the layers' mappings have different loop orders; "
            "give every layer the same order or set sequencer.order: programmable"
        )
    inner, outer = orders.pop()
    return Order(inner, outer)


# ---------------------------------------------------------------------- one layer's registers
def layer_values(
    accelerator: Accelerator,
    c: Configuration,
    nest: LoopNest,
    placement: Placement,
    following: Placement | None,
) -> Values:
    """Values of every configuration field for one layer."""
    values = {
        **_chain_values(c, nest, placement, following),
        **_dma_values(accelerator, c, nest, placement),
        **_output_values(accelerator, c, nest),
    }
    mapping = nest.mapping
    inner = tuple(d for d in mapping.inner if d in c.level_dimensions)
    outer = tuple(d for d, _ in mapping.outer if d in c.slot_dimensions)
    if c.order is None:
        values |= order_values(c, inner, outer)
    steps = step_strides(nest)
    for level, d in enumerate(inner):
        values[f"level{level}_full"] = nest.trips(d) - 1
        values[f"level{level}_last"] = nest.trips(d, last=True) - 1
        position = mapping.inner.index(d)
        values[f"level{level}_inside"] = sum(
            int(position > nest.inner_reload(x)) << bit for bit, x in enumerate(OPERANDS)
        )
        for q in level_quantities(accelerator):  # a loop of one trip never adds its stride
            values[f"level{level}_{q}"] = steps[q].get(d, 0) if nest.trips(d) > 1 else 0
    tiles = tile_strides(nest)
    circular = accelerator.buffers.input.circular_rows
    for slot, d in enumerate(outer):
        position = nest.outer_order.index(d)
        reload = [position <= nest.outer_reload(x) for x in ("weight", "input")]
        slides = circular and nest.slides and position == nest.outer_reload("input")
        values[f"slot{slot}_last"] = nest.tiles(d) - 1
        values[f"slot{slot}_reload"] = reload[0] + 2 * reload[1]
        values[f"slot{slot}_slide"] = int(slides)
        for q in slot_quantities(accelerator):
            values[f"slot{slot}_{q}"] = tiles[q].get(d, 0) if nest.tiles(d) > 1 else 0
    _check_trips(nest, c)
    bank = 1 << c.widths.activation_bank
    for name in values:  # offsets of rows above or below the map wrap like the addresses they move
        if name == "slide_source" or name.endswith("input_source"):
            values[name] %= bank
    return values


def _check_trips(nest: LoopNest, c: Configuration) -> None:
    """A dimension without a loop in this hardware must have one trip."""
    for d in nest.mapping.inner:
        if d not in c.level_dimensions and nest.all_trips(d) > 1:
            raise MappingError(
                f"layer {nest.layer.name}: dimension {d} of {nest.size(d)} is beyond the "
                f"accelerator's limits"
            )


def _chain_values(
    c: Configuration, nest: LoopNest, placement: Placement, following: Placement | None
) -> Values:
    layer, lay = nest.layer, nest.layout
    thresholds = nest.all_trips("K") * lay.links_per_threshold
    records = lay.record_links(ceil_div(layer.out_channels, lay.unroll["C"]))
    result = layer.batch
    if layer.output == "bits":
        result *= layer.stored_y * layer.stored_x * records
    return {
        "threshold_links": thresholds,
        "next_stream": following.words if following and following.streamed else 0,
        "next_address": following.address if following else 0,
        "is_last": int(following is None),
        "result_words": result,
        "start_weight_source": placement.address + c.words + thresholds,
    }


def _pad_planes(layer: Layer) -> int:
    """Bit per plane of a padded activation."""
    if layer.is_bipolar:
        return int(layer.pad_value == "+1")
    return 1 << (layer.activation_bits - 1) if layer.signed_input else 0


def _dma_values(
    accelerator: Accelerator, c: Configuration, nest: LoopNest, placement: Placement
) -> Values:
    layer, lay = nest.layer, nest.layout
    plane, column, row = input_record(nest)
    kernel_words = nest.trips("FY") * nest.trips("FX") * nest.trips("BW")
    column_words, plane_words, image_words = buffer_strides(nest)
    overlap = max(0, layer.kernel_y - layer.stride)
    values = {
        "start_input_source": -(layer.pad_top * row + layer.pad_left * column),
        "start_y": -layer.pad_top,
        "start_x": -layer.pad_left,
        "tile_k_full": nest.trips("K") - 1,
        "tile_k_last": nest.trips("K", last=True) - 1,
        "tile_weights_full": nest.trips("C") * kernel_words - 1,
        "tile_weights_last": nest.trips("C", last=True) * kernel_words - 1,
        "weight_source_row": nest.all_trips("C") * kernel_words * lay.links_per_weight,
        "weight_row": nest.trips("C") * kernel_words,
        "planes": layer.activation_bits - 1,
        "source_row": row,
        "source_image": layer.in_y * row,
        "source_plane": plane,
        "source_column": column,
        "row_words": nest.row_words,
        "image_words": image_words,
        "plane_words": plane_words,
        "column_words": column_words,
        "slide_y": overlap,
        "slide_source": overlap * row,
        "input_rows": layer.in_y,
        "input_columns": layer.in_x,
        "pad_planes": _pad_planes(layer),
        "masks_pads": int(layer.masks_pads),
    }
    for name, last in (("full", False), ("last", True)):
        size = nest.last_size if last else nest.full_size
        values[f"rows_{name}"] = nest.rows(last=last) - 1
        values[f"slide_rows_{name}"] = size("OY") * layer.stride - 1
        values[f"images_{name}"] = size("B") - 1
        values[f"columns_{name}"] = nest.columns(last=last) - 1
        words = ceil_div(nest.trips("C", last=last), lay.words_per_link)
        values[f"channels_{name}"] = words - 1
    if accelerator.buffers.input.circular_rows:
        copies = 2 if accelerator.buffers.input.ping_pong else 1
        values["ring_words"] = copies * nest.input_tile_words
        values["slide_words"] = overlap * nest.row_words
    if len(accelerator.array.strides) > 1:
        values["stride_index"] = list(accelerator.array.strides).index(layer.stride)
    for d in c.edges:
        values[f"edge_{d}"] = nest.size(d) - (nest.all_trips(d) - 1) * lay.unroll[d]
    return values


def _output_values(accelerator: Accelerator, c: Configuration, nest: LoopNest) -> Values:
    layer = nest.layer
    _, pixel, row, image = output_record(nest)
    values = {
        "record_step": pixel,
        "row_step": row,
        "image_step": image,
        "flips_first": int(layer.pool_order == "after_threshold"),
    }
    if "max_pool" in accelerator.post:
        pool_row, pool_image, _ = pool_strides(nest)
        values |= {"pool_last": layer.pool - 1, "pool_row": pool_row, "pool_image": pool_image}
    if "argmax" in accelerator.post:
        values["is_argmax"] = int(layer.output == "argmax")
    return values
