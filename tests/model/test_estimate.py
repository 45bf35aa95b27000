"""The estimate and the comparison: everything adds up, and what does not fit says so."""

import json
import math
import pickle
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

import asicbnn
from asicbnn.bnn.layer import Layer
from asicbnn.compare import COMPARED, compare
from asicbnn.errors import MappingError, ModelError, NothingCoveredError, SpecError
from asicbnn.hardware.configuration import configuration_words
from asicbnn.mapping.layout import layout
from asicbnn.mapping.loop_nest import Mapping
from asicbnn.model import estimate as module
from asicbnn.model import mappings as mapped
from asicbnn.model import plausibility
from asicbnn.model.assumptions import assumptions
from asicbnn.model.cycles import CYCLES
from asicbnn.model.estimate import estimate
from asicbnn.model.network import count_network
from asicbnn.model.prices import prices
from asicbnn.result import METRICS, PARTS, result_schema
from asicbnn.spec.accelerator import Accelerator, with_changes
from asicbnn.spec.lowering import lower
from asicbnn.spec.reader import read
from asicbnn.spec.workload import read_workload
from asicbnn.technology.library import load

ROOT = Path(__file__).parents[2]
TINY = read(ROOT / "arch_specs" / "tiny.yaml", Accelerator)
EDGE = read(ROOT / "arch_specs" / "edge64.yaml", Accelerator)
DIGITS = read_workload(ROOT / "workloads" / "digits_mlp_64_256_256_10.yaml")
CIFAR = read_workload(ROOT / "workloads" / "binarynet_cifar10.yaml")
LENET = read_workload(ROOT / "workloads" / "xnor_lenet5_mnist.yaml")


@pytest.fixture(scope="module")
def cifar():
    return estimate(EDGE, CIFAR)


def test_layers_sum_to_the_totals(cifar):
    for name, metric in METRICS.items():
        parts = [layer.metrics[name] for layer in cifar.layers if name in layer.metrics]
        if metric.is_count:
            assert cifar.totals[name] == sum(parts), name
        elif metric.aggregate == "sum":
            assert cifar.totals[name] == pytest.approx(math.fsum(parts), rel=1e-12), name


def test_every_metric_is_there_but_what_belongs_to_the_whole(cifar):
    asked_for = {"amortised_energy_uj", "area_with_extras_um2", "energy_with_extras_uj"}
    assert cifar.totals.keys() == METRICS.keys() - asked_for
    whole = {name for name, m in METRICS.items() if m.aggregate == "none"}
    whole.remove("efficiency_tops_per_w")
    for layer in cifar.layers:
        assert METRICS.keys() - layer.metrics.keys() == whole


def test_a_layer_is_the_sum_of_its_cycle_classes_and_of_its_parts(cifar):
    for metrics in (*(layer.metrics for layer in cifar.layers), cifar.totals):
        assert metrics["cycles"] == sum(metrics[name] for name in CYCLES)
        assert metrics["compute_cycles"] == metrics["steps"]
        energy = math.fsum(metrics[f"{name}_energy_fj"] for name in PARTS)
        assert metrics["energy_fj"] == pytest.approx(energy, rel=1e-12)


def test_counts_are_those_of_the_network():
    request = module.Request("output_stationary")
    layers = lower(DIGITS, 1).layers
    n_cfg = configuration_words(TINY)
    chosen = module.mappings(TINY, load("sky130hd"), layers, request, n_cfg)
    counted = count_network(TINY, layers, chosen, n_cfg)
    result = estimate(TINY, DIGITS)
    for layer, counts in zip(result.layers, counted, strict=True):
        assert {name: layer.metrics[name] for name in counts} == counts


