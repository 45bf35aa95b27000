"""The trained digits network on generated hardware: every bit, every cycle, the same accuracy."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from asicbnn.bnn.reference import run_network
from asicbnn.hardware.accelerator import elaborate
from asicbnn.hardware.configuration import configuration_words
from asicbnn.mapping.dataflow import DATAFLOWS
from asicbnn.model.mappings import Request, mappings
from asicbnn.simulate import simulate
from asicbnn.simulation.backends import simulator
from asicbnn.spec import load
from asicbnn.spec.accelerator import with_changes
from asicbnn.spec.lowering import lower
from asicbnn.spec.parameters import load_images, load_parameters
from asicbnn.technology import library
from asicbnn.verify import verify
from asicbnn.verify.agreement import Subject

ROOT = Path(__file__).parents[2]
ACCELERATORS = ("tiny", "edge64", "ihp_latch")
HELD_OUT = 360


@cache
def spec_of(name):
    return load(ROOT / f"arch_specs/{name}.yaml")


@cache
def digits():
    return load(ROOT / "workloads/digits_mlp_64_256_256_10.yaml")


@cache
def machine_of(name):
    machine = elaborate(spec_of(name))
    return machine, simulator(machine.block)


def differences(name, dataflow, images):
    """Rows that differ over some images, one machine for all dataflows."""
    accelerator = spec_of(name)
    machine, backend = machine_of(name)
    layers = lower(digits()).layers
    technology = library.load(accelerator.technology)
    n_cfg = configuration_words(accelerator)
    chosen = mappings(accelerator, technology, layers, Request(dataflow), n_cfg)
    subject = Subject(machine, backend, layers, load_parameters(digits()), chosen)
    given = load_images(digits(), images).activations
    return [row for i in range(images) for row in subject.rows(given[i : i + 1]) if not row.agrees]


@pytest.mark.parametrize("dataflow", DATAFLOWS)
@pytest.mark.parametrize("name", ACCELERATORS)
def test_two_images_under_every_dataflow(name, dataflow):
    assert differences(name, dataflow, 2) == []


@pytest.mark.slow
@pytest.mark.parametrize("dataflow", DATAFLOWS)
@pytest.mark.parametrize("name", ACCELERATORS)
def test_twenty_images_under_every_dataflow(name, dataflow):
    found = verify(spec_of(name), digits(), images=20, dataflow=dataflow)
    assert found.verdict == "no difference in cycles, accesses and bits: 3 layers, 20 images"


@pytest.mark.parametrize("count", [40, pytest.param(HELD_OUT, marks=pytest.mark.slow)])
def test_held_out_images_have_the_class_of_the_integer_reference(count):
    images = load_images(digits(), count)
    assert len(load_images(digits()).activations) == HELD_OUT
    layers = lower(digits(), batch=count).layers
    expected = run_network(layers, load_parameters(digits()), images.activations)[-1].classes
    found = simulate(spec_of("edge64"), digits(), images=count)
    assert np.array_equal(found.classes, expected)
    assert found.images == count
    assert found.accuracy == float(np.mean(expected == images.labels))
    assert found.accuracy > 0.94


def test_images_together_are_images_one_by_one():
    """Five images in batches of two end in a batch of one."""
    accelerator = with_changes(spec_of("tiny"), {"limits.batch": 2})
    found = simulate(accelerator, digits(), images=5, batch=2)
    layers = lower(digits(), batch=5).layers
    images = load_images(digits(), 5).activations
    expected = run_network(layers, load_parameters(digits()), images)[-1].classes
    assert np.array_equal(found.classes, expected)
    assert found.images == 5


def test_a_batch_is_verified_image_for_image():
    accelerator = with_changes(spec_of("tiny"), {"limits.batch": 2})
    found = verify(accelerator, digits(), images=3, batch=2)
    assert found.verdict == "no difference in cycles, accesses and bits: 3 layers, 3 images"
