"""Energy of a decoder's lines when another address follows: the next one, or any.

Each half of an address is decoded, and a line is the AND of one of each (`row_memory.py`). Two
lines switch with an address. Where both halves of it change, one of them is there first, and the
line of the new and the old one opens for a moment: two transitions more.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from asicbnn.technology.library import Technology

Order = Literal["sequential", "random"]
"""Of addresses: each the next, or any other than the last."""


@dataclass(frozen=True, slots=True)
class _Changes:
    """How often the halves of an address change with it: the lower, the upper, both at once."""

    lower: float
    upper: float
    both: float

    @property
    def transitions(self) -> float:
        """Of all lines together."""
        return 2 + 2 * self.both


@lru_cache(maxsize=4096)
def decoder_fj(technology: Technology, lines: int, order: Order) -> float:
    """Return the energy of a decoder for one address after another, what its lines drive left out.

    lines  how many it has; one line is no decoder, two are the bit and its inverse
    """
    if lines <= 2:
        return (lines - 1) * _toggle_fj(technology, "inverter")
    low, high = _halves(lines)
    changes, pin_fj = _changes(lines, order), technology.pin_energy_fj("and2")
    lower = decoder_fj(technology, low, order) + _transitions(low, order) * high * pin_fj
    upper = decoder_fj(technology, high, order) + _transitions(high, order) * low * pin_fj
    own = changes.transitions * _toggle_fj(technology, "and2")
    return changes.lower * lower + changes.upper * upper + own


def _transitions(lines: int, order: Order) -> float:
    return _changes(lines, order).transitions if lines > 2 else float(lines)


def _changes(lines: int, order: Order) -> _Changes:
    low, high = _halves(lines)
    if order == "sequential":
        return _Changes(1.0, 1 / low, 1 / low)
    others = low * high - 1
    return _Changes(
        1 - (high - 1) / others, 1 - (low - 1) / others, (low - 1) * (high - 1) / others
    )


def _halves(lines: int) -> tuple[int, int]:
    """Lines of the decoders of the lower and of the upper half."""
    low = 1 << (lines - 1).bit_length() // 2
    return low, -(-lines // low)


def _toggle_fj(technology: Technology, role: str) -> float:
    return technology.cell(role).internal_energy_fj + technology.pin_energy_fj(role)


__all__ = ["Order", "decoder_fj"]
