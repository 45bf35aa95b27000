"""The trainer, and the digits network it made."""

from pathlib import Path

import numpy as np
import pytest

from asicbnn.bnn import digits
from asicbnn.bnn.folding import BatchNorm
from asicbnn.bnn.layer import Layer
from asicbnn.bnn.reference import run_network
from asicbnn.bnn.training import Recipe, TrainedNetwork, train_mlp
from asicbnn.bnn.weights import load_images, load_weights

COMMITTED = Path(__file__).parents[2] / digits.WEIGHTS


def test_the_committed_network_classifies_the_held_out_images():
    layers = digits.layers()
    images = load_images(COMMITTED, layers[0], digits.PIXEL_OFFSET)
    assert images.activations.shape == (digits.TEST_IMAGES, 1, 1, 64)
    outputs = run_network(layers, load_weights(COMMITTED, layers), images.activations)
    correct = np.count_nonzero(outputs[-1].classes == images.labels)
    assert correct == 353  # recorded: 98.06 %; retraining may change it


def test_integers_compute_the_float_network_on_every_test_image():
    pytest.importorskip("sklearn", reason="scikit-learn holds the training images")
    split = digits.load_digits()
    network = digits.train(split, Recipe(epochs=2))
    assert digits.disagreements(network, split.test_images) == 0
    assert digits.accuracy(network, split.test_images, split.test_labels) > 0.85


def test_the_output_bias_becomes_the_threshold():
    generator = np.random.default_rng(9)
    layers = (
        Layer(name="a", in_channels=20, out_channels=16),
        Layer(name="b", in_channels=16, out_channels=5, output="argmax"),
    )
    weights = tuple(
        2.0 * generator.integers(0, 2, (layer.out_channels, layer.in_channels)) - 1
        for layer in layers
    )
    norm = BatchNorm(*generator.normal(0, 1, (3, 16)), np.full(16, 20.0), 1e-4)
    network = TrainedNetwork(weights, (norm,), np.array([6.0, -5.0, 0.0, 3.0, -9.0]))
    images = 2 * generator.integers(0, 2, (300, 20)) - 1
    hidden, classes = network.infer(images)
    outputs = run_network(layers, network.folded(layers), images.reshape(300, 1, 1, 20))
    assert (outputs[0].bits[:, 0, 0] == hidden[0]).all()
    assert (outputs[1].classes == classes).all()
    assert len(set(classes)) > 2


def test_the_committed_images_are_the_stratified_split():
    pytest.importorskip("sklearn", reason="scikit-learn holds the training images")
    split = digits.load_digits()
    images = load_images(COMMITTED, digits.layers()[0], digits.PIXEL_OFFSET)
    assert (images.activations.reshape(-1, 64) - digits.PIXEL_OFFSET == split.test_images).all()
    assert (images.labels == split.test_labels).all()
    assert len(split.train_images) + len(split.test_images) == 1797
    assert np.bincount(split.test_labels).min() >= 34


def test_training_is_reproducible_and_learns():
    generator = np.random.default_rng(1)
    images = 2 * generator.integers(0, 2, (400, 30)) - 1
    labels = (images[:, :10].sum(axis=1) > 0).astype(np.int64)
    first, again = (train_mlp(images, labels, (32,), Recipe(epochs=15)) for _ in range(2))
    other = train_mlp(images, labels, (32,), Recipe(epochs=15, seed=1))
    assert all((a == b).all() for a, b in zip(first.weights, again.weights, strict=True))
    assert any((a != b).any() for a, b in zip(first.weights, other.weights, strict=True))
    assert (first.infer(images)[1] == labels).mean() > 0.9


def test_the_command_chooses_trains_and_writes(tmp_path, monkeypatch, capsys):
    pytest.importorskip("sklearn", reason="scikit-learn holds the training images")
    monkeypatch.setattr(digits, "_CANDIDATES", (Recipe(epochs=1), Recipe(epochs=2)))
    monkeypatch.setattr(digits, "_SEEDS", (0,))
    digits._main([str(tmp_path / "digits.npz")])
    said = capsys.readouterr().out
    assert "on the validation images" in said
    assert "on the 360 test images" in said
    assert [entry.name for entry in tmp_path.iterdir()] == ["digits.npz"]
    assert len(load_weights(tmp_path / "digits.npz", digits.layers())) == 3
