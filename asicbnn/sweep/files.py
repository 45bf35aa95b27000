"""Result tables, as parquet and as CSV; both appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from asicbnn.errors import SpecError
from asicbnn.replacing import replacing


def write_table(table: pd.DataFrame, path: Path | str) -> tuple[Path, Path]:
    """Write a table as parquet and as CSV; return both paths, named like `path` but for the end."""
    stem = Path(path)
    stem = stem.with_suffix("") if stem.suffix in (".parquet", ".csv") else stem
    parquet, csv = (stem.parent / f"{stem.name}{suffix}" for suffix in (".parquet", ".csv"))
    with replacing(parquet) as beside:
        table.to_parquet(beside, index=False)
    with replacing(csv) as beside:
        table.to_csv(beside, index=False, lineterminator="\n")
    return parquet, csv


def read_table(path: Path | str) -> pd.DataFrame:
    """Read a table `write_table` wrote, from either of its files; SpecError if it is no table."""
    file = Path(path)
    if not file.exists():
        raise SpecError(f"{file}: no such file")
    if file.is_dir():
        raise SpecError(f"{file}: this is a folder; name a table inside it")
    try:
        return pd.read_csv(file) if file.suffix == ".csv" else pd.read_parquet(file)
    except (OSError, ValueError) as problem:  # pyarrow's and pandas' parsers raise ValueErrors
        raise SpecError(
            f"{file}: expected a table (parquet or CSV), got something else"
        ) from problem
