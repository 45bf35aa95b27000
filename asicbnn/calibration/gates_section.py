"""The section `calibration` of a technology file: factors fitted to mapped gates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from asicbnn.calibration.factors import SOURCE
from asicbnn.technology.schema import CalibrationEntry
from asicbnn.technology.sections import with_section

SECTION: Final = "calibration"
_DIGITS: Final = 5


def with_calibration(
    text: str, path: str, entries: Mapping[str, CalibrationEntry], source: str
) -> str:
    """Return a technology file with the factors as its section `calibration`.

    text, path  the file and what to call it in a complaint     source  where the factors are from
    """
    content = {
        structure: {
            metric: {
                "factor": _rounded(factor.factor),
                "spread": _rounded(factor.spread),
                "points": factor.points,
                "source": factor.source,
            }
            for metric, factor in entry
            if factor is not None
        }
        for structure, entry in entries.items()
    }
    section: dict[str, Any] = content
    return with_section(text, path, SECTION, section, {SOURCE: source})


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


__all__ = ["SECTION", "with_calibration"]
