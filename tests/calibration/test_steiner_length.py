"""Lengths of nets over placed pins, against shortest trees found by search."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asicbnn.calibration.steiner_length import steiner_length

places = st.tuples(st.integers(0, 20), st.integers(0, 20))


def spanning(points):
    points = list(points)
    far = {i: distance(p, points[0]) for i, p in enumerate(points[1:], 1)}
    length = 0
    while far:
        near = min(far, key=far.__getitem__)
        length += far.pop(near)
        for i in far:
            far[i] = min(far[i], distance(points[i], points[near]))
    return length


def distance(one, other):
    return abs(one[0] - other[0]) + abs(one[1] - other[1])


def shortest(points):
    """By trying all sets of points on the crossings of lines through pins (Hanan 1966)."""
    points = sorted(set(points))
    crossings = sorted({(x, y) for x, _ in points for _, y in points} - set(points))
    best = spanning(points)
    for number in range(1, max(1, len(points) - 1)):
        for extra in combinations(crossings, number):
            best = min(best, spanning([*points, *extra]))
    return best


@pytest.mark.parametrize(
    ("pins", "length"),
    [
        ([], 0),
        ([(3, 4)], 0),
        ([(0, 0), (3, 4)], 7),
        ([(0, 0), (4, 0), (2, 3)], 7),
        ([(2, 0), (0, 2), (4, 2), (2, 4)], 8),  # a cross; the spanning tree takes 12
        ([(0, 0), (0, 0), (0, 0), (0, 0), (5, 0)], 5),
        ([(0, 0), (10, 0), (0, 1), (10, 1)], 12),
    ],
)
def test_lengths_by_hand(pins, length):
    assert steiner_length([(float(x), float(y)) for x, y in pins]) == length


@given(st.lists(places, min_size=1, max_size=3))
def test_up_to_three_pins_it_is_the_shortest(pins):
    assert steiner_length(pins) == shortest(pins)


@given(st.lists(places, min_size=4, max_size=5))
def test_of_a_few_more_it_is_near_the_shortest(pins):
    found, best = steiner_length(pins), shortest(pins)
    assert best - 1e-9 <= found <= 1.2 * best + 1e-9


@given(st.lists(places, min_size=2, max_size=24))
def test_it_lies_between_the_pins_box_and_the_spanning_tree(pins):
    found = steiner_length(pins)
    xs, ys = zip(*pins, strict=True)
    box = max(xs) - min(xs) + max(ys) - min(ys)
    assert box - 1e-9 <= found <= spanning(pins) + 1e-9


@given(st.lists(places, min_size=2, max_size=12))
def test_a_drawing_three_times_as_large_has_three_times_the_wire(pins):
    assert steiner_length([(3 * x, 3 * y) for x, y in pins]) == 3 * steiner_length(pins)
