"""The clock period: the slowest of the logic paths and the memories, by name.

Equations: docs/models/timing.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType

from asicbnn.errors import ModelError
from asicbnn.hardware.configuration import configuration, frozen_order
from asicbnn.hardware.popcount_cut import popcount_cut
from asicbnn.levels import Level, once_routed
from asicbnn.mapping.layout import layout
from asicbnn.model.area import Area
from asicbnn.model.built_paths import built_paths
from asicbnn.model.wire_delay import WireDelays
from asicbnn.result import PARTS
from asicbnn.spec.accelerator import Accelerator
from asicbnn.technology.levels import MEMORY_LEVELS
from asicbnn.technology.library import Technology
from asicbnn.technology.paths import logic_paths, ripple_path
from asicbnn.technology.popcount import PathDelay

_PS_PER_US = 1e6


@dataclass(frozen=True)
class Timing:
    """The period an accelerator runs at, and what sets its lower bound.

    period_ps   what it runs at                 limit_ps   the shortest it could
    limiter     the path or memory that is slowest
    paths_ps    delay by path, access time by memory
    flags       what is uncertain about them
    level, relative_error, origin  of the period, as in `energy.Rate`
    """

    period_ps: float
    limit_ps: float
    limiter: str
    paths_ps: Mapping[str, float]
    flags: tuple[str, ...]
    level: Level = "cell"
    relative_error: float = 0.0
    origin: str = "period"

    @property
    def clock_mhz(self) -> float:
        """Clock frequency."""
        return _PS_PER_US / self.period_ps


def timing(
    accelerator: Accelerator,
    technology: Technology,
    built: Area,
    wires: WireDelays | None = None,
) -> Timing:
    """Period of an accelerator.

    wires  what they add to paths and accesses, once there is a floorplan

    Raises ModelError naming the limiter if `operating_point.clock_mhz` asks for more.
    """
    paths, levels = _paths(accelerator, technology, built)
    delays = {name: path.delay_ps for name, path in paths.items()}
    errors = {name: path.relative_error for name, path in paths.items()}
    if technology.node_error:
        levels = dict.fromkeys(paths, "assumed")
    for macro, memory in built.memories:
        if PARTS[macro.part].kind == "memory":  # registers of the output stage limit nothing
            delays[macro.part] = memory.minimum_cycle_ps
            errors[macro.part] = memory.access_error
            levels[macro.part] = MEMORY_LEVELS[memory.level]
    if wires is not None:
        for name, delay in delays.items():
            added, wide = wires.of(name, delay)
            delays[name] = delay + added
            errors[name] = (delay * errors[name] + wide) / delays[name]
            levels[name] = once_routed(levels[name])
    limiter = max(delays, key=delays.__getitem__)
    limit = delays[limiter]
    period = _asked(accelerator, limiter, limit)
    is_limit = accelerator.operating_point.clock_mhz == "max"
    flags = [flag for path in paths.values() for flag in path.flags]
    return Timing(
        period_ps=period,
        limit_ps=limit,
        limiter=limiter,
        paths_ps=MappingProxyType(delays),
        flags=(*_limited_by(limiter, limit, errors[limiter], period), *flags),
        level=levels[limiter] if is_limit else "counted",
        relative_error=slowest_error(delays, errors) if is_limit else 0.0,
    )


def _paths(
    accelerator: Accelerator, technology: Technology, built: Area
) -> tuple[dict[str, PathDelay], dict[str, Level]]:
    """Return the paths of the logic and their levels: of the built block where calibrated."""
    if built.level == "gate":
        calibrated = built_paths(accelerator, technology)
        return calibrated, dict.fromkeys(calibrated, "gate")
    popcount, lanes = accelerator.array.popcount, accelerator.array.unroll.lanes
    cut = popcount_cut(popcount.structure, lanes, popcount.pipeline_stages)
    share, psum_bits = cut.longest / cut.whole, layout(accelerator).psum_bits
    paths = {
        **logic_paths(technology, lanes, popcount.structure, share, psum_bits),
        "address": _address_path(accelerator, technology),
    }
    levels: dict[str, Level] = dict.fromkeys(paths, "cell")
    levels["popcount"] = "gate"  # fitted to synthesis
    return paths, levels


def slowest_error(delays: Mapping[str, float], errors: Mapping[str, float]) -> float:
    """Return the relative error of the longest of several uncertain delays.

    Any of them may be the longest after all, so the band ends at the largest of their upper ends;
    its lower end is never above the longest's own.
    """
    longest = max(delays.values())
    return max(ps * (1 + errors[name]) for name, ps in delays.items()) / longest - 1


def _address_path(accelerator: Accelerator, technology: Technology) -> PathDelay:
    """Return the slower of the widest address and the ring's, which subtracts after adding."""
    widths = configuration(accelerator, frozen_order(accelerator)).widths
    widest = max(getattr(widths, field.name) for field in fields(widths))
    plain = ripple_path(technology, widest)
    if not accelerator.buffers.input.circular_rows:
        return plain
    ring = ripple_path(technology, widths.input, operands=3)
    return max(plain, ring, key=lambda path: path.delay_ps)


def _asked(accelerator: Accelerator, limiter: str, limit_ps: float) -> float:
    """Return the period the spec asks for, or the limit itself."""
    asked = accelerator.operating_point.clock_mhz
    if asked == "max":
        return limit_ps
    period = _PS_PER_US / asked
    if period < limit_ps:
        most = _PS_PER_US / limit_ps
        raise ModelError(
            f"operating_point.clock_mhz: {asked:g} MHz is {period:.0f} ps, but {_named(limiter)} "
            f"takes {limit_ps:.0f} ps; ask for {int(most * 10) / 10:g} MHz or less, or max"
        )
    return period


def _named(limiter: str) -> str:
    is_memory = limiter in PARTS
    return f"the access of {limiter}" if is_memory else f"the {limiter} path"


def _limited_by(limiter: str, limit_ps: float, error: float, period: float) -> Iterator[str]:
    band = "a factor of 2 either way" if error >= 1 else f"+-{error:.0%}"
    bound = "limited by" if period == limit_ps else "slower than"
    yield f"the clock period is {bound} {_named(limiter)}: {limit_ps:.0f} ps, {band}"


__all__ = ["Timing", "timing"]
