"""Measured activity: what toggles, as energy beside the model's, and back into the model."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
import typer
import yaml
from simulation.machines import needs_compiler
from typer.testing import CliRunner

from asicbnn.activity import NO_GLITCHES, Activity, measure
from asicbnn.cli import app
from asicbnn.errors import ModelError, SpecError
from asicbnn.hardware.accelerator import elaborate
from asicbnn.hardware.configuration import configuration_words
from asicbnn.hardware.structure import logic_gates
from asicbnn.mapping.layout import layout
from asicbnn.model.activities import TERMS, assumed_activities, hardware_digest, undelayed_counts
from asicbnn.model.arguments import accelerator_of, workload_of
from asicbnn.model.energy import energy_counts
from asicbnn.model.estimate import estimate
from asicbnn.model.network import totals
from asicbnn.report.activity_tables import total
from asicbnn.simulate import layer_mappings, simulate
from asicbnn.spec.accelerator import with_changes
from asicbnn.spec.activity_file import Activities, ActivityFile, to_yaml
from asicbnn.spec.lowering import lower
from asicbnn.spec.reader import read
from asicbnn.technology import library

TINY, DIGITS = "arch_specs/tiny.yaml", "workloads/digits_mlp_64_256_256_10.yaml"
CLI = CliRunner()


def assumed_in_digits() -> dict[str, float]:
    """What the model takes for granted of an image of the digits network on `tiny`."""
    machine, counted = accelerator_of(TINY), estimate(TINY, DIGITS)
    events = totals(
        energy_counts(machine, layer, found.metrics, configuration_words(machine))
        for layer, found in zip(lower(workload_of(DIGITS)).layers, counted.layers, strict=True)
    )
    return assumed_activities(layout(machine), events)


def counted_of_random_bits() -> dict[str, float]:
    """What a count of the digits network would be, were its energy the model's at level gate."""
    undelayed = undelayed_counts(accelerator_of(TINY))
    return {name: value * undelayed.get(name, 1.0) for name, value in assumed_in_digits().items()}


@pytest.fixture(scope="module")
def found() -> Activity:
    return measure(TINY, DIGITS, sample=1)


@needs_compiler
def test_counting_changes_nothing_that_the_hardware_does(found: Activity) -> None:
    plain = simulate(TINY, DIGITS)
    assert found.simulation.result.totals == plain.result.totals
    assert (found.simulation.classes == plain.classes).all()
    assert found.file.cycles == plain.result.totals["cycles"] + 1  # and the one that starts it
    assert found.file.counted_cycles == found.file.cycles - 1


@needs_compiler
def test_rows_cover_every_gate_of_every_component_once(found: Activity) -> None:
    outputs = {row.name: row.outputs for row in found.rows}
    machine = elaborate(accelerator_of(TINY))
    lay = layout(machine.accelerator)
    gates = logic_gates(machine.accelerator)["array"]
    adders = 2 * (gates["full_adder"] + gates["half_adder"])
    assert outputs["xnor"] == outputs["mask"] == lay.pes * lay.lanes
    assert outputs["popcount"] < adders
    assert outputs["weight register"] == lay.weight_port_bits * lay.weight_slots
    assert sum(row.outputs for row in found.levels) == outputs["popcount"]
    assert sum(row.transitions for row in found.levels) == pytest.approx(
        next(row.transitions for row in found.rows if row.name == "popcount")
    )


@needs_compiler
def test_activities_are_of_the_size_of_what_they_replace(found: Activity) -> None:
    """Of real data: a wrong event or number of outputs would be off by far more than this."""
    assumed = assumed_activities(layout(accelerator_of(TINY)))
    measured = found.file.activities.given()
    assert measured.keys() == TERMS.keys() - {"psum_register"}  # no layer is cut into tiles of C
    for name, value in measured.items():
        assert assumed[name] / 3 < value < assumed[name] * 3, name


@needs_compiler
def test_energy_is_transitions_times_cell_energy(found: Activity) -> None:
    technology = library.load("sky130hd")
    row = next(row for row in found.rows if row.name == "xnor")
    cell = technology.cell("xnor2").internal_energy_fj + technology.pin_energy_fj("full_adder")
    assert row.energy_fj == pytest.approx(row.transitions * cell)
    assert row.model_fj is not None
    assert row.ratio == pytest.approx(row.measured / row.assumed, rel=1e-6)
    clock = next(row for row in found.rows if row.name == "clock")
    assert clock.ratio == pytest.approx(1, abs=0.02)  # the host port has other flops
    memories = found.rows[found.rows.index(clock) + 1 :]
    assert {row.ratio for row in memories} == {1.0}
    whole = total(found.rows)
    assert whole.energy_fj == pytest.approx(sum(row.energy_fj for row in found.rows))


