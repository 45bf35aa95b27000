"""What follows a product decides what it becomes; and what is executed is the network itself."""

from pathlib import Path

import numpy as np
import pytest

from asicbnn.bnn.reference import run_network
from asicbnn.errors import SpecError
from asicbnn.spec.lowering import lower
from asicbnn.spec.parameters import load_images, load_parameters
from asicbnn.spec.reader import read_text
from asicbnn.spec.workload import Workload, read_workload

WORKLOADS = Path(__file__).parents[2] / "workloads"
HEAD = "name: net\ninput: {shape: [8, 8, 3]}\nlayers:\n"
CONV = "name: conv, op: conv, out_channels: 4, kernel: [3, 3]"
POOL = "name: pool, op: max_pool, kernel: [2, 2], stride: 2"
OUT = "name: out, op: dense, out_channels: 2"


def lowered(*layers, head=HEAD):
    return lower(read_text(head + "".join(f"  - {{{layer}}}\n" for layer in layers), Workload))


def reasons(*layers, head=HEAD):
    return {layer.name: layer.reason for layer in lowered(*layers, head=head).not_covered}


@pytest.mark.parametrize(
    ("conv", "pool", "order"),
    [
        ([], "batch_norm, sign", "before_threshold"),
        (["relu"], "batch_norm, sign", "before_threshold"),
        (["batch_norm", "sign"], None, "after_threshold"),
        (["batch_norm"], "sign", "after_threshold"),
        (["batch_norm"], "hard_tanh, sign", "after_threshold"),
        (["relu", "batch_norm", "sign"], None, "after_threshold"),
    ],
)
def test_both_pool_orders(conv, pool, order):
    post = f", post: [{', '.join(conv)}]" if conv else ""
    pool_post = f", post: [{pool}]" if pool else ""
    result = lowered(CONV + post, POOL + pool_post, OUT)
    assert result.is_executable
    assert (result.layers[0].pool, result.layers[0].pool_order) == (2, order)
    assert result.fused == (("conv", "pool"), ("out",))


def test_a_sign_in_front_of_the_next_product_belongs_to_the_one_before():
    result = lowered(CONV + ", post: [batch_norm, hard_tanh]", OUT + ", pre: [sign]")
    assert result.is_executable
    assert result.fused == (("conv",), ("out",))


def test_a_sign_of_its_own_is_absorbed():
    result = lowered(CONV, "name: s, op: pointwise, post: [batch_norm, sign]", OUT)
    assert result.is_executable
    assert result.fused == (("conv", "s"), ("out",))


def test_multi_bit_weights_are_executed():
    result = lowered(CONV + ", weight_bits: 3, post: [sign]", OUT)
    assert result.is_executable
    assert result.layers[0].weight_bits == 3


def test_the_largest_of_sigmoids_is_the_largest_of_sums():
    assert lowered(CONV + ", post: [sign]", OUT + ", post: [sigmoid]").is_executable


def test_a_network_may_end_in_bits():
    result = lowered(CONV + ", post: [sign]")
    assert result.is_executable
    assert result.layers[0].output == "bits"


@pytest.mark.parametrize(
    ("layers", "name", "reason"),
    [
        (
            (CONV + ", post: [prelu, sign]", OUT),
            "conv",
            "prelu stands between its sum and its sign",
        ),
        (
            (CONV + ", post: [batch_norm]", POOL + ", post: [batch_norm, sign]", OUT),
            "conv",
            "it has a batch norm on both sides of its pooling",
        ),
        (
            (CONV + ", post: [sign, scale]", POOL + ", post: [sign]", OUT),
            "conv",
            "a sign stands in the middle of its post",
        ),
        (
            (CONV + ", post: [relu]",),
            "conv",
            "the network ends in relu, not in the largest of its sums",
        ),
        ((CONV,), "conv", "the network ends in a map, not in the largest of its sums"),
        (
            (CONV + ", post: [sign]", POOL, POOL.replace("pool", "again", 1), OUT),
            "again",
            "poolings are executed only as part of the product before them",
        ),
        (
            (CONV + ", post: [sign]", POOL.replace("[2, 2]", "[2, 1]"), OUT),
            "pool",
            "poolings that overlap or leave gaps (kernel [2, 1], stride 2) are not yet built",
        ),
    ],
)
def test_what_is_not_a_threshold(layers, name, reason):
    assert reasons(*layers)[name] == reason


def test_layers_that_branch_are_not_executed_but_stay_layers():
    result = lowered(
        CONV + ", post: [sign]",
        CONV.replace("conv", "left", 1) + ", post: [sign]",
        CONV.replace("conv", "right", 1) + ", inputs: [conv], post: [sign]",
        "name: both, op: concat, inputs: [left, right]",
        OUT,
    )
    assert [layer.name for layer in result.layers] == ["conv", "left", "right", "out"]
    assert [layer.name for layer in result.not_covered] == ["both"]
    assert not result.is_executable


def test_unsigned_and_signed_first_layers():
    layer = CONV + ", activation_bits: 8, post: [sign]"
    unsigned = HEAD.replace("3]", "3], bits: 8")
    signed = HEAD.replace("3]", "3], bits: 8, signed: true")
    assert lowered(layer, OUT, head=unsigned).layers[0].signed_input is False
    assert lowered(layer, OUT, head=signed).layers[0].signed_input is True


def test_binarynet_runs_with_random_parameters():
    network = read_workload(WORKLOADS / "binarynet_cifar10.yaml")
    layers = lower(network).layers
    images = load_images(network)
    assert images.labels is None
    outputs = run_network(layers, load_parameters(network), images.activations)
    assert [output.sums.shape[1:] for output in outputs][-1] == (1, 1, 10)
    for output in outputs[:-1]:
        assert 0.05 < output.bits.mean() < 0.95  # neither all +1 nor all -1: a test worth running


def test_random_parameters_follow_the_seed():
    network = read_workload(WORKLOADS / "finn_tfc_w1a1.yaml")
    first, again, other = (load_parameters(network, seed) for seed in (1, 1, 2))
    assert all((a.weights == b.weights).all() for a, b in zip(first, again, strict=True))
    assert any((a.weights != b.weights).any() for a, b in zip(first, other, strict=True))
    assert load_images(network, 3).activations.shape == (3, 1, 1, 784)


def test_the_digits_and_their_images():
    network = read_workload(WORKLOADS / "digits_mlp_64_256_256_10.yaml")
    images = load_images(network)
    assert images.activations.shape == (360, 1, 1, 64)
    assert (images.activations.min(), images.activations.max()) == (-8, 8)
    outputs = run_network(lower(network).layers, load_parameters(network), images.activations)
    assert np.count_nonzero(outputs[-1].classes == images.labels) == 353
    assert load_images(network, 20).labels.shape == (20,)
    with pytest.raises(SpecError, match="images: expected at least 361 images, got 360"):
        load_images(network, 361)


def test_images_of_a_network_that_is_not_executed():
    network = read_workload(WORKLOADS / "birealnet18.yaml")
    with pytest.raises(SpecError, match=r"^birealnet18 is not executed as a whole: not executed"):
        load_images(network)


def test_check_reads_the_weights(tmp_path):
    from asicbnn.spec.check import check

    digits = WORKLOADS / "digits_mlp_64_256_256_10.yaml"
    assert check(digits) == []
    moved = tmp_path / digits.name
    moved.write_text(digits.read_text("utf-8"))
    lead, missing = check(moved)
    assert lead.headline.endswith("weights: these are not the parameters of this network")
    assert "no such file" in missing.headline
