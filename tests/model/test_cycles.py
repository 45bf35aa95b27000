"""Counts worked out by hand, and one point counted like many."""

import random

import numpy as np
import pytest
from agreement.cases import random_case

from asicbnn.bnn.layer import DIMENSIONS, Layer
from asicbnn.errors import MappingError, ModelError
from asicbnn.mapping.dataflow import ORDERS, named_mapping, whole_tiles
from asicbnn.mapping.layout import layout
from asicbnn.mapping.points import OrderClass, Points
from asicbnn.model.cycles import CYCLES, Machine, count_layer, count_many, exact
from asicbnn.model.network import count_network, residency, totals
from asicbnn.spec.accelerator import Accelerator, with_changes

PLAIN = Accelerator(name="plain")
DENSE = Layer(name="fc", out_channels=70, in_channels=100)


def test_a_dense_layer_by_hand():
    # 3 words of 32 outputs, 2 words of 64 inputs; a weight word is 2048 bit, 32 link words;
    # a threshold word is 32 x (16 + 2) bit, 9 link words
    mapping = named_mapping(PLAIN, "output_stationary", whole_tiles(layout(PLAIN), DENSE))
    counted = count_layer(PLAIN, DENSE, mapping, n_cfg=20)
    expected = {
        "macs": 7000, "binary_macs": 7000, "useful_binary_macs": 7000, "steps": 6,
        "configuration_cycles": 8 + 20 + 3 * 9,
        "prologue_cycles": 8 + 6 * 32 + 8 + 2,
        "compute_cycles": 6, "l0_stall_cycles": 0, "output_stall_cycles": 0,
        "dma_stall_cycles": 0, "swap_cycles": 1, "drain_cycles": 3, "io_cycles": 0,
        "weight_buffer_reads": 6, "weight_buffer_writes": 6, "input_buffer_reads": 6,
        "input_buffer_writes": 2, "psum_buffer_reads": 0, "psum_buffer_writes": 0,
        "threshold_buffer_reads": 3, "threshold_buffer_writes": 3, "pool_buffer_reads": 0,
        "pool_buffer_writes": 0, "store_weight_reads": 20 + 3 * 9 + 6 * 32,
        "store_weight_writes": 0, "store_activation_reads": 2, "store_activation_writes": 3,
        "host_words_in": 0, "host_words_out": 0, "gated_clocks": 0,
    }  # fmt: skip
    expected["cycles"] = sum(expected[name] for name in CYCLES)
    assert counted == expected


def test_two_tiles_wait_for_the_longer_of_computing_and_loading():
    # K split: while 2 steps of one tile run, the next 2 weight words (64 link words) arrive
    mapping = named_mapping(
        PLAIN, "output_stationary", {"B": 1, "K": 32, "C": 128, "OY": 1, "OX": 1}
    )
    counted = count_layer(PLAIN, DENSE, mapping, n_cfg=20)
    assert counted["prologue_cycles"] == 8 + 2 * 32 + 8 + 2
    assert counted["dma_stall_cycles"] == 2 * (8 + 64 - 2)
    assert counted["swap_cycles"] == 3
    single = with_changes(PLAIN, {"buffers.weight.ping_pong": False})
    assert count_layer(single, DENSE, mapping, 20)["dma_stall_cycles"] == 2 * (8 + 64)


def test_cycles_are_the_sum_of_their_classes():
    rng = random.Random(1)
    for _ in range(50):
        case = random_case(rng)
        counted = count_layer(case.accelerator, case.layer, case.mapping)
        assert counted["cycles"] == sum(counted[name] for name in CYCLES)
        assert all(isinstance(value, int) and value >= 0 for value in counted.values())


@pytest.mark.parametrize("seed", range(20))
def test_many_points_are_counted_like_one(seed):
    rng = random.Random(seed)
    case = random_case(rng)
    order = OrderClass.of(case.nest)
    machine = Machine.of(case.accelerator, n_cfg=4)
    tile = {d: np.full(3, float(case.nest.tile[d])) for d in ("B", "K", "C", "OY", "OX")}
    counted = count_many(machine, order, Points.of(case.layout, case.layer, tile), 3)
    alone = count_layer(case.accelerator, case.layer, case.mapping, 4)
    for name, values in counted.items():
        assert values.shape == (3,)
        assert np.all(values == alone[name]), name


