"""`verify --random N`: many small cases, what they exercised, and files of those that differ."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asicbnn.bnn.layer import Layer
from asicbnn.bnn.reference import Parameters, random_activations, random_parameters
from asicbnn.bnn.weights import save_weights
from asicbnn.errors import SimulationError
from asicbnn.hardware.accelerator import Machine, elaborate
from asicbnn.model.arguments import check_choice, check_counts, check_seed
from asicbnn.simulation.backends import Backend, simulator
from asicbnn.simulation.backends.selection import BACKENDS
from asicbnn.spec.accelerator import to_yaml
from asicbnn.verify.agreement import Row, Subject
from asicbnn.verify.cases import (
    CASES_PER_ACCELERATOR,
    FEWER_STEPS,
    MOST_STEPS,
    Case,
    accelerator,
    case,
)
from asicbnn.verify.features import ALL_FEATURES, features

ENOUGH_FOR_ALL = 400
"""From so many cases on, a feature no case exercised is a failure of the run."""
CYCLE_LIMIT = 2_000_000
SLOW = frozenset({"pyrtl", "icarus"})
"""Back ends whose cases are drawn with fewer steps: of the same accelerators, smaller layers."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class CaseOutcome:
    """One case: its index, what simulated it and what differed, empty if nothing did."""

    index: int
    backend: str
    features: frozenset[str]
    differences: tuple[Row, ...]
    problem: str = ""

    @property
    def agrees(self) -> bool:
        return not self.differences and not self.problem


