"""Lengths of nets on a grid, against shortest trees found by search."""

from functools import cache
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asicbnn.model.floorplan import Grid
from asicbnn.model.packing import Rectangle
from asicbnn.model.steiner import attached_um, mean_um, reach_um, tree_um


def grid(rows, columns, pitch_x=1.0, pitch_y=1.0, pes=None):
    outline = Rectangle(0, 0, columns * pitch_x, rows * pitch_y)
    return Grid(outline, rows, columns, pes or rows * columns)


def spanning_um(points):
    """Length of a minimum spanning tree along x and y (Prim)."""
    points = list(points)
    far = {p: abs(p[0] - points[0][0]) + abs(p[1] - points[0][1]) for p in points[1:]}
    length = 0.0
    while far:
        near = min(far, key=far.__getitem__)
        length += far.pop(near)
        for p in far:
            far[p] = min(far[p], abs(p[0] - near[0]) + abs(p[1] - near[1]))
    return length


def steiner_um(points):
    """Length of a shortest rectilinear Steiner tree, by trying all sets of Hanan points."""
    points = sorted(set(points))
    hanan = {(x, y) for x, _ in points for _, y in points} - set(points)
    best = spanning_um(points)
    for number in range(1, max(1, len(points) - 1)):
        for extra in combinations(sorted(hanan), number):
            best = min(best, spanning_um([*points, *extra]))
    return best


@given(st.integers(1, 9), st.integers(1, 9), st.floats(0.1, 10), st.floats(0.1, 10))
def test_the_tree_of_a_full_grid_is_a_minimum_spanning_tree(rows, columns, pitch_x, pitch_y):
    g = grid(rows, columns, pitch_x, pitch_y)
    points = [g.centre_um(pe) for pe in range(g.pes)]
    assert tree_um(g, frozenset(range(g.pes))) == pytest.approx(spanning_um(points), abs=1e-6)


@cache
def few(seed_rows, seed_columns):
    return [
        frozenset(c) for n in (2, 3, 4) for c in combinations(range(seed_rows * seed_columns), n)
    ]


@given(st.data(), st.floats(0.2, 5))
def test_few_pes_are_joined_by_at_most_half_more_than_the_shortest_tree(data, pitch_y):
    g = grid(3, 4, 1.0, pitch_y)
    pes = data.draw(st.sampled_from(few(3, 4)))
    shortest = steiner_um([g.centre_um(pe) for pe in pes])
    length = tree_um(g, pes)
    assert shortest - 1e-9 <= length <= 1.5 * shortest + 1e-9


@given(st.sets(st.integers(0, 47), min_size=1))
def test_no_tree_is_shorter_than_half_the_box_around_it(pes):
    g = grid(6, 8, 2.0, 3.0)
    centres = [g.centre_um(pe) for pe in pes]
    wide = max(x for x, _ in centres) - min(x for x, _ in centres)
    high = max(y for _, y in centres) - min(y for _, y in centres)
    assert tree_um(g, frozenset(pes)) >= wide + high - 1e-9


@given(st.sets(st.integers(0, 47), min_size=1), st.integers(0, 47))
def test_one_pe_more_never_shortens_the_tree(pes, another):
    g = grid(6, 8, 2.0, 3.0)
    assert tree_um(g, frozenset(pes)) <= tree_um(g, frozenset(pes | {another})) + 1e-9


def test_distances_by_hand():
    g = grid(1, 4, 10.0, 10.0)  # centres at 5, 15, 25, 35 along x and 5 along y
    assert attached_um(g, range(4), (20.0, 5.0)) == 5.0
    assert reach_um(g, range(4), (0.0, 0.0)) == 40.0
    assert mean_um(g, [(5.0, 5.0)]) == pytest.approx((0 + 10 + 20 + 30) / 4)
