"""Result files appear whole or not at all: written beside their place, then renamed into it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from asicbnn.errors import EnvironmentProblem, SpecError


@contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """Yield a path to write to; it becomes `path` on success and is removed on any failure.

    Raises EnvironmentProblem where the folder cannot be made or written.
    """
    final = Path(path)
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            dir=final.parent, prefix=f".{final.name}.", suffix=final.suffix
        )
    except OSError as problem:
        raise EnvironmentProblem(f"{final}: cannot be written: {problem.strerror}") from problem
    os.close(handle)
    beside = Path(name)
    try:
        yield beside
        beside.chmod(0o666 & ~_umask())
        beside.replace(final)
    except OSError as problem:
        raise EnvironmentProblem(f"{final}: cannot be written: {problem.strerror}") from problem
    finally:
        beside.unlink(missing_ok=True)


def write_text(path: Path | str, text: str) -> Path:
    """Write a text file whole or not at all."""
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8", newline="\n")
    return Path(path)


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
    try:
        return pd.read_csv(file) if file.suffix == ".csv" else pd.read_parquet(file)
    except (OSError, ValueError) as problem:  # pyarrow's and pandas' parsers raise ValueErrors
        raise SpecError(
            f"{file}: expected a table (parquet or CSV), got something else"
        ) from problem


def _umask() -> int:
    """Return the process's umask; mkstemp makes files that nobody else may read."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
