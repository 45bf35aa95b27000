"""The verb validate: predictions against hand-made ones, its output, and what it refuses."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from pathlib import Path

import jsonschema
import pytest
import yaml
from typer.testing import CliRunner

import asicbnn
from asicbnn.cli import app
from asicbnn.errors import ModelError, SpecError
from asicbnn.levels import ratio_error
from asicbnn.report.validation import page
from asicbnn.result import result_schema
from asicbnn.spec.accelerator import with_changes
from asicbnn.spec.schema import schema_of
from asicbnn.validate import validate
from asicbnn.validate.facts import CHIPS, Chip, load_chip
from asicbnn.validate.run import NETWORKS, SPECS

ROOT = Path(__file__).parents[2]
DIGITS = ROOT / "workloads/digits_mlp_64_256_256_10.yaml"

TINY = """\
name: small
title: a small chip
venue: nowhere
node_nm: 7
kind: measured
sources: {paper: made up}
accelerator: small
workload: digits_mlp_64_256_256_10
inputs: [{fields: [array], state: assumed}]
figures:
  - {quantity: energy_uj, value: 0.1, scope: network, confidence: read, source: paper}
  - {quantity: energy_fj_per_op, value: 500, scope: chip, confidence: read, source: paper}
  - {quantity: area_mm2, value: 0.02, confidence: read, source: paper}
  - {quantity: power_mw, value: 7, at: {clock_mhz: 100}, confidence: read, source: paper}
  - {quantity: clock_mhz, value: 900, confidence: read, source: paper}
  - {quantity: power_mw, value: 7, at: {clock_mhz: 50000}, confidence: read, source: paper}
  - {quantity: voltage_ratio, value: 1, at: {clock_mhz: 200}, against: {clock_mhz: 200},
     confidence: read, source: paper}
  - {quantity: system_ratio, value: 2, scope: network, peak: digits_mlp_64_256_256_10,
     confidence: read, source: paper}
