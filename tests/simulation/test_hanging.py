"""Hardware that does not end fails loudly and leaves its state; wrong images never get that far."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray
from typer.testing import CliRunner

from asicbnn.cli import app
from asicbnn.errors import CycleLimitError, SimulationError, SpecError
from asicbnn.model.arguments import accelerator_of, workload_of
from asicbnn.simulate import Setup, prepare, simulate
from asicbnn.simulation.execution import Executor
from asicbnn.verify import verify

ROOT = Path(__file__).parents[2]
ACCELERATOR = str(ROOT / "arch_specs/tiny.yaml")
WORKLOAD = str(ROOT / "workloads/digits_mlp_64_256_256_10.yaml")


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.fixture(scope="module")
def setup() -> Setup:
    return prepare(
        accelerator_of(ACCELERATOR), workload_of(WORKLOAD), images=1, batch=1, mapping=None,
        dataflow=None, seed=0, backend="auto",
    )  # fmt: skip


def test_the_state_of_a_run_beyond_its_limit_is_in_a_file_the_message_names(
    temporary: Path, setup: Setup
) -> None:
    executor = Executor(setup.machine, setup.backend, setup.groups[0].program, cycle_limit=1000)
    with pytest.raises(CycleLimitError) as raised:
        list(executor.run(next(iter(setup.groups[0]))))
    said = str(raised.value)
    (file,) = temporary.iterdir()
    assert said.startswith(
        "layer fc1 did not end within 1000 cycles: the controller is in state 'run', loop counters "
        "dma_input ["
    )
    assert said.endswith(f"all registers are in {file}; --cycle-limit allows more")
    text = file.read_text()
    assert text.startswith("# layer fc1 did not end within 1000 cycles\n")
    written = yaml.safe_load(text)
    assert written["controller"] == "run"
    for name, counts in written["loop_counters"].items():
        assert f"{name} {counts}" in said
        read = [setup.backend.read_register(f"{name}_count{i}") for i in range(len(counts))]
        assert counts == read
    assert any(written["loop_counters"]["step"])
    kept = {
        name: int(value, 16)
        for registers in written["registers"].values()
        for name, value in registers.items()
    }
    assert kept == {n: setup.backend.read_register(n) for n in setup.backend.shape.registers}
    assert "weight_register0" in written["registers"]["registers"]


def test_without_room_for_the_file_the_message_says_so(
    monkeypatch: pytest.MonkeyPatch, setup: Setup
) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/nowhere/at/all")
    executor = Executor(setup.machine, setup.backend, setup.groups[0].program, cycle_limit=10)
    with pytest.raises(CycleLimitError, match=r"could not be written to a file: No such file"):
        list(executor.run(next(iter(setup.groups[0]))))


@pytest.mark.parametrize("verb", ["simulate", "verify"])
def test_the_limit_is_an_option_of_the_command(verb: str, temporary: Path) -> None:
    done = CliRunner().invoke(app, [verb, ACCELERATOR, WORKLOAD, "--cycle-limit", "9000"])
    assert done.exit_code == 1
    assert re.match(r"layer fc2 did not end within 9000 cycles: ", done.stderr)
    assert len(list(temporary.glob("asicbnn-state-*.yaml"))) == 1
    none = CliRunner().invoke(app, [verb, ACCELERATOR, WORKLOAD, "--cycle-limit", "0"])
    assert none.exit_code == 2
    enough = CliRunner().invoke(app, [verb, ACCELERATOR, WORKLOAD, "--cycle-limit", "9200"])
    assert enough.exit_code == 0


def test_random_cases_set_their_own_limit() -> None:
    done = CliRunner().invoke(app, ["verify", "--random", "1", "--cycle-limit", "5"])
    assert done.exit_code == 2
    assert "it does not take --cycle-limit" in done.stderr


@pytest.mark.parametrize("run", [simulate, verify])
def test_a_limit_that_is_no_number_of_cycles_is_refused(run: object) -> None:
    assert callable(run)
    with pytest.raises(SpecError, match=r"^cycle_limit: expected a whole number of at least 1"):
        run(ACCELERATOR, WORKLOAD, cycle_limit=0)


MAP = (1, 1, 1, 64)


@pytest.mark.parametrize(
    ("bits", "images", "sentence"),
    [
        (5, np.full(MAP, 16, np.int8), r"integers in -16..15, not int8 in 16\.\.16$"),
        (5, np.eye(1, 64, dtype=int).reshape(MAP) * -17, r"in -16..15, not int64 in -17\.\.0$"),
        (5, np.full(MAP, 2**64 - 1, np.uint64), r"in -16..15, not uint64 in 18446744073709551615"),
        (5, np.ones(MAP), r"integers in -16..15, not float64 in 1\.0\.\.1\.0$"),
        (5, np.ones((1, 8, 8, 1), int), r"= \[1, 1, 1, 64\], not \[1, 8, 8, 1\]$"),
        (5, np.ones((2, 1, 1, 64), int), r"= \[1, 1, 1, 64\], not \[2, 1, 1, 64\]$"),
        (1, np.zeros(MAP, int), r"integers -1 or 1, not int64 in 0\.\.0$"),
        (1, np.full(MAP, 3, np.int8), r"integers -1 or 1, not int8 in 3\.\.3$"),
    ],
)
def test_images_the_first_layer_cannot_take_are_refused(
    setup: Setup, bits: int, images: NDArray[Any], sentence: str
) -> None:
    program = setup.groups[0].program
    first = replace(program.layers[0], activation_bits=bits, signed_input=bits > 1)
    program = replace(program, layers=(first, *program.layers[1:]))
    with pytest.raises(SimulationError, match=sentence):
        list(Executor(setup.machine, setup.backend, program).run(images))


@pytest.mark.parametrize(
    ("images", "sentence"),
    [
        (np.full((20, 64), 99, np.uint8), "expected pixels in -8..23 (-16..15 with the offset)"),
        (np.zeros((20, 63), np.uint8), "expected integers [N, 64] or [N, 1, 1, 64], got uint8 [20"),
        (np.zeros((20, 64)), "expected integers [N, 64] or [N, 1, 1, 64], got float64 [20, 64]"),
        (np.zeros((3, 64), np.uint8), "expected at least 20 images, got 3"),
    ],
)
def test_a_file_of_images_that_do_not_fit_is_named_with_what_is_allowed(
    tmp_path: Path, images: NDArray[Any], sentence: str
) -> None:
    text = Path(WORKLOAD).read_text("utf-8")
    with np.load(Path(WORKLOAD).parent / "weights/digits_mlp_64_256_256_10.npz") as stored:
        arrays = {name: stored[name] for name in stored.files} | {"images": images}
    arrays["labels"] = np.zeros(len(images), np.uint8)
    np.savez(tmp_path / "changed.npz", **arrays)
    workload = tmp_path / "changed.yaml"
    workload.write_text(text.replace("weights/digits_mlp_64_256_256_10.npz", "changed.npz"))
    done = CliRunner().invoke(app, ["simulate", ACCELERATOR, str(workload), "--images", "20"])
    assert done.exit_code == 2
    assert f"{tmp_path / 'changed.npz'}: images: {sentence}" in done.stderr
    assert done.stdout == ""
