"""What wires inside blocks take in placed accelerators, over what the law of open designs gives.

The law knows the area of a block and the number of its nets; which of them switch, and how far
they reach, only a placement tells. `asicbnn calibrate --placed` measures it;
docs/models/floorplan.md has what it found.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

from asicbnn.technology.library import Technology, load, names
from asicbnn.technology.routing import Factor, between_flows_error, fitted

PARTS: Final = ("array", "control", "dma", "post")
"""Parts of `result.PARTS` whose wires have a factor: the logic."""


def wires_key(part: str, popcount: str) -> str:
    """Return the structure that a part's wires are calibrated as: arrays by their popcount."""
    return f"{part}_{popcount}" if part == "array" else part


def placed_factor(technology: Technology, structure: str) -> Factor | None:
    """Return the factor of a structure's wires (`wires_key`), if any is known.

    A technology nothing was placed in has the geometric mean of those that have it, and their
    scatter beside their spread. What another flow makes of one netlist is in every error.
    """
    own = technology.placed_wires.get(structure)
    if own is not None:
        return _with_flows(Factor(own.factor, own.spread, own.points))
    return _elsewhere(structure)


def is_placed(technology: Technology) -> bool:
    """Say whether accelerators were placed in a technology itself."""
    return bool(technology.placed_wires)


@lru_cache(maxsize=32)
def _elsewhere(structure: str) -> Factor | None:
    known = [load(name).placed_wires.get(structure) for name in names()]
    found = [entry for entry in known if entry is not None]
    if not found:
        return None
    mean = fitted([entry.factor for entry in found])
    spread = max(entry.spread for entry in found)
    return _with_flows(
        Factor(mean.value, math.hypot(mean.relative_error, spread), len(found))
    )


def _with_flows(factor: Factor) -> Factor:
    return Factor(factor.value, wires_error(factor.relative_error), factor.runs)


def wires_error(spread: float) -> float:
    """Relative error of wires with a factor: beside its spread, what another flow would make."""
    return math.hypot(spread, between_flows_error())


__all__ = ["PARTS", "is_placed", "placed_factor", "wires_error", "wires_key"]
