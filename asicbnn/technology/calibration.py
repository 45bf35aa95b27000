"""Calibration factors of a technology: what mapped gates are, over what is estimated for them.

`asicbnn calibrate` measures them; docs/models/calibration.md has the table and what was measured.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from asicbnn.errors import ModelError
from asicbnn.technology.cells import OUTPUTS, Cells
from asicbnn.technology.factor_entries import CalibrationEntry, CalibrationFactor
from asicbnn.technology.library import Technology
from asicbnn.technology.popcount_entries import STRUCTURES as POPCOUNTS
from asicbnn.technology.trimmed_cells import TrimmedCells

COMPONENTS: Final = ("array", "registers", "sequencer", "dma", "controller", "output")


def component_key(component: str, popcount: str) -> str:
    """Return the structure a component is calibrated as: arrays by their popcount."""
    return f"array_{popcount}" if component == "array" else component


def accelerator_key(popcount: str) -> str:
    """Return the structure a whole accelerator is calibrated as."""
    return f"accelerator_{popcount}"


POPCOUNT: Final = "popcount"

SWITCHING: Final = (POPCOUNT, "sums", *COMPONENTS[1:])
"""Parts of the logic that energy is calibrated by: the components, the array as two of them.

popcount  products, counters and the registers behind them     sums  all else of the array
"""


def energy_key(share: str, popcount: str) -> str:
    """Return the structure that a part of the logic, or the clock, has its energy calibrated as."""
    return f"{share}_{popcount}" if share == "popcount" else share


CLOCK: Final = "clock"
"""What the clock takes in flip-flops and clock gates, of all components: energy alone."""

FLOP: Final = "flop"
"""What a flip-flop is mapped to: area alone."""

HOLDING: Final = "holding"
"""What a multiplexer is mapped to by which a register holds, with the buffers of its enable: area
alone."""

PRODUCT: Final = "product"
"""What a product is mapped to whose masks are made in the same cycle, late: area alone."""

REGISTERED_PRODUCT: Final = "registered_product"
"""What a product is mapped to whose masks come from registers, as soon as its operands: area
alone."""

CHOOSES: Final = ("output",)
"""Components whose multiplexers have a price of their own: half of the output stage's gates are
multiplexers and half AND-OR choices of one PE, in shares that go by the number of PEs."""

CHOICE: Final = "choice"
"""What a multiplexer of the output stage is mapped to that holds nothing: area alone."""

ADDER: Final = "adder"
"""Delays of full and half adders over those of the technology, where the gates around have theirs:
mapping shortens gates and leaves adders as they are. Of delay alone."""

STRUCTURES: Final = (
    FLOP, HOLDING,
    *(component_key(component, popcount) for component in COMPONENTS for popcount in POPCOUNTS
      if component == "array" or popcount == POPCOUNTS[0]),
    *(accelerator_key(popcount) for popcount in POPCOUNTS),
)  # fmt: skip
"""Structures there are factors of the area of, in the order in which they are written.

