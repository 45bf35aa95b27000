"""Sections `calibration` and `cell_memories` of a technology file: factors fitted to gates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from asicbnn.calibration.factors import SOURCE
from asicbnn.calibration.memory_factors import SOURCE as MEMORY_SOURCE
from asicbnn.technology.schema import CalibrationEntry, CellMemoryEntry
from asicbnn.technology.sections import with_section

SECTION: Final = "calibration"
MEMORIES: Final = "cell_memories"
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
    return with_section(text, path, MEMORIES, _content(entries), {MEMORY_SOURCE: source})


def _content(entries: Mapping[Any, CalibrationEntry | CellMemoryEntry]) -> dict[str, Any]:
    return {
        structure: {
            metric: {
                "factor": _rounded(factor.factor),
                "spread": _rounded(factor.spread),
                "points": factor.points,
                "source": factor.source,
                **_terms(factor.terms),
            }
            for metric, factor in entry
            if factor is not None
        }
        for structure, entry in entries.items()
    }


def _terms(terms: Mapping[str, float]) -> dict[str, dict[str, float]]:
    return {"terms": {name: _rounded(value) for name, value in terms.items()}} if terms else {}


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


__all__ = ["MEMORIES", "SECTION", "with_calibration", "with_cell_memories"]
