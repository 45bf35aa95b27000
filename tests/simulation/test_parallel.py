"""Batches over forks of one simulator: the same answers in the same order, and a prompt end."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from agreement.subject import nest_of, small

from asicbnn.bnn.layer import Layer
from asicbnn.bnn.reference import random_activations, random_parameters
from asicbnn.errors import SimulationError
from asicbnn.hardware.accelerator import elaborate
from asicbnn.simulation import parallel
from asicbnn.simulation.backends import simulator
from asicbnn.simulation.execution import Executor
from asicbnn.simulation.parallel import in_order, jobs_for
from asicbnn.simulation.program import build_program

LAYERS = (
    Layer(name="conv", out_channels=6, in_channels=5, in_y=5, in_x=5, kernel_y=2, kernel_x=2,
          pool=2),
    Layer(name="classes", out_channels=4, in_channels=6, in_y=2, in_x=2, kernel_y=2, kernel_x=2,
          output="argmax"),
)  # fmt: skip


def prepared(backend="auto", store_kib=4):
    accelerator = small(store__kib__weights=store_kib)
    rng = np.random.default_rng(0)
    parameters = [random_parameters(layer, rng) for layer in LAYERS]
    mappings = [nest_of(accelerator, layer) for layer in LAYERS]
    program = build_program(accelerator, LAYERS, parameters, mappings)
    machine = elaborate(accelerator, host_words=program.host_words)
    images = [random_activations(LAYERS[0], rng) for _ in range(12)]
    return Executor(machine, simulator(machine.block, backend), program), images


@pytest.fixture(scope="module")
def subject():
    return prepared()


def answers(executor, images):
    runs = list(executor.run(images))
    return [run.counts for run in runs], runs[0].bits.tolist(), runs[1].classes.tolist()


@pytest.mark.parametrize("jobs", [2, 5])
def test_forks_give_in_order_what_one_simulator_gives(subject, jobs):
    executor, images = subject
    alone = list(in_order(executor, images, answers, 1))
    assert list(in_order(executor, images, answers, jobs)) == alone
    assert list(in_order(executor, images[::-1], answers, jobs)) == alone[::-1]


def test_streamed_weights_stay_in_the_host_while_images_change():
    executor, images = prepared(store_kib=0.25)
    assert any(placement.streamed for placement in executor.program.placements)
    again = [answers(prepared(store_kib=0.25)[0], image) for image in images[:3]]
    assert list(in_order(executor, images[:3], answers, 1)) == again


def test_programs_that_share_a_simulator_each_load_their_own(subject):
    executor, images = subject
    other = executor.on(executor.backend)
    rng = np.random.default_rng(9)
    parameters = [random_parameters(layer, rng) for layer in LAYERS]
    mappings = [nest.mapping for nest in executor.program.nests]
    other.program = build_program(executor.program.accelerator, LAYERS, parameters, mappings)
    first, second = answers(executor, images[0]), answers(other, images[0])
    assert first != second
    assert [answers(executor, images[0]), answers(other, images[0])] == [first, second]


def test_bits_that_nobody_wants_are_not_read(subject):
    executor, images = subject
    conv, classes = executor.run(images[0], reads_bits=False)
    assert conv.bits is None
    assert classes.classes.tolist() == answers(executor, images[0])[2]


def test_forks_really_run_at_once(subject):
    """Each of two batches waits for the other: one after the other they would never end."""
    executor, images = subject
    meeting = threading.Barrier(2, timeout=30)

    def meet(mine, batch):
        meeting.wait()
        return answers(mine, batch)

    assert len(list(in_order(executor, images[:4], meet, 2))) == 4


def test_no_more_batches_are_handed_out_than_forks_soon_need(subject):
    executor, images = subject
    taken = []

    def batches():
        for batch in images:
            taken.append(1)
            yield batch

    handed = in_order(executor, batches(), answers, 2)
    next(handed)
    assert len(taken) == 4
    handed.close()


def test_an_error_in_one_batch_ends_all_and_the_simulator_still_works(subject):
    executor, images = subject

    def fail(mine, batch):
        if batch is images[1]:
            raise SimulationError("the second")
        return answers(mine, batch)

    with pytest.raises(SimulationError, match=r"^the second$"):
        list(in_order(executor, images, fail, 2))
    assert answers(executor, images[0]) == next(in_order(executor, images, answers, 1))


@pytest.mark.parametrize("backend", ["auto", "pyrtl"])
def test_an_interrupt_ends_runs_that_would_take_for_ever(backend):
    executor, images = prepared(backend)
    started = threading.Event()

    def endless(mine, batch):
        if batch is images[0]:
            started.wait(30)
            raise KeyboardInterrupt
        started.set()
        mine.backend.run(10**15)

    before = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        list(in_order(executor, images, endless, 2))
    assert time.monotonic() - before < 60
    assert threading.active_count() == 1 or not any(
        thread.name.startswith("batch") for thread in threading.enumerate()
    )


def test_jobs_are_cores_where_runs_release_the_lock_and_never_more_than_batches(
    subject, monkeypatch
):
    executor, _ = subject
    backend = executor.backend
    monkeypatch.setattr(parallel, "_usable_cores", lambda: 6)
    monkeypatch.setattr(type(backend), "releases_lock", True)
    assert jobs_for(backend, 100) == 6
    assert jobs_for(backend, 3) == 3
    assert jobs_for(backend, 100, 4) == 4
    monkeypatch.setattr(type(backend), "releases_lock", False)
    assert jobs_for(backend, 100) == jobs_for(backend, 100, 4) == 1
    monkeypatch.setattr(type(backend), "releases_lock", True)
    octets = sum(8 * -(-m.bits // 64) * m.words for m in backend.shape.memories.values())
    monkeypatch.setattr(parallel, "MOST_STATE_BYTES", 3 * octets + 1)
    assert jobs_for(backend, 100, 4) == 3
    monkeypatch.setattr(parallel, "MOST_STATE_BYTES", 1)
    assert jobs_for(backend, 100, 4) == 1
