"""The workload format: what is refused, and in which words."""

import re

import pytest

from asicbnn.errors import SpecError
from asicbnn.spec.reader import read_text
from asicbnn.spec.workload import Workload, read_workload

HEAD = "name: net\ninput: {shape: [8, 8, 3], bits: 8}\nlayers:\n"
FIRST = "{name: conv1, op: conv, out_channels: 4, kernel: [3, 3], activation_bits: 8, post: [sign]}"


def workload(*layers, head=HEAD):
    return read_text(head + "".join(f"  - {layer}\n" for layer in layers), Workload, "net.yaml")


def refusal(*layers, head=HEAD):
    with pytest.raises(SpecError) as caught:
        workload(*layers, head=head)
    return str(caught.value)


def test_defaults_and_the_shapes_that_follow():
    net = workload(FIRST, "{name: pool, op: max_pool, kernel: [2, 2], stride: 2}",
                   "{name: out, op: dense, out_channels: 10}")  # fmt: skip
    assert [node.shape for node in net.nodes] == [(6, 6, 4), (3, 3, 4), (1, 1, 10)]
    assert [node.sources for node in net.nodes] == [("input",), ("conv1",), ("pool",)]
    assert [node.format for node in net.nodes] == ["bits", "bits", "real"]
    assert net.nodes[2].weights == 3 * 3 * 4 * 10


@pytest.mark.parametrize(
    ("layers", "sentence"),
    [
        (
            [FIRST.replace("post", "shape: [8, 8, 4], post")],
            "layers[0].shape: expected [6, 6, 4], got [8, 8, 4]",
        ),
        (
            [FIRST, FIRST.replace("8, post", "1, post")],
            "layers[1].name: 'conv1' is given more than once",
        ),
        (
            [FIRST, "{name: out, op: dense, inputs: [conv], out_channels: 2}"],
            "layers[1].inputs[0]: there is no layer 'conv' before 'out'",
        ),
        (
            ["{name: a, op: conv, out_channels: 4, kernel: [9, 3], activation_bits: 8}"],
            "layers[0].kernel: 9 in y is larger than the padded input, which is 8",
        ),
        (
            [FIRST.replace("activation_bits: 8, ", "")],
            "layers[0].activation_bits: 1 bit, but the layer reads integers of several bits",
        ),
        (
            [FIRST.replace("bits: 8", "bits: 4")],
            "layers[0].activation_bits: 4 bit, but the input has 8",
        ),
        (
            [FIRST.replace("[sign]", "[batch_norm]"), "{name: out, op: dense, out_channels: 2}"],
            "layers[1].activation_bits: 1 bit, but the layer reads sums or real numbers (conv1)",
        ),
        (
            [FIRST, "{name: out, op: dense, out_channels: 2, activation_bits: 4}"],
            "layers[1].activation_bits: 4 bit, but the layer reads bits (conv1)",
        ),
        (
            [FIRST, "{name: c, op: conv, out_channels: 4, padding: [1, 1, 1, 1]}"],
            "layers[1].pad_value: expected a value for the padding, got none",
        ),
        (
            [FIRST.replace("post", "padding: [1, 0, 1, 0], pad_value: +1, post")],
            "layers[0].pad_value: +1 is not a level of 8-bit activations",
        ),
        (
            [FIRST, "{name: c, op: conv, out_channels: 4, groups: 3}"],
            "layers[1].groups: 3 does not divide the 4 input channels",
        ),
        (
            [FIRST, "{name: p, op: max_pool, kernel: [2, 2], stride: 2, order: before_threshold}"],
            "layers[1].order: before_threshold, but conv1 gives bits",
        ),
        (
            [FIRST, "{name: s, op: add, inputs: [conv1, input]}"],
            "layers[1].inputs: expected equal shapes to add, got [6, 6, 4] and [8, 8, 3]",
        ),
        (
            [FIRST, "{name: s, op: add}"],
            "layers[1].inputs: expected two or more inputs, got 1",
        ),
        (
            [FIRST, "{name: s, op: concat, inputs: [conv1, input]}"],
            "layers[1].inputs: expected maps of one size to concatenate",
        ),
        (
            [FIRST, "{name: s, op: multiply_channels, inputs: [conv1, conv1]}"],
            "layers[1].inputs: expected a map and one factor per channel",
        ),
        (
            [FIRST, "{name: s, op: add_last_channels, inputs: [input, conv1]}"],
            "layers[1].inputs: expected a map and one of no more channels",
        ),
        (
            [FIRST, "{name: p, op: pointwise, out_channels: 7}"],
            "layers[1].out_channels: 7 from 4 channels needs encode in post",
        ),
        (
            [FIRST, "{name: d, op: dense, inputs: [conv1, conv1], out_channels: 7}"],
            "layers[1].inputs: expected one input, got 2",
        ),
        (
            [FIRST, FIRST.replace("name: conv1", "name: conv2, inputs: [input]")],
            "layers[0].name: no layer reads 'conv1', and only the last is the output",
        ),
        (
            ["{name: a, op: convolution, out_channels: 4}"],
            "layers[0].op: expected conv, dense, max_pool",
        ),
        (
            [FIRST.replace("stride", "s").replace("out_channels: 4", "out_chanels: 4")],
            "did you mean 'out_channels'?",
        ),
        (
            [FIRST.replace("[sign]", "[bn, sign]")],
            "layers[0].post[0]: expected batch_norm",
        ),
        (
            [FIRST.replace("post", "padding: [1, 0, 1], pad_value: zero, post")],
            "layers[0].padding: expected a list",
        ),
        (
            [FIRST.replace("post", "padding: [1, 0, 1, 0], pad_value: 1, post")],
            "layers[0].pad_value: expected none, zero, +1 or -1, got 1",
        ),
    ],
)
def test_every_broken_rule_is_said_at_its_line(layers, sentence):
    said = refusal(*layers)
    assert sentence in said
    assert re.match(r"net\.yaml:\d+:\d+: layers\[", said)


