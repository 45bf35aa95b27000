"""Batch norm and sign folded into one integer threshold and one flip per channel, exactly.

A channel computes y = gamma (scale s + bias - mean) / sqrt(variance + epsilon) + beta of an
integer sum s and outputs sign(y). That is monotone in s, so it equals (s >= threshold) ^ flip. A
threshold rounded from a floating-point formula is wrong on ties; here y >= 0 is decided in exact
rationals of the stored floats. Where the two terms of y differ in sign their squares are
compared, so that no square root is taken; the threshold is found by bisection.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from asicbnn.bnn.arithmetic import Bits, activation_range
from asicbnn.bnn.layer import Layer

Floats = npt.NDArray[np.floating[Any]]
SignOfZero = Literal[1, 0, -1]


@dataclass(frozen=True, eq=False)
class BatchNorm:
    """A batch norm per output channel, as stored by the framework that trained it.

    gamma, beta, mean, variance   float arrays [K]; the stored precision is kept
    epsilon                       added to the variance
    """

    gamma: Floats
    beta: Floats
    mean: Floats
    variance: Floats
    epsilon: float

    def __post_init__(self) -> None:
        for name in ("gamma", "beta", "mean", "variance"):
            array = getattr(self, name)
            if array.shape != self.gamma.shape or array.ndim != 1:
                raise ValueError(
                    f"{name} must hold one value per channel {self.gamma.shape}, not {array.shape}"
                )
            if not np.isfinite(array).all():
                raise ValueError(f"{name} must be finite")
        if not np.all(np.asarray(self.variance, float) + self.epsilon > 0):
            raise ValueError("variance + epsilon must be positive")


@dataclass(frozen=True, eq=False)
class Folded:
    """Thresholds on the dot product: bit = (s >= threshold) ^ flip.

    thresholds  int64 [K], within the reachable sums and one beyond
    flips       bool [K], True where gamma < 0
    ties        bool [K], True where an integer sum gives exactly y = 0. With a sign of zero
                of 0 (torch.sign) the network's activation is 0 there, which one bit cannot
                hold; it is folded to +1, and this says which channels that can touch
    """

    thresholds: npt.NDArray[np.int64]
    flips: Bits
    ties: Bits


def fold(
    batch_norm: BatchNorm,
    layer: Layer,
    *,
    bias: Floats | None = None,
    scale: Floats | float = 1.0,
    sign_of_zero: SignOfZero = 1,
) -> Folded:
    """Fold a batch norm and the sign after it into thresholds on the sums of `layer`.

    bias          added to the scaled sum before the batch norm, [K]
    scale         real value of one unit of the sum, > 0: weight scale times input scale,
                  one value or [K]
    sign_of_zero  +1: y >= 0; -1: y > 0 (strictly greater); 0: as +1, see `Folded.ties`
    """
    channels = len(batch_norm.gamma)
    scales = np.broadcast_to(np.asarray(scale), (channels,))
    if not (np.isfinite(scales).all() and np.all(scales > 0)):
        raise ValueError("scale must be positive: negate the weights of a negative one")
    biases = np.zeros(channels) if bias is None else np.asarray(bias)
    if biases.shape != (channels,) or layer.out_channels != channels:
        raise ValueError(
            f"layer {layer.name}: batch norm of {channels} channels, bias of shape "
            f"{biases.shape} and {layer.out_channels} output channels must agree"
        )
    sums = _reachable_sums(layer)
    thresholds = np.zeros(channels, np.int64)
    flips, ties = np.zeros(channels, bool), np.zeros(channels, bool)
    for k in range(channels):
        compare = _comparison(batch_norm, k, _exact(scales[k]), _exact(biases[k]))
        lowest_active = 1 if sign_of_zero == -1 else 0
        flips[k] = batch_norm.gamma[k] < 0
        thresholds[k] = _threshold(compare, sums, lowest_active, flip=bool(flips[k]))
        ties[k] = _has_tie(compare, sums, flip=bool(flips[k]))
    return Folded(thresholds, flips, ties)


def _exact(value: np.floating[Any] | float) -> Fraction:
    return Fraction(float(value))


def _reachable_sums(layer: Layer) -> range:
    low, high = activation_range(layer.activation_bits, signed=layer.signed_input)
    reach = layer.fan_in * (2**layer.weight_bits - 1) * max(abs(low), abs(high))
    return range(-reach, reach + 1)


def _comparison(
    batch_norm: BatchNorm, channel: int, scale: Fraction, bias: Fraction
) -> Callable[[int], int]:
    """Sign of y as a function of the sum: -1, 0 or 1, exact."""
    gamma, beta = _exact(batch_norm.gamma[channel]), _exact(batch_norm.beta[channel])
    squared_deviation = _exact(batch_norm.variance[channel]) + _exact(batch_norm.epsilon)
    slope = gamma * scale
    offset = gamma * (bias - _exact(batch_norm.mean[channel]))
    squared_beta = beta * beta * squared_deviation

    def sign_of_output(total: int) -> int:
        # y sqrt(variance + epsilon) = (slope s + offset) + beta sqrt(variance + epsilon)
        first = slope * total + offset
        if (first >= 0) == (beta >= 0) or first == 0 or beta == 0:
            return _sign(first + beta)
        larger_first = _sign(first * first - squared_beta)
        return larger_first if first > 0 else -larger_first

    return sign_of_output


def _threshold(
    sign_of_output: Callable[[int], int], sums: range, lowest_active: int, *, flip: bool
) -> int:
    """Smallest sum at which the un-flipped comparison holds, or one beyond the last sum."""

    def holds(total: int) -> bool:
        return (sign_of_output(total) >= lowest_active) != flip

    return sums.start + bisect_left(sums, True, key=holds)


def _has_tie(sign_of_output: Callable[[int], int], sums: range, *, flip: bool) -> bool:
    zero = _threshold(sign_of_output, sums, 1 if flip else 0, flip=flip)
    return zero in sums and sign_of_output(zero) == 0


def _sign(value: Fraction) -> int:
    return (value > 0) - (value < 0)
