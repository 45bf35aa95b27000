"""Which cycles of a run are counted: all of them, or a window now and then."""

from __future__ import annotations

from dataclasses import dataclass

from asicbnn.errors import SimulationError

_STRETCH = 1 << 14  # an interrupt from the keyboard is noticed between stretches
_GOLDEN = 0.6180339887498949  # multiples of it, modulo 1, fall evenly: no two runs sampled alike


@dataclass(frozen=True)
class Sampling:
    """Which cycles are counted: one window of ``window`` cycles in every ``period`` cycles.

    Where it lies in its period follows the golden ratio: always the same, never in step with a
    loop of the layer. A window that is a period long is all of them.
    """

    window: int = 1
    period: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.window <= self.period:
            raise SimulationError(
                f"a window of {self.window} cycles does not fit a period of {self.period}"
            )
        if self.window == 1 < self.period:
            raise SimulationError("a window of 1 cycle has no toggles; expected at least 2 cycles")

    def stretch(self, cycle: int) -> tuple[bool, int]:
        """Whether the cycle is counted, and how many from it on are treated alike."""
        if self.window == self.period:
            return True, _STRETCH
        index, place = divmod(cycle, self.period)
        first = int((index + 1) * _GOLDEN % 1 * (self.period - self.window + 1))
        if place < first:
            return False, first - place
        if place < first + self.window:
            return True, first + self.window - place
        return False, self.period - place
