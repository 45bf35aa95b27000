"""What placement and routing add to a mapped netlist: factors with a spread, from finished flows.

The priors are open designs (`figures/routed_designs.yaml`); a technology file may hold a `routed`
section fitted to its user's own runs instead. One fit serves both; docs/models/floorplan.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache, lru_cache
from statistics import fmean
from typing import Final

from asicbnn.technology.factor_entries import RoutedEntry
from asicbnn.technology.form import Figure
from asicbnn.technology.library import Technology, load, names
from asicbnn.technology.routed_designs import (
    Kind,
    RoutedDesign,
    open_designs,
    routed_file,
    wire_laws,
)

_UPPER: Final = 0.975
"""Quantile at the upper end of a band that holds 19 of 20."""
UNKNOWN_ERROR: Final = 1.0
"""Relative error where runs show no scatter at all, being one: a factor of 2 either way."""
_EXACT: Final = 1e-12
"""Relative width at which a root is found."""


@dataclass(frozen=True)
class Factor:
    """A factor between two stages of a flow.

    value           geometric mean over the runs         runs  how many show it
    relative_error  the next run lies within value / (1 + e) and value x (1 + e), 19 times of 20
    """

    value: float
    relative_error: float
    runs: int


@dataclass(frozen=True)
class RoutedFactors:
    """Everything the level `routed` takes from finished flows.

    placement_density            of the core outside macros by standard cells
    growth                 placed over mapped cell area, clock tree and repair included
    sizing                 placed over mapped area of the logic alone
    repair_ge_per_load     buffers of timing and slew repair, in NAND2 areas per inverter input of
                           wire capacitance
    clock_area_ge_per_sink clock buffers and inverters, in NAND2 areas per flop
    detour                 routed length over that of Steiner trees
    datapath_spacings      wire per net of arithmetic, in mean distances between nets, over the
                           power of the number of nets that it goes by (`WireLaws`)
    control_spacings       wire per net of control, likewise
    power_ratio            total power routed over mapped, without vectors: a check, not a factor
    flags                  which of them come from elsewhere
    """

    placement_density: Factor
    growth: Factor
    sizing: Factor
    repair_ge_per_load: Factor
    clock_area_ge_per_sink: Factor
    detour: Factor
    datapath_spacings: Factor
    control_spacings: Factor
    power_ratio: Factor
    flags: tuple[str, ...] = ()

    @property
    def between_blocks_error(self) -> float:
        """Relative error of the length of nets that a floorplan gives.

        That of the detours routers make, and one assumed for the floorplan's distances: no routed
        accelerator is known to hold them against.
        """
        return math.hypot(self.detour.relative_error, routed_file().floorplan_error.value)


def _ratio(above: float | None, below: float | None) -> float | None:
    return above / below if above is not None and below else None


def _spacings(design: RoutedDesign) -> float | None:
    """Wire per net in mean distances between nets, over the power of their number it goes by."""
    if not (design.nets and design.wire_um and design.core_area_um2):
        return None
    distances = design.wire_um / math.sqrt(design.core_area_um2 * design.nets)
    return float(distances / design.nets ** wire_laws().spacings_exponent)


def _of_kind(kind: Kind) -> Callable[[RoutedDesign], float | None]:
    """Spacings of one kind of design; a design without a kind speaks for both."""
    return lambda design: _spacings(design) if design.kind in (kind, None) else None


def _placement_density(design: RoutedDesign) -> float | None:
    if design.core_area_um2 is None:
        return None
    free_um2 = design.core_area_um2 - design.macro_area_um2
    return _ratio(design.placed_area_um2, free_um2) if free_um2 > 0 else None


def _detour(design: RoutedDesign) -> float | None:
    """Routed length over that of trees; flows state half the perimeter of the nets' boxes."""
    if design.half_perimeter_um is None:
        return None
    return _ratio(design.wire_um, design.half_perimeter_um * wire_laws().tree_over_half_perimeter)


