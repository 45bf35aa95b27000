"""Encodings of bits and integers, and the identity a binary accelerator rests on.

Bit 1 stands for +1 and bit 0 for -1, so a dot product of K products is 2 p - K with
p = popcount(xnor(x, w)). Integers of several bits are sums of bit planes; weights of several
planes are sums of 2^j (+-1), hence odd.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.integer[Any]]
Bits = npt.NDArray[np.bool_]


def bipolar(bits: npt.NDArray[Any]) -> npt.NDArray[np.int8]:
    """Values +-1 of bits: 1 is +1, 0 is -1."""
    values: npt.NDArray[np.int8] = np.where(np.asarray(bits) != 0, np.int8(1), np.int8(-1))
    return values


def bits_of(values: Ints) -> Bits:
    """Bits of values +-1: +1 is 1, -1 is 0."""
    return np.asarray(values) > 0


def xnor_popcount(x: Bits, w: Bits) -> npt.NDArray[np.int64]:
    """Agreeing positions along the last axis; the dot product is 2 p - K."""
    agree: Bits = np.asarray(x, bool) == np.asarray(w, bool)
    counts: npt.NDArray[np.int64] = np.count_nonzero(agree, axis=-1).astype(np.int64)
    return counts


def activation_range(bits: int, *, signed: bool) -> tuple[int, int]:
    """Smallest and largest activation: +-1 for one bit, else unsigned or two's complement."""
    if bits == 1:
        return -1, 1
    return (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)


def activation_planes(values: Ints, bits: int) -> Bits:
    """Bit planes [bits, ...] of integer activations, least significant first.

    One plane of +-1 activations is bit 1 for +1. Of more bits, plane j weighs 2^j; the top plane
    of two's complement weighs -2^(bits-1), which the reader of the planes has to know.
    """
    if bits == 1:
        return bits_of(values)[np.newaxis]
    shifts = np.arange(bits).reshape((bits,) + (1,) * np.ndim(values))
    planes: Bits = (np.asarray(values, np.int64) >> shifts) & 1 != 0
    return planes


def weight_planes(weights: Ints, bits: int) -> Bits:
    """Bit planes [bits, ...] of odd weights sum_j 2^j (2 b_j - 1), least significant first."""
    encoded = (np.asarray(weights, np.int64) + 2**bits - 1) // 2
    shifts = np.arange(bits).reshape((bits,) + (1,) * np.ndim(weights))
    planes: Bits = (encoded >> shifts) & 1 != 0
    return planes


def weights_of_planes(planes: Bits) -> npt.NDArray[np.int64]:
    """Odd weights of their bit planes [bits, ...]."""
    factors = 2 ** np.arange(len(planes), dtype=np.int64)
    weights: npt.NDArray[np.int64] = np.tensordot(
        factors, 2 * planes.astype(np.int64) - 1, axes=(0, 0)
    )
    return weights