def test_all_problems_at_once():
    """A stated shape lets the check go on behind a layer that does not fit."""
    said = refusal(
        FIRST.replace("[3, 3]", "[9, 9]").replace("post", "shape: [4, 4, 4], post"),
        "{name: a, op: conv, out_channels: 4, kernel: [5, 5]}",
    )
    assert "layers[0].kernel: 9 in y is larger" in said
    assert "layers[1].kernel: 5 in y is larger than the padded input, which is 4" in said


def test_pad_values_and_the_sign_of_zero_are_read_as_written():
    head = HEAD.replace("bits: 8", "bits: 1").replace("name", "sign_of_zero: +1\nname")
    net = workload("{name: a, op: conv, out_channels: 4, kernel: [3, 3], padding: [1, 1, 1, 1], "
                   "pad_value: -1}", head=head)  # fmt: skip
    assert net.sign_of_zero == 1
    assert net.layers[0].pad_value == "-1"


def test_totals_must_agree():
    totals = "totals: {weights: 107, weight_bits: 108, macs: 3888, macs_binary: 0, "
    said = refusal(FIRST, head=totals + "macs_binary_weight: 3888, macs_other: 0}\n" + HEAD)
    assert "net.yaml:1:19: totals.weights: the layers add up to 108, got 107" in said


@pytest.mark.parametrize(
    ("field", "sentence"),
    [
        ("signed: true", "input.signed: expected false where bits is 1"),
        ("offset: 3", "input.offset: expected 0 where bits is 1"),
    ],
)
def test_one_bit_has_no_sign_bit(field, sentence):
    head = HEAD.replace("bits: 8", f"bits: 1, {field}")
    assert sentence in refusal("{name: a, op: dense, out_channels: 4}", head=head)


def test_weights_are_found_beside_the_file(tmp_path):
    path = tmp_path / "net.yaml"
    path.write_text("weights: some/net.npz\n" + HEAD + f"  - {FIRST}\n")
    assert read_workload(path).weights == str(tmp_path / "some" / "net.npz")


def test_a_workload_without_layers():
    said = refusal(head=HEAD.replace("layers:", "layers: []"))
    assert "net.yaml:3:9: layers: expected at least one layer, got an empty list" in said
