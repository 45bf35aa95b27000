"""Everything that is wrong with a file, its technology and its operating point included.

The spec room says whether a file means something; only with a technology at hand can one say
whether that technology exists, holds at the voltage asked for, and is as fast as the clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from asicbnn.errors import ModelError, Problem, SpecError
from asicbnn.model.area import area
from asicbnn.model.costs import technology_of
from asicbnn.model.extras import refuse_unknown_extras
from asicbnn.model.outside import refuse_impossible
from asicbnn.model.power_up import refuse_unknown_power_up
from asicbnn.model.timing import timing
from asicbnn.spec import check as specs
from asicbnn.spec.accelerator import Accelerator, OperatingPoint, field_names, read_accelerator
from asicbnn.spec.beside import beside, beside_or_here
from asicbnn.spec.document import Document, KeyPath, Node, child_of
from asicbnn.spec.reader import open_document
from asicbnn.technology import library
from asicbnn.technology.library import Technology
from asicbnn.technology.published import load_published

_FIELD = re.compile(r"([a-z_]+(?:\.[a-z_]+)+): ")


def check(path: Path | str) -> list[Problem]:
    """Return every problem of a file, and of the files it names; none is an empty list.

    Problems of the file itself come in the order of its lines.
    """
    try:
        document = open_document(path)
        if specs.no_spec(document) == "technology":
            return _technology_file_problems(path, document)
        kind = specs.kind_of(document)
    except SpecError as error:
        return list(error.problems)
    found = specs.check(path)
    if kind == "accelerator":
        found += list(_accelerator_problems(path, document, found))
        return sorted(found, key=lambda p: (p.file != str(path), p.line or 0, p.column or 0))
    return [*found, *_sweep_problems(path, document)] if kind == "sweep" else found


def _technology_file_problems(path: Path | str, document: Document) -> list[Problem]:
    """Return what is wrong with a technology file, of cells or of a published chip."""
    is_published = _value(document.root, "kind") == "published"
    place = Path(path).absolute()  # a bare name would be that of a shipped one
    try:
        load_published(place) if is_published else library.load(place)
    except SpecError as error:
        own = {str(place): str(path)}
        return [replace(p, file=own.get(p.file, p.file)) for p in error.problems]
    return []


def _accelerator_problems(
    path: Path | str, document: Document, found: Sequence[Problem]
) -> Iterator[Problem]:
    """Yield what a technology refuses, of the fields that are right by themselves."""
    name = _value(document.root, "technology")
    if name is None:
        name = Accelerator.model_fields["technology"].default
    if not isinstance(name, str) or not name:
        return  # refused as a field
    technology, problems = _technology(document, ("technology",), name)
    yield from problems
    if technology is None:
        return
    refused = {problem.path for problem in found}
    wrong = [p for p in _operating_point(technology, _numbers(document)) if p.path not in refused]
    for problem in wrong:
        yield document.problem(problem.path, problem.message, problem.help)
    if not found and not wrong:
        yield from _too_fast(read_accelerator(path), technology, document)


def _too_fast(
    accelerator: Accelerator, technology: Technology, document: Document
) -> Iterator[Problem]:
    """Yield what stands against building the accelerator at its clock."""
    try:
        moved = technology_of(accelerator, technology)
        clocked = timing(accelerator, moved, area(accelerator, moved))
        refuse_impossible(accelerator, clocked)
        refuse_unknown_power_up(accelerator)
        refuse_unknown_extras(accelerator, moved)
    except SpecError as error:
        yield from _placed(error.problems, document)
    except ModelError as error:
        message = str(error)
        named = _FIELD.match(message)
        if named and named[1] in field_names():
            message, _, help = message[named.end() :].partition("; ")
            yield document.problem(named[1], message, help)
        else:
            yield document.problem((), message)


def _placed(problems: Sequence[Problem], document: Document) -> Iterator[Problem]:
    """Yield problems at the fields they name; those of a list of macros after the line of it."""
    for name in dict.fromkeys(problem.file for problem in problems if problem.file):
        yield document.problem("sram.lists", f"there is something wrong with {name}", "see below")
    for problem in problems:
        if problem.file:
            yield problem
        else:
            yield document.problem(problem.path, problem.message, problem.help)


def _sweep_problems(path: Path | str, document: Document) -> Iterator[Problem]:
    """Yield technologies a sweep names that are none, or whose voltage is not the accelerator's."""
    axis = child_of(child_of(document.root, "axes"), "technology")
    named: tuple[tuple[KeyPath, Node | None], ...] = (
        (("technologies",), child_of(document.root, "technologies")),
        (("axes", "technology"), axis),
    )
    point = _base_point(path, document)
    listed = False
    for at, node in named:
        for position, entry in enumerate(
            node.value if node and isinstance(node.value, list) else ()
        ):
            listed = True
            if not isinstance(entry.value, str) or not entry.value:
                continue
            yield from _swept(document, (*at, position), entry.value, point)
    base = _base(path, document)
    if base is not None and not listed:
        yield from _swept(document, ("accelerator",), base.technology, point)


def _swept(
    document: Document, at: KeyPath, name: str, point: Mapping[str, Any]
) -> Iterator[Problem]:
    technology, problems = _technology(document, at, name)
    yield from problems
    if technology is not None:
        for problem in _operating_point(technology, point):
            message = f"{problem.path} of the accelerator: {problem.message}"
            yield document.problem(at, message, problem.help)


def _base(path: Path | str, document: Document) -> Accelerator | None:
    """Return the accelerator a sweep varies, or None where the sweep is told so already."""
    name = _value(document.root, "accelerator")
    try:
        return read_accelerator(beside(path, name)) if isinstance(name, str) and name else None
    except SpecError:
        return None


def _base_point(path: Path | str, document: Document) -> Mapping[str, Any]:
    """Return the operating point all points of a sweep share; empty where they vary it."""
    base, axes = _base(path, document), child_of(document.root, "axes")
    varied = axes.value if axes is not None and isinstance(axes.value, dict) else {}
    if base is None or any(axis.startswith("operating_point") for axis in varied):
        return {}
    return base.operating_point.model_dump()


def _technology(
    document: Document, at: KeyPath, name: str
) -> tuple[Technology | None, list[Problem]]:
    """Return a technology, or what is wrong with it led by the line that names it."""
    try:
        return library.load(beside_or_here(document.name, name)), []
    except SpecError as error:
        problems = list(error.problems)
    if len(problems) == 1 and problems[0].line is None and problems[0].path in ("", "technology"):
        [problem] = problems
        where = f": {problem.file}" if problem.file else ""
        return None, [document.problem(at, f"{problem.message}{where}", problem.help)]
    count = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
    return None, [document.problem(at, f"{count} in {name}", "see below"), *problems]


def _operating_point(technology: Technology, point: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield every part of an operating point the technology has no figures for."""
    try:
        technology.at(point.get("voltage_v"), point.get("temperature_c"))
    except SpecError as error:
        yield from error.problems


def _numbers(document: Document) -> dict[str, float]:
    """Return the operating point as far as it stands in numbers in the file, else its defaults."""
    point: dict[str, float] = {}
    asked = child_of(document.root, "operating_point")
    for key, field in OperatingPoint.model_fields.items():
        value = _value(asked, key)
        value = field.default if value is None else value
        if isinstance(value, int | float) and not isinstance(value, bool):
            point[key] = value
    return point


def _value(node: Node | None, key: str) -> Any:
    child = child_of(node, key)
    return None if child is None else child.value


__all__ = ["check"]
