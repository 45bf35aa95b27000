"""XNOR and popcount, the heart of a binary accelerator: measured energy, fitted delay.

Both come from gate level, glitches included, because a sum over cells at a guessed activity misses
them: an adder tree switches up to twice as often as its function requires.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from asicbnn.errors import ModelError
from asicbnn.technology.known_names import unknown
from asicbnn.technology.library import Technology
from asicbnn.technology.log_interpolation import interpolated
from asicbnn.technology.popcount_entries import STRUCTURES, PopcountEnergyEntry

_RANDOM_BIT = 0.5


@dataclass(frozen=True, slots=True)
class PopcountEnergy:
    """Energy of one active lane in one operation, random data, glitches included [fJ].

    xnor_fj       : XNOR outputs and the counter pins they drive; they switch in half of the
                    operations whether or not the weights are held
    counters_fj   : the counters behind them
    input_pin_fj  : charge on the XNOR input pins of one operand that changes at every operation
    transitions   : of nets between the gates, XNOR outputs among them
    scaled        : not measured in this technology but scaled from others
    """

    xnor_fj: float
    counters_fj: float
    input_pin_fj: float
    transitions: float
    relative_error: float
    scaled: bool
    flags: tuple[str, ...]

    def per_lane_fj(self, changing_operands: int = 2) -> float:
        """Sum of it all [fJ]: ``changing_operands`` is 1 where weights (or inputs) are held."""
        return self.xnor_fj + self.counters_fj + changing_operands * self.input_pin_fj


@dataclass(frozen=True, slots=True)
class PathDelay:
    """Delay of one register-to-register path [ps], its relative error, and what to say of it."""

    delay_ps: float
    relative_error: float
    flags: tuple[str, ...]


def _known_structure(structure: str, lanes: int) -> None:
    if structure not in STRUCTURES:
        raise ModelError(unknown("popcount structure", structure, STRUCTURES))
    if lanes < 1:
        raise ModelError(f"lanes must be an integer >= 1, not {lanes}")


@lru_cache(maxsize=4096)
def popcount_energy(technology: Technology, structure: str, lanes: int) -> PopcountEnergy:
    """Energy per lane of XNOR and popcount: interpolated in log2 of the measured lane counts.

    Outside the measured range the nearest figure is taken, and flagged.
    """
    _known_structure(structure, lanes)
    entry = technology.popcount_energies[structure]
    compute = interpolated(lanes, entry.lanes, entry.compute_fj)
    half_v2 = 0.5 * technology.voltage_v**2
    load_fj = half_v2 * technology.cell("full_adder").input_capacitance_ff
    xnor = min(compute, _RANDOM_BIT * (technology.cell("xnor2").internal_energy_fj + load_fj))
    flags = []
    if not entry.lanes[0] <= lanes <= entry.lanes[-1]:
        flags.append(
            f"popcount energy of {lanes} lanes is taken from "
            f"{min(max(lanes, entry.lanes[0]), entry.lanes[-1])} lanes, the nearest measured"
        )
    return PopcountEnergy(
        xnor_fj=xnor,
        counters_fj=compute - xnor,
        input_pin_fj=interpolated(lanes, entry.lanes, entry.input_pins_fj),
        transitions=_transitions(technology, entry, lanes, compute),
        relative_error=entry.relative_error,
        scaled=entry.scaled,
        flags=tuple(flags),
    )


def _transitions(
    technology: Technology, entry: PopcountEnergyEntry, lanes: int, compute_fj: float
) -> float:
    if entry.transitions is None:
        return compute_fj / technology.cell("full_adder").toggle_energy_fj
    return interpolated(lanes, entry.lanes, entry.transitions)


@lru_cache(maxsize=4096)
def popcount_delay(technology: Technology, structure: str, lanes: int) -> PathDelay:
    """Delay of XNOR and popcount alone: a + b log2(lanes), as fitted to synthesised ones.

    Below the fitted range it falls in a straight line (in log2) to the XNOR gate at one lane.
    """
    _known_structure(structure, lanes)
    entry = technology.popcount_delays[structure]
    levels = math.log2(lanes)
    flags = [f"popcount delay of {technology.name} is derived: {entry.note}"]
    flags = flags if entry.derived else []
    if lanes < entry.lanes_from:
        single = technology.cell("xnor2").delay_fo4_ps
        first_levels = math.log2(entry.lanes_from)
        first = entry.per_level_ps * first_levels + entry.offset_ps
        delay = single + (first - single) * levels / first_levels
    else:
        delay = entry.per_level_ps * levels + entry.offset_ps
    if not entry.lanes_from <= lanes <= entry.lanes_to:
        flags.append(
            f"popcount delay of {lanes} lanes lies outside the fitted {entry.lanes_from} to "
            f"{entry.lanes_to}"
        )
    return PathDelay(delay, entry.relative_error, tuple(flags))
