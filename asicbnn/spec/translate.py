"""pydantic's errors as problems of a file, at the lines and in the words of its author."""

from __future__ import annotations

from collections.abc import Set

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from asicbnn.errors import Problem
from asicbnn.spec.document import Document, KeyPath, Node, child_of, join_path, split_path
from asicbnn.spec.model import Complaint, field_paths
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

_MOST_ERRORS = 1000  # more are never shown; a file may have hundreds of thousands


class Trail:
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
        self.parent: type[BaseModel] = model
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


class Translator:
    """Turns pydantic's errors into problems of a document.

    doubted  : paths known to be wrong; rules that lean on them are not reported
    misspelt : unknown keys; rules that lean on a default beside them are not reported either
    """

    def __init__(
        self,
        document: Document,
        model: type[BaseModel],
        doubted: Set[KeyPath] = frozenset(),
        misspelt: Set[KeyPath] = frozenset(),
    ) -> None:
        self.document = document
        self.model = model
        self.doubted = doubted
        self.misspelt = misspelt

    def problems(self, errors: list[ErrorDetails]) -> list[Problem]:
        """Return one problem per place and cause."""
        assert self.document.root is not None
        errors = errors[:_MOST_ERRORS]
        trails = [Trail(self.document.root, self.model, error["loc"]) for error in errors]
        deeper = {t.union for t in trails if t.union is not None and len(t.path) > len(t.union)}
        found: dict[tuple[KeyPath, str], Problem] = {}
        for error, trail in zip(errors, trails, strict=True):
            if self._is_noise(error, trail) or (trail.union == trail.path and trail.path in deeper):
                continue
            for problem in self._translate(error, trail):
                found.setdefault((trail.path, problem.headline), problem)
        return list(found.values())

    def _is_noise(self, error: ErrorDetails, trail: Trail) -> bool:
        """Return whether the value was already refused as YAML."""
        nodes = [self.document.find(trail.path[:n])[0] for n in range(len(trail.path) + 1)]
        is_missing = error["type"] == "missing"
        return any(
            node is not None and (node.is_refused or (is_missing and node.has_unknown_keys))
            for node in nodes
        )

    def _translate(self, error: ErrorDetails, trail: Trail) -> list[Problem]:
        kind, wanted = error["type"], trail.wanted
        report = self.document.problem
        if kind == "rules":
            complaints: list[Complaint] = error["ctx"]["complaints"]
            rules = [self._rule(trail.path, complaint) for complaint in complaints]
            return [rule for rule in rules if rule]
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

    def _tag(self, error: ErrorDetails, trail: Trail) -> Problem:
        """Word a mapping whose kind is missing or unknown."""
        key = str(error["ctx"]["discriminator"]).strip("'")
        models = trail.wanted.models if trail.wanted else []
        kinds = [c for m in models for c in wanted_of(m.model_fields[key]).choices]
        path, node = (*trail.path, key), child_of(trail.node, key)
        if node is None:
            return self.document.problem(path, f"missing key: expected {either(kinds)}")
        message = f"expected {either(kinds)}, got {given(node)}"
        return self.document.problem(path, message, suggest(node.text, kinds))

    def _too_short(self, trail: Trail) -> Problem:
        """Word a list of fixed length that lacks entries."""
        path = trail.path[:-1]
        node, _ = self.document.find(path)
        assert node is not None
        assert trail.list_wanted is not None
        message = f"expected {trail.list_wanted.phrase}, got {given(node)}"
        return self.document.problem(path, message, trail.list_wanted.description)

    def _at_union(self, trail: Trail) -> Wanted | None:
        """Return what the whole union wants when none of its branches fits."""
        if trail.union is None or trail.union != trail.path:
            return None
        assert self.document.root is not None
        return Trail(self.document.root, self.model, trail.union).wanted

    def _mismatch(self, trail: Trail, node: Node, wanted: Wanted) -> Problem:
        got = given(node)
        if wanted.note("not_yet_built"):
            message = f"{got} is not yet built; today this can only be {wanted.phrase}"
            return self.document.problem(trail.path, message, wanted.description)
        help = cure(node, wanted)
        if not help and isinstance(node.value, str):
            help = suggest(node.value, wanted.choices)
        message = f"expected {wanted.phrase}, got {got}"
        return self.document.problem(trail.path, message, help or wanted.description)

    def _known_keys(self, trail: Trail) -> str:
        keys = list(trail.parent.model_fields)
        word = str(trail.path[-1])
        nested = [p for p in field_paths(trail.parent) if "_".join(map(str, p)) == word]
        if nested and len(nested[0]) > 1:
            return f"did you mean '{join_path(nested[0])}', a key inside a key?"
        if near := suggest(word, keys):
            return near
        if elsewhere := [path for path in field_paths(self.model) if path[-1] == word]:
            return f"it belongs at {' or '.join(join_path(path) for path in elsewhere[:3])}"
        return f"the keys here are {', '.join(keys)}"

    def _rule(self, prefix: KeyPath, complaint: Complaint) -> Problem | None:
        def whole(path: str | KeyPath) -> KeyPath:
            return (*prefix, *(split_path(path) if isinstance(path, str) else path))

        path, also = whole(complaint.path), tuple(whole(other) for other in complaint.also)
        if any(self._is_doubted(p) for p in (path, *also)):
            return None
        help = complaint.help
        if self.document.find(path)[1] < len(path) and self.document.lines:
            help = f"{help} ({join_path(path)} has its default value)".strip()
        return self.document.problem(path, complaint.message, help, also=also)

    def _is_doubted(self, path: KeyPath) -> bool:
        """Return whether a value is wrong by itself, or left to its default by a misspelt key."""
        if any(path[: len(wrong)] == wrong for wrong in self.doubted):
            return True
        _, reach = self.document.find(path)
        return reach < len(path) and any(path[:reach] == key[:-1] for key in self.misspelt)