def test_splits_repeat_the_totals_exactly_enough(cifar):
    splits = cifar.breakdowns
    assert sum(splits["utilisation"].values()) == pytest.approx(1, abs=1e-15)
    for name in ("energy_terms_fj", "energy_levels_fj", "energy_operands_fj"):
        total = math.fsum(splits[name].values())
        assert total == pytest.approx(cifar.totals["energy_fj"], rel=1e-12)
    # nothing is dropped by pooling here, so the split holds the utilisation
    used = splits["utilisation"]["useful"] + splits["utilisation"]["padded"]
    assert used == pytest.approx(cifar.totals["utilisation"], rel=1e-12)
    assert max(splits["paths_ps"].values()) == cifar.totals["period_ps"]
    for layer in cifar.layers:
        moved = splits["store_traffic_bits"][layer.name]
        assert moved >= splits["lower_bound_bits"][layer.name]
        assert sum(splits[f"utilisation of {layer.name}"].values()) == pytest.approx(1, abs=1e-15)


def test_figures_of_merit_are_each_other():
    result = estimate(with_changes(TINY, {"limits.batch": 4}), DIGITS, batch=3)
    t = result.totals
    seconds = t["cycles"] * t["period_ps"] * 1e-12
    joules = t["energy_fj"] * 1e-15
    assert t["macs"] == 3 * DIGITS.totals.macs
    assert t["latency_ms"] == pytest.approx(seconds * 1e3)
    assert t["power_mw"] == pytest.approx(joules / seconds * 1e3)
    assert t["inferences_per_s"] == pytest.approx(3 / seconds)
    assert t["energy_per_inference_uj"] == pytest.approx(joules / 3 * 1e6)
    assert t["throughput_tops"] * 1e12 * seconds == pytest.approx(2 * t["macs"])
    assert t["efficiency_tops_per_w"] * 1e12 * joules == pytest.approx(2 * t["macs"])
    assert t["density_tops_per_mm2"] * t["area_um2"] * 1e-6 == pytest.approx(t["throughput_tops"])
    lanes = t["cycles"] * layout(TINY).pes * layout(TINY).lanes
    assert t["utilisation"] == pytest.approx(t["binary_macs"] / lanes)


def test_best_is_no_worse_than_any_named_dataflow():
    found = compare(TINY, DIGITS)
    assert tuple(found.results) == COMPARED
    least = min(r.totals["energy_fj"] for r in found.results.values())
    best = found.results["best"].totals["energy_fj"]
    assert best <= least * (1 + 1e-12)
    fastest = estimate(TINY, DIGITS, dataflow="best", objective="latency")
    assert fastest.totals["cycles"] <= min(r.totals["cycles"] for r in found.results.values())
    assert any("best over all loop orders" in f for f in found.results["best"].flags)


def test_what_is_not_covered_is_listed_with_its_totals():
    lowered = lower(LENET)
    assert lowered.not_covered
    result = estimate(EDGE, LENET)
    assert [x.name for x in result.not_covered] == [x.name for x in lowered.not_covered]
    assert result.breakdowns["not_covered"] == {
        "layers": len(lowered.not_covered),
        "macs": lowered.not_covered_macs,
        "weights": sum(x.weights for x in lowered.not_covered),
    }
    assert result.totals["macs"] + lowered.not_covered_macs == LENET.totals.macs
    assert "not covered" in result.flags[0]


def test_a_network_without_covered_layers_is_refused_with_their_list():
    lstm = read_workload(ROOT / "workloads" / "lab_lstm512_linux.yaml")
    with pytest.raises(NothingCoveredError, match=r"^lab_lstm512_linux: no layer can") as caught:
        estimate(EDGE, lstm)
    assert caught.value.not_covered == lower(lstm).not_covered
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.not_covered) == (str(caught.value), caught.value.not_covered)


def test_a_layer_that_does_not_fit_is_named_with_the_cure():
    small = with_changes(EDGE, {"buffers.threshold.words": 8})
    sentence = "layer conv5: its thresholds take 16 words, buffers.threshold.words is 8"
    with pytest.raises(MappingError, match=f"^{re.escape(sentence)}$"):
        estimate(small, CIFAR)


def test_a_dataflow_that_does_not_fit_is_shown_and_the_others_too():
    no_sums = with_changes(EDGE, {"buffers.psum.words": 1})
    found = compare(no_sums, CIFAR)
    assert set(found.refused) == {"weight_stationary", "row_stationary"}
    assert not found.refused.keys() & found.results.keys()
    assert all("psum" in reason for reason in found.refused.values())
    assert repr(found).startswith("Comparison(edge64, binarynet_cifar10, sky130hd: 4 dataflows, ")
    assert repr(found).endswith(" under best, 2 refused)")
    table = found.to_frame().set_index("dataflow")
    for name, reason in found.refused.items():
        assert table.loc[name, "reason"] == f"does not fit: {reason}"
    assert (table.loc[list(found.results), "cycles"] > 0).all()


