"""Each mechanism of the machine in a case written for it: cycles, accesses and bits agree.

Every test also shows that its case does what its name says.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from agreement.subject import (
    agree,
    machine_of,
    nest,
    nest_of,
    psum_words_of_runs,
    rows_of,
    small,
)

from asicbnn.bnn.layer import Layer
from asicbnn.bnn.reference import Parameters, random_activations, random_parameters, run_network
from asicbnn.mapping.layout import layout
from asicbnn.simulation.program import build_program
from asicbnn.verify.agreement import Subject

CONV = Layer(
    name="conv", out_channels=5, in_channels=7, in_y=6, in_x=5, kernel_y=3, kernel_x=3,
    pad_top=1, pad_bottom=1, pad_left=1, pad_right=1, pad_value="zero",
)  # fmt: skip
DENSE = Layer(name="dense", out_channels=6, in_channels=13)


def conv(**changes) -> Layer:
    return Layer(**{**vars(CONV), **changes})


# ---------------------------------------------------------------------- partial sums
def test_every_step_rewrites_the_psum_it_read_when_sums_are_not_held():
    """Run length 1, the same word in consecutive steps: only the bypass has the new sum."""
    accelerator = small(registers__hold__psum=False)
    mapping = nest_of(accelerator, CONV, inner="B K OY OX C FY FX BA BW")
    runs = psum_words_of_runs(nest(accelerator, CONV, mapping))
    assert sum(a == b for a, b in pairwise(runs)) > len(runs) // 2
    counts = agree(accelerator, [CONV], [mapping])
    assert counts["psum_buffer_reads"] == counts["psum_buffer_writes"] > 0


@pytest.mark.parametrize("ports", ["1rw", "1r1w"])
def test_the_same_psum_in_consecutive_runs_under_shadow(ports):
    accelerator = small(
        registers__hold__psum=False, registers__shadow=True, buffers__psum__ports=ports
    )
    mapping = nest_of(accelerator, CONV, inner="B K OY OX C FY FX BA BW")
    runs = psum_words_of_runs(nest(accelerator, CONV, mapping))
    assert any(a == b for a, b in pairwise(runs))
    agree(accelerator, [CONV], [mapping])


@pytest.mark.parametrize("shadow", [False, True])
@pytest.mark.parametrize("ports", ["1rw", "1r1w"])
def test_psums_that_alternate_between_two_words(shadow, ports):
    """A B A B: the word read was written the step before last."""
    accelerator = small(registers__shadow=shadow, buffers__psum__ports=ports)
    layer = Layer(name="pair", out_channels=4, in_channels=16)
    mapping = nest_of(accelerator, layer, inner="C K")
    runs = psum_words_of_runs(nest(accelerator, layer, mapping))
    assert runs[:4] == [runs[0], runs[1]] * 2
    assert runs[0] != runs[1]
    agree(accelerator, [layer], [mapping])


def test_psums_cross_tiles_of_input_channels():
    accelerator, layer = small(), conv(in_channels=13)
    mapping = nest_of(accelerator, layer, outer=[("C", 8), ("OY", 3)], inner="FY FX K OX")
    assert nest(accelerator, layer, mapping).tiles("C") == 2
    counts = agree(accelerator, [layer], [mapping])
    assert counts["psum_buffer_reads"] > 0


def test_a_single_psum_port_reads_and_writes_in_turn():
    layer, inner = Layer(name="pair", out_channels=4, in_channels=16), "C K"
    stalls = {}
    for ports in ("1rw", "1r1w"):
        accelerator = small(buffers__psum__ports=ports)
        mapping = nest_of(accelerator, layer, inner=inner)
        stalls[ports] = agree(accelerator, [layer], [mapping], seeds=1)["l0_stall_cycles"]
    assert stalls["1rw"] > stalls["1r1w"]


@pytest.mark.parametrize("shadow", [False, True])
def test_a_psum_port_narrower_than_its_word(shadow):
    accelerator = small(
        buffers__psum__port_bits=10, registers__shadow=shadow, buffers__psum__ports="1rw"
    )
    assert layout(accelerator).psum_slots > 3
    mapping = nest_of(accelerator, CONV, inner="K C FY FX OY OX")
    agree(accelerator, [CONV], [mapping], seeds=1)


# ---------------------------------------------------------------------- input buffer
@pytest.mark.parametrize("ping_pong", [False, True])
def test_circular_rows_slide(ping_pong):
    accelerator = small(
        buffers__input__circular_rows=True, buffers__input__ping_pong=ping_pong,
        buffers__input__words=120,
    )  # fmt: skip
    layer = conv(in_y=12)
    mapping = nest_of(accelerator, layer, outer=[("K", 2), ("OY", 2)])
    loop_nest = nest(accelerator, layer, mapping)
    assert loop_nest.slides
    ring = (2 if ping_pong else 1) * loop_nest.rows()
    loads = loop_nest.rows() + (loop_nest.tiles("OY") - 1) * 2
    assert loop_nest.tiles("K") * loads > ring  # the ring wraps
    sliding = agree(accelerator, [layer], [mapping])
    plain = small(buffers__input__ping_pong=ping_pong)
    fetched_again = agree(plain, [layer], [nest_of(plain, layer, outer=[("K", 2), ("OY", 2)])])
    assert sliding["input_buffer_writes"] < fetched_again["input_buffer_writes"]
    assert sliding["store_activation_reads"] < fetched_again["store_activation_reads"]


@pytest.mark.parametrize("ping_pong", [False, True])
def test_a_ring_that_reloads_whole_tiles(ping_pong):
    accelerator = small(
        buffers__input__circular_rows=True, buffers__input__ping_pong=ping_pong,
        buffers__input__words=120,
    )  # fmt: skip
    layer = conv(in_y=12)
    mapping = nest_of(accelerator, layer, outer=[("OY", 2), ("OX", 3)])
    assert not nest(accelerator, layer, mapping).slides
    agree(accelerator, [layer], [mapping])


def test_single_buffers_load_between_tiles():
    accelerator = small(buffers__input__ping_pong=False, buffers__weight__ping_pong=False)
    mapping = nest_of(accelerator, CONV, outer=[("K", 2), ("OY", 3)])
    counts = agree(accelerator, [CONV], [mapping])
    paired = small()
    hidden = agree(paired, [CONV], [nest_of(paired, CONV, outer=[("K", 2), ("OY", 3)])], seeds=1)
    assert counts["dma_stall_cycles"] > hidden["dma_stall_cycles"]


def test_weights_and_inputs_behind_one_port_one_of_them_single():
    accelerator = small(buffers__shared_port=True, buffers__weight__ping_pong=False)
    mapping = nest_of(accelerator, CONV, inner="OY OX K C FY FX")
    shared = agree(accelerator, [CONV], [mapping])
    apart = agree(small(), [CONV], [nest_of(small(), CONV, inner="OY OX K C FY FX")], seeds=1)
    assert shared["l0_stall_cycles"] > apart["l0_stall_cycles"]
    assert shared["weight_buffer_reads"] == apart["weight_buffer_reads"]


# ---------------------------------------------------------------------- geometry
def test_stride_three_with_unrolled_rows_and_columns():
    accelerator = small(array__unroll__out_y=2, array__unroll__out_x=3)
    layer = conv(in_y=12, in_x=11, stride=3, kernel_y=5, kernel_x=2)
    mapping = nest_of(accelerator, layer)
    assert (layer.out_y, layer.out_x) == (4, 4)  # an edge tile of columns
    agree(accelerator, [layer], [mapping])
    for stride in (1, 2):
        other = conv(in_y=8, in_x=7, stride=stride)
        agree(accelerator, [other], [nest_of(accelerator, other)], seeds=1)


@pytest.mark.parametrize("pad", ["zero", "+1", "-1"])
def test_pads_on_every_side_of_their_own_size(pad):
    layer = conv(
        pad_top=2, pad_bottom=0, pad_left=1, pad_right=2, pad_value=pad, kernel_y=3, kernel_x=4
    )
    rows = {}
    for value in (pad, "zero"):
        case = conv(**{**vars(layer), "pad_value": value})
        agree(small(), [case], [nest_of(small(), case)])
        rows[value] = rows_of(small(), [case], [nest_of(small(), case)])[-1].hardware
    if pad != "zero":
        assert rows[pad] != rows["zero"]  # the pad value shows in the bits


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("weight_bits", [1, 2])
def test_zero_pads_of_several_bits(signed, weight_bits):
    layer = conv(activation_bits=3, signed_input=signed, weight_bits=weight_bits, in_y=4)
    agree(small(), [layer], [nest_of(small(), layer)])


def test_zero_pads_of_one_bit_with_weights_of_two_planes():
    layer = conv(weight_bits=2)
    agree(small(), [layer], [nest_of(small(), layer)])


def test_a_kernel_and_images_that_are_no_multiple_of_their_unroll():
    accelerator = small(array__unroll={"kernel_y": 2, "kernel_x": 2, "batch": 2})
    layer = conv(batch=3, in_y=4)
    mapping = nest_of(accelerator, layer, outer=[("B", 2)])
    assert nest(accelerator, layer, mapping).last_size("B") == 1
    agree(accelerator, [layer], [mapping])


@pytest.mark.parametrize("order", ["before_threshold", "after_threshold"])
@pytest.mark.parametrize("size", [2, 3])
def test_pooling_with_negative_flips(order, size):
    """An OR before the flip is an AND after it: the orders differ exactly where a flip is."""
    layer = conv(in_y=8, in_x=7, pool=size, pool_order=order)
    accelerator = small()
    agree(accelerator, [layer], [nest_of(accelerator, layer)])
    rng = np.random.default_rng(5)
    drawn = random_parameters(layer, rng)
    flipped = Parameters(drawn.weights, np.zeros_like(drawn.thresholds), ~np.zeros(5, bool))
    images = random_activations(layer, rng)
    mapping = nest_of(accelerator, layer, outer=[("OX", size), ("OY", 2 * size)])
    rows = rows_of(accelerator, [layer], [mapping], parameters=[flipped], images=images)
    assert [row for row in rows if not row.agrees] == []
    other = conv(**{**vars(layer), "pool_order": "after_threshold"})
    before, after = (run_network([x], [flipped], images)[0].bits for x in (layer, other))
    assert np.array_equal(before, after) == (order == "after_threshold")


def test_pooled_pixels_of_one_unrolled_word():
    accelerator = small(array__unroll__out_y=2, array__unroll__out_x=3)
    for size in (2, 3):
        layer = conv(in_y=9, in_x=8, pool=size)
        agree(accelerator, [layer], [nest_of(accelerator, layer)], seeds=1)


def test_a_pooled_map_that_fills_its_buffer_exactly():
    accelerator = small(buffers__pool__words=16, store__kib__weights=0.6)
    layer = Layer(
        name="pooled", out_channels=2, in_channels=4, in_y=8, in_x=8, kernel_y=1, kernel_x=1, pool=2
    )
    mapping = nest_of(accelerator, layer)
    assert nest(accelerator, layer, mapping).pool_words == 16
    agree(accelerator, [layer], [mapping], seeds=1)


# ---------------------------------------------------------------------- outputs
def test_a_finished_word_in_several_pieces():
    accelerator = small(
        array__unroll__out_channels=16, store__link__bits=4, host__link_bits=4,
        post=("threshold", "max_pool"),
    )  # fmt: skip
    assert layout(accelerator).output_pieces == 4
    layer = conv(out_channels=11, pool=2)
    counts = agree(accelerator, [layer], [nest_of(accelerator, layer)])
    assert counts["output_stall_cycles"] > 0


def test_the_first_of_equal_scores_wins():
    """All weights of a class are alike, so scores tie: reference and hardware take the first."""
    layer = Layer(name="classes", out_channels=7, in_channels=8, output="argmax", batch=2)
    weights = np.ones((7, 8, 1, 1), np.int8)
    images = np.ones((2, 1, 1, 8), np.int8)
    images[1] = -1
    for best, biases in ((2, [0, 0, 5, 5, 0, 5, 0]), (0, [0] * 7), (5, [0, 0, 0, 0, 0, 1, 1])):
        parameters = Parameters(weights, -np.array(biases, np.int64), np.zeros(7, bool))
        accelerator = small()
        rows = rows_of(
            accelerator, [layer], [nest_of(accelerator, layer)], parameters=[parameters],
            images=images,
        )  # fmt: skip
        assert [row for row in rows if not row.agrees] == []
        assert rows[-1].hardware == 2 * best


def test_argmax_with_unrolled_images_and_rows():
    """And a class index wider than the host link: it crosses in two beats."""
    accelerator = small(array__unroll__batch=2, array__unroll__out_y=2, host__link_bits=4)
    assert layout(accelerator).class_beats == 2
    layer = Layer(
        name="classes", out_channels=5, in_channels=6, in_y=2, in_x=3, kernel_y=2, kernel_x=3,
        output="argmax", batch=3,
    )  # fmt: skip
    mapping = nest_of(accelerator, layer, outer=[("B", 2), ("K", 2)])
    agree(accelerator, [layer], [mapping])


# ---------------------------------------------------------------------- links
LINKS = {
    "link words in an input word": {"store__link__bits": 2, "host__link_bits": 2},
    "input words in a link word": {"store__link__bits": 16, "host__link_bits": 4},
    "one link bit": {"store__link__bits": 1, "host__link_bits": 1},
}


@pytest.mark.parametrize("name", LINKS)
def test_links_wider_and_narrower_than_words(name):
    accelerator = small(**LINKS[name], post=("threshold", "max_pool"))
    lay = layout(accelerator)
    expected = {
        "link words in an input word": lay.links_per_word == 2,
        "input words in a link word": lay.words_per_link == lay.host_beats == 4,
        "one link bit": lay.links_per_word == 4,
    }
    assert expected[name]
    layers = [
        conv(batch=2, activation_bits=3, in_y=4, in_channels=9),
        conv(batch=2, name="second", in_y=4, in_channels=5, out_channels=3),
    ]
    mappings = [nest_of(accelerator, x, outer=[("K", 2), ("OY", 2)]) for x in layers]
    agree(accelerator, layers, mappings, seeds=1)


def test_weights_are_streamed_when_the_bank_is_too_small_for_all():
    accelerator = small(store__kib__weights=0.6, buffers__pool__words=16)
    layers = [
        conv(out_channels=6), conv(name="two", in_channels=6, out_channels=8),
        conv(name="three", in_channels=8, out_channels=3),
    ]  # fmt: skip
    mappings = [nest_of(accelerator, x, outer=[("K", 2)]) for x in layers]
    rng = np.random.default_rng(0)
    parameters = [random_parameters(layer, rng) for layer in layers]
    program = build_program(accelerator, layers, parameters, mappings)
    assert [p.streamed for p in program.placements] == [False, True, True]
    counts = agree(accelerator, layers, mappings)
    assert counts["store_weight_writes"] == sum(p.words for p in program.placements[1:])


def test_every_layer_is_streamed_when_none_stays():
    accelerator = small(store__kib__weights=0.6, buffers__pool__words=16)
    layers = [
        conv(out_channels=16, in_channels=16), conv(name="two", in_channels=16, out_channels=12)
    ]  # fmt: skip
    mappings = [nest_of(accelerator, x, outer=[("K", 2)]) for x in layers]
    counts = agree(accelerator, layers, mappings)
    assert counts["store_weight_writes"] > 0


# ---------------------------------------------------------------------- batches
def test_a_second_batch_finds_nothing_left_of_the_first():
    layers = [conv(out_channels=6), conv(name="two", in_channels=6, out_channels=3)]
    accelerator = small()
    machine, backend = machine_of(accelerator)
    mappings = [nest_of(accelerator, x) for x in layers]
    rng = np.random.default_rng(3)
    parameters = [random_parameters(layer, rng) for layer in layers]
    subject = Subject(machine, backend, layers, parameters, mappings)
    for _ in range(3):
        images = random_activations(layers[0], rng)
        assert [row for row in subject.rows(images) if not row.agrees] == []


# ---------------------------------------------------------------------- wide ports
@pytest.mark.slow
def test_a_word_of_thousands_of_port_slots():
    """The slot counters hold what the spec allows, not a round number of bits."""
    accelerator = small(
        array__unroll={"out_channels": 128, "in_channels": 1}, buffers__psum__port_bits=1,
        buffers__psum__words=2, limits__out_channels=128, limits__psum_bits=33,
        post=("threshold",),
    )  # fmt: skip
    assert layout(accelerator).psum_slots > 4096
    layer = Layer(name="wide", out_channels=128, in_channels=2, in_x=2)
    mapping = nest_of(accelerator, layer, inner="C OX")
    counts = agree(accelerator, [layer], [mapping], seeds=1)
    assert counts["psum_buffer_writes"] == 2 * layout(accelerator).psum_slots


@pytest.mark.slow
def test_a_window_of_more_than_a_thousand_columns():
    accelerator = small(
        array__unroll={"out_x": 128, "out_channels": 1, "in_channels": 1}, array__strides=(9,),
        limits__map=1200, buffers__input__words=32768, store__kib__activations=32,
        post=("threshold",),
    )  # fmt: skip
    assert layout(accelerator).window_x(9) > 1024
    layer = Layer(name="wide", out_channels=2, in_channels=1, in_x=1150, stride=9)
    agree(accelerator, [layer], [nest_of(accelerator, layer)], seeds=1)


def test_an_accelerator_that_only_thresholds():
    accelerator = small(post=("threshold",))
    counts = agree(accelerator, [CONV], [nest_of(accelerator, CONV)], seeds=1)
    assert counts["pool_buffer_reads"] == counts["pool_buffer_writes"] == 0


def test_two_networks_in_turn_on_one_simulator_keep_their_own_weights():
    """Memories are kept between runs of one network, never from another's."""
    accelerator = small()
    machine, backend = machine_of(accelerator)
    layers = [conv(out_channels=6), conv(name="two", in_channels=6, out_channels=3)]
    mappings = [nest_of(accelerator, x) for x in layers]
    rng = np.random.default_rng(4)
    subjects = []
    for _ in range(2):
        parameters = [random_parameters(layer, rng) for layer in layers]
        subjects.append(Subject(machine, backend, layers, parameters, mappings))
    for subject in (*subjects, *subjects):
        images = random_activations(layers[0], rng)
        assert [row for row in subject.rows(images) if not row.agrees] == []
