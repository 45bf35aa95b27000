"""Weight files: what is written is read, and whatever is wrong is said."""

import re
import zipfile

import numpy as np
import pytest

from asicbnn.bnn.layer import Layer
from asicbnn.bnn.reference import random_parameters
from asicbnn.bnn.weights import load_images, load_weights, save_weights
from asicbnn.errors import SpecError

LAYERS = (
    Layer(name="conv", in_channels=3, out_channels=5, in_y=4, in_x=4, kernel_y=2, kernel_x=2),
    Layer(
        name="wide", in_channels=5, out_channels=4, in_y=3, in_x=3, kernel_y=3, kernel_x=3,
        weight_bits=2,
    ),
)  # fmt: skip


@pytest.fixture
def saved(tmp_path):
    generator = np.random.default_rng(4)
    parameters = [random_parameters(layer, generator) for layer in LAYERS]
    images = generator.integers(0, 2, (6, 48)).astype(np.uint8)
    path = tmp_path / "net.npz"
    save_weights(path, LAYERS, parameters, images=images, labels=np.arange(6))
    return path, parameters, images


def changed(path, **arrays):
    with np.load(path) as stored:
        everything = dict(stored) | arrays
    np.savez(path, **{name: a for name, a in everything.items() if a is not None})


def refusal(path, layers=LAYERS):
    with pytest.raises(SpecError) as caught:
        load_weights(path, layers)
    return str(caught.value)


def test_round_trip(saved):
    path, parameters, images = saved
    for wrote, read in zip(parameters, load_weights(path, LAYERS), strict=True):
        assert (wrote.weights == read.weights).all()
        assert (wrote.thresholds == read.thresholds).all()
        assert (wrote.flips == read.flips).all()
    loaded = load_images(path, LAYERS[0])
    assert (loaded.activations == 2 * images.reshape(6, 4, 4, 3).astype(int) - 1).all()
    assert loaded.labels.tolist() == list(range(6))
    assert {entry.name for entry in path.parent.iterdir()} == {"net.npz"}


def test_a_file_without_images(saved):
    changed(saved[0], images=None)
    assert load_images(saved[0], LAYERS[0]) is None


def test_missing_file(saved):
    said = refusal(saved[0].with_name("ned.npz"))
    assert re.search(r"ned\.npz: no such file\n      = did you mean '.*net\.npz'\?$", said)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"hello", np.ones(3).tobytes()])
def test_not_an_archive(tmp_path, content):
    path = tmp_path / "net.npz"
    path.write_bytes(content)
    assert "net.npz: not an .npz file, or cut short\n" in refusal(path)


def test_truncated_anywhere(saved):
    whole = saved[0].read_bytes()
    for length in range(0, len(whole), 97):
        saved[0].write_bytes(whole[:length])
        assert "cut short" in refusal(saved[0])


def test_flipped_bytes_never_escape_as_another_error(saved):
    whole = bytearray(saved[0].read_bytes())
    for position in range(0, len(whole), 31):
        damaged = bytearray(whole)
        damaged[position] ^= 0xFF
        saved[0].write_bytes(damaged)
        try:
            load_weights(saved[0], LAYERS)
        except SpecError as error:
            assert "net.npz" in str(error)  # noqa: PT017 - undamaged positions are no error


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"conv.flips": None}, "conv.flips: missing array\n      = did you mean 'wide.flips'?"),
        (
            {"conv.thresholds": np.zeros(4, np.int64)},
            "conv.thresholds: expected int64 [5], got int64 [4]",
        ),
        ({"conv.thresholds": np.zeros(5)}, "conv.thresholds: expected int64 [5], got float64 [5]"),
        (
            {"conv.weights_packed": np.zeros(7, np.uint8)},
            "conv.weights_packed: expected uint8 [8], got uint8 [7]",
        ),
        (
            {"conv.weights_packed": np.zeros(9000, np.uint8)},
            "conv.weights_packed: expected at most 64 bytes, got 9128",
        ),
        (
            {"conv.weights_packed": np.array([None] * 8)},
            "conv.weights_packed: holds Python objects",
        ),
        (
            {"wide.weights": np.ones((4, 5, 3, 2), np.int8)},
            "wide.weights: expected signed integers [4, 5, 3, 3], got int8 [4, 5, 3, 2]",
        ),
        (
            {"wide.weights": np.ones((4, 5, 3, 3))},
            "wide.weights: expected signed integers [4, 5, 3, 3], got float64",
        ),
        ({"wide.weights": np.full((4, 5, 3, 3), 2)}, "wide: weights must be odd"),
        (
            {"wide.weights": np.full((4, 5, 3, 3), 5)},
            "wide: layer wide: weights of 2 bit lie in -3..3",
        ),
    ],
)
def test_wrong_arrays(saved, arrays, sentence):
    changed(saved[0], **arrays)
    assert sentence in refusal(saved[0])


def test_a_damaged_array(tmp_path):
    path = tmp_path / "net.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("fc.weights_packed.npy", b"\x93NUMPY\x01\x00 nonsense")
    said = refusal(path, (Layer(name="fc", in_channels=3, out_channels=1),))
    assert "net.npz: fc.weights_packed: damaged array\n" in said


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        (
            {"images": np.zeros((6, 47), np.uint8)},
            "images: expected integers [N, 48] or [N, 4, 4, 3], got uint8 [6, 47]",
        ),
        ({"images": np.zeros((6, 48))}, "images: expected integers"),
        ({"labels": np.zeros(5, np.uint8)}, "labels: expected integers [6], got uint8 [5]"),
    ],
)
def test_wrong_images(saved, arrays, sentence):
    changed(saved[0], **arrays)
    with pytest.raises(SpecError) as caught:
        load_images(saved[0], LAYERS[0])
    assert sentence in str(caught.value)


def test_pixels_out_of_range(saved):
    changed(saved[0], images=np.full((6, 48), 200, np.uint8))
    layer = Layer(name="conv", in_channels=3, out_channels=5, in_y=4, in_x=4, activation_bits=5)
    with pytest.raises(SpecError, match=PIXELS):
        load_images(saved[0], layer, -8)


PIXELS = r"images: expected pixels in 8\.\.39 \(0\.\.31 with the offset\), got 200\.\.200"


@pytest.mark.parametrize(
    ("pixels", "given"),
    [
        (np.full((6, 48), 255, np.uint8), "255..255"),
        (np.full((6, 48), -1, np.int8), "-1..-1"),
        (np.eye(6, 48, dtype=int) * 2, "0..2"),
    ],
)
def test_one_bit_pixels_are_0_and_1_and_nothing_else(saved, pixels, given):
    changed(saved[0], images=pixels)
    with pytest.raises(SpecError) as caught:
        load_images(saved[0], LAYERS[0])
    assert f"net.npz: images: expected pixels in 0..1, got {given}" in str(caught.value)


def test_pixels_of_any_integer_type_are_compared_before_they_wrap_around(saved):
    layer = Layer(
        name="conv", in_channels=3, out_channels=5, in_y=4, in_x=4, activation_bits=8,
        signed_input=True,
    )  # fmt: skip
    for value, kind in ((2**64 - 1, np.uint64), (2**63 - 1, np.int64), (-(2**63), np.int64)):
        changed(saved[0], images=np.full((6, 48), value, kind))
        with pytest.raises(SpecError, match=r"images: expected pixels in -129\.\.126 \("):
            load_images(saved[0], layer, 1)
