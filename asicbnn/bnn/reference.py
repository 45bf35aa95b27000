"""The golden reference: a binary network executed layer by layer in integers.

Generated hardware is compared with this file bit by bit, so it shares nothing with it: no
mapping, no bit planes, no popcount, only sums of products. Matrix products run in floating point
because BLAS is fast there; they are exact, since every partial sum is an integer below 2^53 (2^24
in single precision).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from asicbnn.bnn.arithmetic import Bits, Ints, activation_range, bipolar
from asicbnn.bnn.layer import Layer

_PADS = {"none": 0, "zero": 0, "+1": 1, "-1": -1}


@dataclass(frozen=True, eq=False)
class Parameters:
    """What a layer learned: weights, and one threshold and flip per output channel.

    weights     odd integers [K, C, FY, FX]: +-1, or sum_j 2^j (+-1) for several planes
    thresholds  int64 [K]: bit = (sum >= threshold) ^ flip; in an argmax layer the class with the
                largest sum - threshold wins, so a threshold is a negated bias
    flips       bool [K]; none in an argmax layer
    """

    weights: Ints
    thresholds: npt.NDArray[np.int64]
    flips: Bits

    def __post_init__(self) -> None:
        if self.weights.ndim != 4:
            raise ValueError(f"weights must be [K, C, FY, FX], not of {self.weights.ndim} axes")
        if self.weights.dtype.kind != "i":
            raise ValueError(f"weights must be signed integers, not {self.weights.dtype}")
        if not np.all(self.weights & 1):
            raise ValueError("weights must be odd: sums of 2^j (+-1)")
        channels = (self.weights.shape[0],)
        for name, kind in (("thresholds", np.int64), ("flips", np.bool_)):
            array = getattr(self, name)
            if array.dtype != kind or array.shape != channels:
                raise ValueError(
                    f"{name} must be {np.dtype(kind)} of shape {channels}, "
                    f"not {array.dtype} of shape {array.shape}"
                )

    def check(self, layer: Layer) -> None:
        """Raise ValueError unless these are parameters of `layer`."""
        wanted = (layer.out_channels, layer.in_channels, layer.kernel_y, layer.kernel_x)
        if self.weights.shape != wanted:
            raise ValueError(
                f"layer {layer.name}: weights must be [K, C, FY, FX] = {list(wanted)}, "
                f"not {list(self.weights.shape)}"
            )
        largest = 2**layer.weight_bits - 1
        reached = (-int(self.weights.min(initial=0)), int(self.weights.max(initial=0)))
        if max(reached) > largest:
            raise ValueError(
                f"layer {layer.name}: weights of {layer.weight_bits} bit lie in "
                f"-{largest}..{largest}"
            )
        if layer.output == "argmax" and self.flips.any():
            raise ValueError(f"layer {layer.name}: an argmax layer has no flips")


@dataclass(frozen=True, eq=False)
class LayerOutput:
    """What a layer produced.

    sums     int64 [B, OY, OX, K]: the dot products, before threshold and pooling
    bits     bool [B, stored OY, stored OX, K]; None in an argmax layer
    classes  int64 [B]: the winning class per image; None unless the layer is an argmax layer
    """

    sums: npt.NDArray[np.int64]
    bits: Bits | None
    classes: npt.NDArray[np.int64] | None


def run_layer(layer: Layer, activations: Ints, parameters: Parameters) -> LayerOutput:
    """Execute one layer on activations [B, IY, IX, C].

    Raises ValueError if an array's shape or range is not the layer's.
    """
    parameters.check(layer)
    _check_activations(layer, activations)
    sums = layer_sums(layer, activations, parameters.weights)
    if layer.output == "argmax":
        if layer.out_y * layer.out_x != 1 or layer.pool != 1:
            raise ValueError(f"layer {layer.name}: argmax needs one unpooled output pixel")
        scores = sums[:, 0, 0, :] - parameters.thresholds
        return LayerOutput(sums, None, np.argmax(scores, axis=1).astype(np.int64))
    reached = sums >= parameters.thresholds
    if layer.pool_order == "before_threshold":
        return LayerOutput(sums, _or_pool(reached, layer.pool) ^ parameters.flips, None)
    return LayerOutput(sums, _or_pool(reached ^ parameters.flips, layer.pool), None)


def run_network(
    layers: Sequence[Layer], parameters: Sequence[Parameters], images: Ints
) -> list[LayerOutput]:
    """Execute layers one after the other on images [B, IY, IX, C]; every layer's output.

    Raises ValueError if a layer's input is not the map the layer before it stores.
    """
    if len(layers) != len(parameters):
        raise ValueError(f"{len(layers)} layers need as many parameters, not {len(parameters)}")
    outputs: list[LayerOutput] = []
    activations = images
    for layer, learned in zip(layers, parameters, strict=True):
        outputs.append(run_layer(layer, activations, learned))
        if (bits := outputs[-1].bits) is not None:
            activations = bipolar(bits)
        elif layer is not layers[-1]:
            raise ValueError(f"layer {layer.name}: only the last layer may be an argmax layer")
    return outputs


def layer_sums(layer: Layer, activations: Ints, weights: Ints) -> npt.NDArray[np.int64]:
    """Dot products [B, OY, OX, K] of activations [B, IY, IX, C] and weights [K, C, FY, FX]."""
    largest = layer.fan_in * (2**layer.weight_bits - 1) * 2**layer.activation_bits
    if largest >= 2**53:
        raise ValueError(f"layer {layer.name}: sums reach 2^53 and are no longer exact")
    real: type[Any] = np.float32 if largest < 2**24 else np.float64
    pads = ((0, 0), (layer.pad_top, layer.pad_bottom), (layer.pad_left, layer.pad_right), (0, 0))
    padded = np.pad(activations.astype(real), pads, constant_values=_PADS[layer.pad_value])
    windows = sliding_window_view(padded, (layer.kernel_y, layer.kernel_x), axis=(1, 2))
    windows = windows[:, :: layer.stride, :: layer.stride][:, : layer.out_y, : layer.out_x]
    columns = windows.reshape(-1, layer.fan_in)
    sums = columns @ weights.reshape(layer.out_channels, layer.fan_in).astype(real).T
    shape = (len(activations), layer.out_y, layer.out_x, layer.out_channels)
    exact: npt.NDArray[np.int64] = sums.astype(np.int64).reshape(shape)
    return exact


def dense_weights(matrix: Ints, map_y: int, map_x: int) -> Ints:
    """Weights [K, C, map_y, map_x] of a dense layer given as [K, map_y * map_x * C].

    A map is flattened in the order (y, x, channel).
    """
    split: Ints = matrix.reshape(len(matrix), map_y, map_x, -1).transpose(0, 3, 1, 2)
    return split


def random_parameters(layer: Layer, generator: np.random.Generator) -> Parameters:
    """Parameters for tests: random weights, thresholds where the sums are, some flips."""
    shape = (layer.out_channels, layer.in_channels, layer.kernel_y, layer.kernel_x)
    top = 2**layer.weight_bits
    weights = generator.integers(0, top, shape, dtype=np.int32)
    weights *= 2  # in place: a layer may have millions
    weights += 1 - top
    low, high = activation_range(layer.activation_bits, signed=layer.signed_input)
    spread = np.sqrt(layer.fan_in) * max(abs(low), abs(high)) * top / 2
    thresholds = np.rint(generator.normal(0, spread / 2, layer.out_channels)).astype(np.int64)
    flips = generator.random(layer.out_channels) < (0.25 if layer.output == "bits" else 0)
    return Parameters(weights.astype(np.int8 if top <= 128 else np.int64), thresholds, flips)


def random_activations(layer: Layer, generator: np.random.Generator) -> Ints:
    """Activations [B, IY, IX, C] for tests, over the whole range of the layer's input."""
    shape = (layer.batch, layer.in_y, layer.in_x, layer.in_channels)
    if layer.is_bipolar:
        return bipolar(generator.random(shape) < 0.5)
    low, high = activation_range(layer.activation_bits, signed=layer.signed_input)
    return generator.integers(low, high + 1, shape)


def _check_activations(layer: Layer, activations: Ints) -> None:
    wanted = (layer.in_y, layer.in_x, layer.in_channels)
    if activations.shape[1:] != wanted:
        raise ValueError(
            f"layer {layer.name}: activations must be [B, IY, IX, C] = [B, "
            f"{', '.join(map(str, wanted))}], not {list(activations.shape)}"
        )
    low, high = activation_range(layer.activation_bits, signed=layer.signed_input)
    in_range = bool(((activations >= low) & (activations <= high)).all())
    if not in_range or (layer.is_bipolar and not np.all(activations)):
        wanted_values = "+1 or -1" if layer.is_bipolar else f"integers in {low}..{high}"
        raise ValueError(f"layer {layer.name}: activations must be {wanted_values}")


def _or_pool(bits: Bits, size: int) -> Bits:
    """OR over windows of size x size, which do not overlap."""
    if size == 1:
        return bits
    batch, rows, columns, channels = bits.shape
    windows = bits.reshape(batch, rows // size, size, columns // size, size, channels)
    pooled: Bits = np.logical_or.reduce(windows, axis=(2, 4))
    return pooled
