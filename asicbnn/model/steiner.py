"""Length of a net over PEs of a grid: a trunk with branches, the shortest tree of a full grid.

Terminals lie at the same place in each PE, so they form a lattice. A rectilinear Steiner minimal
tree needs no other points than crossings of the terminals' rows and columns (Hanan, SIAM J. Appl.
Math. 14(2), 1966); of a full lattice those are the terminals, so it is a minimum spanning tree:
rows of neighbours, joined by one column. Of any other set of PEs the tree is an upper bound.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache

import numpy as np

from asicbnn.model.floorplan import Grid, Point


@lru_cache(maxsize=4096)
def tree_um(grid: Grid, pes: frozenset[int]) -> float:
    """Length of the better of two trees over some PEs of a grid: branches along rows, or columns.

    No longer than the minimum spanning tree where the PEs fill whole rows, and never below half of
    the box around them.
    """
    places = [divmod(pe, grid.columns) for pe in pes]
    rows = _comb(places, grid.pitch_x_um, grid.pitch_y_um)
    columns = _comb([(c, r) for r, c in places], grid.pitch_y_um, grid.pitch_x_um)
    return min(rows, columns)


def _comb(places: Collection[tuple[int, int]], along_um: float, across_um: float) -> float:
    """Length of branches along each line, and of the trunk across the lines at the best place.

    places  (line, position on it)
    """
    ends: dict[int, tuple[int, int]] = {}
    for line, position in places:
        low, high = ends.get(line, (position, position))
        ends[line] = min(low, position), max(high, position)
    # the sum of branches is convex in the trunk's place and bends only at branch ends
    stops = {position for span in ends.values() for position in span}
    branches = min(
        sum(max(high, trunk) - min(low, trunk) for low, high in ends.values()) for trunk in stops
    )
    return branches * along_um + (max(ends) - min(ends)) * across_um


def attached_um(grid: Grid, pes: Collection[int], source: Point) -> float:
    """Distance along x and y from a source to the nearest of some PEs [um]."""
    return min(_apart(grid.centre_um(pe), source) for pe in pes)


def reach_um(grid: Grid, pes: Collection[int], source: Point) -> float:
    """Distance along x and y from a source to the farthest of some PEs [um]."""
    return max(_apart(grid.centre_um(pe), source) for pe in pes)


def mean_um(grid: Grid, sources: Sequence[Point]) -> float:
    """Mean distance along x and y from any of some sources to any PE [um]."""
    rows, columns = np.divmod(np.arange(grid.pes), grid.columns)
    x = grid.outline.x_um + (columns + 0.5) * grid.pitch_x_um
    y = grid.outline.y_um + (rows + 0.5) * grid.pitch_y_um
    far = [np.abs(x - a).mean() + np.abs(y - b).mean() for a, b in sources]
    return float(np.mean(far))


def _apart(one: Point, other: Point) -> float:
    return abs(one[0] - other[0]) + abs(one[1] - other[1])


__all__ = ["attached_um", "mean_um", "reach_um", "tree_um"]
