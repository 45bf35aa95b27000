"""Run a network on the generated hardware: counts the hardware made, bits and classes it gave."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asicbnn.bnn.layer import Layer
from asicbnn.bnn.reference import Parameters
from asicbnn.errors import ModelError
from asicbnn.hardware.accelerator import Machine, elaborate
from asicbnn.hardware.configuration import configuration_words
from asicbnn.mapping.capacity import check_layer
from asicbnn.mapping.dataflow import DATAFLOWS
from asicbnn.mapping.loop_nest import Mapping
from asicbnn.model.area import area
from asicbnn.model.arguments import (
    accelerator_of,
    check_choice,
    check_counts,
    check_seed,
    workload_of,
)
from asicbnn.model.costs import costs, technology_of
from asicbnn.model.figures import Counted, priced, run_counts, run_events
from asicbnn.model.mappings import MappingSource, Request, explicit_mappings, mappings
from asicbnn.model.network import ValueT
from asicbnn.model.timing import timing
from asicbnn.result import Result
from asicbnn.simulation.backends import Backend, simulator
from asicbnn.simulation.backends.gate_level.gates import GatesBackend
from asicbnn.simulation.backends.selection import BACKENDS, counting_simulator
from asicbnn.simulation.backends.word_level.sampling import Sampling
from asicbnn.simulation.batched import side_by_side
from asicbnn.simulation.execution import CYCLE_LIMIT, Executor, LayerRun
from asicbnn.simulation.packing import Words
from asicbnn.simulation.parallel import in_order, jobs_for
from asicbnn.simulation.program import Program, build_program, pack_parameters, shared_order
from asicbnn.simulation.waveform import Window, write_waveform
from asicbnn.spec.accelerator import Accelerator
from asicbnn.spec.lowering import lower
from asicbnn.spec.parameters import load_images, load_parameters
from asicbnn.spec.workload import Workload

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Batches:
    """Batches of one size: the network lowered and mapped for it, compiled once, and the images.

    images  [N, IY, IX, C], N a multiple of the batch of the layers
    """

    layers: tuple[Layer, ...]
    mappings: tuple[Mapping, ...]
    program: Program
    images: NDArray[np.integer[Any]]

    def __len__(self) -> int:
        return len(self.images) // self.layers[0].batch

    def __iter__(self) -> Iterator[NDArray[np.integer[Any]]]:
        batch = self.layers[0].batch
        for start in range(0, len(self.images), batch):
            yield self.images[start : start + batch]


@dataclass(frozen=True, eq=False)
class Setup:
    """A network ready for the hardware: one machine, its simulator, and batches of images.

    groups  the full batches, and what is left over
    """

    machine: Machine
    backend: Backend
    parameters: tuple[Parameters, ...]
    groups: tuple[Batches, ...]
    labels: NDArray[np.int64] | None
    note: str


@dataclass(frozen=True, eq=False)
class Simulation:
    """What the hardware did with all images.

    result    per layer and in total, summed over all images: cycles and accesses as the hardware
              counted them, energy and time at the model's prices
    images    how many ran, `batch` of them in the store at once
    classes   class per image [N], None for a network without argmax
    accuracy  share of images whose class is the label, None without labels
    note      a sentence about the simulator, empty if there is nothing to say
    counted   every count the energy goes by, per layer
    """

    result: Result
    images: int
    batch: int
    classes: NDArray[np.int64] | None
    accuracy: float | None
    note: str
    counted: tuple[Counted, ...]

    @property
    def per_inference(self) -> dict[str, float]:
        """Metrics of the whole, divided by the number of images: one runs after the other."""
        names = ("cycles", "latency_ms", "energy_fj")
        return {name: self.result.totals[name] / self.images for name in names}

    def to_frame(self) -> Any:
        """One row per layer."""
        return self.result.to_frame()

    def to_json(self, verb: str = "simulate") -> dict[str, Any]:
        """Return the object of `--json`."""
        more: dict[str, Any] = {
            "images": self.images, "batch": self.batch, "per_inference": self.per_inference
        }  # fmt: skip
        if self.accuracy is not None:
            more["accuracy"] = self.accuracy
        return {**self.result.to_json(verb), **more}


def prepare(
    accelerator: Accelerator,
    workload: Workload,
    *,
    images: int,
    batch: int,
    mapping: MappingSource | None,
    dataflow: str | None,
    seed: int,
    backend: str,
    sampling: Sampling | None = None,
) -> Setup:
    """Lower, map and build: everything before the first cycle.

    sampling  which cycles' toggles are counted; None counts none, and runs fastest

    Raises SpecError for a network that is not executed as a whole, MappingError for one that does
    not fit.
    """
    check_counts(images=images, batch=batch)
    check_seed(seed)
    check_choice("backend", backend, ("auto", *BACKENDS))
    if dataflow is not None:
        check_choice("dataflow", dataflow, (*DATAFLOWS, "best"))
    available = load_images(workload, images, seed)
    parameters = tuple(load_parameters(workload, seed))
    total = len(available.activations)
    whole = total - total % batch
    groups: list[Batches] = []
    contents: list[Words] | None = None
    for start, stop, size in ((0, whole, batch), (whole, total, total - whole)):
        if start == stop:
            continue
        layers = lower(workload, batch=size).layers
        chosen = layer_mappings(accelerator, layers, mapping, dataflow)
        if contents is None:
            contents = pack_parameters(accelerator, layers, parameters)
        program = build_program(accelerator, layers, parameters, chosen, contents)
        groups.append(Batches(layers, chosen, program, available.activations[start:stop]))
    order = shared_order(accelerator, [m for group in groups for m in group.mappings])
    host_words = max(group.program.host_words for group in groups)
    machine = elaborate(accelerator, order=order, host_words=host_words)
    simulated = (
        simulator(machine.block, backend, gated=machine.gated)
        if sampling is None
        else counting_simulator(machine.block, backend, sampling)
    )
    return Setup(machine, simulated, parameters, tuple(groups), available.labels, simulated.note)


def layer_mappings(
    accelerator: Accelerator,
    layers: tuple[Layer, ...],
    mapping: MappingSource | None,
    dataflow: str | None,
) -> tuple[Mapping, ...]:
    """Return a mapping per layer: those named, and the dataflow's for the others.

    Raises MappingError for a layer that does not fit.
    """
    n_cfg = configuration_words(accelerator)
    for layer in layers:
        check_layer(accelerator, layer, n_cfg)
    name = dataflow or accelerator.dataflow
    named = None if mapping is None else explicit_mappings(mapping, accelerator, layers, name)
    technology = technology_of(accelerator)
    return mappings(accelerator, technology, layers, Request(name, named=named), n_cfg)


def simulate(
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
    waveform: Window | None = None,
) -> Simulation:
    """Execute a network on the accelerator's hardware, cycle by cycle.

    accelerator, workload  specs, or paths of their files
    images    how many of the workload's images; random ones, seeded, where it has none
    batch     images in the store at once
    mapping   explicit loop nests; dataflow: the order of the others (default: the spec's)
    backend   auto, compiled, pyrtl, gates (hundreds of batches at once), or verilator and icarus,
              which run the exported Verilog; auto is compiled with a C compiler, else pyrtl
    jobs      batches simulated at once, in threads, where the back end runs without the
              interpreter lock; by default one per core. They are runs of one accelerator all the
              same: counts and times are summed
    cycle_limit  cycles a layer may take before it counts as hanging
    waveform  cycles of the first batch to write as a waveform

    Raises SpecError for wrong arguments or a network that is not executed as a whole, MappingError
    for one that does not fit, ModelError or SpecError for one that has no price, CycleLimitError
    for a layer beyond its limit, EnvironmentProblem without a tool or where the waveform cannot
    be written.
    """
    if jobs is not None:
        check_counts(jobs=jobs)
    machine, network = accelerator_of(accelerator), workload_of(workload)
    check_counts(cycle_limit=cycle_limit)
    setup = prepare(
        machine, network, images=images, batch=batch, mapping=mapping, dataflow=dataflow,
        seed=seed, backend=backend,
    )  # fmt: skip
    costs(machine, technology_of(machine))  # what has no price is refused before it runs
    if waveform is not None:
        setup = _with_waveform(waveform, machine, setup, cycle_limit)
    return execute(machine, network, setup, jobs=jobs, cycle_limit=cycle_limit, progress=progress)


def execute(
    machine: Accelerator,
    network: Workload,
    setup: Setup,
    *,
    jobs: int | None,
    cycle_limit: int,
    progress: Progress | None,
) -> Simulation:
    """Run every batch of a prepared network."""
    images = sum(len(group.images) for group in setup.groups)
    totals: dict[str, dict[str, int]] = {}
    data: dict[str, dict[str, float]] = {}
    classes: list[NDArray[np.int64]] = []
    done = 0
    for group in setup.groups:
        for runs in _runs(setup, group, jobs, cycle_limit):
            for layer, run in zip(group.layers, runs, strict=True):
                _add(totals.setdefault(layer.name, {}), run_counts(machine, layer, run.counts))
                _add(data.setdefault(layer.name, {}), run_events(machine, layer, run.counts))
                if run.classes is not None:
                    classes.append(run.classes)
            done += group.layers[0].batch
            if progress:
                progress(done, images)
    return _simulation(machine, network, setup, totals, data, classes)


def _runs(
    setup: Setup, group: Batches, jobs: int | None, cycle_limit: int
) -> Iterator[list[LayerRun]]:
    """Run the batches of a group, several at once, and yield their layers in order."""
    if isinstance(setup.backend, GatesBackend):
        return side_by_side(
            setup.machine, setup.backend, group.program, group.images, jobs, cycle_limit
        )
    executor = Executor(setup.machine, setup.backend, group.program, cycle_limit)
    count = jobs_for(setup.backend, len(group), jobs)
    return in_order(executor, group, lambda x, batch: list(x.run(batch, reads_bits=False)), count)


def _with_waveform(
    waveform: Window, accelerator: Accelerator, setup: Setup, cycle_limit: int
) -> Setup:
    """Write a window of the first batch; what there is to say of it joins the note."""
    first = setup.groups[0]
    executor = Executor(setup.machine, setup.backend, first.program, cycle_limit)
    technology = technology_of(accelerator)
    try:
        clock = timing(accelerator, technology, area(accelerator, technology))
        period_ps = clock.period_ps
    except ModelError:  # the model cannot say: that is no reason to show no waveform
        period_ps = None
    note = write_waveform(waveform, executor, next(iter(first)), period_ps)
    return replace(setup, note="; ".join(filter(None, (setup.note, note))))


def _add(total: dict[str, ValueT], counts: dict[str, ValueT]) -> None:
    for name, value in counts.items():
        total[name] = total[name] + value if name in total else value


def _simulation(
    accelerator: Accelerator,
    workload: Workload,
    setup: Setup,
    totals: dict[str, dict[str, int]],
    data: dict[str, dict[str, float]],
    classes: list[NDArray[np.int64]],
) -> Simulation:
    count = sum(len(group.images) for group in setup.groups)
    given = np.concatenate(classes) if classes else None
    accuracy = None
    if given is not None and setup.labels is not None:
        accuracy = float(np.mean(given == setup.labels[:count]))
    layers = setup.groups[0].layers
    counted = [
        Counted(layer.name, layer.stride, totals[layer.name], data[layer.name]) for layer in layers
    ]
    technology = technology_of(accelerator)
    result = priced(accelerator, technology, workload.name, counted, count)
    batch, note = layers[0].batch, setup.note
    return Simulation(result, count, batch, given, accuracy, note, tuple(counted))


__all__ = ["Setup", "Simulation", "execute", "layer_mappings", "prepare", "simulate"]
