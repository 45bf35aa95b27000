"""Statements put together to groups: what this program reads of a Liberty file, and no more.

Whatever is not listed here (current source models, noise, wire loads, statistical variation) is
stepped over without being kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from asicbnn.technology.liberty.statements import BEGINNING, Kind, Statement, Statements

DELAY_TABLES: Final = ("cell_rise", "cell_fall", "rise_transition", "fall_transition")
CONSTRAINT_TABLES: Final = ("rise_constraint", "fall_constraint")
POWER_TABLES: Final = ("rise_power", "fall_power", "power")

_PIN_PARTS: Final = frozenset({"timing", "internal_power"})
_PARTS: Final[dict[str, frozenset[str]]] = {
    "library": frozenset({
        "cell", "lu_table_template", "power_lut_template", "operating_conditions", "type",
    }),
    "cell": frozenset({
        "pin", "bus", "bundle", "ff", "latch", "ff_bank", "latch_bank", "statetable", "memory",
        "leakage_power", "internal_power", "test_cell", "type", "pg_pin",
    }),
    "pin": _PIN_PARTS,
    "bus": _PIN_PARTS | {"pin"},
    "bundle": _PIN_PARTS | {"pin"},
    "timing": frozenset({*DELAY_TABLES, *CONSTRAINT_TABLES}),
    "internal_power": frozenset(POWER_TABLES),
    "test_cell": frozenset(),
}  # fmt: skip
_UNDER_CELL: Final = frozenset({"cell"})


@dataclass(frozen=True, slots=True)
class Attribute:
    """The value of an attribute as written, and its line."""

    value: str
    line: int


@dataclass(slots=True)
class Group:
    """A group, with the first of each attribute and the parts that are read.

    argument : what stands between its parentheses, without quotes
    complex  : attributes with arguments that may occur more than once, such as ``voltage_map``
    """

    kind: str
    argument: str
    line: int
    attributes: dict[str, Attribute] = field(default_factory=dict)
    complex: list[tuple[str, Attribute]] = field(default_factory=list)
    parts: list[Group] = field(default_factory=list)

    def text(self, name: str, default: str = "") -> str:
        """Return the value of an attribute, or the default where it is not given."""
        found = self.attributes.get(name)
        return default if found is None else found.value.strip()

    def is_true(self, name: str) -> bool:
        """Say whether an attribute is given as true."""
        return self.text(name).strip('"').lower() in ("true", "1")

    def of(self, *kinds: str) -> Iterator[Group]:
        """Yield the parts of these kinds."""
        return (part for part in self.parts if part.kind in kinds)


def names_in(text: str) -> tuple[str, ...]:
    """Return the names of a list, separated by commas or blanks, quoted or not."""
    return tuple(text.replace('"', " ").replace(",", " ").replace("\\", " ").split())


def library_parts(statements: Statements) -> Iterator[Group]:
    """Yield the library group with the attributes read so far, before each of its parts.

    The yields alternate: ``library`` (always the same group, growing), then a part, and so on; at
    the end the library alone. A consumer need not keep more than one cell at a time.
    """
    first = statements.take()
    if first.kind is not Kind.OPEN or first.name != "library":
        cure = "a cell alone is part of a library: give the file of the whole library"
        statements.fail(
            f"this is no Liberty file: {BEGINNING}"
            + (f", and begins with '{first.name}'" if first.name else ", and is empty"),
            first.line,
            cure if first.name == "cell" else "",
        )
    library = _begun(first)
    while (part := _next_part(statements, library)) is not None:
        yield library
        yield part
    yield library
    after = statements.take()
    if after.name == "library":
        statements.fail(
            "a second library begins here", after.line, "give each library in a file of its own"
        )
    if after.kind is not Kind.END:
        statements.fail(
            f"the library ended before this line, yet '{after.name or '}'}' follows: a closing "
            "brace too many stands further up",
            after.line,
        )


def _begun(statement: Statement) -> Group:
    argument = " ".join(statement.value.replace('"', " ").replace("\\", " ").split())
    return Group(statement.name, argument, statement.line)


def _next_part(statements: Statements, group: Group) -> Group | None:
    """Read on in ``group`` until a part of it is complete; None at its closing brace."""
    wanted = _PARTS.get(group.kind, frozenset())
    while True:
        statement = statements.take()
        if statement.kind is Kind.SIMPLE:
            group.attributes.setdefault(statement.name, Attribute(statement.value, statement.line))
        elif statement.kind is Kind.COMPLEX:
            _keep_complex(statements, group, statement)
        elif statement.kind is Kind.CLOSE:
            return None
        elif statement.kind is Kind.END:
            statements.fail(
                f"the file ends inside {group.kind} '{group.argument}', which begins on line "
                f"{group.line}: it was cut short, or a closing brace is missing"
            )
        elif statement.name in wanted:
            return _whole(statements, _begun(statement))
        elif statement.name in _UNDER_CELL and group.kind != "library":
            statements.fail(
                f"{statement.name} '{_begun(statement).argument}' begins inside {group.kind} "
                f"'{group.argument}' (line {group.line}): a closing brace is missing above",
                statement.line,
            )
        else:
            statements.skip_group()


def _whole(statements: Statements, group: Group) -> Group:
    while (part := _next_part(statements, group)) is not None:
        group.parts.append(part)
    return group


def _keep_complex(statements: Statements, group: Group, statement: Statement) -> None:
    if statement.name == "include_file":
        statements.fail(
            f"include_file ({statement.value.strip()}) is not followed",
            statement.line,
            "put the included text in its place",
        )
    attribute = Attribute(statement.value, statement.line)
    group.attributes.setdefault(statement.name, attribute)
    group.complex.append((statement.name, attribute))
