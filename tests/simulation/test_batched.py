"""Batches side by side give each batch the bits, classes, cycles and accesses of its own run."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from simulation.machines import needs_compiler

from asicbnn.bnn.reference import random_activations, random_parameters, run_network
from asicbnn.errors import CycleLimitError, SimulationError
from asicbnn.hardware.accelerator import Machine, elaborate
from asicbnn.simulate import simulate
from asicbnn.simulation.backends import simulator
from asicbnn.simulation.backends.gate_level.gates import GatesBackend, gate_options
from asicbnn.simulation.batched import StimuliExecutor, side_by_side
from asicbnn.simulation.execution import Executor
from asicbnn.simulation.program import build_program
from asicbnn.verify import cases

pytestmark = needs_compiler


@lru_cache
def built(seed: int, group: int) -> tuple[Machine, GatesBackend]:
    machine = elaborate(cases.accelerator(seed, group))
    return machine, GatesBackend(machine.block, options=gate_options(64))


@pytest.mark.parametrize(
    ("seed", "group"), [(3, 0), *(pytest.param(4, i, marks=pytest.mark.slow) for i in range(6))]
)
def test_every_batch_of_random_networks_is_as_if_it_ran_alone(seed: int, group: int) -> None:
    machine, gates = built(seed, group)
    accelerator = machine.accelerator
    single = simulator(machine.block, "compiled")
    first = group * cases.CASES_PER_ACCELERATOR
    for index in range(first, first + 6):
        case = cases.case(seed, index, accelerator)
        rng = np.random.default_rng([seed, index])
        parameters = [random_parameters(layer, rng) for layer in case.layers]
        program = build_program(accelerator, case.layers, parameters, case.mappings)
        batches = [random_activations(case.layers[0], rng) for _ in range(5)]
        together = StimuliExecutor(machine, gates, program)
        alone = Executor(machine, single, program)
        for some in (batches, batches[:1], batches[2:]):  # the program stays where it is
            found = together.run_batches(np.concatenate(some))
            assert len(found) == len(some)
            for batch, runs in zip(some, found, strict=True):
                reference = run_network(case.layers, parameters, batch)
                wanted = list(alone.run(batch))
                assert [run.counts for run in runs] == [run.counts for run in wanted]
                for run, other, output in zip(runs, wanted, reference, strict=True):
                    assert run.name == other.name
                    assert np.array_equal(run.bits, other.bits)
                    assert np.array_equal(run.classes, other.classes)
                    if output.bits is not None:
                        assert np.array_equal(run.bits, output.bits)
                    else:
                        assert np.array_equal(run.classes, output.classes)


def test_images_that_fill_no_whole_run_and_several_runs_keep_their_order() -> None:
    machine, gates = built(3, 0)
    case = cases.case(3, 0, machine.accelerator)
    rng = np.random.default_rng(1)
    parameters = [random_parameters(layer, rng) for layer in case.layers]
    program = build_program(machine.accelerator, case.layers, parameters, case.mappings)
    batches = [random_activations(case.layers[0], rng) for _ in range(150)]
    found = list(side_by_side(machine, gates, program, np.concatenate(batches), jobs=2))
    assert len(found) == 150
    for batch, runs in zip(batches, found, strict=True):
        output, last = run_network(case.layers, parameters, batch)[-1], runs[-1]
        expected = output.bits if output.classes is None else output.classes
        assert np.array_equal(last.bits if output.classes is None else last.classes, expected)
        assert all(run.bits is None for run in runs[:-1])

    executor, one = StimuliExecutor(machine, gates, program), len(batches[0])
    for images, message in (
        (np.concatenate(batches), rf"^expected whole batches of {one} images, 1 to 64 of them, "),
        (batches[0][:0], r"got 0 images$"),
        (batches[0][:, :-1], r"^images must be \[batch, rows, columns, channels\] = "),
    ):
        with pytest.raises(SimulationError, match=message):
            executor.run_batches(images)
    with pytest.raises(SimulationError, match=r"^back end pyrtl runs one batch at a time$"):
        StimuliExecutor(machine, simulator(machine.block, "pyrtl"), program)


def test_stimuli_that_do_not_end_leave_the_state_of_the_first_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    machine, gates = built(3, 0)
    case = cases.case(3, 0, machine.accelerator)
    rng = np.random.default_rng(2)
    parameters = [random_parameters(layer, rng) for layer in case.layers]
    program = build_program(machine.accelerator, case.layers, parameters, case.mappings)
    images = np.concatenate([random_activations(case.layers[0], rng) for _ in range(64)])
    lengths = StimuliExecutor(machine, gates, program).run_batches(images)[0]
    limit = max(run.counts["cycles"] for run in lengths) - 1
    executor = StimuliExecutor(machine, gates, program, cycle_limit=limit)
    with pytest.raises(CycleLimitError, match=rf"did not end within {limit} cycles: the contr"):
        executor.run_batches(images)


def test_a_network_simulated_on_gates_gives_the_compiled_results() -> None:
    files = ("arch_specs/tiny.yaml", "workloads/digits_mlp_64_256_256_10.yaml")
    gates, compiled = (simulate(*files, images=21, backend=name) for name in ("gates", "compiled"))
    assert gates.classes is not None
    assert np.array_equal(gates.classes, compiled.classes)
    assert gates.accuracy == compiled.accuracy
    assert gates.result == compiled.result
    assert gates.images == compiled.images == 21
