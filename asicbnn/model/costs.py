"""What an accelerator costs in a technology, whatever runs on it: area, period, rates of energy.

Nothing here depends on a network, so the parts are worked out once and kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from asicbnn.mapping.layout import layout
from asicbnn.model.area import Area, area
from asicbnn.model.assumptions import assumptions
from asicbnn.model.energy import Rate, rates
from asicbnn.model.rate_errors import with_errors
from asicbnn.model.timing import Timing, timing
from asicbnn.model.uncertainty import Bands
from asicbnn.spec.accelerator import Accelerator
from asicbnn.technology.external import external
from asicbnn.technology.library import Technology, load
from asicbnn.technology.popcount import popcount_energy


@dataclass(frozen=True)
class Costs:
    """An accelerator in a technology.

    rates_of   stride -> rates of energy, one entry per stride that is wired
    flags      what is assumed, scaled or composed
    bands      what is uncertain about them, the same for all strides
    """

    area: Area
    timing: Timing
    rates_of: dict[int, tuple[Rate, ...]]
    flags: tuple[str, ...]
    bands: Bands


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
def costs(accelerator: Accelerator, technology: Technology) -> Costs:
    """Cost an accelerator.

    Raises SpecError for an operating point the technology has no figures for, ModelError for a
    clock that is too fast.
    """
    technology = technology_of(accelerator, technology)
    built = area(accelerator, technology)
    clocked = timing(accelerator, technology, built)
    structure = accelerator.array.popcount.structure
    counters = popcount_energy(technology, structure, layout(accelerator).lanes)
    by_stride = {
        stride: with_errors(
            rates(accelerator, technology, built, clocked.period_ps, stride),
            technology, built, counters,
        )
        for stride in accelerator.array.strides
    }  # fmt: skip
    flags = dict.fromkeys(_flags(accelerator, technology, built, clocked))
    bands = Bands.of(next(iter(by_stride.values())), built, clocked)
    return Costs(built, clocked, by_stride, tuple(flags), bands)


def _flags(
    accelerator: Accelerator, technology: Technology, built: Area, clocked: Timing
) -> Iterator[str]:
    yield from clocked.flags
    yield from technology.flags
    structure = accelerator.array.popcount.structure
    yield from popcount_energy(technology, structure, layout(accelerator).lanes).flags
    for _, memory in built.memories:
        yield from memory.flags
    yield from assumptions().flags()
    side_mm = built.area_um2**0.5 / 1000
    yield (
        f"link wires are assumed as long as the side of a square of the whole area, {side_mm:.2g} "
        "mm; no other wire is in the figures but the clock tree's"
    )
    if accelerator.store.external:
        outside = external(accelerator.store.external.standard)
        yield f"{outside.standard}: {outside.note}"


__all__ = ["Costs", "costs", "technology_of"]
