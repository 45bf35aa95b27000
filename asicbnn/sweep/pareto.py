"""Which design points nothing beats: exact non-dominated marking for any number of objectives.

A point is dominated if another is at least as good in every objective and better in one. Equal
points do not dominate each other, so all of them are on the front.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from asicbnn.errors import SpecError
from asicbnn.result import METRICS


def non_dominated(costs: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return a mask of the rows no other row dominates; every column is to be small.

    costs  points x objectives; a row with a NaN is no candidate and beats nobody

    A row that dominates another precedes it in lexicographic order, so the first row still standing
    is always on the front: one pass per distinct front point, O(points x front).
    """
    mask = np.zeros(len(costs), dtype=bool)
    candidates = np.flatnonzero(~np.isnan(costs).any(axis=1))
    if not len(candidates):
        return mask
    rows, inverse = np.unique(costs[candidates], axis=0, return_inverse=True)
    on_front = np.zeros(len(rows), dtype=bool)
    standing = np.arange(len(rows))
    while len(standing):
        first, rest = standing[0], standing[1:]
        on_front[first] = True
        is_dominated = (rows[first] <= rows[rest]).all(axis=1)
        standing = rest[~is_dominated]
    mask[candidates] = on_front[inverse.reshape(-1)]
    return mask


def costs_of(table: pd.DataFrame, objectives: Sequence[str]) -> NDArray[np.float64]:
    """Return the objectives' columns as costs: those of which more is better, negated.

    Raises SpecError for an objective that is no metric, has no better direction or is missing.
    """
    if not objectives:
        raise SpecError("a Pareto front needs at least one objective")
    columns = []
    for name in objectives:
        metric = METRICS.get(name)
        if metric is None or metric.better == "neither":
            known = ", ".join(m.name for m in METRICS.values() if m.better != "neither")
            raise SpecError(f"{name} is not an objective; objectives are: {known}")
        if name not in table:
            raise SpecError(f"the table has no column {name}")
        sign = -1.0 if metric.better == "higher" else 1.0
        columns.append(sign * table[name].to_numpy(dtype=np.float64, na_value=np.nan))
    return np.column_stack(columns)


def mark_front(
    table: pd.DataFrame, objectives: Sequence[str], within: Sequence[str] = ("workload",)
) -> NDArray[np.bool_]:
    """Return True for every row on the front of its group; a group has equal `within` columns."""
    costs = costs_of(table, objectives)
    mask = np.zeros(len(table), dtype=bool)
    keys = [name for name in within if name in table]
    groups = table.groupby(keys, sort=False).indices.values() if keys else [np.arange(len(table))]
    for rows in groups:
        mask[rows] = non_dominated(costs[rows])
    return mask
