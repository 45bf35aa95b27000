"""Factors and spreads from measurements that are made to have known ones."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import replace

import pytest
from scipy.special import stdtrit

from asicbnn.calibration.factors import fit, fitted_half
from asicbnn.calibration.gates_section import with_calibration
from asicbnn.calibration.grid import LANES, GridPoint, grid
from asicbnn.calibration.measurement import Measurement
from asicbnn.calibration.residuals import expected_spread, rows, summary
from asicbnn.model.area import component_cells, trimmed_cells
from asicbnn.model.built_paths import settled_ps
from asicbnn.technology.calibration import (
    COMPONENTS,
    STRUCTURES,
    MappedAs,
    component_key,
    mapped_price,
)
from asicbnn.technology.cells import Cells
from asicbnn.technology.library import load, text_of

TECHNOLOGY = load("sky130hd")
POINTS = grid()[:8]
FACTOR = {name: 0.3 + 0.1 * i for i, name in enumerate(COMPONENTS)}
WHOLE, DELAY = 0.97, 1.1
KEPT = MappedAs(flop=1.05, holding=0.9)
FLOP_UM2 = KEPT.flop * TECHNOLOGY.area_um2(Cells(flop=1))


def made(point, noise=1.0):
    """A measurement that has exactly these factors, times a noise."""
    areas = {
        name: noise
        * mapped_price(TECHNOLOGY, TECHNOLOGY.area_um2, cells, KEPT).total(FACTOR[name])
        for name, cells in trimmed_cells(point.accelerator).items()
    }
    period = DELAY * noise * max(settled_ps(point.accelerator, TECHNOLOGY).values())
    return Measurement(point, areas, WHOLE * sum(areas.values()), period, None, ())


@pytest.fixture(scope="module", name="exact")
def _exact():
    return fit(TECHNOLOGY, [made(point) for point in POINTS], flop_um2=FLOP_UM2)


def test_factors_that_were_put_in_come_out(exact):
    for name in COMPONENTS:
        for popcount in ("sliced", "tree"):
            area = exact.entries[component_key(name, popcount)].area
            assert area.factor == pytest.approx(FACTOR[name])
            assert area.spread == pytest.approx(0, abs=1e-9)
    for popcount in ("sliced", "tree"):
        entry = exact.entries[f"accelerator_{popcount}"]
        assert entry.area.factor == pytest.approx(WHOLE)
        assert entry.delay.factor == pytest.approx(DELAY)
    assert exact.entries["flop"].area.factor == pytest.approx(KEPT.flop)
    assert exact.entries["holding"].area.factor == pytest.approx(KEPT.holding)
    assert set(exact.entries) == set(STRUCTURES)
    assert all(abs(r.error) < 1e-9 for r in exact.residuals)


def test_the_judged_half_says_nothing_about_the_factors():
    halves = fitted_half([made(point) for point in POINTS])
    noisy = [made(point, 1.0 if point in halves else 1.5) for point in POINTS]
    found = fit(TECHNOLOGY, noisy, flop_um2=FLOP_UM2)
    assert found.entries["dma"].area.factor == pytest.approx(FACTOR["dma"])
    judged = summary(found.residuals, "dma", "area", FACTOR["dma"], 0.0)
    assert judged.mean == pytest.approx(1 / 3)
    assert judged.inside == 0
    assert judged.judged == len(POINTS) - sum(p in halves for p in POINTS)


def test_remapped_adders_are_not_kept():
    """Areas that are a share of every cell but flops and holding multiplexers, adders too."""
    measured = []
    for point in POINTS:
        areas = {}
        for name, cells in trimmed_cells(point.accelerator).items():
            price = mapped_price(
                TECHNOLOGY, TECHNOLOGY.area_um2, cells, KEPT, keeps_adders=False
            )
            areas[name] = price.total(0.5)
        measured.append(replace(made(point), areas_um2=areas))
    found = fit(TECHNOLOGY, measured, flop_um2=FLOP_UM2, keeps_adders=False)
    assert found.entries["array_tree"].area.factor == pytest.approx(0.5)
    assert fit(TECHNOLOGY, measured).entries["array_tree"].area.spread > 0.01


PRICED = replace(KEPT, product=0.8, registered_product=1.2, choice=0.3)


@pytest.fixture(scope="module", name="with_prices")
def _with_prices():
    """Designs enough to tell the prices of products and choices apart."""
    measured = []
    for point in (p for p in grid() if p.pes * p.lanes <= 1024):
        areas = {
            name: mapped_price(TECHNOLOGY, TECHNOLOGY.area_um2, cells, PRICED.of(name)).total(0.5)
            for name, cells in trimmed_cells(point.accelerator).items()
        }
        measured.append(replace(made(point), areas_um2=areas))
    return measured


def test_prices_of_products_and_choices_come_out_where_the_grid_tells_them(with_prices):
    found = fit(TECHNOLOGY, with_prices, flop_um2=FLOP_UM2)
    for name in ("product", "registered_product", "choice"):
        assert found.entries[name].area.factor == pytest.approx(getattr(PRICED, name))
    for name in ("array_sliced", "array_tree", "output", "sequencer"):
        assert found.entries[name].area.factor == pytest.approx(0.5)
        assert found.entries[name].area.spread == pytest.approx(0, abs=1e-6)


def test_the_spread_of_arrays_counts_the_prices_that_were_fitted_with_their_factor(with_prices):
    noisy = [
        replace(m, areas_um2={**m.areas_um2, "array": m.areas_um2["array"] * (1 + 0.01 * (i % 3))})
        for i, m in enumerate(with_prices)
    ]
    found = fit(TECHNOLOGY, noisy, flop_um2=FLOP_UM2)
    assert {"product", "registered_product"} <= found.entries.keys()
    logs = [
        math.log(r.measured / r.estimated)
        for r in found.residuals
        if r.structure == "array_tree" and r.metric == "area" and r.is_fitted
    ]
    freedom = len(logs) - 3
    width = stdtrit(freedom, 0.975) * math.sqrt(sum(x * x for x in logs) / freedom)
    expected = math.expm1(width * math.sqrt(1 + 1 / len(logs)))
    assert found.entries["array_tree"].area.spread == pytest.approx(expected)


def test_an_area_that_is_measured_once_counts_once():
    """Designs with as many PEs share their output stage: more of them make no band narrower."""
    points = [GridPoint("sliced", pes, lanes, 0) for pes in (4, 8, 16) for lanes in (16, 32)]
    noise = {4: 1.0, 8: 1.03, 16: 0.99}
    spreads = []
    for lanes in ((16,), (16, 32)):
        own = [made(p, noise[p.pes]) for p in points if p.lanes in lanes for _ in range(2)]
        spreads.append(fit(TECHNOLOGY, own, flop_um2=FLOP_UM2).entries["output"].area.spread)
    assert spreads[1] == pytest.approx(spreads[0], rel=0.05)  # Student's alone would halve it


def test_designs_alike_do_not_tell_what_holds_from_gates():
    """Two numbers cannot be had of one: multiplexers then stand as counted."""
    alike = [replace(made(POINTS[0]), point=POINTS[0])] * 4
    found = fit(TECHNOLOGY, alike, flop_um2=FLOP_UM2)
    assert found.entries["holding"].area.factor == 1
    registers = [r for r in found.residuals if r.structure == "registers"]
    assert all(abs(r.error) < 1e-9 for r in registers)


def test_what_is_raw_is_the_sum_over_cells(exact):
    for residual in exact.residuals:
        if residual.structure in COMPONENTS and residual.metric == "area":
            counted = component_cells(residual.point.accelerator)[residual.structure]
            assert residual.raw == TECHNOLOGY.area_um2(counted)


def test_a_factor_is_never_negative():
    lost = [replace(m, areas_um2=dict.fromkeys(COMPONENTS, 1.0)) for m in map(made, POINTS)]
    assert fit(TECHNOLOGY, lost).entries["dma"].area.factor == pytest.approx(0.01)


def test_half_of_each_structure_is_fitted_on():
    halves = fitted_half([made(point) for point in POINTS])
    for popcount in ("sliced", "tree"):
        own = [point for point in POINTS if point.structure == popcount]
        assert [point in halves for point in own] == [i % 2 == 0 for i in range(len(own))]


def test_composed_wholes_are_not_fitted_on():
    point = GridPoint("sliced", 64, 16, 0)
    composed = replace(made(point), whole_um2=1.0, composed=("whole and path from 4 PEs",))
    exact = [made(p) for p in POINTS if p.structure == "sliced"]
    found = fit(TECHNOLOGY, [composed, *exact], flop_um2=FLOP_UM2)
    assert found.entries["accelerator_sliced"].area.factor == pytest.approx(WHOLE)


def test_the_spread_is_a_prediction_interval():
    """Student's quantile for 9 degrees of freedom is 2.262; ten residuals of 1 %."""
    residuals = [0.01 * (-1) ** i for i in range(10)]
    deviation = math.sqrt(sum(r * r for r in residuals) / 9)
    expected = math.expm1(2.262 * deviation * math.sqrt(1.1))
    assert expected_spread(residuals) == pytest.approx(expected, rel=2e-3)


