"""What one trip of a loop adds to each generated address: the program's strides.

They follow from the loop nest and the layout of data in buffers and store.
"""

from __future__ import annotations

from asicbnn.mapping.layout import ceil_div
from asicbnn.mapping.loop_nest import LoopNest

Values = dict[str, int]


def input_record(nest: LoopNest) -> tuple[int, int, int]:
    """Link words of a plane, a column and a row of the input map."""
    layer, lay = nest.layer, nest.layout
    plane = lay.record_links(nest.all_trips("C"))
    column = layer.activation_bits * plane
    return plane, column, layer.in_x * column


def buffer_strides(nest: LoopNest) -> tuple[int, int, int]:
    """Input-buffer words of a column, a plane and an image of a row."""
    column = nest.layout.channel_words_padded(nest.trips("C"))
    plane = nest.columns() * column
    return column, plane, nest.layer.activation_bits * plane


def output_record(nest: LoopNest) -> tuple[int, int, int, int]:
    """Stored pieces of a channel word, a pixel, a row and an image of the output map."""
    layer, lay = nest.layer, nest.layout
    per_link = max(1, lay.link_bits // lay.unroll["K"])
    pixel = lay.record_links(ceil_div(layer.out_channels, lay.unroll["C"])) * per_link
    row = layer.stored_x * pixel
    return lay.output_pieces, pixel, row, layer.stored_y * row


def pool_strides(nest: LoopNest) -> tuple[int, int, int]:
    """Pool-buffer words of a row, an image and a channel word; 0 where there is no second one."""
    z = nest.layer.pool
    if z == 1:
        return 0, 0, 0
    rows, images = nest.full_size("OY") // z, nest.full_size("B")
    row = nest.full_size("OX") // z
    image = rows * row
    channel = images * image
    return row if rows > 1 else 0, image if images > 1 else 0, channel


def _psum_strides(nest: LoopNest) -> Values:
    """Psum-buffer words per trip of each output dimension that has words of its own."""
    strides, words = {}, 1
    for d in ("OX", "OY", "K", "B"):
        if nest.psum_extent[d] > 1:
            strides[d] = words
            words *= nest.psum_extent[d]
    return strides


def step_strides(nest: LoopNest) -> dict[str, Values]:
    """What one inner trip of a dimension adds to each quantity."""
    layer, u, s = nest.layer, nest.layout.unroll, nest.layer.stride
    planes, columns, rows = nest.trips("BW"), nest.trips("FX"), nest.trips("FY")
    tap = columns * rows * planes
    column_words, plane_words, image_words = buffer_strides(nest)
    channel, pixel, row, image = output_record(nest)
    pool_row, pool_image, pool_channel = pool_strides(nest)
    z = layer.pool
    return {
        "weight": {
            "BW": 1,
            "FX": planes,
            "FY": columns * planes,
            "C": tap,
            "K": nest.trips("C") * tap,
        },
        "input": {
            "C": 1,
            "FX": u["FX"] * column_words,
            "OX": u["OX"] * s * column_words,
            "BA": plane_words,
            "B": u["B"] * image_words,
            "FY": u["FY"] * nest.row_words,
            "OY": u["OY"] * s * nest.row_words,
        },
        "y": {"OY": u["OY"] * s, "FY": u["FY"]},
        "x": {"OX": u["OX"] * s, "FX": u["FX"]},
        "psum": _psum_strides(nest),
        "threshold": {"K": 1},
        "store": {
            "K": channel,
            "OX": u["OX"] // z * pixel,
            "OY": u["OY"] // z * row,
            "B": u["B"] * image,
        },
        "pool": {
            "K": pool_channel,
            "OX": u["OX"] // z if z > 1 else 0,
            "OY": u["OY"] // z * pool_row,
            "B": u["B"] * pool_image,
        },
        "phase_y": {"OY": u["OY"] % z},
        "phase_x": {"OX": u["OX"] % z},
        "shift": {"BW": 1, "BA": 1},
        "image": {"B": u["B"]},
    }


def tile_strides(nest: LoopNest) -> dict[str, Values]:
    """What one tile of a dimension adds to each quantity's start."""
    layer, lay, tile, s, z = nest.layer, nest.layout, nest.tile, nest.layer.stride, nest.layer.pool
    _, column, row = input_record(nest)
    kernel_words = nest.trips("FY") * nest.trips("FX") * nest.trips("BW")
    source = kernel_words * lay.links_per_weight
    channel, pixel, out_row, image = output_record(nest)
    split = nest.tiles("C") > 1
    psums = {
        d: nest.trips(d) * stride
        for d, stride in _psum_strides(nest).items()
        if split and nest.outer_order.index(d) > nest.outer_order.index("C")
    }
    return {
        "weight_source": {
            "K": nest.trips("K") * nest.all_trips("C") * source,
            "C": nest.trips("C") * source,
        },
        "input_source": {
            "OY": tile["OY"] * s * row,
            "OX": tile["OX"] * s * column,
            "B": tile["B"] * layer.in_y * row,
            "C": lay.record_links(nest.trips("C")),
        },
        "y": {"OY": tile["OY"] * s},
        "x": {"OX": tile["OX"] * s},
        "psum": psums,
        "threshold": {"K": nest.trips("K")},
        "store": {
            "K": nest.trips("K") * channel,
            "OY": tile["OY"] // z * out_row,
            "OX": tile["OX"] // z * pixel,
            "B": tile["B"] * image,
        },
        "image": {"B": tile["B"]},
    }
