"""A small straight-through trainer for binary multi-layer perceptrons, in numpy.

Latent weights are real and used by their sign; the gradient passes through the sign unchanged
(weights) or where |y| <= 1 (activations). Hidden layers carry a batch norm, which folds exactly.
The output layer has none: its scores are the integer sums plus an integer bias, all scaled alike,
so that the largest integer is the largest score and integer inference is the float network.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from asicbnn.bnn.arithmetic import Ints
from asicbnn.bnn.folding import BatchNorm, fold
from asicbnn.bnn.layer import Layer
from asicbnn.bnn.reference import Parameters

Array = npt.NDArray[np.float64]

BATCH_NORM_EPSILON = 1e-4
_LATENT_RANGE = 0.1


@dataclass(frozen=True)
class Recipe:
    """How long and how fast to train.

    epochs        passes over the training images
    batch_size    images per step
    first_rate, last_rate   learning rate of Adam, decaying geometrically from one to the other
    seed          of the initial weights and of the order of the images
    """

    epochs: int = 25
    batch_size: int = 50
    first_rate: float = 0.01
    last_rate: float = 0.0005
    seed: int = 0


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A trained perceptron in floating point.

    weights      +-1 matrices [out, in], one per layer
    batch_norms  one per hidden layer, over the training set
    bias         integers [classes] added to the sums of the last layer
    """

    weights: tuple[Array, ...]
    batch_norms: tuple[BatchNorm, ...]
    bias: Array

    def infer(self, images: npt.NDArray[Any]) -> tuple[list[npt.NDArray[np.bool_]], Ints]:
        """Return every layer's hidden bits and every image's class; sign(0) is +1."""
        signals = images.astype(np.float64)
        hidden = []
        for weights, norm in zip(self.weights[:-1], self.batch_norms, strict=True):
            deviation = np.sqrt(norm.variance + norm.epsilon)
            outputs = norm.gamma * (signals @ weights.T - norm.mean) / deviation + norm.beta
            hidden.append(outputs >= 0)
            signals = np.where(outputs >= 0, 1.0, -1.0)
        scores = (signals @ self.weights[-1].T + self.bias) * output_gain(len(signals.T))
        return hidden, np.argmax(scores, axis=1)

    def folded(self, layers: tuple[Layer, ...]) -> list[Parameters]:
        """Return the integer parameters of the layers that execute this network."""
        parameters = []
        for layer, weights, norm in zip(
            layers[:-1], self.weights[:-1], self.batch_norms, strict=True
        ):
            result = fold(norm, layer)
            parameters.append(Parameters(_kernel(weights), result.thresholds, result.flips))
        thresholds = -self.bias.astype(np.int64)
        unflipped = np.zeros(len(thresholds), bool)
        return [*parameters, Parameters(_kernel(self.weights[-1]), thresholds, unflipped)]


def output_gain(fan_in: int) -> float:
    """Return the scale of the scores before the softmax; it keeps their spread near 0.5."""
    return 0.5 / float(np.sqrt(fan_in))


