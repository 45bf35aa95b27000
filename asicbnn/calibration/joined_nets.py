"""Nets that turn out to be one: numbers are given, joined, and given anew without gaps."""

from __future__ import annotations

ZERO, ONE = 0, 1
"""The nets of the two constants; what is undefined is taken to be 0."""


class JoinedNets:
    """Union-find over net numbers; whatever is joined with a constant is that constant."""

    def __init__(self) -> None:
        self._same = [ZERO, ONE]
        self._final = {ZERO: ZERO, ONE: ONE}

    def fresh(self) -> int:
        """Return a net of its own."""
        self._same.append(len(self._same))
        return self._same[-1]

    def join(self, a: int, b: int) -> None:
        """Make two nets one."""
        low, high = sorted((self._root(a), self._root(b)))
        self._same[high] = low

    def final(self, net: int) -> int:
        """Return the number a net has in the end; nothing may be joined afterwards."""
        return self._final.setdefault(self._root(net), len(self._final))

    @property
    def count(self) -> int:
        """Final numbers that were given."""
        return len(self._final)

    def _root(self, net: int) -> int:
        while self._same[net] != net:
            self._same[net] = self._same[self._same[net]]
            net = self._same[net]
        return net