_SHOWN: Final[Mapping[str, Callable[[RoutedDesign], float | None]]] = {
    "placement_density": _placement_density,
    "growth": lambda d: _ratio(d.placed_area_um2, d.mapped_area_um2),
    "sizing": lambda d: _ratio(d.logic_area_um2, d.mapped_area_um2),
    "detour": _detour,
    "datapath_spacings": _of_kind("datapath"),
    "control_spacings": _of_kind("control"),
    "power_ratio": lambda d: _ratio(d.routed_power_w, d.mapped_power_w),
}
"""What one run shows of each factor; clock buffers need the library's gate equivalent besides."""


def shown(
    runs: Iterable[RoutedDesign], libraries: Iterable[Technology] = ()
) -> dict[str, list[float]]:
    """Return what runs show of each factor, in the order of the runs.

    libraries  to measure buffers in gate equivalents; runs of others tell nothing of theirs
    """
    known = {library.name: library for library in libraries}
    found: dict[str, list[float]] = {name: [] for name in factor_names()}
    for run in runs:
        for name, show in _SHOWN.items():
            if value := show(run):
                found[name].append(value)
        if library := known.get(run.technology):
            for name, value in _buffers(run, library):
                found[name].append(value)
    return found


def _buffers(run: RoutedDesign, library: Technology) -> Iterator[tuple[str, float]]:
    """Buffers of clock tree and repair that a run put in, in units of its library."""
    gate_um2 = library.gate_equivalent_um2
    if area_um2 := _ratio(run.clock_area_um2, run.clock_sinks):
        yield "clock_area_ge_per_sink", area_um2 / gate_um2
    if run.repair_area_um2 and run.wire_um:
        loads = library.wire_ff(run.wire_um) / library.inverter_capacitance_ff
        yield "repair_ge_per_load", run.repair_area_um2 / gate_um2 / loads


def factor_names() -> tuple[str, ...]:
    """Return the names of the factors, as in the `routed` section of a technology file."""
    return tuple(field.name for field in fields(RoutedFactors) if field.name != "flags")


def fitted(values: Sequence[float], beside: Iterable[Sequence[float]] = ()) -> Factor:
    """Return the geometric mean of values above 0, and the band for one more of them.

    beside  other groups that scatter alike, each about a mean of its own

    Logarithms are taken as normal, so with the pooled standard deviation s of f degrees of freedom
    the next of n lies within exp(+-t s sqrt(1 + 1/n)), t the quantile of Student's t of f: 19 of
    20 times. One value alone has a factor of 2 either way.
    """
    mean = fmean(math.log(value) for value in values)
    squares, freedom = 0.0, 0
    for group in (values, *beside):
        if group:
            logs = [math.log(value) for value in group]
            squares += sum((x - fmean(logs)) ** 2 for x in logs)
            freedom += len(logs) - 1
    error = UNKNOWN_ERROR
    if freedom:
        spread = math.sqrt(squares / freedom * (1 + 1 / len(values)))
        error = math.expm1(student_t(freedom) * spread)
    return Factor(math.exp(mean), error, len(values))


@cache
def between_flows_error() -> float:
    """Relative error of wire per net between flows: one design placed and routed by two of them.

    From open designs that were laid out in several technologies, in spacings: the band of another
    flow about the mean of many, 19 times of 20.
    """
    by_name: dict[str, list[float]] = {}
    for design in open_designs():
        if value := _spacings(design):
            by_name.setdefault(design.name, []).append(math.log(value))
    several = [logs for logs in by_name.values() if len(logs) > 1]
    freedom = sum(len(logs) - 1 for logs in several)
    squares = sum((x - fmean(logs)) ** 2 for logs in several for x in logs)
    return math.expm1(student_t(freedom) * math.sqrt(squares / freedom))


@cache
def student_t(freedom: int) -> float:
    """Quantile 0.975 of Student's t: 1.96 for many degrees of freedom, more for few."""
    low, high = 0.0, 1.0
    while _student_cdf(high, freedom) < _UPPER:
        low, high = high, 2 * high
    while high - low > _EXACT * high:
        middle = (low + high) / 2
        low, high = (middle, high) if _student_cdf(middle, freedom) < _UPPER else (low, middle)
    return high


