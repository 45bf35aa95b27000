"""Liberty files: what a standard-cell library says of its cells, read into this program's units."""

from asicbnn.technology.liberty.library import (
    InternalPower,
    Leakage,
    LibertyCell,
    Library,
    Pin,
    Storage,
    Table,
    TimingArc,
)
from asicbnn.technology.liberty.reader import merged, read, read_file

__all__ = [
    "InternalPower", "Leakage", "LibertyCell", "Library", "Pin", "Storage", "Table", "TimingArc",
    "merged", "read", "read_file",
]  # fmt: skip
