from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import synthetic
from typer.testing import CliRunner

from asicbnn.cli import app, terminal
from asicbnn.errors import EnvironmentProblem, MappingError, SimulationError
from asicbnn.result import result_schema
from asicbnn.sweep.files import write_table

ROOT = Path(__file__).parents[2]
EDGE = str(ROOT / "arch_specs/edge64.yaml")
SWEEP = str(ROOT / "arch_specs/digits_sweep.yaml")
BINARYNET = str(ROOT / "workloads/binarynet_cifar10.yaml")
VERBS = (
    "check", "schema", "show", "estimate", "simulate", "verify", "compare", "voltage", "validate",
    "sweep", "plot", "report", "verilog", "calibrate", "import", "technology",
)  # fmt: skip


def run(*arguments, environment=None):
    return CliRunner().invoke(app, [str(a) for a in arguments], env=environment)


def as_json(done):
    value = json.loads(done.stdout)
    jsonschema.validate(value, result_schema())
    return value


@pytest.fixture
def bad(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("name: edge\narray:\n  unroll: {out_channels: sixty}\nstatoinary: 1\n")
    return path


def test_help_lists_every_verb():
    done = run("--help")
    assert done.exit_code == 0
    assert [line.split()[0] for line in done.stdout.split("Commands:\n")[1].splitlines()] == list(
        VERBS
    )


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_has_examples(name):
    done = run(name, "--help")
    assert done.exit_code == 0
    assert f"  asicbnn {name} " in done.stdout.split("Examples:")[1]


def test_version():
    assert run("--version").stdout.startswith("asicbnn 0.")


def test_check_of_good_files():
    done = run("check", EDGE, BINARYNET, SWEEP)
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [f"{path}: no problems" for path in (EDGE, BINARYNET, SWEEP)]
    assert done.stderr == ""


def test_check_of_a_bad_file(bad):
    done = run("check", bad, EDGE)
    assert done.exit_code == 2
    assert done.stdout == f"{EDGE}: no problems\n"
    assert f"{bad}:3:26: array.unroll.out_channels: " in done.stderr
    assert f"{bad}:4:1: statoinary: " in done.stderr
    assert "Traceback" not in done.stderr


def test_check_as_json(bad):
    done = run("check", "--json", bad)
    assert done.exit_code == 2
    problems = as_json(done)["problems"]
    assert [(p["line"], p["path"]) for p in problems] == [
        (3, "array.unroll.out_channels"), (4, "statoinary"),
    ]  # fmt: skip
    assert as_json(run("check", "--json", EDGE))["problems"] == []


@pytest.mark.parametrize("name", ["estimate", "simulate", "verify", "compare"])
def test_a_bad_file_is_refused_by_every_verb(name, bad):
    done = run(name, bad, BINARYNET)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert "statoinary" in done.stderr
    as_object = run(name, bad, BINARYNET, "--json")
    assert as_object.exit_code == 2
    assert as_json(as_object)["schema"] == f"asicbnn.{name}/1"
    assert len(as_json(as_object)["problems"]) == 2


def test_a_missing_file_is_named(tmp_path):
    for arguments in (["check"], ["show"], ["report"], ["plot"], ["sweep"], ["verilog"]):
        done = run(*arguments, tmp_path / "none.yaml")
        assert done.exit_code == 2, arguments
        assert "none.yaml" in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("kind", ["accelerator", "workload", "sweep", "mapping", "chip", "result"])
def test_schema(kind):
    done = run("schema", kind)
    assert done.exit_code == 0
    jsonschema.Draft202012Validator.check_schema(json.loads(done.stdout))


def test_schemas_for_an_editor(tmp_path):
    done = run("schema", "--output", tmp_path)
    assert done.exit_code == 0
    assert len(list(tmp_path.glob("*.schema.json"))) == 6
    assert done.stdout == ""
    assert run("schema").exit_code == 2


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        (EDGE, ["dataflow: output_stationary", "peak", "4,096"]),
        (BINARYNET, ["conv2", "total", "616,966,144"]),
        (SWEEP, ["384 design points", "array.unroll.in_channels"]),
    ],
)
def test_show(path, parts):
    done = run("show", path)
    assert done.exit_code == 0
    assert all(part in done.stdout for part in parts)
    assert "…" not in run("show", path, environment={"COLUMNS": "60"}).stdout
    assert as_json(run("show", "--json", path))["kind"] in ("accelerator", "workload", "sweep")


