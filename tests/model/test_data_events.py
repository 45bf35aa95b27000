"""Events of data: what a layer changes of the array, beside arrays filled with random bits."""

from __future__ import annotations

import random
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulation.machines import needs_compiler

from asicbnn.activity import Activity, measure
from asicbnn.bnn.layer import DIMENSIONS, Layer
from asicbnn.hardware.counters import counters
from asicbnn.mapping.layout import layout
from asicbnn.model.data_events import (
    Loading,
    active_counts,
    counted_events,
    data_events,
    loading,
    steps_of,
)
from asicbnn.model.filling import filling, input_change
from asicbnn.spec.accelerator import Accelerator, with_changes
from asicbnn.spec.reader import read

SPECS = Path(__file__).parents[2] / "arch_specs"
TINY = read(SPECS / "tiny.yaml", Accelerator)
PIECES = {
    "whole words": {},
    "weights in pieces": {"buffers.weight.port_bits": 8},
    "inputs in pieces": {"buffers.input.port_bits": 2, "store.link.bits": 2, "host.link_bits": 2},
    "both": {
        "buffers.weight.port_bits": 16,
        "buffers.input.port_bits": 4,
        "store.link.bits": 4,
        "host.link_bits": 4,
    },
    "one port": {"buffers.shared_port": True, "buffers.weight.port_bits": 16},
    "shadow": {"registers.shadow": True, "buffers.weight.port_bits": 8},
    "window": {"array.unroll": {"out_x": 2, "kernel_x": 3}, "buffers.weight.port_bits": 32},
}
layers = st.builds(
    lambda k, c, n, f, bits: Layer(
        name="drawn", out_channels=k, in_channels=c, in_y=n, in_x=n, kernel_y=min(f, n),
        kernel_x=min(f, n), activation_bits=bits,
    ),
    st.integers(1, 40), st.integers(1, 40), st.integers(1, 6), st.integers(1, 4),
    st.sampled_from([1, 8]),
)  # fmt: skip


def events_of(
    accelerator: Accelerator, layer: Layer, *, weights: int, inputs: int, is_random: bool = False
) -> dict[str, float]:
    """Events of a layer that loads so many words of weights and windows of inputs."""
    known = loading(accelerator, layer.stride)
    counts = {
        "weight_buffer_reads": weights * known.weight_slots,
        "input_buffer_reads": inputs * known.input_slots,
        "steps": steps_of(layer, layout(accelerator)),
    }
    return counted_events(data_events(accelerator, layer, is_random=is_random), counts, known)


@given(trips=st.tuples(*[st.integers(1, 3)] * 3), share=st.floats(0, 1), size=st.integers(1, 3))
def test_random_bits_that_fill_the_array_in_one_piece_count_as_they_are(trips, share, size):
    """The calibration plays such layers: its factors mean what they meant."""
    k, c, n = trips
    layer = Layer(name="full", out_channels=4 * k, in_channels=8 * c, in_y=n + size - 1,
                  in_x=n + size - 1, kernel_y=size, kernel_x=size)  # fmt: skip
    steps = steps_of(layer, layout(TINY))
    weights = round(share * steps)
    found = events_of(TINY, layer, weights=weights, inputs=steps, is_random=True)
    active = active_counts(layer, layout(TINY))
    lanes, pes = active["active_lane_steps"], active["active_pe_steps"]
    assert found == pytest.approx({
        "xnor_steps": steps, "masked_lane_steps": lanes, "counted_lane_steps": lanes,
        "joint_lane_steps": lanes * weights / steps, "registered_pe_steps": pes,
        "added_pe_steps": pes, "compared_pe_steps": pes, "filled_weight_reads": weights,
        "filled_input_reads": steps,
    }, rel=1e-12)  # fmt: skip


