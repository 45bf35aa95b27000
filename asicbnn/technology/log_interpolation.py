"""A figure that was measured at a few sizes, at the sizes between."""

from __future__ import annotations

import math
from collections.abc import Sequence


def interpolated(size: float, at: Sequence[float], values: Sequence[float]) -> float:
    """Return a figure at a size, in straight lines over log2 of it; the nearest outside.

    at  sizes it was measured at, rising
    """
    for low, high, before, after in zip(at, at[1:], values, values[1:], strict=False):
        if low <= size <= high:
            share = math.log2(size / low) / math.log2(high / low)
            return before + share * (after - before)
    return values[0] if size < at[0] else values[-1]


__all__ = ["interpolated"]
