"""A value change dump (VCD, IEEE 1364-2005 clause 18): what waveform viewers open.

Four-value states, strengths and real numbers are not needed here, so the format comes down to
the few lines below, and no library is asked of whoever wants to see a signal.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count, product
from string import ascii_letters, digits
from typing import TextIO

from asicbnn import __version__

_LETTERS = ascii_letters + digits + "!#$%&*+-./:;<=>?@^_|~"


@dataclass(frozen=True)
class Variable:
    """A signal: scopes it lies in from the outermost on, its name, and its width [bit]."""

    scopes: tuple[str, ...]
    name: str
    bits: int


class ValueChanges:
    """Writes the header at once, then a value of a variable whenever it has changed.

    timescale  unit of the times, such as ``1 ps``
    """

    def __init__(self, file: TextIO, variables: Sequence[Variable], timescale: str) -> None:
        self._file = file
        self._codes = [code for code, _ in zip(_codes(), variables, strict=False)]
        self._widths = [variable.bits for variable in variables]
        self._last: list[int | None] = [None] * len(variables)
        self._write_header(variables, timescale)

    def at(self, time: int, values: Iterable[tuple[int, int]]) -> None:
        """Write which variables (by index) have which value from ``time`` on, if they changed."""
        lines = []
        for index, value in values:
            if self._last[index] != value:
                self._last[index] = value
                code = self._codes[index]
                lines.append(f"b{value:b} {code}" if self._widths[index] > 1 else f"{value}{code}")
        if lines:
            self._file.write(f"#{time}\n" + "\n".join(lines) + "\n")

    def end(self, time: int) -> None:
        """Let the last values last until ``time``."""
        self._file.write(f"#{time}\n")

    def _write_header(self, variables: Sequence[Variable], timescale: str) -> None:
        lines = [f"$version asicbnn {__version__} $end", f"$timescale {timescale} $end"]
        order = sorted(range(len(variables)), key=lambda index: variables[index].scopes)
        inside: tuple[str, ...] = ()
        for index in order:
            variable = variables[index]
            lines += _ways(inside, variable.scopes)
            inside = variable.scopes
            bits = variable.bits
            extent = f" [{bits - 1}:0]" if bits > 1 else ""
            lines.append(f"$var wire {bits} {self._codes[index]} {variable.name}{extent} $end")
        lines += _ways(inside, ())
        lines.append("$enddefinitions $end")
        self._file.write("\n".join(lines) + "\n")


def identifier(name: str) -> str:
    """Return a name as viewers and Verilog take it: letters, digits and underscores."""
    return re.sub(r"\W", "_", name, flags=re.ASCII) or "_"


def _ways(here: tuple[str, ...], there: tuple[str, ...]) -> list[str]:
    """Leave scopes and enter others."""
    shared = 0
    while shared < min(len(here), len(there)) and here[shared] == there[shared]:
        shared += 1
    leave = ["$upscope $end"] * (len(here) - shared)
    return leave + [f"$scope module {name} $end" for name in there[shared:]]


def _codes() -> Iterable[str]:
    """Short names for variables: one letter, then two, and so on."""
    for length in count(1):
        for letters in product(_LETTERS, repeat=length):
            yield "".join(letters)
