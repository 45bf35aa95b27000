"""Folded thresholds against the batch norm itself, evaluated in exact rationals."""

import math
from fractions import Fraction

import numpy as np
import pytest

from asicbnn.bnn.arithmetic import bipolar
from asicbnn.bnn.folding import BatchNorm, fold
from asicbnn.bnn.layer import Layer
from asicbnn.bnn.reference import Parameters, random_activations, run_layer


def layer_of(channels, fan_in, **more):
    return Layer(name="fold", in_channels=fan_in, out_channels=channels, **more)


def bits_of_fold(folded, sums):
    return (sums[:, None] >= folded.thresholds) ^ folded.flips


def exact_sign(bn, k, total, bias=0.0, scale=1.0):
    """Sign of y by a rational enclosure of the square root: no squares are compared."""
    gamma, beta, mean, variance = (
        Fraction(float(a[k])) for a in (bn.gamma, bn.beta, bn.mean, bn.variance)
    )
    deviation = variance + Fraction(float(bn.epsilon))
    first = gamma * (Fraction(float(scale)) * total + Fraction(float(bias)) - mean)
    root = math.isqrt(deviation.numerator * deviation.denominator)
    if root * root == deviation.numerator * deviation.denominator:
        exact = first + beta * Fraction(root, deviation.denominator)
        return (exact > 0) - (exact < 0)
    grow = 10**80
    low = Fraction(math.isqrt(deviation.numerator * grow**2 // deviation.denominator), grow)
    bounds = (first + beta * low, first + beta * (low + Fraction(1, grow)))
    ends = {(y > 0) - (y < 0) for y in bounds}
    assert len(ends) == 1 or beta == 0
    return ends.pop()


def random_batch_norm(generator, channels, fan_in, dtype):
    def normal(scale):
        return generator.normal(0, scale, channels).astype(dtype)

    gamma = normal(1)
    gamma[generator.random(channels) < 0.05] = 0
    return BatchNorm(
        gamma, normal(1), normal(np.sqrt(fan_in)),
        generator.gamma(2, fan_in / 2, channels).astype(dtype), 1e-4,
    )  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sign_of_zero", [1, 0, -1])
def test_thousands_of_random_channels(dtype, sign_of_zero):
    generator = np.random.default_rng(11)
    fan_in, channels = 33, 150
    bn = random_batch_norm(generator, channels, fan_in, dtype)
    folded = fold(bn, layer_of(channels, fan_in), sign_of_zero=sign_of_zero)
    sums = np.arange(-fan_in, fan_in + 1)
    bits = bits_of_fold(folded, sums)
    for (row, k), bit in np.ndenumerate(bits):
        sign = exact_sign(bn, k, int(sums[row]))
        assert bit == (sign > 0 if sign_of_zero == -1 else sign >= 0)


@pytest.mark.parametrize("sign_of_zero", [1, 0, -1])
def test_ties_fall_where_the_network_says(sign_of_zero):
    """Every channel meets y = 0 at an integer sum: quarters and perfect squares are exact."""
    generator = np.random.default_rng(5)
    channels, fan_in = 600, 40
    root = generator.integers(1, 9, channels)
    tie = generator.integers(-fan_in, fan_in + 1, channels)
    gamma = generator.choice([-2.0, -0.5, 0.25, 1.0, 4.0], channels)
    beta = generator.integers(-8, 9, channels) * 0.25
    mean = tie + beta * root / gamma
    bn = BatchNorm(gamma, beta, mean, root**2 - 0.5, 0.5)
    folded = fold(bn, layer_of(channels, fan_in), sign_of_zero=sign_of_zero)
    assert folded.ties.all()
    at_tie = (tie >= folded.thresholds) ^ folded.flips
    assert (at_tie == (sign_of_zero != -1)).all()
    rising = bn.gamma > 0
    assert ((tie + 1 >= folded.thresholds) ^ folded.flips == rising).all()
    assert ((tie - 1 >= folded.thresholds) ^ folded.flips == ~rising).all()


def test_the_two_formulas_of_the_design_page():
    """gamma > 0: ceil(theta); gamma < 0: floor(theta) + 1 and flip."""
    bn = BatchNorm(
        np.array([2.0, -2.0, 2.0, -2.0]), np.array([1.0, 1.0, 1.0, 1.0]),
        np.array([3.0, 3.0, 3.5, 3.5]), np.full(4, 4.0), 0.0,
    )  # fmt: skip  # theta = mean - beta deviation / gamma: 2, 4, 2.5, 4.5
    folded = fold(bn, layer_of(4, 9))
    assert folded.thresholds.tolist() == [2, 5, 3, 5]
    assert folded.flips.tolist() == [False, True, False, True]
    assert folded.ties.tolist() == [True, True, False, False]


def test_a_zero_gamma_is_a_constant():
    zero = np.zeros(3)
    bn = BatchNorm(zero, np.array([1.0, 0.0, -1.0]), zero, np.ones(3), 1e-5)
    sums = np.arange(-4, 5)
    assert bits_of_fold(fold(bn, layer_of(3, 4)), sums).all(axis=0).tolist() == [True, True, False]
    strict = bits_of_fold(fold(bn, layer_of(3, 4), sign_of_zero=-1), sums)
    assert strict.any(axis=0).tolist() == [True, False, False]
    assert fold(bn, layer_of(3, 4)).ties.tolist() == [False, True, False]


def test_multi_bit_inputs_with_scale_and_bias():
    generator = np.random.default_rng(2)
    channels, fan_in = 40, 6
    layer = layer_of(channels, fan_in, activation_bits=8, signed_input=True)
    bn = random_batch_norm(generator, channels, fan_in, np.float32)
    bias, scale = generator.normal(0, 1, channels), generator.random(channels) / 127 + 1e-6
    folded = fold(bn, layer, bias=bias, scale=scale)
    sums = generator.integers(-fan_in * 128, fan_in * 128, 60)
    for (row, k), bit in np.ndenumerate(bits_of_fold(folded, sums)):
        assert bit == (exact_sign(bn, k, int(sums[row]), bias[k], scale[k]) >= 0)


@pytest.mark.parametrize("order", ["before_threshold", "after_threshold"])
def test_pooled_layers_compute_the_network_they_were_folded_from(order):
    generator = np.random.default_rng(8)
    layer = Layer(
        name="conv", batch=2, in_channels=5, out_channels=12, in_y=6, in_x=6, kernel_y=3,
        kernel_x=3, pad_top=1, pad_bottom=1, pad_left=1, pad_right=1, pad_value="zero", pool=2,
        pool_order=order,
    )  # fmt: skip
    bn = random_batch_norm(generator, 12, 45, np.float64)
    folded = fold(bn, layer)
    weights = bipolar(generator.random((12, 5, 3, 3)) < 0.5)
    learned = Parameters(weights, folded.thresholds, folded.flips)
    output = run_layer(layer, random_activations(layer, generator), learned)

    def normalised(s):
        return bn.gamma * (s - bn.mean) / np.sqrt(bn.variance + bn.epsilon) + bn.beta

    windows = output.sums.reshape(2, 3, 2, 3, 2, 12)
    if order == "before_threshold":
        expected = normalised(windows.max(axis=(2, 4))) >= 0
    else:
        expected = (normalised(windows) >= 0).any(axis=(2, 4))
    assert (output.bits == expected).all()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"beta": np.zeros(2)}, "^beta must hold one value per channel"),
        ({"mean": np.array([0.0, np.nan, 0.0])}, "^mean must be finite$"),
        ({"variance": -np.ones(3)}, r"^variance \+ epsilon must be positive$"),
    ],
)
def test_batch_norms_are_checked(change, sentence):
    fields = dict.fromkeys(("gamma", "beta", "mean", "variance"), np.ones(3)) | change
    with pytest.raises(ValueError, match=sentence):
        BatchNorm(**fields, epsilon=1e-5)


def test_scales_and_shapes_are_checked():
    bn = BatchNorm(np.ones(3), np.ones(3), np.ones(3), np.ones(3), 1e-5)
    with pytest.raises(ValueError, match=r"^scale must be positive"):
        fold(bn, layer_of(3, 4), scale=-1.0)
    with pytest.raises(ValueError, match=r"^layer fold: batch norm of 3 channels, bias of shape"):
        fold(bn, layer_of(4, 4))
