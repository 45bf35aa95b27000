"""Errors of results against sums by hand, and against draws of what is uncertain."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asicbnn import compare, estimate, load
from asicbnn.levels import LEVELS, interval
from asicbnn.model.activities import measured_rates
from asicbnn.model.area import area
from asicbnn.model.assumptions import assumptions
from asicbnn.model.costs import costs
from asicbnn.model.energy import Rate
from asicbnn.model.timing import slowest_error
from asicbnn.model.uncertainty import AreaErrors, EnergyErrors, relative_error
from asicbnn.result import METRICS, PARTS
from asicbnn.spec.accelerator import with_changes
from asicbnn.technology import library

DIGITS = "workloads/digits_mlp_64_256_256_10.yaml"
ihp_latch = load("arch_specs/ihp_latch.yaml")


def rate(part, term, error, origin, **more):
    return Rate(part, term, "cycles", 1.0, relative_error=error, origin=origin, **more)


@pytest.mark.parametrize(
    ("origins", "expected"),
    [(("cells", "cells"), (60 * 0.3 + 40 * 0.1) / 100), (("cells", "sram"), np.hypot(18, 4) / 100)],
)
def test_errors_of_one_origin_add_and_others_are_independent(origins, expected):
    errors = EnergyErrors.of(
        [rate("array", "xnor", 0.3, origins[0]), rate("post", "output", 0.1, origins[1])], 0.0
    )
    [found] = errors.metrics([{("array", "xnor"): 60.0, ("post", "output"): 40.0}])
    assert found["energy_fj"] == pytest.approx(expected, rel=1e-12)
    assert found["logic_energy_fj"] == found["energy_fj"]
    assert found["array_energy_fj"] == pytest.approx(0.3, rel=1e-12)
    assert found["memory_energy_fj"] == 0.0


def test_a_figure_may_have_errors_of_several_origins():
    errors = EnergyErrors.of([rate("array", "xnor", 0.3, "cells", also=(("data", 0.4),))], 0.0)
    [found] = errors.metrics([{("array", "xnor"): 7.0}])
    assert found["energy_fj"] == pytest.approx(0.5, rel=1e-12)


def test_rates_of_one_term_share_the_larger_error():
    rates = [rate("array", "xnor", 0.3, "cells"), rate("array", "xnor", 0.1, "cells")]
    errors = EnergyErrors.of(rates, 0.0)
    [found] = errors.metrics([{("array", "xnor"): 7.0}])
    assert found["energy_fj"] == pytest.approx(0.3, rel=1e-12)


def test_the_period_widens_the_energy_of_leakage_and_the_power_of_the_rest():
    rates = [rate("array", "xnor", 0.0, "cells"), rate("leakage", "logic", 0.0, "leakage")]
    errors = EnergyErrors.of(rates, 0.2)
    [found] = errors.metrics([{("array", "xnor"): 75.0, ("leakage", "logic"): 25.0}])
    assert found["energy_fj"] == pytest.approx(0.05, rel=1e-12)
    assert found["power_mw"] == pytest.approx(0.15, rel=1e-12)
    assert found["latency_ms"] == found["clock_mhz"] == 0.2


@given(st.tuples(*[st.integers(1, 5)] * 3), st.integers(0, 2**32 - 1))
def test_errors_of_many_points_are_those_of_each(shape, seed):
    points, terms, origins = shape
    rng = np.random.default_rng(seed)
    amounts = rng.random((points, terms)) * rng.integers(0, 2, (points, terms))
    errors = rng.random((terms, origins))
    together = relative_error(amounts, errors, amounts.sum(axis=-1))
    for row, expected in zip(amounts, together, strict=True):
        by_origin = [sum(a * e for a, e in zip(row, column, strict=True)) for column in errors.T]
        whole = sum(row)
        by_hand = sum(x * x for x in by_origin) ** 0.5 / whole if whole else 0.0
        assert expected == pytest.approx(by_hand, rel=1e-9)


@pytest.mark.parametrize("name", ["ihp_latch", "tiny", "asap7_large"])
def test_errors_drawn_by_origin_stay_inside_the_interval(name):
    """A band holds nineteen draws of twenty where each origin's own band does."""
    accelerator = with_changes(load(f"arch_specs/{name}.yaml"), {"dataflow": "output_stationary"})
    result = estimate(accelerator, DIGITS)
    errors = costs(accelerator, library.load(accelerator.technology)).bands.energy
    split = result.breakdowns["energy_terms_fj"]
    amounts = np.array([split[f"{part} {term}"] for part, term in errors.keys])
    rng = np.random.default_rng(4)
    draws = rng.standard_normal((20_000, errors.errors.shape[1])) / 1.96
    factors = np.exp(draws @ np.log1p(errors.errors).T)
    low, high = interval(result.totals["energy_fj"], result.errors["energy_fj"])
    energies = factors @ amounts
    inside = ((energies >= low) & (energies <= high)).mean()
    assert 0.90 <= inside <= 0.999


