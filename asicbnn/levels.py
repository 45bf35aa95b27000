"""How far a figure may be trusted: the level it was obtained at, and how wide its band is.

Every figure and every result carries both, so that a sum over cells is never read as something
measured on gates. A relative error r is a factor: the true value is expected between
value / (1 + r) and value x (1 + r), for small r the usual value +- r; r = 1 is a factor of two.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import hypot
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Level = Literal["counted", "cell", "gate", "routed", "assumed"]
ResultLevel = Literal["cell", "gate", "routed"]
"""What an estimate is asked for, and what a whole result may be at."""

AmountT = TypeVar("AmountT", float, "NDArray[np.floating[Any]]")

LEVELS: Final[Mapping[Level, str]] = {
    "counted": "an exact count, or given by the user",
    "cell": "a sum over standard cells at stated activity, without glitches and wires",
    "gate": "calibrated to or measured on mapped gates and macros, with vectors and glitches",
    "routed": "gate level plus floorplan, wires and clock tree",
    "assumed": "stated or scaled from elsewhere, not measured",
}
RESULT_LEVELS: Final[tuple[ResultLevel, ...]] = ("cell", "gate", "routed")
WEAKEST_FIRST: Final[tuple[Level, ...]] = ("assumed", "cell", "gate", "routed", "counted")
NEGLIGIBLE_SHARE: Final = 0.05
"""Share of a sum up to which its weakest terms do not set its level."""


def level_of_sum(amounts: Mapping[Level, float]) -> Level:
    """Return the level of a sum, from the amounts that its terms of each level contribute.

    The weakest level of more than `NEGLIGIBLE_SHARE` of the whole, what is weaker still added to
    it. A sum of nothing is counted.
    """
    whole = sum(amounts.values())
    if not whole:
        return "counted"
    seen = 0.0
    for level in WEAKEST_FIRST:
        seen += amounts.get(level, 0.0)
        if seen > NEGLIGIBLE_SHARE * whole:
            return level
    raise ValueError(f"levels of a sum must be of {', '.join(LEVELS)}, not {', '.join(amounts)}")


def once_routed(level: Level) -> Level:
    """Return the level of a figure once placement and wires are on top of it.

    What was at gate level is routed then; what was only summed or assumed remains so.
    """
    return "routed" if level == "gate" else level


def interval(value: AmountT, relative_error: AmountT) -> tuple[AmountT, AmountT]:
    """Return the least and the largest a value is expected to be; both may be arrays."""
    return value / (1 + relative_error), value * (1 + relative_error)


def ratio_error(first: Mapping[str, float], second: Mapping[str, float]) -> float:
    """Return the relative error of a ratio of two figures, from their relative errors by origin.

    What an error does to both alike cancels: sqrt(sum over origins of (e_first - e_second)^2).
    """
    origins = first.keys() | second.keys()
    return hypot(*(first.get(o, 0.0) - second.get(o, 0.0) for o in origins))


__all__ = [
    "LEVELS", "NEGLIGIBLE_SHARE", "RESULT_LEVELS", "WEAKEST_FIRST", "Level", "ResultLevel",
    "interval", "level_of_sum", "once_routed", "ratio_error",
]  # fmt: skip
