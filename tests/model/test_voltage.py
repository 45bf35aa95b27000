"""A network over the supply voltage: the least energy is the least there is."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from asicbnn.cli import app
from asicbnn.errors import ModelError, SpecError
from asicbnn.model.estimate import estimate
from asicbnn.model.voltage import voltage_curve
from asicbnn.spec.accelerator import Accelerator, with_changes
from asicbnn.spec.reader import read
from asicbnn.technology.library import load

ROOT = Path(__file__).parents[2]
DIGITS = ROOT / "workloads/digits_mlp_64_256_256_10.yaml"
IHP_LATCH = ROOT / "arch_specs/ihp_latch.yaml"
LATCHES = with_changes(
    read(ROOT / "arch_specs/tiny.yaml", Accelerator),
    {
        "technology": "ihp_sg13g2",
        "host.energy_pj_per_bit": 0.0,
        "store.kib": {"weights": 24.0, "activations": 2.0},
        **{f"buffers.{name}.kind": "latch" for name in ("weight", "input", "psum", "threshold")},
    },
)
IHP = load("ihp_sg13g2")
LEAKY = replace(
    IHP,
    digest="leaks",
    cells={role: replace(c, leakage_nw=3e4 * c.leakage_nw) for role, c in IHP.cells.items()},
)
"""A library that leaks so much that the least energy lies inside its range."""

OUTSIDE = with_changes(
    LATCHES,
    {"store.kind": "external", "store.external": {"standard": "lpddr4", "background": "none"}},
)


@pytest.fixture(scope="module")
def leaky():
    return voltage_curve(OUTSIDE, DIGITS, technology=LEAKY, steps=8)


def test_the_least_energy_is_a_minimum_inside_the_range(leaky):
    assert not leaky.is_at_lower_end
    least = leaky.minimum
    assert least.energy_uj == min(point.energy_uj for point in leaky.points)
    for step in (-0.01, 0.01):
        beside = with_changes(OUTSIDE, {"operating_point.voltage_v": least.voltage_v + step})
        there = estimate(beside, DIGITS, technology=LEAKY).totals["energy_per_inference_uj"]
        assert there > least.energy_uj
    assert leaky.points[0].leakage_fraction > least.leakage_fraction


def test_points_rise_in_voltage_and_clock(leaky):
    voltages = [point.voltage_v for point in leaky.points]
    clocks = [point.result.totals["clock_mhz"] for point in leaky.points]
    assert voltages == sorted(voltages)
    assert clocks == sorted(clocks)
    assert leaky.nominal_v == 1.2
    assert 1.2 in voltages
    assert voltages[0] == pytest.approx(0.621)
    assert voltages[-1] == 1.65


def test_each_point_is_the_estimate_at_its_voltage(leaky):
    point = leaky.points[2]
    there = with_changes(OUTSIDE, {"operating_point.voltage_v": point.voltage_v})
    assert point.result.totals == estimate(there, DIGITS, technology=LEAKY).totals


def test_macros_bound_the_curve_below():
    curve = voltage_curve(IHP_LATCH, DIGITS, steps=3)
    assert curve.points[0].voltage_v == pytest.approx(1.08, abs=0.0011)
    assert curve.is_at_lower_end
    assert "SRAM macros of ihp_sg13g2 are known down to 1.08 V" in curve.lower_end


def test_a_stated_clock_bounds_the_curve_below():
    machine = with_changes(OUTSIDE, {"operating_point.clock_mhz": 50})
    curve = voltage_curve(machine, DIGITS, steps=3)
    assert curve.points[0].voltage_v > 0.63
    assert "50 MHz" in curve.lower_end
    assert {point.result.totals["clock_mhz"] for point in curve.points} == {50}


def test_a_clock_no_voltage_reaches_is_refused():
    machine = with_changes(OUTSIDE, {"operating_point.clock_mhz": 50_000})
    with pytest.raises(ModelError, match=r"^operating_point\.clock_mhz: 50000 MHz is 20 ps"):
        voltage_curve(machine, DIGITS)


def test_a_technology_of_one_voltage_has_no_curve():
    alone = replace(IHP, digest="alone", operating=None)
    with pytest.raises(SpecError, match=r"^technology: ihp_sg13g2 is known at 1\.2 V only"):
        voltage_curve(OUTSIDE, DIGITS, technology=alone)


def test_the_command_marks_the_least_energy():
    shown = CliRunner().invoke(app, ["voltage", str(IHP_LATCH), str(DIGITS), "--steps", "2"])
    assert shown.exit_code == 0
    assert "least energy" in shown.output
    assert "nominal" in shown.output
    assert "the voltage of least energy lies below" in shown.output


def test_the_command_prints_json():
    arguments = ["voltage", str(IHP_LATCH), str(DIGITS), "--steps", "2", "--json"]
    told = json.loads(CliRunner().invoke(app, arguments).output)
    assert told["schema"] == "asicbnn.voltage/1"
    assert told["nominal_v"] == 1.2
    assert [point["voltage_v"] for point in told["points"]][-1] == 1.65
    assert told["is_at_lower_end"] is True


@pytest.mark.parametrize("verb", ["estimate", "compare", "simulate"])
def test_a_voltage_out_of_reach_is_told_with_its_line(verb, tmp_path):
    file = tmp_path / "low.yaml"
    file.write_text(IHP_LATCH.read_text().replace("{voltage_v: 1.2, temp", "{voltage_v: 0.5, temp"))
    done = CliRunner().invoke(app, [verb, str(file), str(DIGITS)])
    assert done.exit_code == 2
    assert f"{file}:7:30: operating_point.voltage_v: 0.5 V is within 100 mV" in done.output
    assert "^^^ set 0.621 to 1.65" in done.output
