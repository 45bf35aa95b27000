"""Whole networks on a machine of 32x128: CPU of one image, of its toggles, and time of many images.

CPU is of this process, after the build; what other processes do does not count.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from simulation.machines import needs_compiler
from test_simulate import imported

from asicbnn.activity import SAMPLE, WINDOW_CYCLES
from asicbnn.bnn.reference import run_network
from asicbnn.model.arguments import accelerator_of, workload_of
from asicbnn.simulate import execute, prepare
from asicbnn.simulation.backends.word_level.sampling import Sampling
from asicbnn.simulation.backends.word_level.toggling import TogglingBackend
from asicbnn.simulation.execution import CYCLE_LIMIT
from asicbnn.spec.lowering import lower
from asicbnn.spec.parameters import load_images, load_parameters

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(3600), needs_compiler]

ROOT = Path(__file__).parents[2]
EDGE = accelerator_of(ROOT / "arch_specs/edge128.yaml")
BINARYNET = workload_of(ROOT / "workloads/binarynet_cifar10.yaml")
MOST_CPU_SECONDS = 1.0
MOST_WALL_SECONDS = 300.0
MOST_RATIO = 1.5
IMAGES, BATCH = 10_000, 64
RUNS = 5


def prepared(workload, *, images=1, batch=1, sampling=None):
    return prepare(
        EDGE, workload, images=images, batch=batch, mapping=None, dataflow=None, seed=0,
        backend="compiled", sampling=sampling,
    )  # fmt: skip


def run(setup, workload, jobs):
    return execute(EDGE, workload, setup, jobs=jobs, cycle_limit=CYCLE_LIMIT, progress=None)


def cpu_seconds(setup):
    """CPU of one image, and what came out."""
    start = time.process_time()
    found = run(setup, BINARYNET, 1)
    return time.process_time() - start, found


def show(capsys, text):
    with capsys.disabled():
        sys.stdout.write(f"\n{text}\n")


def test_an_image_of_binarynet(capsys):
    setup = prepared(BINARYNET)
    seconds = []
    for _ in range(RUNS):
        spent, found = cpu_seconds(setup)
        seconds.append(spent)
    cycles = found.result.totals["cycles"]
    show(
        capsys,
        f"BinaryNet-CIFAR10 on edge128, one image: {cycles:,.0f} cycles in {min(seconds):.3f} s of "
        f"CPU ({max(seconds):.3f} s at worst of {RUNS}), goal {MOST_CPU_SECONDS} s",
    )
    assert [x.name for x in found.result.layers] == [x.name for x in lower(BINARYNET).layers]
    assert min(seconds) < MOST_CPU_SECONDS


def test_toggles_of_binarynet(capsys):
    """Each round runs both, one after the other, and the quietest of each counts."""
    plain = prepared(BINARYNET)
    counting = prepared(BINARYNET, sampling=Sampling(WINDOW_CYCLES, SAMPLE * WINDOW_CYCLES))
    assert isinstance(counting.backend, TogglingBackend)
    seconds, expected, found = [], None, None
    for _ in range(RUNS):
        without, expected = cpu_seconds(plain)
        spent, found = cpu_seconds(counting)
        seconds.append((without, spent))
    without, spent = (min(each) for each in zip(*seconds, strict=True))
    toggles = counting.backend.toggles()
    show(
        capsys,
        f"toggles of BinaryNet-CIFAR10 on edge128: {toggles.counted / toggles.cycles:.1%} of all "
        f"cycles counted in {spent:.3f} s of CPU against {without:.3f} s without: "
        f"{spent / without:.2f} times, goal {MOST_RATIO}",
    )
    assert found.result.totals == expected.result.totals
    assert toggles.counted > 0
    assert spent / without <= MOST_RATIO


def test_all_of_mnist_on_lfc(tmp_path, capsys):
    network = workload_of(imported(
        tmp_path, "finn_lfc_w1a1.yaml", "models/bnn_pynq/mnist/lfcW1A1",
        "images/mnist-t10k-images-idx3-ubyte.gz", "images/mnist-t10k-labels-idx1-ubyte.gz",
    ))  # fmt: skip
    setup = prepared(network, images=IMAGES, batch=BATCH)
    cpu, start = time.process_time(), time.monotonic()
    found = run(setup, network, None)
    seconds, spent = time.monotonic() - start, time.process_time() - cpu
    show(
        capsys,
        f"LFC on edge128, {IMAGES:,} images, {BATCH} at a time: {seconds:.0f} s on "
        f"{os.cpu_count()} cores ({spent:.0f} s of CPU), accuracy {found.accuracy:.2%}, goal "
        f"{MOST_WALL_SECONDS:.0f} s",
    )
    images = load_images(network)
    expected = run_network(lower(network).layers, load_parameters(network), images.activations)
    assert np.array_equal(found.classes, expected[-1].classes)
    assert seconds < MOST_WALL_SECONDS