"""


@pytest.fixture
def project(tmp_path):
    """A project's folder with one machine, and a chip's file beside it."""
    (tmp_path / NETWORKS).mkdir(parents=True)
    (tmp_path / "workloads").symlink_to(ROOT / "workloads")
    text = (ROOT / "arch_specs/tiny.yaml").read_text("utf-8")
    text = text.replace("technology: sky130hd", "technology: asap7")
    text = text.replace("name: tiny", "name: small")
    assert "asap7" in text
    text = "\n".join(line for line in text.splitlines() if "operating_point" not in line)
    (tmp_path / SPECS / "small.yaml").write_text(text + "\n")
    (tmp_path / "chip.yaml").write_text(TINY)
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def onchip_mw(accelerator, network):
    totals = asicbnn.estimate(accelerator, network, level="routed").totals
    return totals["power_mw"] * totals["onchip_energy_fj"] / totals["energy_fj"]


def test_predictions_are_what_the_estimate_says(project):
    found = validate([project / "chip.yaml"], project=project)
    result = asicbnn.estimate(
        project / SPECS / "small.yaml",
        ROOT / "workloads/digits_mlp_64_256_256_10.yaml",
        level="routed",
    )
    totals = result.totals
    energy, per_op, area, power, clock, beyond, voltage, system = found.rows
    assert energy.predicted == pytest.approx(totals["energy_fj"] / 1e9)
    assert per_op.predicted == pytest.approx(totals["onchip_energy_fj"] / (2 * totals["macs"]))
    assert area.predicted == pytest.approx(totals["area_um2"] / 1e6)
    assert clock.predicted == pytest.approx(totals["clock_mhz"])
    slower = with_changes(found.chips[0].accelerator, {"operating_point.clock_mhz": 100})
    network = ROOT / "workloads/digits_mlp_64_256_256_10.yaml"
    assert power.predicted == pytest.approx(onchip_mw(slower, network))
    assert power.notes == ()
    fastest = found.chips[0].accelerator
    assert beyond.predicted == pytest.approx(onchip_mw(fastest, network))
    assert beyond.notes[0].endswith("the model allows no 50000 MHz")
    assert voltage.predicted == 1
    assert system.predicted > 1


def test_json_is_valid_and_says_what_is_assumed(project):
    done = run("validate", project / "chip.yaml", "--project", project, "--json")
    assert done.exit_code == 0
    value = json.loads(done.stdout)
    jsonschema.validate(value, result_schema())
    assert value["schema"] == "asicbnn.validate/1"
    [chip] = value["chips"]
    assert chip["assumed"] == ["array"]
    assert {row["quantity"] for row in chip["figures"]} >= {"energy_uj", "area_mm2"}
    for row in chip["figures"]:
        assert row["low"] <= row["predicted"] <= row["high"]


def test_a_count_that_differs_is_exit_code_1(project):
    tree = yaml.safe_load(TINY)
    tree["figures"] = [
        tree["figures"][2],
        {"quantity": "ops_per_cycle", "value": 1, "confidence": "read", "source": "paper"},
    ]
    (project / "chip.yaml").write_text(yaml.safe_dump(tree))
    done = run("validate", project / "chip.yaml", "--project", project)
    assert done.exit_code == 1
    assert "differs" in done.stdout


def test_page_and_figure_are_written_and_equal_each_time(project):
    for folder in ("a", "b"):
        done = run(
            "validate", project / "chip.yaml", "--project", project, "-o", project / folder,
            "--format", "svg", "--format", "png",
        )  # fmt: skip
        assert done.exit_code == 0
    names = sorted(path.name for path in (project / "a").iterdir())
    assert names == ["validation.md", "validation.png", "validation.svg"]
    for name in names:
        assert (project / "a" / name).read_bytes() == (project / "b" / name).read_bytes()
    text = (project / "a" / "validation.md").read_text("utf-8")
    assert "### a small chip" in text
    assert "made up" in text


def test_a_frame_has_a_row_per_figure_and_layer(everything):
    frame = everything.to_frame()
    assert len(frame) == len(everything.rows)
    assert {"chip", "quantity", "scope", "kind", "predicted", "published", "verdict"} <= {*frame}
    assert set(frame["verdict"]) == set(everything.verdicts)
    assert repr(everything).startswith("Validation(8 chips: ")


def test_the_page_counts_verdicts_by_what_they_were_judged_by(everything):
    by_kind = {
        kind: Counter(row.verdict for row in everything.rows if row.judgement == kind)
        for kind in ("count", "ratio", "absolute")
    }
    text = page(everything)
    assert f"\nExact counts: {by_kind['count']['equal']} equal; ratios, judged at 20 %: " in text
    assert f"{by_kind['ratio']['within']} within" in text
    [bands] = re.findall(r"absolute figures, judged by their bands: (.*)\.\n", text)
    assert dict(reversed(each.split(" ", 1)) for each in bands.split(", ")) == {
        verdict: str(number) for verdict, number in by_kind["absolute"].items()
    }


def test_a_chip_named_twice_is_validated_once(project):
    path = project / "chip.yaml"
    assert len(validate([path, path], project=project).chips) == 1


def test_a_place_that_cannot_be_written_is_told_before_anything_is_predicted(project):
    (project / "taken").write_text("")
    done = run("validate", project / "chip.yaml", "--project", project, "-o", project / "taken/x")
    assert done.exit_code == 3
    assert "cannot be written" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("arch_specs/tiny.yaml", "an accelerator"),
        ("workloads/digits_mlp_64_256_256_10.yaml", "a workload"),
        ("asicbnn/technology/libraries/asap7.yaml", "a technology"),
    ],
)
def test_a_file_of_another_kind_is_called_what_it_is(path, kind):
    done = run("validate", ROOT / path)
    assert done.exit_code == 2
    assert f"this is {kind} file; a chip file was wanted" in done.stderr


def test_a_format_without_a_figure_is_refused():
    done = run("validate", "laxor", "--format", "png")
    assert done.exit_code == 2
    assert "--format is of the figure that --output FOLDER writes" in done.stderr


def test_an_unknown_chip_is_refused_by_name():
    done = run("validate", "laxxor")
    assert done.exit_code == 2
    assert done.stdout == ""
    assert "unknown chip 'laxxor'" in done.stderr
    assert "did you mean 'laxor'?" in done.stderr


def test_a_folder_without_the_machines_is_refused(tmp_path):
    with pytest.raises(SpecError, match=r"no such folder\n.*name the project's folder with --pro"):
        validate(project=tmp_path)


def test_an_edited_machine_that_does_not_check_is_refused_with_its_line(project):
    path = project / SPECS / "small.yaml"
    path.write_text(path.read_text().replace("in_channels:", "in_chanels:"))
    done = run("validate", project / "chip.yaml", "--project", project, "-o", project / "out")
    assert done.exit_code == 2
    assert "small.yaml:" in done.stderr
    assert "did you mean 'in_channels'?" in done.stderr
    assert not (project / "out").exists()


def test_a_missing_network_is_refused_by_its_path(project):
    shutil.copy(project / "chip.yaml", project / "other.yaml")
    path = project / "other.yaml"
    path.write_text(path.read_text().replace("workload: digits_mlp_64", "workload: digits_mlp_65"))
    with pytest.raises(SpecError, match=r"workloads/digits_mlp_65_256_256_10\.yaml"):
        validate([path], project=project)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda t: t["figures"][0].update(source="talk"), r"'talk' is not among the sources"),
        (lambda t: t["figures"][0].pop("value"), r"expected either value or layers"),
        (lambda t: t["figures"][2].update(layers={"fc1": 1.0}), r"expected either value or layers"),
        (lambda t: t["figures"][0].update(against={"voltage_v": 1.0}), r"belongs to voltage_ratio"),
        (lambda t: t["figures"][6].pop("against"), r"belongs to voltage_ratio"),
        (lambda t: t["figures"][0].update(value=-1), r"expected .* > 0"),
        (
            lambda t: t["figures"][0].update(at={"inferences_per_s": 9, "clock_mhz": 100}),
            r"give the rate alone where neither voltage nor clock was reported",
        ),
        (lambda t: t["figures"][0].update(quantity="enrgy_uj"), r"did you mean 'energy_uj'"),
        (lambda t: t["inputs"][0].update(fields=["aray"]), r"no such field 'aray'"),
        (lambda t: t["inputs"][0].update(state="known"), r"what is known needs a source"),
        (lambda t: t.update(figures=[]), r"figures"),
    ],
)
def test_mistakes_of_a_chip_s_file_are_told(project, change, sentence):
    tree = yaml.safe_load(TINY)
    change(tree)
    path = project / "chip.yaml"
    path.write_text(yaml.safe_dump(tree))
    with pytest.raises(SpecError, match=sentence):
        load_chip(path)


def test_a_figure_of_layers_only_suits_quantities_that_layers_have(project):
    tree = yaml.safe_load(TINY)
    del tree["figures"][2]["value"]
    tree["figures"][2]["layers"] = {"fc1": 1.0}
    (project / "chip.yaml").write_text(yaml.safe_dump(tree))
    with pytest.raises(SpecError, match=r"area_mm2 is of the whole"):
        load_chip(project / "chip.yaml")


def test_a_layer_the_machine_does_not_run_is_not_predicted(project):
    tree = yaml.safe_load(TINY)
    tree["figures"] = [
        {"quantity": "steps", "layers": {"fc9": 5}, "confidence": "read", "source": "paper"}
    ]
    (project / "chip.yaml").write_text(yaml.safe_dump(tree))
    [row] = validate([project / "chip.yaml"], project=project).rows
    assert row.verdict == "not predicted"
    assert "has no layer fc9" in row.reason


def predicted(project, **figure):
    """The only row of a chip that reports one figure."""
    tree = yaml.safe_load(TINY)
    tree["figures"] = [{"value": 1.0, "confidence": "read", "source": "paper", **figure}]
    (project / "chip.yaml").write_text(yaml.safe_dump(tree))
    [row] = validate([project / "chip.yaml"], project=project).rows
    return row


def test_a_ratio_of_voltages_is_that_of_two_estimates(project):
    row = predicted(
        project, quantity="voltage_ratio", scope="core",
        at={"voltage_v": 0.7, "clock_mhz": 100}, against={"voltage_v": 0.65, "clock_mhz": 50},
    )  # fmt: skip
    machine = asicbnn.load(project / SPECS / "small.yaml")
    network = ROOT / "workloads/digits_mlp_64_256_256_10.yaml"
    core = [
        sum(
            totals[f"{part}_energy_fj"]
            for part in (
                "array", "post", "control", "clock", "weight_buffer", "input_buffer",
                "psum_buffer", "threshold_buffer", "pool_buffer", "leakage",
            )
        )
        for totals in (
            asicbnn.estimate(
                with_changes(machine, {"operating_point": {"voltage_v": v, "clock_mhz": f}}),
                network, level="routed",
            ).totals
            for v, f in ((0.7, 100), (0.65, 50))
        )
    ]  # fmt: skip
    assert row.predicted == pytest.approx(core[0] / core[1])
    assert row.predicted > 1


def test_errors_that_two_points_share_cancel_in_their_ratio(project):
    row = predicted(
        project, quantity="voltage_ratio", scope="network",
        at={"voltage_v": 0.7, "clock_mhz": 100}, against={"voltage_v": 0.65, "clock_mhz": 50},
    )  # fmt: skip
    machine = asicbnn.load(project / SPECS / "small.yaml")
    results = [
        asicbnn.estimate(
            with_changes(machine, {"operating_point": {"voltage_v": v, "clock_mhz": f}}),
            DIGITS, level="routed",
        )
        for v, f in ((0.7, 100), (0.65, 50))
    ]  # fmt: skip
    relative = [
        {o: fj / r.totals["energy_fj"] for o, fj in r.breakdowns["energy_errors_fj"].items()}
        for r in results
    ]
    assert row.relative_error == pytest.approx(ratio_error(*relative), rel=1e-9)
    assert 0 < row.relative_error < min(r.errors["energy_fj"] for r in results) / 2


def test_what_was_synthesised_only_is_held_against_an_estimate_without_wires(project):
    wired = predicted(project, quantity="energy_uj", scope="network")
    bare = predicted(project, quantity="energy_uj", scope="network", kind="post-synthesis")
    machine = project / SPECS / "small.yaml"
    for row, level in ((wired, "routed"), (bare, None)):
        energy = asicbnn.estimate(machine, DIGITS, level=level).totals["energy_fj"]
        assert row.predicted == pytest.approx(energy / 1e9)
    assert bare.predicted < wired.predicted


def test_a_rate_without_a_voltage_is_kept_at_the_lowest_voltage_that_allows_it(project):
    machine = asicbnn.load(project / SPECS / "small.yaml")
    fastest = asicbnn.estimate(machine, DIGITS, level="routed").totals
    rate = fastest["inferences_per_s"] / 1.2
    row = predicted(project, quantity="energy_uj", scope="network", at={"inferences_per_s": rate})
    clock_mhz = fastest["clock_mhz"] / 1.2
    [volts] = re.findall(r"at ([\d.]+) V, the lowest voltage", row.notes[0])
    at = {"operating_point.voltage_v": float(volts), "operating_point.clock_mhz": clock_mhz}
    slow = asicbnn.estimate(with_changes(machine, at), DIGITS, level="routed").totals
    assert slow["inferences_per_s"] == pytest.approx(rate)
    assert row.predicted == pytest.approx(slow["energy_fj"] / 1e9, rel=2e-3)  # volts are rounded
    assert slow["energy_fj"] < fastest["energy_fj"]
    lower = {**at, "operating_point.voltage_v": float(volts) - 0.003}
    with pytest.raises((ModelError, SpecError), match=r"known down to|ask for"):
        asicbnn.estimate(with_changes(machine, lower), DIGITS, level="routed")


def test_a_rate_beyond_the_machine_is_predicted_at_its_fastest_and_says_so(project):
    row = predicted(project, quantity="energy_uj", scope="network", at={"inferences_per_s": 1e9})
    fastest = asicbnn.estimate(project / SPECS / "small.yaml", DIGITS, level="routed").totals
    assert row.predicted == pytest.approx(fastest["energy_fj"] / 1e9)
    assert row.notes[0].endswith("inferences/s: the model allows no 1e+09")


def test_a_voltage_no_law_reaches_is_not_predicted_and_says_so(project):
    row = predicted(project, quantity="energy_uj", at={"voltage_v": 0.2})
    assert row.verdict == "not predicted"
    assert "within 100 mV of the threshold" in row.reason


def test_a_figure_may_be_of_the_machine_with_something_changed(project):
    whole = predicted(project, quantity="area_mm2")
    smaller = predicted(project, quantity="area_mm2", changes={"store.kib.activations": 1})
    assert smaller.predicted < whole.predicted
    machine = with_changes(
        asicbnn.load(project / SPECS / "small.yaml"), {"store.kib.activations": 1}
    )
    network = ROOT / "workloads/digits_mlp_64_256_256_10.yaml"
    area = asicbnn.estimate(machine, network, level="routed").totals["area_um2"]
    assert smaller.predicted == pytest.approx(area / 1e6)


def test_a_figure_beyond_the_machine_is_not_predicted_and_says_why(project):
    tree = yaml.safe_load(TINY)
    tree["figures"] = [{**tree["figures"][0], "beyond": "it has other lanes"}]
    (project / "chip.yaml").write_text(yaml.safe_dump(tree))
    found = validate([project / "chip.yaml"], project=project)
    assert [(row.verdict, row.discussion) for row in found.rows] == [
        ("not predicted", "it has other lanes")
    ]


def test_chips_of_the_program_are_listed():
    assert {path.stem for path in CHIPS.glob("*.yaml")} >= {
        "laxor", "xne", "knag", "finn", "xnorbin", "yodann",
    }  # fmt: skip


def test_a_peak_may_have_a_point_and_fields_of_its_own():
    xne = next(f for f in load_chip("xne").figures if f.quantity == "system_ratio")
    assert xne.against.voltage_v == 0.4
    rows = {row.quantity: row.predicted for row in validate(["xne"], project=ROOT).rows}
    peak_fj = rows["system_ratio"] * rows["energy_fj_per_op"]
    assert rows["energy_uj"] * 1e9 / peak_fj == pytest.approx(7.2e9, rel=0.05)  # operations


def test_shipped_chips_match_the_schema_of_their_files():
    body = schema_of("chip", Chip)
    for file in sorted(CHIPS.glob("*.yaml")):
        jsonschema.validate(yaml.safe_load(file.read_text("utf-8")), body)
    with pytest.raises(jsonschema.ValidationError, match="'figure' was unexpected"):
        jsonschema.validate({"name": "mine", "figure": []}, body)