Beside them `PRODUCT`, `REGISTERED_PRODUCT` and `CHOICE`, where designs told them apart.
"""


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


def adder_delay_factor(technology: Technology) -> float:
    """Return what the delays of adders take in a path before its factor; 1 if none was fitted."""
    entry = technology.calibration.get(ADDER)
    return 1.0 if entry is None or entry.delay is None else entry.delay.factor


def popcount_delay_factor(technology: Technology, popcount: str) -> CalibrationFactor:
    """Return the factor of the path through a popcount.

    That of the accelerator's longest path where a technology has none for it, as those calibrated
    before it was measured by itself; ModelError if there is neither.
    """
    entry = technology.calibration.get(energy_key(POPCOUNT, popcount))
    own = entry.delay if entry is not None else None
    return delay_factor(technology, popcount) if own is None else own


def _present(
    factor: CalibrationFactor | None, technology: Technology, structure: str, what: str
) -> CalibrationFactor:
    if factor is None:
        raise ModelError(f"{technology.name}: the calibration of {structure} has no {what}")
    return factor


PRODUCT_GATES: Final = Cells(nand2=2, xor2=1)
"""What a product is counted as before it has a price of its own: an XNOR and two ANDs."""


@dataclass(frozen=True, slots=True)
class MappedAs:
    """What cells that are mapped alike everywhere become, over what the technology counts for them.

    flop     of a flip-flop
    holding  of a multiplexer, with the buffers of its enable: of those that hold a register, and
             of all others before their component's factor
    product, registered_product  of an XNOR and two ANDs, by where the masks are; None leaves them
             among the gates of the array
    choice   of a multiplexer that holds nothing; None leaves it among the gates of its component
    """

    flop: float = 1.0
    holding: float = 1.0
    product: float | None = None
    registered_product: float | None = None
    choice: float | None = None

    def of(self, component: str) -> MappedAs:
        """Return the same for one component: choices are priced in `CHOOSES` alone."""
        return self if component in CHOOSES else replace(self, choice=None)


def mapped_as_of(technology: Technology) -> MappedAs:
    """Return what a calibrated technology says of them.

    Raises ModelError if it says nothing of flip-flops or of what holds.
    """
    return MappedAs(
        *(area_factor(technology, name).factor for name in (FLOP, HOLDING)),
        *(_optional(technology, name) for name in (PRODUCT, REGISTERED_PRODUCT, CHOICE)),
    )


def _optional(technology: Technology, structure: str) -> float | None:
    entry = technology.calibration.get(structure)
    return None if entry is None or entry.area is None else entry.area.factor


@dataclass(frozen=True, slots=True)
class MappedPrice:
    """Price of a component that is mapped: kept + factor x scaled.

    kept    flops, latches, clock gates, adders, holding multiplexers, buffers; products and choices
            that have a price of their own
    scaled  the gates beside them
    """

    kept: float
    scaled: float

    def total(self, factor: float) -> float:
        """Return the price with the factor of the component."""
        return self.kept + factor * self.scaled


def mapped_price(
    technology: Technology,
    price: Callable[[Cells], float],
    cells: TrimmedCells,
    mapped_as: MappedAs,
    *,
    keeps_adders: bool = True,
) -> MappedPrice:
    """Price a component in what `price` gives, such as `Technology.area_um2` or `leakage_nw`.

    keeps_adders  they stay cells; otherwise they are mapped with the gates around them
    """
    kept = cells.kept
    adders = price(Cells(full_adder=kept.full_adder, half_adder=kept.half_adder))
    adders -= _unread(technology, price, cells.unread)
    flops = mapped_as.flop * price(Cells(flop=kept.flop))
    clocked = price(Cells(latch=kept.latch, clock_gate=kept.clock_gate))
    mux2 = mapped_as.holding * price(Cells(mux2=1))
    fixed = flops + clocked + cells.holding * mux2 + price(Cells(buffer=cells.buffers))
    shared = cells.shared
    scaled = price(Cells(inverter=shared.inverter, nand2=shared.nand2, xor2=shared.xor2))
    for products, factor in (
        (cells.products, mapped_as.product),
        (cells.registered_products, mapped_as.registered_product),
    ):
        if factor is not None:
            counted = products * price(PRODUCT_GATES)
            fixed, scaled = fixed + factor * counted, scaled - counted
    if mapped_as.choice is None:
        scaled += shared.mux2 * mux2
    else:
        fixed += mapped_as.choice * price(Cells(mux2=shared.mux2))
    return (
        MappedPrice(fixed + adders, scaled) if keeps_adders else MappedPrice(fixed, scaled + adders)
    )


def _unread(technology: Technology, price: Callable[[Cells], float], unread: Cells) -> float:
    """Price the inverters of adders' outputs that nothing reads: synthesis leaves them out."""
    inverters = (
        number * technology.cell(role).output_inverters / OUTPUTS[role]
        for role, number in unread.items()
    )
    return sum(inverters) * price(Cells(inverter=1))


__all__ = [
    "ADDER", "CHOICE", "CHOOSES", "CLOCK", "COMPONENTS", "FLOP", "HOLDING", "POPCOUNT", "PRODUCT",
    "PRODUCT_GATES", "REGISTERED_PRODUCT", "STRUCTURES", "SWITCHING", "MappedAs", "MappedPrice",
    "accelerator_key", "adder_delay_factor", "area_factor", "component_key", "delay_factor",
    "energy_key", "entry_of", "mapped_as_of", "mapped_price", "popcount_delay_factor",
]  # fmt: skip
