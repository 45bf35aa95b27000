"""Sections of a technology file that hold factors fitted to gates, mapped or placed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from asicbnn.calibration.factors import SOURCE
from asicbnn.calibration.memory_factors import SOURCE as MEMORY_SOURCE
from asicbnn.calibration.wire_factors import SOURCE as WIRE_SOURCE
from asicbnn.technology.factor_entries import (
    CalibrationEntry,
    CalibrationFactor,
    CellMemoryEntry,
    PlacedWires,
    ReadFactors,
)
from asicbnn.technology.sections import with_section

SECTION: Final = "calibration"
MEMORIES: Final = "cell_memories"
WIRES: Final = "placed_wires"
_DIGITS: Final = 5


def with_calibration(
    text: str, path: str, entries: Mapping[str, CalibrationEntry], source: str
) -> str:
    """Return a technology file with the factors as its section `calibration`.

    text, path  the file and what to call it in a complaint     source  where the factors are from
    """
    return with_section(text, path, SECTION, _content(entries), {SOURCE: source})


def with_cell_memories(
    text: str, path: str, entries: Mapping[Any, CellMemoryEntry], source: str
) -> str:
    """Return a technology file with the factors of its memories of cells; as `with_calibration`."""
    content = {
        kind: {**_factors(entry), "reads": {o: _read(by) for o, by in entry.reads.items()}}
        for kind, entry in entries.items()
    }
    return with_section(text, path, MEMORIES, content, {MEMORY_SOURCE: source})


def _read(by: ReadFactors) -> dict[str, Any]:
    return {
        "lines": _rounded(by.lines), "words": list(by.words),
        "addresses": [_rounded(factor) for factor in by.addresses],
        "columns": [_rounded(factor) for factor in by.columns],
        "spread": _rounded(by.spread), "points": by.points, "source": by.source,
    }  # fmt: skip


def with_placed_wires(
    text: str, path: str, entries: Mapping[str, PlacedWires], source: str
) -> str:
    """Return a technology file with the factors of its placed wires; as `with_calibration`."""
    content = {
        structure: {
            "factor": _rounded(entry.factor), "spread": _rounded(entry.spread),
            "points": entry.points, "source": entry.source,
        }
        for structure, entry in entries.items()
    }  # fmt: skip
    return with_section(text, path, WIRES, content, {WIRE_SOURCE: source})


def _content(entries: Mapping[Any, CalibrationEntry]) -> dict[str, Any]:
    return {structure: _factors(entry) for structure, entry in entries.items()}


def _factors(entry: CalibrationEntry | CellMemoryEntry) -> dict[str, Any]:
    return {
        metric: {
            "factor": _rounded(factor.factor),
            "spread": _rounded(factor.spread),
            "points": factor.points,
            "source": factor.source,
            **_terms(factor.terms),
        }
        for metric, factor in entry
        if isinstance(factor, CalibrationFactor)
    }


def _terms(terms: Mapping[str, float]) -> dict[str, dict[str, float]]:
    return {"terms": {name: _rounded(value) for name, value in terms.items()}} if terms else {}


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


__all__ = [
    "MEMORIES", "SECTION", "WIRES", "with_calibration", "with_cell_memories", "with_placed_wires",
]  # fmt: skip
