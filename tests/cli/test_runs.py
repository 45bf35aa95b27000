"""Every verb that computes, from files to stdout: what it prints, what it writes, its exit code."""

from __future__ import annotations

import json
import re
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
EDGE = ROOT / "arch_specs/edge64.yaml"
BINARYNET = ROOT / "workloads/binarynet_cifar10.yaml"
LENET = ROOT / "workloads/xnor_lenet5_mnist.yaml"
LSTM = ROOT / "workloads/lab_lstm512_linux.yaml"
ALEXNET = ROOT / "workloads/xnornet_alexnet.yaml"
SWEEP = """
name: small
accelerator: {tiny}
workloads: [{digits}]
axes:
  buffers.weight.words: [64, 128, 3]
"""


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def as_json(*arguments, code=0):
    done = run(*arguments, "--json")
    assert done.exit_code == code, done.stderr
    value = json.loads(done.stdout)
    jsonschema.validate(value, result_schema())
    assert value["schema"] == f"asicbnn.{arguments[0]}/1"
    return value


def test_estimate():
    done = run("estimate", EDGE, BINARYNET)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("edge64 runs binarynet_cifar10 in sky130hd")
    for title in ("energy by part", "area by part", "error of the energy by origin"):
        assert f"\n{title}" in done.stdout
    band = r"\nenergy +Energy per inference +([\d.]+) (?:\([\d.]+-[\d.]+\)|\+- [\d.]+) mJ +assumed"
    shown = re.search(band, done.stdout)
    assert shown
    expected_uj = asicbnn.estimate(EDGE, BINARYNET).totals["energy_per_inference_uj"]
    assert float(shown[1]) == pytest.approx(expected_uj / 1e3, abs=0.005)
    value = as_json("estimate", EDGE, BINARYNET, "--dataflow", "weight_stationary")
    assert [layer["name"] for layer in value["layers"]][-1] == "fc3"
    assert sum(layer["cycles"] for layer in value["layers"]) == value["totals"]["cycles"]


def test_a_level_is_asked_for_and_named():
    cell = as_json("estimate", TINY, DIGITS, "--level", "cell")
    assert cell["level"] == "cell"
    assert cell["levels"]["cycles"] == "counted"
    assert 0 < cell["errors"]["energy_fj"] < 1
    assert as_json("estimate", TINY, DIGITS, "--level", "routed")["level"] == "routed"
    assert "at cell level" in run("compare", TINY, DIGITS, "--level", "cell").stdout.splitlines()[0]
    wrong = run("estimate", TINY, DIGITS, "--level", "layout")
    assert wrong.exit_code == 2
    assert "layout" in wrong.stderr


def test_an_objective_nothing_is_searched_by_is_noted():
    note = "note: --objective chooses the mappings of dataflow best; this one is output_stationary"
    done = run("estimate", TINY, DIGITS, "--objective", "latency")
    assert (done.exit_code, done.stderr) == (0, f"{note}\n")
    best = run("estimate", TINY, DIGITS, "--objective", "latency", "--dataflow", "best")
    assert (best.exit_code, best.stderr) == (0, "")
    assert run("estimate", TINY, DIGITS).stderr == ""


def test_parts_add_up_to_the_energy_and_area():
    totals = as_json("estimate", EDGE, BINARYNET)["totals"]
    from asicbnn.result import PARTS

    for quantity in ("energy_fj", "area_um2"):
        parts = [totals.get(f"{name}_{quantity}", 0) for name in PARTS]
        assert sum(parts) == pytest.approx(totals[quantity])


def test_what_is_not_covered_is_listed():
    skipped = as_json("estimate", EDGE, LENET)["not_covered"]
    assert skipped
    assert all(layer["reason"] for layer in skipped)
    text = run("estimate", EDGE, LENET).stdout
    assert all(layer["name"] in text for layer in skipped)
    assert f"{sum(layer['macs'] for layer in skipped):,} MACs" in text


def test_the_headline_says_what_the_totals_cover():
    text = " ".join(run("estimate", EDGE, LENET).stdout.split())
    assert text.startswith("edge64 runs the covered layers of xnor_lenet5_mnist in sky130hd, ")


@pytest.mark.parametrize("verb", ["estimate", "compare"])
def test_a_network_no_layer_of_which_is_covered_is_listed(verb):
    done = run(verb, EDGE, LSTM)
    assert (done.exit_code, done.stdout) == (2, "")
    headline, *lines = done.stderr.splitlines()
    assert headline.startswith("lab_lstm512_linux: no layer can be executed: 0 of ")
    value = as_json(verb, EDGE, LSTM, code=2)
    assert [problem["message"] for problem in value["problems"]] == [headline]
    skipped = value["not_covered"]
    assert f"0 of {sum(x['macs'] for x in skipped):,} MACs" in headline
    assert f"0 of {sum(x['weights'] for x in skipped):,} weights" in headline
    assert lines == [
        f"  {x['name']} ({x['op']}): {x['macs']:,} MACs, {x['weights']:,} weights: {x['reason']}"
        for x in skipped
    ]
    assert len(skipped) == 2


