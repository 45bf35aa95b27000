"""Rectangles in a rectangle: standard cells in one block, macros on shelves beside and above it.

A shelf is a row of macros as high as its first; a macro goes on the first shelf with room. Given by
falling height that is first-fit decreasing height (Coffman, Garey, Johnson and Tarjan, SIAM J.
Comput. 9(4), 1980: at most 1.7 times the optimal height plus one macro).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from asicbnn.errors import ModelError

_FINER = 1.01
"""Each width that is tried is this much wider than the one before."""
_SHAPES = (0.7, 1.0, 1.4)
"""Heights of the block of cells that are tried, over that of one with the core's aspect."""
_ROUNDING = 1 + 1e-9
"""What fits exactly still fits after rounding."""


@dataclass(frozen=True, slots=True)
class Rectangle:
    """An upright rectangle; x and y are its lower left corner [um]."""

    x_um: float
    y_um: float
    width_um: float
    height_um: float

    @property
    def area_um2(self) -> float:
        """Width times height."""
        return self.width_um * self.height_um

    @property
    def centre_um(self) -> tuple[float, float]:
        """Middle of the rectangle."""
        return self.x_um + self.width_um / 2, self.y_um + self.height_um / 2

    @property
    def right_um(self) -> float:
        """The x of the right edge."""
        return self.x_um + self.width_um

    @property
    def top_um(self) -> float:
        """The y of the upper edge."""
        return self.y_um + self.height_um

    def shrunk(self, margin_um: float) -> Rectangle:
        """Return the rectangle without a margin on all sides."""
        return Rectangle(
            self.x_um + margin_um,
            self.y_um + margin_um,
            self.width_um - 2 * margin_um,
            self.height_um - 2 * margin_um,
        )


Size = tuple[float, float]
"""Width and height [um]."""


@dataclass(frozen=True)
class Packing:
    """Where macros lie, halo included, and where standard cells go.

    core    all of it            macros  in the order they were given
    cells   at the lower edge, in its middle unless they take all of it
    """

    core: Rectangle
    macros: tuple[Rectangle, ...]
    cells: Rectangle


class _Shelves:
    """Shelves in a region, filled from below; the height of a region may have no limit.

    is_mirrored  filled from the right
    """

    def __init__(self, region: Rectangle, *, is_mirrored: bool = False) -> None:
        self.region = region
        self.is_mirrored = is_mirrored
        self.height_um = 0.0
        self.taken_um2 = 0.0
        self._rows: list[tuple[float, float, float]] = []  # y, height, filled width

    def place(self, size: Size) -> Rectangle | None:
        """Return the place of a macro on the first shelf with room, or on a new one, if any has."""
        wide, high = size
        if wide > self.region.width_um * _ROUNDING:
            return None
        for index, (y, tall, filled) in enumerate(self._rows):
            if high <= tall * _ROUNDING and filled + wide <= self.region.width_um * _ROUNDING:
                self._rows[index] = y, tall, filled + wide
                return self._at(filled, y, size)
        if self.height_um + high > self.region.height_um * _ROUNDING:
            return None
        self._rows.append((self.height_um, high, wide))
        self.height_um += high
        return self._at(0.0, self.height_um - high, size)

    def _at(self, filled_um: float, y_um: float, size: Size) -> Rectangle:
        self.taken_um2 += size[0] * size[1]
        x_um = self.region.x_um + filled_um
        if self.is_mirrored:
            x_um = self.region.right_um - filled_um - size[0]
        return Rectangle(x_um, self.region.y_um + y_um, *size)


def pack(sizes: Sequence[Size], cells_um2: float, aspect: float) -> Packing:
    """Return the smallest core of an aspect with cells at its lower edge and macros around them.

    sizes      of the macros with their halos; those given first come nearest to the cells
    cells_um2  area the standard cells are spread over
    aspect     width over height of the core

    Macros stand on shelves left and right of the cells while there is room, the others on shelves
    above. What the core has more than these need stays empty. Raises ModelError if there is
    nothing to place.
    """
    if not cells_um2 + sum(w * h for w, h in sizes) > 0:
        raise ModelError("a floorplan needs macros or standard cells: there is nothing to place")
    shapes = _SHAPES if sizes and cells_um2 else (1.0,)
    tried = [_smallest(sizes, cells_um2, aspect, shape) for shape in shapes]
    return min(tried, key=lambda packing: packing.core.area_um2)


def _smallest(sizes: Sequence[Size], cells_um2: float, aspect: float, shape: float) -> Packing:
    """Return the smallest core found for one shape of the block of cells (`_SHAPES`)."""
    total = cells_um2 + sum(w * h for w, h in sizes)
    width = max([(total * aspect) ** 0.5, *(w for w, _ in sizes)])
    while True:
        placed, cells, top_um = _packed(
            sizes, cells_um2, width, shape * (cells_um2 / aspect) ** 0.5
        )
        if top_um <= width / aspect * _ROUNDING:
            core = Rectangle(0.0, 0.0, width, width / aspect)
            return Packing(core, placed, cells)
        width *= _FINER


def _packed(
    sizes: Sequence[Size], cells_um2: float, width_um: float, height_um: float
) -> tuple[tuple[Rectangle, ...], Rectangle, float]:
    """Places of macros and cells in a core of one width, and the height they reach.

    height_um  of the block of cells, unless the core is too narrow for it
    """
    high = max(cells_um2 / width_um, height_um)
    wide = cells_um2 / high if high else 0.0
    beside = (width_um - wide) / 2
    cells = Rectangle(beside, 0.0, wide, high)
    sides = [
        _Shelves(Rectangle(0.0, 0.0, beside, high), is_mirrored=True),
        _Shelves(Rectangle(beside + wide, 0.0, beside, high)),
    ]
    above = _Shelves(Rectangle(0.0, high, width_um, float("inf")))
    placed = []
    for size in sizes:
        emptier = sorted(sides, key=lambda side: side.taken_um2)
        tried = (region.place(size) for region in (*emptier, above))
        placed.append(next(place for place in tried if place is not None))
    return tuple(placed), cells, max([high, *(place.top_um for place in placed)])


def divided(area: Rectangle, shares: Sequence[float]) -> tuple[Rectangle, ...]:
    """Cut a rectangle into one part per share, in proportion; neighbours in the list stay close.

    The list is halved where the shares balance best and the longer side is cut, over and over
    (a slicing floorplan). The parts fill the rectangle. Raises ModelError for a share of 0 or less.
    """
    if bad := [share for share in shares if not share > 0]:
        raise ModelError(f"a part of a floorplan must be larger than 0 um2, not {bad[0]:g}")
    if len(shares) < 2:
        return (area,) * len(shares)
    sums = [sum(shares[:cut]) for cut in range(1, len(shares))]
    whole = sum(shares)
    cut = min(range(len(sums)), key=lambda i: abs(2 * sums[i] - whole)) + 1
    first, second = _halves(area, sums[cut - 1] / whole)
    return (*divided(first, shares[:cut]), *divided(second, shares[cut:]))


def _halves(area: Rectangle, share: float) -> tuple[Rectangle, Rectangle]:
    x, y, wide, high = area.x_um, area.y_um, area.width_um, area.height_um
    if wide >= high:
        left = wide * share
        return Rectangle(x, y, left, high), Rectangle(x + left, y, wide - left, high)
    below = high * share
    return Rectangle(x, y, wide, below), Rectangle(x, y + below, wide, high - below)


__all__ = ["Packing", "Rectangle", "Size", "divided", "pack"]
