"""Open designs after placement and routing, and the laws of wires that hold in all technologies.

Read from `figures/routed_designs.yaml`, where every figure has its source.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import PositiveFloat, PositiveInt

from asicbnn.technology.form import Figure, Form, Name, NotNegative, read_form
from asicbnn.technology.library import Technology

_FILE = Path(__file__).parent / "figures" / "routed_designs.yaml"

Kind = Literal["control", "datapath"]
"""What most of a design is: processors and interfaces are control, ciphers and codecs datapath."""


class RoutedDesign(Form):
    """One design before and after placement and routing; what its run does not state is None.

    mapped_area_um2   standard cells after synthesis     placed_area_um2   when placed and repaired
    core_area_um2     inside the rows                    macro_area_um2    of it, macros
    nets, wire_um     routed signal nets, clock included, and their length together
    half_perimeter_um of the boxes of all nets together, after the last placement before routing
    logic_area_um2    placed cells without clock tree, repair buffers, taps and fill
    clock_sinks       flops and latches     clock_cells, clock_area_um2   clock buffers, inverters
    repair_area_um2   buffers that timing and slew repair put in
    mapped_power_w, routed_power_w   total power as the flow reports it, without vectors
    """

    technology: Name
    name: Name
    source: Name
    kind: Kind | None = None
    mapped_area_um2: PositiveFloat | None = None
    placed_area_um2: PositiveFloat | None = None
    core_area_um2: PositiveFloat | None = None
    macro_area_um2: NotNegative = 0.0
    nets: PositiveInt | None = None
    wire_um: PositiveFloat | None = None
    half_perimeter_um: PositiveFloat | None = None
    mapped_power_w: PositiveFloat | None = None
    routed_power_w: PositiveFloat | None = None
    logic_area_um2: PositiveFloat | None = None
    clock_sinks: PositiveInt | None = None
    clock_cells: NotNegative | None = None
    clock_area_um2: NotNegative | None = None
    repair_area_um2: NotNegative | None = None


class RoutedFile(Form):
    """The file: open designs, what the project chooses itself, and laws of wires."""

    sources: dict[str, Name]
    placement_density: Figure
    floorplan_error: Figure
    macro_halo_ratio: Figure
    macro_halo_um: dict[str, Figure]
    steiner_ratio: Figure
    tree_over_half_perimeter: Figure
    spacings_exponent: Figure
    inverter_parasitic: Figure
    stage_effort: Figure
    designs: tuple[RoutedDesign, ...]


@lru_cache(maxsize=1)
def routed_file() -> RoutedFile:
    """Return the file of open designs; it is read once."""
    return read_form(RoutedFile, _FILE.read_bytes(), _FILE.name)


def open_designs(technology: str | None = None) -> tuple[RoutedDesign, ...]:
    """Return the shipped designs, of all technologies or of one."""
    return tuple(d for d in routed_file().designs if technology in (None, d.technology))


@dataclass(frozen=True)
class WireLaws:
    """Numbers of the laws of wires that hold in every technology; sources stand in the file.

    steiner_ratio   length over sqrt(n A) of a rectilinear Steiner tree on n random points of area A
    tree_over_half_perimeter   length of Steiner trees over half the perimeter of the nets' boxes
    spacings_exponent   wire per net, in distances between nets, goes by this power of their number
    inverter_parasitic  an inverter's output capacitance over its input's: FO4 = R C_inv (4 + p)
    stage_effort    load over input of a buffer in a tree of least delay, one FO4 each
    """

    steiner_ratio: float
    tree_over_half_perimeter: float
    spacings_exponent: float
    inverter_parasitic: float
    stage_effort: float


@lru_cache(maxsize=1)
def wire_laws() -> WireLaws:
    """Return the laws of wires."""
    file = routed_file()
    return WireLaws(**{law.name: getattr(file, law.name).value for law in fields(WireLaws)})


def macro_halo_um(technology: Technology, macro_area_um2: float) -> float:
    """Return the width that is kept free around a macro [um]: the platform's own, or a share."""
    file = routed_file()
    if known := file.macro_halo_um.get(technology.name):
        return known.value
    grown = math.sqrt(file.macro_halo_ratio.value)
    return (grown - 1) / 2 * math.sqrt(macro_area_um2)


__all__ = [
    "Kind", "RoutedDesign", "RoutedFile", "WireLaws", "macro_halo_um", "open_designs",
    "routed_file", "wire_laws",
]  # fmt: skip
