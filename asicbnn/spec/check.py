"""Says what is wrong with any of the project's files, or reads it, whichever kind it is."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias, get_args

from pydantic import BaseModel

from asicbnn.errors import Problem, SpecError
from asicbnn.spec.accelerator import Accelerator, read_accelerator
from asicbnn.spec.beside import beside
from asicbnn.spec.document import Document, KeyPath
from asicbnn.spec.lowering import lower
from asicbnn.spec.mapping_file import MappingFile
from asicbnn.spec.parameters import load_images, load_parameters
from asicbnn.spec.reader import open_document, read, read_document
from asicbnn.spec.sweep import Sweep, batch_problem
from asicbnn.spec.wording import article, either, suggest
from asicbnn.spec.workload import Workload, read_workload

Kind: TypeAlias = Literal["accelerator", "workload", "sweep", "mapping"]
KINDS: tuple[Kind, ...] = get_args(Kind)


def model_of(kind: Kind) -> type[BaseModel]:
    """Return the model of a kind of file."""
    models: dict[Kind, type[BaseModel]] = {
        "accelerator": Accelerator,
        "workload": Workload,
        "sweep": Sweep,
        "mapping": MappingFile,
    }
    return models[kind]


_USED_BY = {
    "technology": "an accelerator names it; `asicbnn technology show` shows it",
    "chip": "`asicbnn validate` reads it, and says what is wrong with it",
}


def no_spec(document: Document) -> Literal["technology", "chip", ""]:
    """Return what a document is instead of a spec, judged by keys and kinds that no spec has."""
    root = document.root
    keys = root.value if root is not None and isinstance(root.value, dict) else {}
    kind = keys["kind"].value if "kind" in keys else None
    if {"cells", "fo4_delay_ps"} & set(keys) or kind in ("library", "scaled", "published"):
        return "technology"
    return "chip" if {"venue", "figures"} <= set(keys) else ""


def sure_kind(document: Document) -> str:
    """Return what a document is by keys that nothing else has, "" where they leave doubt."""
    root = document.root
    keys = root.value if root is not None and isinstance(root.value, dict) else {}
    found = no_spec(document)
    return found or (kind_of(document) if {"array", "layers", "axes"} & set(keys) else "")


def kind_of(document: Document) -> Kind:
    """Return which kind of file a document is, judged by its keys.

    A misspelt key counts half, so that a file with one is still told what it has wrong.
    """
    root = document.root
    keys = root.value if root is not None and isinstance(root.value, dict) else {}
    if not keys:
        message = f"expected keys with values: {either([f'{article(k)} {k}' for k in KINDS])} file"
        raise SpecError([*document.problems, document.problem((), message)])
    if found := no_spec(document):
        raise SpecError(document.problem((), f"this is a {found} file", _USED_BY[found]))
    if "layers" in keys and isinstance(keys["layers"].value, dict):
        return "mapping"
    scores: dict[Kind, float] = {}
    for kind in KINDS:
        fields = [name for name in model_of(kind).model_fields if name != "name"]
        exact = sum(key in fields for key in keys)
        scores[kind] = exact + 0.5 * sum(bool(suggest(key, fields)) for key in keys)
    best = max(KINDS, key=lambda kind: scores[kind])
    if scores[best] == 0:
        help = "an accelerator has array, a workload layers, a sweep axes, a mapping layers: {...}"
        message = f"none of these keys says which file this is: {', '.join(list(keys)[:8])}"
        raise SpecError([*document.problems, document.problem((), message, help)])
    return best


def load(path: Path | str) -> BaseModel:
    """Return the accelerator, workload, sweep or mapping in a file, whichever it holds."""
    kind = kind_of(open_document(path))
    return read_workload(path) if kind == "workload" else read(path, model_of(kind))


def check(path: Path | str) -> list[Problem]:
    """Return every problem of a file, and of the files a sweep names; none is an empty list."""
    try:
        kind = kind_of(open_document(path))
        spec, document = read_document(path, model_of(kind))
    except SpecError as error:
        return list(error.problems)
    if isinstance(spec, Workload):
        return _weights_problems(path, document)
    return _sweep_problems(path, spec, document) if isinstance(spec, Sweep) else []


def _weights_problems(path: Path | str, document: Document) -> list[Problem]:
    """Return what is wrong with the parameters and images, led by the line that names them."""
    workload = read_workload(path)
    if workload.weights is None:
        return []
    found: list[Problem] = []
    try:
        load_parameters(workload)
    except SpecError as error:
        lead = document.problem("weights", "these are not the parameters of this network")
        found += [lead, *error.problems]
    try:
        if lower(workload).is_executable:
            load_images(workload)
    except SpecError as error:
        new = [problem for problem in error.problems if problem not in found]
        if new:
            lead = document.problem("weights", "these are not the test images of this network")
            found += [lead, *new]
    return found


def _sweep_problems(path: Path | str, sweep: Sweep, document: Document) -> list[Problem]:
    """Return the problems of the files a sweep names, each led by the line that names it."""
    problems = _named(path, sweep.accelerator, ("accelerator",), "accelerator", document)
    if not problems:
        base = read_accelerator(beside(path, sweep.accelerator))
        if wrong := batch_problem(sweep, base):
            problems.append(document.problem("batch", wrong.message, wrong.help))
    for position, workload in enumerate(sweep.workloads):
        problems += _named(path, workload, ("workloads", position), "workload", document)
    return problems


def _named(
    path: Path | str, name: str, at: KeyPath, kind: Kind, document: Document
) -> list[Problem]:
    target = beside(path, name)
    problems = _problems_as(target, kind)
    if not problems:
        return []
    if not target.is_file():
        return [document.problem(at, f"{p.message}: {target}", p.help) for p in problems]
    count = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
    return [document.problem(at, f"{count} in {target}", "see below"), *problems]


def _problems_as(path: Path, kind: Kind) -> list[Problem]:
    try:
        document = open_document(path)
        found = kind_of(document)
        if found != kind:
            message = f"expected {article(kind)} {kind} file, got {article(found)} {found} file"
            return [document.problem((), message)]
        read(path, model_of(kind))
    except SpecError as error:
        return list(error.problems)
    return []
