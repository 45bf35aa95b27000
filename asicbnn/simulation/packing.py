"""Bits to memory words and back: weights, thresholds and maps as the store lays them out.

Every function returns link words as uint64 limbs [n, ceil(link_bits / 64)], least significant
limb first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from asicbnn.bnn.arithmetic import activation_planes, weight_planes
from asicbnn.bnn.layer import Layer
from asicbnn.bnn.reference import Parameters
from asicbnn.errors import MappingError
from asicbnn.mapping.layout import Layout, ceil_div

Words = NDArray[np.uint64]
Bits = NDArray[np.bool_]
Octets = NDArray[np.uint8]
_Packed = TypeVar("_Packed", np.bool_, np.uint8)


def words_of_bits(bits: Bits) -> Words:
    """Rows of bits [n, width] as limbs [n, ceil(width / 64)]; bit 0 is least significant."""
    return _limbs(np.packbits(bits, axis=1, bitorder="little"))


def _limbs(octets: Octets) -> Words:
    """Rows of bytes [n, m], lowest first, as limbs [n, ceil(m / 8)]."""
    rows, count = octets.shape
    if count % 8:
        padded = np.zeros((rows, ceil_div(count, 8) * 8), np.uint8)
        padded[:, :count] = octets
        octets = padded
    return np.ascontiguousarray(octets).view(np.uint64)


def _octets(words: Words, width: int) -> Octets:
    """Rows of limbs as the bytes [n, width / 8] of whole bytes; a view where it can be one."""
    whole = np.ascontiguousarray(words).view(np.uint8).reshape(len(words), -1)
    return whole[:, : width // 8]


def bits_of_words(words: Words, width: int) -> Bits:
    """Rows of limbs back to bits [n, width]."""
    octets = np.ascontiguousarray(words).view(np.uint8).reshape(len(words), -1)
    return np.unpackbits(octets, axis=1, bitorder="little")[:, :width].view(bool)


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
    if link_bits % 8 == 0:
        octets = np.packbits(bits, axis=1, bitorder="little")
        return _octets_in_link_words(octets, link_bits)
    padded = np.zeros((rows, links * link_bits), bool)
    padded[:, :width] = bits
    return words_of_bits(padded.reshape(rows * links, link_bits))


def _octets_in_link_words(octets: Octets, link_bits: int) -> Words:
    """Words of whole bytes [n, m], each padded to link words of whole bytes."""
    rows, count = octets.shape
    links = ceil_div(8 * count, link_bits)
    if count * 8 != links * link_bits:
        padded = np.zeros((rows, links * link_bits // 8), np.uint8)
        padded[:, :count] = octets
        octets = padded
    return _limbs(octets.reshape(rows * links, link_bits // 8))


def _split(bits: NDArray[_Packed], axis: int, size: int) -> NDArray[_Packed]:
    """Pad an axis to a multiple of `size` and split it into (words, size)."""
    count = ceil_div(bits.shape[axis], size)
    shape = (*bits.shape[:axis], count, size, *bits.shape[axis + 1 :])
    if bits.shape[axis] == count * size:
        return bits.reshape(shape)
    pad = [(0, 0)] * bits.ndim
    pad[axis] = (0, count * size - bits.shape[axis])
    return np.pad(bits, pad).reshape(shape)


def weight_words(layout: Layout, layer: Layer, weights: NDArray[np.integer]) -> Words:
    """Weights [K, C, FY, FX] as link words: words in order K, C, FY, FX, plane.

    Inside a word: kernel row, kernel column, channel, then output channel fastest.
    """
    u = layout.unroll
    if layer.weight_bits == 1 and u["K"] % 8 == 0 and layout.link_bits % 8 == 0:
        return _sign_words(layout, weights)
    planes = weight_planes(np.asarray(weights, np.int64), layer.weight_bits)
    bits = _split(_split(_split(_split(planes, 4, u["FX"]), 3, u["FY"]), 2, u["C"]), 1, u["K"])
    # axes now: plane, K, k, C, c, FY, fy, FX, fx
    ordered = bits.transpose(1, 3, 5, 7, 0, 6, 8, 4, 2)
    return _in_link_words(ordered.reshape(-1, layout.weight_word_bits), layout.link_bits)


def _sign_words(layout: Layout, weights: NDArray[np.integer]) -> Words:
    """`weight_words` of one plane, packed along the output channels first.

    What is then put in order are bytes, an eighth of the bits: megabits of weights take
    milliseconds.
    """
    u = layout.unroll
    signs = np.zeros((ceil_div(len(weights), u["K"]) * u["K"], weights[0].size), bool)
    np.greater(weights.reshape(len(weights), -1), 0, out=signs[: len(weights)])
    octets = np.packbits(signs.T, axis=1, bitorder="little").reshape(*weights.shape[1:], -1)
    packed: Octets = np.moveaxis(octets, 3, 0)  # [octet of K, C, FY, FX]
    split = _split(_split(_split(packed, 3, u["FX"]), 2, u["FY"]), 1, u["C"])
    groups = split.reshape(-1, u["K"] // 8, *split.shape[1:])
    # axes now: K, octet, C, c, FY, fy, FX, fx
    ordered = groups.transpose(0, 2, 4, 6, 5, 7, 3, 1)
    return _octets_in_link_words(
        ordered.reshape(-1, layout.weight_word_bits // 8), layout.link_bits
    )


def stored_thresholds(layer: Layer, parameters: Parameters) -> tuple[NDArray[np.int64], Bits]:
    """Unsigned thresholds the hardware compares 2 acc + padded taps with, and flips, per channel.

    Weighted popcounts count where operands agree, so a constant per channel turns the signed
    dot product into a number that is never negative; bnn_arithmetic gives it per number format.
    """
    theta = parameters.thresholds.astype(np.int64)
    scale = 2**layer.weight_bits - 1
    if layer.is_bipolar:
        stored = theta + scale * layer.fan_in
    else:
        total = parameters.weights.sum(axis=(1, 2, 3), dtype=np.int64)
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
    values = np.asarray(activations)
    if layer.signed_input and not layer.is_bipolar:
        values = values.astype(np.int64) + 2 ** (layer.activation_bits - 1)
    planes = activation_planes(values, layer.activation_bits)
    channels = layer.in_channels
    records = np.moveaxis(planes, 0, 3).reshape(-1, channels)
    width = layout.record_links(ceil_div(channels, layout.unroll["C"])) * layout.link_bits
    if layout.link_bits % 8 == 0:
        octets = np.zeros((len(records), width // 8), np.uint8)
        octets[:, : ceil_div(channels, 8)] = np.packbits(records, axis=1, bitorder="little")
        return _limbs(octets.reshape(-1, layout.link_bits // 8))
    padded = np.zeros((len(records), width), bool)
    padded[:, :channels] = records
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
    if layout.host_bits % 8 == 0:
        octets = _octets(words, layout.link_bits)
        return _limbs(octets.reshape(-1, layout.host_bits // 8))
    bits = bits_of_words(words, layout.link_bits)
    return words_of_bits(bits.reshape(-1, layout.host_bits))


def store_words(layout: Layout, beats: Words) -> Words:
    """Host link words as store link words: the way back of `host_words`."""
    if layout.host_beats == 1:
        return beats
    slices = beats.reshape(-1, layout.host_beats, beats.shape[1]).swapaxes(0, 1)
    return joined_words(list(slices), layout.host_bits)


def joined_words(slices: Sequence[Words], width: int) -> Words:
    """Words of slices of `width` bits side by side, the lowest first."""
    if len(slices) == 1:
        return slices[0]
    if width % 8 == 0:
        return _limbs(np.concatenate([_octets(words, width) for words in slices], axis=1))
    bits = [bits_of_words(words, width) for words in slices]
    return words_of_bits(np.concatenate(bits, axis=1))
