"""The form of a technology file: every figure with the source it was taken from.

The classes mirror the YAML; `library.py` turns them into the `Technology` the models ask.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from difflib import get_close_matches
from typing import Annotated, Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    PositiveFloat,
    Tag,
    model_validator,
)

from asicbnn.spec.reader import read_text
from asicbnn.spec.source import decode
from asicbnn.technology.cells import ROLES

NotNegative = Annotated[float, Field(ge=0)]
Name = Annotated[str, Field(min_length=1)]


STRUCTURES = ("sliced", "tree")
"""The popcount structures: a sliced 3:2 counter tree, and a binary tree of ripple adders."""


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


class SramEntry(Form):
    """How the fitted SRAM macros carry over to this technology.

    area_ratio, leakage_ratio : to the fitted macros;  access: from the fit, or a number of FO4
    delays. Energy scales with the toggle energy of an inverter loaded by four, and energy_ratio is
    to what that gives: what macros of this process show, where there are any. An error that a
    ratio states takes the place of a factor of 2 either way.
    """

    fit: Name
    scaled: bool
    area_ratio: Figure
    leakage_ratio: Figure
    access: Literal["fit"] | Figure
    energy_ratio: Figure | None = None
    note: str = ""


class CornerEntry(Form):
    """Another corner of the library, relative to the one whose figures the file holds.

    The ratios are geometric means over the cells of the file: delay at a fan-out of four, energy
    of an output transition with its load, leakage.
    """

    name: Name
    voltage_v: PositiveFloat
    temperature_c: float
    delay_ratio: PositiveFloat
    energy_ratio: PositiveFloat
    leakage_ratio: PositiveFloat
    source: Name


class RoutedEntry(Form):
    """What finished runs of a place-and-route flow added, as `calibrate --from-metrics` fits it.

    Each figure carries the relative error that its spread over the runs means; what no run stated
    is left out, and the open designs stand in. Meanings: `routing.RoutedFactors`.
    """

    runs: Annotated[int, Field(ge=1)]
    placement_density: Figure | None = None
    growth: Figure | None = None
    sizing: Figure | None = None
    repair_ge_per_load: Figure | None = None
    clock_area_ge_per_sink: Figure | None = None
    detour: Figure | None = None
    datapath_spacings: Figure | None = None
    control_spacings: Figure | None = None
    power_ratio: Figure | None = None


class CalibrationFactor(Form):
    """What gates are, over what is estimated for them.

    factor  fitted on half of the designs      spread  relative half-width of 95 % of the residuals
    points  designs the factor was fitted on
    terms   of an energy: the factor of each term by itself, where they were told apart; those that
            are not here take `factor`
    """

    factor: PositiveFloat
    spread: NotNegative
    points: Annotated[int, Field(ge=1)]
    source: Name
    note: str = ""
    terms: dict[Name, NotNegative] = Field(default_factory=dict)


class CalibrationEntry(Form):
    """Factors of one structure, as `asicbnn calibrate` writes them; None where none was measured.

    area    of a component: of its gates beside flops, adders and multiplexers that hold, which are
            mapped one to one; of an accelerator: of the sum of its components; of a cell that is
            mapped alike everywhere: of what the technology has for it
    delay   of an accelerator: of its paths beside the popcount's; of a popcount: of the path
            through it; of adders: of their delays within either, before its factor
    energy  of a part of the logic (`calibration.SWITCHING`) or the clock: of what its events take;
            of an accelerator and an array: of the sum of its parts
    """

    area: CalibrationFactor | None = None
    delay: CalibrationFactor | None = None
    energy: CalibrationFactor | None = None


class CellMemoryEntry(Form):
    """What memories of latches or of flip-flops are as gates, over what is counted for them.

    area, leakage  of the logic; rows, data register and clock gates are mapped one to one
    read_energy   of an access beside read_addresses: what its decoder takes, in order or at random;
                  the spread of both is that of their sum, and read_energy serves for both in files
                  that were calibrated before addresses had a factor
    write_energy  of an access beside write_lines: what is written on the pins of a group of rows;
                  the spread of both is that of their sum
    idle_energy   of a cycle without access
    access        of the longest path beside access_levels: the levels of the OR over all words
    """

    area: CalibrationFactor
    leakage: CalibrationFactor
    read_energy: CalibrationFactor
    read_addresses: CalibrationFactor | None = None
    write_energy: CalibrationFactor
    write_lines: CalibrationFactor
    idle_energy: CalibrationFactor
    access: CalibrationFactor
    access_levels: CalibrationFactor


class PlacedWires(Form):
    """What wires of a part of the logic take once placed, over what the law of their block gives.

    factor  geometric mean over the designs it was fitted on
    spread  another design lies within factor / (1 + spread) and factor x (1 + spread), 19 times of
            20
    points  designs the factor was fitted on
    """

    factor: PositiveFloat
    spread: NotNegative
    points: Annotated[int, Field(ge=1)]
    source: Name


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


class OperatingEntry(Form):
    """How the figures of a library move with voltage and temperature (`operating_point.py`).

    threshold_voltage_v, alpha : of the alpha-power delay law, at the library's own temperature
    threshold_v_per_k          : the threshold falls by it with each kelvin
    delay_temperature_exponent : delay rises as this power of the absolute temperature
    leakage_barrier_v          : over which carriers leak, at the library's own voltage, over n
    leakage_v_per_v            : the barrier falls by it with each volt of supply, over n
    leakage_floor_fraction     : part of the leakage at the library's own point that goes over no
                                 barrier, and so by no temperature
    leakage_floor_per_v        : the logarithm of that part rises by it with each volt of supply
    internal_energy_exponent   : power of the voltage that energy inside cells goes by
    inversion_fraction         : part of a pin's capacitance that is there above the threshold alone
    sram_lowest_voltage_v      : below which macros are refused
    threshold_error_v          : by which the threshold may be off, which makes the delay's error
    energy_error, leakage_error: relative errors for each doubling or halving of the voltage
    leakage_error_per_k        : kelvins at which the error of leakage has grown by 1
    """

    threshold_voltage_v: Figure
    alpha: Figure
    threshold_v_per_k: Figure
    delay_temperature_exponent: Figure
    leakage_barrier_v: Figure
    leakage_v_per_v: Figure
    leakage_floor_fraction: Figure | None = None
    leakage_floor_per_v: Figure | None = None
    internal_energy_exponent: Figure
    inversion_fraction: Figure
    highest_voltage_v: Figure
    sram_lowest_voltage_v: Figure
    temperature_c: RangeEntry
    threshold_error_v: Figure
    energy_error: Figure
    leakage_error: Figure
    leakage_error_per_k: Figure

    @model_validator(mode="after")
    def _floored(self) -> Self:
        part, rises = self.leakage_floor_fraction, self.leakage_floor_per_v
        if (part is None) != (rises is None):
            raise ValueError("leakage_floor_fraction and leakage_floor_per_v go together")
        if part is not None and not part.value < 1:
            raise ValueError(f"leakage_floor_fraction must be below 1, got {part.value:g}")
        return self


class TechnologyFile(Form):
    """A whole technology file."""

    kind: Literal["library"] = "library"

    name: Name
    description: str = ""
    sources: dict[str, Name]
    node_nm: Figure
    voltage_v: Figure
    temperature_c: Figure
    fo4_delay_ps: Figure
    inverter_capacitance_ff: Figure
    inverter_toggle_energy_fj: Figure
    gate_equivalent_um2: Figure
    wire_ff_per_mm: Figure
    wire_ohm_per_um: Figure | None = None
    inverter_width_um: Figure | None = None
    """Channel width of the inverter's transistors, mean of both: what its leakage is per."""
    clock_wire_ff_per_mm: Figure
    setup_ps: Figure
    path_relative_error: Figure
    clock_tree_fanout: Figure
    clock_tree_wire_um_per_sink: Figure
    cells: dict[str, AnyCell]
    popcount_energy: dict[str, PopcountEnergyEntry]
    popcount_delay: dict[str, PopcountDelayEntry]
    sram: SramEntry
    corners: tuple[CornerEntry, ...] = ()
    routed: RoutedEntry | None = None
    calibration: dict[str, CalibrationEntry] = Field(default_factory=dict)
    """Factors by structure: see `calibration.STRUCTURES`."""
    cell_memories: dict[Literal["latch", "register"], CellMemoryEntry] = Field(default_factory=dict)
    """Factors of memories built of cells, by what their rows are."""
    placed_wires: dict[str, PlacedWires] = Field(default_factory=dict)
    """Factors of the energy of wires, by structure: `placed_wires.wires_key`."""
    macros: tuple[Name, ...] = ()
    """Lists of SRAM macros: shipped names, or files beside this one."""
    operating: OperatingEntry | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if missing := [role for role in ROLES if role not in self.cells]:
            raise ValueError(f"cells lacks {', '.join(missing)}: measure or compose each role")
        for part in (self.popcount_energy, self.popcount_delay):
            if set(part) != set(STRUCTURES):
                raise ValueError("popcount figures need exactly sliced and tree")
        for role in ("flop", "latch", "clock_gate"):
            entry = self.cells[role]
            if isinstance(entry, CellEntry) and entry.clock_energy_fj is None:
                raise ValueError(f"cells.{role} needs clock_energy_fj [fJ per cycle]")
            if isinstance(entry, Composition) and not entry.is_clocked:
                raise ValueError(f"cells.{role} needs clocked_by or clock_pins")
        return self

    @model_validator(mode="after")
    def _operable(self) -> Self:
        if self.operating is None:
            return self
        volts, degrees = self.voltage_v.value, self.temperature_c.value
        low, high = self.operating.threshold_voltage_v.value, self.operating.highest_voltage_v.value
        if not low < volts <= high:
            raise ValueError(
                f"operating: voltage_v, {volts:g}, must lie above threshold_voltage_v, {low:g}, "
                f"and not above highest_voltage_v, {high:g}"
            )
        known = self.operating.temperature_c
        if not known.least <= degrees <= known.most:
            raise ValueError(
                f"operating.temperature_c: the library's own, {degrees:g}, must lie within "
                f"{known.least:g} to {known.most:g}"
            )
        return self

    @model_validator(mode="after")
    def _sourced(self) -> Self:
        check_sources(self, self.sources)
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


def unknown(what: str, given: str, known: Iterable[str]) -> str:
    """Return the sentence for a name that is not among the ``known``."""
    known = tuple(known)
    near = get_close_matches(given.lower(), known, 1, 0.5)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    return f"unknown {what} '{given}'{hint} (known: {', '.join(known)})"
