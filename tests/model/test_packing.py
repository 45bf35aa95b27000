"""Rectangles of a floorplan: nothing overlaps, nothing leaves the core, no area is lost."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asicbnn.errors import ModelError
from asicbnn.model.packing import Rectangle, divided, pack

sides = st.floats(1, 100)
sizes = st.lists(st.tuples(sides, sides), max_size=25)


def overlap_um2(one, other):
    wide = min(one.right_um, other.right_um) - max(one.x_um, other.x_um)
    high = min(one.top_um, other.top_um) - max(one.y_um, other.y_um)
    return max(0.0, wide) * max(0.0, high)


def inside(outer, inner, slack=1e-6):
    return (
        inner.x_um >= outer.x_um - slack
        and inner.y_um >= outer.y_um - slack
        and inner.right_um <= outer.right_um + slack
        and inner.top_um <= outer.top_um + slack
    )


@given(sizes, st.floats(1, 1e5), st.floats(0.25, 4))
def test_macros_and_cells_keep_apart_inside_a_core_of_the_aspect(macros, cells_um2, aspect):
    packed = pack(macros, cells_um2, aspect)
    placed = [*packed.macros, packed.cells]
    for one, other in combinations(placed, 2):
        assert overlap_um2(one, other) <= 1e-6 * min(one.area_um2, other.area_um2)
    assert all(inside(packed.core, place) for place in placed)
    assert packed.core.width_um / packed.core.height_um == pytest.approx(aspect)
    assert packed.cells.area_um2 == pytest.approx(cells_um2)
    assert packed.cells.centre_um[0] == pytest.approx(packed.core.centre_um[0])
    assert [(r.width_um, r.height_um) for r in packed.macros] == macros


@given(st.floats(1, 1e6), st.floats(0.25, 4))
def test_cells_alone_fill_the_core(cells_um2, aspect):
    packed = pack([], cells_um2, aspect)
    assert packed.core.area_um2 == pytest.approx(cells_um2)


def test_equal_squares_leave_little_empty():
    packed = pack([(10.0, 10.0)] * 64, 400.0, 1.0)
    assert packed.core.area_um2 <= 1.25 * (6400 + 400)


def test_macros_given_first_stand_beside_the_cells():
    packed = pack([(10.0, 10.0)] * 4 + [(10.0, 9.0)] * 40, 900.0, 1.0)
    near = [abs(r.centre_um[0] - packed.cells.centre_um[0]) + r.y_um for r in packed.macros]
    assert max(near[:4]) < sum(near[4:]) / 40


def test_nothing_to_place_is_refused():
    with pytest.raises(ModelError, match=r"^a floorplan needs macros or standard cells"):
        pack([], 0.0, 1.0)


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=20), sides, sides)
def test_parts_fill_a_rectangle_in_proportion(shares, width, height):
    whole = Rectangle(3.0, 5.0, width, height)
    parts = divided(whole, shares)
    for part, share in zip(parts, shares, strict=True):
        assert part.area_um2 == pytest.approx(whole.area_um2 * share / sum(shares), rel=1e-6)
        assert inside(whole, part)
    for one, other in combinations(parts, 2):
        assert overlap_um2(one, other) <= 1e-6 * whole.area_um2


def test_a_part_without_area_is_refused():
    with pytest.raises(ModelError, match=r"^a part of a floorplan must be larger than 0 um2"):
        divided(Rectangle(0, 0, 1, 1), [1.0, 0.0])
