"""What no estimate may break: bits that are written are read, traffic and area have a least size.

Each is an identity of the machine or of physics that the closed forms know nothing of, so an error
in one of them shows here. What is written and never needed is legal, and reported as dead.
Equations: docs/models/conservation.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from asicbnn.bnn.layer import Layer
from asicbnn.errors import ModelError
from asicbnn.levels import interval
from asicbnn.mapping.loop_nest import LoopNest
from asicbnn.model.area import Area
from asicbnn.model.bounds import Traffic, touched_pixels
from asicbnn.model.network import HostTraffic
from asicbnn.result import PARTS
from asicbnn.technology.library import Technology
from asicbnn.technology.scaling import bit_cell_um2

Counts = Mapping[str, int]

_ROUNDING = 1e-9


@dataclass(frozen=True)
class Written:
    """Bits written to a memory while a layer runs, and those of them that are dead.

    dead  padding of words and records, bits of lanes and PEs beyond the layer, pixels no window
          covers: nothing that is computed depends on them
    """

    memory: str
    bits: int
    dead: int


def written(
    nest: LoopNest,
    counts: Counts,
    host: HostTraffic,
    n_cfg: int,
    consumer: Layer | None,
) -> tuple[Written, ...]:
    """Return what a layer writes to each memory.

    counts    of the layer, without the host's
    n_cfg     link words of its configuration
    consumer  the layer that reads its result; None: all of it is read

    Raises ModelError if a word would be written that nobody reads, or only in part.
    """
    found = (
        *_buffers(nest, counts),
        _results(nest, counts, consumer),
        *_from_host(nest, host, n_cfg),
    )
    for each in found:
        if not 0 <= each.dead <= each.bits:
            raise _broken(
                nest.layer, f"{each.dead:,} of {each.bits:,} bits written to {each.memory} are dead"
            )
    return tuple(found)


def _buffers(nest: LoopNest, counts: Counts) -> Iterator[Written]:
    layer, lay = nest.layer, nest.layout
    trips = {d: nest.all_trips(d) for d in nest.tile}
    writes = {name: counts[f"{name}_writes"] for name in _BUFFERS}
    for name in _BUFFERS:
        _require_reads(layer, name, counts[f"{name}_reads"], writes[name])

    words = _whole(layer, "weight_buffer", writes["weight_buffer"], lay.weight_slots)
    once = trips["K"] * trips["C"] * trips["FY"] * trips["FX"] * trips["BW"]
    passes = _whole(layer, "weight_buffer", words, once)
    needed = passes * layer.out_channels * layer.fan_in * layer.weight_bits
    yield Written("weight_buffer", bits := words * lay.weight_word_bits, bits - needed)

    words = _whole(layer, "input_buffer", writes["input_buffer"], lay.input_word_slots)
    bits = words * lay.input_word_bits
    needed = _whole_share(layer, "input_buffer", bits * _input_share(nest))
    yield Written("input_buffer", bits, bits - needed)

    words = _whole(layer, "psum_buffer", writes["psum_buffer"], lay.psum_slots)
    pixels = layer.out_y * layer.out_x
    passes = _whole(
        layer, "psum_buffer", words, trips["B"] * trips["K"] * trips["OY"] * trips["OX"]
    )
    sums = (layer.batch * layer.out_channels + trips["B"] * trips["K"]) * pixels
    needed = passes * sums * lay.psum_bits
    yield Written("psum_buffer", bits := words * lay.psum_word_bits, bits - needed)

    bits = writes["threshold_buffer"] * lay.threshold_word_bits
    needed = layer.out_channels * (lay.psum_bits + 2)
    yield Written("threshold_buffer", bits, bits - needed)

    pooled = _whole(layer, "pool_buffer", writes["pool_buffer"], trips["K"])
    bits = writes["pool_buffer"] * lay.unroll["K"]
    yield Written("pool_buffer", bits, bits - pooled * layer.out_channels)


_BUFFERS = ("weight_buffer", "input_buffer", "psum_buffer", "threshold_buffer", "pool_buffer")
_EQUAL = ("psum_buffer", "pool_buffer")


def _require_reads(layer: Layer, name: str, reads: int, writes: int) -> None:
    """A sum that is put away is fetched once; a weight or threshold is read at least once."""
    if name in _EQUAL and reads != writes:
        raise _broken(layer, f"{writes:,} words are written to {name} and {reads:,} read")
    if name in ("weight_buffer", "threshold_buffer") and reads < writes:
        raise _broken(layer, f"{name} is written {writes:,} times and read only {reads:,} times")


def _input_share(nest: LoopNest) -> Fraction:
    """Share of the bits written to the input buffer that some window of their tile covers."""
    layer, lay = nest.layer, nest.layout
    channel_words = nest.all_trips("C")
    share = Fraction(
        layer.in_channels, lay.channel_words_padded(channel_words) * lay.input_word_bits
    )
    for d, kernel in (("OY", layer.kernel_y), ("OX", layer.kernel_x)):
        if (gap := layer.stride - kernel) > 0:  # rows between the windows
            count = layer.size(d)
            share *= Fraction(count * kernel, count * layer.stride - nest.tiles(d) * gap)
    return share


def _results(nest: LoopNest, counts: Counts, consumer: Layer | None) -> Written:
    """Return what the write channel stores; it masks the bits of a link word beyond its piece."""
    layer, lay = nest.layer, nest.layout
    bits = counts["store_activation_writes"] * lay.output_piece_bits
    if layer.output == "argmax":
        return Written("store_activation", bits, bits)
    pixels = layer.stored_y * layer.stored_x
    if consumer is not None:
        pixels = touched_pixels(consumer)
    return Written("store_activation", bits, bits - layer.batch * layer.out_channels * pixels)


def _from_host(nest: LoopNest, host: HostTraffic, n_cfg: int) -> Iterator[Written]:
    """Yield what the host writes: streamed weights, and the image."""
    layer, lay = nest.layer, nest.layout
    if host.weight_words:
        bits = host.weight_words * lay.link_bits
        needed = n_cfg * lay.link_bits + layer.out_channels * (lay.psum_bits + 2)
        needed += layer.out_channels * layer.fan_in * layer.weight_bits
        yield Written("store_weight", bits, bits - needed)
    if host.image_words:
        bits = host.image_words * lay.link_bits
        image = layer.batch * layer.in_channels * layer.activation_bits
        yield Written("store_activation", bits, bits - image * touched_pixels(layer))


def _whole(layer: Layer, name: str, writes: int, times: int) -> int:
    """Return how often something of so many writes was written."""
    often, rest = divmod(writes, times)
    if rest:
        raise _broken(layer, f"{name} is written {writes:,} times, {rest} more than {often} wholes")
    return often


def _whole_share(layer: Layer, name: str, bits: Fraction) -> int:
    if bits.denominator != 1:
        raise _broken(layer, f"{name} would hold {float(bits):g} bits that are needed")
    return int(bits)


def _broken(layer: Layer, what: str) -> ModelError:
    return ModelError(f"layer {layer.name}: {what}: a defect of the model, please report it")


def consumers(layers: Sequence[Layer], *, is_chain: bool) -> Iterator[Layer | None]:
    """Yield who reads each layer's result: the next layer of a chain, else everything is read."""
    for layer, following in zip(layers, [*layers[1:], None], strict=True):
        fits = (
            is_chain
            and following is not None
            and (following.in_channels, following.in_y, following.in_x)
            == (layer.out_channels, layer.stored_y, layer.stored_x)
        )
        yield following if fits else None


