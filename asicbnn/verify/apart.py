"""`asicbnn verify --apart`: every layer on its own, from the input map the reference gives it.

Layers then depend on nothing but their inputs, so they run at once, each on a fork of the machine;
a difference shows in the layer that makes it and in no other; and the covered layers of a network
that does not run as a whole can be verified, from random maps.

Tiles of a layer are not run apart: the machine loads a tile while it computes the one before, so a
tile alone takes other cycles than it does in its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asicbnn.bnn.arithmetic import bipolar
from asicbnn.bnn.reference import Parameters, random_activations, run_network
from asicbnn.errors import SpecError
from asicbnn.hardware.accelerator import elaborate
from asicbnn.mapping.dataflow import DATAFLOWS
from asicbnn.model.arguments import (
    accelerator_of,
    check_choice,
    check_counts,
    check_seed,
    workload_of,
)
from asicbnn.model.mappings import MappingSource
from asicbnn.simulate import layer_mappings
from asicbnn.simulation.backends import Backend, simulator
from asicbnn.simulation.backends.selection import BACKENDS
from asicbnn.simulation.execution import CYCLE_LIMIT, Executor
from asicbnn.simulation.parallel import in_order, jobs_for
from asicbnn.simulation.program import build_program, shared_order
from asicbnn.spec.accelerator import Accelerator
from asicbnn.spec.lowering import Lowered, lower
from asicbnn.spec.parameters import load_images, load_parameters
from asicbnn.spec.workload import Workload
from asicbnn.verify.agreement import Row, Subject
from asicbnn.verify.network import Progress, Verification

_Map = NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class _Task:
    """One layer of one batch: its number, and its input map [B, IY, IX, C]."""

    index: int
    batch: int
    inputs: _Map


def verify_apart(
    accelerator: Accelerator | Path | str,
    workload: Workload | Path | str,
    *,
    images: int = 1,
    batch: int = 1,
    mapping: MappingSource | None = None,
    dataflow: str | None = None,
    seed: int = 0,
    backend: str = "auto",
    jobs: int | None = None,
    progress: Progress | None = None,
    cycle_limit: int = CYCLE_LIMIT,
) -> Verification:
    """Verify every covered layer of a network on its own, several at once.

    Arguments as in `verify`; images must be a multiple of batch. Of a network that runs as a whole
    the layers read what the reference makes of its images, else random maps.
    """
    check_counts(cycle_limit=cycle_limit)
    _check(images, batch, seed, backend, dataflow, jobs)
    machine, network = accelerator_of(accelerator), workload_of(workload)
    lowered = lower(network, batch)
    if not lowered.layers:
        raise SpecError(f"{network.name}: no layer can be executed: {lowered.reason}")
    parameters = load_parameters(network, seed)
    subjects, unit = _subjects(
        machine, lowered, parameters, mapping, dataflow, backend, cycle_limit
    )  # fmt: skip
    tasks = _tasks(network, lowered, parameters, images, seed)
    total = images // batch * len(subjects)

    def rows(mine: Executor, task: _Task) -> tuple[_Task, list[Row]]:
        subject = subjects[task.index]
        return task, subject.rows(task.inputs, subject.executor.on(mine.backend))

    compared: list[Row] = []
    count = jobs_for(unit, total, jobs)
    first = subjects[0].executor
    for done, (task, found) in enumerate(in_order(first, tasks, rows, count), 1):
        compared += found if task.batch == 0 else [row for row in found if not row.agrees]
        if progress:
            progress(done, total)
    return Verification(
        machine.name, network.name, machine.technology, images, tuple(compared), unit.note,
        is_apart=True,
    )  # fmt: skip


def _check(
    images: int, batch: int, seed: int, backend: str, dataflow: str | None, jobs: int | None
) -> None:
    check_counts(images=images, batch=batch, **({} if jobs is None else {"jobs": jobs}))
    check_seed(seed)
    check_choice("backend", backend, ("auto", *BACKENDS))
    if dataflow is not None:
        check_choice("dataflow", dataflow, (*DATAFLOWS, "best"))
    if images % batch:
        raise SpecError(f"images: expected a multiple of batch, which is {batch}, got {images}")


def _subjects(
    accelerator: Accelerator,
    lowered: Lowered,
    parameters: Sequence[Parameters],
    mapping: MappingSource | None,
    dataflow: str | None,
    backend: str,
    cycle_limit: int,
) -> tuple[list[Subject], Backend]:
    """Return every layer as a network of its own, on one machine that holds each of them."""
    layers = lowered.layers
    chosen = layer_mappings(accelerator, layers, mapping, dataflow)
    programs = [
        build_program(accelerator, [layer], [learned], [nest])
        for layer, learned, nest in zip(layers, parameters, chosen, strict=True)
    ]
    order = shared_order(accelerator, chosen)
    host_words = max(program.host_words for program in programs)
    built = elaborate(accelerator, order=order, host_words=host_words)
    unit = simulator(built.block, backend, gated=built.gated)
    subjects = [
        Subject(built, unit, [layer], [learned], [nest], program, cycle_limit)
        for layer, learned, nest, program in zip(layers, parameters, chosen, programs, strict=True)
    ]
    return subjects, unit


def _tasks(
    network: Workload,
    lowered: Lowered,
    parameters: Sequence[Parameters],
    images: int,
    seed: int,
) -> Iterator[_Task]:
    """Yield the layers of one batch after the other, batch by batch."""
    layers = lowered.layers
    batch = layers[0].batch
    given = load_images(network, images, seed).activations if lowered.is_executable else None
    for number in range(images // batch):
        if given is None:
            generator = np.random.default_rng((seed, 2, number))
            maps = [random_activations(layer, generator) for layer in layers]
        else:
            image = given[number * batch : (number + 1) * batch]
            outputs = run_network(layers, parameters, image)
            hidden = [output.bits for output in outputs[:-1]]
            maps = [image, *(bipolar(bits) for bits in hidden if bits is not None)]
        for index, inputs in enumerate(maps):
            yield _Task(index, number, inputs)


__all__ = ["verify_apart"]