def train_mlp(
    images: npt.NDArray[Any], labels: Ints, hidden: tuple[int, ...], recipe: Recipe
) -> TrainedNetwork:
    """Train a perceptron on integer images [N, inputs] and their classes 0, 1, ... [N]."""
    trainer = _Trainer((images.shape[1], *hidden, int(labels.max()) + 1), recipe)
    signals = images.astype(np.float64)
    generator = np.random.default_rng((recipe.seed, 1))
    steps = -(-len(images) // recipe.batch_size)
    for epoch in range(recipe.epochs):
        progress = epoch / max(1, recipe.epochs - 1)
        rate = recipe.first_rate * (recipe.last_rate / recipe.first_rate) ** progress
        for chosen in np.array_split(generator.permutation(len(images)), steps):
            trainer.step(signals[chosen], labels[chosen], rate)
    return trainer.finished(signals)


def _kernel(weights: Array) -> npt.NDArray[np.int8]:
    return weights.astype(np.int8)[:, :, np.newaxis, np.newaxis]


def _sign(values: Array) -> Array:
    return np.where(values >= 0, 1.0, -1.0)


class _Trainer:
    """Latent weights and batch norms under training; holds what Adam remembers."""

    def __init__(self, sizes: tuple[int, ...], recipe: Recipe) -> None:
        generator = np.random.default_rng((recipe.seed, 0))
        self.latent = [
            generator.uniform(-_LATENT_RANGE, _LATENT_RANGE, (out, fan_in))
            for fan_in, out in pairwise(sizes)
        ]
        self.gamma = [np.ones(out) for out in sizes[1:-1]]
        self.beta = [np.zeros(out) for out in sizes[1:-1]]
        self.bias = np.zeros(sizes[-1])
        self.learned = [*self.latent, *self.gamma, *self.beta, self.bias]
        self.first_moments = [np.zeros_like(values) for values in self.learned]
        self.second_moments = [np.zeros_like(values) for values in self.learned]
        self.steps = 0

    def step(self, images: Array, labels: Ints, rate: float) -> None:
        """One step of Adam on the cross-entropy of a batch."""
        signals, normalised, outputs, deviations = [images], [], [], []
        for latent, gamma, beta in zip(self.latent, self.gamma, self.beta, strict=False):
            sums = signals[-1] @ _sign(latent).T
            deviations.append(np.sqrt(sums.var(axis=0) + BATCH_NORM_EPSILON))
            normalised.append((sums - sums.mean(axis=0)) / deviations[-1])
            outputs.append(gamma * normalised[-1] + beta)
            signals.append(_sign(outputs[-1]))
        gain = output_gain(len(signals[-1].T))
        scores = gain * (signals[-1] @ _sign(self.latent[-1]).T + np.rint(self.bias))
        gradient = gain * _cross_entropy_gradient(scores, labels)
        latent_gradients = [gradient.T @ signals[-1]]
        gammas: list[Array] = []
        betas: list[Array] = []
        bias_gradient = gradient.sum(axis=0)
        for level in reversed(range(len(self.gamma))):
            gradient = (gradient @ _sign(self.latent[level + 1])) * (np.abs(outputs[level]) <= 1)
            gammas.insert(0, (gradient * normalised[level]).sum(axis=0))
            betas.insert(0, gradient.sum(axis=0))
            scaled = gradient * self.gamma[level]
            centred = scaled - scaled.mean(axis=0)
            centred -= normalised[level] * (scaled * normalised[level]).mean(axis=0)
            gradient = centred / deviations[level]
            latent_gradients.insert(0, gradient.T @ signals[level])
        self._descend([*latent_gradients, *gammas, *betas, bias_gradient], rate)

    def _descend(self, gradients: list[Array], rate: float) -> None:
        self.steps += 1
        keep_first, keep_second = 0.9, 0.999
        correction = np.sqrt(1 - keep_second**self.steps) / (1 - keep_first**self.steps)
        moments = zip(self.first_moments, self.second_moments, strict=True)
        for values, gradient, (first, second) in zip(self.learned, gradients, moments, strict=True):
            first += (1 - keep_first) * (gradient - first)
            second += (1 - keep_second) * (gradient**2 - second)
            values -= rate * correction * first / (np.sqrt(second) + 1e-8)
        for latent in self.latent:
            np.clip(latent, -1, 1, out=latent)

    def finished(self, images: Array) -> TrainedNetwork:
        """Return the network with batch norms measured over all training images."""
        norms = tuple(self._measured(images))
        weights = tuple(_sign(latent) for latent in self.latent)
        return TrainedNetwork(weights, norms, np.rint(self.bias))

    def _measured(self, signals: Array) -> Iterator[BatchNorm]:
        for latent, gamma, beta in zip(self.latent, self.gamma, self.beta, strict=False):
            sums = signals @ _sign(latent).T
            norm = BatchNorm(gamma, beta, sums.mean(axis=0), sums.var(axis=0), BATCH_NORM_EPSILON)
            deviation = np.sqrt(norm.variance + BATCH_NORM_EPSILON)
            signals = _sign(gamma * (sums - norm.mean) / deviation + beta)
            yield norm


def _cross_entropy_gradient(scores: Array, labels: Ints) -> Array:
    """Return the gradient of the mean cross-entropy with respect to the scores."""
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    shares[np.arange(len(labels)), labels] -= 1
    gradient: Array = shares / len(labels)
    return gradient
