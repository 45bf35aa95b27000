"""Whether a layer and its mapping fit an accelerator, said in words needed, words there, a cure.

A layer is checked once, its mapping on top. Nothing is spilled or shrunk silently: what does not
fit is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from asicbnn.bnn.layer import Layer
from asicbnn.errors import MappingError
from asicbnn.mapping.layout import Layout, ceil_div, layout
from asicbnn.mapping.loop_nest import OPERANDS, OUTER_DIMENSIONS, LoopNest, Mapping
from asicbnn.mapping.tiling import tile_step, tiles
from asicbnn.spec.accelerator import Accelerator

FIELD = {
    "B": "batch", "K": "out_channels", "C": "in_channels", "OY": "out_y", "OX": "out_x",
    "FY": "kernel_y", "FX": "kernel_x", "BW": "weight_bits", "BA": "activation_bits",
}  # fmt: skip


def check_layer(accelerator: Accelerator, layer: Layer, n_cfg: int = 0) -> None:
    """Raise MappingError with every reason why no mapping of the layer can run.

    n_cfg  link words of one layer's configuration, which lie beside its weights
    """
    _refuse(layer, [*_beyond_limits(accelerator, layer), *_beyond_store(accelerator, layer, n_cfg)])


def check_mapping(accelerator: Accelerator, layer: Layer, mapping: Mapping) -> None:
    """Raise MappingError with every reason why the layer does not run under this mapping."""
    nest = LoopNest(layer, layout(accelerator), mapping)
    illegal = list(_illegal_tiles(nest))
    # the words of an illegal tile mean nothing: a tile rule comes before the buffers
    _refuse(layer, illegal or list(_beyond_buffers(accelerator, nest)))


def check(accelerator: Accelerator, layer: Layer, mapping: Mapping, n_cfg: int = 0) -> None:
    """Raise MappingError unless the accelerator runs the layer under the mapping."""
    check_layer(accelerator, layer, n_cfg)
    check_mapping(accelerator, layer, mapping)


def buffer_limits(accelerator: Accelerator) -> dict[str, int]:
    """Words one tile may take in each buffer: half of a ping-pong buffer."""
    buffers, lay = accelerator.buffers, layout(accelerator)
    return {
        "weight": lay.weight_words // (2 if buffers.weight.ping_pong else 1),
        "input": lay.input_words // (2 if buffers.input.ping_pong else 1),
        "psum": lay.psum_words,
        "pool": lay.pool_words,
    }


def activation_words(lay: Layout, layer: Layer) -> tuple[int, int]:
    """Link words of a layer's input and of its output in the activation banks."""
    channel_words = ceil_div(layer.in_channels, lay.unroll["C"])
    pixels = layer.batch * layer.in_y * layer.in_x * layer.activation_bits
    taken = pixels * lay.record_links(channel_words)
    if layer.output == "argmax":
        return taken, 0
    # the next layer reads the output as its input: records of its channel words
    records = lay.record_links(ceil_div(layer.out_channels, lay.unroll["C"]))
    return taken, layer.batch * layer.stored_y * layer.stored_x * records


def weight_block_words(lay: Layout, layer: Layer, n_cfg: int) -> int:
    """Link words of a layer in the weight bank: configuration, thresholds, weights."""
    rows = ceil_div(layer.out_channels, lay.unroll["K"])
    words = 1
    for d in ("K", "C", "FY", "FX", "BW"):
        words *= ceil_div(layer.size(d), lay.unroll[d])
    return n_cfg + rows * lay.links_per_threshold + words * lay.links_per_weight


def _refuse(layer: Layer, problems: list[str]) -> None:
    if problems:
        raise MappingError("\n".join(f"layer {layer.name}: {problem}" for problem in problems))


def _beyond_limits(accelerator: Accelerator, layer: Layer) -> Iterator[str]:
    limits, lay = accelerator.limits, layout(accelerator)
    for what, size, limit in (
        ("batch", layer.batch, limits.batch),
        ("out_channels", layer.out_channels, limits.out_channels),
        ("in_channels", layer.in_channels, limits.in_channels),
        ("map", max(layer.in_y, layer.in_x, layer.full_out_y, layer.full_out_x), limits.map),
        ("kernel", max(layer.kernel_y, layer.kernel_x), limits.kernel),
        ("weight_bits", layer.weight_bits, limits.weight_bits),
        ("activation_bits", layer.activation_bits, limits.activation_bits),
        ("pool", layer.pool, limits.pool),
    ):
        if size > limit:
            yield f"{what} is {size}, limits.{what} is {limit}"
    bits = layer.largest_sum.bit_length()
    if bits > lay.psum_bits:
        yield (
            f"a sum needs {bits} bit, the accumulators have {lay.psum_bits}; "
            f"set limits.psum_bits to {bits} or more"
        )
    yield from _not_built(accelerator, layer)
    rows = ceil_div(layer.out_channels, lay.unroll["K"])
    if rows > lay.threshold_words:
        yield f"its thresholds take {rows} words, buffers.threshold.words is {lay.threshold_words}"
    yield from _all_padding(layer)


def _not_built(accelerator: Accelerator, layer: Layer) -> Iterator[str]:
    if layer.stride not in accelerator.array.strides:
        wired = ", ".join(map(str, accelerator.array.strides))
        yield f"stride {layer.stride} is not wired; array.strides has {wired}"
    if layer.pool > 1 and "max_pool" not in accelerator.post:
        yield "it pools, and post has no max_pool"
    if layer.output == "argmax":
        if "argmax" not in accelerator.post:
            yield "its output is an argmax, and post has no argmax"
        if layer.pool > 1 or layer.out_y > 1 or layer.out_x > 1:
            yield (
                f"argmax is taken over the channels of one pixel, the output has "
                f"{layer.full_out_y} x {layer.full_out_x}"
            )


