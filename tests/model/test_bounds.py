"""Losses add up exactly, and no mapping moves less than the bound."""

import random
from collections import Counter
from fractions import Fraction
from itertools import product

import pytest
from agreement.cases import random_case, random_layer

from asicbnn.bnn.layer import Layer
from asicbnn.mapping.layout import layout
from asicbnn.model import bounds
from asicbnn.model.cycles import count_layer
from asicbnn.spec.accelerator import Accelerator, with_changes

N_CFG = 5


def counted(case):
    return count_layer(case.accelerator, case.layer, case.mapping, N_CFG)


@pytest.mark.parametrize("seed", range(3))
def test_losses_add_up_to_every_lane_of_every_cycle(seed):
    rng = random.Random(seed)
    seen = Counter()
    for _ in range(100):
        case = random_case(rng)
        counts = {**counted(case), "io_cycles": rng.randint(0, 50)}
        counts["cycles"] += counts["io_cycles"]
        split = bounds.lane_cycles(case.layer, case.layout, counts)
        assert sum(split.values()) == counts["cycles"] * case.layout.pes * case.layout.lanes
        assert min(split.values()) >= 0
        shares = bounds.shares(split)
        assert sum(shares.values()) == Fraction(1)
        seen.update(name for name, part in split.items() if part)
    assert seen.keys() == split.keys()  # every loss occurred


@pytest.mark.parametrize("seed", range(3))
def test_no_mapping_moves_less_than_the_bound(seed):
    rng = random.Random(100 + seed)
    for _ in range(150):
        case = random_case(rng)
        counts = counted(case)
        overhead = counts["configuration_cycles"] - case.accelerator.store.link.latency_cycles
        counts["store_weight_reads"] -= overhead
        found = bounds.traffic(case.accelerator, case.layer, counts)
        assert found.moved >= found.lower_bound >= found.compulsory > 0


def test_the_capacity_bound_exceeds_what_is_compulsory_on_small_buffers():
    small = with_changes(Accelerator(name="small"), {
        "array.unroll": {"out_channels": 1, "in_channels": 1},
        "buffers.weight": {"words": 64}, "buffers.input": {"words": 64},
        "buffers.psum.words": 4, "buffers.pool.words": 1,
        "store.link.bits": 1, "host.link_bits": 1, "post": ("threshold", "max_pool"),
    })  # fmt: skip
    layer = Layer(name="dense", batch=512, out_channels=512, in_channels=512)
    least = bounds.compulsory_bits(layer)
    assert least == 3 * 512 * 512
    bound = bounds.capacity_bound_bits(small, layer)
    assert bound > 5 * least
    # the most products of a phase solve V^2 = a (V / R + 3 S / w_P), a = S^2 for a dense layer
    capacity, fan_in = bounds.capacity_bits(small), 512
    most = capacity * 512**3 / (bound + capacity)
    right = capacity**2 * (most / fan_in + 3 * capacity / layout(small).psum_bits)
    assert most**2 == pytest.approx(right, rel=1e-9)


def test_compulsory_inputs_are_the_pixels_some_window_covers():
    rng = random.Random(7)
    for _ in range(300):
        layer = random_layer(rng)
        touched = {
            (oy * layer.stride + fy - layer.pad_top, ox * layer.stride + fx - layer.pad_left)
            for oy, ox, fy, fx in product(
                range(layer.out_y), range(layer.out_x), range(layer.kernel_y),
                range(layer.kernel_x),
            )
        }  # fmt: skip
        pixels = sum(0 <= y < layer.in_y and 0 <= x < layer.in_x for y, x in touched)
        weights = layer.out_channels * layer.fan_in * layer.weight_bits
        results = layer.out_channels * layer.stored_y * layer.stored_x * layer.batch
        inputs = layer.batch * layer.in_channels * layer.activation_bits * pixels
        whole = weights + inputs + (0 if layer.output == "argmax" else results)
        assert bounds.compulsory_bits(layer) == whole


def test_intensity_counts_operations_over_the_bits_of_each_boundary():
    case = random_case(random.Random(3))
    lay, counts = case.layout, counted(case)
    found = bounds.intensity(lay, counts)
    words = sum(
        counts[name]
        for name in ("store_weight_reads", "store_activation_reads", "store_activation_writes")
    )
    assert found.store == 2 * counts["binary_macs"] / (words * lay.link_bits)
    none = {**counts, "psum_buffer_reads": 0, "psum_buffer_writes": 0}
    assert bounds.intensity(lay, none).psums is None
    assert bounds.ceilings(lay)["peak_ops_per_cycle"] == 2 * lay.pes * lay.lanes
