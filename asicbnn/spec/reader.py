"""Reads a YAML file into a pydantic model and words every complaint about it.

`read` either returns a valid model or raises one `SpecError` with all problems of the file, each
at its line. A model says what single fields may hold; rules between fields it returns from
`SpecModel.problems`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from asicbnn.errors import Problem, SpecError
from asicbnn.spec.document import Document, KeyPath, Node, child_of, join_path, split_path
from asicbnn.spec.parse import parse
from asicbnn.spec.source import decode, read_bytes
from asicbnn.spec.wording import (
    Wanted,
    cure,
    either,
    entry_of,
    given,
    is_branching,
    suggest,
    wanted_of,
)

ModelT = TypeVar("ModelT", bound=BaseModel)


class Complaint(NamedTuple):
    """A broken rule between fields.

    path    : the field to point at, dotted (``layers[2].name``) or as a tuple of its parts
    message : what was wanted and what was given
    help    : the cure
    also    : the other fields of the rule; their lines are quoted too
    """

    path: str | KeyPath
    message: str
    help: str = ""
    also: tuple[str | KeyPath, ...] = ()


class SpecModel(BaseModel):
    """A frozen part of a spec that refuses unknown keys and checks rules between its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def problems(self) -> Iterable[Complaint]:
        """Return every broken rule between fields; paths are relative to this model."""
        return ()

    @model_validator(mode="after")
    def _rules_hold(self) -> Self:
        if complaints := list(self.problems()):
            said = "; ".join(f"{_dotted(c.path)}: {c.message}" for c in complaints)
            raise PydanticCustomError("rules", "{said}", {"said": said, "complaints": complaints})
        return self


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
    translator = _Translator(document, model)
    problems += translator.problems(errors)
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
    """Validate; a number where a text is wanted, or 2e8 for an integer, gets a second chance.

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
    node = _Trail(root, model, error["loc"]).node
    if node is None or isinstance(node.value, bool | str | None | list | dict):
        return False
    if error["type"] in ("int_type", "int_from_float"):
        if isinstance(node.value, float) and node.value.is_integer():
            node.value = int(node.value)
            return True
    elif node.is_plain and error["type"] in ("string_type", "literal_error"):
        node.value = node.text
        return True
    return False


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


class _Trail:
    """Follows an error's location through the tree and the model at once.

    pydantic's locations hold the names of union branches beside keys and list positions; only
    the model tells them apart.

    path   : keys and positions alone
    node   : the value there, or None where the file has none
    parent : the deepest model reached, whose keys are the candidates for a misspelt one
    wanted : what the field wants, or None for an unknown key
    list_wanted : what the innermost list wants, if the path ends in one
    union  : the path at which a union branches, if any
    """

    def __init__(self, root: Node, model: type[BaseModel], location: tuple[int | str, ...]) -> None:
        self.path: KeyPath = ()
        self.node: Node | None = root
        self.parent: type[BaseModel] | None = model
        self.wanted: Wanted | None = Wanted(model)
        self.list_wanted: Wanted | None = None
        self.union: KeyPath | None = None
        at_branch = False
        for part in location:
            if at_branch:
                self._choose(str(part))
            elif part != "[key]":
                self._descend(part)
            at_branch = (
                not at_branch and self.wanted is not None and is_branching(self.wanted.annotation)
            )
            if at_branch:
                self.union = self.union if self.union is not None else self.path

    def _choose(self, label: str) -> None:
        """Take the branch of a union that pydantic's label names: a class or a tag."""
        assert self.wanted is not None
        models = self.wanted.models
        for model in models:
            tags = [f.annotation for f in model.model_fields.values()]
            if label == model.__name__ or any(label in getattr(t, "__args__", ()) for t in tags):
                self.wanted = Wanted(model, (), self.wanted.description)
                self.parent = model
                return

    def _descend(self, part: int | str) -> None:
        self.path = (*self.path, part)
        self.node = child_of(self.node, part)
        if self.wanted is None:
            return
        models = self.wanted.models
        if models and isinstance(part, str):
            self.parent = models[0]
            fields = self.parent.model_fields
            by_alias = {f.alias: f for f in fields.values() if f.alias}
            field = fields.get(part) or by_alias.get(part)
            self.wanted = wanted_of(field) if field else None
        else:
            self.list_wanted = self.wanted
            self.wanted = entry_of(self.wanted, part)


