"""The network that ships with its weights: scikit-learn's 8 x 8 digits, 64-256-256-10.

360 stratified images are held out for the test; a fifth of the rest is held out again to choose
the recipe, and the chosen recipe is trained on all of the rest. Only training needs scikit-learn:
the weights and the 360 held-out images are stored together and load without it.

    python -m asicbnn.bnn.digits [FILE.npz]     chooses, trains and writes them again
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asicbnn.bnn.arithmetic import Ints
from asicbnn.bnn.layer import Layer
from asicbnn.bnn.reference import run_network
from asicbnn.bnn.training import Recipe, TrainedNetwork, train_mlp
from asicbnn.bnn.weights import save_weights

HIDDEN = (256, 256)
PIXEL_OFFSET = -8
"""Added to the stored pixels 0..16; the first layer sees -8..8 in five bits."""
TEST_IMAGES = 360
WEIGHTS = Path("workloads/weights/digits_mlp_64_256_256_10.npz")

_VALIDATION_FRACTION = 0.2
_SPLIT_SEED = 0
_SEEDS = (0, 1, 2)
_CANDIDATES = tuple(
    Recipe(epochs=epochs, first_rate=rate, last_rate=rate / 20)
    for epochs in (25, 50, 100)
    for rate in (0.003, 0.01, 0.03)
)


@dataclass(frozen=True, eq=False)
class Digits:
    """The data set, split: pixels 0..16 [N, 64] and classes [N]."""

    train_images: Ints
    train_labels: Ints
    test_images: Ints
    test_labels: Ints


def layers() -> tuple[Layer, ...]:
    """Return the three dense layers as the machine executes them."""
    first = Layer(
        name="fc1", in_channels=64, out_channels=HIDDEN[0], activation_bits=5, signed_input=True
    )
    second = Layer(name="fc2", in_channels=HIDDEN[0], out_channels=HIDDEN[1])
    return first, second, Layer(name="fc3", in_channels=HIDDEN[1], out_channels=10, output="argmax")


def load_digits() -> Digits:
    """Return the data set from scikit-learn with the 360 test images split off."""
    from sklearn.datasets import load_digits as load_from_sklearn

    everything = load_from_sklearn()
    return Digits(*_split(everything.data.astype(np.int64), everything.target, TEST_IMAGES))


def choose_recipe(digits: Digits) -> tuple[Recipe, float]:
    """Return the candidate best on the validation images, and its mean accuracy there."""
    held_out = round(_VALIDATION_FRACTION * len(digits.train_labels))
    images, labels, validation_images, validation_labels = _split(
        digits.train_images, digits.train_labels, held_out
    )

    def accuracy_of(recipe: Recipe) -> float:
        seeded = [
            Recipe(recipe.epochs, recipe.batch_size, recipe.first_rate, recipe.last_rate, seed)
            for seed in _SEEDS
        ]
        networks = [train_mlp(images + PIXEL_OFFSET, labels, HIDDEN, each) for each in seeded]
        return float(np.mean([accuracy(n, validation_images, validation_labels) for n in networks]))

    scores = {recipe: accuracy_of(recipe) for recipe in _CANDIDATES}
    best = max(scores, key=lambda recipe: scores[recipe])
    return best, scores[best]


def train(digits: Digits, recipe: Recipe) -> TrainedNetwork:
    """Train on every image that is not a test image."""
    return train_mlp(digits.train_images + PIXEL_OFFSET, digits.train_labels, HIDDEN, recipe)


def accuracy(network: TrainedNetwork, images: Ints, labels: Ints) -> float:
    """Return the fraction of images [N, 64] the floating-point network gets right."""
    return float(np.mean(network.infer(images + PIXEL_OFFSET)[1] == labels))


def disagreements(network: TrainedNetwork, images: Ints) -> int:
    """Count the hidden bits and classes in which folded integers and trained floats differ."""
    pixels = images + PIXEL_OFFSET
    hidden, classes = network.infer(pixels)
    folded = network.folded(layers())
    outputs = run_network(layers(), folded, pixels.reshape(len(pixels), 1, 1, -1))
    differing = int(np.count_nonzero(outputs[-1].classes != classes))
    for bits, output in zip(hidden, outputs, strict=False):
        assert output.bits is not None
        differing += int(np.count_nonzero(output.bits[:, 0, 0] != bits))
    return differing


def write(path: Path, digits: Digits, network: TrainedNetwork) -> None:
    """Store folded weights and test images in one `.npz` file."""
    save_weights(
        path,
        layers(),
        network.folded(layers()),
        images=digits.test_images.astype(np.uint8),
        labels=digits.test_labels.astype(np.uint8),
    )


def _split(images: Ints, labels: Ints, held_out: int) -> tuple[Ints, Ints, Ints, Ints]:
    from sklearn.model_selection import train_test_split

    kept_images, other_images, kept_labels, other_labels = train_test_split(
        images, labels, test_size=held_out, stratify=labels, random_state=_SPLIT_SEED
    )
    return kept_images, kept_labels, other_images, other_labels


def _main(arguments: list[str]) -> None:
    path = Path(arguments[0]) if arguments else WEIGHTS
    digits = load_digits()
    recipe, validation = choose_recipe(digits)
    sys.stdout.write(f"{recipe}: {validation:.2%} on the validation images, mean of three seeds\n")
    network = train(digits, recipe)
    if differing := disagreements(network, digits.test_images):
        raise SystemExit(f"the folded integers differ from the floats in {differing} bits")
    write(path, digits, network)
    tested = accuracy(network, digits.test_images, digits.test_labels)
    sys.stdout.write(f"{tested:.2%} on the {TEST_IMAGES} test images; written to {path}\n")


if __name__ == "__main__":
    _main(sys.argv[1:])
