"""The verb calibrate on runs of a flow, and the drawing of a floorplan."""

import json
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner

import asicbnn
from asicbnn.cli import app
from asicbnn.result import result_schema

ROOT = Path(__file__).parents[2]
TINY = ROOT / "arch_specs/tiny.yaml"
DIGITS = ROOT / "workloads/digits_mlp_64_256_256_10.yaml"
METRICS = {
    "floorplan__design__instance__area__stdcell": 1000.0,
    "globalroute__design__instance__area__stdcell": 1500.0,
    "finish__design__core__area": 3000.0,
    "detailedroute__route__net": 100,
    "detailedroute__route__wirelength": 6000.0,
}


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture
def runs(tmp_path):
    folder = tmp_path / "runs"
    folder.mkdir()
    (folder / "pe.json").write_text(json.dumps(METRICS))
    return folder


def test_a_fitted_technology_estimates_with_its_own_runs(tmp_path, runs):
    mine = tmp_path / "mine.yaml"
    done = run("calibrate", "sky130hd", "--from-metrics", runs, "-o", mine)
    assert done.exit_code == 0
    assert "growth" in done.stdout
    before, after = (
        asicbnn.estimate(TINY, DIGITS, technology=technology, level="routed")
        for technology in ("sky130hd", mine)
    )
    # 1.5 times the mapped cells instead of 1.33 times, at 0.5 of the core instead of 0.55
    grown = after.totals["logic_area_um2"] / before.totals["logic_area_um2"]
    assert grown == pytest.approx(1.5 / 1.3326 * 0.55 / 0.5, rel=0.01)
    assert any("1 finished run" in flag for flag in after.flags)


def test_json_states_every_factor_the_runs_show(tmp_path, runs):
    done = run("calibrate", "sky130hd", "--from-metrics", runs, "-o", tmp_path / "a.yaml", "--json")
    value = json.loads(done.stdout)
    jsonschema.validate(value, result_schema())
    assert value["factors"]["growth"]["value"] == pytest.approx(1.5)
    assert set(value["factors"]) == {
        "placement_density", "growth", "datapath_spacings", "control_spacings",
    }  # fmt: skip


def test_a_report_that_cannot_be_written_is_told_before_anything_is_mapped(tmp_path):
    (tmp_path / "taken").write_text("")
    done = run("calibrate", "sky130hd", "--liberty", "a.lib", "--dry-run", "--report",
               tmp_path / "taken")  # fmt: skip
    assert done.exit_code == 3
    assert "cannot be written" in done.stderr


def test_a_dry_run_shows_the_factors_and_writes_no_file(tmp_path, runs):
    before = sorted(tmp_path.rglob("*"))
    done = run("calibrate", "sky130hd", "--from-metrics", runs, "--dry-run", "--json")
    assert done.exit_code == 0
    value = json.loads(done.stdout)
    jsonschema.validate(value, result_schema())
    assert "file" not in value
    assert sorted(tmp_path.rglob("*")) == before


def test_runs_that_are_left_out_are_told(tmp_path, runs):
    other = {**METRICS, "run__flow__platform": "gf180"}
    (runs / "other.json").write_text(json.dumps(other))
    done = run("calibrate", "sky130hd", "--from-metrics", runs, "--dry-run")
    assert "1 run of 1 design" in done.stdout
    assert "left out, of gf180, not of sky130hd: other.json" in done.stdout
    as_json = run("calibrate", "sky130hd", "--from-metrics", runs, "--dry-run", "--json")
    left_out = json.loads(as_json.stdout)["left_out"]
    assert left_out == [{"run": "other.json", "reason": "of gf180, not of sky130hd"}]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("sky130hd",), "calibrate needs to know from what"),
        (("sky130hd", "--from-metrics", "RUNS"), "sky130hd is shipped with the program"),
        (("sky130hd", "--from-metrics", "RUNS", "-o", "a.txt"), "--output must end in .yaml"),
        (("sky130hd", "--from-metrics", "RUNS", "-o", "THERE"), "exists; --force replaces it"),
        (("nothing", "--from-metrics", "RUNS", "-o", "a.yaml"), "unknown technology 'nothing'"),
        (("sky130hd", "--from-metrics", "NONE", "-o", "NEW"), "no such folder of metrics"),
        (("sky130hd", "--from-metrics", "RUNS", "-o", "NEW", "--quick"), "no use for --quick"),
        (("sky130hd", "--from-metrics", "RUNS", "-o", "NEW", "--report", "r"), "use for --report"),
        (("sky130hd", "--liberty", "a.lib", "--rank", "--quick"), "--rank has no use for --quick"),
        (("sky130hd", "--liberty", "a.lib", "--placed", "--no-energy", "-o", "NEW"), "--no-energy"),
        (("sky130hd", "--liberty", "a.lib", "--format", "png", "-o", "NEW"), "--report FOLDER"),
    ],
)
def test_wrong_arguments_leave_no_file(tmp_path, runs, arguments, sentence):
    there = tmp_path / "there.yaml"
    there.write_text("name: mine\n")
    new = tmp_path / "new.yaml"
    places = {"RUNS": runs, "NONE": tmp_path / "none", "THERE": there, "NEW": new}
    done = run("calibrate", *(places.get(a, a) for a in arguments))
    assert done.exit_code == 2
    assert sentence in done.stderr
    assert not new.exists()
    assert there.read_text() == "name: mine\n"


def test_a_broken_run_leaves_the_technology_as_it_was(tmp_path, runs):
    mine = tmp_path / "mine.yaml"
    run("calibrate", "sky130hd", "--from-metrics", runs, "-o", mine)
    before = mine.read_bytes()
    (runs / "pe.json").write_text('{"finish__power__total": ')
    done = run("calibrate", mine, "--from-metrics", runs)
    assert done.exit_code == 2
    assert "pe.json:1:" in done.stderr
    assert mine.read_bytes() == before


def test_a_floorplan_is_drawn_the_same_each_time(tmp_path):
    for name in ("one", "two"):
        target = tmp_path / name
        done = run("plot", TINY, "--kind", "floorplan", "-o", target, "--format", "svg")
        assert done.exit_code == 0
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    assert "clip" in (tmp_path / "one.svg").read_text()
