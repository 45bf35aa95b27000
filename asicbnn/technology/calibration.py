"""Calibration factors of a technology: what mapped gates are, over what is estimated for them.

`asicbnn calibrate` measures them; docs/models/calibration.md has the table and what was measured.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from asicbnn.errors import ModelError
from asicbnn.technology.cells import Cells
from asicbnn.technology.library import Technology
from asicbnn.technology.schema import STRUCTURES as POPCOUNTS
from asicbnn.technology.schema import CalibrationEntry, CalibrationFactor

COMPONENTS: Final = ("array", "registers", "sequencer", "dma", "controller", "output")


def component_key(component: str, popcount: str) -> str:
    """Return the structure a component is calibrated as: arrays by their popcount."""
    return f"array_{popcount}" if component == "array" else component


def accelerator_key(popcount: str) -> str:
    """Return the structure a whole accelerator is calibrated as."""
    return f"accelerator_{popcount}"


CLOCK: Final = "clock"
"""What the clock takes in flip-flops and clock gates, of all components: energy alone."""

STRUCTURES: Final = (
    *(component_key(component, popcount) for component in COMPONENTS for popcount in POPCOUNTS
      if component == "array" or popcount == POPCOUNTS[0]),
    *(accelerator_key(popcount) for popcount in POPCOUNTS),
)  # fmt: skip
"""Structures there are factors of, beside the clock."""


def entry_of(technology: Technology, structure: str) -> CalibrationEntry:
    """Return the factors of a structure; ModelError for a technology that was not calibrated."""
    entry = technology.calibration.get(structure)
    if entry is None:
        raise ModelError(
            f"{technology.name} has no calibration of {structure}; run asicbnn calibrate with its "
            "Liberty files, or ask for level cell"
        )
    return entry


def area_factor(technology: Technology, structure: str) -> CalibrationFactor:
    """Return the factor of a structure's area; ModelError if there is none."""
    return _present(entry_of(technology, structure).area, technology, structure, "area")


def delay_factor(technology: Technology, popcount: str) -> CalibrationFactor:
    """Return the factor of an accelerator's longest path; ModelError if there is none."""
    structure = accelerator_key(popcount)
    return _present(entry_of(technology, structure).delay, technology, structure, "delay")


def _present(
    factor: CalibrationFactor | None, technology: Technology, structure: str, what: str
) -> CalibrationFactor:
    if factor is None:
        raise ModelError(f"{technology.name}: the calibration of {structure} has no {what}")
    return factor


def kept_cells(cells: Cells, holding: int, *, adders: bool = True) -> Cells:
    """Return the cells of a component that are mapped one to one.

    Flops, latches, clock gates, adders, and the multiplexers by which registers hold.

    adders  they stay cells; otherwise they are mapped with the gates around them
    """
    kept = Cells(flop=cells.flop, latch=cells.latch, clock_gate=cells.clock_gate, mux2=holding)
    if not adders:
        return kept
    return kept + Cells(full_adder=cells.full_adder, half_adder=cells.half_adder)


def mapped(price: Callable[[Cells], float], cells: Cells, holding: int, factor: float) -> float:
    """Price a component: what is kept as it is, the other gates times a factor.

    price  such as `Technology.area_um2` or `Technology.leakage_nw`
    """
    kept = price(kept_cells(cells, holding))
    return kept + factor * (price(cells) - kept)


__all__ = [
    "CLOCK", "COMPONENTS", "STRUCTURES", "accelerator_key", "area_factor", "component_key",
    "delay_factor", "entry_of", "kept_cells", "mapped",
]  # fmt: skip