@pytest.mark.parametrize("pieces", PIECES)
@given(layer=layers, data=st.data())
def test_no_event_is_worth_more_than_the_array_switching_at_every_change(pieces, layer, data):
    accelerator = with_changes(TINY, PIECES[pieces])
    lay, known = layout(accelerator), loading(accelerator, 1)
    steps = steps_of(layer, lay)
    weights = data.draw(st.integers(0, steps))
    inputs = data.draw(st.integers(steps - weights, steps))
    found = events_of(accelerator, layer, weights=weights, inputs=inputs)
    active = active_counts(layer, lay)
    tolerance = 1 + 1e-9
    assert all(value >= -1e-9 for value in found.values())
    assert found["xnor_steps"] <= (weights + inputs) * tolerance
    assert found["masked_lane_steps"] <= 2 * active["active_lane_steps"] * tolerance
    assert found["joint_lane_steps"] <= found["masked_lane_steps"] * tolerance + 1e-9
    cycles = max(known.weight_cycles, known.input_cycles, known.both_cycles)
    assert found["added_pe_steps"] <= cycles * active["active_pe_steps"] * tolerance
    assert found["compared_pe_steps"] <= active["active_pe_steps"] * tolerance
    assert found["filled_weight_reads"] <= weights * known.weight_slots * tolerance
    assert found["filled_input_reads"] <= inputs * known.input_slots * tolerance


@pytest.mark.parametrize("pieces", PIECES)
def test_products_change_as_often_as_walking_the_slots_of_every_load_says(pieces):
    """Lane by lane: a product is new in each cycle in which one of its operands comes."""
    accelerator = with_changes(TINY, PIECES[pieces])
    known, moments = loading(accelerator, 1), slots_of_products(accelerator)
    draw = random.Random(5)
    loads = [draw.choice([(True, True), (True, False), (False, True)]) for _ in range(50)]
    both = cycles = changes = 0
    for has_weight, has_input in loads:
        changed: set[int] = set()
        for weight, input_ in moments:
            at = {weight} if has_weight else set()
            at |= {input_ + offset(accelerator, known, has_weight)} if has_input else set()
            changes += len(at)
            both += has_weight and has_input and len(at) == 1
            changed |= at
        cycles += len(changed)
    weights, inputs = (sum(column) for column in zip(*loads, strict=True))
    counts = {
        "weight_buffer_reads": weights * known.weight_slots,
        "input_buffer_reads": inputs * known.input_slots, "steps": len(loads),
    }  # fmt: skip
    layer = full_layer(accelerator)
    found = counted_events(data_events(accelerator, layer, is_random=True), counts, known)
    pes, lanes = layout(accelerator).pes, layout(accelerator).lanes
    assert len(moments) == pes * lanes
    assert found["masked_lane_steps"] == pytest.approx(changes)
    assert found["xnor_steps"] == pytest.approx(changes / (pes * lanes))
    assert found["joint_lane_steps"] == pytest.approx(both)
    assert found["registered_pe_steps"] == pytest.approx(cycles * pes)


def full_layer(accelerator: Accelerator) -> Layer:
    """A layer as large as the array."""
    u = layout(accelerator).unroll
    return Layer(name="full", out_channels=u["K"], in_channels=u["C"], in_y=u["OY"] + u["FY"] - 1,
                 in_x=u["OX"] + u["FX"] - 1, kernel_y=u["FY"], kernel_x=u["FX"])  # fmt: skip


