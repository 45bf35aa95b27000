"""The forms of a cell: as measured from a Liberty file, or composed of such cells."""

from __future__ import annotations

from typing import Annotated

from pydantic import Discriminator, Field, PositiveFloat, Tag

from asicbnn.technology.form import Form, Name, NotNegative


class CellEntry(Form):
    """What one cell costs, as measured from a Liberty file.

    ``internal_energy_fj`` is per transition of one output, ``clock_energy_fj`` per clock cycle
    (inside the cell and on its clock pin), delay and toggle energy are at a load of four
    inverters and the input slew of an inverter so loaded.
    """

    cell: Name
    source: Name
    note: str = ""
    area_um2: PositiveFloat
    leakage_nw: NotNegative
    input_capacitance_ff: PositiveFloat
    internal_energy_fj: NotNegative
    toggle_energy_fj: PositiveFloat
    delay_fo4_ps: PositiveFloat
    carry_delay_fo4_ps: PositiveFloat | None = None
    clock_energy_fj: PositiveFloat | None = None


class Composition(Form):
    """A role the library has no cell for, built from the cells it has.

    composed   : the cells of one instance
    switching  : the cells that switch once, together, when each output switches once
    inner_pins : the input pins hanging on the inner nets that switch then
    input_pins : the pins one input drives, on average
    path       : the cells from input to (sum) output;  carry_path: from carry in to carry out
    clocked_by : the cell whose clock energy it has; besides that a clock cycle charges the
                 ``clock_pins`` (both edges) and switches the outputs of ``clock_switching``
    """

    composed: dict[str, Annotated[int, Field(ge=1)]]
    switching: dict[str, Annotated[float, Field(gt=0)]]
    inner_pins: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    input_pins: dict[str, Annotated[float, Field(gt=0)]]
    path: tuple[str, ...]
    carry_path: tuple[str, ...] = ()
    clocked_by: str | None = None
    clock_pins: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    clock_switching: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    note: str = ""
    source: Name

    @property
    def is_clocked(self) -> bool:
        """Whether a clock reaches any of it."""
        return self.clocked_by is not None or bool(self.clock_pins)


def _form_of_cell(entry: object) -> str:
    """Return which of the two a cell's entry is: what is wrong in it is then said of that alone."""
    if isinstance(entry, Form):
        return type(entry).__name__
    is_composed = isinstance(entry, dict) and "composed" in entry and "cell" not in entry
    return Composition.__name__ if is_composed else CellEntry.__name__


AnyCell = Annotated[
    Annotated[CellEntry, Tag("CellEntry")] | Annotated[Composition, Tag("Composition")],
    Discriminator(_form_of_cell),
]
