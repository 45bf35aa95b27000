"""What we say: tables for the terminal, figures for papers, one page for a reader."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def report(folder: Path | str, *, title: str | None = None, formats: Sequence[str] = ()) -> Path:
    """Write the report of a folder of tables and return the page's path.

    With `formats`, of svg, pdf and png, the figures are written to its folder `figures` as well.
    `sweep`, `compare` and `verify` write such tables; see `asicbnn.report.compose`.
    """
    from asicbnn.report import compose  # matplotlib and pandas are slow to import

    return compose.report(folder, title=title, formats=formats)
