"""Bits as the store lays them out, against layouts written as loops."""

from __future__ import annotations

import numpy as np
import pytest
from agreement.subject import small
from hypothesis import given
from hypothesis import strategies as st

from asicbnn.bnn.arithmetic import bits_of
from asicbnn.bnn.layer import Layer
from asicbnn.bnn.reference import Parameters, layer_sums, random_activations, random_parameters
from asicbnn.errors import MappingError
from asicbnn.mapping.layout import ceil_div, layout
from asicbnn.simulation.backends.interface import numbers_of_words
from asicbnn.simulation.packing import (
    bits_of_words,
    host_words,
    joined_words,
    map_words,
    store_words,
    stored_bits,
    stored_thresholds,
    threshold_words,
    weight_words,
    words_of_bits,
    words_of_int,
)


# ---------------------------------------------------------------------- words
@given(st.integers(1, 9), st.integers(1, 200), st.integers(0, 2**32))
def test_bits_survive_being_words(rows, width, seed):
    bits = np.random.default_rng(seed).random((rows, width)) < 0.5
    words = words_of_bits(bits)
    assert words.shape == (rows, ceil_div(width, 64))
    assert np.array_equal(bits_of_words(words, width), bits)
    expected = [sum(int(bit) << i for i, bit in enumerate(row)) for row in bits]
    assert numbers_of_words(words) == expected


@given(st.integers(1, 130), st.integers(1, 7), st.data())
def test_an_integer_cut_into_words_is_the_integer(width, count, data):
    value = data.draw(st.integers(0, 2 ** (width * count) - 1))
    numbers = numbers_of_words(words_of_int(value, width, count))
    assert len(numbers) == count
    assert sum(n << (i * width) for i, n in enumerate(numbers)) == value


