"""The program: where blocks lie, and the registers a layer is configured with."""

from __future__ import annotations

import numpy as np
import pytest
from agreement.subject import SMALL, nest_of, small
from hypothesis import given
from hypothesis import strategies as st

from asicbnn.bnn.layer import Layer
from asicbnn.bnn.reference import random_parameters
from asicbnn.errors import MappingError
from asicbnn.hardware.configuration import Order, configuration
from asicbnn.mapping.dataflow import ORDERS
from asicbnn.mapping.layout import layout
from asicbnn.model.network import residency
from asicbnn.simulation.backends.interface import numbers_of_words
from asicbnn.simulation.program import build_program, place, shared_order

LAYER = Layer(
    name="conv", out_channels=5, in_channels=7, in_y=6, in_x=5, kernel_y=3, kernel_x=3,
    pad_top=1, pad_bottom=1, pad_left=1, pad_right=1, pad_value="zero",
)  # fmt: skip
DENSE = Layer(name="dense", out_channels=3, in_channels=5, in_y=6, in_x=5, kernel_y=6, kernel_x=5)


def program_of(accelerator, layers, mappings=None):
    rng = np.random.default_rng(0)
    mappings = mappings or [nest_of(accelerator, layer) for layer in layers]
    parameters = [random_parameters(layer, rng) for layer in layers]
    return build_program(accelerator, layers, parameters, mappings)


# ---------------------------------------------------------------------- residency
bank = layout(SMALL).weight_bank_words


@given(st.lists(st.integers(1, bank), min_size=1, max_size=8))
def test_a_prefix_stays_and_the_largest_of_the_rest_fits_beside_it(sizes):
    layers = [LAYER] * len(sizes)
    placed = place(layout(SMALL), sizes, layers)
    streamed = [p.streamed for p in placed]
    assert streamed == sorted(streamed)
    kept = streamed.count(False)
    assert [p.words for p in placed] == sizes
    assert [p.address for p in placed[:kept]] == [sum(sizes[:i]) for i in range(kept)]
    assert {p.address for p in placed[kept:]} <= {sum(sizes[:kept])}
    assert all(p.address + p.words <= bank for p in placed)
    if kept < len(sizes):  # one more would not leave room for the largest of the others
        assert sum(sizes[: kept + 1]) + max(sizes[kept + 1 :], default=0) > bank
    assert kept == residency(sizes, bank)  # the model's own way to the same number


def test_a_block_larger_than_the_bank_says_by_how_much():
    message = (
        rf"^layer dense: its weights, thresholds and configuration take {bank + 7} link words, "
        rf"the weight bank has {bank}: 7 words are missing; raise store.kib.weights$"
    )
    with pytest.raises(MappingError, match=message):
        place(layout(SMALL), [bank, bank + 7], [LAYER, DENSE])


# ---------------------------------------------------------------------- blocks
def fields_of(accelerator, program, index):
    """Configuration fields read back from the link words of a block."""
    c = configuration(accelerator, program.order)
    words = numbers_of_words(program.blocks[index][: c.words])
    packed = sum(word << (i * c.layout.link_bits) for i, word in enumerate(words))
    values = {}
    for name, bits in c.fields:
        values[name] = packed % 2**bits
        packed >>= bits
    return values


def test_a_block_is_configuration_thresholds_weights():
    program = program_of(SMALL, [LAYER, DENSE])
    c, lay = configuration(SMALL), layout(SMALL)
    for i, nest in enumerate(program.nests):
        thresholds = nest.all_trips("K") * lay.links_per_threshold
        weights = lay.links_per_weight
        for d in ("K", "C", "FY", "FX", "BW"):
            weights *= nest.all_trips(d)
        assert len(program.blocks[i]) == program.placements[i].words
        assert len(program.blocks[i]) == c.words + thresholds + weights
        values = fields_of(SMALL, program, i)
        assert values["threshold_links"] == thresholds
        assert values["start_weight_source"] == program.placements[i].address + c.words + thresholds


def test_layers_are_chained():
    accelerator = small(store__kib__weights=0.6)
    layers = [LAYER, Layer(**{**vars(LAYER), "name": "next", "in_channels": 5}), DENSE]
    program = program_of(accelerator, layers)
    values = [fields_of(accelerator, program, i) for i in range(3)]
    assert [v["is_last"] for v in values] == [0, 0, 1]
    for i, following in enumerate(program.placements[1:]):
        assert values[i]["next_address"] == following.address
        assert values[i]["next_stream"] == (following.words if following.streamed else 0)
    assert program.boot["boot_address"] == program.placements[0].address
    pixels = LAYER.in_y * LAYER.in_x
    assert program.boot["boot_image_words"] == pixels * layout(accelerator).record_links(2)


def test_pads_start_outside_the_map():
    program = program_of(SMALL, [LAYER])
    c, values = configuration(SMALL), fields_of(SMALL, program, 0)
    bits = dict(c.fields)
    assert values["start_y"] == values["start_x"] == 2 ** bits["start_y"] - 1
    back = values["source_row"] + values["source_column"]
    assert values["start_input_source"] == 2 ** bits["start_input_source"] - back
    assert values["masks_pads"] == 1


@pytest.mark.parametrize(
    ("changes", "planes"),
    [
        ({"pad_value": "+1"}, 1),
        ({"pad_value": "-1"}, 0),
        ({"activation_bits": 3}, 0),
        ({"activation_bits": 3, "signed_input": True}, 0b100),  # offset binary: 0 is stored as 4
    ],
)
def test_pad_words_hold_the_pad_value(changes, planes):
    layer = Layer(**{**vars(LAYER), **changes})
    values = fields_of(SMALL, program_of(SMALL, [layer]), 0)
    assert (values["pad_planes"], values["masks_pads"]) == (planes, 0)


def test_edges_say_what_is_left_of_the_unroll():
    accelerator = small(array__unroll={"out_x": 3, "kernel_y": 2})
    values = fields_of(accelerator, program_of(accelerator, [LAYER]), 0)
    assert {k: v for k, v in values.items() if k.startswith("edge_")} == {
        "edge_K": 1, "edge_C": 3, "edge_OX": 2, "edge_FY": 1,
    }  # fmt: skip


# ---------------------------------------------------------------------- fixed order
def test_a_fixed_sequencer_takes_one_order_for_all_layers():
    fixed = small(sequencer__order="fixed")
    inner, _ = ORDERS["output_stationary"]
    same = [nest_of(fixed, x, inner=" ".join(inner)) for x in (LAYER, DENSE)]
    assert shared_order(fixed, same) == Order(inner, tuple(d for d, _ in same[0].outer))
    other = nest_of(fixed, DENSE, inner="K C")
    message = r"^sequencer.order is fixed, but the layers' mappings have different loop orders; "
    with pytest.raises(MappingError, match=message):
        shared_order(fixed, [same[0], other])
    assert shared_order(SMALL, [same[0], other]) is None


def test_a_dimension_without_a_loop_in_the_hardware_is_refused():
    accelerator = small(limits__weight_bits=1, limits__activation_bits=1)
    layer = Layer(name="planes", out_channels=2, in_channels=4, activation_bits=2)
    message = r"^layer planes: dimension BA of 2 is beyond the accelerator's limits$"
    with pytest.raises(MappingError, match=message):
        program_of(accelerator, [layer])
