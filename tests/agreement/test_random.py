"""Random cases: everything agrees, everything is exercised, and what is broken is found."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from asicbnn.cli import app
from asicbnn.mapping.layout import layout
from asicbnn.model import network
from asicbnn.simulation import program
from asicbnn.spec import load
from asicbnn.spec.accelerator import with_changes
from asicbnn.spec.lowering import lower
from asicbnn.verify import agreement, random_cases, verify, verify_random
from asicbnn.verify.cases import FEWER_STEPS, MOST_STEPS, accelerator, case, steps
from asicbnn.verify.features import ALL_FEATURES, features
from asicbnn.verify.random_cases import ENOUGH_FOR_ALL

SEEDS = (2, 22)
"""Between them, sixty cases of each leave nothing out."""


@pytest.mark.parametrize("seed", SEEDS)
def test_sixty_random_cases_agree(seed):
    found = verify_random(60, seed=seed)
    verdict, *more = found.verdict.splitlines()
    how = f"seed {seed}, accelerators 3, {found.backend}"
    assert verdict == f"60 of 60 agree on cycles, accesses and bits ({how})"
    missed = [name for name, count in found.features.items() if not count]
    note = f"not exercised (from {ENOUGH_FOR_ALL} cases on this fails): {', '.join(missed)}"
    assert more == ([note] if missed else [])
    assert found.to_json()["problems"] == []
    assert found.agrees
    assert found.written == ()
    assert sum(found.features.values()) > 60 * 10


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_thousand_random_cases_agree_and_exercise_every_feature():
    found = verify_random(1000, seed=7)
    how = f"seed 7, accelerators 50, {found.backend}"
    assert found.verdict == f"1000 of 1000 agree on cycles, accesses and bits ({how})"
    assert found.never == ()
    assert min(found.features.values()) >= 20, found.features


def test_the_cases_of_the_default_suite_exercise_every_feature():
    """Drawing needs no hardware; a run of 400 cases and more is refused if one is missing."""
    seen = set()
    for seed in SEEDS:
        for index in range(60):
            seen |= features(case(seed, index, accelerator(seed, index // 20)))
    missing = set(ALL_FEATURES) - seen
    assert not missing
    assert seen <= set(ALL_FEATURES)


# ---------------------------------------------------------------------- what is broken is found
@pytest.fixture
def miscounting(monkeypatch):
    """A model that counts one psum read too many in every layer."""

    def count_network(*arguments):
        counted = network.count_network(*arguments)
        return tuple({**c, "psum_buffer_reads": c["psum_buffer_reads"] + 1} for c in counted)

    monkeypatch.setattr(agreement, "count_network", count_network)


@pytest.fixture
def flipped_weight(monkeypatch):
    """Weights with one wrong bit per layer: kernel (0, 0), channel 0 in and out."""
    weight_words = program.weight_words

    def wrong(*arguments):
        words = weight_words(*arguments)
        words[0, 0] ^= np.uint64(1)
        return words

    monkeypatch.setattr(program, "weight_words", wrong)


def test_a_count_that_is_off_by_one_is_found(miscounting, tmp_path):
    found = verify_random(2, seed=2, folder=tmp_path)
    assert not found.agrees
    how = f"seed 2, accelerators 1, {found.backend}"
    assert found.verdict.startswith(f"0 of 2 agree on cycles, accesses and bits ({how})\ncase 0: ")
    for outcome in found.outcomes:
        assert {row.quantity for row in outcome.differences} == {"psum_buffer_reads"}
        assert all(row.model == row.hardware + 1 for row in outcome.differences)
    assert found.to_json()["problems"]


def test_one_wrong_weight_bit_is_found_in_the_output_bits(flipped_weight, tmp_path):
    """Cycles and accesses do not depend on data: only the bits differ, and in many cases."""
    found = verify_random(10, seed=2, folder=tmp_path)
    wrong = [row for outcome in found.outcomes for row in outcome.differences]
    assert sum(not outcome.agrees for outcome in found.outcomes) >= 4
    assert {row.quantity for row in wrong} <= {"output bits", "classes"}
    assert "differ" in found.verdict


def test_a_difference_is_exit_code_one(miscounting, tmp_path):
    done = CliRunner().invoke(
        app, ["verify", "--random", "1", "--seed", "3", "--output", str(tmp_path)]
    )
    assert done.exit_code == 1
    assert "0 of 1 agree" in done.stdout


def test_no_difference_is_exit_code_zero(tmp_path):
    done = CliRunner().invoke(
        app, ["verify", "--random", "1", "--seed", "3", "--output", str(tmp_path)]
    )
    assert done.exit_code == 0
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------------- files of a case
@pytest.mark.parametrize(("seed", "index"), [(1, 4), (5, 0), (5, 1)])
def test_a_written_case_reads_back_as_the_same_case(seed, index, tmp_path):
    drawn, folder = write(seed, index, tmp_path)
    assert load(folder / "accelerator.yaml") == drawn.accelerator
    workload = load(folder / "workload.yaml")
    lowered = lower(workload, batch=drawn.layers[0].batch)
    assert lowered.not_covered == ()
    assert same_shapes(lowered.layers, drawn.layers)


@pytest.mark.parametrize("seed", range(20, 26))
def test_every_written_network_reads_back_as_its_layers(seed, tmp_path):
    for index in range(20):
        drawn, folder = write(seed, index, tmp_path)
        workload = load(folder / "workload.yaml")
        lowered = lower(workload, batch=drawn.layers[0].batch)
        assert same_shapes(lowered.layers, drawn.layers), (seed, index)


def write(seed, index, folder):
    drawn = case(seed, index, accelerator(seed, index // 20))
    rng = np.random.default_rng([seed, index])
    parameters = [random_cases.random_parameters(layer, rng) for layer in drawn.layers]
    images = random_cases.random_activations(drawn.layers[0], rng)
    target = folder / "case"
    written = random_cases.write_case(drawn, parameters, images, target, "case", backend="pyrtl")
    assert {path.name for path in written} >= {
        "accelerator.yaml", "workload.yaml", "mapping.yaml", "weights.npz",
    }  # fmt: skip
    return drawn, target


def same_shapes(read, drawn):
    """Pads of no width have no value, and a pool of one has no order."""

    def plain(layer):
        sides = (layer.pad_top, layer.pad_bottom, layer.pad_left, layer.pad_right)
        return replace(
            layer,
            pad_value=layer.pad_value if any(sides) else "none",
            pool_order=layer.pool_order if layer.pool > 1 else "after_threshold",
        )

    return [plain(x) for x in read] == [plain(x) for x in drawn]


def test_the_files_of_a_differing_case_reproduce_its_difference(flipped_weight, tmp_path):
    found = verify_random(6, seed=2, folder=tmp_path)
    outcome = next(o for o in found.outcomes if not o.agrees)
    folder = tmp_path / f"seed2_case{outcome.index}"
    assert set(folder.iterdir()) <= set(found.written)
    drawn = case(2, outcome.index, accelerator(2, 0))
    batch = drawn.layers[0].batch
    again = verify(
        load(folder / "accelerator.yaml"), load(folder / "workload.yaml"), images=batch,
        batch=batch, mapping=folder / "mapping.yaml",
    )  # fmt: skip
    assert again.differences == outcome.differences
    assert not again.agrees


def test_the_files_of_a_correct_case_show_no_difference(tmp_path):
    drawn, folder = write(2, 4, tmp_path)
    batch = drawn.layers[0].batch
    found = verify(
        load(folder / "accelerator.yaml"), load(folder / "workload.yaml"), images=batch,
        batch=batch, mapping=folder / "mapping.yaml",
    )  # fmt: skip
    assert found.agrees


# ---------------------------------------------------------------------- features
def test_a_feature_nothing_exercises_fails_a_large_run(monkeypatch):
    monkeypatch.setattr(random_cases, "ALL_FEATURES", (*ALL_FEATURES, "three hands"))
    found = verify_random(3, seed=2)
    assert found.agrees  # three cases cannot be asked to exercise everything
    monkeypatch.setattr(random_cases, "ENOUGH_FOR_ALL", 3)
    assert not found.agrees
    assert "three hands" in found.never
    assert "never exercised: " in found.verdict


def test_a_hanging_case_is_a_difference_and_not_a_hang(monkeypatch, tmp_path):
    monkeypatch.setattr(random_cases, "CYCLE_LIMIT", 20)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    found = verify_random(1, seed=2, folder=tmp_path)
    assert not found.agrees
    assert re.search(r"case 0: layer \w+ did not end within 20 cycles: ", found.verdict)
    assert found.written


def test_cases_are_a_function_of_seed_and_index():
    spec = accelerator(4, 1)
    assert spec == accelerator(4, 1)
    assert case(4, 25, spec) == case(4, 25, spec)
    assert case(4, 26, spec) != case(4, 25, spec)
    assert with_changes(spec, {"name": "other"}) != spec


def test_slow_simulators_get_the_same_case_where_it_is_small_and_a_smaller_one_where_not():
    spec, same = accelerator(2, 1), 0
    for index in range(20, 40):
        drawn, small = case(2, index, spec), case(2, index, spec, FEWER_STEPS)
        assert max(steps(layout(spec), layer) for layer in small.layers) <= FEWER_STEPS
        is_small = max(steps(layout(spec), layer) for layer in drawn.layers) <= FEWER_STEPS
        assert not is_small or small == drawn
        same += is_small
    assert 0 < same < 20


@pytest.mark.parametrize(("backend", "most_steps"), [("auto", MOST_STEPS), ("pyrtl", FEWER_STEPS)])
def test_how_large_cases_are_depends_on_what_simulates_them(backend, most_steps, monkeypatch):
    asked = []

    def noted(*arguments):
        asked.append(arguments[-1])
        return case(*arguments)

    monkeypatch.setattr(random_cases, "case", noted)
    assert verify_random(2, seed=2, backend=backend).agrees
    assert asked == [most_steps] * 2
