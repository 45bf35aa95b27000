"""What an accelerator costs in a technology, whatever runs on it: area, period, rates of energy.

Nothing here depends on a network, so the parts are worked out once and kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from asicbnn.levels import ResultLevel
from asicbnn.mapping.layout import layout
from asicbnn.model.area import Area, area
from asicbnn.model.assumptions import assumptions
from asicbnn.model.clock_tree import tree_rates, unplaced_tree
from asicbnn.model.conservation import check_area
from asicbnn.model.energy import Rate, rates
from asicbnn.model.gating import clocked_by_events
from asicbnn.model.outside import outside, refuse_impossible
from asicbnn.model.rate_errors import calibrated, elsewhere, with_errors
from asicbnn.model.routed import Routed, routed
from asicbnn.model.timing import Timing, timing
from asicbnn.model.uncertainty import Bands
from asicbnn.spec.accelerator import Accelerator
from asicbnn.technology.calibration import energy_key
from asicbnn.technology.library import Technology, load
from asicbnn.technology.popcount import popcount_energy


@dataclass(frozen=True)
class Costs:
    """An accelerator in a technology.

    rates_of   stride -> rates of energy, one entry per stride that is wired
    flags      what is assumed, scaled or composed
    bands      what is uncertain about them, the same for all strides
    routed     floorplan, wires and clock tree, at level routed
    """

    area: Area
    timing: Timing
    rates_of: dict[int, tuple[Rate, ...]]
    flags: tuple[str, ...]
    bands: Bands
    routed: Routed | None = None


def technology_of(
    accelerator: Accelerator, asked: Technology | Path | str | None = None
) -> Technology:
    """Return a technology at an accelerator's operating point; None takes the accelerator's.

    Raises SpecError for an operating point the technology has no figures for.
    """
    found = asked if isinstance(asked, Technology) else load(asked or accelerator.technology)
    point = accelerator.operating_point
    return found.at(point.voltage_v, point.temperature_c)


@lru_cache(maxsize=256)
def costs(accelerator: Accelerator, technology: Technology, level: ResultLevel = "cell") -> Costs:
    """Cost an accelerator at a level.

    Raises SpecError for an operating point the technology has no figures for, ModelError for a
    clock that is too fast.
    """
    technology = technology_of(accelerator, technology)
    built = area(accelerator, technology, "cell" if level == "cell" else None)
    check_area(built, technology)
    laid_out = routed(accelerator, technology, built) if level == "routed" else None
    clocked = timing(accelerator, technology, built, laid_out.delays() if laid_out else None)
    refuse_impossible(accelerator, clocked)
    structure = accelerator.array.popcount.structure
    counters = popcount_energy(technology, structure, layout(accelerator).lanes)
    tree = None if laid_out else unplaced_tree(accelerator, technology, built)
    by_stride = {}
    for stride in accelerator.array.strides:
        table = with_errors(
            rates(accelerator, technology, built, clocked.period_ps, stride), built, counters
        )
        if level != "cell":
            table = calibrated(table, technology, accelerator)
        if laid_out:
            table = laid_out.rates(table, stride)
        if tree:
            table += tuple(tree_rates(technology, tree, clocked_by_events(accelerator, stride)))
        by_stride[stride] = elsewhere(table, technology)
    shown = laid_out.area if laid_out else built
    flags = dict.fromkeys(_flags(accelerator, technology, built, clocked, laid_out))
    bands = Bands.of(next(iter(by_stride.values())), shown, clocked)
    return Costs(shown, clocked, by_stride, tuple(flags), bands, laid_out)


def _flags(
    accelerator: Accelerator,
    technology: Technology,
    built: Area,
    clocked: Timing,
    laid_out: Routed | None,
) -> Iterator[str]:
    yield from clocked.flags
    structure = accelerator.array.popcount.structure
    replaced = technology.before_gates if _has_factors(technology, built, structure) else ()
    yield from (flag for flag in technology.flags if flag not in replaced)
    yield from popcount_energy(technology, structure, layout(accelerator).lanes).flags
    for _, memory in built.memories:
        yield from memory.flags
    yield from assumptions().flags()
    if laid_out:
        yield from laid_out.flags()
    else:
        side_mm = built.area_um2**0.5 / 1000
        yield (
            "link wires are assumed as long as the side of a square of the whole area, "
            f"{side_mm:.2g} mm; no other wire is in the figures but the clock tree's"
        )
    if accelerator.store.external:
        yield from outside(accelerator.store.external, "store.external").flags


def _has_factors(technology: Technology, built: Area, structure: str) -> bool:
    """Return whether paths and popcounts are priced with factors of mapped gates."""
    entry = technology.calibration.get(energy_key("popcount", structure))
    return built.level == "gate" and entry is not None and entry.energy is not None


__all__ = ["Costs", "costs", "technology_of"]
