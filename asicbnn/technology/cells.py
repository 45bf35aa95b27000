"""Standard cells counted by role: what a component is made of, before any library is chosen.

A component says how many cells of each role it holds; only a technology knows what one costs.
Roles are functions, not products: a library that lacks one composes it from others.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Final, SupportsIndex

from asicbnn.errors import ModelError


@dataclass(frozen=True, slots=True)
class Cells(Mapping[str, int]):
    """How many standard cells of each role: a frozen counter.

    Add two with ``+``, repeat with ``*``, read a count as attribute or by ``cells["nand2"]``.
    Iteration yields the roles that occur, in the order below. Start a ``sum`` with ``Cells()``.

    inverter, nand2, nor2, and2, or2, xor2, xnor2 : gates of two inputs (the inverter of one)
    mux2                   : 2:1 multiplexer
    full_adder, half_adder : 3:2 and 2:2 counters of one bit, outputs sum and carry
    flop                   : D flip-flop without reset
    latch                  : transparent latch
    clock_gate             : latch-based clock gate
    buffer                 : buffer of unit drive
    """

    inverter: int = 0
    nand2: int = 0
    nor2: int = 0
    and2: int = 0
    or2: int = 0
    xor2: int = 0
    xnor2: int = 0
    mux2: int = 0
    full_adder: int = 0
    half_adder: int = 0
    flop: int = 0
    latch: int = 0
    clock_gate: int = 0
    buffer: int = 0

    def __post_init__(self) -> None:
        for role in ROLES:
            count = getattr(self, role)
            if type(count) is not int:
                object.__setattr__(self, role, count := operator.index(count))
            if count < 0:
                raise ModelError(f"cells.{role} must be an integer >= 0, not {count}")

    def __getitem__(self, role: str) -> int:
        if role not in ROLES:
            raise KeyError(role)
        return int(getattr(self, role))

    def __iter__(self) -> Iterator[str]:
        return (role for role in ROLES if getattr(self, role))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, role: object) -> bool:
        return role in ROLES and bool(getattr(self, str(role)))

    def __add__(self, other: Cells) -> Cells:
        if not isinstance(other, Cells):
            return NotImplemented
        return Cells(*(getattr(self, role) + getattr(other, role) for role in ROLES))

    def __mul__(self, copies: SupportsIndex) -> Cells:
        try:
            number = operator.index(copies)
        except TypeError:
            return NotImplemented
        return Cells(*(getattr(self, role) * number for role in ROLES))

    __rmul__ = __mul__

    @property
    def total(self) -> int:
        """Number of cells of all roles."""
        return sum(getattr(self, role) for role in ROLES)

    @property
    def outputs(self) -> int:
        """Number of their outputs, and so of the nets they drive."""
        return sum(number * OUTPUTS[role] for role, number in self.items())


ROLES: Final[tuple[str, ...]] = tuple(field.name for field in fields(Cells))
"""The roles, in the order of the fields of `Cells`."""

OUTPUTS: Final[Mapping[str, int]] = {
    role: 2 if role in ("full_adder", "half_adder") else 1 for role in ROLES
}
"""Outputs of one cell of each role."""
