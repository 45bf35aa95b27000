from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pandas as pd
import pytest

import asicbnn
from asicbnn.errors import SpecError
from asicbnn.report.remarks import remarks
from asicbnn.result import METRICS, result_schema
from asicbnn.sweep.files import read_table
from asicbnn.sweep.pareto import mark_front
from asicbnn.sweep.run import mixed_levels

ROOT = Path(__file__).parents[2]
SWEEP = """
name: small
accelerator: {root}/arch_specs/edge64.yaml
workloads: [{root}/workloads/digits_mlp_64_256_256_10.yaml, {root}/workloads/finn_tfc_w1a1.yaml]
technologies: [sky130hd, asap7]
axes:
  array.unroll.in_channels: [32, 64, 48]
  buffers.weight.words: [64, 256]
  array.strides: [[1], [1, 2]]
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("sweep") / "small.yaml"
    path.write_text(SWEEP.format(root=ROOT))
    return path


@pytest.fixture(scope="module")
def found(file):
    return asicbnn.sweep(file, workers=1)


def test_every_point_is_a_row_or_a_refusal(found):
    refused = sum(found.refused.values())
    assert len(found.table) + refused == 2 * 3 * 2 * 2 * 2
    assert refused >= 16
    assert any("in_channels" in reason for reason in found.refused)


def test_a_row_is_the_estimate_of_its_point(found):
    row = found.to_frame().query("technology == 'asap7'").iloc[0]
    accelerator = asicbnn.load(ROOT / "arch_specs/edge64.yaml")
    workload = asicbnn.load(ROOT / f"workloads/{row['workload']}.yaml")
    from asicbnn.spec.accelerator import with_changes

    point = with_changes(
        accelerator,
        {
            "technology": "asap7",
            "array.unroll.in_channels": int(row["array.unroll.in_channels"]),
            "buffers.weight.words": int(row["buffers.weight.words"]),
            "array.strides": json.loads(row["array.strides"]),
        },
    )
    totals = asicbnn.estimate(point, workload).totals
    assert {name: row[name] for name in totals} == dict(totals)


def test_the_front_is_marked_per_workload_and_technology(found):
    table = found.to_frame()
    expected = mark_front(table, found.objectives, ("workload", "technology"))
    assert table["pareto"].tolist() == expected.tolist()
    assert table.groupby(["workload", "technology"])["pareto"].any().all()
    assert found.front["pareto"].all()


def test_what_is_printed_obeys_the_schema(found):
    value = json.loads(json.dumps(found.to_json(), allow_nan=False))
    jsonschema.validate(value, result_schema())
    assert len(value["points"]) == len(found.table)
    metrics = set(value["points"][0]["totals"])
    assert metrics <= set(METRICS)
    assert isinstance(value["points"][0]["totals"]["cycles"], int)


def test_what_is_written_is_what_was_found(found, tmp_path):
    written = found.write(tmp_path)
    assert [path.name for path in written] == ["small.parquet", "small.csv", "small.json"]
    pd.testing.assert_frame_equal(read_table(written[0]), found.to_frame())
    assert json.loads(written[2].read_text())["refused"] == dict(found.refused)


def test_columns_that_do_not_vary_are_not_shown(found):
    assert found.naming_columns[:3] == ("point", "workload", "technology")
    assert "dataflow" not in found.naming_columns
    assert set(found.front_columns) <= set(found.table.columns)


def test_other_objectives_make_another_front(file, found):
    other = asicbnn.sweep(file, workers=1, objectives=["area_um2"])
    least = other.table.groupby(["workload", "technology"])["area_um2"].transform("min")
    assert (other.table["pareto"] == (other.table["area_um2"] == least)).all()
    assert other.objectives == ("area_um2",)


def test_an_unknown_objective_is_refused_before_anything_runs(file):
    def progress(_done, _total):
        raise AssertionError

    with pytest.raises(SpecError, match=r"^speed is not an objective; "):
        asicbnn.sweep(file, objectives=["speed"], progress=progress)


def test_clock_gating_is_an_axis_like_any_other(tmp_path):
    file = tmp_path / "gating.yaml"
    file.write_text(
        f"name: gating\naccelerator: {ROOT}/arch_specs/tiny.yaml\n"
        f"workloads: [{ROOT}/workloads/digits_mlp_64_256_256_10.yaml]\n"
        "axes: {clock_gating: [none, register]}\n"
    )
    table = asicbnn.sweep(file, workers=1).to_frame().set_index("clock_gating")
    assert table.loc["register", "clock_energy_fj"] < table.loc["none", "clock_energy_fj"]
    assert table["gated_clocks"].gt(0).to_dict() == {"none": False, "register": True}
    assert table.loc["register", "cycles"] == table.loc["none", "cycles"]


def test_a_sweep_of_several_levels_says_so_first():
    table = pd.DataFrame(
        {"technology": ["a", "b", "c", "a"], "level": ["gate", "cell", "cell", "gate"]}
    )
    [said] = mixed_levels(table)
    assert said == (
        "levels differ and their figures do not compare: b, c at cell; a at gate; --level cell "
        "makes them one"
    )
    assert not list(mixed_levels(table[table["level"] == "cell"]))
    assert not list(mixed_levels(pd.DataFrame()))
    assert remarks([*table["technology"], said]).caveats[0] == said


def test_a_sweep_at_a_level_has_it_in_every_row(tmp_path):
    path = tmp_path / "one.yaml"
    path.write_text(SWEEP.format(root=ROOT).partition("axes:")[0])
    found = asicbnn.sweep(path, level="routed", workers=1)
    assert set(found.table["level"]) == {"routed"}
    assert "at routed level" in found.headline
    [point, *_] = found.to_json()["points"]
    assert point["level"] == "routed"
    assert 0 < point["errors"]["energy_per_inference_uj"] < 2
