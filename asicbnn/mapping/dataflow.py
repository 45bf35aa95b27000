"""The named dataflows: loop orders of one nest, nothing more.

A name fixes the order of both loop lists; tile sizes stay free. `best` fixes neither and is a
search (`asicbnn/model/choose.py`), so it has no entry here.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingView
from types import MappingProxyType
from typing import TYPE_CHECKING

from asicbnn.bnn.layer import Layer
from asicbnn.mapping.layout import Layout, ceil_div
from asicbnn.mapping.loop_nest import OUTER_DIMENSIONS, Mapping

if TYPE_CHECKING:
    from asicbnn.spec.accelerator import Accelerator

_OUTPUT = ("B K OY OX C FY FX BA BW", "B K OY OX C")
_WEIGHT = ("B K C FY FX BW OY OX BA", "B K C OY OX")
_INPUT = ("B OY OX C FY FX BA K BW", "B OY OX C K")
_ROW = ("B K C OX FX OY FY BA BW", "B K C OX OY")


def _orders(inner: str, outer: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return tuple(inner.split()), tuple(outer.split())


ORDERS: MappingView[str, tuple[tuple[str, ...], tuple[str, ...]]] = MappingProxyType(
    {
        "output_stationary": _orders(*_OUTPUT),
        "weight_stationary": _orders(*_WEIGHT),
        "input_stationary": _orders(*_INPUT),
        "row_stationary": _orders(*_ROW),
        "no_local_reuse": _orders(*_OUTPUT),
    }
)
"""Inner and outer order of each named dataflow, outermost first."""

DATAFLOWS = tuple(ORDERS)


def hold_flags(accelerator: Accelerator, dataflow: str) -> tuple[bool, bool, bool]:
    """Operands kept in their registers (weight, input, psum): the hardware's AND the dataflow's."""
    hold = accelerator.registers.hold
    if dataflow == "no_local_reuse":
        return False, False, False
    return hold.weight, hold.input, hold.psum


def named_mapping(accelerator: Accelerator, dataflow: str, tiles: MappingView[str, int]) -> Mapping:
    """Return the mapping of a named dataflow with the given tile of each outer dimension."""
    inner, outer = ORDERS[dataflow]
    return Mapping(
        outer=tuple((d, tiles[d]) for d in outer),
        inner=inner,
        hold=hold_flags(accelerator, dataflow),
    )


def whole_tiles(layout: Layout, layer: Layer) -> dict[str, int]:
    """Tiles that split nothing: each dimension rounded up to its unroll."""
    unroll = layout.unroll
    return {d: ceil_div(layer.size(d), unroll[d]) * unroll[d] for d in OUTER_DIMENSIONS}


__all__ = ["DATAFLOWS", "ORDERS", "hold_flags", "named_mapping", "whole_tiles"]
