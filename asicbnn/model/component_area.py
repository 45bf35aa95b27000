"""Area and leakage of each hardware component: as counted, or as its gates are mapped.

At level gate flops, adders and holding multiplexers have the price of what each is mapped to, and
nets of many pins their buffers; the gates around them, constants and duplicates left out, are what
mapping restructures, and take the factor of the component. The sum takes what mapping across the
components' borders saves.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from asicbnn.levels import Level
from asicbnn.model.assumptions import assumptions
from asicbnn.technology.calibration import (
    accelerator_key,
    area_factor,
    component_key,
    mapped_as_of,
    mapped_price,
)
from asicbnn.technology.cells import Cells
from asicbnn.technology.library import Technology
from asicbnn.technology.trimmed_cells import TrimmedCells


@dataclass(frozen=True, slots=True)
class ComponentArea:
    """One component before placement; level, error and origin as in `energy.Rate`."""

    area_um2: float
    leakage_nw: float
    level: Level
    relative_error: float
    origin: str


def counted_areas(cells: Mapping[str, Cells], technology: Technology) -> dict[str, ComponentArea]:
    """Price the cells of each component as they are counted."""
    error = assumptions().cell_area_relative_error.value
    return {
        name: ComponentArea(
            technology.area_um2(some), technology.leakage_nw(some), "cell", error, "cell areas"
        )
        for name, some in cells.items()
    }


def mapped_areas(
    cells: Mapping[str, TrimmedCells], technology: Technology, popcount: str
) -> dict[str, ComponentArea]:
    """Price the cells of each component as they are mapped.

    popcount  structure of the accelerator's popcount

    Raises ModelError for factors the technology lacks.
    """
    return {name: _mapped(name, some, technology, popcount) for name, some in cells.items()}


def _mapped(
    component: str, cells: TrimmedCells, technology: Technology, popcount: str
) -> ComponentArea:
    structure = component_key(component, popcount)
    own = area_factor(technology, structure)
    whole = area_factor(technology, accelerator_key(popcount))
    mapped_as = mapped_as_of(technology).of(component)
    area_um2, leakage_nw = (
        mapped_price(technology, price, cells, mapped_as).total(own.factor)
        for price in (technology.area_um2, technology.leakage_nw)
    )
    return ComponentArea(
        area_um2 * whole.factor,
        leakage_nw * whole.factor,
        "gate",
        math.hypot(own.spread, whole.spread),
        f"calibrated area of {structure}",
    )


__all__ = ["ComponentArea", "counted_areas", "mapped_areas"]