def test_every_metric_of_an_estimate_has_a_level_and_every_cost_an_error():
    result = estimate(ihp_latch, DIGITS)
    assert set(result.levels) >= set(result.totals)
    assert set(result.levels.values()) <= set(LEVELS)
    for name in result.totals:
        is_exact = METRICS[name].is_count or name == "utilisation"
        assert (result.levels[name] == "counted") <= (name not in result.errors)
        if is_exact:
            assert name not in result.errors
    for name in ("energy_fj", "power_mw", "area_um2", "period_ps", "density_tops_per_mm2"):
        assert 0 < result.errors[name] < 2
    for layer in result.layers:
        assert 0 < layer.errors["energy_fj"] < 2
    both = np.hypot(result.errors["area_um2"], result.errors["period_ps"])
    assert result.errors["density_tops_per_mm2"] == pytest.approx(both, rel=1e-12)
    assert result.errors["throughput_tops"] == result.errors["period_ps"]


def test_the_error_of_the_energy_is_that_of_its_origins():
    result = estimate(ihp_latch, DIGITS)
    by_origin = result.breakdowns["energy_errors_fj"]
    whole = np.sqrt(sum(fj**2 for fj in by_origin.values())) / result.totals["energy_fj"]
    assert whole == pytest.approx(result.errors["energy_fj"], rel=1e-9)
    assert list(by_origin.values()) == sorted(by_origin.values(), reverse=True)


def test_errors_of_parts_add_up_to_those_of_the_whole_origin_by_origin():
    result = estimate(ihp_latch, DIGITS)
    summed: dict[str, float] = {}
    for part in PARTS:
        for origin, fj in result.breakdowns.get(f"{part}_energy_errors_fj", {}).items():
            summed[origin] = summed.get(origin, 0.0) + fj
    assert summed == pytest.approx(dict(result.breakdowns["energy_errors_fj"]), rel=1e-12)
    own = result.breakdowns["array_energy_errors_fj"]
    width = np.sqrt(sum(fj**2 for fj in own.values())) / result.totals["array_energy_fj"]
    assert width == pytest.approx(result.errors["array_energy_fj"], rel=1e-9)


def test_dataflows_are_told_apart_by_less_than_their_bands():
    flows = ("output_stationary", "no_local_reuse")
    compared = compare(ihp_latch, DIGITS, dataflows=flows)
    (one, none), (ratio, error) = compared.ratios.values()
    assert (one, none) == (1.0, 0.0)
    energies = [compared.results[name].totals["energy_fj"] for name in flows]
    assert ratio == energies[1] / energies[0]
    assert 0 < error < compared.results["no_local_reuse"].errors["energy_fj"] / 5
    assert compared.to_json()["energy_ratios"]["no_local_reuse"] == {
        "ratio": ratio, "error": error,
    }  # fmt: skip


def test_a_clock_that_was_asked_for_is_exact():
    slow = with_changes(ihp_latch, {"operating_point.clock_mhz": 10.0})
    result = estimate(slow, DIGITS)
    assert "latency_ms" not in result.errors
    assert result.levels["latency_ms"] == "counted"


def test_any_delay_may_be_the_longest():
    assert slowest_error({"a": 100.0, "b": 10.0}, {"a": 0.1, "b": 0.1}) == pytest.approx(0.1)
    assert slowest_error({"a": 100.0, "b": 90.0}, {"a": 0.1, "b": 1.0}) == pytest.approx(0.8)
    # a alone may be as short as 50, but b is 90 at least
    assert slowest_error({"a": 100.0, "b": 90.0}, {"a": 0.25, "b": 0.0}) == pytest.approx(0.25)


def test_a_measured_activity_takes_the_place_of_the_assumed_error():
    technology = library.load(ihp_latch.technology)
    table = costs(ihp_latch, technology).rates_of[1]
    measured = measured_rates(table, ihp_latch, {"sequencer": 0.03})
    before, after = (
        {(r.part, r.term): dict(r.errors) for r in rates}["control", "sequencer"]
        for rates in (table, measured)
    )
    assert before["sequencer_activity"] == assumptions().sequencer_activity.relative_error
    assert "sequencer_activity" not in after
    assert after["measured activity"] == 0.05
    assert len(table) == len(measured)


def test_area_errors_are_those_of_its_terms():
    built = area(ihp_latch, library.load("ihp_sg13g2"))
    found = AreaErrors.of(built)
    by_origin = {}
    for term in built.terms:
        width = term.area_um2 * term.relative_error
        by_origin[term.origin] = by_origin.get(term.origin, 0.0) + width
    expected = sum(x * x for x in by_origin.values()) ** 0.5 / built.area_um2
    assert found.errors["area_um2"] == pytest.approx(expected, rel=1e-12)
    assert sum(t.area_um2 for t in built.terms) == pytest.approx(built.area_um2, rel=1e-12)