def test_a_network_that_fits_nowhere_is_refused():
    none = with_changes(TINY, {"limits.out_channels": 8})
    with pytest.raises(MappingError, match=r"^digits_mlp_64_256_256_10 fits under no dataflow\n"):
        compare(none, DIGITS)


def test_explicit_mappings_are_taken_from_files_values_and_dicts(tmp_path):
    path = tmp_path / "nests.yaml"
    path.write_text("layers:\n  fc2: {outer: [[K, 16], [C, 64]], inner: [C, K]}\n")
    asked = {"fc2": {"outer": [["K", 16], ["C", 64]], "inner": ["C", "K"]}}
    nest = Mapping(
        (("B", 1), ("OY", 1), ("OX", 1), ("K", 16), ("C", 64)),
        ("C", "K", "B", "OY", "OX", "FY", "FX", "BA", "BW"),
    )
    machine = with_changes(TINY, {"buffers.psum.words": 256})
    results = [estimate(machine, DIGITS, mapping=given) for given in (path, asked, {"fc2": nest})]
    assert len({tuple(r.layers[1].metrics.items()) for r in results}) == 1
    free = estimate(machine, DIGITS)
    assert results[0].layers[1].metrics["energy_fj"] > free.layers[1].metrics["energy_fj"]
    assert results[0].layers[0].metrics == free.layers[0].metrics


