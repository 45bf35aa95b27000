"""Internal energy of cells whose Liberty file states none, scaled from the shipped technologies.

What a transition costs inside a cell, over what it costs to charge four inverters, is much the
same in processes as unlike as 130 nm and 7 nm; leaving it out would halve a flip-flop's energy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from asicbnn.technology.cell_entries import CellEntry
from asicbnn.technology.cells import ROLES
from asicbnn.technology.liberty.anchors import ANCHORS, Predicted, anchors, predicted
from asicbnn.technology.liberty.figures import CellFigures, Conditions, figures_of
from asicbnn.technology.liberty.matching import Match
from asicbnn.technology.schema import TechnologyFile

_FANOUT: Final = 4
_KINDS: Final = tuple(sorted((*ROLES, "clock_tree_buffer", "clock_buffer"), key=len, reverse=True))
_PERCENT: Final = 100


def completed(name: str, match: Match, at: Conditions) -> CellFigures:
    """Return the figures of a cell, its internal energies scaled where the file states none.

    name : of the entry, "flop_with_reset" or "nand2", which tells what kind of cell to scale
    """
    figures = figures_of(match, at)
    if figures.has_power:
        return figures
    inside = _ratio(name, lambda entry: entry.internal_energy_fj)
    clock = _ratio(name, lambda entry: entry.clock_energy_fj)
    if inside is None:
        return figures
    internal_fj = inside.value * at.load_energy_fj
    clock_fj = figures.clock_energy_fj
    if clock is not None and clock_fj is not None and not _states_energy(match):
        clock_fj = max(clock_fj, clock.value * at.load_energy_fj)
    return replace(
        figures,
        internal_energy_fj=internal_fj,
        toggle_energy_fj=internal_fj + at.load_energy_fj,
        clock_energy_fj=clock_fj,
    )


def _states_energy(match: Match) -> bool:
    """Say whether the file gives an energy of the clock pin itself."""
    powers = match.cell.pins[match.clock].powers
    return any(table is not None for power in powers for table in (power.rise, power.fall))


def note_on(name: str) -> str:
    """Return what to say of a cell whose internal energy was scaled."""
    found = _ratio(name, lambda entry: entry.internal_energy_fj)
    said = "the file gives no internal power for it"
    if found is None:
        return said
    error = f"{_PERCENT * found.relative_error:.0f}"
    return f"{said}; scaled by the load from {', '.join(ANCHORS)}, within {error} %"


def _ratio(name: str, of: Callable[[CellEntry], float | None]) -> Predicted | None:
    """Return an energy over that of the load of four inverters, as the anchors have it."""
    kind = next((role for role in _KINDS if name.startswith(role)), name)
    found = {
        anchor: energy_fj / _load_energy_fj(file)
        for anchor, file in anchors().items()
        if (entry := _entry(file, name, kind)) is not None and (energy_fj := of(entry))
    }
    return predicted(found) if found else None


def _entry(file: TechnologyFile, name: str, kind: str) -> CellEntry | None:
    """Return the anchor's cell of this name, else its first one of the kind.

    Of clock buffers without a like the buffer is taken.
    """
    cells = {key: entry for key, entry in file.cells.items() if isinstance(entry, CellEntry)}
    alike = (
        key for part in (kind, kind.removeprefix("clock_")) for key in cells if key.startswith(part)
    )
    return cells.get(name) or cells.get(next(alike, ""))


def _load_energy_fj(file: TechnologyFile) -> float:
    load_ff = _FANOUT * file.inverter_capacitance_ff.value
    return 0.5 * load_ff * file.voltage_v.value**2
