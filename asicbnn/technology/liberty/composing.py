"""A library's cells as the entries of a technology file: measured ones, and composed in place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from typing import Final

from pydantic import ValidationError

from asicbnn.errors import Problem, SpecError
from asicbnn.technology.cell_entries import CellEntry, Composition
from asicbnn.technology.cells import ROLES
from asicbnn.technology.liberty.anchors import rounded
from asicbnn.technology.liberty.choice import Choices
from asicbnn.technology.liberty.figures import CellFigures, Conditions, lacking
from asicbnn.technology.liberty.library import Library
from asicbnn.technology.liberty.matching import Match
from asicbnn.technology.liberty.missing_power import completed, note_on
from asicbnn.technology.liberty.reader import UNREAD
from asicbnn.technology.liberty.recipes import Recipe, compose, stand_in

ROLES_BESIDE: Final = ("flop_with_reset", "clock_buffer", "clock_tree_buffer")
"""Roles that no component counts but that a technology file holds."""

_CLOCKED: Final = ("flop", "latch", "clock_gate", "flop_with_reset", "mux2_as_latch")
_STORAGES: Final = ("flop", "latch", "flop_with_reset")
_CURE: Final = (
    "give all Liberty files of the library; cells marked as scan, isolation, retention or level "
    "shifters are passed over"
)
_OPTIONAL: Final = ("clock_tree_buffer", "clock_buffer")


@dataclass(frozen=True, slots=True)
class Entries:
    """What a technology file says of cells, the chosen cells, and the figures of each.

    matches, figures : by the name of the entry
    """

    cells: Mapping[str, CellEntry | Composition]
    matches: Mapping[str, Match]
    figures: Mapping[str, CellFigures]


def entries_of(library: Library, choices: Choices, at: Conditions) -> Entries:
    """Return the entries of all roles; SpecError for a role that neither exists nor composes."""
    matches, special = _named(choices)
    figures = {name: completed(name, match, at) for name, match in matches.items()}
    cells: dict[str, CellEntry | Composition] = {
        name: _entry(name, matches[name], figures[name]) for name in matches
    }
    missing = []
    for role in (*ROLES, *ROLES_BESIDE):
        if role in cells:
            continue
        recipe = compose(role, figures, special)
        if recipe is not None:
            cells[role] = _composition(recipe)
        elif role not in _OPTIONAL:
            missing.append(role)
    if missing:
        raise SpecError(
            Problem(
                f"the library has no {' and no '.join(missing)}, nor cells to compose "
                f"{'it' if len(missing) == 1 else 'them'} of",
                library.files[0].name,
                help="; ".join(
                    (_CURE, *(note for note in library.notes if note.startswith(UNREAD)))
                ),
            )
        )
    return Entries(_in_order(_used(cells)), matches, figures)


def _named(choices: Choices) -> tuple[dict[str, Match], dict[str, Recipe]]:
    """Name each chosen cell after what it is, and say how those with a difference stand in."""
    matches: dict[str, Match] = {}
    special: dict[str, Recipe] = {}
    for role, match in choices.by_role.items():
        expected = frozenset({"reset"}) if role == "flop_with_reset" else frozenset()
        features = match.features - {"tied"} if role == "clock_gate" else match.features
        if features == expected:
            matches[role] = match
        elif match.carry:
            matches[f"{role}_inverting"] = match
        else:
            name = _name(role, features)
            matches[name] = match
            special[role] = _standing_in(name, features, expected)
    if "latch" not in choices.by_role and (mux := choices.get("mux2")):
        matches["mux2_as_latch"] = replace(mux, role="mux2_as_latch")
    return matches, special


def _name(role: str, features: frozenset[str]) -> str:
    """Return flop_with_reset_inverting and the like."""
    base = role.removesuffix("_with_reset")
    extras = [name for name in ("set", "reset") if name in features]
    with_extras = f"_with_{'_and_'.join(extras)}" if extras else ""
    rest = "".join(f"_{name}" for name in ("tied", "falling", "inverting") if name in features)
    return f"{base}{with_extras}{rest}"


_HAS: Final = {
    "set": "an asynchronous set", "reset": "an asynchronous reset",
    "tied": "more inputs, tied to constants", "falling": "an inverted clock",
    "inverting": "an inverted output",
}  # fmt: skip


def _standing_in(name: str, features: frozenset[str], expected: frozenset[str]) -> Recipe:
    has = " and ".join(words for feature, words in _HAS.items() if feature in features - expected)
    return stand_in(
        name,
        f"the library's own has {has}; it stands in",
        is_inverting="inverting" in features,
        is_falling="falling" in features,
    )


def names_of_stand_ins() -> dict[str, str]:
    """Return every name a cell may have that stands in for a role, with a reader's words for it."""
    found = {"mux2_as_latch": "multiplexer fed back", "mux2_inverting": "inverting multiplexer"}
    for role, noun in (("flop", "flip-flop"), ("latch", "latch")):
        for size in range(1, len(_HAS) + 1):
            for features in combinations(_HAS, size):
                words = " and ".join(_HAS[feature] for feature in features)
                found[_name(role, frozenset(features))] = f"{noun} with {words}"
    return found