class _Translator:
    """Turns pydantic's errors into problems of a document."""

    def __init__(self, document: Document, model: type[BaseModel]) -> None:
        self.document = document
        self.model = model

    def problems(self, errors: list[ErrorDetails]) -> list[Problem]:
        """Return one problem per place and cause."""
        assert self.document.root is not None
        trails = [_Trail(self.document.root, self.model, error["loc"]) for error in errors]
        deeper = {t.union for t in trails if t.union is not None and len(t.path) > len(t.union)}
        found: dict[tuple[KeyPath, str], Problem] = {}
        for error, trail in zip(errors, trails, strict=True):
            if self._is_noise(error, trail) or (trail.union == trail.path and trail.path in deeper):
                continue
            for problem in self._translate(error, trail):
                found.setdefault((trail.path, problem.headline), problem)
        return list(found.values())

    def _is_noise(self, error: ErrorDetails, trail: _Trail) -> bool:
        """Return whether the value was already refused as YAML."""
        nodes = [self.document.find(trail.path[:n])[0] for n in range(len(trail.path) + 1)]
        is_missing = error["type"] == "missing"
        return any(
            node is not None and (node.is_refused or (is_missing and node.has_unknown_keys))
            for node in nodes
        )

    def _translate(self, error: ErrorDetails, trail: _Trail) -> list[Problem]:
        kind, wanted = error["type"], trail.wanted
        report = self.document.problem
        if kind == "rules":
            complaints: list[Complaint] = error["ctx"]["complaints"]
            return [self._rule(trail.path, complaint) for complaint in complaints]
        if kind == "extra_forbidden":
            return [report(trail.path, "unknown key", self._known_keys(trail), at_key=True)]
        if kind in ("union_tag_invalid", "union_tag_not_found"):
            return [self._tag(error, trail)]
        if wanted is None or trail.node is None:
            if isinstance(trail.path[-1], int) and trail.list_wanted:
                return [self._too_short(trail)]
            phrase = f": expected {wanted.phrase}" if wanted else f": {error['msg']}"
            note = wanted.description if wanted else ""
            return [report(trail.path, f"missing key{phrase}", note)]
        if kind in ("value_error", "assertion_error"):
            return [report(trail.path, error["msg"].split(", ", 1)[-1], wanted.description)]
        if kind.startswith("custom_"):
            return [report(trail.path, error["msg"], wanted.description)]
        return [self._mismatch(trail, trail.node, self._at_union(trail) or wanted)]

    def _tag(self, error: ErrorDetails, trail: _Trail) -> Problem:
        """Word a mapping whose kind is missing or unknown."""
        key = str(error["ctx"]["discriminator"]).strip("'")
        models = trail.wanted.models if trail.wanted else []
        kinds = [c for m in models for c in wanted_of(m.model_fields[key]).choices]
        path, node = (*trail.path, key), child_of(trail.node, key)
        if node is None:
            return self.document.problem(path, f"missing key: expected {either(kinds)}")
        message = f"expected {either(kinds)}, got {given(node)}"
        return self.document.problem(path, message, suggest(node.text, kinds))

    def _too_short(self, trail: _Trail) -> Problem:
        """Word a list of fixed length that lacks entries."""
        path = trail.path[:-1]
        node, _ = self.document.find(path)
        assert node is not None
        assert trail.list_wanted is not None
        message = f"expected {trail.list_wanted.phrase}, got {given(node)}"
        return self.document.problem(path, message, trail.list_wanted.description)

    def _at_union(self, trail: _Trail) -> Wanted | None:
        """Return what the whole union wants when none of its branches fits."""
        if trail.union is None or trail.union != trail.path:
            return None
        assert self.document.root is not None
        return _Trail(self.document.root, self.model, trail.union).wanted

    def _mismatch(self, trail: _Trail, node: Node, wanted: Wanted) -> Problem:
        got = given(node)
        if wanted.note("not_yet_built"):
            message = f"{got} is not yet built; today this can only be {wanted.phrase}"
            return self.document.problem(trail.path, message, wanted.description)
        help = cure(node, wanted)
        if not help and isinstance(node.value, str):
            help = suggest(node.value, wanted.choices)
        message = f"expected {wanted.phrase}, got {got}"
        return self.document.problem(trail.path, message, help or wanted.description)

    def _known_keys(self, trail: _Trail) -> str:
        keys = list(trail.parent.model_fields) if trail.parent else []
        word = str(trail.path[-1])
        if near := suggest(word, keys):
            return near
        if elsewhere := [path for path in field_paths(self.model) if path[-1] == word]:
            return f"it belongs at {' or '.join(join_path(path) for path in elsewhere[:3])}"
        return f"the keys here are {', '.join(keys)}" if keys else ""

    def _rule(self, prefix: KeyPath, complaint: Complaint) -> Problem:
        def whole(path: str | KeyPath) -> KeyPath:
            return (*prefix, *(split_path(path) if isinstance(path, str) else path))

        path, also = whole(complaint.path), tuple(whole(other) for other in complaint.also)
        absent = [p for p in (path, *also) if self.document.find(p)[1] < len(p)]
        help = complaint.help
        if absent and self.document.lines:
            names = " and ".join(join_path(p) for p in absent)
            default = "has its default value" if len(absent) == 1 else "have their default values"
            help = f"{help} ({names} {default})".strip()
        return self.document.problem(path, complaint.message, help, also=also)


def field_paths(model: type[BaseModel], prefix: KeyPath = ()) -> list[KeyPath]:
    """Return the path of every field of a model and of the models in it, lists left out."""
    paths: list[KeyPath] = []
    for name, field in model.model_fields.items():
        paths.append((*prefix, name))
        for inner in wanted_of(field).models:
            paths += field_paths(inner, (*prefix, name))
    return paths


def _dotted(path: str | KeyPath) -> str:
    return path if isinstance(path, str) else join_path(path)