def test_a_network_that_does_not_fit_is_exit_code_2():
    done = run("estimate", EDGE, ALEXNET)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert "layer conv6: out_channels is 4096, limits.out_channels is 1024" in done.stderr


def test_verify_agrees_and_writes_its_table(tmp_path):
    done = run("verify", TINY, DIGITS, "--images", 2, "--output", tmp_path)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("no difference in cycles, accesses and bits")
    assert (tmp_path / "verification.parquet").exists()
    as_json("verify", TINY, DIGITS)


def test_verify_random():
    assert run("verify", "--random", 2, "--seed", 3).exit_code in (0, 1)  # few cases, few features


def test_simulate_counts_what_verify_compares():
    value = as_json("simulate", TINY, DIGITS, "--images", 2)
    assert value["images"] == 2
    assert "fc1" in run("simulate", TINY, DIGITS).stdout
    estimated = as_json("estimate", TINY, DIGITS)
    assert value["totals"]["compute_cycles"] == 2 * estimated["totals"]["compute_cycles"]


def test_compare_shows_and_writes_the_dataflows(tmp_path):
    done = run("compare", EDGE, BINARYNET, "--output", tmp_path)
    assert done.exit_code == 0, done.stderr
    assert "no local reuse" in done.stdout
    assert (tmp_path / "figures/dataflows-dataflows.svg").exists()
    as_json("compare", EDGE, BINARYNET)
    page = run("report", tmp_path)
    assert page.exit_code == 0, page.stderr
    assert Path(page.stdout.strip()).stat().st_size > 100_000


def test_sweep(tmp_path):
    file = tmp_path / "small.yaml"
    file.write_text(SWEEP.format(tiny=TINY, digits=DIGITS))
    done = run("sweep", file, "--workers", 1, "--output", tmp_path / "out")
    assert done.exit_code == 0, done.stderr
    assert "2 design points at gate level, 1 refused" in done.stdout
    assert (tmp_path / "out/small.csv").exists()
    assert len(as_json("sweep", file, "--workers", 1)["points"]) == 2
    wrong = run("sweep", file, "--objective", "speed")
    assert wrong.exit_code == 2
    assert wrong.stderr.startswith("speed is not an objective")


def test_verilog(tmp_path):
    assert run("verilog", TINY, "--output", tmp_path / "tiny.v").exit_code == 0
    assert "endmodule" in (tmp_path / "tiny.v").read_text()


def test_verilog_as_a_folder(tmp_path):
    done = run("verilog", TINY, "-o", tmp_path / "chip", "--workload", DIGITS)
    assert done.exit_code == 0
    assert done.stderr.startswith("wrote ")
    names = {path.name for path in (tmp_path / "chip").iterdir()}
    assert {"tiny.v", "testbench.v", "README.md", "librelane.yaml", "synthesis.ys"} <= names
    assert "digits_mlp" in (tmp_path / "chip/testbench.v").read_text()


def test_verilog_refuses_what_does_not_go_together(tmp_path):
    done = run("verilog", TINY, "-o", tmp_path / "tiny.v", "--workload", DIGITS)
    assert done.exit_code == 2
    assert done.stderr.startswith("--workload is for the test bench of a folder")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/notes.txt").write_text("mine")
    done = run("verilog", TINY, "-o", tmp_path / "full")
    assert done.exit_code == 2
    assert "this folder holds other things" in done.stderr
    done = run("verilog", TINY, "-o", tmp_path / "big", "--workload", "workloads/birealnet18.yaml")
    assert done.exit_code == 2
    assert not (tmp_path / "big").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["estimate", DIGITS, TINY], "this is a workload file; an accelerator file was wanted"),
        (["compare", TINY, TINY], "this is an accelerator file; a workload file was wanted"),
        (["verify", DIGITS, TINY], "this is a workload file; an accelerator file was wanted"),
        (["verilog", DIGITS], "this is a workload file; an accelerator file was wanted"),
        (
            ["verilog", TINY, "-o", "never", "--workload", TINY],
            "this is an accelerator file; a workload file was wanted",
        ),
        (["sweep", TINY], "this is an accelerator file; a sweep file was wanted"),
        (
            ["estimate", TINY, DIGITS, "--mapping", TINY],
            "this is an accelerator file; a mapping file was wanted",
        ),
    ],
)
def test_a_file_of_another_kind_is_called_that(arguments, said):
    done = run(*arguments)
    assert done.exit_code == 2
    assert done.stderr.splitlines()[0].endswith(f": {said}")
    assert len(done.stderr.splitlines()) <= 3
