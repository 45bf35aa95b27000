"""What a figure needs of a table."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from asicbnn.errors import SpecError


def require(table: pd.DataFrame, columns: Sequence[str]) -> None:
    """Raise a SpecError that names the first column a figure needs and the table lacks."""
    for name in columns:
        if name not in table:
            raise SpecError(f"the table has no column {name}, which this figure draws")
    if not len(table):
        raise SpecError("the table has no rows to draw")


__all__ = ["require"]
