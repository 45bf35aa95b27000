"""What is said where a figure rests on weaker ground than the estimate it belongs to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from asicbnn.levels import WEAKEST_FIRST, Level, ResultLevel
from asicbnn.result import METRICS

_JUDGED: Final = ("energy_per_inference_uj", "power_mw", "area_um2", "period_ps")


def shortfalls(levels: Mapping[str, Level], asked: ResultLevel, technology: str) -> Iterator[str]:
    """Yield a sentence for each level below that of the estimate that figures of merit are at.

    levels  of the metrics of a result     asked  what the estimate was made at
    """
    rank = {level: place for place, level in enumerate(WEAKEST_FIRST)}
    for level in WEAKEST_FIRST[: rank[asked]]:
        names = [METRICS[name].title.lower() for name in _JUDGED if levels.get(name) == level]
        if names:
            *some, last = names
            listed = f"{', '.join(some)} and {last}" if some else last
            yield (
                f"levels fall short of {asked} in {technology}: more than a twentieth of {listed} "
                f"is {level}"
            )


__all__ = ["shortfalls"]
