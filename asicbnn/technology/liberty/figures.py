"""Figures of a chosen cell: area, leakage, pins, energy, and delay where it drives four inverters.

Delays and energies are read at the slew an inverter driving four inverters has when it is driven
by its like, and at the load of four inverters; the mean is over arcs, conditions and both edges.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Final

from asicbnn.errors import Problem, SpecError
from asicbnn.technology.liberty.groups import names_in
from asicbnn.technology.liberty.library import (
    InternalPower,
    LibertyCell,
    Library,
    Pin,
    Table,
    TimingArc,
)
from asicbnn.technology.liberty.matching import Match

_FANOUT: Final = 4
_ROUNDS: Final = 200
_SETTLED: Final = 1e-9
_TABLES: Final = "table_lookup"
_NOT_TIMED: Final = ("clear", "preset", "three_state_enable", "three_state_disable")


@dataclass(frozen=True, slots=True)
class CellFigures:
    """Figures of one cell; names and meanings as in a technology file.

    clock_energy_fj : per clock cycle, inside the cell and on its clock pin; None without clock
    setup_ps        : of a flip-flop, data before the clock edge; None where not given
    """

    area_um2: float
    leakage_nw: float
    input_capacitance_ff: float
    internal_energy_fj: float
    toggle_energy_fj: float
    delay_fo4_ps: float
    carry_delay_fo4_ps: float | None
    clock_energy_fj: float | None
    setup_ps: float | None
    has_power: bool


@dataclass(frozen=True, slots=True)
class Conditions:
    """Where figures are read: slew and load of a fan-out of four, and the supply."""

    slew_ps: float
    load_ff: float
    voltage_v: float

    @property
    def load_energy_fj(self) -> float:
        """Energy of charging the load by half: what one transition costs, 0.5 C V^2 [fJ]."""
        return 0.5 * self.load_ff * self.voltage_v**2


def conditions_of(library: Library, inverter: LibertyCell) -> Conditions:
    """Return the fan-out-of-four slew and load of an inverter.

    The slew is that of an inverter whose input has this very slew: the fixed point of its
    transition tables, found by repetition, half the way each time so that tables that fall with
    the slew settle as well.

    Raises SpecError, with the cell's line, where it has no input capacitance or transition tables,
    and where the slew does not settle.
    """
    load_ff = _FANOUT * fmean(pin.capacitance_ff for pin in inverter.inputs())
    if not load_ff > 0:
        raise lacking(inverter, "its input has no capacitance")
    tables = [
        table
        for arc in _arcs(inverter)
        for table in (arc.rise_transition, arc.fall_transition)
        if table is not None
    ]
    if not tables:
        model = library.delay_model
        raise lacking(
            inverter,
            "it has no rise_transition and fall_transition tables",
            f"the library's delay_model is {model}, and only lookup tables are read: give its "
            "file of delay_model table_lookup" if model not in ("", _TABLES) else "",
        )  # fmt: skip
    slew_ps = first = tables[0].slew_ps[0]
    for _ in range(_ROUNDS):
        before = slew_ps
        slew_ps = (before + fmean(table.at(before, load_ff) for table in tables)) / 2
        if abs(slew_ps - before) <= _SETTLED * max(abs(slew_ps), abs(first)):
            if slew_ps < 0:
                raise lacking(inverter, f"its mean slew at a fan-out of four is {slew_ps:g} ps")
            return Conditions(slew_ps, load_ff, library.voltage_v)
    raise lacking(inverter, "the slew of a chain of it does not settle: its tables are no cell's")


def figures_of(match: Match, at: Conditions) -> CellFigures:
    """Return the figures of a cell at a slew and a load: um2, nW, fF, fJ per transition, ps.

    Raises SpecError, with the cell's line, for one without area, delays or input capacitance.
    """
    cell = match.cell
    inputs = list(cell.inputs())
    if not cell.area_um2 > 0:
        raise lacking(cell, "it has no area")
    delays = [
        delay for pin in cell.outputs() if pin.name == (match.output or pin.name)
        for delay in _delays(pin, match, at)
    ]  # fmt: skip
    if not delays:
        raise lacking(cell, "no output has a cell_rise or cell_fall table")
    if not fmean(delays) > 0:
        raise lacking(cell, f"its mean delay at a fan-out of four is {fmean(delays):g} ps")
    energies = list(_switching_fj(match, at))
    internal = max(fmean(energies), 0.0) if energies else 0.0
    capacitance_ff = fmean(pin.capacitance_ff for pin in inputs)
    if not capacitance_ff > 0:
        raise lacking(cell, "its inputs have no capacitance")
    carry = [delay for pin in cell.outputs() if pin.name == match.carry
             for delay in _delays(pin, match, at)]  # fmt: skip
    return CellFigures(
        area_um2=cell.area_um2,
        leakage_nw=cell.leakage_nw,
        input_capacitance_ff=capacitance_ff,
        internal_energy_fj=internal,
        toggle_energy_fj=internal + at.load_energy_fj,
        delay_fo4_ps=fmean(delays),
        carry_delay_fo4_ps=fmean(carry) if carry else None,
        clock_energy_fj=_clock_energy_fj(match, at) if match.clock else None,
        setup_ps=_setup_ps(match, at),
        has_power=bool(energies),
    )


def _arcs(cell: LibertyCell) -> Iterator[TimingArc]:
    return (arc for pin in cell.outputs() for arc in pin.arcs if arc.is_delay)


def _delays(pin: Pin, match: Match, at: Conditions) -> Iterator[float]:
    """Yield the delays to an output; of a flip-flop those from its clock alone."""
    for arc in pin.arcs:
        if arc.kind in _NOT_TIMED:
            continue
        if match.role.startswith("flop") and arc.related_pin != match.clock:
            continue
        yield from _read((arc.cell_rise, arc.cell_fall), at)


def _switching_fj(match: Match, at: Conditions) -> Iterator[float]:
    """Yield what transitions cost inside a cell [fJ]; their mean is what one of them does.

    All outputs of a flip-flop or latch that show its state switch at once, and a file shares the
    energy out among them, or names the others in the tables of one: it is their sum, and only the
    one that is used drives a load.
    """
    outputs = {pin.name: pin for pin in match.cell.outputs()}
    if not match.output:
        found = [e for pin in outputs.values() for e in _energies(pin.powers, at)]
        yield from found or _of_inputs(match, at)
        return
    unloaded = replace(at, load_ff=0.0)
    powers = outputs[match.output].powers
    told = {match.output, *(name for power in powers for name in names_in(power.with_output))}
    others = [
        fmean(energies)
        for name in match.states
        if name not in told and (energies := list(_energies(outputs[name].powers, unloaded)))
    ]
    used = list(_energies(powers, at)) or [0.0] * bool(others)
    yield from (energy + sum(others) for energy in used)


def _of_inputs(match: Match, at: Conditions) -> Iterator[float]:
    """Yield what transitions of the inputs cost, where a file states no energy of the outputs.

    An output switches where an input does, so that either may hold the energy of both.
    """
    for pin in match.cell.inputs():
        if pin.name != match.clock:
            yield from _energies(pin.powers, at)


def _energies(powers: Iterable[InternalPower], at: Conditions) -> Iterator[float]:
    return (energy for power in powers for energy in _read((power.rise, power.fall), at))


def _read(tables: Iterable[Table | None], at: Conditions) -> Iterator[float]:
    return (table.at(at.slew_ps, at.load_ff) for table in tables if table is not None)


def _clock_energy_fj(match: Match, at: Conditions) -> float:
    """Energy of one clock cycle, the clock rising and falling once: C V^2 and what is inside."""
    pin = match.cell.pins[match.clock]
    rises = list(_read((power.rise for power in pin.powers), at))
    falls = list(_read((power.fall for power in pin.powers), at))
    inside = sum(fmean(energies) for energies in (rises, falls) if energies)
    return pin.capacitance_ff * at.voltage_v**2 + max(inside, 0.0)


def _setup_ps(match: Match, at: Conditions) -> float | None:
    """Return the longer setup time of a flip-flop's data, both slews those of the fan-out [ps]."""
    if match.role != "flop":
        return None
    found = [
        table.at(at.slew_ps, at.slew_ps)
        for pin in match.cell.inputs()
        for arc in pin.arcs
        if arc.kind.startswith("setup_") and arc.related_pin == match.clock
        for table in (arc.rise_constraint, arc.fall_constraint)
        if table is not None
    ]
    return max(found) if found else None


def lacking(cell: LibertyCell, what: str, cure: str = "") -> SpecError:
    """Return the complaint about a cell, with its place."""
    return SpecError(Problem(f"cell '{cell.name}': {what}", cell.file, cell.line, help=cure))
