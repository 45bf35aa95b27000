"""A small spec with every kind of field, and what is said of a wrong one."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import Field

from asicbnn.errors import SpecError
from asicbnn.spec.reader import Complaint, SpecModel, read_text


class Conv(SpecModel):
    op: Literal["conv"]
    kernel: int = Field(default=3, ge=1, le=9, description="rows of the kernel")


class Dense(SpecModel):
    op: Literal["dense"]
    gain: float = 1.0


class Memory(SpecModel):
    words: int = Field(default=2, ge=1, description="depth", json_schema_extra={"unit": "words"})
    ping_pong: bool = Field(default=True, description="two halves")
    size_kib: float = Field(default=1.0, description="size", json_schema_extra={"unit": "KiB"})

    def problems(self) -> list[Complaint]:
        if self.ping_pong and self.words % 2:
            return [Complaint("words", f"{self.words} is odd", "make it even", ("ping_pong",))]
        return []


class Spec(SpecModel):
    name: str = Field(default="x", description="a name")
    clock: Literal["max"] | Annotated[float, Field(gt=0)] = Field(
        default="max", description="clock"
    )
    memory: Memory = Memory()
    count: int | None = None
    lanes: Literal["xnor"] = Field(default="xnor", json_schema_extra={"not_yet_built": True})
    layers: tuple[Annotated[Conv | Dense, Field(discriminator="op")], ...] = ()
    sizes: dict[str, tuple[int, ...]] = Field(default={})

    def problems(self) -> list[Complaint]:
        if self.count == 13:
            return [Complaint("count", "13 brings bad luck", "take 12")]
        return []


def complaint(text: str) -> str:
    """Return what the reader says about a text, as printed."""
    with pytest.raises(SpecError) as caught:
        read_text(text, Spec, "f.yaml")
    return str(caught.value)


def sentence(text: str) -> str:
    """Return the first line of the only complaint about a text."""
    with pytest.raises(SpecError) as caught:
        read_text(text, Spec, "f.yaml")
    assert len(caught.value.problems) == 1, str(caught.value)
    return caught.value.problems[0].headline
