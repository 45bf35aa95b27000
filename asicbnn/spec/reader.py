"""Reads a YAML file into a pydantic model and words every complaint about it.

`read` either returns a valid model or raises one `SpecError` with all problems of the file, each
at its line. A model says what single fields may hold; rules between fields it returns from
`SpecModel.problems`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from asicbnn.errors import Problem, SpecError
from asicbnn.spec.document import Document, KeyPath, Node, Plain, split_path
from asicbnn.spec.model import Complaint, SpecModel
from asicbnn.spec.parse import parse
from asicbnn.spec.source import decode, read_bytes
from asicbnn.spec.translate import Trail, Translator
from asicbnn.spec.wording import entry_of, given

__all__ = [
    "Complaint",
    "SpecModel",
    "field_problems",
    "open_document",
    "read",
    "read_document",
    "read_text",
    "read_value",
]

ModelT = TypeVar("ModelT", bound=BaseModel)


def read(path: Path | str, model: type[ModelT]) -> ModelT:
    """Return the spec in a YAML file; raise a SpecError with all its problems."""
    return read_document(path, model)[0]


def read_document(path: Path | str, model: type[ModelT]) -> tuple[ModelT, Document]:
    """Return the spec and its document, whose ``problem`` points at lines of the file."""
    return _validated(open_document(path), model)


def read_text(text: str, model: type[ModelT], name: str = "<text>") -> ModelT:
    """Return the spec in a YAML text; ``name`` stands for the file in messages."""
    return _validated(parse(text, name), model)[0]


def read_value(value: Mapping[str, Any], model: type[ModelT], name: str = "") -> ModelT:
    """Return the spec given as Python values, with the checks and sentences of a file."""
    return _validated(Document(name, [], _placeless(value)), model)[0]


def field_problems(value: Mapping[str, Any], model: type[BaseModel], path: str) -> list[Problem]:
    """Return what is wrong at ``path`` of a partial spec, rules between fields left aside."""
    root = _placeless(value)
    _, errors = _validate(root, model)
    own = [details for details in errors if details["type"] != "rules"]
    problems = Translator(Document("", [], root), model).problems(own)
    return [p for p in problems if split_path(p.path)[: path.count(".") + 1] == split_path(path)]


def open_document(path: Path | str) -> Document:
    """Return a file's tree, not yet held against a model; raise a SpecError if there is none."""
    name = str(path)
    document = parse(decode(read_bytes(Path(path), name), name), name)
    if document.root is None:
        raise SpecError(document.problems)
    return document


def _validated(document: Document, model: type[ModelT]) -> tuple[ModelT, Document]:
    problems = list(document.problems)
    if document.root is None:
        raise SpecError(problems)
    if not isinstance(document.root.value, dict):
        if not document.root.is_refused:
            problems.append(_not_a_mapping(document))
        raise SpecError(problems)
    spec, errors = _validate(document.root, model)
    translator = Translator(document, model)
    problems += translator.problems(errors)
    problems += _rules_besides(document, model, errors)
    if spec is None or problems:
        raise SpecError(sorted(problems, key=lambda p: (p.line or 0, p.column or 0)))
    return spec, document


def _not_a_mapping(document: Document) -> Problem:
    root = document.root
    assert root is not None
    help = "a file starts with a line such as 'name: edge64'"
    if isinstance(root.value, str) and ":" in root.value:
        help = "a key is followed by ': ', with a space"
    return document.problem((), f"expected keys with values, got {given(root)}", help)


def _validate(root: Node, model: type[ModelT]) -> tuple[ModelT | None, list[ErrorDetails]]:
    """Validate; a number where a text is wanted gets a second chance.

    Only the field's type decides what `2e8` or `1234` is, and only pydantic knows the type.
    """
    while True:
        try:
            # JSON mode is strict (no "64" for 64, no 1 for true) and still takes lists as tuples
            return model.model_validate_json(json.dumps(root.plain()), strict=True), []
        except ValidationError as error:
            errors = error.errors(include_url=False, include_input=False)
        if not sum(_reread(root, model, error) for error in errors):
            return None, errors


def _reread(root: Node, model: type[BaseModel], error: ErrorDetails) -> bool:
    """Give a scalar the type its field wants where that loses nothing; say whether it did."""
    trail = Trail(root, model, error["loc"])
    node, wanted = trail.node, trail.wanted
    if node is None or wanted is None or not isinstance(node.value, int | float):
        return False
    is_text = error["type"] == "string_type" or node.text in wanted.choices
    if is_text and node.is_plain:
        node.value = node.text
        return True
    return False


def _rules_besides(
    document: Document, model: type[ModelT], errors: list[ErrorDetails]
) -> list[Problem]:
    """Return broken rules between the fields that are right by themselves.

    pydantic checks rules only once every field is right, but a file is to be repaired in one go:
    the wrong values are left out (a list with a wrong entry as a whole), and rules that would lean
    on them are not reported.
    """
    assert document.root is not None
    trails = [Trail(document.root, model, error["loc"]) for error in errors]
    doubted = {tuple(takewhile(lambda part: isinstance(part, str), t.path)) for t in trails}
    if not doubted:
        return []
    unknown = {
        trail.path
        for trail, error in zip(trails, errors, strict=True)
        if error["type"] == "extra_forbidden"
    }
    rest = document.root.plain()
    for path in doubted:
        _set(rest, path, None)
    for _ in range(2):
        try:
            model.model_validate_json(json.dumps(rest), strict=True)
        except ValidationError as error:
            left = error.errors(include_url=False, include_input=False)
            rules = [details for details in left if details["type"] == "rules"]
            if rules:
                return Translator(document, model, doubted, unknown).problems(rules)
            _stand_in(rest, document.root, model, left)
    return []


def _stand_in(value: Plain, root: Node, model: type[BaseModel], errors: list[ErrorDetails]) -> None:
    """Fill in missing texts (names, paths): no rule leans on what they say."""
    for error in errors:
        trail = Trail(root, model, error["loc"])
        if error["type"] == "missing" and trail.wanted is not None:
            entry = entry_of(trail.wanted, 0)
            if trail.wanted.takes(str):
                _set(value, trail.path, "x")
            elif entry is not None and entry.takes(str):
                _set(value, trail.path, ["x"])


def _set(value: Plain, path: KeyPath, new: Plain) -> None:
    """Set or, with None, delete the value at a path, as far as the path exists."""
    for part in path[:-1]:
        value = value.get(str(part)) if isinstance(value, dict) else None
    if isinstance(value, dict) and path:
        value.pop(str(path[-1]), None)
        if new is not None:
            value[str(path[-1])] = new


def _placeless(value: Any) -> Node:
    """Return the tree of Python values; its nodes have no line."""
    if isinstance(value, BaseModel):
        value = value.model_dump()
    if isinstance(value, Mapping):
        return Node({str(key): _placeless(child) for key, child in value.items()}, -1, 0, 0)
    if isinstance(value, list | tuple):
        return Node([_placeless(child) for child in value], -1, 0, 0)
    if hasattr(value, "item"):  # a number of numpy
        value = value.item()
    if value is not None and not isinstance(value, bool | int | float | str):
        value = str(value)
    return Node(value, -1, 0, 0, text=str(value))
