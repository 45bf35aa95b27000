"""Checks what the functions of the Python API are given, in the sentences of a file's problems."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from operator import index
from pathlib import Path
from typing import Any, SupportsIndex, TypeGuard, TypeVar

from pydantic import BaseModel

from asicbnn.errors import SpecError
from asicbnn.spec.accelerator import Accelerator, read_accelerator
from asicbnn.spec.check import Kind, kind_of, model_of, no_spec
from asicbnn.spec.reader import open_document, read
from asicbnn.spec.wording import either, suggest
from asicbnn.spec.workload import Workload, read_workload

ModelT = TypeVar("ModelT", bound=BaseModel)


def read_as(path: Path | str, kind: Kind, model: type[ModelT]) -> ModelT:
    """Return the spec in a file that is to be of a kind; one of another kind is called that.

    Raises SpecError with all problems of the file.
    """
    refuse_other_kinds(path, kind)
    return read(path, model)


def refuse_other_kinds(path: Path | str, kind: Kind) -> None:
    """Raise SpecError if a file is of another kind than the one wanted."""
    document = open_document(path)
    found: str = kind
    with suppress(SpecError):  # nothing tells what it is: the reader has more to say about it
        found = no_spec(document) or kind_of(document)
    if found != kind:
        message = f"this is {_a(found)} file; {_a(kind)} file was wanted"
        raise SpecError(document.problem((), message))


def accelerator_of(given: object) -> Accelerator:
    """Return the accelerator of an argument: one, or the path of its file."""
    if isinstance(given, Path | str):
        refuse_other_kinds(given, "accelerator")
        return read_accelerator(given)
    return _instance(given, "accelerator", Accelerator)


def workload_of(given: object) -> Workload:
    """Return the workload of an argument: one, or the path of its file."""
    if isinstance(given, Path | str):
        refuse_other_kinds(given, "workload")
        return read_workload(given)  # finds the weights beside the file
    return _instance(given, "workload", Workload)


def placed(error: SpecError, accelerator: Path) -> SpecError:
    """Return problems of an accelerator's technology or operating point with their line.

    accelerator  its file; other problems, and those that name a file, stay as they are
    """
    return SpecError(
        open_document(accelerator).problem(problem.path, problem.message, problem.help)
        if not problem.file and problem.path.startswith(("operating_point.", "technology"))
        else problem
        for problem in error.problems
    )


def check_counts(**counts: object) -> None:
    """Refuse arguments that are no whole numbers of at least 1, by their names."""
    for name, value in counts.items():
        if not _is_whole(value) or index(value) < 1:
            raise SpecError(f"{name}: expected a whole number of at least 1, got {value!r}")


def check_seed(seed: object) -> None:
    """Refuse what seeds no generator."""
    if not _is_whole(seed) or index(seed) < 0:
        raise SpecError(f"seed: expected a whole number of at least 0, got {seed!r}")


def check_choice(name: str, given: object, choices: Iterable[str]) -> None:
    """Refuse an argument that is none of its choices."""
    known = list(choices)
    if given not in known:
        hint = suggest(given, known) if isinstance(given, str) else ""
        more = f"; {hint}" if hint else ""
        raise SpecError(f"{name}: expected {either(known)}, got {given!r}{more}")


def _is_whole(value: object) -> TypeGuard[SupportsIndex]:
    return hasattr(value, "__index__") and not isinstance(value, bool)


def _instance(given: object, kind: Kind, model: type[ModelT]) -> ModelT:
    if isinstance(given, model):
        return given
    got: Any = f"{_a(type(given).__name__)}"
    if isinstance(given, Accelerator | Workload):
        got += f" ({given.name}); the accelerator comes first, the workload second"
    raise SpecError(f"{kind}: expected {_a(model_of(kind).__name__)} or a path, got {got}")


def _a(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiouAEIOU" else f"a {noun}"


__all__ = [
    "accelerator_of", "check_choice", "check_counts", "check_seed", "placed", "read_as",
    "refuse_other_kinds",
    "workload_of",
]  # fmt: skip
