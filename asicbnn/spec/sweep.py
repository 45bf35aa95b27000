"""The sweep file: one accelerator, axes over any of its fields, and the networks it is to run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from asicbnn.errors import Problem, SpecError
from asicbnn.spec.accelerator import Accelerator, Dataflow, field_names, nested, with_changes
from asicbnn.spec.beside import beside_or_here
from asicbnn.spec.model import Complaint, SpecModel
from asicbnn.spec.reader import field_problems, read
from asicbnn.spec.wording import suggest

Objective: TypeAlias = Literal["energy", "latency", "edp"]

MOST_POINTS = 1_000_000
"""Design points a sweep file may ask for."""
LONGEST_AXIS = 10_000
"""Values an axis may have."""

_FilePath: TypeAlias = Annotated[str, Field(min_length=1, description="a path from this file")]


class Sweep(SpecModel):
    """Every combination of technologies, dataflows and axis values, on every workload."""

    name: str = Field(
        description="names the result files",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$",
        max_length=100,
        json_schema_extra={"wanted": "a name of letters, digits and _ . + -"},
    )
    accelerator: _FilePath = Field(description="the accelerator that is varied, from this file")
    workloads: tuple[_FilePath, ...] = Field(
        min_length=1, description="the networks to run, paths from this file"
    )
    technologies: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        (), description="technologies to try; none given takes the accelerator's"
    )
    dataflows: tuple[Dataflow, ...] = Field(
        (), description="dataflows to try; none given takes the accelerator's"
    )
    axes: dict[str, Annotated[tuple[Any, ...], Field(min_length=1, max_length=LONGEST_AXIS)]] = (
        Field({}, description="dotted path of an accelerator's field: [values to try]")
    )
    objective: Objective = Field("energy", description="what 'best' mappings minimise")
    batch: int = Field(
        1, ge=1, le=4096, description="images in one run", json_schema_extra={"unit": "images"}
    )

    @property
    def count(self) -> int:
        """Accelerators asked for, legal or not."""
        sizes = [len(values) for values in self.axes.values()]
        return prod([max(1, len(self.technologies)), max(1, len(self.dataflows)), *sizes])

    def problems(self) -> Iterator[Complaint]:
        """Return axes over unknown fields, values no field takes, and axes given twice."""
        for path, values in self.axes.items():
            yield from _axis_problems(path, values)
        for path, key, given in (
            ("technology", "technologies", self.technologies),
            ("dataflow", "dataflows", self.dataflows),
        ):
            if path in self.axes and given:
                message = f"{key} is given too, and both set the accelerator's {path}"
                yield Complaint(("axes", path), message, "delete one of them", (key,))
        for key, listed in (("workloads", self.workloads), ("technologies", self.technologies)):
            yield from _repeated(key, listed)
        yield from _repeated("dataflows", self.dataflows)
        if self.count > MOST_POINTS:
            message = f"{self.count:,} accelerators, but a sweep may have {MOST_POINTS:,}"
            yield Complaint("axes", message, "shorten an axis")


def _axis_problems(path: str, values: tuple[Any, ...]) -> Iterator[Complaint]:
    at = ("axes", path)
    if path not in field_names():
        help = suggest(path, list(field_names())) or "see `asicbnn schema accelerator`"
        yield Complaint(at, "an accelerator has no such field", help)
        return
    if path == "name":
        yield Complaint(at, "the name cannot be an axis", "vary what the accelerator is made of")
        return
    seen: set[str] = set()
    for position, value in enumerate(values):
        if repr(value) in seen:
            yield Complaint((*at, position), "this value is in the list already", "delete it")
        seen.add(repr(value))
        for problem in field_problems(nested(path, value), Accelerator, path):
            inside = problem.path.removeprefix(path).removeprefix(".")
            message = f"{inside}: {problem.message}" if inside else problem.message
            yield Complaint((*at, position), message, problem.help)


def _repeated(key: str, values: tuple[str, ...]) -> Iterator[Complaint]:
    first = {value: position for position, value in reversed(list(enumerate(values)))}
    for position, value in enumerate(values):
        if first[value] < position:
            yield Complaint((key, position), f"'{value}' is in the list already", "delete it")


@dataclass(frozen=True)
class DesignPoint:
    """One accelerator of a sweep.

    index   : its number in the product of all axes, counted from 0; skipped points have theirs
    changes : dotted path -> value, as set by the axes
    """

    index: int
    changes: Mapping[str, Any]
    accelerator: Accelerator


@dataclass(frozen=True)
class SkippedPoint:
    """A combination that is no legal accelerator, and why."""

    index: int
    changes: Mapping[str, Any]
    reason: str


@dataclass(frozen=True)
class Expansion:
    """All points of a sweep: those to evaluate, and those skipped with their reason."""

    points: tuple[DesignPoint, ...]
    skipped: tuple[SkippedPoint, ...]


def read_sweep(path: Path | str) -> Sweep:
    """Return the sweep in a file, its technologies as names or paths that can be opened from here.

    Raises SpecError with all problems of the file.
    """
    sweep = read(path, Sweep)
    axes = dict(sweep.axes)
    if "technology" in axes:
        axes["technology"] = tuple(beside_or_here(path, name) for name in axes["technology"])
    technologies = tuple(beside_or_here(path, name) for name in sweep.technologies)
    return sweep.model_copy(update={"axes": axes, "technologies": technologies})


def expand(sweep: Sweep, base: Accelerator) -> Expansion:
    """Return every design point of a sweep over ``base``.

    Technologies vary slowest, then dataflows, then the axes in the order of the file.
    """
    axes: dict[str, tuple[Any, ...]] = {}
    if sweep.technologies:
        axes["technology"] = sweep.technologies
    if sweep.dataflows:
        axes["dataflow"] = sweep.dataflows
    axes |= sweep.axes
    points, skipped = [], []
    for index, values in enumerate(product(*axes.values())):
        changes = dict(zip(axes, values, strict=True))
        try:
            points.append(DesignPoint(index, changes, with_changes(base, changes)))
        except SpecError as error:
            reason = "; ".join(problem.headline for problem in error.problems)
            skipped.append(SkippedPoint(index, changes, reason))
    return Expansion(tuple(points), tuple(skipped))


def batch_problem(sweep: Sweep, base: Accelerator) -> Problem | None:
    """Return the problem of a batch that no point of the sweep can take."""
    limits = [base.limits.batch, *sweep.axes.get("limits.batch", ())]
    if "limits" in sweep.axes or sweep.batch <= max(limits):
        return None
    message = f"{sweep.batch}, but limits.batch of the accelerator is {max(limits)}"
    return Problem(message, path="batch", help=f"raise limits.batch to {sweep.batch}")
