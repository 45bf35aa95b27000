"""Area and leakage of each hardware component: as counted, or as its gates are mapped.

At level gate flops, adders and holding multiplexers stand as counted, since each becomes one cell;
the gates around them are what mapping shares and restructures, and take the factor of the
component. The sum takes what mapping across the components' borders saves.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from asicbnn.levels import Level, ResultLevel
from asicbnn.model.assumptions import assumptions
from asicbnn.technology.calibration import accelerator_key, area_factor, component_key, mapped
from asicbnn.technology.cells import Cells
from asicbnn.technology.library import Technology


@dataclass(frozen=True, slots=True)
class ComponentArea:
    """One component before placement; level, error and origin as in `energy.Rate`."""

    area_um2: float
    leakage_nw: float
    level: Level
    relative_error: float
    origin: str


def component_areas(
    cells: Mapping[str, Cells],
    holding: Mapping[str, int],
    technology: Technology,
    popcount: str,
    level: ResultLevel,
) -> dict[str, ComponentArea]:
    """Price the cells of each component.

    holding   multiplexers by which registers of each component hold
    popcount  structure of the accelerator's popcount

    Raises ModelError for factors the technology lacks at level gate.
    """
    if level == "cell":
        error = assumptions().cell_area_relative_error.value
        return {
            name: ComponentArea(
                technology.area_um2(some), technology.leakage_nw(some), "cell", error, "cell areas"
            )
            for name, some in cells.items()
        }
    return {
        name: _mapped(name, some, holding[name], technology, popcount)
        for name, some in cells.items()
    }


def _mapped(
    component: str, cells: Cells, holding: int, technology: Technology, popcount: str
) -> ComponentArea:
    structure = component_key(component, popcount)
    own = area_factor(technology, structure)
    whole = area_factor(technology, accelerator_key(popcount))
    return ComponentArea(
        mapped(technology.area_um2, cells, holding, own.factor) * whole.factor,
        mapped(technology.leakage_nw, cells, holding, own.factor) * whole.factor,
        "gate",
        math.hypot(own.spread, whole.spread),
        f"calibrated area of {structure}",
    )


__all__ = ["ComponentArea", "component_areas"]
