"""Whole networks on the hardware: what is counted, priced, and divided by the images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from shared_data import shared_data

from asicbnn import estimate, simulate, verify
from asicbnn.bnn.reference import run_network
from asicbnn.errors import ModelError, SpecError
from asicbnn.importers.bnn_pynq import input_pixels, read_parameters
from asicbnn.importers.files import write_network
from asicbnn.importers.images import read_labels, read_pixels
from asicbnn.model.figures import PRICED_COUNTS
from asicbnn.result import METRICS
from asicbnn.spec import load
from asicbnn.spec.accelerator import with_changes
from asicbnn.spec.lowering import lower
from asicbnn.spec.parameters import load_images, load_parameters
from asicbnn.spec.workload import read_workload
from asicbnn.verify.agreement import Subject

ROOT = Path(__file__).parents[1]
DIGITS = ROOT / "workloads/digits_mlp_64_256_256_10.yaml"
TINY = load(ROOT / "arch_specs/tiny.yaml")
BATCHED = with_changes(TINY, {"limits.batch": 4})


SEEN = []


@pytest.fixture(scope="module")
def seven():
    """Seven images, three at a time: two full batches and one left over."""
    return simulate(BATCHED, DIGITS, images=7, batch=3, progress=lambda *at: SEEN.append(at))


def test_a_simulation_of_one_image_costs_what_the_estimate_says():
    """Its counts are the hardware's own: where they agree, so do time, energy and power."""
    found, model = simulate(TINY, DIGITS).result, estimate(TINY, DIGITS)
    beside_the_run = {"power_up_energy_uj", "power_up_ms"}
    assert set(found.totals) == set(model.totals) - beside_the_run
    for mine, theirs in zip((found, *found.layers), (model, *model.layers), strict=True):
        values = getattr(mine, "totals", None) or mine.metrics
        expected = getattr(theirs, "totals", None) or theirs.metrics
        assert set(values) == set(expected) - beside_the_run
        for name in values:
            value = expected[name]
            if METRICS[name].is_count:
                assert values[name] == value, name
            else:
                assert values[name] == pytest.approx(value, rel=1e-12), name
    assert found.flags[0] == PRICED_COUNTS


def test_batches_add_up(seven):
    whole = seven.result.totals
    full = estimate(BATCHED, DIGITS, batch=3).totals
    rest = estimate(BATCHED, DIGITS, batch=1).totals
    for name, metric in METRICS.items():
        if metric.is_count:
            assert whole[name] == 2 * full[name] + rest[name], name
    energy = 2 * full["energy_fj"] + rest["energy_fj"]
    assert whole["energy_fj"] == pytest.approx(energy, rel=1e-12)
    assert whole["latency_ms"] == pytest.approx(2 * full["latency_ms"] + rest["latency_ms"])
    assert whole["energy_per_inference_uj"] == pytest.approx(energy * 1e-9 / 7)
    assert whole["inferences_per_s"] == pytest.approx(7e3 / whole["latency_ms"])
    assert whole["power_mw"] == pytest.approx(energy * 1e-9 / whole["latency_ms"])


def test_figures_per_inference_are_the_whole_over_the_images(seven):
    assert (seven.images, seven.batch) == (7, 3)
    totals = seven.result.totals
    assert seven.per_inference == {
        "cycles": totals["cycles"] / 7,
        "latency_ms": totals["latency_ms"] / 7,
        "energy_fj": totals["energy_fj"] / 7,
    }
    value = seven.to_json()
    assert (value["images"], value["batch"]) == (7, 3)
    assert value["per_inference"] == seven.per_inference


@pytest.mark.parametrize("jobs", [1, 2])
def test_threads_change_nothing(seven, jobs):
    found = simulate(BATCHED, DIGITS, images=7, batch=3, jobs=jobs)
    assert found.to_json() == seven.to_json()
    assert found.classes.tolist() == seven.classes.tolist()


