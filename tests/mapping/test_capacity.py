"""What does not fit is refused with words needed, words there, and a cure."""

import random
import re
from dataclasses import replace

import numpy as np
import pytest
from agreement.cases import random_case

from asicbnn.bnn.layer import Layer
from asicbnn.errors import MappingError
from asicbnn.mapping.capacity import check, check_layer, check_mapping, weight_block_words
from asicbnn.mapping.counts import buffer_words
from asicbnn.mapping.dataflow import named_mapping
from asicbnn.mapping.layout import layout
from asicbnn.mapping.points import OrderClass, Points, Trips
from asicbnn.spec.accelerator import Accelerator, with_changes

PLAIN = Accelerator(name="plain")
CONV = Layer(
    name="conv3", out_channels=256, in_channels=128, in_y=8, in_x=8, kernel_y=3, kernel_x=3,
    pad_top=1, pad_bottom=1, pad_left=1, pad_right=1, pad_value="zero",
)  # fmt: skip
TILES = {"B": 1, "K": 128, "C": 128, "OY": 4, "OX": 8}


def refusal(changes=None, layer=CONV, dataflow="output_stationary", **tiles):
    accelerator = with_changes(PLAIN, changes or {})
    with pytest.raises(MappingError) as refused:
        check_mapping(accelerator, layer, named_mapping(accelerator, dataflow, {**TILES, **tiles}))
    return str(refused.value)


def test_a_mapping_that_fits_passes():
    check(PLAIN, CONV, named_mapping(PLAIN, "output_stationary", TILES), n_cfg=20)


def test_a_weight_tile_too_large_names_the_largest_legal_one():
    assert refusal(K=256) == (
        "layer conv3: a weight tile takes 144 words, buffers.weight.words holds 128 (half of 256, "
        "ping-pong); the largest legal out_channels tile is 224"
    )


def test_an_input_tile_too_large_names_the_largest_legal_one():
    single = {"buffers.input": {"words": 110, "ping_pong": False}}
    assert refusal(single) == (
        "layer conv3: an input tile takes 120 words, buffers.input.words holds 110; "
        "the largest legal out_y tile is 3"
    )


def test_psum_words_of_a_reduction_outside_the_outputs():
    message = refusal({"buffers.psum.words": 20}, dataflow="weight_stationary")
    assert message == (
        "layer conv3: a psum tile takes 32 words, buffers.psum.words holds 20; "
        "the largest legal out_x tile is 5"
    )


def test_pooling_windows_take_words_too():
    pooled = replace(CONV, pool=2)
    assert refusal({"buffers.pool.words": 20}, layer=pooled) == (
        "layer conv3: a pool tile takes 32 words, buffers.pool.words holds 20; "
        "the largest legal out_channels tile is 64"
    )


def test_all_buffers_that_are_too_small_are_named_at_once():
    message = refusal({"buffers.psum.words": 20}, dataflow="weight_stationary", K=256)
    assert re.findall(r"an? (\w+) tile", message) == ["weight", "psum"]
    assert message.count("layer conv3: ") == 2


def test_tiles_are_multiples_of_the_unroll():
    assert refusal(K=100) == (
        "layer conv3: out_channels tile 100 is no multiple of the unroll 32; "
        "the largest legal one up to it is 96"
    )
    assert "tile 0 is no multiple" in refusal(OY=0)


def test_a_split_of_channels_keeps_link_words_whole():
    narrow = {"array.unroll.in_channels": 16}
    assert refusal(narrow, C=80) == (
        "layer conv3: in_channels tile 80 is no multiple of 64 (4 input words of 16 channels fill "
        "a link word); the largest legal one up to it is 64"
    )


def test_a_split_of_rows_keeps_pooling_windows_whole():
    assert refusal(layer=replace(CONV, pool=2), OY=3) == (
        "layer conv3: out_y tile 3 is no multiple of 2 (a pooling window has 2); "
        "the largest legal one up to it is 2"
    )


def test_registers_that_do_not_hold_refuse_a_mapping_that_counts_on_it():
    accelerator = with_changes(PLAIN, {"registers.hold.weight": False})
    mapping = replace(named_mapping(accelerator, "output_stationary", TILES), hold=(True,) * 3)
    with pytest.raises(MappingError, match=r"^layer conv3: the mapping holds the weight register"):
        check_mapping(accelerator, CONV, mapping)


@pytest.mark.parametrize(
    ("changes", "layer", "sentence"),
    [
        ({}, {"batch": 2}, "batch is 2, limits.batch is 1"),
        ({}, {"out_channels": 1025}, "out_channels is 1025, limits.out_channels is 1024"),
        ({}, {"in_y": 65}, "map is 65, limits.map is 64"),
        ({}, {"weight_bits": 2}, "weight_bits is 2, limits.weight_bits is 1"),
        (
            {"limits.psum_bits": 9}, {},
            "a sum needs 11 bit, the accumulators have 9; set limits.psum_bits to 11 or more",
        ),
        ({}, {"stride": 3}, "stride 3 is not wired; array.strides has 1, 2"),
        ({"post": ("threshold",)}, {"pool": 2}, "it pools, and post has no max_pool"),
        (
            {"buffers.threshold.words": 4}, {},
            "its thresholds take 8 words, buffers.threshold.words is 4",
        ),
        (
            {}, {"output": "argmax"},
            "argmax is taken over the channels of one pixel, the output has 8 x 8",
        ),
        (
            {}, {"pad_top": 3},
            ("3 pads at the top and a kernel of 3: some outputs would see nothing but padding; "
             "pad at most 2"),
        ),
        (
            {"store.kib.weights": 32.0}, {},
            ("its weights, thresholds and configuration take 4700 link words, the weight bank has "
             "4096: 604 words missing; set store.kib.weights to 37 or more"),
        ),
        (
            {"store.kib.activations": 1.0}, {},
            ("its input takes 128 link words, an activation bank has 64: 64 words missing; "
             "set store.kib.activations to 2 or more"),
        ),
    ],
)  # fmt: skip
def test_a_layer_no_mapping_can_run_is_refused(changes, layer, sentence):
    accelerator = with_changes(PLAIN, changes)
    with pytest.raises(MappingError) as refused:
        check_layer(accelerator, replace(CONV, **layer), n_cfg=20)
    assert f"layer conv3: {sentence}" in str(refused.value).splitlines()


def test_the_block_of_a_layer_is_configuration_thresholds_and_weights():
    lay = layout(PLAIN)
    rows, weights = 8, 8 * 2 * 9
    assert weight_block_words(lay, CONV, 20) == (
        20 + rows * lay.links_per_threshold + weights * lay.links_per_weight
    )


@pytest.mark.parametrize("seed", range(30))
def test_words_of_many_points_are_those_of_the_nest(seed):
    case = random_case(random.Random(seed))
    nest, order = case.nest, OrderClass.of(case.nest)
    tile = {d: np.array([float(nest.tile[d])] * 2) for d in ("B", "K", "C", "OY", "OX")}
    points = Points.of(case.layout, case.layer, tile)
    trips = Trips.of(case.layout, order.slots, points)
    masked = replace(order, moving={d: trips.full[d] > 1 for d in order.inner})
    for kind in (order, masked):
        words = buffer_words(case.layout, kind, points, trips, float(case.layer.pool))
        for counted, known in (
            (words.weight, nest.weight_tile_words), (words.input, nest.input_tile_words),
            (words.psum, nest.psum_words), (words.pool, nest.pool_words),
        ):  # fmt: skip
            assert np.all(np.equal(counted, known))
