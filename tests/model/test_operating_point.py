"""Estimates away from a library's own voltage, and at nodes between libraries: less certain."""

from pathlib import Path

import pytest

from asicbnn.model.costs import costs
from asicbnn.model.estimate import estimate
from asicbnn.spec.accelerator import Accelerator, to_yaml, with_changes
from asicbnn.spec.reader import read
from asicbnn.sweep.run import sweep as run_sweep
from asicbnn.technology.library import load

ROOT = Path(__file__).parents[2]
DIGITS = ROOT / "workloads/digits_mlp_64_256_256_10.yaml"
LATCHES = with_changes(
    read(ROOT / "arch_specs/tiny.yaml", Accelerator),
    {
        "technology": "ihp_sg13g2",
        "store.kind": "external",
        "store.external": {"standard": "lpddr4", "background": "none"},
        **{f"buffers.{name}.kind": "latch" for name in ("weight", "input", "psum", "threshold")},
    },
)
IHP = load("ihp_sg13g2")


def at(voltage_v, **changes):
    return with_changes(LATCHES, {"operating_point.voltage_v": voltage_v, **changes})


def test_an_estimate_moves_with_the_voltage():
    own, low = estimate(LATCHES, DIGITS), estimate(at(0.8), DIGITS)
    by = IHP.at(0.8).moved_by
    assert low.totals["cycles"] == own.totals["cycles"]
    assert low.totals["period_ps"] == pytest.approx(own.totals["period_ps"] * by.delay)
    ratio = low.totals["array_energy_fj"] / own.totals["array_energy_fj"]
    assert by.pin_energy < ratio < by.internal  # cells drive pins, and wire is nowhere in it
    assert low.totals["external_energy_fj"] == own.totals["external_energy_fj"]
    assert low.totals["io_energy_fj"] == own.totals["io_energy_fj"]
    leaked = low.totals["leakage_energy_fj"] / own.totals["leakage_energy_fj"]
    assert leaked == pytest.approx(by.leakage * by.delay)
    assert any(flag.startswith("ihp_sg13g2 is moved from 1.2 V") for flag in low.flags)


def test_bands_widen_away_from_nominal():
    own, low = estimate(LATCHES, DIGITS), estimate(at(0.8), DIGITS)
    for metric in ("array_energy_fj", "leakage_energy_fj", "period_ps"):
        assert low.errors[metric] > own.errors[metric]
    assert low.errors["external_energy_fj"] == own.errors["external_energy_fj"]


def test_the_nominal_point_by_name_is_the_nominal_point():
    named = estimate(at(1.2, **{"operating_point.temperature_c": 25}), DIGITS)
    assert named.totals == estimate(LATCHES, DIGITS).totals
    assert named.errors == estimate(LATCHES, DIGITS).errors


def test_a_sweep_of_voltages_costs_each_once():
    costs.cache_clear()
    for _ in range(2):
        for volts in (0.8, 0.9, 1.0):
            estimate(at(volts), DIGITS)
    assert costs.cache_info().misses == 3


def test_a_node_between_libraries_is_estimated_with_its_band():
    scaled = estimate(LATCHES, DIGITS, technology="scaled:28")
    assert scaled.technology == "scaled:28"
    for metric in ("onchip_energy_fj", "area_um2", "period_ps", "array_energy_fj"):
        low, high = (
            estimate(LATCHES, DIGITS, technology=name).totals[metric]
            for name in ("asap7", "ihp_sg13g2")
        )
        assert low < scaled.totals[metric] < high
        assert scaled.errors[metric] >= 0.9
        assert scaled.levels[metric] == "assumed"
    assert any("factor of 2 either way" in flag for flag in scaled.flags)


def test_a_sweep_leaves_out_the_voltages_that_are_refused(tmp_path):
    (tmp_path / "base.yaml").write_text(to_yaml(LATCHES))
    file = tmp_path / "sweep.yaml"
    file.write_text(
        f"name: volts\naccelerator: base.yaml\nworkloads: [{DIGITS}]\n"
        "axes: {operating_point.voltage_v: [0.3, 0.8, 1.2]}\n"
    )
    found = run_sweep(file, workers=1)
    assert len(found.table) == 2
    ((reason, count),) = found.refused.items()
    assert count == 1
    assert reason.startswith("operating_point.voltage_v: 0.3 V is within 100 mV of the threshold")
    assert reason.endswith("import the Liberty file of a corner that low")