def _entry(name: str, match: Match, figures: CellFigures) -> CellEntry:
    is_clocked = name.startswith(_CLOCKED)
    values = {
        key: rounded(value)
        for key, value in asdict(figures).items()
        if key in CellEntry.model_fields and isinstance(value, float)
    }
    if not is_clocked:
        values.pop("clock_energy_fj", None)
    notes = [
        f"{match.cell.name} is marked {', '.join(sorted(match.cell.drawbacks))}"
        if match.cell.drawbacks
        else "",
        "" if figures.has_power else note_on(name),
    ]
    try:
        return CellEntry(
            cell=match.cell.name, source="cells", note="; ".join(filter(None, notes)), **values
        )
    except ValidationError as error:
        raise lacking(match.cell, f"{_first(error)}: its figures are no cell's") from None


def _first(error: ValidationError) -> str:
    """Return which figure is out of range, and its value."""
    detail = error.errors()[0]
    return f"{'.'.join(map(str, detail['loc']))} is {detail['input']}"


def _composition(recipe: Recipe) -> Composition:
    def counts(parts: Mapping[str, float]) -> dict[str, float]:
        return {part: rounded(n) for part, n in parts.items()}

    return Composition(
        composed={part: int(n) for part, n in recipe.composed.items()},
        switching=counts(recipe.switching),
        inner_pins=counts(recipe.inner_pins),
        input_pins=counts(recipe.input_pins),
        path=recipe.path,
        carry_path=recipe.carry_path,
        clocked_by=recipe.clocked_by,
        clock_pins=counts(recipe.clock_pins),
        clock_switching=counts(recipe.clock_switching),
        note=recipe.note,
        source="composed",
    )


def _used(cells: Mapping[str, CellEntry | Composition]) -> dict[str, CellEntry | Composition]:
    """Leave out cells that are neither a role nor part of a composed one."""
    parts = {
        part
        for entry in cells.values()
        if isinstance(entry, Composition)
        for part in (*entry.composed, *entry.clock_pins)
    }
    wanted = {*ROLES, *ROLES_BESIDE, *parts}
    return {name: entry for name, entry in cells.items() if name in wanted}


def _in_order(cells: Mapping[str, CellEntry | Composition]) -> dict[str, CellEntry | Composition]:
    order = {role: i for i, role in enumerate((*ROLES, *ROLES_BESIDE))}
    measured = [name for name, entry in cells.items() if isinstance(entry, CellEntry)]
    composed = [name for name in cells if name not in measured]

    def place(name: str) -> tuple[int, str]:
        near = next((role for role in order if name.startswith(role)), name)
        return order.get(name, order.get(near, len(order))), name

    return {name: cells[name] for part in (measured, composed) for name in sorted(part, key=place)}
