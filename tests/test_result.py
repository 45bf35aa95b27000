from __future__ import annotations

import json
import pickle
import re
from dataclasses import FrozenInstanceError, dataclass
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from asicbnn.result import METRICS, PARTS, LayerResult, Result, result_schema

NOMENCLATURE = (Path(__file__).parents[1] / "docs/nomenclature.md").read_text("utf-8")


@dataclass(frozen=True)
class Skipped:
    name: str = "lrn1"
    op: str = "lrn"
    reason: str = "no such unit"
    weights: int = 0
    macs: int = 12


def a_result(**changes):
    values = {
        "accelerator": "edge64",
        "workload": "digits",
        "technology": "sky130hd",
        "version": "0.1.0",
        "totals": {"cycles": np.int64(2**60), "energy_fj": 12.5, "array_energy_fj": 5},
        "layers": (
            LayerResult("fc1", {"cycles": 3.0, "utilisation": np.float64(0.5)}, {"energy_fj": 0.5}),
        ),
        "not_covered": (Skipped(),),
        "flags": ("memory timing assumed",),
        "breakdowns": {"period_ps": {"array": 800}},
        "level": "gate",
        "levels": {"cycles": "counted", "energy_fj": "assumed"},
        "errors": {"energy_fj": 0.25, "array_energy_fj": 0.0},
    }
    return Result(**(values | changes))


def table(heading):
    section = NOMENCLATURE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip().strip("`") for cell in row] for row in rows]


def test_nomenclature_lists_every_metric():
    assert table("Metrics") == [
        [m.name, m.unit, m.better, m.aggregate, m.description] for m in METRICS.values()
    ]


def test_nomenclature_lists_every_part():
    assert table("Parts") == [
        [p.name, p.kind, p.level or "-", p.operand or "-", p.description] for p in PARTS.values()
    ]


def test_units_of_metrics_are_those_their_names_carry():
    suffix = {
        "fJ": "_fj", "um2": "_um2", "mW": "_mw", "ps": "_ps", "MHz": "_mhz", "ms": "_ms",
        "uJ": "_uj", "1/s": "_per_s", "TOPS": "_tops", "TOPS/W": "_tops_per_w",
        "TOPS/mm2": "_tops_per_mm2",
    }  # fmt: skip
    for metric in METRICS.values():
        assert metric.name.endswith(suffix.get(metric.unit, "")), metric.name
        assert re.fullmatch(r"[a-z0-9_]+", metric.name)


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("energy_per_inference_uj", "Energy per inference"),
        ("dma_stall_cycles", "DMA stall cycles"),
        ("efficiency_tops_per_w", "Energy efficiency"),
        ("macs", "MACs"),
        ("inferences_per_s", "Inferences"),
    ],
)
def test_titles(name, title):
    assert METRICS[name].title == title


def test_layer_cycles_are_listed_as_the_parts_of_cycles():
    parts = {m.name for m in METRICS.values() if m.unit == "cycle"} - {"cycles"}
    assert len(parts) == 9


def test_values_become_plain_numbers():
    result = a_result()
    assert result.totals["cycles"] == 2**60
    assert type(result.totals["cycles"]) is int
    assert type(result.totals["array_energy_fj"]) is float
    assert type(result.layers[0].metrics["cycles"]) is int
    assert type(result.layers[0].metrics["utilisation"]) is float


def test_a_result_is_frozen():
    result = a_result()
    with pytest.raises(FrozenInstanceError):
        result.accelerator = "other"
    with pytest.raises(TypeError):
        result.totals["cycles"] = 1
    with pytest.raises(TypeError):
        result.breakdowns["period_ps"]["array"] = 1


def test_a_result_travels_between_processes():
    result = a_result()
    assert pickle.loads(pickle.dumps(result)) == result


