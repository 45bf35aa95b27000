"""Reads memory macros from their Liberty files: ports, energy per access, access time.

A file tells which pins are clocked and what energy the clock pin takes under which condition. Reads
and writes are told apart by the condition of the data input's setup times, or of the data
output's delays, else by the pin whose name is a write enable's; a clock whose energy is the same
under every condition reads and writes at that. Pins for built-in self-test are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from asicbnn.errors import Problem, SpecError
from asicbnn.technology.compiled_memory import WriteMask
from asicbnn.technology.liberty import LibertyCell, Library, Pin, Table, TimingArc, read_file
from asicbnn.technology.liberty.functions import ExpressionError, forced_by
from asicbnn.technology.macro import MacroList, MacroPorts, SramMacro

_BITS_PER_BYTE = 8
_SELF_TEST = re.compile(r"bist|test|scan", re.IGNORECASE)
_MASK = re.compile(r"bm|mask|bwe|wem", re.IGNORECASE)
_LOW_WRITE_ENABLE = re.compile(r"g?we_?[bn]\d*", re.IGNORECASE)
_HIGH_WRITE_ENABLE = re.compile(r"g?we\d*(?:_i|_in)?|wr(?:ite)?_?en(?:able)?\d*", re.IGNORECASE)
_MEMORY_KINDS = ("ram", "rom")
_SAME = 1e-3
_IDLE = 0.05

Literals = Mapping[str, bool]


@dataclass(frozen=True, slots=True)
class _Port:
    """What hangs on one clock: the buses of words going in and out."""

    clock: Pin
    data_in: tuple[Pin, ...]
    data_out: tuple[Pin, ...]


def read_liberty(path: Path) -> MacroList:
    """Read the macros of a Liberty file: every cell with a ``memory`` group.

    Depth is two to the address bits. Energies are those of one clock cycle of one port, rise and
    fall, and delays the larger of both edges, in the middle of the tables.

    Raises SpecError naming file and line if there is no macro, or if reads cannot be told from
    writes.
    """
    library = read_file(path)
    macros = tuple(
        _macro(cell, library.voltage_v)
        for cell in library.cells.values()
        if cell.memory is not None
    )
    if not macros:
        raise SpecError(
            Problem(
                "no cell of this file has a memory group: it holds no macro" + _marked(library),
                str(path),
                help="give the macros as a CSV (docs/models/technology.md)",
            )
        )
    sources = tuple(f"{file.name}, SHA-256 {file.sha256}" for file in library.files)
    return MacroList(path.name, library.files[0].sha256, macros, sources)


def _marked(library: Library) -> str:
    """Return what to say of a cell that is marked as a macro without telling its words."""
    marked = [cell.name for cell in library.cells.values() if "macro" in cell.drawbacks]
    return f" that tells its words; {marked[0]} is only marked as one" if marked else ""


def _macro(cell: LibertyCell, voltage_v: float) -> SramMacro:
    shape = cell.memory
    assert shape is not None
    if shape.kind not in _MEMORY_KINDS:
        raise _trouble(cell, f"memory type '{shape.kind}' is neither ram nor rom")
    ports = list(_ports(cell, shape.word_bits))
    if not any(port.data_out for port in ports):
        raise _trouble(cell, f"no output of {shape.word_bits} bit follows a clock")
    reader = next(port for port in ports if port.data_out)
    writer = next((port for port in ports if port.data_in), None)
    is_rom = shape.kind == "rom" or writer is None
    if not cell.area_um2 > 0:
        raise _trouble(cell, "it has no area")
    return SramMacro(
        name=cell.name,
        words=2**shape.address_bits,
        word_bits=shape.word_bits,
        ports="rom" if is_rom else _ports_name(cell, ports),
        area_um2=cell.area_um2,
        read_energy_fj=_read_fj(cell, reader),
        write_energy_fj=None if is_rom or writer is None else _write_fj(cell, writer),
        leakage_nw=cell.leakage_nw,
        access_ps=_access_ps(cell, reader),
        minimum_cycle_ps=_minimum_cycle_ps(ports),
        write_mask="none" if is_rom else _write_mask(cell, shape.word_bits),
        voltage_v=voltage_v,
    )


def _trouble(cell: LibertyCell, message: str) -> SpecError:
    return SpecError(
        Problem(
            f"macro {cell.name}: {message}",
            cell.file,
            cell.line,
            1,
            help="give this macro as a row of a CSV (docs/models/technology.md)",
        )
    )


def _ports(cell: LibertyCell, word_bits: int) -> Iterator[_Port]:
    """Yield what hangs on each clock, self-test left out."""
    words = [
        pin
        for pin in cell.pins.values()
        if pin.width == word_bits and not _SELF_TEST.search(pin.name)
    ]
    for clock in cell.inputs():
        if not clock.is_clock or _SELF_TEST.search(clock.name):
            continue
        related = [pin for pin in words if any(a.related_pin == clock.name for a in pin.arcs)]
        data_in = tuple(p for p in related if p.direction == "input" and not _is_mask(p))
        data_out = tuple(p for p in related if p.direction == "output")
        if data_in or data_out:
            yield _Port(clock, data_in, data_out)


def _ports_name(cell: LibertyCell, ports: Iterable[_Port]) -> MacroPorts:
    kinds = sorted(f"{'r' * bool(p.data_out)}{'w' * bool(p.data_in)}" for p in ports)
    named: dict[tuple[str, ...], MacroPorts] = {
        ("rw",): "1rw",
        ("r", "w"): "1r1w",
        ("r", "rw"): "1rw1r",
        ("rw", "rw"): "2rw",
    }
    if (name := named.get(tuple(kinds))) is None:
        raise _trouble(cell, f"its {len(kinds)} ports ({', '.join(kinds)}) are of no kind known")
    return name


def _middle(table: Table | None) -> float:
    """Value in the middle of a table, 0 where there is none."""
    if table is None:
        return 0.0
    rows, columns = table.values.shape
    return float(table.values[rows // 2, columns // 2])


def _access_ps(cell: LibertyCell, port: _Port) -> float:
    """Return the time from the rising clock to the data [ps].

    Data that follow the falling clock are half a cycle later, of the shortest cycle there is.
    """
    arcs = [a for a in port.data_out[0].arcs if a.related_pin == port.clock.name and a.is_delay]
    if not arcs:
        raise _trouble(cell, f"{port.data_out[0].name} has no delay from {port.clock.name}")
    half_ps = (_minimum_cycle_ps([port]) or 0.0) / 2
    return max(
        max(_middle(arc.cell_rise), _middle(arc.cell_fall)) + half_ps * _is_after_fall(arc)
        for arc in arcs
    )


def _is_after_fall(arc: TimingArc) -> bool:
    return arc.kind == "falling_edge"


def _minimum_cycle_ps(ports: Iterable[_Port]) -> float | None:
    """Return the longest of what the clocks of some ports state as their shortest cycle [ps]."""
    clocks = [port.clock for port in ports]
    stated = [
        max(_middle(arc.rise_constraint), _middle(arc.fall_constraint))
        for clock in clocks
        for arc in clock.arcs
        if arc.kind == "minimum_period"
    ]
    stated += [clock.minimum_period_ps for clock in clocks if clock.minimum_period_ps is not None]
    return max((cycle_ps for cycle_ps in stated if cycle_ps > 0), default=None)


def _write_mask(cell: LibertyCell, word_bits: int) -> WriteMask:
    widths = {
        pin.width
        for pin in cell.inputs()
        if _is_mask(pin) and not _SELF_TEST.search(pin.name)
    }
    if word_bits in widths:
        return "bit"
    return "byte" if -(-word_bits // _BITS_PER_BYTE) in widths and word_bits > 1 else "none"


def _is_mask(pin: Pin) -> bool:
    """Say whether a pin selects parts of a word: by its name, or as many enables of writes."""
    enables = (_LOW_WRITE_ENABLE, _HIGH_WRITE_ENABLE)
    is_wide_enable = pin.width > 1 and any(name.fullmatch(pin.name) for name in enables)
    return is_wide_enable or bool(_MASK.search(pin.name))


def _literals(cell: LibertyCell, condition: str) -> Literals:
    """Return which pins a condition wants high and low, of those it leaves no choice."""
    try:
        return forced_by(condition)
    except ExpressionError:
        raise _trouble(
            cell, f"the condition '{condition[:80]}' of its energy is no expression"
        ) from None


def _excludes(one: Literals, other: Literals) -> bool:
    return any(name in other and other[name] != wanted for name, wanted in one.items())


def _clock_energies(cell: LibertyCell, clock: Pin) -> list[tuple[Literals, float]]:
    """Energy of a clock cycle by condition [fJ], idle ones left out."""
    stated = [
        (_literals(cell, power.when), _middle(power.rise) + _middle(power.fall))
        for power in clock.powers
    ]
    if not stated or max(energy for _, energy in stated) <= 0:
        raise _trouble(cell, f"its clock {clock.name} has no internal power: no energy is stated")
    most = max(energy for _, energy in stated)
    return [(literals, energy) for literals, energy in stated if energy > _IDLE * most]


def _condition(cell: LibertyCell, pins: Iterable[Pin], clock: Pin) -> Literals:
    """Return the condition under which pins are sampled or driven, empty if nobody says."""
    stated = {a.when for pin in pins for a in pin.arcs if a.related_pin == clock.name and a.when}
    return _literals(cell, stated.pop()) if len(stated) == 1 else {}


def _read_fj(cell: LibertyCell, port: _Port) -> float:
    reading = _condition(cell, port.data_out, port.clock)
    writing = _condition(cell, port.data_in, port.clock)
    return _chosen(cell, port, "read", wanted=reading, unwanted=writing)


def _write_fj(cell: LibertyCell, port: _Port) -> float:
    reading = _condition(cell, port.data_out, port.clock)
    writing = _condition(cell, port.data_in, port.clock)
    return _chosen(cell, port, "write", wanted=writing, unwanted=reading)


def _chosen(
    cell: LibertyCell, port: _Port, action: str, *, wanted: Literals, unwanted: Literals
) -> float:
    """Return the energy of an action and nothing beside it, the largest of several [fJ]."""
    stated = _clock_energies(cell, port.clock)
    energies = [energy for _, energy in stated]
    if max(energies) - min(energies) <= _SAME * max(energies):
        return max(energies)
    if not wanted and not unwanted and (enable := _write_enable(cell)):
        name, is_high = enable
        said = {name: is_high == (action == "write")}
        return max((e for state, e in stated if not _excludes(state, said)), default=max(energies))
    if wanted:
        matching = [state for state in stated if not _excludes(state[0], wanted)]
    elif unwanted:
        matching = [state for state in stated if _excludes(state[0], unwanted)]
    else:
        one_sided = not (port.data_in and port.data_out)
        matching = stated if one_sided else []
    if not matching:
        raise _trouble(cell, f"which energy of {port.clock.name} is that of a {action} is not said")
    fewest = min(_beyond(literals, wanted) for literals, _ in matching)
    return max(energy for literals, energy in matching if _beyond(literals, wanted) == fewest)


def _write_enable(cell: LibertyCell) -> tuple[str, bool] | None:
    """Return the pin that a name shows to enable writes, and the level it does so at."""
    single = [pin.name for pin in cell.inputs() if pin.width == 1]
    for form, level in ((_LOW_WRITE_ENABLE, False), (_HIGH_WRITE_ENABLE, True)):
        for name in single:
            if form.fullmatch(name):
                return name, level
    return None


def _beyond(literals: Literals, wanted: Literals) -> int:
    """Return how many more enables a condition asks for: a write that reads too has one more."""
    return sum(is_high and name not in wanted for name, is_high in literals.items())


__all__ = ["read_liberty"]
