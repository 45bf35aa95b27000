"""Finished runs of a place-and-route flow, as the figures that placement and routing are fitted to.

What a run does not state stays unknown: nothing is filled in. A run that says nothing, or is of
other cells, is left out and named with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from asicbnn.calibration.flow_cells import check_alike, why_not
from asicbnn.calibration.flow_runs import MAPPED, STAGES, FlowRun, runs_below
from asicbnn.errors import Problem, SpecError
from asicbnn.technology.routed_designs import RoutedDesign
from asicbnn.technology.routing import shown

_LOGIC: Final = ("multi_input_combinational_cell", "sequential_cell", "inverter", "buffer")
_CLOCK: Final = ("clock_buffer", "clock_inverter")
_REPAIR: Final = ("timing_repair_buffer", "timing_repair_inverter")
_OTHER: Final = ("tie_cell", "tap_cell", "endcap_cell", "antenna_cell")
_FILL: Final = ("fill_cell",)
_FULL: Final = 0.9
"""Utilisation beyond which fill cells must be among those that are counted."""
_UNSTATED: Final = (None, "N/A", "ERR")
"""What flows write for a metric they did not find."""
_NAMED: Final = 5
"""How many runs that were left out an error names."""


@dataclass(frozen=True)
class LeftOut:
    """A run that is not fitted, and why."""

    run: str
    reason: str


@dataclass(frozen=True)
class FlowRuns:
    """Finished runs, by the name of the design, and those that say nothing."""

    designs: tuple[RoutedDesign, ...]
    left_out: tuple[LeftOut, ...] = ()


def read_runs(folder: Path, technology: str) -> FlowRuns:
    """Return every finished run of a technology below a folder.

    technology  what the runs are taken to be of, unless they say otherwise

    Raises SpecError naming the file: for a folder that is none, JSON that cannot be read, a figure
    that is no number; if the runs for a user's own technology are of several libraries; and if no
    run is left.
    """
    runs = runs_below(folder)
    left_out, fitting = [], []
    for run in runs:
        if reason := why_not(run, technology) or _unfinished(run):
            left_out.append(LeftOut(_called(run, folder), reason))
        else:
            fitting.append(run)
    check_alike(fitting, technology, str(folder))
    designs: list[RoutedDesign] = []
    for run in fitting:
        design = _design(run, technology)
        if reason := _mute(run, design, designs):
            left_out.append(LeftOut(_called(run, folder), reason))
        else:
            designs.append(design)
    if not designs:
        raise SpecError(_nothing(folder, technology, left_out))
    return FlowRuns(tuple(sorted(designs, key=lambda d: d.name)), tuple(left_out))


def _called(run: FlowRun, folder: Path) -> str:
    path = run.path.relative_to(folder)
    return str(path) if path.parts else run.name


def _unfinished(run: FlowRun) -> str:
    return "" if run.is_finished else f"not finished, the last stage is {run.stages[-1]}"


def _mute(run: FlowRun, design: RoutedDesign, others: Sequence[RoutedDesign]) -> str:
    """Say why a run adds nothing, "" if it does."""
    if not any(shown((design,)).values()):
        return "it states none of the areas, lengths and powers that are fitted"
    if _Run(run).has_no_logic:
        return "its cells are macros, pads and fill: there is no logic in it"
    return f"the same figures as another run of {design.name}" if design in others else ""


def _nothing(folder: Path, technology: str, left_out: Sequence[LeftOut]) -> Problem:
    reasons = [f"{each.run}: {each.reason}" for each in left_out[:_NAMED]]
    if len(left_out) > _NAMED:
        reasons.append(f"and {len(left_out) - _NAMED} more")
    if reasons:
        told = f"no finished run of {technology} that states what is fitted"
        return Problem(told, str(folder), help="left out: " + "; ".join(reasons))
    return Problem(
        "no finished run of a flow was found",
        str(folder),
        help="wanted metrics.json of LibreLane, or metadata.json or the stages' logs "
        "(2_1_floorplan.json to 6_report.json) of OpenROAD-flow-scripts, in any subfolder",
    )


# ------------------------------------------------------------------ figures
class _Run:
    """The numbers of one run, looked up by name."""

    def __init__(self, run: FlowRun) -> None:
        self.path, self.metrics = run.path, run.metrics

    def number(self, *keys: str) -> float | None:
        """Return the first of some metrics that the run states; SpecError if it is no number."""
        for key in keys:
            value = self.metrics.get(key)
            if value in _UNSTATED:
                continue
            good = isinstance(value, int | float) and not isinstance(value, bool)
            if not good or not math.isfinite(float(str(value))) or float(str(value)) < 0:
                raise SpecError(
                    Problem(f"expected a number >= 0, got {value!r}", str(self.path), path=key)
                )
            return float(str(value))
        return None

    def positive(self, *keys: str) -> float | None:
        """Return the same, or None for 0: nothing was placed, routed or switched."""
        return self.number(*keys) or None

    def classes(self, prefix: str, what: str, names: Iterable[str]) -> float | None:
        """Return the sum over classes of cells, None if the run states no classes."""
        found = [self.number(f"{prefix}design__instance__{what}__class:{n}") for n in names]
        known = [x for x in found if x is not None]
        return sum(known) if known else None

    @property
    def has_no_logic(self) -> bool:
        """True if the run states classes of cells, and none of logic."""
        states_classes = any("design__instance__area__class:" in key for key in self.metrics)
        logic = [self.classes(prefix, "area", _LOGIC) for prefix in ("", "finish__")]
        return states_classes and not any(logic)


def _design(run: FlowRun, technology: str) -> RoutedDesign:
    figures = _orfs_figures(_Run(run)) if run.flow == "orfs" else _librelane_figures(_Run(run))
    given = {key: value for key, value in figures.items() if value is not None}
    try:
        return RoutedDesign.model_validate(
            {"technology": technology, "name": run.name, "source": "flow_runs", **given}
        )
    except ValidationError as wrong:
        first = wrong.errors()[0]
        message = f"{'.'.join(map(str, first['loc']))}: {first['msg'].lower()}"
        raise SpecError(Problem(f"{message}, got {first['input']!r}", str(run.path))) from None


def _orfs_figures(run: _Run) -> dict[str, float | None]:
    def latest(what: str, stages: Iterable[str]) -> float | None:
        return run.positive(*(f"{stage}__{what}" for stage in stages))

    # fill cells come with the finish; older runs do not tell them apart, so routing is asked first
    placed = latest("design__instance__area__stdcell", ("globalroute", "cts"))
    placed = placed or latest("design__instance__area", ("globalroute", "cts"))
    macros = run.number("finish__design__instance__area__macros") or 0.0
    core = latest("design__core__area", reversed(STAGES))
    used = latest("design__instance__utilization", ("globalroute", "cts"))
    if core is None and placed and used:
        core = (placed + macros) / (used if used <= 1 else used / 100)
    mapped = latest("design__instance__area__stdcell", ("floorplan",))
    if mapped is None and not macros:  # the synthesis' own figure has macros in it
        mapped = latest("design__instance__area__stdcell", ("synth",))
    return {
        "mapped_area_um2": mapped,
        "placed_area_um2": placed,
        "core_area_um2": core,
        "macro_area_um2": macros,
        "nets": run.positive("detailedroute__route__net"),
        "wire_um": run.positive("detailedroute__route__wirelength"),
        "half_perimeter_um": latest("route__wirelength__estimated", ("globalroute", "cts")),
        "mapped_power_w": run.positive("floorplan__power__total"),
        "routed_power_w": run.positive("finish__power__total"),
        **_class_figures(run, "finish__"),
    }


def _librelane_figures(run: _Run) -> dict[str, float | None]:
    macros = run.number("design__instance__area__macros") or 0.0
    return {
        "mapped_area_um2": None if macros else run.positive(f"{MAPPED}design__instance__area"),
        "placed_area_um2": _librelane_placed_um2(run),
        "core_area_um2": run.positive("design__core__area"),
        "macro_area_um2": macros,
        "nets": run.positive("route__net"),
        "wire_um": run.positive("route__wirelength"),
        "half_perimeter_um": run.positive("route__wirelength__estimated"),
        "mapped_power_w": run.positive(f"{MAPPED}power__total"),
        "routed_power_w": run.positive("power__total"),
        **_class_figures(run, ""),
    }


def _librelane_placed_um2(run: _Run) -> float | None:
    """Area of the placed cells without fill; None where the run does not tell the two apart.

    Versions differ in whether standard cells have fill cells among them: where classes are stated,
    their sum with fill or the one without is nearer to it.
    """
    stated = run.positive("design__instance__area__stdcell", "design__instance__area")
    fill = run.classes("", "area", _FILL)
    if stated is None or fill is None:
        filled_up = (run.number("design__instance__utilization") or 0.0) > _FULL
        return None if filled_up else stated
    others = run.classes("", "area", (*_LOGIC, *_CLOCK, *_REPAIR, *_OTHER)) or 0.0
    is_in_it = abs(stated - others - fill) < abs(stated - others)
    return max(stated - fill, 0.0) or None if is_in_it else stated


def _class_figures(run: _Run, prefix: str) -> dict[str, float | None]:
    return {
        "logic_area_um2": run.classes(prefix, "area", _LOGIC) or None,
        "clock_sinks": run.positive(f"{prefix}design__instance__count__class:sequential_cell"),
        "clock_cells": run.classes(prefix, "count", _CLOCK),
        "clock_area_um2": run.classes(prefix, "area", _CLOCK),
        "repair_area_um2": run.classes(prefix, "area", _REPAIR),
    }


__all__ = ["FlowRuns", "LeftOut", "read_runs"]