def test_a_spread_counts_what_was_fitted():
    """Student's quantile for 8 degrees of freedom is 2.306; two factors of ten residuals."""
    residuals = [0.01 * (-1) ** i for i in range(10)]
    deviation = math.sqrt(sum(r * r for r in residuals) / 8)
    expected = math.expm1(2.306 * deviation * math.sqrt(1.1))
    assert expected_spread(residuals, 2) == pytest.approx(expected, rel=2e-3)


def test_designs_that_are_met_by_as_many_factors_claim_nothing():
    """One design has one factor, and no error: it says nothing of another."""
    assert expected_spread([0.0]) == 1.0
    assert expected_spread([1e-16, 0.0], 2) == 1.0
    assert expected_spread([0.0, 0.0], 1) == 0.0


def test_residuals_are_a_table(exact):
    table = list(rows(exact.residuals))
    assert len(table) == len(POINTS) * (len(COMPONENTS) + 2)
    assert {row["half"] for row in table} == {"fitted", "judged"}
    text = io.StringIO()
    writer = csv.DictWriter(text, table[0])
    writer.writeheader()
    writer.writerows(table)
    assert text.getvalue().count("\n") == len(table) + 1


def test_the_grid_covers_what_it_should():
    points = grid()
    assert len(points) == len(set(points)) >= 40
    assert {p.pes for p in points} >= {4, 8, 16, 32, 64}
    assert {p.lanes for p in points} == set(LANES)
    assert {p.pipeline_stages for p in points} == {0, 1, 2}
    for structure in ("sliced", "tree"):
        own = [p for p in points if p.structure == structure]
        assert len(own) >= 20
        assert {p.pipeline_stages for p in own} == {0, 1, 2}
    assert all(p.accelerator.array.unroll.lanes == p.lanes for p in points)


def test_factors_are_written_into_a_technology_file(exact, tmp_path):
    before = text_of("sky130hd")
    written = with_calibration(before, "it", exact.entries, "eight designs, with: a colon")
    again = with_calibration(written, "it", exact.entries, "another time")
    for text in (written, again):
        path = tmp_path / "calibrated.yaml"
        path.write_text(text)
        known = load(path)
        assert set(known.calibration) == set(exact.entries)
        factor = known.calibration["dma"].area
        assert factor.factor == pytest.approx(FACTOR["dma"], rel=1e-4)
        assert factor.points == exact.entries["dma"].area.points
        assert known.best_level == "gate"
    assert "another time" in known.sources["calibration"]
    assert again.count("\ncalibration:") == 1
    others = before.split("\ncells:")[1].split("\ncalibration:")[0]
    assert others.rstrip() in again
