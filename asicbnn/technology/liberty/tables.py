"""Lookup tables of a Liberty file: templates, axes in either order, values in every layout."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from math import isfinite, prod
from typing import Final, Literal, NoReturn

import numpy as np
from numpy.typing import NDArray

from asicbnn.technology.liberty.groups import Attribute, Group
from asicbnn.technology.liberty.library import Table
from asicbnn.technology.liberty.scales import Scales
from asicbnn.technology.liberty.statements import Statements

Axis = Literal["slew", "related slew", "load", "other"]

_AXIS_OF: Final[dict[str, Axis]] = {
    "input_net_transition": "slew",
    "input_transition_time": "slew",
    "constrained_pin_transition": "slew",
    "related_pin_transition": "related slew",
    "total_output_net_capacitance": "load",
    "output_net_pin_cap": "load",
    "output_net_wire_cap": "other",
    "output_net_length": "other",
    "related_out_total_output_net_capacitance": "other",
    "related_out_output_net_length": "other",
    "related_out_output_net_pin_cap": "other",
    "related_out_output_net_wire_cap": "other",
    "equal_or_opposite_output_net_capacitance": "other",
    "equal_or_opposite_output_net_length": "other",
    "equal_or_opposite_output_net_pin_cap": "other",
    "equal_or_opposite_output_net_wire_cap": "other",
}
_NO_AXIS: Final = (0.0,)
LARGEST: Final = 1e30  # no library holds such numbers, and their products must stay finite
_SEPARATORS: Final = str.maketrans({'"': " ", ",": " ", "\\": " "})


@dataclass(frozen=True, slots=True)
class Template:
    """A table template: what its variables are, and the axes of tables that give none."""

    variables: tuple[str, ...]
    axes: dict[int, Attribute]


@dataclass(slots=True)
class TableReader:
    """Turns table groups into tables, with the templates and units of one library."""

    statements: Statements
    scales: Scales
    templates: dict[str, Template] = field(default_factory=dict)
    _axes: dict[tuple[str, float], tuple[float, ...]] = field(default_factory=dict)

    def add_template(self, group: Group) -> None:
        """Remember a ``lu_table_template`` or ``power_lut_template``."""
        names = [group.text(f"variable_{i}") for i in (1, 2, 3)]
        self.templates[group.argument] = Template(
            tuple(name for name in names if name), _indices(group)
        )

    def table(self, group: Group, unit: float) -> Table:
        """Return a table with axes (slew, load), its values times ``unit``."""
        values = group.attributes.get("values")
        if values is None:
            is_polynomial = "coefs" in group.attributes
            cure = "polynomials are not read: give the library's file of lookup tables"
            self.statements.fail(
                f"{group.kind}: the table has no values", group.line, cure * is_polynomial
            )
        if group.argument == "scalar":
            return Table(_NO_AXIS, _NO_AXIS, self._shaped(group, values, (), unit))
        template = self.templates.get(group.argument)
        if template is None:
            self.statements.fail(
                f"{group.kind}: there is no table template '{group.argument}' above this line",
                group.line,
            )
        kinds = self._axis_kinds(group, template)
        indices = template.axes | _indices(group)
        axes = [self._axis(group, indices, i, kind) for i, kind in enumerate(kinds, start=1)]
        shaped = self._shaped(group, values, tuple(map(len, axes)), unit)
        return _canonical(kinds, axes, shaped)

    def numbers(self, attribute: Attribute, what: str) -> list[float]:
        """Return the numbers of a list; SpecError with the line of one that is none."""
        words = attribute.value.translate(_SEPARATORS).split()
        try:
            found = list(map(float, words))
        except ValueError:
            self._refuse_number(attribute, what)
        if not isfinite(sum(found)) or any(abs(number) > LARGEST for number in found):
            self._refuse_number(attribute, what)
        return found

    def _refuse_number(self, attribute: Attribute, what: str) -> NoReturn:
        for offset, text in enumerate(attribute.value.split("\n")):
            for word in text.translate(_SEPARATORS).split():
                if not _is_finite(word):
                    self.statements.fail(
                        f"{what}: expected a number, got '{word[:40]}'", attribute.line + offset
                    )
        self.statements.fail(f"{what}: the numbers are too large", attribute.line)

    def _axis_kinds(self, group: Group, template: Template) -> list[Axis]:
        """Return what each axis of a table is; a transition beside a load is the input's."""
        kinds: list[Axis] = []
        for variable in template.variables:
            if variable not in _AXIS_OF:
                self.statements.fail(
                    f"{group.kind}: template '{group.argument}' has the variable '{variable}', "
                    "which is neither a transition time nor a load",
                    group.line,
                )
            kinds.append(_AXIS_OF[variable])
        if "load" in kinds and "slew" not in kinds:
            kinds = ["slew" if kind == "related slew" else kind for kind in kinds]
        known = [kind for kind in kinds if kind != "other"]
        if len(set(known)) != len(known):
            self.statements.fail(
                f"{group.kind}: template '{group.argument}' has one variable twice", group.line
            )
        return kinds

    def _axis(
        self, group: Group, indices: dict[int, Attribute], number: int, kind: Axis
    ) -> tuple[float, ...]:
        attribute = indices.get(number)
        if attribute is None:
            self.statements.fail(
                f"{group.kind}: neither the table nor its template has index_{number}", group.line
            )
        unit = self.scales.ps if kind in ("slew", "related slew") else self.scales.ff
        key = (attribute.value, unit)
        if key not in self._axes:
            axis = tuple(x * unit for x in self.numbers(attribute, f"index_{number}"))
            if not axis or any(low >= high for low, high in pairwise(axis)):
                self.statements.fail(
                    f"index_{number}: expected numbers that rise, got '{attribute.value[:60]}'",
                    attribute.line,
                )
            self._axes[key] = axis
        return self._axes[key]

    def _shaped(
        self, group: Group, values: Attribute, shape: tuple[int, ...], unit: float
    ) -> NDArray[np.float64]:
        found = self.numbers(values, "values")
        if len(found) != prod(shape):
            axes = " x ".join(map(str, shape)) or "1"
            self.statements.fail(
                f"{group.kind}: {len(found)} values, where the axes ask for {axes}", values.line
            )
        array = np.array(found).reshape(shape or (1, 1)) * unit
        array.flags.writeable = False
        return array


