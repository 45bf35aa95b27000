"""Parameter folders of BNN-PYNQ: written by loops, read back, and the real ones run."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shared_data import shared_data

from asicbnn.bnn.layer import Layer
from asicbnn.bnn.reference import run_network
from asicbnn.errors import SpecError
from asicbnn.importers.bnn_pynq import input_pixels, read_parameters
from asicbnn.spec.lowering import lower
from asicbnn.spec.workload import read_workload

WORKLOADS = Path(__file__).parents[2] / "workloads"
LFC, CNV = "models/bnn_pynq/mnist/lfcW1A1", "models/bnn_pynq/cifar10/cnvW1A1"


def layers_of(name):
    return lower(read_workload(WORKLOADS / name)).layers


def write_layer(folder, index, signs, limits, *, pes, lanes):
    """Write weights [K, synapses] as 0 and 1, and limits [K], a bit and a word at a time."""
    neurons, synapses = signs.shape
    groups, words = -(-neurons // pes), -(-synapses // lanes)
    for pe in range(pes):
        weights, thresholds = [], []
        for group in range(groups):
            n = group * pes + pe
            for word in range(words):
                value = 0
                for lane in range(lanes):
                    i = word * lanes + lane
                    is_padded = n >= neurons or i >= synapses
                    value |= (1 if is_padded else int(signs[n, i])) << lane
                weights.append(value)
            thresholds.append(int(limits[n]) if n < neurons else 32767)
        (folder / f"{index}-{pe}-weights.bin").write_bytes(
            struct.pack(f"<{len(weights)}Q", *weights)
        )
        (folder / f"{index}-{pe}-thres.bin").write_bytes(
            struct.pack(f"<{len(thresholds)}q", *thresholds)
        )


def small_network(rng, channels, kernel, pes, lanes):
    """Two layers and what their neurons do, with weights [K, FY, FX, C] of 0 and 1."""
    first = Layer(
        name="conv", out_channels=channels, in_channels=3, in_y=kernel, in_x=kernel + 1,
        kernel_y=kernel, kernel_x=kernel,
    )  # fmt: skip
    last = Layer(
        name="classes", out_channels=4, in_channels=channels, in_y=1, in_x=2, kernel_x=2,
        output="argmax",
    )  # fmt: skip
    signs = [rng.integers(0, 2, (x.out_channels, x.fan_in)) for x in (first, last)]
    for some in signs:
        some[:, min(lanes, some.shape[1]) - 1 :: lanes] = 1  # the highest lane is in use
    limits = [rng.integers(0, x.fan_in, x.out_channels) for x in (first, last)]
    return (first, last), signs, limits


@given(
    st.integers(0, 2**32), st.integers(1, 9), st.integers(1, 3), st.integers(1, 5),
    st.integers(1, 9),
)  # fmt: skip
def test_a_folder_of_any_folding_gives_the_network_that_was_written(
    tmp_path_factory, seed, channels, kernel, pes, lanes
):
    rng = np.random.default_rng(seed)
    layers, signs, limits = small_network(rng, channels, kernel, pes, lanes)
    folder = tmp_path_factory.mktemp("parameters")
    for index, (some, bounds) in enumerate(zip(signs, limits, strict=True)):
        write_layer(folder, index, some, bounds, pes=pes, lanes=min(lanes, some.shape[1]))
    conv, classes = read_parameters(folder, layers)
    image = rng.integers(0, 2, (1, kernel, kernel + 1, 3))
    outputs = run_network(layers, [conv, classes], 2 * image - 1)
    for x in range(2):  # popcounts of one window, neuron by neuron
        window = image[0, :, x : x + kernel].reshape(-1)
        for n in range(channels):
            agreeing = sum(int(a == b) for a, b in zip(window, signs[0][n], strict=True))
            assert outputs[0].bits[0, 0, x, n] == (agreeing > limits[0][n])
    hidden = outputs[0].bits[0, 0].reshape(-1)
    popcounts = [int((hidden == row).sum()) for row in signs[1]]
    assert outputs[1].classes[0] == popcounts.index(max(popcounts))


def test_first_layers_of_8_bits_compare_with_8_fractional_bits(tmp_path):
    layer = Layer(name="first", out_channels=3, in_channels=2, activation_bits=8, signed_input=True)
    # 2 (q0 + q1) > t with q0 + q1 = 5: 10 > 9, not > 10, > -11
    write_layer(tmp_path, 0, np.ones((3, 2), int), [9, 10, -11], pes=1, lanes=2)
    [first] = read_parameters(tmp_path, [layer])
    [output] = run_network([layer], [first], np.array([[[[7, -2]]]]))
    assert output.bits.ravel().tolist() == [True, False, True]


def test_pixels_become_what_the_networks_read():
    shades = np.arange(256, dtype=np.uint8).reshape(1, 256, 1, 1)
    bit = Layer(name="b", out_channels=1, in_channels=1, in_y=256)
    assert input_pixels(shades, bit).ravel().tolist() == [0] * 128 + [1] * 128
    fixed = Layer(
        name="f", out_channels=1, in_channels=1, in_y=256, activation_bits=8, signed_input=True
    )
    from fractions import Fraction
    from math import floor

    exact = [128 * (Fraction(2 * p, 255) - 1) for p in range(256)]
    expected = [min(127, floor(value + Fraction(1, 2))) for value in exact]
    assert input_pixels(shades, fixed).ravel().tolist() == expected


# ---------------------------------------------------------------------- what is wrong with a folder
@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(1)
    layers, signs, limits = small_network(rng, 6, 2, 2, 4)
    for index in range(2):
        write_layer(tmp_path, index, signs[index], limits[index], pes=2, lanes=4)
    return tmp_path, layers


def refused(folder, layers):
    with pytest.raises(SpecError) as caught:
        read_parameters(folder, layers)
    [problem] = caught.value.problems
    assert caught.value.exit_code == 2
    return problem


def test_a_missing_folder_and_one_without_parameters_are_named(tmp_path, folder):
    layers = folder[1]
    missing = refused(tmp_path / "nowhere", layers)
    assert missing.headline.endswith(
        "nowhere: cannot be read as a folder: no such file or directory"
    )
    (tmp_path / "empty").mkdir()
    empty = refused(tmp_path / "empty", layers)
    assert empty.headline.endswith("empty: there is no file named like 0-0-weights.bin in it")


@pytest.mark.parametrize("name", ["0-1-weights.bin", "0-0-weights.bin", "0-1-thres.bin"])
def test_a_missing_file_is_named(folder, name):
    path, layers = folder
    (path / name).unlink()
    problem = refused(path, layers)
    assert problem.file == str(path / name)
    assert (problem.message, problem.help) == ("no such file", "layer 0 has files of 2 PEs")


def test_a_layer_without_any_file_is_named(folder):
    path, layers = folder
    for pe in range(2):  # layer 1 becomes layer 2, and layer 1 is missing
        for kind in ("weights", "thres"):
            (path / f"1-{pe}-{kind}.bin").rename(path / f"2-{pe}-{kind}.bin")
    problem = refused(path, (layers[0], layers[0], layers[1]))
    assert problem.file == str(path / "1-0-weights.bin")
    assert (problem.message, problem.help) == ("no such file", "there is no file of layer 1 at all")


@pytest.mark.parametrize(
    ("size", "said"), [(0, "expected 72 bytes, got 0"), (64, "expected 72 bytes, got 64"),
                       (71, "expected 72 bytes, got 71")]
)  # fmt: skip
def test_a_file_cut_short_is_named(folder, size, said):
    path, layers = folder
    name = path / "0-1-weights.bin"
    name.write_bytes(name.read_bytes()[:size])
    problem = refused(path, layers)
    assert (problem.file, problem.message) == (str(name), said)


def test_thresholds_for_other_neurons_are_refused(folder):
    path, layers = folder
    for pe in range(2):
        name = path / f"0-{pe}-thres.bin"
        name.write_bytes(name.read_bytes()[:16])
    message = refused(path, layers).message
    assert message == "expected thresholds of 6 neurons on 2 PEs for conv, got 4 on 2"


def test_parameters_of_another_network_are_refused(folder):
    path, (first, last) = folder
    assert (
        "expected files of 1 layers, as the workload has, got 2" in refused(path, [first]).message
    )
    wider = Layer(**{**vars(first), "in_channels": 9})
    assert refused(path, [wider, last]).message == (
        "expected 6 neurons of 36 synapses for conv: 216 bytes for each of 2 PEs of 4 lanes, got 72"
    )
    narrower = Layer(**{**vars(first), "in_channels": 2})
    assert "6 neurons of 8 synapses for conv" in refused(path, [narrower, last]).message
    shorter = Layer(**{**vars(first), "in_channels": 1, "kernel_y": 3, "kernel_x": 3, "in_y": 3})
    assert re.match(
        "conv has 9 synapses, and not every weight bit", refused(path, [shorter, last]).message
    )


# ---------------------------------------------------------------------- the networks themselves
def unpacked(archive, name, count):
    return np.unpackbits(archive[name], axis=1)[:, :count].astype(bool)


def test_lfc_is_the_network_of_its_golden_vectors():
    layers = layers_of("finn_lfc_w1a1.yaml")
    parameters = read_parameters(shared_data(LFC), layers)
    with np.load(shared_data("models/lfc_w1a1_mnist.npz")) as golden:
        for index, learned in enumerate(parameters):
            neurons, synapses = golden[f"w{index}_shape"]
            weights = unpacked(golden, f"w{index}_bits", synapses)
            assert np.array_equal(learned.weights.reshape(neurons, synapses) > 0, weights)
        images = 2 * unpacked(golden, "gold_x", 784).astype(int) - 1
        *hidden, last = run_network(layers, parameters, images.reshape(-1, 1, 1, 784))
        for index, output in enumerate(hidden):
            assert np.array_equal(
                output.bits.reshape(len(images), -1), unpacked(golden, f"gold_h{index}", 1024)
            )
        popcounts = (last.sums.reshape(-1, 10) + 1024) // 2
        assert np.array_equal(popcounts, golden["gold_popcount"])
        assert np.array_equal(last.classes, golden["gold_popcount"].argmax(axis=1))


def test_cnv_is_the_network_of_its_golden_vectors():
    layers = layers_of("finn_cnv_w1a1_cifar10.yaml")
    parameters = read_parameters(shared_data(CNV), layers)
    with np.load(shared_data("models/cnv_w1a1_cifar10.npz")) as golden:
        images = input_pixels(golden["gold_x"], layers[0])
        last = run_network(layers, parameters, images)[-1]
        popcounts = (last.sums.reshape(-1, 10) + 512) // 2
        assert np.array_equal(popcounts, golden["gold_popcount"])
