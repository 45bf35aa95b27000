"""A floorplan: where the macros, the components and the PEs of an accelerator lie.

Simple on purpose: macros with halo on shelves, standard cells spread beside them at a stated
density, PEs on a grid in the block of the array. It gives wires their lengths and the chip its
area. Equations, sources and validity: docs/models/floorplan.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

from asicbnn.mapping.layout import layout
from asicbnn.model.area import PART_OF_COMPONENT, Area, Macro
from asicbnn.model.clock_tree import placed_growth, sinks_of
from asicbnn.model.packing import Packing, Rectangle, divided, pack
from asicbnn.spec.accelerator import Accelerator
from asicbnn.technology.compiled_memory import Memory
from asicbnn.technology.library import Technology
from asicbnn.technology.routed_designs import macro_halo_um
from asicbnn.technology.routing import clock_buffers_um2, routed_factors

Point: TypeAlias = tuple[float, float]
"""A place in the core [um]."""

_ORDER = (
    "controller", "dma", "input_buffer", "weight_buffer", "array", "psum_buffer",
    "threshold_buffer", "pool_buffer", "post", "output", "sequencer",
)  # fmt: skip
"""Blocks of cells as data flow through them; neighbours here are neighbours on the chip."""
_WITHIN = {"registers": "array"}
"""Components whose cells a placer puts among those of another: registers beside their gates."""


@dataclass(frozen=True)
class Block:
    """A macro, or the cells of a component or memory.

    name     a component of `hardware.structure`, or a part of `result.PARTS` if it is a memory;
             registers are among the cells of the array
    part     of the result that it belongs to
    outline  what it takes: of a macro with its halo, of cells at their density
    halo_um  around a macro
    """

    name: str
    part: str
    kind: Literal["macro", "cells"]
    outline: Rectangle
    halo_um: float = 0.0

    @property
    def macro(self) -> Rectangle:
        """The macro itself, without halo."""
        return self.outline.shrunk(self.halo_um)


@dataclass(frozen=True)
class Grid:
    """PEs in rows, from the lower left; PE p is in row p // columns."""

    outline: Rectangle
    rows: int
    columns: int
    pes: int

    @property
    def pitch_x_um(self) -> float:
        """Distance between neighbours in a row."""
        return self.outline.width_um / self.columns

    @property
    def pitch_y_um(self) -> float:
        """Distance between rows."""
        return self.outline.height_um / self.rows

    def centre_um(self, pe: int) -> tuple[float, float]:
        """Middle of a PE."""
        row, column = divmod(pe, self.columns)
        return (
            self.outline.x_um + (column + 0.5) * self.pitch_x_um,
            self.outline.y_um + (row + 0.5) * self.pitch_y_um,
        )


@dataclass(frozen=True)
class Floorplan:
    """Where everything lies, in a core with its corner at 0, 0.

    blocks        macros and blocks of cells; they do not overlap
    grid          PEs inside the block `array`
    placement_density   of the blocks of cells by cells
    growth        placed over mapped cell area, clock tree and repair buffers included
    part_um2      area by part: blocks' outlines; what stays empty is shared by the macros
    """

    core: Rectangle
    blocks: tuple[Block, ...]
    grid: Grid
    placement_density: float
    growth: float
    part_um2: Mapping[str, float]

    def named(self, name: str) -> tuple[Block, ...]:
        """Return the blocks of a component or memory: several where it is several macros."""
        return tuple(block for block in self.blocks if block.name == name)

    def block_um2(self, name: str) -> float:
        """Area of the blocks of one name."""
        return sum(block.outline.area_um2 for block in self.named(name))

    def centres_um(self, name: str) -> tuple[Point, ...]:
        """Return the middles of the blocks of one name; the array's for one without cells."""
        return tuple(b.outline.centre_um for b in self.named(name) or self.named("array"))

    def distance_um(self, one: str, other: str) -> float:
        """Mean distance along x and y between the middles of two names' blocks [um]."""
        spans = [
            abs(a[0] - b[0]) + abs(a[1] - b[1])
            for a in self.centres_um(one)
            for b in self.centres_um(other)
        ]
        return sum(spans) / len(spans)


@dataclass(frozen=True)
class _Wanted:
    """A block before it has a place: cells by their mapped area, macros by their own."""

    name: str
    part: str
    area_um2: float