@pytest.mark.parametrize(
    ("totals", "sentence"),
    [
        ({"joules": 1}, r"^edge64, digits: no such metric: joules$"),
        ({"energy_fj": float("nan")}, r"^edge64, digits: energy_fj must be finite, not nan$"),
        ({"power_mw": float("inf")}, r"^edge64, digits: power_mw must be finite, not inf$"),
        ({"cycles": 1.5}, r"^edge64, digits: cycles must be a whole number, not 1\.5$"),
    ],
)
def test_a_wrong_value_is_refused_where_it_is_made(totals, sentence):
    with pytest.raises(ValueError, match=sentence):
        a_result(totals=totals)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"errors": {"joules": 0.1}}, r"^edge64, digits: no such metric: joules$"),
        ({"errors": {"power_mw": -0.1}}, r"^.* power_mw must be finite and >= 0, not -0.1$"),
        ({"errors": {"power_mw": float("nan")}}, r"^.* power_mw must be finite and >= 0, not nan$"),
        ({"errors": {"power_mw": float("inf")}}, r"^.* power_mw must be finite and >= 0, not inf$"),
        ({"errors": {"cycles": 0.1}}, r"^.*: cycles is counted and has no error, not 0.1$"),
        ({"level": "counted"}, r"^.*: level must be one of cell, gate, routed, not counted$"),
        ({"levels": {"cycles": "exact"}}, r"^edge64, digits: no such level: exact$"),
        ({"levels": {"joules": "cell"}}, r"^edge64, digits: no such metric: joules$"),
    ],
)  # fmt: skip
def test_a_wrong_level_or_error_is_refused_where_it_is_made(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        a_result(**changes)


def test_an_exact_metric_has_no_error():
    result = a_result()
    assert dict(result.errors) == {"energy_fj": 0.25}
    assert dict(result.layers[0].errors) == {"energy_fj": 0.5}
    with pytest.raises(TypeError):
        result.errors["energy_fj"] = 0.0


def test_a_split_must_be_finite():
    with pytest.raises(ValueError, match=r"^edge64, digits: period_ps of sram must be finite$"):
        a_result(breakdowns={"period_ps": {"sram": float("inf")}})


def test_json_obeys_its_schema():
    schema = result_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    text = json.dumps(a_result().to_json("simulate"), allow_nan=False)
    jsonschema.validate(json.loads(text), schema)
    assert json.loads(text)["schema"] == "asicbnn.simulate/1"
    assert json.loads(text)["totals"]["cycles"] == 2**60
    assert json.loads(text)["level"] == "gate"
    assert json.loads(text)["levels"] == {"cycles": "counted", "energy_fj": "assumed"}
    assert json.loads(text)["errors"] == {"energy_fj": 0.25}
    assert json.loads(text)["layers"][0]["errors"] == {"energy_fj": 0.5}


def test_schema_refuses_a_metric_it_does_not_know():
    value = a_result().to_json()
    value["totals"]["joules"] = 1
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(value, result_schema())


def test_frames_have_the_metrics_as_columns():
    result = a_result()
    assert list(result.to_frame().columns) == [
        "accelerator", "workload", "technology", "level", "layer", "cycles", "utilisation",
    ]  # fmt: skip
    with_errors = result.to_frame(errors=True)
    assert list(with_errors.columns) == [*result.to_frame().columns, "utilisation_error"]
    [row] = result.totals_frame(errors=True).to_dict("records")
    assert row["energy_fj_error"] == 0.25
    assert row["array_energy_fj_error"] == 0.0
    assert "cycles_error" not in row
    [row] = result.totals_frame().to_dict("records")
    assert row["energy_fj"] == 12.5
    parts = result.parts_frame()
    assert parts["part"].tolist() == ["array"]
    assert parts["energy_fj"].tolist() == [5.0]


def test_a_result_is_one_line():
    layer = LayerResult("conv1", {"cycles": 1_200, "energy_fj": 1.5e9})
    assert repr(layer) == "LayerResult(conv1: 1,200 cycles, 1.50 uJ)"
    totals = {"cycles": 1_200_234, "energy_fj": 1.67e12}
    result = Result("edge64", "binarynet_cifar10", "sky130hd", "0", totals, (layer,))
    assert repr(result) == "Result(edge64, binarynet_cifar10, sky130hd: 1,200,234 cycles, 1.67 mJ)"
    assert repr(LayerResult("pool", {"macs": 3})) == "LayerResult(pool: 1 metrics)"
