"""The kind of model every spec is made of: frozen, strict about keys, with rules between fields."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import NamedTuple, Self

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from asicbnn.spec.document import KeyPath, join_path
from asicbnn.spec.wording import wanted_of


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


@cache
def field_paths(model: type[BaseModel]) -> tuple[KeyPath, ...]:
    """Return the path of every field of a model and of the models in it, lists left out."""
    paths: list[KeyPath] = []
    for name, field in model.model_fields.items():
        paths.append((name,))
        for inner in wanted_of(field).models:
            paths += [(name, *path) for path in field_paths(inner)]
    return tuple(paths)


def _dotted(path: str | KeyPath) -> str:
    return path if isinstance(path, str) else join_path(path)
