"""Boolean expressions of Liberty as truth tables."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from asicbnn.errors import SpecError

_TOKEN = re.compile(r"\s*([A-Za-z_][\w\[\]]*|[01]|[!'^&*|+()])")


def truth_table(function: str, inputs: Sequence[str]) -> int:
    """Bit i is the value where input k has bit k of i; SpecError for what is no expression."""
    rows = 1 << len(inputs)
    full = (1 << rows) - 1
    values = {
        name: sum(1 << row for row in range(rows) if row >> place & 1)
        for place, name in enumerate(inputs)
    }
    return _Parser(function, values, full).whole()


class _Parser:
    def __init__(self, text: str, values: Mapping[str, int], full: int) -> None:
        self.text, self.values, self.full = text, values, full
        self.tokens = _TOKEN.findall(text)
        self.at = 0
        if _TOKEN.sub("", text).strip():
            self._fail()

    def whole(self) -> int:
        value = self._or()
        if self.at != len(self.tokens):
            self._fail()
        return value

    def _fail(self) -> None:
        raise SpecError(f"'{self.text[:80]}' is no expression over {', '.join(self.values)}")

    def _next(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def _or(self) -> int:
        value = self._and()
        while self._next() in ("|", "+"):
            self.at += 1
            value |= self._and()
        return value

    def _and(self) -> int:
        value = self._xor()
        while (token := self._next()) and token not in ("|", "+", ")"):
            if token in ("&", "*"):
                self.at += 1
            value &= self._xor()
        return value

    def _xor(self) -> int:
        value = self._not()
        while self._next() == "^":
            self.at += 1
            value ^= self._not()
        return value

    def _not(self) -> int:
        token = self._next()
        self.at += 1
        if token == "!":
            value = self.full ^ self._not()
        elif token == "(":
            value = self._or()
            if self._next() != ")":
                self._fail()
            self.at += 1
        elif token in ("0", "1"):
            value = self.full * int(token)
        else:
            if token not in self.values:
                self._fail()
            value = self.values[token]
        while self._next() == "'":
            self.at += 1
            value ^= self.full
        return value
