"""How many designs are done, for whoever watches."""

from __future__ import annotations

from collections.abc import Callable


class Tally:
    """Tells a progress bar of every design that is done: how many are, and of how many."""

    def __init__(self, total: int, progress: Callable[[int, int], None]) -> None:
        self.done, self.total, self.progress = 0, total, progress
        progress(0, total)

    def __call__(self, _: object) -> None:
        self.done += 1
        self.progress(self.done, self.total)


__all__ = ["Tally"]
