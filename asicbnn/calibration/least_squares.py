"""Several factors fitted at once, where designs tell them apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

Row: TypeAlias = tuple[Sequence[float], float, float]
"""What each factor is multiplied with, what the sum should be, what an error is relative to."""
_ALIKE = 5e-4
"""Least singular value over the largest, below which designs do not tell the factors apart."""


def told_apart(rows: Sequence[Row], factors: int, designs: int = 1) -> list[float | None]:
    """Return factors by least squares of relative errors, or None for each that stays open.

    designs  that differ, for each factor

    A factor that nothing is multiplied with stays open. All do where there are fewer designs, where
    these do not tell the factors apart, or where one of them would not be positive.
    """
    found: list[float | None] = [None] * factors
    if not rows:
        return found
    table = np.array([[x / whole for x in columns] for columns, _, whole in rows])
    wanted = np.array([target / whole for _, target, whole in rows])
    used = np.flatnonzero(table.any(axis=0))
    different = len(np.unique(table.round(9), axis=0))
    if len(used) == 0 or different < designs * len(used):
        return found
    table = table[:, used]
    scale = np.linalg.norm(table, axis=0)
    singular = np.linalg.svd(table / scale, compute_uv=False)
    if singular[-1] < _ALIKE * singular[0]:
        return found
    solved = np.linalg.lstsq(table / scale, wanted, rcond=None)[0] / scale
    if solved.min() <= 0:
        return found
    for index, value in zip(used.tolist(), solved.tolist(), strict=True):
        found[index] = value
    return found


__all__ = ["Row", "told_apart"]
