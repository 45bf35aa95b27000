"""How far each rate of energy may be off, and at which level it is: errors with their origins.

Whoever makes a rate from figures of its own states its error there; this is the table of all
others. The figures are in `assumptions.yaml`, the technology and its calibration, and its memories.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from asicbnn.levels import Level, level_of_sum
from asicbnn.model.area import Area
from asicbnn.model.assumptions import assumptions
from asicbnn.model.clock_tree import is_of_tree
from asicbnn.model.control import CONTROL
from asicbnn.model.energy import Rate
from asicbnn.model.gate_terms import GateRate, gate_rates
from asicbnn.result import PARTS
from asicbnn.spec.accelerator import Accelerator
from asicbnn.technology.calibration import CLOCK, energy_key
from asicbnn.technology.corners import Ratios
from asicbnn.technology.levels import MEMORY_LEVELS
from asicbnn.technology.library import Technology
from asicbnn.technology.popcount import PopcountEnergy

DATA = "random_bit"
"""Origin of the errors of data that nobody counted: on links, and of thresholds and results."""

_DATA_OF: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("weight register", "weight bus"), "weight_bit"),
        **dict.fromkeys(("input register", "input bus", "input broadcast"), "input_bit"),
        **dict.fromkeys(("xnor", "mask", "popcount"), "product_bit"),
        **dict.fromkeys(
            ("popcount register", "accumulate", "compare", "psum register", "psum bus"), "sum_bit"
        ),
    }
)
DATA_ORIGINS = (DATA, *dict.fromkeys(_DATA_OF.values()))
"""Origins of the errors of whatever switches with weights and images."""


def data_origin(part: str, term: str) -> str:
    """Return what the error of a term stems from that switches with weights and images."""
    return _DATA_OF.get(term, DATA) if part == "array" else DATA


_COUNTED_ON_GATES = frozenset({("array", "xnor"), ("array", "popcount")})


def component_of(part: str, term: str) -> str | None:
    """Return the part of the logic whose gates switch for a rate, of `calibration.SWITCHING`.

    None for clock, memories and the rest.
    """
    if (part, term) in CONTROL:
        return CONTROL[part, term].component
    if part == "array":
        return _ARRAY.get(term, "sums")
    return "sums" if (part, term) == ("post", "threshold register") else None


_ARRAY: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("xnor", "mask", "popcount", "popcount register"), "popcount"),
        **dict.fromkeys(("weight register", "input register"), "registers"),
    }
)


def with_errors(table: Iterable[Rate], built: Area, popcount: PopcountEnergy) -> tuple[Rate, ...]:
    """Return rates of energy with the errors they do not state themselves."""
    return tuple(rate if rate.origin else _stated(rate, built, popcount) for rate in table)


def elsewhere(table: Iterable[Rate], technology: Technology) -> tuple[Rate, ...]:
    """Return rates of energy with the errors of a node and of an operating point between libraries.

    They are of whatever is priced with the technology's figures, the tree and wires as well.
    """
    if technology.node_error:
        table = [_scaled(rate, technology) for rate in table]
    if (by := technology.moved_by) != Ratios():
        table = [_moved(rate, by) for rate in table]
    return tuple(table)


def calibrated(
    table: Iterable[Rate], technology: Technology, accelerator: Accelerator
) -> tuple[Rate, ...]:
    """Return rates of energy at gate level: times their factor, and what gates add to them.

    The spread of a part of the logic takes the place of the error of sums over cells; what is
    uncertain about activities remains.
    """
    structure = accelerator.array.popcount.structure
    added = gate_rates(table, accelerator)
    found = (_calibrated(each, technology, structure) for each in added)
    return tuple(rate for rate in found if rate is not None)


def _calibrated(each: GateRate, technology: Technology, structure: str) -> Rate | None:
    rate = each.rate
    if is_of_tree(rate):  # the factor is of flip-flops and clock gates
        return rate
    share = CLOCK if rate.part == CLOCK else component_of(rate.part, rate.term)
    key = share and energy_key(share, structure)
    entry = technology.calibration.get(key) if key else None
    if entry is None or entry.energy is None:
        return None if each.added else rate
    known = entry.energy
    factor = known.terms.get(each.name, 0.0 if each.added else known.factor)
    if each.added and not factor:
        return None
    return replace(
        rate, energy_fj=rate.energy_fj * factor, level="gate",
        transitions=rate.transitions * (factor if each.added else 1.0),
        relative_error=known.spread, origin=f"calibrated energy of {key}",
    )  # fmt: skip


def _scaled(rate: Rate, technology: Technology) -> Rate:
    """Return the rate with the error of a node that no library was measured at.

    It stands in place of the error of the rate's own figures, which is part of it.
    """
    if PARTS[rate.part].kind == "external":
        return rate
    if rate.part == "leakage" and technology.leakage_error is not None:
        return replace(
            rate, level="assumed", relative_error=technology.leakage_error, origin="leakage"
        )
    error = max(technology.node_error, rate.relative_error)
    return replace(rate, level="assumed", relative_error=error, origin="node scaling")


def _moved(rate: Rate, by: Ratios) -> Rate:
    """Return the rate with the error of a voltage and temperature that are not the library's."""
    if PARTS[rate.part].kind == "external":
        return rate
    if rate.part == "leakage":
        error = ("leakage at the operating point", by.leakage_error)
    else:
        error = ("energy at the operating point", by.energy_error)
    return replace(rate, also=(*rate.also, error))


