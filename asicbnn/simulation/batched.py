"""Many batches of images at once: one per stimulus of the bit-sliced back end.

The control of the accelerator is the same for all, so one run gives the bits and classes of every
batch, and cycles and accesses that hold for each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asicbnn.errors import SimulationError
from asicbnn.hardware.accelerator import Machine
from asicbnn.simulation.backends.gate_level.gates import GatesBackend
from asicbnn.simulation.backends.interface import Backend
from asicbnn.simulation.execution import CYCLE_LIMIT, Executor, LayerRun
from asicbnn.simulation.packing import Words
from asicbnn.simulation.parallel import in_order, jobs_for
from asicbnn.simulation.program import Program

_Images = NDArray[np.integer[Any]]


class StimuliExecutor(Executor):
    """An executor that runs up to `stimuli` batches in the time of one.

    Stimuli without a batch repeat the first one.
    """

    def __init__(
        self,
        machine: Machine,
        backend: Backend,
        program: Program,
        cycle_limit: int = CYCLE_LIMIT,
    ) -> None:
        if not isinstance(backend, GatesBackend):
            raise SimulationError(f"back end {backend.name} runs one batch at a time")
        super().__init__(machine, backend, program, cycle_limit)
        self._gates = backend

    @property
    def batch(self) -> int:
        """Images of one stimulus."""
        return self.program.layers[0].batch

    def run_batches(self, images: _Images, *, reads_bits: bool = True) -> list[list[LayerRun]]:
        """Execute batches of images [n * B, IY, IX, C]; of each batch, every layer.

        Raises SimulationError for more than `stimuli` batches, or if a layer takes more than the
        cycle limit.
        """
        count, rest = divmod(len(images), self.batch)
        if rest or not 0 < count <= self._gates.stimuli:
            raise SimulationError(
                f"expected whole batches of {self.batch} images, 1 to {self._gates.stimuli} of "
                f"them, got {len(images)} images"
            )
        for first in range(0, len(images), self.batch):
            self._check_images(images[first : first + self.batch])
        self._load(images)
        runs: list[list[LayerRun]] = [[] for _ in range(count)]
        reader = self._reader(count)
        for index, layer in enumerate(self.program.layers):
            self._to_end_of(layer.name)
            counts = self._counts(index)
            together = reader._layer_run(index, counts, reads_bits=reads_bits)
            for number, layers in enumerate(runs):
                part = slice(number * self.batch, (number + 1) * self.batch)
                bits = None if together.bits is None else together.bits[part]
                classes = None if together.classes is None else together.classes[part]
                layers.append(LayerRun(together.name, dict(counts), bits, classes))
        return runs

    def _load_images(self, images: _Images) -> int:
        words = self._image_words(images)
        batches = words.reshape(len(images) // self.batch, -1, words.shape[1])
        missing = self._gates.stimuli - len(batches)
        padding = np.broadcast_to(batches[:1], (missing, *batches.shape[1:]))
        self._gates.write_stimuli("host_in0", np.concatenate([batches, padding]))
        return int(batches.shape[1])

    def _reader(self, batches: int) -> Executor:
        """An executor that sees the memories of several stimuli as those of one large batch."""
        layers = tuple(replace(x, batch=batches * x.batch) for x in self.program.layers)
        reader = Executor(self.machine, self._gates, replace(self.program, layers=layers))

        def read(name: str, start: int = 0, count: int | None = None) -> Words:
            each: Words = self._gates.read_stimuli(name, start, count and count // batches)
            return each[:batches].reshape(-1, each.shape[2])

        reader.read = read
        return reader


def side_by_side(
    machine: Machine,
    backend: GatesBackend,
    program: Program,
    images: _Images,
    jobs: int | None = None,
    cycle_limit: int = CYCLE_LIMIT,
) -> Iterator[list[LayerRun]]:
    """Run images [n * B, IY, IX, C] and yield the layers of each batch, in order.

    jobs         runs of many batches at once, in threads (default: one per core)
    cycle_limit  cycles a layer may take before it counts as hanging
    """
    executor = StimuliExecutor(machine, backend, program, cycle_limit)
    at_once = backend.stimuli * executor.batch
    parts = [images[first : first + at_once] for first in range(0, len(images), at_once)]
    work: Callable[[Executor, _Images], list[list[LayerRun]]] = _run
    for runs in in_order(executor, parts, work, jobs_for(backend, len(parts), jobs)):
        yield from runs


def _run(executor: Executor, images: _Images) -> list[list[LayerRun]]:
    assert isinstance(executor, StimuliExecutor)
    return executor.run_batches(images, reads_bits=False)
