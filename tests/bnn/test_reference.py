"""The reference against loops written out, and against xnor-popcount on bit planes."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asicbnn.bnn.arithmetic import (
    activation_planes,
    bipolar,
    bits_of,
    weight_planes,
    weights_of_planes,
    xnor_popcount,
)
from asicbnn.bnn.layer import Layer
from asicbnn.bnn.reference import (
    Parameters,
    dense_weights,
    random_activations,
    random_parameters,
    run_layer,
    run_network,
)


@st.composite
def layers(draw):
    bits = draw(st.sampled_from([1, 1, 2, 5, 8]))
    pads = draw(st.sampled_from(["none", "zero", "+1", "-1"] if bits == 1 else ["none", "zero"]))
    size = st.integers(0, 2) if pads != "none" else st.just(0)
    kernel = st.integers(1, 3)
    return Layer(
        name="drawn",
        batch=draw(st.integers(1, 2)),
        out_channels=draw(st.integers(1, 4)),
        in_channels=draw(st.integers(1, 5)),
        in_y=draw(st.integers(6, 8)),
        in_x=draw(st.integers(6, 8)),
        kernel_y=draw(kernel),
        kernel_x=draw(kernel),
        stride=draw(st.integers(1, 2)),
        pad_top=draw(size),
        pad_bottom=draw(size),
        pad_left=draw(size),
        pad_right=draw(size),
        pad_value=pads,
        weight_bits=draw(st.integers(1, 3)),
        activation_bits=bits,
        signed_input=draw(st.booleans()) if bits > 1 else False,
        pool=draw(st.integers(1, 2)),
        pool_order=draw(st.sampled_from(["before_threshold", "after_threshold"])),
    )


def sum_by_loops(layer, activations, weights, b, k, y, x):
    total = 0
    taps = itertools.product(range(layer.kernel_y), range(layer.kernel_x), range(layer.in_channels))
    for fy, fx, c in taps:
        iy = y * layer.stride + fy - layer.pad_top
        ix = x * layer.stride + fx - layer.pad_left
        if 0 <= iy < layer.in_y and 0 <= ix < layer.in_x:
            value = int(activations[b, iy, ix, c])
        else:
            value = {"zero": 0, "+1": 1, "-1": -1}[layer.pad_value]
        total += value * int(weights[k, c, fy, fx])
    return total


@given(layers(), st.integers(0, 2**32 - 1))
def test_a_layer_is_its_loops(layer, seed):
    generator = np.random.default_rng(seed)
    learned = random_parameters(layer, generator)
    activations = random_activations(layer, generator)
    output = run_layer(layer, activations, learned)
    assert output.sums.shape == (layer.batch, layer.out_y, layer.out_x, layer.out_channels)
    for b, y, x, k in np.ndindex(output.sums.shape):
        expected = sum_by_loops(layer, activations, learned.weights, b, k, y, x)
        assert output.sums[b, y, x, k] == expected
    assert output.bits.shape == (layer.batch, layer.stored_y, layer.stored_x, layer.out_channels)
    for b, y, x, k in np.ndindex(output.bits.shape):
        z = layer.pool
        window = output.sums[b, y * z : (y + 1) * z, x * z : (x + 1) * z, k]
        flip = bool(learned.flips[k])
        if layer.pool_order == "before_threshold":
            bit = (window.max() >= learned.thresholds[k]) != flip
        else:
            bit = bool(((window >= learned.thresholds[k]) ^ flip).any())
        assert output.bits[b, y, x, k] == bit


@given(layers(), st.integers(0, 2**32 - 1))
def test_sums_are_popcounts_of_planes(layer, seed):
    """The identity hardware is built on, for one pixel that no padding touches."""
    generator = np.random.default_rng(seed)
    weights = random_parameters(layer, generator).weights
    activations = random_activations(layer, generator)
    window = activations[0, : layer.kernel_y, : layer.kernel_x].transpose(2, 0, 1).ravel()
    x_planes = activation_planes(window, layer.activation_bits)
    w_planes = weight_planes(weights.reshape(len(weights), -1), layer.weight_bits)
    total = np.zeros(len(weights), np.int64)
    for j, plane in enumerate(w_planes):
        for i, x_plane in enumerate(x_planes):
            if layer.is_bipolar:
                total += 2**j * (2 * xnor_popcount(x_plane, plane) - layer.fan_in)
                continue
            # a 0/1 plane is (+-1 plane + 1) / 2
            dot = 2 * xnor_popcount(x_plane, plane) - layer.fan_in
            ones = bipolar(plane).sum(axis=-1, dtype=np.int64)
            is_sign = layer.signed_input and i == layer.activation_bits - 1
            total += (-1 if is_sign else 1) * 2 ** (i + j) * (dot + ones) // 2
    expected = (weights.reshape(len(weights), -1).astype(np.int64) * window).sum(axis=1)
    assert (total == expected).all()


def test_encodings_round_trip():
    bits = np.array([True, False, True])
    assert (bits_of(bipolar(bits)) == bits).all()
    odd = np.arange(-7, 8, 2)
    assert (weights_of_planes(weight_planes(odd, 3)) == odd).all()


def dense(name, fan_in, out_channels, **more):
    return Layer(name=name, in_channels=fan_in, out_channels=out_channels, **more)


def test_argmax_takes_the_first_of_equal_scores():
    layer = dense("out", 2, 3, output="argmax")
    weights = np.array([[1, 1], [-1, 1], [1, 1]], np.int8).reshape(3, 2, 1, 1)
    learned = Parameters(weights, np.array([2, 0, 2]), np.zeros(3, bool))
    images = np.array([[1, 1], [-1, -1], [-1, 1]], np.int8).reshape(3, 1, 1, 2)
    output = run_layer(layer, images, learned)
    assert output.bits is None
    assert output.classes.tolist() == [0, 1, 1]


def test_a_network_flattens_a_map_as_y_x_channel():
    conv = Layer(name="conv", in_channels=2, out_channels=3, in_y=4, in_x=4, pool=2)
    flat = Layer(
        name="fc", in_channels=3, out_channels=4, in_y=2, in_x=2, kernel_y=2, kernel_x=2,
        output="argmax",
    )  # fmt: skip
    generator = np.random.default_rng(3)
    first, matrix = random_parameters(conv, generator), 2 * generator.integers(0, 2, (4, 12)) - 1
    second = Parameters(dense_weights(matrix, 2, 2), np.zeros(4, np.int64), np.zeros(4, bool))
    images = bipolar(generator.random((5, 4, 4, 2)) < 0.5)
    outputs = run_network((conv, flat), (first, second), images)
    hidden = bipolar(outputs[0].bits).reshape(5, 12)
    assert (outputs[1].sums[:, 0, 0] == hidden.astype(np.int64) @ matrix.T).all()
    assert (outputs[1].classes == (hidden.astype(np.int64) @ matrix.T).argmax(axis=1)).all()


def test_sums_beyond_single_precision_are_exact():
    layer = dense("wide", 70_001, 1, activation_bits=8, output="argmax")
    learned = Parameters(
        np.ones((1, 70_001, 1, 1), np.int8), np.zeros(1, np.int64), np.zeros(1, bool)
    )
    images = np.full((1, 1, 1, 70_001), 255)
    images[0, 0, 0, 0] = 254
    assert run_layer(layer, images, learned).sums[0, 0, 0, 0] == 70_001 * 255 - 1


@pytest.mark.parametrize(
    ("weights", "thresholds", "flips", "sentence"),
    [
        (np.ones((2, 3), np.int8), [0, 0], [0, 0], r"^weights must be \[K, C, FY, FX\], not of 2"),
        (np.ones((2, 3, 1, 1)), [0, 0], [0, 0], "^weights must be signed integers, not float64$"),
        (np.zeros((2, 3, 1, 1), int), [0, 0], [0, 0], "^weights must be odd"),
        (np.ones((2, 3, 1, 1), int), [0], [0, 0], r"^thresholds must be int64 of shape \(2,\)"),
        (np.ones((2, 3, 1, 1), int), [0, 0], [0], r"^flips must be bool of shape \(2,\)"),
    ],
)
def test_parameters_are_checked(weights, thresholds, flips, sentence):
    with pytest.raises(ValueError, match=sentence):
        Parameters(weights, np.array(thresholds, np.int64), np.array(flips, bool))


def test_what_does_not_belong_to_a_layer_is_refused():
    layer, generator = dense("fc", 4, 2), np.random.default_rng(0)
    learned = random_parameters(layer, generator)
    good = random_activations(layer, generator)
    with pytest.raises(ValueError, match=r"^layer other: weights must be \[K, C, FY, FX\] = \["):
        run_layer(dense("other", 5, 2), good, learned)
    with pytest.raises(ValueError, match=r"^layer fc: activations must be \[B, IY, IX, C\] = \["):
        run_layer(layer, good[..., :3], learned)
    with pytest.raises(ValueError, match=r"^layer fc: activations must be \+1 or -1$"):
        run_layer(layer, good * 0, learned)
    signed = dense("fc", 4, 2, activation_bits=4, signed_input=True)
    with pytest.raises(ValueError, match=r"integers in -8\.\.7$"):
        run_layer(signed, good * 8, learned)
    with pytest.raises(ValueError, match=r"^layer fc: weights of 1 bit lie in -1\.\.1$"):
        run_layer(layer, good, Parameters(learned.weights * 3, learned.thresholds, learned.flips))
    classify = dense("fc", 4, 2, output="argmax")
    flipped = Parameters(learned.weights, learned.thresholds, np.ones(2, bool))
    with pytest.raises(ValueError, match=r"^layer fc: an argmax layer has no flips$"):
        run_layer(classify, good, flipped)
    unflipped = Parameters(learned.weights, learned.thresholds, np.zeros(2, bool))
    with pytest.raises(ValueError, match=r"^layer fc: only the last layer may be an argmax layer"):
        run_network((classify, layer), (unflipped, learned), good)