def test_plot_writes_the_formats_asked_for(tmp_path):
    table, _ = write_table(synthetic.sweep_table(30), tmp_path / "space")
    assert run("plot", table, "-y", "latency_ms", "--format", "svg").exit_code == 0
    assert (tmp_path / "space-pareto.svg").exists()
    layers, _ = write_table(synthetic.layer_table(), tmp_path / "layers")
    assert run("plot", layers, "--kind", "latency", "-o", tmp_path / "l.pdf").exit_code == 0
    assert (tmp_path / "l.pdf").read_bytes().startswith(b"%PDF")
    (tmp_path / "figures").mkdir()
    assert run("plot", table, "-o", tmp_path / "figures", "--format", "svg").exit_code == 0
    assert (tmp_path / "figures/space-pareto.svg").exists()
    assert not (tmp_path / "figures.svg").exists()
    refused = run("plot", layers, "--kind", "dataflows")
    assert refused.exit_code == 2
    said = "the table has no column dataflow, which this figure draws"
    assert refused.stderr == f"{layers}: {said}\n"
    assert run("plot", tmp_path).stderr == f"{tmp_path}: this is a folder; name a table inside it\n"


@pytest.mark.parametrize(("column", "fault"), [("dataflow", "a number"), ("point", "a metric")])
def test_a_front_is_drawn_over_metrics(tmp_path, column, fault):
    rows = synthetic.sweep_table(30).assign(dataflow="best", point=1, power_mw="much")
    table, _ = write_table(rows, tmp_path / "space")
    for axis in ("-x", "-y"):
        done = run("plot", table, axis, column)
        assert done.exit_code == 2
        assert done.stderr.startswith(f"{table}: {column} is not {fault}; columns that are: ")
        assert {"area_um2", "latency_ms"} <= set(done.stderr.replace(",", "").split())
    done = run("plot", table, "-x", "power_mw")
    assert done.exit_code == 2
    assert done.stderr.startswith(f"{table}: power_mw should be numbers,")


def test_report_prints_where_the_page_is(tmp_path):
    write_table(synthetic.dataflow_table(), tmp_path / "flows")
    done = run("report", tmp_path, "--title", "Five")
    assert done.stdout == f"{tmp_path / 'report.html'}\n"
    assert "<h1>Five</h1>" in (tmp_path / "report.html").read_text()


def test_verify_wants_files_or_random():
    assert "expected ACCELERATOR and WORKLOAD, or --random N" in run("verify").stderr
    assert run("verify", EDGE).exit_code == 2
    assert run("verify", EDGE, "--random", 3).exit_code == 2
    files = ("--mapping", EDGE, "--images", 1)
    refused = run("verify", "--random", 3, *files, "--batch", 2, "--dataflow", "best")
    assert refused.exit_code == 2
    assert refused.stderr == (
        "--random draws its own cases; it does not take --images, --batch, --dataflow, --mapping\n"
    )


def test_help_says_from_when_on_every_feature_counts():
    from asicbnn.verify.random_cases import ENOUGH_FOR_ALL

    text = " ".join(run("verify", "--help").stdout.split())
    assert f"from {ENOUGH_FOR_ALL} on" in text


