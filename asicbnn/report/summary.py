"""The first lines of a page: is the model verified, and which design point is best where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from asicbnn.report.page import Grid, Section, grid
from asicbnn.report.style import plain
from asicbnn.result import METRICS, error_column
from asicbnn.units import banded, scale, typeset, typeset_band

_COSTS = (
    "energy_per_inference_uj", "latency_ms", "area_um2", "power_mw", "efficiency_tops_per_w",
)  # fmt: skip


def summary(tables: Sequence[pd.DataFrame]) -> Section:
    """Return what the tables of a folder come to."""
    return Section("Summary", list(_sentences(tables)), grids=list(_best(tables)))


def differing(table: pd.DataFrame) -> pd.DataFrame:
    """Return the comparisons of a verification in which model and hardware differ."""
    return table[table["model"] != table["hardware"]]


def verdict(table: pd.DataFrame) -> str:
    """Return what a table of comparisons of model and hardware proves."""
    wrong = len(differing(table))
    if wrong:
        return f"{wrong:,} of {len(table):,} comparisons differ."
    return f"All {len(table):,} comparisons of the model with the generated hardware are equal."


def _sentences(tables: Sequence[pd.DataFrame]) -> Iterator[str]:
    checks = [table for table in tables if {"model", "hardware"} <= set(table.columns)]
    for table in checks:
        yield f"{'Not verified' if len(differing(table)) else 'Verified'}: {verdict(table)}"
    if not checks:
        yield "Not verified here: `asicbnn verify ... --output` adds a verification to the folder."
    for table in tables:
        if "dataflow" in table and "point" not in table and "layer" not in table:
            yield _best_dataflow(table)


def _best_dataflow(table: pd.DataFrame) -> str:
    row = table.sort_values("energy_fj").to_dict("records")[0]
    worst = float(table["energy_fj"].max() / table["energy_fj"].min())
    return (
        f"{row.get('accelerator', 'the accelerator')} runs {row.get('workload', 'the network')} "
        f"with the least energy under {plain(row['dataflow'])}: "
        f"{_banded(row, 'energy_per_inference_uj')} and {_banded(row, 'latency_ms')} per run; the "
        f"worst of {len(table)} dataflows takes {worst:.3g} times the energy."
    )


def _banded(row: dict[Any, Any], metric: str) -> str:
    """Return a metric of a row in the unit it reads best in, with its band if it has one."""
    factor, unit = scale(row[metric], METRICS[metric].unit)
    band = banded(row[metric] * factor, row.get(error_column(metric)) or 0.0)
    return f"{typeset_band(band)} {typeset(unit)}"


def _best(tables: Sequence[pd.DataFrame]) -> Iterator[Grid]:
    for table in tables:
        if "point" not in table:
            continue
        keys = [name for name in ("workload", "technology", "level") if name in table]
        least = table.groupby(keys, sort=True)["energy_per_inference_uj"].idxmin()
        rows = table.loc[list(least)]
        columns = [*keys, "point", *(name for name in _COSTS if name in rows)]
        records: list[dict[str, Any]] = [
            {str(key): value for key, value in row.items()} for row in rows.to_dict("records")
        ]
        caption = "Design points of least energy per inference"
        yield grid(records, columns, caption, words=len(keys) + 1)


__all__ = ["differing", "summary", "verdict"]