@needs_compiler
def test_windows_tell_nearly_what_all_cycles_tell() -> None:
    whole, sampled = (measure(TINY, DIGITS, sample=n, images=4) for n in (1, 4))
    assert 0.2 < sampled.file.counted_cycles / sampled.file.cycles < 0.3
    full, part = (x.file.activities.given() for x in (whole, sampled))
    for name in ("xnor", "popcount", "accumulate", "sequencer", "dma_weights"):
        assert part[name] == pytest.approx(full[name], rel=0.2), name
    assert part != full


@needs_compiler
def test_the_model_takes_back_what_was_measured(found: Activity, tmp_path: Path) -> None:
    path = tmp_path / "activity.yaml"
    path.write_text(to_yaml(found.file), "utf-8")
    assert read(path, ActivityFile) == found.file
    plain, fed = estimate(TINY, DIGITS), estimate(TINY, DIGITS, activity=path)
    terms, before = (r.breakdowns["energy_terms_fj"] for r in (fed, plain))
    random = counted_of_random_bits()
    factors = {
        f"{part} {term}": value / random[name]
        for name, value in found.file.activities.given().items()
        for part, term in TERMS[name]
    }
    assert terms == pytest.approx({k: fj * factors.get(k, 1.0) for k, fj in before.items()})
    assert fed.totals["energy_fj"] != plain.totals["energy_fj"]
    assert fed.totals["cycles"] == plain.totals["cycles"]
    [flag] = [flag for flag in fed.flags if flag.startswith("activities measured")]
    assert "xnor" in flag
    assert not any("sequencer_activity" in flag for flag in fed.flags)
    assert any("sequencer_activity" in flag for flag in plain.flags)


def file_of(**changes: object) -> ActivityFile:
    fields = {
        "accelerator": "tiny", "hardware": hardware_digest(accelerator_of(TINY)),
        "workload": "digits_mlp_64_256_256_10", "images": 1, "cycles": 100, "counted_cycles": 10,
        "activities": Activities(),
    }  # fmt: skip
    return ActivityFile(**(fields | changes))


def test_activities_as_they_are_counted_of_random_bits_change_no_figure(tmp_path: Path) -> None:
    random = counted_of_random_bits()
    assert random.keys() == TERMS.keys() == Activities.model_fields.keys()
    path = tmp_path / "activity.yaml"
    path.write_text(to_yaml(file_of(activities=Activities(**random))), "utf-8")
    assert estimate(TINY, DIGITS, activity=path).totals == pytest.approx(
        estimate(TINY, DIGITS).totals
    )


def test_activities_that_are_left_out_stay_assumed(tmp_path: Path) -> None:
    path = tmp_path / "activity.yaml"
    path.write_text(to_yaml(file_of(activities=Activities(xnor=0.25))), "utf-8")
    plain, fed = estimate(TINY, DIGITS), estimate(TINY, DIGITS, activity=path)
    xnor = plain.breakdowns["energy_terms_fj"]["array xnor"]
    less = xnor * (1 - 0.25 / assumed_in_digits()["xnor"])
    assert fed.totals["energy_fj"] == pytest.approx(plain.totals["energy_fj"] - less)
    assert any("sequencer_activity" in flag for flag in fed.flags)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"accelerator": "edge64"},
         r":3:14: accelerator: these activities are of accelerator edge64, not of tiny\n"),
        ({"workload": "mnist"}, r":5:11: workload: these activities are of workload mnist, not of"),
        ({"hardware": "0" * 16}, r":4:11: hardware: tiny has changed since: its gates are not"),
    ],
)  # fmt: skip
def test_activities_of_something_else_are_refused_at_their_line(
    tmp_path: Path, change: dict[str, object], sentence: str
) -> None:
    path = tmp_path / "activity.yaml"
    path.write_text(to_yaml(file_of(**change)), "utf-8")
    with pytest.raises(SpecError, match=f"^{re.escape(str(path))}{sentence}") as refused:
        estimate(TINY, DIGITS, activity=path)
    [problem] = refused.value.problems
    said, command = problem.help.split(": asicbnn simulate ... ")
    assert said == "measure them again"
    verb = typer.main.get_command(app).commands["simulate"]  # type: ignore[attr-defined]
    context = verb.make_context("simulate", [TINY, DIGITS, *shlex.split(command)])
    assert context.params["save_activity"] == path


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"activities": {"xnro": 0.5}}, r"activities.xnro: unknown key"),
        ({"activities": {"xnor": -0.1}}, r"activities.xnor: expected"),
        ({"activities": {"dma_host": 101}}, r"activities.dma_host: expected"),
        ({"activities": {"xnor": "much"}}, r"activities.xnor: expected"),
        ({"cycles": 0}, r"cycles: expected"),
        ({"hardware": "tiny"}, r"hardware: expected"),
    ],
)
def test_what_is_no_activity_is_refused_at_its_line(
    tmp_path: Path, change: dict[str, object], sentence: str
) -> None:
    path = tmp_path / "activity.yaml"
    value = file_of().model_dump(exclude_none=True) | change
    path.write_text(yaml.safe_dump(value, sort_keys=False), "utf-8")
    with pytest.raises(SpecError, match=rf":\d+:\d+: {sentence}"):
        estimate(TINY, DIGITS, activity=path)


