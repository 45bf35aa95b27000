"""What is said of a name that is not among those that are known."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def unknown(what: str, given: str, known: Iterable[str]) -> str:
    """Return the sentence for a name that is not among the ``known``."""
    known = tuple(known)
    near = get_close_matches(given.lower(), known, 1, 0.5)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    return f"unknown {what} '{given}'{hint} (known: {', '.join(known)})"
