"""Units: the suffixes names may carry, and how a quantity is printed.

Inside the program everything is fJ, um2, ps and cycles. A reader wants "3.82 uJ"; this is the one
place that turns the first into the second.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from types import MappingProxyType
from typing import NamedTuple

SUFFIXES: Mapping[str, str] = MappingProxyType(
    {
        "_tops_per_mm2": "TOPS/mm2",
        "_tops_per_w": "TOPS/W",
        "_tops": "TOPS",
        "_per_s": "1/s",
        "_um2": "um2",
        "_mm2": "mm2",
        "_fj": "fJ",
        "_pj": "pJ",
        "_nj": "nJ",
        "_uj": "uJ",
        "_mw": "mW",
        "_uw": "uW",
        "_mhz": "MHz",
        "_ps": "ps",
        "_ns": "ns",
        "_ms": "ms",
        "_v": "V",
        "_c": "degC",
        "_nm": "nm",
        "_kib": "KiB",
        "_bits": "bit",
        "_words": "word",
        "_cycles": "cycle",
    }
)

# steps of one quantity, smallest first: (name, size in the first one's unit)
_LADDERS: tuple[tuple[tuple[str, float], ...], ...] = (
    (("fJ", 1), ("pJ", 1e3), ("nJ", 1e6), ("uJ", 1e9), ("mJ", 1e12), ("J", 1e15)),
    (("um2", 1), ("mm2", 1e6)),
    (("uW", 1), ("mW", 1e3), ("W", 1e6)),
    (("ps", 1), ("ns", 1e3), ("us", 1e6), ("ms", 1e9), ("s", 1e12)),
    (("kHz", 1), ("MHz", 1e3), ("GHz", 1e6)),
    (("GOPS", 1), ("TOPS", 1e3), ("POPS", 1e6)),
)
_FIRST_MM2 = 0.01  # from here an area reads better in mm2 than in um2
_WIDE = 0.5  # a relative error from here on is printed as an interval: its two sides differ


class Scale(NamedTuple):
    """Multiply by `factor` to have a value in `unit`."""

    factor: float
    unit: str


def scale(largest: float, unit: str) -> Scale:
    """Return the step of the unit's ladder in which the largest value is 1 or a little more."""
    for ladder in _LADDERS:
        sizes = dict(ladder)
        if unit not in sizes:
            continue
        magnitude = abs(largest) * sizes[unit]
        chosen = ladder[0][0]
        for name, size in ladder:
            if magnitude >= size * (_FIRST_MM2 if name == "mm2" else 1):
                chosen = name
        if not magnitude or not isfinite(magnitude):
            chosen = unit
        return Scale(sizes[unit] / sizes[chosen], chosen)
    return Scale(1.0, unit)


def quantity(value: float, unit: str = "1", relative_error: float = 0.0) -> str:
    """Return a value with the unit it reads best in: `quantity(3.82e9, "fJ") == "3.82 uJ"`.

    With a relative error, the value with its band: "3.8 +- 0.4 uJ".
    """
    factor, chosen = scale(value, unit)
    number = banded(value * factor, relative_error)
    return number if chosen == "1" else f"{number} {chosen}"


def banded(value: float, relative_error: float) -> str:
    """Return a number with its band: "12.4 +- 0.9".

    The value has three figures, as without a band, so that designs whose errors go together can be
    told apart; the half-width is rounded to the same place, or both to where it has one figure.
    Errors from one half on are factors rather than margins and are printed as the interval they
    leave, its ends to two figures: "12.4 (6.2-25)". Without an error, as `figure`.
    """
    if not value or not relative_error:
        return figure(value)
    if relative_error >= _WIDE:
        ends = value / (1 + relative_error), value * (1 + relative_error)
        low, high = (_rounded(end, _place(end, 2)) for end in ends)
        return f"{_rounded(value, min(0, _place(value, 3)))} ({low}-{high})"
    half = abs(value) * relative_error
    place = min(0, _place(value, 3), _place(half, 1))
    return f"{_rounded(value, place)} +- {_rounded(half, place)}"


def _place(value: float, figures: int) -> int:
    """Return the power of ten of the last of so many figures of a value, once rounded to them."""
    _, _, exponent = f"{value:.{figures - 1}e}".partition("e")
    return int(exponent) + 1 - figures


def _rounded(value: float, place: int) -> str:
    return f"{round(value, -place):,.{max(0, -place)}f}"


def figure(value: float) -> str:
    """Return a number for a table: whole ones in full with commas, others to three figures."""
    if isinstance(value, int) or (float(value).is_integer() and abs(value) < 1e15):
        return f"{int(value):,}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    if abs(value) < 0.1:
        return f"{value:#.3g}"
    digits = 3 if abs(value) < 1 else 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{value:.{digits}f}"


def unit_of(name: str) -> str:
    """Return the unit a name's suffix states, "1" if it has none."""
    for suffix, unit in SUFFIXES.items():
        if name.endswith(suffix):
            return unit
    return "1"


def typeset(unit: str) -> str:
    """Return a unit as it is printed in a figure: µm², µJ, °C."""
    if unit == "degC":
        return "°C"
    text = unit.replace("mm2", "mm²").replace("um2", "µm²")
    return "µ" + text[1:] if text in ("uJ", "uW", "us", "um") else text


def typeset_band(text: str) -> str:
    """Return what `banded` made as it is printed on a page: 12.4 ± 0.9, intervals with a dash."""
    return text.replace("+-", "±").replace("-", "\u2013")
