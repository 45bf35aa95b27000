"""Design points that cost the same to the last digit: one row of a table for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

SHARED: Final = "points that cost exactly the same share a row"


def ties(rows: Sequence[Mapping[str, Any]], costs: Sequence[str]) -> list[list[Mapping[str, Any]]]:
    """Return rows of design points in groups that cost the same to the last digit."""
    tied: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    groups = ("workload", "technology", "level")
    within = [name for name in groups if any(name in row for row in rows)]
    for row in rows:
        key = tuple(row.get(name) for name in (*within, *costs))
        tied.setdefault(key, []).append(row)
    return list(tied.values())


def shared(tied: Sequence[Mapping[str, Any]], naming: Sequence[str]) -> dict[str, Any]:
    """Return the one row of points that tie: what names them, each value once."""
    return {**tied[0], **{name: _alike(tied, name) for name in naming}}


def _alike(rows: Sequence[Mapping[str, Any]], name: str) -> str:
    """Return the values of a column in rows that tie, each once."""
    return ", ".join(dict.fromkeys(str(row.get(name, "")) for row in rows))


__all__ = ["SHARED", "shared", "ties"]
