"""How a role that a library has no cell for is built from the cells it has.

A recipe says for one instance which parts there are, which of them switch when the outputs do,
what hangs on the nets between them, and where a path runs. Recipes use roles; a part that is
itself composed is opened, so that what results names measured cells only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

Parts = Mapping[str, float]


class Measured(Protocol):
    """What a recipe asks of a measured cell."""

    @property
    def area_um2(self) -> float:
        """Area of the cell [um2]."""
        ...


@dataclass(frozen=True, slots=True)
class Recipe:
    """Parts of a composed role; the fields are those of a technology file's composition."""

    composed: Parts
    switching: Parts
    input_pins: Parts
    path: tuple[str, ...]
    note: str
    inner_pins: Parts = field(default_factory=dict)
    carry_path: tuple[str, ...] = ()
    clocked_by: str | None = None
    clock_pins: Parts = field(default_factory=dict)
    clock_switching: Parts = field(default_factory=dict)

    def parts(self) -> set[str]:
        """Roles the recipe uses."""
        return set(self.composed)


def _inverted(inner: str, note: str) -> Recipe:
    """A cell of one output with an inverter behind it."""
    return Recipe(
        composed={inner: 1, "inverter": 1},
        switching={inner: 1, "inverter": 1},
        inner_pins={"inverter": 1},
        input_pins={inner: 1},
        path=(inner, "inverter"),
        note=note,
    )


def _of_inverted_inputs(inner: str, note: str) -> Recipe:
    """A gate behind inverters; of these the one switches whose input does."""
    return Recipe(
        composed={inner: 1, "inverter": 2},
        switching={inner: 1, "inverter": 1},
        inner_pins={inner: 1},
        input_pins={"inverter": 1},
        path=("inverter", inner),
        note=note,
    )


def _inverted_adder(inner: str, note: str) -> Recipe:
    return Recipe(
        composed={inner: 1, "inverter": 2},
        switching={inner: 2, "inverter": 2},
        inner_pins={"inverter": 2},
        input_pins={inner: 1},
        path=(inner, "inverter"),
        carry_path=(inner, "inverter"),
        note=note,
    )


def stand_in(cell: str, note: str, *, is_inverting: bool, is_falling: bool) -> Recipe:
    """A clocked cell that does more than is asked, or its complement, in a role's place."""
    recipe = Recipe(
        composed={cell: 1}, switching={cell: 1}, input_pins={cell: 1}, path=(cell,),
        clocked_by=cell, note=note,
    )  # fmt: skip
    if is_inverting:
        recipe = replace(_inverted(cell, note), clocked_by=cell)
    if is_falling:
        inverters = recipe.composed.get("inverter", 0) + 1
        recipe = replace(
            recipe,
            composed={**recipe.composed, "inverter": inverters},
            clock_pins={"inverter": 1},
            clock_switching={"inverter": 1},
        )
    return recipe


# Counts of what switches are means over the input states in which the output follows an input.
RECIPES: Final[Mapping[str, tuple[Recipe, ...]]] = {
    "nand2": (_inverted("and2", "AND2 and inverter"),),
    "nor2": (_inverted("or2", "OR2 and inverter"),),
    "and2": (
        _inverted("nand2", "NAND2 and inverter"),
        _of_inverted_inputs("nor2", "NOR2 of inverted inputs"),
    ),
    "or2": (
        _inverted("nor2", "NOR2 and inverter"),
        _of_inverted_inputs("nand2", "NAND2 of inverted inputs"),
    ),
    "xnor2": (_inverted("xor2", "XOR2 and inverter"),),
    "xor2": (
        _inverted("xnor2", "XNOR2 and inverter"),
        Recipe(
            composed={"nand2": 4},
            switching={"nand2": 2.5},
            inner_pins={"nand2": 2},
            input_pins={"nand2": 2},
            path=("nand2", "nand2", "nand2"),
            note="four NAND2",
        ),
    ),
    "buffer": (
        Recipe(
            composed={"inverter": 2},
            switching={"inverter": 2},
            inner_pins={"inverter": 1},
            input_pins={"inverter": 1},
            path=("inverter", "inverter"),
            note="two inverters",
        ),
    ),
    "clock_buffer": (
        Recipe(
            composed={"buffer": 1},
            switching={"buffer": 1},
            input_pins={"buffer": 1},
            path=("buffer",),
            note="the library has no clock buffer; its smallest buffer stands in",
        ),
    ),
    "mux2": (
        _inverted("mux2_inverting", "inverting multiplexer and inverter"),
        Recipe(
            composed={"nand2": 3, "inverter": 1},
            switching={"nand2": 2},
            inner_pins={"nand2": 1},
            input_pins={"nand2": 4 / 3, "inverter": 1 / 3},
            path=("nand2", "nand2"),
            note="the library has no multiplexer; a path from the select adds an inverter",
        ),
    ),
    "half_adder": (
        _inverted_adder("half_adder_inverting", "the library's half adder has inverted outputs"),
        Recipe(
            composed={"xor2": 1, "and2": 1},
            switching={"xor2": 1, "and2": 1},
            input_pins={"xor2": 1, "and2": 1},
            path=("xor2",),
            carry_path=("and2",),
            note="the library has no half adder",
        ),
    ),
    "full_adder": (
        _inverted_adder("full_adder_inverting", "the library's full adder has inverted outputs"),
        Recipe(
            composed={"xor2": 2, "nand2": 3},
            switching={"xor2": 2, "nand2": 3},
            inner_pins={"xor2": 1, "nand2": 3},
            input_pins={"xor2": 1, "nand2": 1},
            path=("xor2", "xor2"),
            carry_path=("nand2", "nand2"),
            note="the library has no full adder",
        ),
    ),
    "latch": (
        Recipe(
            composed={"mux2_as_latch": 1},
            switching={"mux2_as_latch": 1},
            inner_pins={"mux2_as_latch": 1},
            input_pins={"mux2_as_latch": 1},
            path=("mux2_as_latch",),
            clocked_by="mux2_as_latch",
            note="the library has no latch; a multiplexer with its output fed back, the enable "
            "on its select",
        ),
        Recipe(
            composed={"nand2": 4},
            switching={"nand2": 4},
            inner_pins={"nand2": 5},
            input_pins={"nand2": 1},
            path=("nand2", "nand2"),
            clock_pins={"nand2": 2},
            note="the library has no latch; four NAND2",
        ),
    ),
    "clock_gate": (
        Recipe(
            composed={"latch": 1, "and2": 1, "inverter": 1},
            switching={"and2": 1},
            input_pins={"latch": 1},
            path=("and2",),
            clocked_by="latch",
            clock_pins={"and2": 1, "inverter": 1},
            clock_switching={"inverter": 1},
            note="the library has no clock gate; a latch open while the clock is low, and AND2",
        ),
    ),
    "flop_with_reset": (
        Recipe(
            composed={"flop": 1, "and2": 1},
            switching={"flop": 1, "and2": 1},
            inner_pins={"flop": 1},
            input_pins={"and2": 1},
            path=("flop",),
            clocked_by="flop",
            note="the library has no flip-flop with reset; one without, its data gated by AND2",
        ),
    ),
}


