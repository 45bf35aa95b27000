"""Boolean expressions of Liberty as truth tables.

Operators, strongest first: ``!A`` and ``A'``; ``A ^ B``; ``A * B``, ``A & B`` and ``A B``;
``A + B`` and ``A | B`` (Liberty User Guide, "function"). Beside these, Verilog's ``~A``, ``A && B``
and ``A || B`` are read, which files of other origin have. A backslash ends a line that goes on.

One parser serves two questions: which rows of its truth table an expression is true in, and what it
says of each variable alone where it is true.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, Protocol, Self, TypeVar

from asicbnn.errors import SpecError

_PLAIN_NAME: Final = r"[A-Za-z_][\w.]*(?:\[\d+(?::\d+)?\])?"
_QUOTED_NAME: Final = r'\\"[^"\\]+\\"'  # a name that begins with a digit stands in escaped quotes
_TOKEN = re.compile(rf"[\s\\]*?({_QUOTED_NAME}|{_PLAIN_NAME}|&&|\|\||[01!~'^*&+|()])")
_NAME = re.compile(f"{_QUOTED_NAME}|{_PLAIN_NAME}")
_SPELLINGS: Final = {"~": "!", "&&": "&", "||": "|"}
_DEEPEST: Final = 50
_MOST_VARIABLES: Final = 10


class ExpressionError(SpecError):
    """An expression that cannot be read, or has too many variables for a table."""


def variables_of(text: str) -> tuple[str, ...]:
    """Return the names in an expression, each once, in order."""
    return tuple(dict.fromkeys(_unquoted(name) for name in _NAME.findall(text)))


def is_readable(text: str) -> bool:
    """Say whether a text is an expression over its own names, or too long to be looked into."""
    names = variables_of(text)
    try:
        truth_table(text, names)
    except ExpressionError:
        return len(names) > _MOST_VARIABLES
    return True


def truth_table(text: str, variables: Sequence[str]) -> int:
    """Return the expression as a number whose bit i is its value in row i of the table.

    In row i, variable k is bit k of i. Raises ExpressionError for text that is no expression over
    these variables.
    """
    if len(variables) > _MOST_VARIABLES:
        raise ExpressionError(f"more than {_MOST_VARIABLES} variables: {text[:60]}")
    columns = {name: column(k, len(variables)) for k, name in enumerate(variables)}
    ones = (1 << (1 << len(variables))) - 1
    return _Parser(text, columns, 0).whole() & ones


def forced_by(text: str) -> Mapping[str, bool]:
    """Return the variables that a true expression leaves one value alone, and that value.

    ``!A & (B | C)`` says that A is low, and of neither B nor C. What follows only from several
    places of the expression together is not seen. Raises ExpressionError for what is none.
    """
    if not text.strip():
        return {}
    variables = {name: _Forced({name: True}, {name: False}) for name in variables_of(text)}
    return _Parser(text, variables, _Forced()).whole().if_true


def column(k: int, variables: int) -> int:
    """Return the truth table of variable ``k`` alone."""
    return sum(1 << row for row in range(1 << variables) if row >> k & 1)


def _spelled(token: str) -> str:
    return _SPELLINGS.get(token) or _unquoted(token)


def _unquoted(name: str) -> str:
    return name.strip('\\"')


class _Value(Protocol):
    """What expressions are reckoned in: a column of a truth table, or what is forced."""

    def __or__(self, other: Self, /) -> Self: ...
    def __and__(self, other: Self, /) -> Self: ...
    def __xor__(self, other: Self, /) -> Self: ...
    def __invert__(self) -> Self: ...


_V = TypeVar("_V", bound=_Value)


@dataclass(frozen=True, slots=True)
class _Forced:
    """Variables forced to a value where an expression is true, and where it is false."""

    if_true: Mapping[str, bool] = field(default_factory=dict)
    if_false: Mapping[str, bool] = field(default_factory=dict)

    def __invert__(self) -> _Forced:
        return _Forced(self.if_false, self.if_true)

    def __and__(self, other: _Forced, /) -> _Forced:
        return _Forced(
            {**self.if_true, **other.if_true},
            dict(self.if_false.items() & other.if_false.items()),
        )

    def __or__(self, other: _Forced, /) -> _Forced:
        return ~(~self & ~other)

    def __xor__(self, other: _Forced, /) -> _Forced:
        return _Forced()


@dataclass(slots=True)
class _Parser(Generic[_V]):
    """zero : the value of an expression that is never true."""

    text: str
    columns: Mapping[str, _V]
    zero: _V
    at: int = 0
    depth: int = 0

    def whole(self) -> _V:
        value = self._either()
        if self._peek() is not None or self.text[self.at :].strip().strip("\\"):
            self._refuse()
        return value

    def _refuse(self) -> None:
        names = ", ".join(self.columns)
        raise ExpressionError(f"'{self.text[:80]}' is no expression over {names}")

    def _peek(self) -> str | None:
        match = _TOKEN.match(self.text, self.at)
        return _spelled(match[1]) if match else None

    def _take(self) -> str | None:
        match = _TOKEN.match(self.text, self.at)
        if match:
            self.at = match.end()
        return _spelled(match[1]) if match else None

    def _either(self) -> _V:
        value = self._both()
        while self._peek() in ("+", "|"):
            self._take()
            value = value | self._both()
        return value

    def _both(self) -> _V:
        value = self._differing()
        while (token := self._peek()) is not None and token not in (")", "+", "|"):
            if token in ("*", "&"):
                self._take()
            elif token in ("^", "'"):
                self._refuse()
            value = value & self._differing()
        return value

    def _differing(self) -> _V:
        value = self._factor()
        while self._peek() == "^":
            self._take()
            value = value ^ self._factor()
        return value

    def _factor(self) -> _V:
        is_inverted = False
        while self._peek() == "!":
            self._take()
            is_inverted = not is_inverted
        value = self._operand()
        while self._peek() == "'":
            self._take()
            is_inverted = not is_inverted
        return ~value if is_inverted else value

    def _operand(self) -> _V:
        token = self._take()
        if token == "(" and self.depth < _DEEPEST:
            self.depth += 1
            value = self._either()
            self.depth -= 1
            if self._take() != ")":
                self._refuse()
            return value
        if token in ("0", "1"):
            return ~self.zero if token == "1" else self.zero
        if token is None or token not in self.columns:
            self._refuse()
            return self.zero
        return self.columns[token]
