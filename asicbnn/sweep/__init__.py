"""Many points: the engine that evaluates them, the front that remains, the files they end in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from asicbnn.sweep.run import SweepResult


def sweep(file: Path | str, **options: Any) -> SweepResult:
    """Evaluate every point of a sweep file; the options are those of `asicbnn.sweep.run.sweep`."""
    from asicbnn.sweep.run import sweep as run  # pandas is slow to import

    return run(file, **options)
