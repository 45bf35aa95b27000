"""Where the cycles went, and how far traffic is from the least any machine needs.

Equations: docs/models/energy.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, sqrt

from asicbnn.bnn.layer import Layer
from asicbnn.mapping.layout import Layout, layout
from asicbnn.model.data_events import active_counts
from asicbnn.spec.accelerator import Accelerator

LOSSES: Mapping[str, str] = {
    "l0_stalls": "l0_stall_cycles",
    "output_stalls": "output_stall_cycles",
    "dma_stalls": "dma_stall_cycles",
    "prologue": "prologue_cycles",
    "swap": "swap_cycles",
    "drain": "drain_cycles",
    "configuration": "configuration_cycles",
    "io": "io_cycles",
}
"""What the array loses to cycles without a step, and the metric that counts them."""


def lane_cycles(layer: Layer, lay: Layout, counts: Mapping[str, int]) -> dict[str, int]:
    """Split cycles x PEs x lanes into useful products and losses; the parts sum up exactly.

    useful      products whose input lies on the map
    padded      products of padded taps
    edge_lanes  lanes beyond the layer in PEs inside it
    edge_pes    all lanes of PEs beyond the layer
    """
    active = active_counts(layer, lay)
    lanes, peak = lay.lanes, lay.pes * lay.lanes
    useful = counts["useful_binary_macs"]
    return {
        "useful": useful,
        "padded": active["active_lane_steps"] - useful,
        "edge_lanes": active["active_pe_steps"] * lanes - active["active_lane_steps"],
        "edge_pes": counts["compute_cycles"] * peak - active["active_pe_steps"] * lanes,
        **{name: counts[cycles] * peak for name, cycles in LOSSES.items()},
    }


def shares(split: Mapping[str, int]) -> dict[str, Fraction]:
    """Return the parts of a split as fractions that sum to 1 exactly."""
    whole = sum(split.values())
    return {name: Fraction(part, whole) for name, part in split.items()}


@dataclass(frozen=True)
class Traffic:
    """Bits a layer moves between store and buffers, and the least it could [bit].

    moved        weights and activations in, results out, pads of words included
    compulsory   every weight, touched input and result once
    lower_bound  of any order on buffers of this capacity
    """

    moved: int
    compulsory: int
    lower_bound: float


def traffic(accelerator: Accelerator, layer: Layer, counts: Mapping[str, int]) -> Traffic:
    """Return the traffic of a layer; neither configuration nor host traffic is in the counts."""
    lay = layout(accelerator)
    words = counts["store_weight_reads"] + counts["store_activation_reads"]
    words += counts["store_activation_writes"]
    least = compulsory_bits(layer)
    bound = max(least, capacity_bound_bits(accelerator, layer))
    return Traffic(words * lay.link_bits, least, bound)


def compulsory_bits(layer: Layer) -> int:
    """Every weight, every input bit some output sees, and every result, once [bit]."""
    weights = layer.out_channels * layer.fan_in * layer.weight_bits
    inputs = layer.batch * layer.in_channels * layer.activation_bits * touched_pixels(layer)
    results = layer.batch * layer.out_channels * layer.stored_y * layer.stored_x
    return weights + inputs + (0 if layer.output == "argmax" else results)


def touched_pixels(layer: Layer) -> int:
    """Pixels of the input map that at least one window covers."""
    rows = _touched(layer.out_y, layer.kernel_y, layer.stride, layer.pad_top, layer.in_y)
    return rows * _touched(layer.out_x, layer.kernel_x, layer.stride, layer.pad_left, layer.in_x)


def _touched(count: int, kernel: int, stride: int, pad: int, extent: int) -> int:
    """Rows of the map that at least one window covers."""
    if stride >= kernel:
        return sum(
            0 <= i * stride + tap - pad < extent for i in range(count) for tap in range(kernel)
        )
    return min(extent, (count - 1) * stride + kernel - pad)


def capacity_bound_bits(accelerator: Accelerator, layer: Layer) -> float:
    """Least traffic of any order under the capacity below the store [bit]; may be negative.

    Cut a run into phases that move S bits each. A phase reaches at most 2 S bits of each operand,
    and unfinished sums of w_P bits; finished ones leave as one bit. V is the most products such a
    phase can make, so there are at least MAC / V - 1 of them.
    """
    lay = layout(accelerator)
    capacity = float(capacity_bits(accelerator))
    products = _useful_macs(layer)
    reuse = ceil(layer.kernel_y / layer.stride) * ceil(layer.kernel_x / layer.stride)
    a = reuse * capacity**2 / (layer.weight_bits * layer.activation_bits)
    depth = a / layer.fan_in
    per_phase = (depth + sqrt(depth**2 + 12 * a * capacity / lay.psum_bits)) / 2
    return capacity * (products / per_phase - 1)


def _useful_macs(layer: Layer) -> int:
    from asicbnn.mapping.counts import operations

    planes = layer.weight_bits * layer.activation_bits
    return operations(layer)["useful_binary_macs"] // planes


def capacity_bits(accelerator: Accelerator) -> int:
    """Bits of every buffer and register below the store [bit]."""
    lay = layout(accelerator)
    window = lay.input_slots(lay.largest_stride) * lay.input_port_bits
    registers = lay.weight_word_bits + window + 2 * lay.psum_word_bits
    buffers = (
        lay.weight_words * lay.weight_word_bits
        + lay.input_words * lay.input_word_bits
        + lay.psum_words * lay.psum_word_bits
        + lay.pool_words * lay.unroll["K"]
    )
    return buffers + registers * (2 if accelerator.registers.shadow else 1)


@dataclass(frozen=True)
class Intensity:
    """Operations per bit at each boundary, 1 MAC of one bit = 2 operations [op/bit].

    A boundary nothing crosses is None.
    """

    store: float | None
    buffers: float | None
    psums: float | None


def intensity(lay: Layout, counts: Mapping[str, int]) -> Intensity:
    """Return the roofline's abscissae of a layer."""
    operations = 2 * counts["binary_macs"]
    store = counts["store_weight_reads"] + counts["store_activation_reads"]
    store += counts["store_activation_writes"]
    buffers = counts["weight_buffer_reads"] * lay.weight_port_bits
    buffers += counts["input_buffer_reads"] * lay.input_port_bits
    psums = (counts["psum_buffer_reads"] + counts["psum_buffer_writes"]) * lay.psum_port_bits

    def per(bits: int) -> float | None:
        return operations / bits if bits else None

    return Intensity(per(store * lay.link_bits), per(buffers), per(psums))


def ceilings(lay: Layout) -> dict[str, float]:
    """Return the roofline's ceiling [op/cycle] and slopes [bit/cycle]."""
    return {
        "peak_ops_per_cycle": 2.0 * lay.pes * lay.lanes,
        "store_bits_per_cycle": float(lay.link_bits),
        "buffer_bits_per_cycle": float(lay.weight_port_bits + lay.input_port_bits),
        "psum_bits_per_cycle": float(2 * lay.psum_port_bits),
    }


__all__ = [
    "LOSSES", "Intensity", "Traffic", "capacity_bits", "capacity_bound_bits", "ceilings",
    "compulsory_bits", "intensity", "lane_cycles", "shares", "touched_pixels", "traffic",
]  # fmt: skip
