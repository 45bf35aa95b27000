"""Energy of a read of a memory of latches or flip-flops, by what takes it, and its price.

Two lines switch, that of the old word and that of the new one. The decoder goes by the order of
addresses and the number of words. The columns are the OR of a bit over all words, the same for
every bit. What a mapper makes of decoder and column goes by the number of words alone, and neither
by one factor nor smoothly where there are few: both have a factor for each number of words that was
measured, in either order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, get_args

from asicbnn.technology.decoder import Order, decoder_fj
from asicbnn.technology.factor_entries import CellMemoryEntry, ReadFactors
from asicbnn.technology.library import Technology
from asicbnn.technology.log_interpolation import interpolated

MOST_PINS: Final = 16
"""Pins of a net, as calibrations buffer them."""


@dataclass(frozen=True, slots=True)
class ReadEnergy:
    """Energy of a read of another word than the last [fJ].

    lines_fj    of words, with their buffers      addresses_fj  decoder and address pins
    columns_fj  of all bits
    """

    lines_fj: float
    addresses_fj: float
    columns_fj: float

    @property
    def parts(self) -> tuple[float, float, float]:
        """All of it, what has factors by the number of words last."""
        return self.lines_fj, self.addresses_fj, self.columns_fj


def counted_reads(technology: Technology, words: int, bits: int) -> Mapping[Order, ReadEnergy]:
    """Count the energy of a read by its cells, before factors, in either order."""
    if words == 1:
        return {order: ReadEnergy(0.0, 0.0, 0.0) for order in get_args(Order)}
    lines, columns = _lines_fj(technology, bits), bits * _column_fj(technology, words)
    return {
        order: ReadEnergy(lines, decoder_fj(technology, words, order), columns)
        for order in get_args(Order)
    }


def _lines_fj(technology: Technology, bits: int) -> float:
    """Energy of two lines: their pins, their drivers and the buffers of these."""
    buffers = 1 + sum(_buffer_tree(bits))
    return 2 * (bits * technology.pin_energy_fj("nand2") + buffers * buffer_fj(technology))


def _column_fj(technology: Technology, words: int) -> float:
    """Energy of one bit of the two words that open and close, up to the output.

    Half the bits of a word are 1: they fall behind the line that closes and rise behind the one
    that opens. Every level of the OR is taken to switch once. AND and OR are priced as the NAND
    and NOR they become.
    """
    nand, nor = technology.cell("nand2"), technology.cell("nor2")
    opened = nand.internal_energy_fj + technology.pin_energy_fj("nor2")
    other = nor.internal_energy_fj + technology.pin_energy_fj("nand2")
    return opened + math.log2(words) * (opened + other) / 2


def buffer_fj(technology: Technology) -> float:
    """Return the energy of a transition of a buffer and of its own pin [fJ]."""
    return technology.cell("buffer").internal_energy_fj + technology.pin_energy_fj("buffer")


def _buffer_tree(pins: int) -> Iterator[int]:
    """Yield the buffers of each stage of a tree, that of the pins first."""
    while pins > MOST_PINS:
        pins = -(-pins // MOST_PINS)
        yield pins


# ---------------------------------------------------------------------- prices
@dataclass(frozen=True, slots=True)
class ReadPrice:
    """Energy of a read in one order [fJ], and its relative error."""

    energy_fj: float
    relative_error: float


def read_price(by: CellMemoryEntry, words: int, counted: Mapping[Order, ReadEnergy]) -> ReadPrice:
    """Return the mean of reads in order and at random, and the error that covers both.

    Which of them a memory sees its reader decides.
    """
    prices = [price_in_order(by, order, words, energy) for order, energy in counted.items()]
    mean_fj = sum(price.energy_fj for price in prices) / len(prices)
    if not mean_fj:
        return ReadPrice(0.0, max(price.relative_error for price in prices))
    most = max(price.energy_fj * (1 + price.relative_error) for price in prices)
    least = min(price.energy_fj / (1 + price.relative_error) for price in prices)
    return ReadPrice(mean_fj, max(most / mean_fj, mean_fj / least) - 1)


def price_in_order(
    by: CellMemoryEntry, order: Order, words: int, counted: ReadEnergy
) -> ReadPrice:
    """Return what a read takes in one order of addresses."""
    own = by.reads.get(order)
    if own is not None:
        return ReadPrice(_priced_fj(own, words, counted), own.spread)
    whole = by.read_energy
    assert whole is not None  # an entry has one or the other
    addresses = by.read_addresses or whole
    rest_fj = counted.lines_fj + counted.columns_fj
    energy_fj = whole.factor * rest_fj + addresses.factor * counted.addresses_fj
    return ReadPrice(energy_fj, whole.spread)


def _priced_fj(by: ReadFactors, words: int, counted: ReadEnergy) -> float:
    addresses, columns = (
        interpolated(words, by.words, each) for each in (by.addresses, by.columns)
    )
    return (
        by.lines * counted.lines_fj
        + addresses * counted.addresses_fj
        + columns * counted.columns_fj
    )


__all__ = [
    "MOST_PINS", "ReadEnergy", "ReadPrice", "buffer_fj", "counted_reads",
    "price_in_order", "read_price",
]  # fmt: skip