def _all_padding(layer: Layer) -> Iterator[str]:
    for side, pad, kernel in (
        ("top", layer.pad_top, layer.kernel_y), ("bottom", layer.pad_bottom, layer.kernel_y),
        ("left", layer.pad_left, layer.kernel_x), ("right", layer.pad_right, layer.kernel_x),
    ):  # fmt: skip
        if pad >= kernel:
            yield (
                f"{pad} pads at the {side} and a kernel of {kernel}: some outputs would see "
                f"nothing but padding; pad at most {kernel - 1}"
            )


def _beyond_store(accelerator: Accelerator, layer: Layer, n_cfg: int) -> Iterator[str]:
    lay = layout(accelerator)
    block = weight_block_words(lay, layer, n_cfg)
    if block > lay.weight_bank_words:
        yield (
            f"its weights, thresholds and configuration take {block} link words, the weight bank "
            f"has {lay.weight_bank_words}: {block - lay.weight_bank_words} words missing; set "
            f"store.kib.weights to {_kib(block, lay, 8192)} or more"
        )
    for what, words in zip(("input", "output"), activation_words(lay, layer), strict=True):
        if words > lay.activation_bank_words:
            yield (
                f"its {what} takes {words} link words, an activation bank has "
                f"{lay.activation_bank_words}: {words - lay.activation_bank_words} words missing; "
                f"set store.kib.activations to {_kib(words, lay, 4096)} or more"
            )


def _kib(words: int, lay: Layout, bits_per_kib: int) -> int:
    return ceil_div(words * lay.link_bits, bits_per_kib)


def _illegal_tiles(nest: LoopNest) -> Iterator[str]:
    lay, layer = nest.layout, nest.layer
    for d, tile in nest.mapping.outer:
        unroll, step = lay.unroll[d], tile_step(lay, layer, d)
        legal = [t for t in tiles(lay, layer, d, exhaustive=True) if t <= max(tile, step)]
        nearest = (
            f"the largest legal one up to it is {legal[-1]}"
            if legal and tile > 0
            else (f"it is a multiple of {unroll}")
        )
        if tile < 1 or tile % unroll:
            yield f"{FIELD[d]} tile {tile} is no multiple of the unroll {unroll}; {nearest}"
        elif nest.tiles(d) > 1 and tile % step:
            why = (
                f"{lay.words_per_link} input words of {unroll} channels fill a link word"
                if d == "C"
                else f"a pooling window has {layer.pool}"
            )
            yield f"{FIELD[d]} tile {tile} is no multiple of {step} ({why}); {nearest}"


def _beyond_buffers(accelerator: Accelerator, nest: LoopNest) -> Iterator[str]:
    limits = buffer_limits(accelerator)
    buffers = accelerator.buffers
    halves = {"weight": buffers.weight.ping_pong, "input": buffers.input.ping_pong}
    needs: dict[str, tuple[Callable[[LoopNest], int], tuple[str, ...]]] = {
        "weight": (lambda n: n.weight_tile_words, ("K", "C")),
        "input": (lambda n: n.input_tile_words, ("OY", "OX", "B", "C")),
        "psum": (lambda n: n.psum_words, ("K", "OX", "OY", "B")),
        "pool": (lambda n: n.pool_words, ("K", "OX", "OY", "B")),
    }
    for name, (words, dimensions) in needs.items():
        if words(nest) > limits[name]:
            half = f" (half of {limits[name] * 2}, ping-pong)" if halves.get(name) else ""
            article = "an" if name == "input" else "a"
            yield (
                f"{article} {name} tile takes {words(nest)} words, buffers.{name}.words holds "
                f"{limits[name]}{half}; {_cure(nest, words, dimensions, limits[name])}"
            )
    held = accelerator.registers.hold
    for name, asked, built in zip(
        OPERANDS, nest.mapping.hold, (held.weight, held.input, held.psum), strict=True
    ):
        if asked and not built:
            yield f"the mapping holds the {name} register, registers.hold.{name} is false"


def _cure(
    nest: LoopNest, words: Callable[[LoopNest], int], dimensions: tuple[str, ...], limit: int
) -> str:
    """Name the largest legal tile of one dimension that fits, or what the smallest tiles take."""
    for d in dimensions:
        for tile in reversed(tiles(nest.layout, nest.layer, d, exhaustive=True)):
            if tile < nest.tile[d] and words(_with_tiles(nest, {d: tile})) <= limit:
                return f"the largest legal {FIELD[d]} tile is {tile}"
    smallest = _with_tiles(
        nest, {d: tiles(nest.layout, nest.layer, d, exhaustive=True)[0] for d in OUTER_DIMENSIONS}
    )
    return f"no smaller tile of one dimension fits; the smallest tiles take {words(smallest)} words"


def _with_tiles(nest: LoopNest, changed: dict[str, int]) -> LoopNest:
    outer = tuple((d, changed.get(d, tile)) for d, tile in nest.mapping.outer)
    return LoopNest(nest.layer, nest.layout, replace(nest.mapping, outer=outer))


__all__ = [
    "activation_words",
    "buffer_limits",
    "check",
    "check_layer",
    "check_mapping",
    "weight_block_words",
]
