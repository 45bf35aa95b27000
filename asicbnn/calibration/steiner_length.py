"""Length of a net as a router would lay it: near the shortest rectilinear tree through its pins."""

from __future__ import annotations

from collections.abc import Sequence

Point = tuple[float, float]
_LEAST_GAIN = 1e-9
"""Relative to the tree: smaller ones are rounding."""


def steiner_length(pins: Sequence[Point]) -> float:
    """Return the length of a rectilinear Steiner tree, in the unit of the pins.

    Exact for up to three pins. For more, the minimum spanning tree, shortened: two edges that meet
    share their way up to the median of their three ends, the pair first that gains most, until
    none gains. Never below half the perimeter of the pins' box, never above the spanning tree,
    which is at most 1.5 times the shortest (Hwang, SIAM J. Appl. Math. 30(1), 1976).
    """
    if len(pins) < 2:
        return 0.0
    if len(pins) <= 3:
        return _half_perimeter(pins)
    tree = _Tree(pins)
    tree.shorten()
    return tree.length


def _half_perimeter(pins: Sequence[Point]) -> float:
    xs, ys = [x for x, _ in pins], [y for _, y in pins]
    return max(xs) - min(xs) + max(ys) - min(ys)


def _distance(one: Point, other: Point) -> float:
    return abs(one[0] - other[0]) + abs(one[1] - other[1])


def _median(a: Point, b: Point, c: Point) -> Point:
    return sorted((a[0], b[0], c[0]))[1], sorted((a[1], b[1], c[1]))[1]


class _Tree:
    """A tree over points, by the neighbours of each."""

    def __init__(self, pins: Sequence[Point]) -> None:
        self.points = list(pins)
        self.neighbours: list[set[int]] = [set() for _ in pins]
        self.length = 0.0
        self._span()

    def _span(self) -> None:
        """Prim's minimum spanning tree."""
        points = self.points
        nearest = [(_distance(point, points[0]), 0) for point in points]
        left = set(range(1, len(points)))
        while left:
            taken = min(left, key=nearest.__getitem__)
            left.remove(taken)
            length, to = nearest[taken]
            self.length += length
            self._join(taken, to)
            for other in left:
                away = _distance(points[other], points[taken])
                if away < nearest[other][0]:
                    nearest[other] = away, taken

    def _join(self, one: int, other: int) -> None:
        self.neighbours[one].add(other)
        self.neighbours[other].add(one)

    def _part(self, one: int, other: int) -> None:
        self.neighbours[one].remove(other)
        self.neighbours[other].remove(one)

    def shorten(self) -> None:
        """Let edges that meet share their way, the pair first that gains most."""
        least = _LEAST_GAIN * self.length
        best = {node: self._best_pair(node) for node in range(len(self.points))}
        while True:
            node = max(best, key=lambda n: best[n][0])
            gain, one, other = best[node]
            if gain <= least:
                return
            middle = len(self.points)
            self.points.append(
                _median(self.points[node], self.points[one], self.points[other])
            )
            self.neighbours.append(set())
            for end in (one, other):
                self._part(node, end)
                self._join(middle, end)
            self._join(node, middle)
            self.length -= gain
            for changed in (node, one, other, middle):
                best[changed] = self._best_pair(changed)

    def _best_pair(self, node: int) -> tuple[float, int, int]:
        """Return the gain of sharing a way at a node, and the two ends that gain it."""
        found, at = (0.0, node, node), self.points[node]
        ends = sorted(self.neighbours[node])
        for place, one in enumerate(ends):
            a = self.points[one]
            for other in ends[place + 1 :]:
                b = self.points[other]
                shared = _distance(at, _median(at, a, b))
                if shared > found[0]:
                    found = shared, one, other
        return found


__all__ = ["Point", "steiner_length"]
