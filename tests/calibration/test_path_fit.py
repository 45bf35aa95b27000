"""Factors of paths from timings that are made to have known ones."""

from __future__ import annotations

from dataclasses import replace

import pytest

from asicbnn.calibration.factors import fitted_half
from asicbnn.calibration.grid import GridPoint
from asicbnn.calibration.measurement import Measurement
from asicbnn.calibration.path_fit import fit_paths
from asicbnn.model.built_paths import COUNTED, settled_ps
from asicbnn.technology.library import load

TECHNOLOGY = load("asap7")
POINTS = [
    GridPoint(structure, 4, lanes, stages)
    for structure in ("sliced", "tree")
    for stages in (0, 2)
    for lanes in (16, 32, 64)
]
GATES, OTHERS, ADDERS = 0.5, 0.4, 2.5


def made(point, others=OTHERS):
    paths = settled_ps(point.accelerator, TECHNOLOGY, ADDERS)
    popcount_ps = GATES * paths[COUNTED]
    longest = max(ps for name, ps in paths.items() if name != COUNTED)
    period_ps = max(others * longest, popcount_ps)
    return Measurement(point, {}, 1.0, period_ps, None, (), popcount_ps)


def fitted(measured):
    return fit_paths(TECHNOLOGY, measured, fitted_half(measured))


def test_factors_that_were_put_in_come_out():
    found = fitted([made(point) for point in POINTS])
    assert found.factors["adder"].factor == pytest.approx(ADDERS, rel=1e-3)
    for popcount in ("sliced", "tree"):
        assert found.factors[f"popcount_{popcount}"].factor == pytest.approx(GATES, rel=1e-3)
        assert found.factors[f"accelerator_{popcount}"].factor == pytest.approx(OTHERS, rel=1e-3)
    assert all(abs(r.error) < 1e-3 for r in found.residuals)
    assert len(found.residuals) == 2 * len(POINTS)


def test_a_path_through_the_popcount_says_nothing_of_the_others():
    """It is the longest of some designs; their estimate is that of the popcount."""
    measured = [made(point, others=0.2) for point in POINTS]
    bound = [m for m in measured if m.period_ps == m.popcount_ps]
    assert 0 < len(bound) < len(POINTS)
    found = fitted(measured)
    assert found.factors["accelerator_tree"].factor == pytest.approx(0.2, rel=1e-3)
    assert all(abs(r.error) < 1e-3 for r in found.residuals)


def test_popcounts_that_were_not_timed_leave_one_factor():
    measured = [replace(made(point), popcount_ps=None) for point in POINTS]
    found = fitted(measured)
    assert set(found.factors) == {"accelerator_sliced", "accelerator_tree"}
    for m in measured:
        longest = max(settled_ps(m.point.accelerator, TECHNOLOGY).values())
        residual = next(r for r in found.residuals if r.point == m.point)
        assert residual.estimated == pytest.approx(
            found.factors[residual.structure].factor * longest
        )


def test_a_path_that_is_measured_once_counts_once():
    """Wide designs have the path of the same with 4 PEs: they neither move nor narrow a factor."""
    measured = [replace(m, period_ps=m.period_ps * (1 + 0.02 * (i % 3)))
                for i, m in enumerate(map(made, POINTS))]  # fmt: skip
    whole = fit_paths(TECHNOLOGY, measured, frozenset(POINTS))
    point = GridPoint("tree", 64, 16, 0)
    again = next(m for m in measured if m.point == point.of(4))
    wide = [replace(again, point=replace(point, pes=pes)) for pes in (64, 128, 256)]
    wide = [replace(m, composed=("whole and path from 4 PEs",)) for m in wide]
    assert all(m.is_composed for m in wide)
    more = fit_paths(TECHNOLOGY, [*measured, *wide], frozenset(m.point for m in [*measured, *wide]))
    assert more.factors["accelerator_tree"] == whole.factors["accelerator_tree"]


def test_no_other_factor_leaves_less_squares_of_relative_errors():
    noise = (1.0, 1.3, 0.8, 1.1, 0.7, 1.2)
    measured = [
        replace(m, popcount_ps=None, period_ps=m.period_ps * noise[i % len(noise)])
        for i, m in enumerate(map(made, POINTS))
    ]
    found = fitted(measured)
    factor = found.factors["accelerator_sliced"].factor
    half = [r for r in found.residuals if r.is_fitted]

    def squares(tried):
        return sum((tried / factor * r.estimated / r.measured - 1) ** 2 for r in half)

    for other in (0.9, 0.999, 1.001, 1.1):
        assert squares(factor) < squares(other * factor)
