"""What synthesis is left with of a component: its cells once constants and duplicates are gone."""

from __future__ import annotations

from dataclasses import dataclass

from asicbnn.technology.cells import Cells


@dataclass(frozen=True, slots=True)
class TrimmedCells:
    """Cells of a component by how they are mapped.

    kept     flops, latches, clock gates, full and half adders: each becomes one cell
    holding  multiplexers by which registers hold
    unread   outputs of the adders that nothing reads, by kind of adder
    shared   gates beside them, each there once: AND and OR as NAND2, complements left out
    buffers  on nets of more pins than one gate drives, enables of holding registers apart
    """

    kept: Cells
    holding: int
    unread: Cells
    shared: Cells
    buffers: int


__all__ = ["TrimmedCells"]