def _stated(rate: Rate, built: Area, popcount: PopcountEnergy) -> Rate:
    known, kind = assumptions(), PARTS[rate.part].kind
    if rate.part == "leakage":
        return _leaking(rate, built)
    if rate.part == "io":  # given by the user, who may state no error
        return replace(rate, level="counted")
    if kind == "link":
        error = known.link_length_relative_error.value
        return replace(
            rate, level="assumed", relative_error=error, origin="link length",
            also=activity_error(DATA),
        )  # fmt: skip
    if kind == "memory" or (rate.part == "post" and rate.term == "clock"):  # argmax registers
        return _of_memory(rate, built)
    if rate.part == CLOCK:  # flops are counted, and what each takes stands in the library
        return replace(rate, origin="clock pins")
    return _switching(rate, popcount)


def activity_error(name: str) -> tuple[tuple[str, float], ...]:
    """Return the error of an activity of `assumptions`, as in `Rate.also`."""
    return ((name, assumptions().error_of(name)),)


def _switching(rate: Rate, popcount: PopcountEnergy) -> Rate:
    """Return the rate of cells that switch: counted on gates, or a sum over cells."""
    key = rate.part, rate.term
    if key in _COUNTED_ON_GATES:
        level: Level = "assumed" if popcount.scaled else "gate"
        error, origin = popcount.relative_error, "popcount energy"
    else:
        level, origin = "cell", "cell energies"
        error = assumptions().cell_energy_relative_error.value
    known = CONTROL.get(key)
    also = activity_error(f"{known.activity}_activity" if known else data_origin(*key))
    return replace(rate, level=level, relative_error=error, origin=origin, also=also)


def _of_memory(rate: Rate, built: Area) -> Rate:
    """Return the rate of a part's memories, which are all of one kind."""
    memory = next(memory for macro, memory in built.memories if macro.part == rate.part)
    error = memory.read_error if rate.term == "reads" else memory.energy_error
    return replace(
        rate, level=MEMORY_LEVELS[memory.level], relative_error=error,
        origin=f"energy of {memory.kind}",
    )  # fmt: skip


def _leaking(rate: Rate, built: Area) -> Rate:
    """Return the rate of leakage; that of memories has the mean of their errors, by leakage."""
    error = assumptions().leakage_relative_error.value
    if rate.term == "logic":
        return replace(rate, relative_error=error, origin="leakage")
    wide_nw, by_level = 0.0, dict[Level, float]()
    for macro, memory in built.memories:
        leaks_nw, level = macro.count * memory.leakage_nw, MEMORY_LEVELS[memory.level]
        wide_nw += leaks_nw * max(error, memory.energy_error)
        by_level[level] = by_level.get(level, 0.0) + leaks_nw
    whole_nw = sum(by_level.values())
    error = wide_nw / whole_nw if whole_nw else 0.0
    return replace(rate, level=level_of_sum(by_level), relative_error=error, origin="leakage")


__all__ = [
    "DATA", "DATA_ORIGINS", "activity_error", "calibrated", "component_of", "data_origin",
    "elsewhere", "with_errors",
]  # fmt: skip
