"""How much of a chip a published figure covers, as the parts of a result that belong to it.

Papers quote the datapath, the datapath with what loads it, the core with its clock and control, the
chip at its peak, or the chip on a network, and a figure of one is up to ten times that of another.
The parts are the same for every chip; none has a list of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, Literal

from asicbnn.levels import Level, level_of_sum
from asicbnn.model.plausibility import DATAPATH
from asicbnn.result import PARTS, Result

Scope = Literal["datapath", "buffers", "core", "chip", "network"]

_BUFFERS = (
    *DATAPATH, "weight_buffer", "input_buffer", "psum_buffer", "threshold_buffer", "pool_buffer",
    "leakage",
)  # fmt: skip
_CORE = (*_BUFFERS, "control", "clock")
_OUTSIDE = ("external", "io")
_CHIP = tuple(name for name in PARTS if name not in _OUTSIDE)

SCOPES: Final[Mapping[Scope, tuple[str, ...]]] = MappingProxyType(
    {
        "datapath": DATAPATH,
        "buffers": _BUFFERS,
        "core": _CORE,
        "chip": _CHIP,
        "network": tuple(PARTS),
    }
)
"""Scope -> parts of `result.PARTS`; parts of later machines are on the chip."""

SCOPE_TITLES: Final[Mapping[Scope, str]] = MappingProxyType(
    {
        "datapath": "datapath",
        "buffers": "datapath and buffers",
        "core": "core",
        "chip": "chip",
        "network": "chip on a network",
    }
)


def covered(metrics: Mapping[str, float], scope: Scope, suffix: str) -> float:
    """Sum of a metric over the parts in a scope; `suffix` is `energy_fj` or `area_um2`."""
    return sum(metrics.get(f"{part}_{suffix}", 0.0) for part in SCOPES[scope])


def covered_energy_errors(result: Result, scope: Scope) -> dict[str, float]:
    """Return the error of a scope's energy by what it stems from [fJ].

    Errors of one origin add over the parts (`breakdowns["<part>_energy_errors_fj"]`).
    """
    found: dict[str, float] = {}
    for part in SCOPES[scope]:
        own = result.breakdowns.get(f"{part}_energy_errors_fj", {})
        for origin, width in own.items():
            found[origin] = found.get(origin, 0.0) + width
    return found


def covered_error(
    metrics: Mapping[str, float], errors: Mapping[str, float], scope: Scope, suffix: str
) -> float:
    """Relative error of an area: errors of parts add up as if all had one origin.

    Parts share figures of one technology, so adding is the careful choice.
    """
    names = [f"{part}_{suffix}" for part in SCOPES[scope]]
    return _weighted((metrics.get(name, 0.0), errors.get(name, 0.0)) for name in names)


def covered_level(
    metrics: Mapping[str, float], levels: Mapping[str, Level], scope: Scope, suffix: str
) -> Level:
    """Level of `covered`, as of any sum (`levels.level_of_sum`)."""
    amounts: dict[Level, float] = {}
    for part in SCOPES[scope]:
        name = f"{part}_{suffix}"
        if amount := metrics.get(name, 0.0):
            level = levels.get(name, "cell")
            amounts[level] = amounts.get(level, 0.0) + amount
    return level_of_sum(amounts)


def _weighted(terms: Iterable[tuple[float, float]]) -> float:
    values = list(terms)
    whole = sum(value for value, _ in values)
    return sum(value * error for value, error in values) / whole if whole else 0.0


__all__ = [
    "SCOPES", "SCOPE_TITLES", "Scope", "covered", "covered_energy_errors", "covered_error",
    "covered_level",
]  # fmt: skip
