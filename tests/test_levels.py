from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asicbnn.levels import (
    LEVELS,
    RESULT_LEVELS,
    WEAKEST_FIRST,
    interval,
    level_of_sum,
    ratio_error,
)


def test_every_level_has_its_place():
    assert sorted(WEAKEST_FIRST) == sorted(LEVELS)
    assert set(RESULT_LEVELS) <= set(LEVELS)


@pytest.mark.parametrize(
    ("amounts", "level"),
    [
        ({}, "counted"),
        ({"gate": 0.0}, "counted"),
        ({"gate": 1.0}, "gate"),
        ({"gate": 95.0, "assumed": 5.0}, "gate"),
        ({"gate": 94.0, "assumed": 6.0}, "assumed"),
        ({"gate": 94.0, "cell": 3.0, "assumed": 3.0}, "cell"),
        ({"routed": 50.0, "gate": 50.0}, "gate"),
        ({"counted": 99.0, "routed": 1.0}, "counted"),
    ],
)
def test_a_sum_is_at_the_weakest_level_that_counts(amounts, level):
    assert level_of_sum(amounts) == level


def test_a_level_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match=r"^levels of a sum must be of counted, .*, not exact$"):
        level_of_sum({"exact": 1.0})


@given(st.floats(1e-3, 1e9), st.floats(0, 3))
def test_an_interval_is_a_factor_either_way(value, error):
    low, high = interval(value, error)
    assert low <= value <= high
    assert high / value == pytest.approx(value / low)


def test_what_two_figures_share_cancels_in_their_ratio():
    assert ratio_error({"sram": 0.5}, {"sram": 0.5}) == 0.0
    assert ratio_error({"sram": 0.5}, {"sram": 0.2}) == pytest.approx(0.3)
    assert ratio_error({"sram": 0.3}, {"cells": 0.4}) == pytest.approx(0.5)
    assert ratio_error({}, {}) == 0.0
