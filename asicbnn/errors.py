"""What can go wrong, in the reader's words.

Every error the program raises on purpose is an `AsicbnnError` and says which exit code it means;
anything else that escapes is a defect of the program. A `SpecError` carries all problems of a
user's file at once, each with its place, so that a file is repaired in one go.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

_LONGEST_EXCERPT = 100
_MOST_PROBLEMS_SHOWN = 100
_MOST_ALIKE_SHOWN = 5


class AsicbnnError(Exception):
    """An error with a sentence for the user and an exit code for the shell."""

    exit_code: ClassVar[int] = 2


@dataclass(frozen=True, slots=True)
class Place:
    """A spot in a user's file.

    line, column : counted from 1
    length       : characters to underline
    source_line  : the line as it stands in the file, without its line end
    """

    line: int
    column: int
    length: int = 1
    source_line: str = ""


def excerpt(places: Sequence[Place], note: str = "") -> str:
    """Return the line the places stand on and, below it, their carets and ``note``."""
    text = places[0].source_line.replace("\t", " ")
    spans = []
    for place in places:
        start = place.column - 1
        spans.append((start, start + max(1, min(place.length, len(text) - start))))
    if len(text) > _LONGEST_EXCERPT:
        cut = max(0, min(spans[0][0] - 20, len(text) - _LONGEST_EXCERPT))
        text = text[cut : cut + _LONGEST_EXCERPT]
        spans = [(start - cut, min(end - cut, len(text))) for start, end in spans]
        if cut:
            text = f"...{text}"
            spans = [(start + 3, end + 3) for start, end in spans if end > 0]
    marks = [" "] * max(end for _, end in spans)
    for start, end in spans:
        marks[max(0, start) : end] = "^" * (end - max(0, start))
    underline = "".join(marks) + (f" {note}" if note else "")
    return f"{places[0].line:>5} | {text.rstrip()}\n      | {underline}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One complaint about a user's file.

    message     : what was wanted and what was given
    file        : the file's name as the user wrote it; empty for values that come from no file
    line, column: the place, counted from 1; None where there is none (a missing file)
    path        : the dotted YAML path, such as ``buffers.weight.words`` or ``layers[2].name``
    source_line : the offending line
    length      : characters to underline
    help        : the cure, or what the key means
    also        : further places the complaint concerns (the other half of a cross-field rule)
    """

    message: str
    file: str = ""
    line: int | None = None
    column: int | None = None
    path: str = ""
    source_line: str = ""
    length: int = 1
    help: str = ""
    also: tuple[Place, ...] = ()

    @property
    def headline(self) -> str:
        """The first line: ``file:line:col: yaml.path: message``."""
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        return ": ".join(part for part in (place, self.path, self.message) if part)

    def __str__(self) -> str:
        if self.line is None or self.column is None:
            return self.headline + (f"\n      = {self.help}" if self.help else "")
        here = Place(self.line, self.column, self.length, self.source_line)
        lines: dict[int, list[Place]] = {}
        for place in (here, *self.also):
            lines.setdefault(place.line, []).append(place)
        first, *others = lines.values()
        return "\n".join([self.headline, excerpt(first, self.help), *map(excerpt, others)])


def listed(problems: Sequence[Problem]) -> str:
    """Return problems as a reader wants them: what is said over and over is cut short."""
    alike = Counter(map(_kind, problems))
    seen: Counter[tuple[str, str]] = Counter()
    shown: list[str] = []
    told = 0
    for problem in problems:
        kind = _kind(problem)
        seen[kind] += 1
        if seen[kind] > _MOST_ALIKE_SHOWN:
            continue
        if told == _MOST_PROBLEMS_SHOWN:
            break
        told += 1
        shown.append(str(problem))
        if seen[kind] == _MOST_ALIKE_SHOWN < alike[kind]:
            more = alike[kind] - _MOST_ALIKE_SHOWN
            shown.append(f"{problem.file or problem.path}: ... and {more:,} more like it")
    counted = sum(min(n, _MOST_ALIKE_SHOWN) for n in alike.values())
    if counted > told:
        shown.append(f"... and {counted - told:,} more problems")
    return "\n".join(shown)


def _kind(problem: Problem) -> tuple[str, str]:
    """Return what makes problems alike: the file, and the sentence without the words quoted."""
    return problem.file, re.sub(r"'[^']*'", "''", problem.message)


class SpecError(AsicbnnError):
    """The user's file is wrong; ``problems`` lists everything found in it."""

    def __init__(self, problems: Iterable[Problem] | Problem | str) -> None:
        if isinstance(problems, str):
            problems = Problem(problems)
        if isinstance(problems, Problem):
            problems = (problems,)
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return listed(self.problems)


class MappingError(AsicbnnError):
    """A layer or a mapping does not fit the accelerator; the sentence says by how much."""


class NothingCoveredError(MappingError):
    """No layer of a network can be executed; ``not_covered`` lists them, as a result would."""

    def __init__(self, sentence: str, not_covered: Sequence[Any]) -> None:
        super().__init__(sentence, not_covered)  # both, so that it pickles
        self.not_covered = tuple(not_covered)

    def __str__(self) -> str:
        return str(self.args[0])


class ModelError(AsicbnnError):
    """A model was asked for something outside the range in which it is valid."""


class SimulationError(AsicbnnError):
    """A simulation did not end as it should: a cycle limit, a fault in the simulated hardware."""

    exit_code = 1


class CycleLimitError(SimulationError):
    """The hardware did not raise its flag within as many cycles as it was given."""


class EnvironmentProblem(AsicbnnError):  # noqa: N818  (not the user's error, nor ours)
    """The machine lacks something: no compiler, a tool that failed, a full disk."""

    exit_code = 3
