"""What verify reports: a row per quantity, a verdict, JSON and a frame."""

from __future__ import annotations

import jsonschema
import numpy as np
import pytest
from agreement.subject import nest_of, rows_of, small

from asicbnn.bnn.layer import Layer
from asicbnn.bnn.reference import LayerOutput
from asicbnn.errors import SpecError
from asicbnn.model.network import count_network
from asicbnn.result import METRICS, result_schema
from asicbnn.simulate import simulate
from asicbnn.simulation.execution import CYCLE_CLASSES, LayerRun
from asicbnn.spec.accelerator import Accelerator
from asicbnn.spec.reader import read_value
from asicbnn.spec.workload import Workload
from asicbnn.verify import Verification, verify
from asicbnn.verify.agreement import COMPARED, OUTPUTS, Row, output_row
from asicbnn.verify.features import ALL_FEATURES

DENSE = Layer(name="dense", out_channels=3, in_channels=9)
WORKLOAD = read_value(
    {
        "name": "pair",
        "input": {"shape": [1, 1, 9], "bits": 1},
        "layers": [
            {"name": "hidden", "op": "dense", "out_channels": 6, "post": ["threshold", "sign"]},
            {"name": "classes", "op": "dense", "out_channels": 3},
        ],
    },
    Workload,
)


@pytest.fixture(scope="module")
def found():
    return verify(small(), WORKLOAD, images=3, backend="pyrtl")


def test_every_cycle_class_and_every_access_is_compared():
    counted = count_network(small(), [DENSE], [nest_of(small(), DENSE)])[0]
    accesses = {name for name in counted if name.endswith(("_reads", "_writes"))}
    cycles = {name for name in counted if name.endswith("_cycles")}
    hosted = {name for name in counted if name.startswith("host_words")}
    assert accesses | cycles | hosted | {"cycles"} == set(COMPARED)
    assert set(COMPARED) <= METRICS.keys()
    assert set(CYCLE_CLASSES) <= set(COMPARED)


def test_features_have_a_name_each():
    assert len(set(ALL_FEATURES)) == len(ALL_FEATURES)


def test_a_verification_has_a_row_per_layer_and_quantity(found):
    assert found.agrees
    assert found.differences == ()
    assert found.images == 3
    assert found.verdict == "no difference in cycles, accesses and bits: 2 layers, 3 images"
    assert [row.layer for row in found.compared].count("hidden") == len(COMPARED) + 1
    last = {row.layer: row.quantity for row in found.compared}
    assert last == {"hidden": OUTPUTS, "classes": "classes"}
    assert all(model == hardware for _, _, model, hardware in found.rows)


def test_a_verification_as_json_and_as_a_frame(found):
    value = found.to_json()
    jsonschema.validate(value, result_schema())
    assert value["schema"] == "asicbnn.verify/1"
    assert value["problems"] == []
    assert [layer["name"] for layer in value["layers"]] == ["hidden", "classes"]
    assert value["totals"]["cycles"] == sum(layer["cycles"] for layer in value["layers"])
    frame = found.to_frame()
    assert list(frame.columns) == [
        "layer", "quantity", "model", "hardware", "difference", "differing_bits",
    ]  # fmt: skip
    assert len(frame) == len(found.compared)
    assert not frame["difference"].any()


def test_a_difference_is_in_the_verdict_the_json_and_the_table():
    rows = (
        Row("conv", "cycles", 10, 10, 0), Row("conv", "psum_buffer_reads", 5, 4, 0),
        Row("conv", OUTPUTS, 7, 7, 2),
    )  # fmt: skip
    found = Verification("a", "w", "sky130hd", 1, rows, "")
    assert not found.agrees
    assert found.differences == rows[1:]
    assert found.verdict == "2 differences: 1 layers, 1 images"
    assert found.rows[2] == ("conv", OUTPUTS, 7, "7 (2 differ)")
    problems = [problem["message"] for problem in found.to_json()["problems"]]
    assert problems == [
        "conv: psum_buffer_reads: model 5, hardware 4, 0 bits differ",
        "conv: output bits: model 7, hardware 7, 2 bits differ",
    ]
    assert found.to_frame()["difference"].tolist() == [0, -1, 0]


def test_bits_that_differ_are_counted_even_if_as_many_are_ones():
    reference = np.array([[[[True, False]]]])
    run = LayerRun("conv", {}, ~reference, None)
    row = output_row(run, LayerOutput(np.zeros((1, 1, 1, 2), np.int64), reference, None))
    assert (row.model, row.hardware, row.differing, row.agrees) == (1, 1, 2, False)


def test_classes_that_change_places_differ():
    sums = np.zeros((2, 1, 1, 3), np.int64)
    run = LayerRun("classes", {}, None, np.array([1, 2]))
    row = output_row(run, LayerOutput(sums, None, np.array([2, 1])))
    assert (row.model, row.hardware, row.differing, row.agrees) == (3, 3, 2, False)


def test_rows_agree_on_a_layer_by_hand():
    """One pixel, one word of weights and of inputs: counts that can be read off."""
    layer = Layer(name="one", out_channels=2, in_channels=4)
    rows = {row.quantity: row for row in rows_of(small(), [layer], [nest_of(small(), layer)])}
    assert all(row.agrees for row in rows.values())
    expected = {
        "compute_cycles": 1, "weight_buffer_reads": 1, "weight_buffer_writes": 1,
        "input_buffer_reads": 1, "input_buffer_writes": 2,  # a link word holds two input words
        "psum_buffer_reads": 0, "threshold_buffer_reads": 1, "threshold_buffer_writes": 1,
        "store_activation_reads": 2,  # the map, and the result on its way to the host
        "store_activation_writes": 2,  # the image, and the output
        "swap_cycles": 1, "drain_cycles": 3, "host_words_in": 1, "host_words_out": 1,
        "prologue_cycles": 2 * 2 + 1 + 1,  # two bursts: latency, then one link word each
        "io_cycles": 2 * (3 + 1),
    }  # fmt: skip
    assert {name: rows[name].hardware for name in expected} == expected


def test_simulate_counts_what_verify_compares(found):
    simulated = simulate(small(), WORKLOAD, images=1, backend="pyrtl")
    for layer in simulated.result.layers:
        rows = [row for row in found.compared if row.layer == layer.name]
        counts = {row.quantity: row.hardware for row in rows if row.quantity in COMPARED}
        assert {name: layer.metrics[name] for name in counts} == counts
    assert simulated.classes.shape == (1,)
    assert simulated.accuracy is None  # random images have no labels


@pytest.mark.parametrize(("images", "batch"), [(0, 1), (1, 0)])
def test_images_and_batch_are_counted_from_one(images, batch):
    message = rf"^{'batch' if images else 'images'}: expected a whole number of at least 1, got 0$"
    for run in (verify, simulate):
        with pytest.raises(SpecError, match=message):
            run(small(), WORKLOAD, images=images, batch=batch)


def test_one_accelerator_is_one_machine():
    assert isinstance(small(), Accelerator)
    assert small() == small()