@pytest.mark.parametrize(
    "arguments", [["frob"], ["check"], ["show", EDGE, "--frob"], ["estimate", EDGE]]
)
def test_wrong_usage_is_exit_code_2(arguments):
    done = run(*arguments)
    assert done.exit_code == 2
    assert "Usage: " in done.stderr


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (MappingError("layer fc1 does not fit"), 2),
        (EnvironmentProblem("no C compiler"), 3),
        (SimulationError("the cycle limit was reached"), 1),
        (KeyboardInterrupt(), 130),
        (ModuleNotFoundError("x", name="sklearn"), 3),
    ],
)
def test_exit_codes(monkeypatch, problem, code):
    def fail(_path):
        raise problem

    monkeypatch.setattr("asicbnn.spec.check.check", fail)
    done = run("check", EDGE)
    assert done.exit_code == code
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def fails_with(monkeypatch, problem):
    def fail(_path):
        raise problem

    monkeypatch.setattr("asicbnn.spec.check.check", fail)


@pytest.mark.parametrize("problem", [ZeroDivisionError("0 /\n0"), KeyError("x"), RuntimeError()])
def test_a_defect_is_one_paragraph_that_asks_for_a_report(monkeypatch, problem):
    fails_with(monkeypatch, problem)
    done = run("check", EDGE)
    assert done.exit_code == 3
    assert done.stdout == ""
    assert done.stderr.startswith(f"internal error ({type(problem).__name__}")
    assert "please report it, with the command" in done.stderr
    assert done.stderr.count("\n") == 1
    as_object = as_json(run("check", EDGE, "--json"))
    assert as_object["problems"][0]["message"].startswith("internal error (")


def test_a_defect_shows_its_traceback_to_who_asks(monkeypatch):
    fails_with(monkeypatch, ZeroDivisionError("nothing"))
    assert "Traceback" not in run("check", EDGE, environment={"ASICBNN_TRACEBACK": "0"}).stderr
    done = run("check", EDGE, environment={"ASICBNN_TRACEBACK": "1"})
    assert done.exit_code == 3
    assert done.stderr.startswith("Traceback (most recent call last):")
    assert "in fail" in done.stderr


def test_a_file_the_system_refuses_is_named(monkeypatch):
    fails_with(monkeypatch, PermissionError(13, "Permission denied", "some.yaml"))
    done = run("check", EDGE)
    assert (done.exit_code, done.stderr) == (3, "some.yaml: Permission denied\n")


def test_lines_of_a_mapping_error_are_problems_of_their_own(monkeypatch):
    fails_with(monkeypatch, MappingError("layer a: no\nlayer b: neither"))
    problems = as_json(run("check", EDGE, "--json"))["problems"]
    assert problems == [{"message": "layer a: no"}, {"message": "layer b: neither"}]


@pytest.mark.parametrize(
    ("arguments", "verb", "said"),
    [
        (["frob", "--json"], "usage", "No such command 'frob'"),
        (["--frob", "--json"], "usage", "No such option: --frob"),
        (["show", EDGE, "--frob", "--json"], "show", "No such option: --frob"),
        (["estimate", EDGE, "--json"], "estimate", "Missing argument 'WORKLOAD'"),
        (["estimate", EDGE, BINARYNET, "--batch", "x", "--json"], "estimate", "--batch"),
    ],
)
def test_wrong_usage_is_an_object_too(arguments, verb, said):
    done = run(*arguments)
    assert done.exit_code == 2
    value = as_json(done)
    assert value["schema"] == f"asicbnn.{verb}/1"
    assert said in value["problems"][0]["message"]
    assert "Usage: " in done.stderr


def test_a_closed_pipe_is_no_accident():
    program = [sys.executable, "-m", "asicbnn", "schema", "accelerator"]
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as closed:
        done = subprocess.run(program, cwd=ROOT, stdout=closed, stderr=subprocess.PIPE, check=False)
    assert b"Traceback" not in done.stderr


def test_no_bar_is_drawn_where_nobody_looks(capsys):
    with terminal.progress("x") as progress:
        progress(1, 2)
    assert capsys.readouterr() == ("", "")
