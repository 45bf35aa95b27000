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
    products, registered_products  XNORs of weight and activation under their masks, each an XOR2
             and two NAND2 among what is shared; the latter read masks that are in registers
    """

    kept: Cells
    holding: int
    unread: Cells
    shared: Cells
    buffers: int
    products: int = 0
    registered_products: int = 0


__all__ = ["TrimmedCells"]