def test_the_digest_follows_gates_and_not_prices() -> None:
    tiny = accelerator_of(TINY)
    same = with_changes(tiny, {"name": "other", "technology": "asap7"})
    other = with_changes(tiny, {"array.popcount.pipeline_stages": 3})
    assert hardware_digest(same) == hardware_digest(tiny) != hardware_digest(other)


@needs_compiler
def test_the_command_line_measures_writes_and_estimates(tmp_path: Path) -> None:
    path = tmp_path / "activity.yaml"
    done = CLI.invoke(app, ["simulate", TINY, DIGITS, "--save-activity", str(path)])
    assert done.exit_code == 0, done.output
    assert "activity: as counted, and as the model assumes" in done.output
    assert "popcount by level of its adders" in done.output
    assert NO_GLITCHES[:40] in done.output
    assert "cycles are counted" in done.output
    done = CLI.invoke(app, ["estimate", TINY, DIGITS, "--activity", str(path), "--json"])
    assert done.exit_code == 0, done.output
    assert any(flag.startswith("activities measured") for flag in json.loads(done.stdout)["flags"])


@needs_compiler
def test_a_reader_that_closes_the_pipe_loses_no_activities(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("asicbnn.cli.terminal.show", closed)
    path = tmp_path / "activity.yaml"
    CLI.invoke(app, ["simulate", TINY, DIGITS, "--save-activity", str(path)])
    assert path.exists()


@needs_compiler
def test_the_json_holds_every_row(found: Activity) -> None:
    whole = json.loads(json.dumps(found.to_json()))
    assert whole["schema"] == "asicbnn.simulate/1"
    said = whole["activity"]
    assert said["counted_cycles"] == said["cycles"] - 1
    assert {"xnor", "clock", "store weight"} <= {row["name"] for row in said["rows"]}
    assert said["popcount_levels"][0]["name"] == "level 0"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--sample", "4"], "--sample is of --activity"),
        (["--activity", "--backend", "pyrtl"], "back end pyrtl counts no toggles"),
        (["--activity", "--sample", "0"], "--sample"),
        (["--activity", "--cycles", "5:1"], "without a waveform; leave --cycles out"),
        (["--activity", "--nets"], "without a waveform; leave --nets out"),
        (["--activity", "--vcd", "run.vcd"], "without a waveform; leave --vcd out"),
        (["--activity", "--jobs", "2"], "runs in one thread, without a waveform; leave --jobs"),
    ],
)
def test_the_command_line_refuses_what_counts_nothing(options: list[str], sentence: str) -> None:
    done = CLI.invoke(app, ["simulate", TINY, DIGITS, *options])
    assert done.exit_code == 2
    assert sentence in done.output


@needs_compiler
def test_a_place_that_cannot_be_written_is_refused_before_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asicbnn.activity.measure", lambda *_, **__: pytest.fail("it ran"))
    done = CLI.invoke(app, ["simulate", TINY, DIGITS, "--save-activity", str(tmp_path)])
    assert (done.exit_code, done.stdout) == (3, "")
    assert done.stderr == f"{tmp_path}: cannot be written: Is a directory\n"


@needs_compiler
def test_what_has_no_price_is_refused_before_it_runs() -> None:
    """Nothing asks for a price before, where every layer has a mapping."""
    tiny, layers = accelerator_of(TINY), lower(workload_of(DIGITS)).layers
    chosen = layer_mappings(tiny, layers, None, None)
    nests = {layer.name: nest for layer, nest in zip(layers, chosen, strict=True)}
    fast = with_changes(tiny, {"operating_point.clock_mhz": 5000.0})
    with pytest.raises(ModelError, match=r"5,?000 MHz"):
        measure(fast, DIGITS, mapping=nests, progress=lambda *_: pytest.fail("it ran"))


@pytest.mark.slow
@needs_compiler
def test_windows_that_a_short_run_never_meets_are_an_error() -> None:
    with pytest.raises(SpecError, match="met no window of 1 in 1000000; use"):
        measure(TINY, DIGITS, sample=1_000_000)
