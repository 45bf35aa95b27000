"""Events of whatever switches with weights and inputs, weighed by how much of it a layer changes.

A rate of the array costs what one event takes where all lanes have work, all bits are random and a
word comes in one piece. The events here are as many of those as a layer is worth: idle lanes hold a
constant, neighbouring pixels are alike, and what comes in pieces changes in more cycles than one.
Each is linear in the reads of both buffers and the steps, so that a search can price it.
Equations: docs/models/activity.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from asicbnn.bnn.layer import DIMENSIONS, REDUCTION, Layer
from asicbnn.mapping.layout import Layout, ceil_div, layout
from asicbnn.model.filling import filling, input_change
from asicbnn.spec.accelerator import Accelerator


@dataclass(frozen=True, slots=True)
class Linear:
    """A number of events: so many per read of the weight and input buffer, and per step."""

    weight_reads: float = 0.0
    input_reads: float = 0.0
    steps: float = 0.0


@dataclass(frozen=True, slots=True)
class Loading:
    """How operands reach the array.

    weight_slots, input_slots  reads of a word, or of a window
    together                   of all products, those whose operands come in the same cycle of a
                               step that loads both
    weight_cycles, input_cycles, both_cycles  cycles of a step in which operands of some lane
                               change, by what the step loads
    """

    weight_slots: int
    input_slots: int
    together: float
    weight_cycles: int
    input_cycles: int
    both_cycles: int


@lru_cache(maxsize=1024)
def loading(accelerator: Accelerator, stride: int) -> Loading:
    """Return how an accelerator loads operands of layers of one stride."""
    lay = layout(accelerator)
    weights, inputs = lay.weight_slots, lay.input_slots(stride)
    if accelerator.registers.shadow:  # a word moves on as a whole
        return Loading(weights, inputs, 1.0, 1, 1, 1)
    if accelerator.buffers.shared_port:  # one after the other
        return Loading(weights, inputs, 0.0, weights, inputs, weights + inputs)
    together = _share_together(lay, stride) if weights * inputs > 1 else 1.0
    return Loading(weights, inputs, together, weights, inputs, max(weights, inputs))


def _share_together(lay: Layout, stride: int) -> float:
    """Share of products whose weight and input come in the same slot of their words.

    The weight of lane n for channel k is bit n s_K + k of its word; the window is read image by
    image, row by row, pixel by pixel.
    """
    u = lay.unroll
    b, oy, ox, fy, fx, c = np.ix_(*(np.arange(u[d]) for d in ("B", "OY", "OX", "FY", "FX", "C")))
    rows, columns = lay.window_y(stride), lay.window_x(stride)
    pixel = (b * rows + oy * stride + fy) * columns + ox * stride + fx
    input_slot = pixel * lay.input_word_slots + c // lay.input_port_bits
    lane = (fy * u["FX"] + fx) * u["C"] + c
    channel = np.arange(u["K"])
    weight_slot = (lane[..., np.newaxis] * u["K"] + channel) // lay.weight_port_bits
    return float(np.mean(input_slot[..., np.newaxis] == weight_slot))


def steps_of(layer: Layer, lay: Layout) -> int:
    """Return the steps of a layer: trips of all dimensions."""
    return math.prod(ceil_div(layer.size(d), lay.unroll[d]) for d in DIMENSIONS)


def active_counts(layer: Layer, lay: Layout) -> dict[str, int]:
    """Events no mapping changes, beside the metrics of a layer.

    active_lane_steps   products of lanes inside the layer: all of its dimensions
    active_pe_steps     steps of PEs inside the layer, edge lanes included
    """
    products, pe_steps = 1, 1
    for d in DIMENSIONS:
        size, trips = layer.size(d), ceil_div(layer.size(d), lay.unroll[d])
        products *= size
        pe_steps *= trips if d in REDUCTION else size
    return {"active_lane_steps": products, "active_pe_steps": pe_steps}


@lru_cache(maxsize=4096)
def data_events(
    accelerator: Accelerator, layer: Layer, *, is_random: bool = False
) -> Mapping[str, Linear]:
    """Return the events of a layer's data.

    xnor_steps          steps of an array all of whose XNORs take random operands
    masked_lane_steps   products of lanes, counted likewise, behind the masks
    counted_lane_steps  and those the popcount counts
    joint_lane_steps    products both of whose operands change in one cycle
    registered_pe_steps, added_pe_steps, compared_pe_steps   counts, sums and comparisons of PEs
    filled_weight_reads, filled_input_reads   reads of words full of random bits

    is_random  inputs are drawn at random: no pixel is like its neighbour
    """
    lay, fill = layout(accelerator), filling(accelerator, layer)
    known, active = loading(accelerator, layer.stride), active_counts(layer, lay)
    steps = steps_of(layer, lay)
    lanes, pes = active["active_lane_steps"] / steps, active["active_pe_steps"] / steps
    change = 1.0 if is_random else input_change(layer)
    sums = _sum_change(change)
    changed, counted = _changed(known, change), _changed(known, sums)
    share = fill.channel_lanes
    idle = Linear(input_reads=share * (1.0 - fill.weights) * change / known.input_slots)
    cycles = _changing_cycles(known, sums)
    return {
        "xnor_steps": _sum(_times(changed, share * fill.weights), idle),
        "masked_lane_steps": _times(changed, lanes),
        "counted_lane_steps": _times(counted, lanes * fill.counters),
        "joint_lane_steps": _times(_joint(known), lanes * known.together),
        "registered_pe_steps": _times(cycles, pes * fill.registers),
        "added_pe_steps": _times(cycles, pes * fill.sums),
        "compared_pe_steps": _times(_compared(known, sums), pes * fill.sums),
        "filled_weight_reads": Linear(weight_reads=fill.weight_bits),
        "filled_input_reads": Linear(input_reads=fill.input_bits * change),
    }


def counted_events(
    events: Mapping[str, Linear], counts: Mapping[str, float], known: Loading
) -> dict[str, float]:
    """Return the events for a layer's counts, or those of some of its cycles.

    A step loads one operand at least; of some cycles the counts may lack a load at their edge.
    """
    weights, inputs = counts["weight_buffer_reads"], counts["input_buffer_reads"]
    steps = counts["steps"]
    least = (steps - weights / known.weight_slots) * known.input_slots
    found = {}
    for name, each in events.items():
        reads = inputs if name == "filled_input_reads" else max(inputs, least)
        found[name] = each.weight_reads * weights + each.input_reads * reads + each.steps * steps
    return found


def _sum_change(change: float) -> float:
    """Activity of sums of bits, over that of random ones, for an activity of the bits.

    A full adder's sum changes where an odd number of three bits do: each with probability t, it
    does with (1 - (1 - 2 t)^3) / 2.
    """
    return float(1.0 - (1.0 - change) ** 3)


def _changed(known: Loading, change: float) -> Linear:
    """Changes of a lane's product: with each weight, and with inputs that come on their own.

    W + change ((S - W) + (1 - together) (W + X - S)) of W weight loads, X input loads, S steps.
    """
    apart = change * (1.0 - known.together)
    return Linear(
        (1.0 - change + apart) / known.weight_slots, apart / known.input_slots, change - apart
    )


def _joint(known: Loading) -> Linear:
    """Steps that load both operands: W + X - S."""
    return Linear(1.0 / known.weight_slots, 1.0 / known.input_slots, -1.0)


def _changing_cycles(known: Loading, change: float) -> Linear:
    """Cycles in which a count changes: w W + change (x (S - W) + (b - w) (W + X - S)).

    w, x, b  cycles of a step that loads weights, inputs, both
    """
    w, x, more = known.weight_cycles, known.input_cycles, known.both_cycles - known.weight_cycles
    return Linear(
        (w + change * (more - x)) / known.weight_slots, change * more / known.input_slots,
        change * (x - more),
    )  # fmt: skip


def _compared(known: Loading, change: float) -> Linear:
    """Steps after which a sum is another: W + change (S - W)."""
    return Linear(weight_reads=(1.0 - change) / known.weight_slots, steps=change)


def _times(each: Linear, factor: float) -> Linear:
    return Linear(each.weight_reads * factor, each.input_reads * factor, each.steps * factor)


def _sum(one: Linear, other: Linear) -> Linear:
    return Linear(
        one.weight_reads + other.weight_reads, one.input_reads + other.input_reads,
        one.steps + other.steps,
    )  # fmt: skip


__all__ = [
    "Linear", "Loading", "active_counts", "counted_events", "data_events", "loading", "steps_of",
]  # fmt: skip