def _student_cdf(t: float, freedom: int) -> float:
    """Probability that Student's t of so many degrees of freedom is below t >= 0.

    The finite series for whole degrees of freedom in theta = atan(t / sqrt(f)): Abramowitz and
    Stegun, Handbook of Mathematical Functions, 1964, 26.7.3 and 26.7.4. SciPy has it as well, and
    takes longer to import than an estimate does.
    """
    theta = math.atan2(t, math.sqrt(freedom))
    cosine, odd = math.cos(theta), freedom % 2
    term, total = (cosine, 0.0) if odd else (1.0, 0.0)
    for k in range(1 + odd, freedom, 2):
        total += term
        term *= cosine**2 * k / (k + 1)
    inside = math.sin(theta) * total
    if odd:
        inside = (theta + inside) * 2 / math.pi
    return 0.5 + inside / 2


@lru_cache(maxsize=64)
def routed_factors(technology: Technology) -> RoutedFactors:
    """Return the factors of a technology: its own, else of its open designs, else of all of them.

    What differs between technologies has its own mean, where two of its designs or more show it,
    and the scatter of all designs about the means of theirs. Wire per net of either kind of logic
    has the scatter of both.
    """
    own: RoutedEntry | None = technology.routed
    found, flags = {}, []
    for name in factor_names():
        figure: Figure | None = getattr(own, name, None)
        if figure is not None:
            runs = own.runs if own is not None else 0
            found[name] = Factor(figure.value, figure.relative_error or 0.0, runs)
            continue
        values, beside = _groups(name, technology.name)
        found[name] = fitted(values, beside)
        if not open_designs(technology.name):
            flags.append(name)
    if own is None or own.placement_density is None:
        chosen = routed_file().placement_density
        found["placement_density"] = Factor(chosen.value, chosen.relative_error or 0.0, 0)
    return RoutedFactors(**found, flags=tuple(_flags(technology, own, flags)))


def clock_buffers_um2(technology: Technology, sinks: int) -> float:
    """Area of the clock buffers and inverters that so many sinks take [um2].

    sinks  flops that no clock gate stops, and clock gates
    """
    factor = routed_factors(technology).clock_area_ge_per_sink.value
    return sinks * factor * technology.gate_equivalent_um2


_LOCAL: Final = ("growth", "power_ratio")
"""Factors that differ between technologies by more than between designs of one."""
_ALIKE: Final = {
    "datapath_spacings": "control_spacings", "control_spacings": "datapath_spacings",
}  # fmt: skip
"""Factors that scatter alike about means of their own."""


def _groups(name: str, technology: str) -> tuple[list[float], list[list[float]]]:
    """What open designs show of a factor in a technology, and groups that scatter alike."""
    everywhere = shown(open_designs(), _shipped())
    if name in _LOCAL:
        by_technology = {x.name: shown(open_designs(x.name))[name] for x in _shipped()}
        own = by_technology.pop(technology, [])
        if len(own) > 1:
            return own, list(by_technology.values())
    others = [everywhere[_ALIKE[name]]] if name in _ALIKE else []
    return everywhere[name], others


@lru_cache(maxsize=1)
def _shipped() -> tuple[Technology, ...]:
    """Libraries that open designs were routed in."""
    return tuple(load(name) for name in names() if open_designs(name))


def _flags(
    technology: Technology, own: RoutedEntry | None, elsewhere: Sequence[str]
) -> Iterator[str]:
    if own is not None:
        runs = "1 finished run" if own.runs == 1 else f"{own.runs} finished runs"
        yield f"placement and routing are fitted to {runs} of {technology.name}"
        return
    count = len(open_designs(technology.name))
    if elsewhere:
        yield (
            f"placement and routing are taken from {len(open_designs())} open designs of other "
            f"technologies: none of {technology.name} is known"
        )
    else:
        yield (
            f"placement and routing are taken from open designs, {count} of them in "
            f"{technology.name}; `asicbnn calibrate --from-metrics` fits your own"
        )


__all__ = [
    "UNKNOWN_ERROR", "Factor", "RoutedFactors", "between_flows_error", "clock_buffers_um2",
    "factor_names", "fitted", "routed_factors", "shown", "student_t",
]  # fmt: skip
