"""Layers verified on their own: in threads, one layer's fault in that layer, parts of networks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from asicbnn.cli import app
from asicbnn.errors import SimulationError, SpecError
from asicbnn.spec import load
from asicbnn.spec.accelerator import with_changes
from asicbnn.verify import apart, verify_apart
from asicbnn.verify.agreement import COMPARED

ROOT = Path(__file__).parents[2]
TINY = load(ROOT / "arch_specs/tiny.yaml")
DIGITS = ROOT / "workloads/digits_mlp_64_256_256_10.yaml"
PARTLY = """\
name: partly
input: {shape: [4, 4, 3], bits: 8}
layers:
  - {name: stem, op: conv, out_channels: 8, kernel: [3, 3], activation_bits: 8, weight_bits: 32,
     post: [batch_norm, sign]}
  - {name: conv, op: conv, out_channels: 8, kernel: [2, 2], post: [batch_norm, sign]}
  - {name: fc, op: dense, out_channels: 3}
"""


@pytest.fixture(scope="module")
def alone():
    return verify_apart(TINY, DIGITS, images=2, jobs=1)


def test_every_layer_agrees_and_the_verdict_says_they_ran_alone(alone):
    end = "3 layers, each on its own, 2 images"
    assert alone.verdict == f"no difference in cycles, accesses and bits: {end}"
    assert {row.layer for row in alone.compared} == {"fc1", "fc2", "fc3"}
    hosted = [row for row in alone.compared if row.quantity == "host_words_in"]
    assert all(row.hardware > 0 for row in hosted)  # each has its map from the host


def test_layers_at_once_give_what_layers_in_turn_give(alone):
    assert verify_apart(TINY, DIGITS, images=2, jobs=3).compared == alone.compared


def test_batches_beyond_the_first_are_compared_too(monkeypatch):
    machine = with_changes(TINY, {"limits.batch": 2})
    made = apart._tasks

    def numbered(*arguments):
        for task in made(*arguments):
            seen.append((task.batch, task.index, task.inputs.shape[0]))
            yield task

    seen: list[tuple[int, int, int]] = []
    rows = apart.Subject.rows
    monkeypatch.setattr(apart, "_tasks", numbered)
    monkeypatch.setattr(
        apart.Subject, "rows", lambda *given: [replace(row, hardware=-1) for row in rows(*given)]
    )
    found = verify_apart(machine, DIGITS, images=4, batch=2, jobs=1)
    assert seen == [(batch, layer, 2) for batch in (0, 1) for layer in (0, 1, 2)]
    assert len(found.differences) == len(found.compared) == 2 * 3 * (len(COMPARED) + 1)


def test_a_fault_shows_in_its_layer_and_in_no_other(monkeypatch):
    build = apart.build_program

    def faulty(accelerator, layers, parameters, mappings):
        if layers[0].name == "fc2":
            flipped = replace(parameters[0], flips=~parameters[0].flips)
            return build(accelerator, layers, [flipped], mappings)
        return build(accelerator, layers, parameters, mappings)

    monkeypatch.setattr(apart, "build_program", faulty)
    found = verify_apart(TINY, DIGITS)
    [wrong] = found.differences
    assert (wrong.layer, wrong.quantity, wrong.differing) == ("fc2", "output bits", 256)


def test_covered_layers_of_a_network_that_does_not_run_whole_are_verified(tmp_path):
    workload = tmp_path / "partly.yaml"
    workload.write_text(PARTLY)
    found = verify_apart(TINY, workload, seed=3)
    assert found.agrees
    assert {row.layer for row in found.compared} == {"conv", "fc"}


def test_a_layer_beyond_the_cycle_limit_fails_loudly():
    with pytest.raises(SimulationError, match="100 cycles"):
        verify_apart(TINY, DIGITS, cycle_limit=100, jobs=2)


def test_arguments_that_do_not_go_together_are_refused():
    multiple = r"^images: expected a multiple of batch, which is 2, got 3$"
    with pytest.raises(SpecError, match=multiple):
        verify_apart(TINY, DIGITS, images=3, batch=2)
    with pytest.raises(SpecError, match=r"^jobs: expected a whole number of at least 1, got 0$"):
        verify_apart(TINY, DIGITS, jobs=0)
    lstm = ROOT / "workloads/lab_lstm512_linux.yaml"
    with pytest.raises(SpecError, match=r"^lab_lstm512_linux: no layer can be executed: "):
        verify_apart(TINY, lstm)


def test_the_command_runs_it():
    verify = ["verify", str(ROOT / "arch_specs/tiny.yaml"), str(DIGITS), "--apart"]
    done = CliRunner().invoke(app, verify)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines()[-1].endswith("3 layers, each on its own, 1 images")
