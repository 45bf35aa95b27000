"""The trained parameters and the test images of a workload, or seeded random ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from asicbnn.bnn import reference, weights
from asicbnn.bnn.layer import Layer
from asicbnn.bnn.reference import Parameters
from asicbnn.bnn.weights import Images
from asicbnn.errors import Problem, SpecError
from asicbnn.spec.lowering import lower
from asicbnn.spec.workload import Workload


def load_parameters(workload: Workload, seed: int = 0) -> list[Parameters]:
    """Return parameters for every layer the workload is lowered to.

    They come from the file `workload.weights`, a path from here (`read_workload` makes it one);
    without one they are random, the same for the same seed. Raises SpecError if the file does not
    hold them.
    """
    layers = lower(workload).layers
    if workload.weights is not None:
        return weights.load_weights(Path(workload.weights), layers)
    return [
        reference.random_parameters(layer, np.random.default_rng((seed, position)))
        for position, layer in enumerate(layers)
    ]


def load_images(workload: Workload, count: int | None = None, seed: int = 0) -> Images:
    """Return the first `count` test images of a workload (all; one where they are random).

    Random images are in the range of the input and have no labels.
    """
    first = _first_layer(workload)
    if workload.weights is not None:
        path = Path(workload.weights)
        stored = weights.load_images(path, first, workload.input.offset)
        if stored is not None:
            return _first_images(stored, count, path)
    generator = np.random.default_rng((seed, 1))
    batch = lower(workload, batch=count or 1).layers[0]
    return Images(reference.random_activations(batch, generator), None)


def _first_layer(workload: Workload) -> Layer:
    lowered = lower(workload)
    if not lowered.is_executable:
        message = f"{workload.name} is not executed as a whole: {lowered.reason}"
        help = "it can be estimated; simulate a network all of whose layers are covered"
        raise SpecError(Problem(message, help=help))
    return lowered.layers[0]


def _first_images(stored: Images, count: int | None, path: Path) -> Images:
    held = len(stored.activations)
    if count is not None and count > held:
        message = f"expected at least {count} images, got {held}"
        raise SpecError(Problem(message, str(path), path="images", help=f"ask for {held} or fewer"))
    labels = None if stored.labels is None else stored.labels[:count]
    return Images(stored.activations[:count], labels)
