"""What is asked: accelerator, workload, sweep and mapping files, read into frozen models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import BaseModel


def load(path: Path | str) -> BaseModel:
    """Return the accelerator, workload, sweep or mapping in a YAML file, whichever it holds.

    Raises SpecError with all problems of the file.
    """
    from asicbnn.spec import check  # pydantic is slow to import, `asicbnn --help` must not be

    return check.load(path)
