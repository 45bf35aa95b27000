"""The 50 published networks: what their layers add up to, and what is lowered of them."""

from math import prod
from pathlib import Path

import pytest
import yaml

from asicbnn.spec.lowering import lower
from asicbnn.spec.workload import Totals, read_workload

ROOT = Path(__file__).parents[2]
DRAFTS = ROOT.parent / "shared" / "data" / "workloads"
FILES = sorted((ROOT / "workloads").glob("*.yaml"))
KINDS = {
    "conv2d": "conv",
    "maxpool": "max_pool",
    "avgpool": "average_pool",
    "global_avgpool": "global_average_pool",
    "mul_channel": "multiply_channels",
}

each_network = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def networks():
    return {path.stem: read_workload(path) for path in FILES}


def weights_of(layer):
    """Counted from the lowered layer, not by the code that counts a workload's layers."""
    return prod((layer.out_channels, layer.in_channels, layer.kernel_y, layer.kernel_x))


def test_there_are_50():
    assert len(FILES) == 50


@each_network
def test_layers_add_up_to_the_stated_totals(path, networks):
    network = networks[path.stem]
    assert network.name == path.stem
    assert network.sources
    assert all(layer.shape for layer in network.layers)
    assert network.totals == Totals.of(network.nodes)


@each_network
def test_the_network_is_its_draft(path, networks):
    if not DRAFTS.exists():
        pytest.skip(f"{DRAFTS} is not there")
    network = networks[path.stem]
    draft = yaml.safe_load((DRAFTS / path.name).read_text("utf-8"))
    assert network.totals.model_dump() == draft["totals"]
    assert str(network.sign_of_zero) == str(draft["sign_of_zero"])[0]
    assert network.input.bits == draft["input"]["bits"]
    assert [node.name for node in network.nodes] == [layer["name"] for layer in draft["layers"]]
    for node, told in zip(network.nodes, draft["layers"], strict=True):
        assert node.layer.op == KINDS.get(told["op"], told["op"])
        assert list(node.sources) == told["inputs"]
        assert list(node.shape) == told["out"]
        assert list(node.input_shapes[0]) == told.get("in", list(node.input_shapes[0]))
        assert node.weights == told.get("weights", 0)
        assert node.macs == told.get("macs", 0)
        assert len(node.layer.post) == len(told.get("post", []))
        assert node.weight_bits == told.get("w_bits", 0)
        assert node.activation_bits == told.get("a_bits", 0)
        assert getattr(node.layer, "groups", 1) == told.get("groups", 1)
        assert list(getattr(node.layer, "padding", [0] * 4)) == told.get("pad", [0] * 4)
        pad_value = str(told.get("pad_value", "none")).replace("1", "+1").replace("-+", "-")
        assert getattr(node.layer, "pad_value", "none") == pad_value
        assert getattr(node.layer, "weight_scale", "none") == told.get("w_scale", "none")
        assert getattr(node.layer, "bias", False) == told.get("bias", False)


@each_network
@pytest.mark.parametrize("batch", [1, 3])
def test_covered_and_not_covered_are_the_whole_network(path, batch, networks):
    network = networks[path.stem]
    lowered = lower(network, batch)
    missing = lowered.not_covered
    weights = sum(map(weights_of, lowered.layers)) + sum(layer.weights for layer in missing)
    assert weights == network.totals.weights
    assert lowered.covered_macs + lowered.not_covered_macs == batch * network.totals.macs
    assert lowered.is_executable == (not lowered.reason) == (not missing)
    assert all(layer.reason and "\n" not in layer.reason for layer in missing)
    named = [name for group in lowered.fused for name in group] + [layer.name for layer in missing]
    assert sorted(named) == sorted(node.name for node in network.nodes)


@each_network
def test_executable_layers_chain(path, networks):
    lowered = lower(networks[path.stem])
    if not lowered.is_executable:
        return
    for before, after in zip(lowered.layers, lowered.layers[1:], strict=False):
        stored = (before.stored_y, before.stored_x, before.out_channels)
        assert stored == (after.in_y, after.in_x, after.in_channels)
    assert lowered.layers[-1].output == "argmax"


