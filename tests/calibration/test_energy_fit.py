"""Factors of energy come out of measurements they were put into."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asicbnn.calibration.energy_measurement import EnergyMeasurement, energy_points
from asicbnn.calibration.energy_shares import SHARES
from asicbnn.calibration.factors import fit
from asicbnn.calibration.grid import GridPoint, grid
from asicbnn.technology import library
from asicbnn.technology.calibration import CLOCK, component_key

FACTORS = dict(zip(SHARES, (1.5, 0.5, 2.0, 3.0, 0.25, 1.25, 0.8), strict=True))
TECHNOLOGY = library.load("sky130hd")
POINTS = [GridPoint("sliced", 4, 16 * i, 0) for i in range(1, 9)]


def measured(point, off=1.0):
    """Gates that take the factors times the model, and the array `off` times as much."""
    model = {share: 100.0 + 7 * i + point.lanes for i, share in enumerate(SHARES)}
    gates = {share: FACTORS[share] * fj for share, fj in model.items()}
    gates["array"] *= off
    return EnergyMeasurement(point, gates, model, 50.0, 2.0 * point.pes * point.lanes, 0.2, ())


def factors_of(measurements):
    return {key: entry.energy for key, entry in fit(TECHNOLOGY, (), measurements).entries.items()}


def test_factors_that_were_put_in_come_out():
    found = factors_of([measured(point) for point in POINTS])
    for share in SHARES:
        key = CLOCK if share == CLOCK else component_key(share, "sliced")
        assert found[key].factor == pytest.approx(FACTORS[share])
        assert found[key].spread == pytest.approx(0, abs=1e-6)
        assert found[key].points == 4  # every second one
    assert found["accelerator_sliced"].factor == 1
    assert "not scaled" in found["accelerator_sliced"].note


def test_a_structure_is_fitted_on_its_own_popcount():
    tree = [measured(GridPoint("tree", 4, 16 * i, 0), off=2.0) for i in range(1, 5)]
    found = factors_of([*(measured(point) for point in POINTS), *tree])
    assert found["array_tree"].factor == pytest.approx(2 * found["array_sliced"].factor)
    assert found["registers"].points == 6


@given(st.lists(st.floats(0.8, 1.25), min_size=8, max_size=8))
def test_the_spread_holds_the_designs_that_were_fitted_on(off):
    measurements = [measured(p, x) for p, x in zip(POINTS, off, strict=True)]
    made = fit(TECHNOLOGY, (), measurements)
    factor = made.entries["array_sliced"].energy
    for residual in made.residuals:
        if residual.structure == "array_sliced" and residual.is_fitted:
            wide = 1 + factor.spread + 1e-9
            assert 1 / wide <= residual.measured / residual.estimated <= wide
    whole = [r for r in made.residuals if r.structure == "accelerator_sliced"]
    assert [r.measured for r in whole] == [
        pytest.approx(sum(m.gates_fj.values())) for m in measurements
    ]


def test_energy_is_measured_where_nothing_is_composed():
    chosen = energy_points(grid())
    assert all(p.pes * p.lanes <= 1024 or p.pes == 4 for p in chosen)
    assert {p.structure for p in chosen} == {"sliced", "tree"}
    assert 12 <= len(chosen) <= 20
    assert energy_points(chosen[:1]) == chosen[:1]