@pytest.mark.parametrize("beats", [1, 2, 4])
def test_host_words_carry_the_low_beat_first(beats):
    accelerator = small(store__link__bits=16, host__link_bits=16 // beats, post=("threshold",))
    lay = layout(accelerator)
    words = np.array([[0xABCD], [0x1234]], np.uint64)
    sent = numbers_of_words(host_words(lay, words))
    width = 16 // beats
    expected = [w >> (i * width) & (2**width - 1) for w in (0xABCD, 0x1234) for i in range(beats)]
    assert sent == expected


@given(st.integers(1, 5), st.sampled_from([1, 3, 7, 8, 16, 24, 64, 72]), st.integers(1, 6))
def test_slices_side_by_side_are_the_words_they_were_cut_from(rows, width, slices):
    bits = np.random.default_rng(rows).random((rows, slices, width)) < 0.5
    cut = [words_of_bits(bits[:, i]) for i in range(slices)]
    assert np.array_equal(joined_words(cut, width), words_of_bits(bits.reshape(rows, -1)))


@pytest.mark.parametrize(("link", "beats"), [(16, 1), (16, 2), (16, 4), (16, 16), (128, 2)])
def test_store_words_undo_host_words(link, beats):
    accelerator = small(store__link__bits=link, host__link_bits=link // beats, post=("threshold",))
    lay = layout(accelerator)
    words = words_of_bits(np.random.default_rng(beats).random((5, link)) < 0.5)
    sent = host_words(lay, words)
    assert len(sent) == 5 * beats
    assert np.array_equal(store_words(lay, sent), words)


# ---------------------------------------------------------------------- weights
UNROLLS = [
    {"out_channels": 2, "in_channels": 4},
    {"out_channels": 3, "in_channels": 3, "kernel_y": 2},
    {"out_channels": 4, "in_channels": 2, "kernel_x": 3, "kernel_y": 2},
    {"out_channels": 8, "in_channels": 4},
    {"out_channels": 16, "in_channels": 2, "kernel_x": 2, "kernel_y": 3},
]
SHAPES = [
    (5, 7, 3, 3, 1), (4, 4, 1, 1, 1), (1, 9, 2, 5, 2), (7, 1, 3, 4, 2), (19, 5, 2, 3, 1),
    (16, 4, 1, 1, 1),
]  # fmt: skip


@pytest.mark.parametrize("unroll", UNROLLS)
@pytest.mark.parametrize("shape", SHAPES)
def test_weights_lie_in_the_order_the_layout_names(unroll, shape):
    """Words K, C, FY, FX, plane; in a word FY, FX, channel, output channel; whole link words."""
    k, c, fy, fx, planes = shape
    link = 6 if unroll["in_channels"] == 3 else 8
    accelerator = small(
        array__unroll=unroll, store__link__bits=link, host__link_bits=link, post=("threshold",)
    )
    lay = layout(accelerator)
    layer = Layer(
        name="w", out_channels=k, in_channels=c, in_y=fy, in_x=fx, kernel_y=fy, kernel_x=fx,
        weight_bits=planes,
    )  # fmt: skip
    weights = random_parameters(layer, np.random.default_rng(2)).weights.astype(int)
    encoded = (weights + 2**planes - 1) // 2  # bit j of this is plane j
    u, expected = lay.unroll, []
    for k0 in range(0, k, u["K"]):
        for c0 in range(0, c, u["C"]):
            for y0 in range(0, fy, u["FY"]):
                for x0 in range(0, fx, u["FX"]):
                    for plane in range(planes):
                        expected += link_words(
                            [
                                bit_at(encoded, (k1, c1, y1, x1), plane)
                                for y1 in range(y0, y0 + u["FY"])
                                for x1 in range(x0, x0 + u["FX"])
                                for c1 in range(c0, c0 + u["C"])
                                for k1 in range(k0, k0 + u["K"])
                            ],
                            link,
                        )
    assert numbers_of_words(weight_words(lay, layer, weights)) == expected


def bit_at(encoded, index, plane):
    if any(i >= n for i, n in zip(index, encoded.shape, strict=True)):
        return 0
    return int(encoded[index]) >> plane & 1


def link_words(bits, link):
    bits = bits + [0] * (-len(bits) % link)
    return [
        sum(bit << i for i, bit in enumerate(bits[start : start + link]))
        for start in range(0, len(bits), link)
    ]


# ---------------------------------------------------------------------- maps
@pytest.mark.parametrize(
    ("in_channels", "link"),
    [(4, 16), (4, 8), (4, 4), (4, 2), (4, 1), (3, 12), (3, 3), (8, 64), (12, 24), (16, 8)],
)
@pytest.mark.parametrize("bits", [1, 3])
@pytest.mark.parametrize("signed", [False, True])
def test_a_map_is_records_of_whole_link_words(in_channels, link, bits, signed):
    accelerator = small(
        array__unroll={"in_channels": in_channels, "out_channels": in_channels},
        store__link__bits=link, host__link_bits=link, post=("threshold",),
    )  # fmt: skip
    lay = layout(accelerator)
    layer = Layer(
        name="m", batch=2, out_channels=7, in_channels=7, in_y=3, in_x=2,
        activation_bits=bits, signed_input=signed and bits > 1,
    )  # fmt: skip
    values = random_activations(layer, np.random.default_rng(4))
    expected = []
    width = ceil_div(ceil_div(7, in_channels) * in_channels, link) * link
    for image in values:
        for row in image:
            for pixel in row:
                for plane in range(bits):
                    record = [plane_bit(int(v), plane, layer) for v in pixel]
                    expected += link_words(record + [0] * (width - 7), link)
    words = map_words(lay, layer, values)
    assert numbers_of_words(words) == expected
    if bits == 1:  # what is stored as an output reads back as the map
        assert np.array_equal(stored_bits(lay, layer, words), bits_of(values))


def plane_bit(value, plane, layer):
    if layer.activation_bits == 1:
        return int(value > 0)
    offset = 2 ** (layer.activation_bits - 1) if layer.signed_input else 0
    return value + offset >> plane & 1


# ---------------------------------------------------------------------- thresholds
layers = st.builds(
    dict,
    out_channels=st.integers(1, 5), in_channels=st.integers(1, 6), kernel_y=st.integers(1, 2),
    weight_bits=st.integers(1, 3), activation_bits=st.integers(1, 4), signed_input=st.booleans(),
    seed=st.integers(0, 2**32), padded=st.booleans(), extreme=st.booleans(),
)  # fmt: skip


def drawn(seed, padded, extreme, **shape):
    rng = np.random.default_rng(seed)
    shape["signed_input"] &= shape["activation_bits"] > 1
    pads = {"pad_top": 1, "pad_value": "zero"} if padded and shape["kernel_y"] > 1 else {}
    layer = Layer(name="t", in_y=4, in_x=2, **pads, **shape)
    parameters = random_parameters(layer, rng)
    if extreme:  # beyond what any sum reaches, both ways, and a tie
        far = 10 * layer.largest_sum + 100
        choices = np.array([-far, far, 0], np.int64)
        thresholds = choices[rng.integers(0, 3, layer.out_channels)]
        parameters = Parameters(parameters.weights, thresholds, parameters.flips)
    return layer, parameters, random_activations(layer, rng)


def doubled_popcounts(layer, parameters, images):
    """2 acc + padded taps: popcounts weighted by plane, and what a masked tap leaves."""
    scale = 2**layer.weight_bits - 1
    padded = np.pad(images.astype(int), ((0, 0), (layer.pad_top, 0), (0, 0), (0, 0)))
    if layer.signed_input and not layer.is_bipolar:
        padded = padded + 2 ** (layer.activation_bits - 1)
    encoded = (parameters.weights.astype(int) + scale) // 2
    total = np.zeros((1, layer.out_y, layer.out_x, layer.out_channels), int)
    for y in range(layer.out_y):
        window = padded[:, y : y + layer.kernel_y]
        for x in range(layer.out_x):
            taps = window[:, :, x : x + 1]
            for k in range(layer.out_channels):
                w = encoded[k].transpose(1, 2, 0)[np.newaxis]
                total[0, y, x, k] = doubled(taps, w, layer)
    return total


def doubled(taps, encoded, layer):
    total = 0
    for j in range(layer.weight_bits):
        w = encoded >> j & 1
        if layer.is_bipolar:
            agree = ((taps > 0) == w) & (taps != 0)
            total += (2 * int(agree.sum()) + int((taps == 0).sum())) << j
            continue
        for plane in range(layer.activation_bits):
            agree = (taps >> plane & 1) == w
            total += 2 * int(agree.sum()) << (j + plane)
    return total


@given(layers)
def test_stored_thresholds_compare_like_integers(shape):
    layer, parameters, images = drawn(**shape)
    stored, flips = stored_thresholds(layer, parameters)
    assert stored.min() >= 0
    assert stored.max() <= 2 * layer.largest_sum  # it fits the comparator
    sums = layer_sums(layer, images, parameters.weights)
    expected = (sums >= parameters.thresholds) ^ parameters.flips
    reached = doubled_popcounts(layer, parameters, images) >= stored
    assert np.array_equal(reached ^ flips, expected)


@given(layers)
def test_stored_scores_of_an_argmax_keep_their_order(shape):
    layer, parameters, images = drawn(**{**shape, "padded": False})
    image = images[:, : layer.kernel_y, :1]
    layer = Layer(**{**vars(layer), "in_y": layer.kernel_y, "in_x": 1, "output": "argmax"})
    stored, flips = stored_thresholds(layer, parameters)
    assert stored.min() >= 0
    sums = layer_sums(layer, image, parameters.weights)[0, 0, 0] - parameters.thresholds
    scores = doubled_popcounts(layer, parameters, image)[0, 0, 0] - stored
    unit = 1 if layer.is_bipolar else 2
    assert np.array_equal(scores - scores[0], unit * (sums - sums[0]))
    assert not flips[~parameters.flips].any()


def test_threshold_words_hold_planes_of_a_channel_word_then_its_flips():
    accelerator = small()
    lay = layout(accelerator)
    layer = Layer(name="t", out_channels=3, in_channels=4)
    parameters = random_parameters(layer, np.random.default_rng(0))
    stored, flips = stored_thresholds(layer, parameters)
    expected = []
    for first in (0, 2):
        planes = lay.psum_bits + 1
        bits = [
            int(stored[k]) >> j & 1 if k < 3 else 0
            for j in range(planes)
            for k in (first, first + 1)
        ]
        bits += [int(flips[k]) if k < 3 else 0 for k in (first, first + 1)]
        expected += link_words(bits, lay.link_bits)
    assert numbers_of_words(threshold_words(lay, layer, parameters)) == expected


def test_an_argmax_bias_beyond_the_comparator_is_refused():
    layer = Layer(name="classes", out_channels=2, in_channels=4, output="argmax")
    parameters = Parameters(
        np.ones((2, 4, 1, 1), np.int8), np.array([0, 2**13], np.int64), np.zeros(2, bool)
    )
    message = r"^layer classes: a threshold of 8196 needs more than 13 bit; raise limits.psum_bits$"
    with pytest.raises(MappingError, match=message):
        threshold_words(layout(small()), layer, parameters)