def test_which_networks_are_executed_as_a_whole(networks):
    executed = {name for name, network in networks.items() if lower(network).is_executable}
    assert executed == {
        "binarynet_cifar10",
        "binarynet_svhn",
        "bnn_mlp_2048_mnist",
        "bnn_mlp_4096_mnist",
        "bnn_vgg_cifar10_infl3",
        "digits_mlp_64_256_256_10",
        "finn_cnv_w1a1_cifar10",
        "finn_cnv_w1a1_gtsrb",
        "finn_cnv_w1a1_svhn",
        "finn_lfc_w1a1",
        "finn_sfc_w1a1",
        "finn_tfc_w1a1",
        "mnist_cnn_tiny",
    }


def test_binarynet_is_nine_layers(networks):
    lowered = lower(networks["binarynet_cifar10"])
    assert [layer.name for layer in lowered.layers] == [
        "conv1", "conv2", "conv3", "conv4", "conv5", "conv6", "fc1", "fc2", "fc3",
    ]  # fmt: skip
    first = lowered.layers[0]
    assert (first.activation_bits, first.signed_input, first.pad_value) == (8, True, "zero")
    assert [layer.pool for layer in lowered.layers] == [1, 2, 1, 2, 1, 2, 1, 1, 1]
    assert {layer.pool_order for layer in lowered.layers if layer.pool > 1} == {"before_threshold"}
    dense = lowered.layers[6]
    assert (dense.in_channels, dense.kernel_y, dense.kernel_x, dense.out_y) == (512, 4, 4, 1)
    assert [layer.output for layer in lowered.layers] == ["bits"] * 8 + ["argmax"]
    (remark,) = lowered.remarks
    assert remark == (
        "fc3: one integer per class stands for batch_norm, which is exact where its scales are "
        "positive and equal"
    )
    assert lowered.fused[1] == ("conv2", "maxpool1")


def test_digits_is_three_layers(networks):
    from asicbnn.bnn.digits import layers

    assert lower(networks["digits_mlp_64_256_256_10"]).layers == layers()


def test_poolings_after_the_threshold(networks):
    pooled = [layer for layer in lower(networks["finn_cnv_w1a1_cifar10"]).layers if layer.pool > 1]
    assert [layer.name for layer in pooled] == ["conv2", "conv4"]
    assert {layer.pool_order for layer in pooled} == {"after_threshold"}


def test_an_overlapping_pooling_is_named_and_its_layer_still_counted(networks):
    lowered = lower(networks["binary_alexnet"])
    assert [layer.name for layer in lowered.not_covered] == ["maxpool1", "maxpool2", "maxpool3"]
    assert lowered.not_covered[0].reason == (
        "poolings that overlap or leave gaps (kernel [3, 3], stride 2) are not yet built; "
        "the threshold after it is conv1's, a flip comes after the pooling"
    )
    assert lowered.covered_macs == networks["binary_alexnet"].totals.macs
    assert lowered.reason.startswith("not executed: maxpool1 and 2 more")


def test_every_reason_of_the_published_networks(networks):
    """Each kind of layer that is missing is missing for its own reason."""
    reasons = {
        (name, layer.name): layer.reason
        for name, network in networks.items()
        for layer in lower(network).not_covered
    }
    expected = {
        ("birealnet18", "conv1"): "its sums after batch_norm go to add1, and only bits can be put "
        "out yet",
        ("birealnet18", "stem"): "its weights are real numbers (32 bit)",
        ("birealnet18", "add1"): "residual sums are not yet built",
        ("birealnet18", "avgpool1"): "average poolings are not yet built",
        ("birealnet18", "maxpool1"): "padded poolings are not yet built",
        ("kws_dscnn_w1a1_derived", "dwconv1"): "it is a depthwise convolution, and the array mixes "
        "all input channels",
        ("dorefanet_alexnet_w1a2_grouped", "conv2"): "it is grouped (2 groups), and the array "
        "mixes all input channels",
        ("dorefanet_alexnet_w1a2", "fc1"): "its sums after quantise go to fc2, and only bits can "
        "be put out yet",
        ("lab_lstm512_linux", "lstm1"): "recurrent layers, their gates and cell are not yet built",
        ("reactnet_a", "concat1"): "maps are not concatenated yet",
        ("real_to_binary_net", "mul1"): "gates are not yet built",
        ("meliusnet22", "add_last_channels1"): "residual sums are not yet built",
        ("binareye_256x_cifar10", "encode"): "encode alone is not yet built",
        ("binaryconnect_cifar10", "fc3"): "its activations are real numbers (12 bit in hardware)",
    }
    assert {place: reasons[place] for place in expected} == expected