def slots_of_products(accelerator: Accelerator) -> list[tuple[int, int]]:
    """Slot of the weight and of the input of every product, walked bit by bit."""
    lay = layout(accelerator)
    u = lay.unroll
    if accelerator.registers.shadow:
        return [(0, 0)] * (lay.pes * lay.lanes)
    found = []
    for oy, ox, k, fy, fx, c in product(*(range(u[d]) for d in ("OY", "OX", "K", "FY", "FX", "C"))):
        bit = ((fy * u["FX"] + fx) * u["C"] + c) * u["K"] + k
        pixel = (oy + fy) * lay.window_x(1) + ox + fx
        piece, _ = divmod(c, lay.input_port_bits)
        found.append((bit // lay.weight_port_bits, pixel * lay.input_word_slots + piece))
    return found


def offset(accelerator: Accelerator, known: Loading, has_weight: bool) -> int:
    """Slots by which inputs come later: on one port weights go first."""
    is_behind = accelerator.buffers.shared_port and not accelerator.registers.shadow
    return known.weight_slots if is_behind and has_weight else 0


@given(layer=layers)
def test_a_layer_fills_no_more_than_there_is(layer):
    found = filling(TINY, layer)
    for share in ("channel_lanes", "weights", "weight_bits", "input_bits", "registers", "sums"):
        assert 0 < getattr(found, share) <= 1, share
    assert found.counters >= 1 - 1e-12


@given(
    structure=st.sampled_from(["sliced", "tree"]), channels=st.sampled_from([2, 4, 8, 16]),
    used=st.integers(1, 8),
)  # fmt: skip
def test_counters_may_change_that_some_word_of_the_lanes_in_use_reaches(structure, channels, used):
    """Those and at most a third more, carries of bits that are never set at once."""
    used = min(used, channels)
    accelerator = with_changes(
        TINY,
        {"array.unroll.in_channels": channels, "array.popcount.structure": structure},
    )
    known = counters(structure, channels)
    reached = [False] * (channels + 2 * len(known.adders))
    for word in range(1 << used):
        bits = [bool(word >> n & 1) for n in range(channels)]
        for addends in known.adders:
            total = sum(bits[bit] for bit in addends)
            bits += [total % 2 == 1, total > 1]
        reached = [a or b for a, b in zip(reached, bits, strict=True)]
    few = Layer(name="few", out_channels=4, in_channels=used)
    outputs, count = 2 * len(known.adders), sum(reached[channels:])
    live = filling(accelerator, few).counters * used / channels * outputs
    assert count - 1e-9 <= live <= count * 4 / 3 + 1e-9


@pytest.mark.parametrize("change", [0.0, 0.3, 0.54, 1.0])
def test_a_sum_of_three_bits_changes_where_an_odd_number_of_them_do(change):
    layer = Layer(name="map", out_channels=4, in_channels=8, in_y=2, in_x=2)
    odd = 0.0
    for flips in product((0, 1), repeat=3):
        p = 1.0
        for flip in flips:
            p *= change / 2 if flip else 1 - change / 2
        odd += p * (sum(flips) % 2)
    assert odd / 0.5 == pytest.approx(1 - (1 - change) ** 3)
    if change == pytest.approx(input_change(layer)):  # as the events have it
        found = events_of(TINY, layer, weights=0, inputs=4)
        assert found["counted_lane_steps"] == pytest.approx(4 * 32 * odd / 0.5)


def test_pixels_are_like_their_neighbours_and_planes_and_features_are_not():
    pixels = Layer(name="map", out_channels=4, in_channels=8, in_y=4, in_x=4)
    planes = Layer(name="image", out_channels=4, in_channels=8, in_y=4, in_x=4, activation_bits=8)
    features = Layer(name="dense", out_channels=4, in_channels=64)
    assert input_change(pixels) == pytest.approx(0.54)
    assert input_change(planes) == input_change(features) == 1.0


@given(layer=layers)
def test_steps_are_those_of_all_dimensions(layer):
    lay = layout(TINY)
    trips = [-(-layer.size(d) // lay.unroll[d]) for d in DIMENSIONS]
    walked = 1
    for n in trips:
        walked *= n
    assert steps_of(layer, lay) == walked


@pytest.fixture(scope="module")
def sparse() -> Activity:
    """The digits network on lanes of which its first layer fills a quarter."""
    wide = with_changes(TINY, {
        "array.unroll": {"out_channels": 4, "in_channels": 256}, "store.link.bits": 64,
        "array.popcount.structure": "sliced",
        "buffers.weight": {"kind": "latch", "words": 64, "port_bits": 512, "ping_pong": True},
    })  # fmt: skip
    return measure(wide, "workloads/digits_mlp_64_256_256_10.yaml", sample=1)


@needs_compiler
@pytest.mark.parametrize("name", ["xnor", "mask", "popcount", "weight register", "input register"])
def test_an_array_that_is_nearly_empty_switches_as_the_model_says(sparse: Activity, name):
    """Were idle lanes taken to switch, XNORs and registers would do a third of what is assumed."""
    row = next(row for row in sparse.rows if row.name == name)
    assert row.measured is not None
    assert row.assumed is not None
    assert 0.8 < row.measured / row.assumed < 1.25