def sum_of(one: Table | None, other: Table | None) -> Table | None:
    """Return the sum of two tables over the axes of the first; None where there is neither."""
    if one is None or other is None:
        return one or other
    if (one.slew_ps, one.load_ff) == (other.slew_ps, other.load_ff):
        added = other.values
    else:
        added = np.array([[other.at(s, c) for c in one.load_ff] for s in one.slew_ps])
    total = one.values + added
    total.flags.writeable = False
    return Table(one.slew_ps, one.load_ff, total)


def _indices(group: Group) -> dict[int, Attribute]:
    named = ((i, group.attributes.get(f"index_{i}")) for i in (1, 2, 3))
    return {i: attribute for i, attribute in named if attribute is not None}


def _canonical(
    kinds: list[Axis], axes: list[tuple[float, ...]], values: NDArray[np.float64]
) -> Table:
    """Return the table as [slew, load]; of any further axis its first entry is taken."""
    wanted: tuple[Axis, Axis] = ("slew", "load" if "load" in kinds else "related slew")
    for i in reversed(range(len(kinds))):
        if kinds[i] not in wanted:
            values = values[(slice(None),) * i + (0,)]
    kept = [kind for kind in kinds if kind in wanted]
    if kept == list(reversed(wanted)):
        values = values.T
    first, second = (axes[kinds.index(k)] if k in kept else _NO_AXIS for k in wanted)
    return Table(first, second, values.reshape(len(first), len(second)))


def _is_finite(word: str) -> bool:
    try:
        return isfinite(float(word))
    except ValueError:
        return False
