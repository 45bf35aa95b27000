"""What a real chip adds to the machine: area and energy of the extras a spec asks for, apart.

Equations: docs/models/area.md and docs/models/energy.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from asicbnn.errors import Problem, SpecError
from asicbnn.mapping.layout import layout
from asicbnn.model.costs import Costs
from asicbnn.model.energy import energy_metrics
from asicbnn.spec.accelerator import Accelerator
from asicbnn.spec.extras import Pads, Scan
from asicbnn.technology.cells import Cells
from asicbnn.technology.extras import pad_area_um2, scan_figures, source_of
from asicbnn.technology.library import Technology

_FJ_PER_PJ = 1e3
_FJ_PER_NW_PS = 1e-6
_UJ_PER_FJ = 1e-9


@dataclass(frozen=True)
class ExtraCosts:
    """Area [um2] and energy of a run [fJ] of each extra, and what to say about them."""

    area_um2: Mapping[str, float]
    energy_fj: Mapping[str, float]
    flags: tuple[str, ...]

    def metrics(self, whole: Mapping[str, float], inferences: int) -> dict[str, float]:
        """Return the columns of a result that hold the extras."""
        energy_fj = whole["energy_fj"] + sum(self.energy_fj.values())
        return {
            "area_with_extras_um2": whole["area_um2"] + sum(self.area_um2.values()),
            "energy_with_extras_uj": energy_fj / inferences * _UJ_PER_FJ,
        }


@dataclass(frozen=True)
class _Extra:
    name: str
    area_um2: float
    energy_fj: float
    flag: str


def extra_costs(
    accelerator: Accelerator,
    technology: Technology,
    cost: Costs,
    counts: Mapping[str, int],
    parts: Mapping[str, float],
) -> ExtraCosts | None:
    """Return what the extras of a spec add to a run, None if it asks for none.

    counts  of the whole run        parts  energy by part [fJ]

    Raises SpecError naming a figure the technology has not, and the cure.
    """
    asked = accelerator.extras
    if asked.is_empty:
        return None
    run_ps = counts["cycles"] * cost.timing.period_ps
    found = [
        *_scan(accelerator, technology, cost, run_ps),
        *_host_interface(accelerator, technology, counts, run_ps),
        *_pads(accelerator, technology),
    ]
    drawn_fj = energy_metrics(parts)["onchip_energy_fj"] + sum(extra.energy_fj for extra in found)
    found += _regulator(accelerator, drawn_fj)
    return ExtraCosts(
        {extra.name: extra.area_um2 for extra in found if extra.area_um2},
        {extra.name: extra.energy_fj for extra in found if extra.energy_fj},
        tuple(extra.flag for extra in found),
    )


def _unknown(what: str, technology: Technology, path: str, keys: str) -> SpecError:
    return SpecError(
        Problem(
            f"{what} of {technology.name} is not known", path=path, help=f"give {keys} and source"
        )
    )


def _scan(
    accelerator: Accelerator, technology: Technology, cost: Costs, run_ps: float
) -> Iterator[_Extra]:
    """Every flip-flop, those of memories too, becomes a scan flip-flop."""
    scan = accelerator.extras.scan
    if scan is None:
        return
    area, leakage, source = _scan_factors(scan, technology)
    flops = cost.area.logic_cells.flop + sum(
        macro.count * memory.cells.flop for macro, memory in cost.area.memories if memory.cells
    )
    plain = Cells(flop=flops)
    yield _Extra(
        "scan",
        (area - 1) * technology.area_um2(plain),
        (leakage - 1) * technology.leakage_nw(plain) * run_ps * _FJ_PER_NW_PS,
        f"extras: scan, {flops:,} flip-flops of {area:g} times the area and {leakage:g} times the "
        f"leakage ({source}); their multiplexers switch, which is not in it",
    )


def _scan_factors(scan: Scan, technology: Technology) -> tuple[float, float, str]:
    """Area and leakage of a scan flip-flop over a plain one, and where they are from."""
    area, leakage, source = scan.area_factor, scan.leakage_factor, scan.source
    if area is None or leakage is None:
        figures = scan_figures(technology.name)
        if figures is None:
            keys = "area_factor, leakage_factor"
            raise _unknown("the scan flip-flop", technology, "extras.scan", keys)
        source = ", ".join(filter(None, (source, source_of(figures.area_factor))))
        area = figures.area_factor.value if area is None else area
        leakage = figures.leakage_factor.value if leakage is None else leakage
    return area, leakage, source


def _host_interface(
    accelerator: Accelerator, technology: Technology, counts: Mapping[str, int], run_ps: float
) -> Iterator[_Extra]:
    interface = accelerator.extras.host_interface
    if interface is None:
        return
    words = counts["host_words_in"] + counts["host_words_out"]
    moved_fj = words * layout(accelerator).host_bits * interface.energy_pj_per_bit * _FJ_PER_PJ
    leaks_nw = interface.gate_equivalents * technology.cell("nand2").leakage_nw
    yield _Extra(
        "host interface",
        interface.gate_equivalents * technology.gate_equivalent_um2,
        moved_fj + leaks_nw * run_ps * _FJ_PER_NW_PS,
        f"extras: host interface of {interface.gate_equivalents:g} GE and "
        f"{interface.energy_pj_per_bit:g} pJ/bit ({interface.source})",
    )


def _pads(accelerator: Accelerator, technology: Technology) -> Iterator[_Extra]:
    pads = accelerator.extras.pads
    if pads is None:
        return
    each, source = _pad_area_um2(pads, technology)
    flag = f"extras: {pads.count} pads of {each:,.0f} um2 ({source})"
    yield _Extra("pads", pads.count * each, 0.0, flag)


def _pad_area_um2(pads: Pads, technology: Technology) -> tuple[float, str]:
    """Area of one pad cell, and where it is from."""
    if pads.area_um2 is not None:
        return pads.area_um2, pads.source
    figure = pad_area_um2(technology.name)
    if figure is None:
        raise _unknown("the pad cell", technology, "extras.pads", "area_um2")
    return figure.value, source_of(figure)


def refuse_unknown_extras(accelerator: Accelerator, technology: Technology) -> None:
    """Raise SpecError for an extra that needs a figure nobody states."""
    asked = accelerator.extras
    if asked.scan is not None:
        _scan_factors(asked.scan, technology)
    if asked.pads is not None:
        _pad_area_um2(asked.pads, technology)


def _regulator(accelerator: Accelerator, drawn_fj: float) -> Iterator[_Extra]:
    """What is lost on the way from the supply to everything on the chip."""
    regulator = accelerator.extras.regulator
    if regulator is None:
        return
    lost_fj = drawn_fj * (1 / regulator.efficiency - 1)
    flag = f"extras: regulator of {regulator.efficiency:.0%} efficiency ({regulator.source})"
    yield _Extra("regulator loss", 0.0, lost_fj, flag)


__all__ = ["ExtraCosts", "extra_costs", "refuse_unknown_extras"]
