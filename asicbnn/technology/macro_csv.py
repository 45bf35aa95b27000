"""Reads the macros of a memory compiler from a CSV: a row per macro, units in the headings."""

from __future__ import annotations

import csv
import hashlib
import io
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, get_args

from asicbnn.errors import Problem, SpecError
from asicbnn.technology.compiled_memory import WriteMask
from asicbnn.technology.known_names import unknown
from asicbnn.technology.macro import MacroList, MacroPorts, SramMacro

_LARGEST = 2**24
_SOURCE = "# source:"
_LONGEST_FIELD = 10_000
_RENAMED = {"is_synthetic": "synthetic"}
COLUMNS = tuple(_RENAMED.get(field.name, field.name) for field in fields(SramMacro))
"""The headings; all but the first five may be left out, in any order."""
_REQUIRED = tuple(
    _RENAMED.get(field.name, field.name) for field in fields(SramMacro) if field.default is MISSING
)


class _BadCellError(Exception):
    """What is wrong with one cell."""


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= _LARGEST):
        raise _BadCellError(f"expected a whole number from 1 to {_LARGEST}, got '{text}'")
    return int(text)


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf or "_" in text:
        raise _BadCellError(f"expected a number >= 0, got '{text}'")
    return value


def _positive(text: str) -> float:
    if not (value := _number(text)):
        raise _BadCellError(f"expected a number > 0, got '{text}'")
    return value


def _truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise _BadCellError(f"expected true or false, got '{text}'")
    return text == "true"


def _name(text: str) -> str:
    if not text.isprintable() or "," in text:
        raise _BadCellError("expected a name of printable characters without comma")
    return text


def _one_of(what: str, choices: Sequence[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in choices:
            raise _BadCellError(unknown(what, text, choices))
        return text

    return read


_READERS: Mapping[str, Callable[[str], Any]] = {
    "name": _name,
    "words": _whole,
    "word_bits": _whole,
    "ports": _one_of("ports", get_args(MacroPorts)),
    "area_um2": _positive,
    "access_ps": _positive,
    "minimum_cycle_ps": _positive,
    "column_mux": _whole,
    "banks": _whole,
    "read_latency_cycles": _whole,
    "write_mask": _one_of("write mask", get_args(WriteMask)),
    "synthetic": _truth,
    "voltage_v": _positive,
}


def read_csv(data: bytes, path: str) -> MacroList:
    """Read a list of macros.

    The first line that is no comment (``#``) holds the headings, `COLUMNS`. An empty cell is a
    figure nobody states. Comments that begin ``# source:`` name the source of all figures.

    Raises SpecError with every bad cell, its line and column.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise SpecError(Problem("the text is not UTF-8", path, line, 1)) from None
    lines = text.splitlines()
    kept = [(at, line) for at, line in enumerate(lines, 1) if line.strip() and line[:1] != "#"]
    if not kept:
        raise SpecError(Problem("expected a line of headings and a row per macro", path))
    (first, headline), *rows = kept
    headings = _cells(headline)
    if problems := list(_wrong_headings(headings, path, first, headline)):
        raise SpecError(problems)
    macros: list[SramMacro] = []
    for at, row in rows:
        _read_row(headings, path, at, row, macros, problems)
    if not problems and not macros:
        problems = [Problem("there are headings and no macro", path, first, 1)]
    if problems:
        raise SpecError(problems)
    sources = tuple(x.removeprefix(_SOURCE).strip() for x in lines if x.startswith(_SOURCE))
    stem = Path(path).stem.removeprefix("macros_")
    return MacroList(stem, hashlib.sha256(data).hexdigest(), tuple(macros), sources)


def _cells(line: str) -> list[str]:
    if len(line) > _LONGEST_FIELD:
        return []
    return [cell.strip() for cell in next(csv.reader(io.StringIO(line)), [])]


def _wrong_headings(headings: Sequence[str], path: str, at: int, line: str) -> Iterator[Problem]:
    for position, heading in enumerate(headings):
        if heading not in COLUMNS:
            yield _problem(unknown("column", heading, COLUMNS), path, at, line, position)
        elif heading in headings[:position]:
            yield _problem(f"the column {heading} is there twice", path, at, line, position)
    if missing := [name for name in _REQUIRED if name not in headings]:
        message = f"the columns {', '.join(missing)} are missing"
        yield Problem(message, path, at, 1, source_line=line[:_LONGEST_FIELD])


def _read_row(
    headings: Sequence[str],
    path: str,
    at: int,
    line: str,
    macros: list[SramMacro],
    problems: list[Problem],
) -> None:
    """Add the macro of a row, or what is wrong with it."""
    cells = _cells(line)
    if len(cells) != len(headings):
        message = f"expected {len(headings)} cells, one per heading, got {len(cells)}"
        problems.append(Problem(message, path, at, 1, source_line=line[:_LONGEST_FIELD]))
        return
    values: dict[str, Any] = {}
    wrong = []
    for position, (heading, cell) in enumerate(zip(headings, cells, strict=True)):
        if not cell and heading not in _REQUIRED:
            continue
        try:
            values[heading] = _READERS.get(heading, _number)(cell)
        except _BadCellError as bad:
            wrong.append(_problem(str(bad), path, at, line, position, heading))
    if wrong:
        problems += wrong
        return
    macros.append(SramMacro(is_synthetic=values.pop("synthetic", False), **values))


def _problem(
    message: str, path: str, at: int, line: str, position: int, heading: str = ""
) -> Problem:
    """Return a complaint that points at the cell of a line."""
    cells = line.split(",")
    if any('"' in cell for cell in cells):  # a quoted cell may hold commas
        return Problem(message, path, at, 1, heading, line)
    start = sum(len(cell) + 1 for cell in cells[:position])
    cell = cells[position] if position < len(cells) else ""
    start += len(cell) - len(cell.lstrip())
    return Problem(message, path, at, start + 1, heading, line, max(1, len(cell.strip())))
