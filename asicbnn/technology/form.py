"""A part of a file of this room: what every form refuses, and figures with their source."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Annotated, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from asicbnn.spec.reader import read_text
from asicbnn.spec.source import decode

NotNegative = Annotated[float, Field(ge=0)]
Name = Annotated[str, Field(min_length=1)]


class Form(BaseModel):
    """A part of a file: unknown keys are refused, values stay as read, infinities never pass."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Figure(Form):
    """One number of a technology, with its source (a key of the file's ``sources``)."""

    value: NotNegative
    source: Name
    note: str = ""
    assumed: bool = False
    relative_error: NotNegative | None = None


class RangeEntry(Form):
    """From where to where something is known, with the source that says so."""

    least: float
    most: float
    source: Name
    note: str = ""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.least > self.most:
            raise ValueError(f"least, {self.least:g}, must not be above most, {self.most:g}")
        return self


def check_sources(form: Form, sources: Container[str]) -> None:
    """Refuse figures of a file whose source is not among the file's ``sources`` (ValueError)."""
    for place, source in _sources_named(form, ""):
        if source not in sources:
            raise ValueError(f"{place}: its source '{source}' is not among the file's sources")


def _sources_named(part: object, place: str) -> Iterator[tuple[str, str]]:
    """Every figure's place in the file and the source it names."""
    if isinstance(part, Form):
        if source := getattr(part, "source", None):
            yield place, source
        inner = [(key, getattr(part, key)) for key in type(part).model_fields]
    elif isinstance(part, dict):
        inner = list(part.items())
    elif isinstance(part, tuple):
        inner = [(str(i), item) for i, item in enumerate(part)]
    else:
        return
    for key, value in inner:
        yield from _sources_named(value, f"{place}.{key}".lstrip("."))


AnyForm = TypeVar("AnyForm", bound=Form)


def read_form(form: type[AnyForm], data: bytes, path: str) -> AnyForm:
    """Return a file of this room as ``form``, or all of its problems as one SpecError."""
    return read_text(decode(data, path), form, path)