def check_traffic(layer: Layer, moved: Traffic) -> None:
    """Raise ModelError if a layer moves less than it must, or than its buffers allow."""
    if moved.moved < moved.compulsory or moved.moved < moved.lower_bound * (1 - _ROUNDING):
        least = max(float(moved.compulsory), moved.lower_bound)
        raise _broken(layer, f"{moved.moved:,} bits are moved and {least:,.0f} must be")


def check_area(built: Area, technology: Technology) -> None:
    """Raise ModelError if a memory is smaller than its bits, whatever its area's error.

    The least is the densest six-transistor cell of the node for every bit. ROM is denser, and
    macros that are placeholders have no real area.
    """
    densest = bit_cell_um2(technology.node_nm)
    for macro, memory in built.memories:
        placeholder = memory.level == "macros" and any(use.is_synthetic for use in memory.macros)
        if placeholder or memory.kind == "rom":
            continue
        _, most = interval(memory.area_um2, memory.area_error)
        if most < memory.capacity_bits * densest * (1 - _ROUNDING):
            raise ModelError(
                f"{PARTS[macro.part].description}: {memory.words} x {memory.word_bits} bits take "
                f"{most:.4g} um2 at most, less than {densest:.3g} um2 a bit, the densest SRAM cell "
                f"at {technology.node_nm:g} nm; check node_nm of {technology.name} and areas of "
                "macros"
            )


def dead_and_written(found: Sequence[Sequence[Written]]) -> dict[str, dict[str, float]]:
    """Return the breakdowns of a result: bits written by memory, and those that are dead."""
    bits: dict[str, float] = {}
    dead: dict[str, float] = {}
    for each in (each for layer in found for each in layer if each.bits):
        bits[each.memory] = bits.get(each.memory, 0) + each.bits
        dead[each.memory] = dead.get(each.memory, 0) + each.dead
    return {"written_bits": bits, "dead_bits": dead}


__all__ = [
    "Written", "check_area", "check_traffic", "consumers", "dead_and_written", "written",
]  # fmt: skip