@dataclass(frozen=True)
class RandomVerification:
    """The outcome of all cases of a seed.

    never    features no case exercised, where there were cases enough for all
    written  files that reproduce the cases that differ
    """

    seed: int
    outcomes: tuple[CaseOutcome, ...]
    written: tuple[Path, ...]

    @property
    def backend(self) -> str:
        """What simulated the hardware."""
        return self.outcomes[0].backend

    @property
    def accelerators(self) -> int:
        """How many accelerators the cases ran on."""
        return len({outcome.index // CASES_PER_ACCELERATOR for outcome in self.outcomes})

    @property
    def features(self) -> dict[str, int]:
        """How many cases exercised each feature."""
        counted = Counter(name for outcome in self.outcomes for name in outcome.features)
        return {name: counted[name] for name in ALL_FEATURES}

    @property
    def not_exercised(self) -> tuple[str, ...]:
        """Features no case exercised, however few cases there were."""
        return tuple(name for name, count in self.features.items() if count == 0)

    @property
    def never(self) -> tuple[str, ...]:
        return self.not_exercised if len(self.outcomes) >= ENOUGH_FOR_ALL else ()

    @property
    def agrees(self) -> bool:
        return all(outcome.agrees for outcome in self.outcomes) and not self.never

    @property
    def verdict(self) -> str:
        total = len(self.outcomes)
        agreeing = sum(outcome.agrees for outcome in self.outcomes)
        how = f"seed {self.seed}, accelerators {self.accelerators}, {self.backend}"
        lines = [f"{agreeing} of {total} agree on cycles, accesses and bits ({how})"]
        lines += self.problems
        if self.not_exercised and not self.never:
            missed = ", ".join(self.not_exercised)
            lines.append(f"not exercised (from {ENOUGH_FOR_ALL} cases on this fails): {missed}")
        return "\n".join(lines)

    @property
    def problems(self) -> list[str]:
        """What makes the run fail, in sentences; of the cases that differ the first five."""
        lines = [f"never exercised: {', '.join(self.never)}"] if self.never else []
        for outcome in [o for o in self.outcomes if not o.agrees][:5]:
            first = outcome.problem or _sentence(outcome.differences[0])
            lines.append(f"case {outcome.index}: {first}")
        return lines

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": "asicbnn.verify/1",
            "accelerator": "random",
            "workload": "random",
            "technology": "",
            "version": _version(),
            "totals": {},
            "layers": [],
            "problems": [{"message": line} for line in self.problems],
            "cases": len(self.outcomes),
            "agreeing": sum(outcome.agrees for outcome in self.outcomes),
            "seed": self.seed,
            "accelerators": self.accelerators,
            "backend": self.backend,
            "features": self.features,
        }


def _version() -> str:
    from asicbnn import __version__

    return __version__


def _sentence(row: Row) -> str:
    if row.differing:
        return f"{row.layer}: {row.differing} of the {row.quantity} differ"
    return f"{row.layer}: {row.quantity} model {row.model}, hardware {row.hardware}"


def verify_random(
    count: int,
    *,
    seed: int = 0,
    folder: Path | None = None,
    backend: str = "auto",
    progress: Progress | None = None,
) -> RandomVerification:
    """Draw `count` cases over about count/20 accelerators and compare model and hardware.

    folder   where a differing case is written (default: reports/verify)
    backend  pyrtl and icarus, being slow, get smaller layers
    """
    check_counts(count=count)
    check_seed(seed)
    check_choice("backend", backend, ("auto", *BACKENDS))
    outcomes: list[CaseOutcome] = []
    written: list[Path] = []
    for outcome, drawn, parameters, images in _run_cases(count, seed, backend):
        outcomes.append(outcome)
        if not outcome.agrees:
            name = f"seed{seed}_case{outcome.index}"
            target = (folder or Path("reports/verify")) / name
            written += write_case(drawn, parameters, images, target, name, backend=outcome.backend)
        if progress:
            progress(len(outcomes), count)
    return RandomVerification(seed, tuple(outcomes), tuple(written))


def _run_cases(
    count: int, seed: int, backend: str
) -> Iterator[tuple[CaseOutcome, Case, list[Parameters], NDArray[np.integer[Any]]]]:
    machine: Machine | None = None
    simulated: Backend | None = None
    for index in range(count):
        if index % CASES_PER_ACCELERATOR == 0:
            machine = elaborate(accelerator(seed, index // CASES_PER_ACCELERATOR))
            simulated = simulator(machine.block, backend, gated=machine.gated)
        assert machine is not None
        assert simulated is not None
        most_steps = FEWER_STEPS if simulated.name in SLOW else MOST_STEPS
        drawn = case(seed, index, machine.accelerator, most_steps)
        rng = np.random.default_rng([seed, index])
        parameters = [random_parameters(layer, rng) for layer in drawn.layers]
        images = random_activations(drawn.layers[0], rng)
        found = frozenset(features(drawn))
        try:
            subject = Subject(
                machine, simulated, drawn.layers, parameters, drawn.mappings,
                cycle_limit=CYCLE_LIMIT,
            )  # fmt: skip
            rows = subject.rows(images)
        except SimulationError as problem:
            yield (
                CaseOutcome(index, simulated.name, found, (), str(problem)),
                drawn,
                parameters,
                images,
            )
            continue
        wrong = tuple(row for row in rows if not row.agrees)
        yield CaseOutcome(index, simulated.name, found, wrong), drawn, parameters, images


# ---------------------------------------------------------------------- files of a case
def write_case(
    drawn: Case,
    parameters: list[Parameters],
    images: NDArray[np.integer[Any]],
    folder: Path,
    name: str,
    *,
    backend: str,
) -> list[Path]:
    """Write accelerator, workload, weights, images and mapping of a case; returns the files.

    They are written to a folder beside and moved in whole, so an interrupt leaves no half of them.
    """
    beside = folder.with_name(folder.name + ".partial")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    batch = drawn.layers[0].batch
    files = {
        "accelerator.yaml": to_yaml(drawn.accelerator),
        "workload.yaml": _workload_yaml(drawn.layers, name),
        "mapping.yaml": _mapping_yaml(drawn),
        "repeat.txt": "asicbnn verify accelerator.yaml workload.yaml --mapping mapping.yaml "
        f"--images {batch} --batch {batch} --backend {backend}\n",
    }
    for file, text in files.items():
        (beside / file).write_text(text, encoding="utf-8")
    stored = images if drawn.layers[0].activation_bits > 1 else (images + 1) // 2
    save_weights(beside / "weights.npz", drawn.layers, parameters, images=stored)
    shutil.rmtree(folder, ignore_errors=True)
    beside.rename(folder)
    return [folder / file for file in (*files, "weights.npz")]


def _workload_yaml(layers: tuple[Layer, ...], name: str) -> str:
    first = layers[0]
    shape = [first.in_y, first.in_x, first.in_channels]
    signed = ", signed: true" if first.signed_input else ""
    lines = [
        f"name: {name}",
        f"input: {{shape: {shape}, bits: {first.activation_bits}{signed}}}",
        "weights: weights.npz",
        "layers:",
    ]
    for layer in layers:
        lines += _layer_yaml(layer)
    return "\n".join(lines) + "\n"


def _layer_yaml(layer: Layer) -> list[str]:
    pads = [layer.pad_top, layer.pad_bottom, layer.pad_left, layer.pad_right]
    padding = f', padding: {pads}, pad_value: "{layer.pad_value}"' if any(pads) else ""
    before = layer.pool > 1 and layer.pool_order == "before_threshold"
    post = "" if layer.output == "argmax" or before else ", post: [threshold, sign]"
    head = (
        f"  - {{name: {layer.name}, op: conv, out_channels: {layer.out_channels}, "
        f"kernel: [{layer.kernel_y}, {layer.kernel_x}], stride: {layer.stride}{padding}, "
        f"weight_bits: {layer.weight_bits}, activation_bits: {layer.activation_bits}{post}}}"
    )
    if layer.pool == 1:
        return [head]
    pool_post = ", post: [threshold, sign]" if before else ""
    z = layer.pool
    pool = (
        f"  - {{name: {layer.name}_pool, op: max_pool, kernel: [{z}, {z}], stride: {z}, "
        f"order: {layer.pool_order}{pool_post}}}"
    )
    return [head, pool]


def _mapping_yaml(drawn: Case) -> str:
    lines = ["layers:"]
    for layer, mapping in zip(drawn.layers, drawn.mappings, strict=True):
        outer = ", ".join(f"[{d}, {tile}]" for d, tile in mapping.outer)
        lines.append(f"  {layer.name}: {{outer: [{outer}], inner: [{', '.join(mapping.inner)}]}}")
    return "\n".join(lines) + "\n"
