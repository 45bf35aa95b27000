"""Factors that were put in come out where designs tell them apart, and only there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asicbnn.calibration.least_squares import told_apart

FACTORS = st.lists(st.floats(0.1, 4.0), min_size=3, max_size=3)
DESIGNS = ((1.0, 2.0, 0.0), (3.0, 1.0, 0.0), (1.0, 5.0, 2.0), (2.0, 2.0, 7.0), (4.0, 1.0, 1.0),
           (1.0, 1.0, 3.0))  # fmt: skip


def rows(factors, designs=DESIGNS):
    sums = [sum(f * x for f, x in zip(factors, each, strict=True)) for each in designs]
    return [(each, total, total) for each, total in zip(designs, sums, strict=True)]


@given(FACTORS)
def test_what_was_put_in_comes_out(factors):
    assert told_apart(rows(factors), 3, designs=2) == pytest.approx(factors)


def test_a_factor_of_nothing_stays_open():
    designs = [(x, y, 0.0) for x, y, _ in DESIGNS]
    found = told_apart(rows((1.0, 2.0, 3.0), designs), 3)
    assert found[:2] == pytest.approx([1.0, 2.0])
    assert found[2] is None


@pytest.mark.parametrize(
    ("table", "designs"),
    [
        ([], 1),
        (rows((1.0, 2.0, 3.0))[2:4], 1),  # fewer designs than factors
        (rows((1.0, 2.0, 3.0))[:5], 2),  # fewer than two for each
        (rows((1.0, 2.0, 3.0), [(x, 2 * x, 3 * x) for x in range(1, 9)]), 1),  # alike
        (rows((1.0, -0.1, 3.0)), 1),  # none is negative
    ],
)
def test_otherwise_all_stay_open(table, designs):
    assert told_apart(table, 3, designs) == [None] * 3