def compose(
    role: str, measured: Mapping[str, Measured], special: Mapping[str, Recipe]
) -> Recipe | None:
    """Return the recipe of least area for a role, in measured cells; None where there is none.

    special : recipes that this library alone needs, such as a flip-flop standing in; they go first
    """
    return _compose(role, measured, special, frozenset())


def _compose(
    role: str,
    measured: Mapping[str, Measured],
    special: Mapping[str, Recipe],
    open_roles: frozenset[str],
) -> Recipe | None:
    offered = (special[role],) if role in special else RECIPES.get(role, ())
    found = [
        opened
        for recipe in offered
        if (opened := _opened(recipe, measured, special, open_roles | {role})) is not None
    ]
    return min(found, key=lambda recipe: _area_um2(recipe, measured), default=None)


def _area_um2(recipe: Recipe, measured: Mapping[str, Measured]) -> float:
    return sum(n * measured[part].area_um2 for part, n in recipe.composed.items())


def _opened(
    recipe: Recipe,
    measured: Mapping[str, Measured],
    special: Mapping[str, Recipe],
    open_roles: frozenset[str],
) -> Recipe | None:
    """Return the recipe with composed parts replaced by what they are made of."""
    inner: dict[str, Recipe] = {}
    for part in recipe.parts() - measured.keys():
        if part in open_roles:
            return None
        found = _compose(part, measured, special, open_roles)
        if found is None:
            return None
        inner[part] = found
    return _substituted(recipe, inner) if inner else recipe


def _substituted(recipe: Recipe, inner: Mapping[str, Recipe]) -> Recipe:
    clock = inner.get(recipe.clocked_by or "")
    return Recipe(
        composed=_sum(recipe.composed, {part: r.composed for part, r in inner.items()}),
        switching=_sum(recipe.switching, {part: r.switching for part, r in inner.items()}),
        inner_pins=_added(
            _sum(recipe.inner_pins, {part: r.input_pins for part, r in inner.items()}),
            *(_times(r.inner_pins, recipe.switching.get(p, 0)) for p, r in inner.items()),
        ),
        input_pins=_sum(recipe.input_pins, {part: r.input_pins for part, r in inner.items()}),
        path=tuple(_along(recipe.path, {part: r.path for part, r in inner.items()})),
        carry_path=tuple(
            _along(recipe.carry_path, {p: r.carry_path or r.path for p, r in inner.items()})
        ),
        clocked_by=clock.clocked_by if clock else recipe.clocked_by,
        clock_pins=_added(
            _sum(recipe.clock_pins, {part: r.input_pins for part, r in inner.items()}),
            clock.clock_pins if clock else {},
        ),
        clock_switching=_added(
            _sum(recipe.clock_switching, {part: r.switching for part, r in inner.items()}),
            clock.clock_switching if clock else {},
        ),
        note="; ".join([recipe.note, *(f"{p}: {r.note}" for p, r in sorted(inner.items()))]),
    )


def _sum(parts: Parts, inner: Mapping[str, Parts]) -> Parts:
    """Return the parts with composed ones replaced, times their number."""
    return _added(*(_times(inner.get(part, {part: 1}), n) for part, n in parts.items()))


def _times(parts: Parts, factor: float) -> Parts:
    return {part: n * factor for part, n in parts.items() if factor}


def _added(*several: Parts) -> Parts:
    total: dict[str, float] = {}  # counts of pins may be fractions
    for parts in several:
        for part, n in parts.items():
            total[part] = total.get(part, 0) + n
    return total


def _along(path: tuple[str, ...], inner: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    for part in path:
        yield from inner.get(part, (part,))
