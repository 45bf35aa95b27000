"""What pages about fitted factors share: their frame, and the table of residuals beside them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pandas as pd

Table = tuple[Sequence[str], Sequence[Sequence[str]]]
"""Headings and rows."""


def factor_page(
    heading: str, written_by: str, source: str, seconds: float, residuals: str, *tables: Table
) -> str:
    """Return a page of Markdown.

    written_by  which command wrote it, and where its columns are explained
    seconds     wall time of the command     residuals  file name of their table
    """
    lines = [
        f"# {heading}", "", written_by, "", f"{source}.", f"wall time {seconds:.0f} s.", "",
        f"Every residual: [{residuals}]({residuals}).", "",
    ]  # fmt: skip
    for table in tables:
        lines += [*markdown_table(table), ""]
    return "\n".join(lines)


def csv_of(residuals: Iterable[dict[str, str | float | int]]) -> str:
    """Return residuals as CSV, a row each, with six digits."""
    return pd.DataFrame(residuals).to_csv(index=False, float_format="%.6g")


def markdown_table(table: Table) -> Iterator[str]:
    """Yield the lines of a table."""
    headings, rows = table
    yield f"| {' | '.join(headings)} |"
    yield "|" + "---|" * len(headings)
    yield from (f"| {' | '.join(row)} |" for row in rows)


__all__ = ["Table", "csv_of", "factor_page", "markdown_table"]
