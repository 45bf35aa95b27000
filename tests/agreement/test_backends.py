"""The same cases on every back end: the same cycles and outputs, registers and memories."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from tools import EXTERNAL

from asicbnn.bnn.reference import random_activations, random_parameters
from asicbnn.hardware.accelerator import Machine, elaborate
from asicbnn.simulation.backends import Backend, simulator
from asicbnn.simulation.backends.toolchain import c_compiler
from asicbnn.verify.agreement import Row, Subject
from asicbnn.verify.cases import CASES_PER_ACCELERATOR, FEWER_STEPS, accelerator, case
from asicbnn.verify.random_cases import verify_random

SEED = 2
SMALLEST = 2
"""Of the accelerators of this seed with gated clocks, the one soonest built and run."""
OTHERS = ["pyrtl", "gates", *EXTERNAL]
"""All but the one they are compared with."""

pytestmark = pytest.mark.skipif(
    c_compiler.find_compiler() is None, reason="no C compiler to compare with"
)


@cache
def machine(group: int) -> Machine:
    return elaborate(accelerator(SEED, group))


@cache
def compiled(group: int) -> Backend:
    return simulator(machine(group).block, "compiled")


def run(group: int, index: int, unit: Backend) -> list[Row]:
    drawn = case(SEED, index, machine(group).accelerator, FEWER_STEPS)
    rng = np.random.default_rng([SEED, index])
    parameters = [random_parameters(layer, rng) for layer in drawn.layers]
    images = random_activations(drawn.layers[0], rng)
    return Subject(machine(group), unit, drawn.layers, parameters, drawn.mappings).rows(images)


def differing(unit: Backend, other: Backend) -> Iterator[str]:
    """Names of registers and memories that two back ends do not agree on."""
    assert unit.shape == other.shape
    for name in unit.shape.registers:
        if unit.read_register(name) != other.read_register(name):
            yield f"register {name}"
    for name in unit.shape.memories:
        if not np.array_equal(unit.read_memory(name), other.read_memory(name)):
            yield f"memory {name}"


def check(group: int, cases: int, backend: str) -> None:
    unit = simulator(machine(group).block, backend, gated=machine(group).gated)
    for index in range(group * CASES_PER_ACCELERATOR, group * CASES_PER_ACCELERATOR + cases):
        rows = run(group, index, unit)
        assert rows == run(group, index, compiled(group)), index
        assert all(row.agrees for row in rows), index
        assert list(differing(unit, compiled(group))) == [], index


@pytest.mark.parametrize("backend", OTHERS)
def test_cases_of_a_small_accelerator_end_in_one_state_on_every_back_end(backend: str) -> None:
    check(SMALLEST, 3, backend)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("group", [1, *range(3, 10)])
@pytest.mark.parametrize("backend", OTHERS)
def test_cases_of_many_accelerators_end_in_one_state_on_every_back_end(
    backend: str, group: int
) -> None:
    check(group, 4, backend)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_random_cases_agree_with_the_model_on_gates(tmp_path: Path) -> None:
    done = verify_random(20, seed=SEED, folder=tmp_path, backend="gates")
    assert done.agrees, done.verdict
    assert done.backend == "gates"
    assert len(done.outcomes) == 20


def test_the_small_accelerator_has_clock_gates() -> None:
    assert machine(SMALLEST).gated


def test_one_bit_of_state_that_differs_is_named() -> None:
    unit, other = compiled(SMALLEST).fork(), compiled(SMALLEST).fork()
    unit.write_register("start", 1)
    other.write_memory("host_in0", np.ones((1, 1), np.uint64), start=65_535)
    assert list(differing(unit, other)) == ["register start", "memory host_in0"]
