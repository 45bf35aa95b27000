"""Bits to memory words and back: weights, thresholds and maps as the store lays them out.

Every function returns link words as uint64 limbs [n, ceil(link_bits / 64)], least significant
limb first.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from asicbnn.bnn.arithmetic import activation_planes, weight_planes
from asicbnn.bnn.layer import Layer
from asicbnn.bnn.reference import Parameters
from asicbnn.errors import MappingError
from asicbnn.mapping.layout import Layout, ceil_div

Words = NDArray[np.uint64]
Bits = NDArray[np.bool_]


def words_of_bits(bits: Bits) -> Words:
    """Rows of bits [n, width] as limbs [n, ceil(width / 64)]; bit 0 is least significant."""
    rows, width = bits.shape
    padded = np.zeros((rows, ceil_div(width, 64) * 64), bool)
    padded[:, :width] = bits
    packed = np.packbits(padded, axis=1, bitorder="little")
    return np.ascontiguousarray(packed).view(np.uint64)


def bits_of_words(words: Words, width: int) -> Bits:
    """Rows of limbs back to bits [n, width]."""
    octets = np.ascontiguousarray(words).view(np.uint8).reshape(len(words), -1)
    return np.unpackbits(octets, axis=1, bitorder="little")[:, :width].astype(bool)


def words_of_int(value: int, width: int, count: int) -> Words:
    """`count` words of `width` bits cut from one integer, lowest first."""
    octets = ceil_div(width * count, 8)
    raw = np.frombuffer(value.to_bytes(octets, "little"), np.uint8)
    bits = np.unpackbits(raw, bitorder="little")[: width * count].astype(bool)
    return words_of_bits(bits.reshape(count, width))


def _in_link_words(bits: Bits, link_bits: int) -> Words:
    """Words of any width [n, width], each padded to whole link words."""
    rows, width = bits.shape
    links = ceil_div(width, link_bits)
    padded = np.zeros((rows, links * link_bits), bool)
    padded[:, :width] = bits
    return words_of_bits(padded.reshape(rows * links, link_bits))


def _split(bits: Bits, axis: int, size: int) -> Bits:
    """Pad an axis to a multiple of `size` and split it into (words, size)."""
    count = ceil_div(bits.shape[axis], size)
    pad = [(0, 0)] * bits.ndim
    pad[axis] = (0, count * size - bits.shape[axis])
    shape = (*bits.shape[:axis], count, size, *bits.shape[axis + 1 :])
    return np.pad(bits, pad).reshape(shape)


def weight_words(layout: Layout, layer: Layer, weights: NDArray[np.integer]) -> Words:
    """Weights [K, C, FY, FX] as link words: words in order K, C, FY, FX, plane.

    Inside a word: kernel row, kernel column, channel, then output channel fastest.
    """
    u = layout.unroll
    planes = weight_planes(np.asarray(weights, np.int64), layer.weight_bits)
    bits = _split(_split(_split(_split(planes, 4, u["FX"]), 3, u["FY"]), 2, u["C"]), 1, u["K"])
    # axes now: plane, K, k, C, c, FY, fy, FX, fx
    ordered = bits.transpose(1, 3, 5, 7, 0, 6, 8, 4, 2)
    return _in_link_words(ordered.reshape(-1, layout.weight_word_bits), layout.link_bits)


def stored_thresholds(layer: Layer, parameters: Parameters) -> tuple[NDArray[np.int64], Bits]:
    """Unsigned thresholds the hardware compares 2 acc + padded taps with, and flips, per channel.

    Weighted popcounts count where operands agree, so a constant per channel turns the signed
    dot product into a number that is never negative; bnn_arithmetic gives it per number format.
    """
    theta = parameters.thresholds.astype(np.int64)
    total = parameters.weights.astype(np.int64).sum(axis=(1, 2, 3))
    scale = 2**layer.weight_bits - 1
    if layer.is_bipolar:
        stored = theta + scale * layer.fan_in
    else:
        negative = (scale * layer.fan_in - total) // 2
        constant = (2**layer.activation_bits - 1) * negative
        offset = 2 ** (layer.activation_bits - 1) * total if layer.signed_input else 0
        stored = 2 * (theta + constant + offset)
    flips = parameters.flips.astype(bool)
    if layer.output == "argmax":
        stored = stored - min(0, int(stored.min()))  # a common shift changes no winner
        return stored, flips
    never = stored > 2 * layer.largest_sum  # compare always, then flip
    return np.where(never, 0, np.maximum(stored, 0)), flips ^ never


def threshold_words(layout: Layout, layer: Layer, parameters: Parameters) -> Words:
    """Thresholds and flips as link words: per word, planes of s_K thresholds, then s_K flips.

    Raises MappingError if a threshold needs more bits than the hardware has.
    """
    stored, flips = stored_thresholds(layer, parameters)
    planes = layout.psum_bits + 1
    if int(stored.max()) >> planes:
        raise MappingError(
            f"layer {layer.name}: a threshold of {int(stored.max())} needs more than {planes} "
            f"bit; raise limits.psum_bits"
        )
    bits = ((stored[np.newaxis] >> np.arange(planes)[:, np.newaxis]) & 1).astype(bool)
    both = np.concatenate([bits, flips[np.newaxis]])
    grouped = _split(both, 1, layout.unroll["K"]).transpose(1, 0, 2)
    return _in_link_words(grouped.reshape(-1, layout.threshold_word_bits), layout.link_bits)


def map_words(layout: Layout, layer: Layer, activations: NDArray[np.integer]) -> Words:
    """A map [B, IY, IX, C] as records [image][row][column][plane] of whole link words.

    Two's complement activations are stored with the top plane inverted: offset binary.
    """
    values = np.asarray(activations, np.int64)
    if layer.signed_input and not layer.is_bipolar:
        values = values + 2 ** (layer.activation_bits - 1)
    planes = activation_planes(values, layer.activation_bits)
    records = np.moveaxis(planes, 0, 3)
    channels = layer.in_channels
    width = layout.record_links(ceil_div(channels, layout.unroll["C"])) * layout.link_bits
    padded = np.zeros((*records.shape[:4], width), bool)
    padded[..., :channels] = records
    return words_of_bits(padded.reshape(-1, layout.link_bits))


def stored_bits(layout: Layout, layer: Layer, words: Words) -> Bits:
    """The bits [B, stored OY, stored OX, K] of an output map's link words."""
    links = layout.record_links(ceil_div(layer.out_channels, layout.unroll["C"]))
    bits = bits_of_words(words, layout.link_bits)
    shape = (layer.batch, layer.stored_y, layer.stored_x, links * layout.link_bits)
    return bits.reshape(shape)[..., : layer.out_channels]


def host_words(layout: Layout, words: Words) -> Words:
    """Store link words as host link words, least significant beat first."""
    if layout.host_beats == 1:
        return words
    bits = bits_of_words(words, layout.link_bits)
    return words_of_bits(bits.reshape(-1, layout.host_bits))