def test_chunks_are_joined_in_order():
    layer = Layer(name="l", out_channels=4096, in_channels=64)
    machine = Machine.of(PLAIN, n_cfg=4)
    tile = {"B": 1.0, "C": 64.0, "OY": 1.0, "OX": 1.0}
    tile["K"] = 32.0 * (1 + np.arange(40_000) % 127)
    order = OrderClass(
        inner=ORDERS["output_stationary"][0],
        moving={d: d == "K" for d in DIMENSIONS},
        slots=("K",),
    )
    counted = count_many(machine, order, Points.of(layout(PLAIN), layer, tile), 40_000)
    assert counted["swap_cycles"].tolist() == np.ceil(4096 / tile["K"]).tolist()


def test_a_count_beyond_exact_floats_is_refused():
    assert exact("cycles", 2.0**52) == 2**52
    with pytest.raises(ModelError, match=r"^cycles is 9.01e\+15: counts are exact below 2\^53$"):
        exact("cycles", 2.0**53)


def test_weights_stay_in_layer_order_while_there_is_room_for_the_rest():
    assert residency([10, 20, 30], 60) == 3
    assert residency([10, 20, 30], 59) == 1  # 10 + 20 + 30 is one too many, 10 + 30 is not
    assert residency([10, 20, 30], 39) == 0
    assert residency([30, 20, 10], 50) == 1
    assert residency([30, 20, 10], 49) == 0
    assert residency([30, 20, 10], 30) == 0
    assert residency([], 0) == 0
    with pytest.raises(MappingError, match=r"^layer number 3 takes 30 .* 1 words missing$"):
        residency([10, 20, 30], 29)


def network(argmax=True):
    first = Layer(name="a", out_channels=64, in_channels=64, in_y=4, in_x=4)
    last = Layer(
        name="b", out_channels=10, in_channels=64, in_y=4, in_x=4, kernel_y=4, kernel_x=4,
        output="argmax" if argmax else "bits",
    )  # fmt: skip
    return first, last


def counted_network(accelerator, argmax=True):
    layers = network(argmax)
    mappings = [
        named_mapping(accelerator, "output_stationary", whole_tiles(layout(accelerator), layer))
        for layer in layers
    ]
    alone = [
        count_layer(accelerator, layer, m, 5) for layer, m in zip(layers, mappings, strict=True)
    ]
    return alone, count_network(accelerator, layers, mappings, 5)


def test_a_resident_network_moves_its_image_and_its_result_only():
    alone, (first, last) = counted_network(PLAIN)
    assert first["io_cycles"] == 20 + 16 * 2
    assert first["host_words_in"] == 16 * 2
    assert first["store_activation_writes"] == alone[0]["store_activation_writes"] + 16
    assert (last["io_cycles"], last["host_words_in"], last["host_words_out"]) == (20 + 1, 0, 1)
    assert totals([first, last])["cycles"] == sum(c["cycles"] for c in alone) + 52 + 21


def test_a_result_of_bits_is_read_from_the_store():
    alone, (_, last) = counted_network(PLAIN, argmax=False)
    assert last["host_words_out"] == 2
    assert last["store_activation_reads"] == alone[1]["store_activation_reads"] + 1
    assert last["io_cycles"] == 20 + 2


def test_streamed_weights_take_the_host_link_and_are_written_once():
    # blocks: 5 + 2 x 9 + 2 x 32 = 87 and 5 + 9 + 16 x 32 = 526 link words; the bank has 600
    small = with_changes(PLAIN, {"store.kib.weights": 600 / 128})
    alone, (first, last) = counted_network(small)
    assert first["io_cycles"] == (20 + 87 * 2) + (20 + 16 * 2)
    assert last["io_cycles"] == (20 + 526 * 2) + 21
    assert last["store_weight_writes"] == 526
    assert last["store_weight_reads"] == alone[1]["store_weight_reads"]
    assert first["host_words_in"] + last["host_words_in"] == 2 * (87 + 16 + 526)
