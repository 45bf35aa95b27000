"""The forms of what XNOR and popcount take, at the lane counts they were measured at."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, PositiveFloat, model_validator

from asicbnn.technology.form import Form, Name, NotNegative

STRUCTURES = ("sliced", "tree")
"""The popcount structures: a sliced 3:2 counter tree, and a binary tree of ripple adders."""


class PopcountEnergyEntry(Form):
    """Energy per lane and operation of XNOR and popcount, at a few lane counts, random data.

    compute_fj     : inside the cells and on the nets between them, glitches included
    input_pins_fj  : charge on the XNOR inputs of one operand that changes at every operation
    transitions    : of all nets between XNOR gates and sum; where none are stated they are taken
                     as the energy over that of a full adder's output
    """

    lanes: tuple[Annotated[int, Field(ge=2)], ...]
    compute_fj: tuple[PositiveFloat, ...]
    input_pins_fj: tuple[PositiveFloat, ...]
    transitions: tuple[PositiveFloat, ...] | None = None
    relative_error: NotNegative
    source: Name
    note: str = ""
    scaled: bool = False

    @model_validator(mode="after")
    def _same_length(self) -> Self:
        if not len(self.lanes) == len(self.compute_fj) == len(self.input_pins_fj) >= 1:
            raise ValueError("lanes, compute_fj and input_pins_fj must have one length, at least 1")
        if self.transitions is not None and len(self.transitions) != len(self.lanes):
            raise ValueError("transitions must be as many as lanes")
        if list(self.lanes) != sorted(set(self.lanes)):
            raise ValueError("lanes must rise")
        return self


class PopcountDelayEntry(Form):
    """Delay of XNOR and popcount: ``per_level_ps * log2(lanes) + offset_ps``."""

    per_level_ps: PositiveFloat
    offset_ps: float
    lanes_from: Annotated[int, Field(ge=2)]
    lanes_to: Annotated[int, Field(ge=2)]
    relative_error: NotNegative
    source: Name
    note: str = ""
    derived: bool = False