@pytest.mark.parametrize(
    ("mapping", "sentence"),
    [
        ({"fc9": {"inner": ["K"]}}, r"mapping of fc9: no such layer is executed; there are fc1, "),
        ({"fc2": {"outer": [["K", 6]]}}, r"layer fc2: out_channels tile 6 is no multiple"),
        ({"fc2": {"outer": [["K", 256]]}}, r"layer fc2: a weight tile takes 2048 words"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused(mapping, sentence):
    with pytest.raises(MappingError, match=f"^{sentence}"):
        estimate(TINY, DIGITS, mapping=mapping)


def test_each_layer_is_searched_at_the_prices_of_its_stride(monkeypatch):
    machine = with_changes(TINY, {"array.unroll.out_x": 2})
    layers = [Layer(name=f"s{s}", out_channels=8, in_channels=8, in_y=4, in_x=4, stride=s)
              for s in (2, 1)]  # fmt: skip
    sky, seen = load("sky130hd"), []

    def spy(accelerator, layers, prices, **options):
        seen.extend(prices)
        return search(accelerator, layers, prices, **options)

    search = mapped.choose_network
    monkeypatch.setattr(mapped, "choose_network", spy)
    mapped.mappings(machine, sky, layers, mapped.Request("output_stationary"), 9)
    assert seen == [prices(machine, sky, layer) for layer in layers]
    assert seen[0] != seen[1]


def test_a_fixed_sequencer_has_one_order():
    fixed = with_changes(TINY, {"sequencer.order": "fixed", "buffers.psum.words": 256})
    estimate(fixed, DIGITS, dataflow="best")
    asked = {"fc2": {"outer": [["K", 8]], "inner": ["C", "K"]}}
    with pytest.raises(MappingError, match=r"^sequencer\.order is fixed, but the layers'"):
        estimate(fixed, DIGITS, mapping=asked)


@pytest.mark.parametrize("error", [SpecError, ModelError])
def test_other_input_that_is_wrong_is_refused(error):
    if error is SpecError:
        with pytest.raises(SpecError, match="dataflow"):
            estimate(TINY, DIGITS, dataflow="weight")
        with pytest.raises(SpecError, match="unknown technology"):
            estimate(TINY, DIGITS, technology="sky13")
    else:
        with pytest.raises(ModelError, match=r"^operating_point\.clock_mhz"):
            estimate(with_changes(TINY, {"operating_point.clock_mhz": 9000}), DIGITS)


def test_more_lanes_never_take_more_compute_cycles():
    previous = None
    for unroll in ({}, {"in_channels": 16}, {"out_channels": 8,
                   "in_channels": 16}):  # fmt: skip
        changes = {"array.unroll": unroll, "store.link.bits": 16, "host.link_bits": 16}
        machine = with_changes(TINY, changes)
        steps = estimate(machine, DIGITS, dataflow="best").totals["compute_cycles"]
        assert previous is None or steps <= previous
        previous = steps


def test_technologies_change_prices_and_nothing_that_is_counted():
    inner = ["B", "K", "OY", "OX", "C", "FY", "FX", "BA", "BW"]
    asked = {f"fc{i}": {"outer": [["K", 8]], "inner": inner} for i in (1, 2, 3)}
    results = [
        estimate(TINY, DIGITS, mapping=asked, technology=name)
        for name in ("sky130hd", "asap7", "ihp_sg13g2")
    ]
    assert [r.technology for r in results] == ["sky130hd", "asap7", "ihp_sg13g2"]
    counts = [name for name, metric in METRICS.items() if metric.is_count]
    assert len({tuple(r.totals[name] for name in counts) for r in results}) == 1
    assert len({r.totals["energy_fj"] for r in results}) == 3


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        ("efficiency_record_tops_per_w", "TOPS/W is hard to believe"),
        ("datapath_record_tops_per_w", "TOPS/W of the datapath alone is hard to believe"),
    ],
)
def test_a_record_beyond_belief_is_flagged(monkeypatch, record, sentence):
    figures = assumptions()
    low = getattr(figures, record).model_copy(update={"value": 1e-6})
    changed = figures.model_copy(update={record: low})
    assert not any("hard to believe" in flag for flag in estimate(TINY, DIGITS).flags)
    monkeypatch.setattr(plausibility, "assumptions", lambda: changed)
    assert [f for f in estimate(TINY, DIGITS).flags if "hard to believe" in f]
    assert any(sentence in flag for flag in estimate(TINY, DIGITS).flags)


def test_results_are_the_shape_of_the_schema(cifar):
    jsonschema.validate(json.loads(json.dumps(cifar.to_json())), result_schema())
    assert len(cifar.to_frame()) == 9
    assert set(cifar.parts_frame()["kind"]) >= {"logic", "memory", "link", "external", "leakage"}


def test_the_verbs_are_public_names():
    paths = (ROOT / "arch_specs" / "tiny.yaml", ROOT / "workloads" / f"{DIGITS.name}.yaml")
    assert asicbnn.estimate(*paths).totals == estimate(TINY, DIGITS).totals
    compared = asicbnn.compare(*paths, dataflows=["output_stationary"]).results
    expected = estimate(TINY, DIGITS, dataflow="output_stationary")
    assert {name: found.totals for name, found in compared.items()} == {
        "output_stationary": expected.totals
    }


def cpu_seconds(script):
    probe = f"import time\n{script}\nprint(time.process_time())"
    found = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return found.stdout.split()


def test_an_estimate_loads_neither_tables_nor_simulators():
    script = (
        "import sys, asicbnn\n"
        "asicbnn.estimate('arch_specs/tiny.yaml', 'workloads/digits_mlp_64_256_256_10.yaml')\n"
        "print(*(m for m in ('pandas', 'matplotlib', 'asicbnn.simulation') if m in sys.modules))"
    )
    assert len(cpu_seconds(script)) == 1


@pytest.mark.benchmark
def test_binarynet_under_every_dataflow_takes_less_than_a_second():
    script = (
        "from asicbnn.compare import COMPARED, compare\n"
        "files = 'arch_specs/edge64.yaml', 'workloads/binarynet_cifar10.yaml'\n"
        "compare(*files, dataflows=COMPARED[:-1])\nprint(time.process_time())\n"
        "compare(*files, dataflows=['best'])"
    )
    five, with_best = min(tuple(map(float, cpu_seconds(script))) for _ in range(3))
    assert five < 1, f"five dataflows took {five:.2f} s of CPU"
    assert with_best - five < 1, f"best took {with_best - five:.2f} s more"