def test_classes_are_the_references_and_in_the_order_of_the_images(seven):
    network = read_workload(DIGITS)
    images = load_images(network, 7)
    expected = run_network(lower(network).layers, load_parameters(network), images.activations)
    assert seven.classes.tolist() == expected[-1].classes.tolist()
    assert len(set(seven.classes.tolist())) > 1
    assert seven.accuracy == np.mean(expected[-1].classes == images.labels)


def test_verification_in_threads_compares_every_batch():
    found = verify(BATCHED, DIGITS, images=7, batch=3, jobs=2)
    assert found.agrees
    assert found.images == 7
    assert found.compared == verify(BATCHED, DIGITS, images=7, batch=3, jobs=1).compared


def test_progress_counts_images_up_to_all_of_them(seven):
    assert seven.images == 7
    assert SEEN == [(3, 7), (6, 7), (7, 7)]


def test_a_difference_in_a_later_batch_is_among_what_was_compared(monkeypatch):
    run, batches = Subject.rows, []

    def rows(self, images, executor=None):
        batches.append(len(images))
        found = run(self, images, executor)
        wrong = len(batches) == 2
        return [replace(row, hardware=row.hardware + wrong) for row in found]

    monkeypatch.setattr(Subject, "rows", rows)
    found = verify(BATCHED, DIGITS, images=7, batch=3, jobs=1)
    assert batches == [3, 3, 1]
    assert len(found.differences) == len(found.compared) / 2


@pytest.mark.parametrize("run", [simulate, verify])
def test_jobs_are_a_whole_number_of_at_least_one(run):
    with pytest.raises(SpecError, match=r"^jobs: expected a whole number of at least 1, got 0$"):
        run(TINY, DIGITS, jobs=0)


def test_what_has_no_price_is_refused_before_it_runs():
    fast = with_changes(TINY, {"operating_point.clock_mhz": 5000.0})
    with pytest.raises(ModelError, match=r"5,?000 MHz"):
        simulate(fast, DIGITS, images=10, progress=lambda *_: pytest.fail("it ran"))


# ---------------------------------------------------------------------- published networks
def imported(folder, workload, parameters, pixels, labels):
    network = ROOT / "workloads" / workload
    layers = lower(read_workload(network)).layers
    first = layers[0]
    learned = read_parameters(shared_data(parameters), layers)
    shown = read_pixels(shared_data(pixels), (first.in_y, first.in_x, first.in_channels))
    arrays = {
        "images": input_pixels(shown, first),
        "labels": read_labels(shared_data(labels), len(shown), layers[-1].out_channels),
    }
    return write_network(network, learned, folder, **arrays)[0]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_lfc_classifies_all_of_mnist_as_the_reference_does(tmp_path):
    """10 000 images, 64 at a time; 98.34 % is what BNN-PYNQ's parameters reach."""
    network = imported(
        tmp_path, "finn_lfc_w1a1.yaml", "models/bnn_pynq/mnist/lfcW1A1",
        "images/mnist-t10k-images-idx3-ubyte.gz", "images/mnist-t10k-labels-idx1-ubyte.gz",
    )  # fmt: skip
    found = simulate(ROOT / "arch_specs/edge128.yaml", network, images=10_000, batch=64)
    workload = read_workload(network)
    images = load_images(workload)
    expected = run_network(lower(workload).layers, load_parameters(workload), images.activations)
    assert np.array_equal(found.classes, expected[-1].classes)
    assert found.accuracy == 0.9834


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_cnv_agrees_on_every_image_layer_by_layer(tmp_path):
    network = imported(
        tmp_path, "finn_cnv_w1a1_cifar10.yaml", "models/bnn_pynq/cifar10/cnvW1A1",
        "images/cifar10_test25_lossless.npz", "images/cifar10_test25_lossless.npz",
    )  # fmt: skip
    found = verify(ROOT / "arch_specs/edge128.yaml", network, images=25)
    assert found.differences == ()
    assert simulate(ROOT / "arch_specs/edge128.yaml", network, images=25).accuracy == 0.84