def floorplan(accelerator: Accelerator, technology: Technology, built: Area) -> Floorplan:
    """Lay an accelerator out.

    built  its cells and memories before placement
    """
    asked, factors = accelerator.floorplan, routed_factors(technology)
    wanted = asked.placement_density or factors.placement_density.value
    cells, macros = list(_cells(built)), list(_macros(built))
    mapped_um2 = sum(block.area_um2 for block in cells)
    tree_um2 = clock_buffers_um2(technology, sinks_of(built))
    growth = placed_growth(technology, built)
    sizes, halos = [], []
    for macro in macros:
        halo = asked.halo_um
        halo = macro_halo_um(technology, macro.area_um2) if halo is None else halo
        width = math.sqrt(macro.area_um2 * asked.macro_aspect)
        sizes.append((width + 2 * halo, macro.area_um2 / width + 2 * halo))
        halos.append(halo)
    packed = pack(sizes, mapped_um2 * growth / wanted, asked.aspect)
    blocks = [
        Block(macro.name, macro.part, "macro", place, halo)
        for macro, place, halo in zip(macros, packed.macros, halos, strict=True)
    ]
    outlines = divided(packed.cells, [block.area_um2 for block in cells])
    blocks += [
        Block(block.name, block.part, "cells", place)
        for block, place in zip(cells, outlines, strict=True)
    ]
    array = next(block.outline for block in blocks if block.name == "array")
    return Floorplan(
        core=packed.core,
        blocks=tuple(blocks),
        grid=pe_grid(array, layout(accelerator).pes),
        placement_density=wanted,
        growth=growth,
        part_um2=_part_um2(packed, blocks, tree_um2 / (mapped_um2 * growth)),
    )


def _cells(built: Area) -> Iterator[_Wanted]:
    """Yield blocks of standard cells in the order of `_ORDER`, by mapped area."""
    areas = dict.fromkeys(_ORDER, 0.0)
    for term in built.terms:  # as mapped, where the technology is calibrated
        if term.term in PART_OF_COMPONENT:
            areas[_WITHIN.get(term.term, term.term)] += term.area_um2
    for macro, memory in built.memories:
        if not memory.macros:
            areas[macro.part] += macro.count * memory.area_um2
    for name, area_um2 in areas.items():
        if area_um2 > 0:
            yield _Wanted(name, PART_OF_COMPONENT.get(name, name), area_um2)


def _macros(built: Area) -> Iterator[_Wanted]:
    """Yield every SRAM macro, nearest to the cells first: buffers, then the store.

    Large ones first among equals, as shelves want them. Cells that select among stacked macros
    are in their area.
    """

    def rank(priced: tuple[Macro, Memory]) -> tuple[bool, float]:
        macro, memory = priced
        return macro.part.startswith("store"), -memory.area_um2 / max(1, macros_of(memory))

    for macro, memory in sorted(built.memories, key=rank):
        number = macro.count * macros_of(memory)
        for _ in range(number):
            area_um2 = macro.count * memory.area_um2 / number
            yield _Wanted(macro.part, macro.part, area_um2)


def macros_of(memory: Memory) -> int:
    """Return of how many macros a memory is made; 0 if of cells."""
    return sum(use.count for use in memory.macros)


@lru_cache(maxsize=4096)
def pe_grid(outline: Rectangle, pes: int) -> Grid:
    """Return the grid of PEs in a rectangle: its PEs near squares, few of its places empty."""

    def cost(columns: int) -> float:
        rows = -(-pes // columns)
        oblong = abs(math.log(outline.width_um / columns * rows / outline.height_um))
        return oblong + math.log(rows * columns / pes)

    columns = min(range(1, pes + 1), key=cost)
    return Grid(outline, -(-pes // columns), columns, pes)


def _part_um2(packed: Packing, blocks: list[Block], clock_share: float) -> dict[str, float]:
    """Area by part; what stays empty is the macros' doing, and the clock tree is apart.

    clock_share  of the placed cells, which the tree's buffers take wherever they are
    """
    parts: dict[str, float] = {}
    taken = sum(place.area_um2 for place in packed.macros)
    outside_um2 = packed.core.area_um2 - packed.cells.area_um2
    for block in blocks:
        area_um2 = block.outline.area_um2
        area_um2 *= outside_um2 / taken if block.kind == "macro" else 1 - clock_share
        parts[block.part] = parts.get(block.part, 0.0) + area_um2
    parts["clock"] = packed.cells.area_um2 * clock_share
    return parts


__all__ = ["Block", "Floorplan", "Grid", "floorplan", "macros_of", "pe_grid"]
