"""The verb: what it refuses, and a small calibration against real gates."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import pytest
from calibration.small_library import written
from shared_data import shared_data
from typer.testing import CliRunner

from asicbnn.calibration import yosys
from asicbnn.calibration.calibrate import calibrate
from asicbnn.calibration.library_match import matched
from asicbnn.cli import app
from asicbnn.errors import EnvironmentProblem, SpecError
from asicbnn.technology.liberty import read
from asicbnn.technology.library import load

IHP = load("ihp_sg13g2")


def run(*arguments):
    return CliRunner().invoke(app, ["calibrate", *map(str, arguments)])


def test_another_library_is_refused(tmp_path):
    library, path = written(tmp_path)
    with pytest.raises(SpecError, match=r"voltage 1 V, but ihp_sg13g2 holds figures of 1\.2 V"):
        matched(IHP, library)
    with pytest.raises(SpecError, match=r"small\.lib: not the library of ihp_sg13g2: there is no"):
        matched(IHP, replace(library, voltage_v=1.2))
    done = run("ihp_sg13g2", "--liberty", path, "--quick", "--dry-run")
    assert done.exit_code == 2
    assert "give the Liberty files of the corner" in done.output


def test_files_that_are_none_are_refused(tmp_path):
    (tmp_path / "broken.lib").write_text("library (x) {\n cell (A) {\n")
    for name in ("broken.lib", "absent.lib"):
        done = run("sky130hd", "--liberty", tmp_path / name, "--dry-run")
        assert done.exit_code == 2
        assert name in done.output


def test_a_library_without_flip_flops_is_refused(tmp_path):
    _, path = written(tmp_path, "DFF", "DFFE")
    done = run("sky130hd", "--liberty", path, "--dry-run")
    assert done.exit_code == 2
    assert "no flip-flop a synthesis tool could use" in " ".join(done.output.split())


def test_contradictory_options_are_refused(tmp_path):
    _, path = written(tmp_path)
    kept = tmp_path / "kept.yaml"
    kept.write_text("mine")
    for options, said in (
        (["--quick", "--subset", "8"], "give one of the two"),
        (["--subset", "2"], ">= 4"),
        (["--from-metrics", tmp_path], "--liberty LIB or --from-metrics DIR"),
        ([], "sky130hd is shipped with the program"),
        (["-o", tmp_path / "factors.csv"], "must end in .yaml"),
        (["--form", "remapped", "-o", tmp_path / "new.yaml"], "its factors are shown only"),
        (["-o", kept], "--force replaces it"),
    ):
        done = run("sky130hd", "--liberty", path, *options)
        assert done.exit_code == 2
        assert said in " ".join(done.output.split())
    assert kept.read_text() == "mine"


def test_without_yosys_the_cure_is_told(monkeypatch, tmp_path):
    _, path = written(tmp_path)
    monkeypatch.setattr(yosys, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    yosys.find_yosys.cache_clear()
    try:
        done = run("sky130hd", "--liberty", path, "--quick", "--dry-run")
    finally:
        yosys.find_yosys.cache_clear()
    assert done.exit_code == 3
    assert "pip install 'asicbnn[synth]'" in done.output


def test_a_yosys_that_fails_tells_why_and_keeps_its_files(tmp_path):
    try:
        tool = yosys.find_yosys()
    except EnvironmentProblem:
        if os.environ.get("CI"):  # where everything is installed
            raise
        pytest.skip("neither pyosys nor a yosys on PATH")
    with pytest.raises(EnvironmentProblem, match="its files are kept") as failed:
        tool.run("read_verilog absent.v\n", {}, "netlist.json")
    assert "absent.v" in str(failed.value)


def liberty(*names):
    return [shared_data(f"liberty/{name}") for name in names]


LIBERTY = {
    "sky130hd": ["sky130hd/sky130hd_tt_025C_1v80.lib.gz"],
    "ihp_sg13g2": ["ihp_sg13g2/sg13g2_stdcell_typ_1p20V_25C.lib.gz"],
}


@pytest.mark.parametrize("name", LIBERTY)
def test_the_shipped_technologies_are_matched_with_their_files(name):
    library = read(liberty(*LIBERTY[name]))
    assert matched(load(name), library)
    other = next(each for each in LIBERTY if each != name)
    with pytest.raises(SpecError):
        matched(load(other), library)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_small_calibration_meets_its_goals(tmp_path):
    """Eight designs of the grid on IHP's gates; the factors are judged on the other half."""
    target = tmp_path / "calibrated.yaml"
    done = run(
        "ihp_sg13g2", "--liberty", *liberty(*LIBERTY["ihp_sg13g2"]), "--subset", 8, "--jobs", 2,
        "-o", target, "--report", tmp_path, "--format", "png", "--json",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert said["schema"] == "asicbnn.calibrate/1"
    judged = [row for row in said["residuals"] if row["half"] == "judged"]
    assert judged
    goals = {"area": 0.03, "delay": 0.15}
    for structure in {row["structure"] for row in judged}:
        for metric, goal in goals.items():
            errors = [
                abs(row["relative_error"]) for row in judged
                if (row["structure"], row["metric"]) == (structure, metric)
            ]  # fmt: skip
            if structure.startswith("accelerator") and metric == "area":
                goal = 0.05
            assert sum(errors) <= goal * len(errors), (structure, metric)
    spent = [row for row in judged if row["metric"] == "energy"]
    whole = [row for row in spent if row["structure"].startswith("accelerator")]
    assert {row["structure"] for row in spent} >= {"registers", "sequencer", "clock"}
    assert whole
    assert all(abs(row["relative_error"]) <= 0.15 for row in whole)
    calibrated = load(target)
    assert calibrated.calibration["clock"].energy is not None
    assert calibrated.best_level == "gate"
    assert calibrated.voltage_v == IHP.voltage_v
    assert (tmp_path / "ihp_sg13g2_adder_cells.csv").read_text().count("\n") == 1 + 8 * 9 + 8 * 10
    assert "| sequencer | area | 8 |" in (tmp_path / "ihp_sg13g2_adder_cells.md").read_text()
    assert (tmp_path / "ihp_sg13g2_adder_cells.png").exists()


def test_too_few_designs_are_refused(tmp_path):
    _, path = written(tmp_path)
    with pytest.raises(SpecError, match="at least 4 designs, not 3"):
        calibrate(IHP, [path], subset=3)


def test_a_ranking_writes_no_file_and_needs_liberty(tmp_path):
    refused = run("sky130hd", "--rank", "--liberty", "x.lib", "-o", tmp_path / "out.yaml")
    assert refused.exit_code == 2
    assert "writes no technology file" in " ".join(refused.output.split())
    assert run("sky130hd", "--rank").exit_code == 2
    missing = run("sky130hd", "--rank", "--liberty", tmp_path / "missing.lib")
    assert missing.exit_code == 2
    assert "missing.lib" in missing.output
