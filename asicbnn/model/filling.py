"""How much of the array a layer fills: lanes, words and counters that hold something of it.

What lies beyond a layer's edge is 0 in every memory, so idle lanes hold a constant and cost
nothing. Equations: docs/models/activity.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from asicbnn.bnn.layer import Layer
from asicbnn.hardware.counters import counters
from asicbnn.hardware.popcount_cut import popcount_cut
from asicbnn.mapping.layout import Layout, ceil_div, layout
from asicbnn.model.assumptions import assumptions, summed_planes
from asicbnn.spec.accelerator import Accelerator

_LANES = ("C", "FY", "FX")
"""Unrolled dimensions that the lanes of a PE are made of."""


@dataclass(frozen=True, slots=True)
class Filling:
    """Shares of the array that a layer fills, each 1 where the layer is as large as the array.

    channel_lanes  of the lanes, those of input channels that some step uses
    weights        of the weights of these lanes, in all PEs, that exist in a step, on average
    weight_bits    of a weight word, bits that hold a weight, on average
    input_bits     of an input word, likewise
    counters       outputs of the popcount that may change per lane in use, over those per lane
                   of a full one: a few lanes leave their way through all levels as it is
    registers      of the registers inside the popcount and behind it, those that may change
    sums           of the bits of a sum that a random count changes
    """

    channel_lanes: float = 1.0
    weights: float = 1.0
    weight_bits: float = 1.0
    input_bits: float = 1.0
    counters: float = 1.0
    registers: float = 1.0
    sums: float = 1.0


@lru_cache(maxsize=4096)
def filling(accelerator: Accelerator, layer: Layer) -> Filling:
    """Return how much of an accelerator's array a layer fills."""
    lay = layout(accelerator)
    used = tuple(min(lay.unroll[d], layer.size(d)) for d in _LANES)
    popcount = accelerator.array.popcount
    live = _live(popcount.structure, popcount.pipeline_stages, lay.unroll["C"],
                 lay.unroll["FX"], lay.lanes, used)  # fmt: skip
    return Filling(
        channel_lanes=used[0] / lay.unroll["C"],
        weights=_mean_share(layer, lay, ("K", "FY", "FX")),
        weight_bits=_mean_share(layer, lay, ("K", *_LANES)),
        input_bits=_mean_share(layer, lay, ("C",)),
        counters=live.outputs * lay.lanes / math.prod(used),
        registers=live.registers,
        sums=summed_planes(lay, math.prod(used)) / summed_planes(lay),
    )


def _mean_share(layer: Layer, lay: Layout, dimensions: Sequence[str]) -> float:
    """Share of some unrolled dimensions inside the layer, mean over its trips."""
    sizes = ((layer.size(d), lay.unroll[d]) for d in dimensions)
    return math.prod(size / (ceil_div(size, unroll) * unroll) for size, unroll in sizes)


@dataclass(frozen=True, slots=True)
class _Live:
    """Shares of a popcount that some lanes can change."""

    outputs: float
    registers: float


@lru_cache(maxsize=1024)
def _live(
    structure: str, stages: int, channels: int, columns: int, lanes: int, used: tuple[int, ...]
) -> _Live:
    """Return what the lanes in use reach: a sum through any, a carry through two of its bits.

    used  of the dimensions C, FY, FX
    """
    c, fy, fx = used
    if math.prod(used) == lanes:
        return _Live(1.0, 1.0)
    taps = (divmod(lane // channels, columns) for lane in range(lanes))
    in_use = [n % channels < c and y < fy and x < fx for n, (y, x) in enumerate(taps)]
    known = counters(structure, lanes)
    alive = list(in_use)
    for addends in known.adders:
        reached = sum(alive[bit] for bit in addends)
        alive += [reached > 0, reached > 1]
    outputs = alive[lanes:]
    cut = popcount_cut(structure, lanes, stages)
    waits = [
        (bit, stage - cut.bits[bit])
        for stage, addends in zip(cut.adders, known.adders, strict=True)
        for bit in addends
    ]
    waits += [(bit, 1 + stages - cut.bits[bit]) for bit in known.planes]
    held = sum(registers for _, registers in waits)
    return _Live(
        sum(outputs) / len(outputs) if outputs else 1.0,
        sum(registers for bit, registers in waits if alive[bit]) / held,
    )


def input_change(layer: Layer) -> float:
    """Activity of the inputs' bits, over that of random ones.

    Words that follow each other are of neighbouring pixels where a layer has a map of single
    bits, which are alike; bit planes of a number and the features of a vector are not.
    """
    is_map = layer.activation_bits == 1 and layer.in_y * layer.in_x > 1
    known = assumptions()
    return known.map_bit.value / known.random_bit.value if is_map else 1.0


__all__ = ["Filling", "filling", "input_change"]
