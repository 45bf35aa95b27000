"""Finished runs of a place-and-route flow, read from the metrics the flow left behind.

Two flows are known by their keys: OpenROAD-flow-scripts (one `metadata*.json`, or the JSON logs of
a run's stages in one folder; keys begin with the stage, `finish__power__total`) and LibreLane or
OpenLane 2 (`metrics.json` of a run, with `state_out.json` of its steps beside it). What a run does
not state stays unknown: nothing is filled in.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, TypeAlias

from asicbnn.errors import Problem, SpecError
from asicbnn.technology.routed_designs import RoutedDesign

Metrics: TypeAlias = Mapping[str, object]

_STAGES: Final = (
    "synth", "floorplan", "globalplace", "placeopt", "detailedplace", "cts", "globalroute",
    "detailedroute", "finish",
)  # fmt: skip
"""Prefixes of OpenROAD-flow-scripts' metrics, in the order of its stages."""
_NAMES: Final = ("metrics.json", "metadata*.json", "[1-6]_*.json")
"""What the files of either flow are called, in any folder."""
_SYNTHESIS: Final = "*yosys-synthesis*/state_out.json"
_BEFORE_PLACEMENT: Final = "*staprepnr*/state_out.json"
"""Steps of LibreLane whose metrics are those of the mapped netlist."""
_LOGIC: Final = ("multi_input_combinational_cell", "sequential_cell", "inverter", "buffer")
_CLOCK: Final = ("clock_buffer", "clock_inverter")
_REPAIR: Final = ("timing_repair_buffer", "timing_repair_inverter")
_FILL: Final = ("fill_cell", "tap_cell", "antenna_cell")
_FULL: Final = 0.9
"""Utilisation beyond which fill cells must be among those that are counted."""


def read_runs(folder: Path, technology: str) -> tuple[RoutedDesign, ...]:
    """Return every finished run below a folder, by the name of its file or folder.

    technology  what the runs are taken to be of

    Raises SpecError naming the file: for a folder that is none, JSON that cannot be read, a figure
    that is no number, a run of another shipped technology; and if there is no run at all.
    """
    if not folder.is_dir():
        raise SpecError(Problem("no such folder of metrics", str(folder)))
    runs = [
        _design(path, metrics, technology)
        for path, metrics in (*_orfs(folder), *_librelane(folder))
    ]
    if not runs:
        raise SpecError(
            Problem(
                "no finished run of a flow was found",
                str(folder),
                help="wanted metrics.json of LibreLane, or metadata.json or the stages' logs "
                "(2_1_floorplan.json to 6_report.json) of OpenROAD-flow-scripts, in any subfolder",
            )
        )
    return tuple(sorted(runs, key=lambda run: run.name))


# ------------------------------------------------------------------ files
def _load(path: Path) -> Metrics:
    """Return a JSON object, or raise SpecError with the line where it is none."""
    try:
        tree = json.loads(path.read_text("utf-8"))
    except OSError as problem:
        reason = (problem.strerror or str(problem)).lower()
        raise SpecError(Problem(f"the metrics cannot be read: {reason}", str(path))) from None
    except json.JSONDecodeError as problem:
        message = f"not JSON: {problem.msg.lower()}"
        raise SpecError(Problem(message, str(path), problem.lineno, problem.colno)) from None
    except (UnicodeDecodeError, RecursionError):
        raise SpecError(Problem("not JSON: the text cannot be read", str(path))) from None
    if not isinstance(tree, dict):
        raise SpecError(Problem("metrics must be one object of names and numbers", str(path)))
    return tree


def _found(folder: Path) -> Iterator[Path]:
    """Yield the files of either flow below a folder, and any JSON directly in it."""
    seen = set(folder.glob("*.json"))
    for name in _NAMES:
        seen.update(folder.rglob(name))
    yield from sorted(seen)


def _stage_of(key: str) -> str:
    stage, separator, _ = key.partition("__")
    return stage if separator and stage in _STAGES else ""


def _orfs(folder: Path) -> Iterator[tuple[Path, Metrics]]:
    """Yield runs of OpenROAD-flow-scripts: a file of several stages, or stages of one folder."""
    partial: dict[Path, dict[str, object]] = {}
    for path in _found(folder):
        metrics = _load(path)
        stages = {_stage_of(key) for key in metrics} - {""}
        if len(stages) > 1 and "finish" in stages:
            yield path, metrics
        elif stages:
            partial.setdefault(path.parent, {}).update(metrics)
    for parent, metrics in partial.items():
        if any(_stage_of(key) == "finish" for key in metrics):
            yield parent, metrics


def _librelane(folder: Path) -> Iterator[tuple[Path, Metrics]]:
    """Yield runs of LibreLane, the metrics of the mapped netlist under `mapped__`."""
    for path in _found(folder):
        metrics = _load(path)
        if "design__instance__area" not in metrics or any(map(_stage_of, metrics)):
            continue
        run = path.parent.parent if path.parent.name == "final" else path.parent
        before: dict[str, object] = {}
        for pattern, key in (
            (_SYNTHESIS, "design__instance__area"), (_BEFORE_PLACEMENT, "power__total"),
        ):  # fmt: skip
            for state in sorted(run.glob(pattern)):
                told = _load(state).get("metrics")
                if isinstance(told, dict) and key in told:
                    before[f"mapped__{key}"] = told[key]
        yield path, {**metrics, **before}


# ------------------------------------------------------------------ figures
class _Run:
    """The numbers of one run, looked up by name."""

    def __init__(self, path: Path, metrics: Metrics) -> None:
        self.path, self.metrics = path, metrics

    def number(self, *keys: str) -> float | None:
        """Return the first of some metrics that the run states; SpecError if it is no number."""
        for key in keys:
            value = self.metrics.get(key)
            if value is None or value == "N/A":
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


def _design(path: Path, metrics: Metrics, technology: str) -> RoutedDesign:
    run = _Run(path, metrics)
    platform = metrics.get("run__flow__platform")
    _same_technology(path, platform if isinstance(platform, str) else "", technology)
    stated = metrics.get("run__flow__design") or metrics.get("design__name")
    name = stated if isinstance(stated, str) else path.stem if path.is_file() else path.name
    figures = _orfs_figures(run) if any(map(_stage_of, metrics)) else _librelane_figures(run)
    if not any(figures.values()):
        raise SpecError(
            Problem(
                "the run states none of the areas, lengths and powers that are fitted",
                str(path),
                help="wanted some of design__instance__area, design__core__area, "
                "route__wirelength, route__net, power__total",
            )
        )
    given = {key: value for key, value in figures.items() if value is not None}
    return RoutedDesign.model_validate(
        {"technology": technology, "name": name, "source": "flow_runs", **given}
    )


def _same_technology(path: Path, platform: str, technology: str) -> None:
    """Refuse a run that states another technology which this program ships as well."""
    from asicbnn.technology.library import names

    known = platform.replace("-", "_")
    if known in names() and technology in names() and known != technology:
        raise SpecError(
            Problem(
                f"a run of {platform}, not of {technology}",
                str(path),
                path="run__flow__platform",
                help=f"fit it into {known}, or take its file out of the folder",
            )
        )


def _orfs_figures(run: _Run) -> dict[str, float | None]:
    def latest(what: str, stages: Iterable[str]) -> float | None:
        return run.positive(*(f"{stage}__{what}" for stage in stages))

    # fill cells come with the finish; older runs do not tell them apart, so routing is asked first
    placed = latest("design__instance__area__stdcell", ("globalroute", "cts"))
    placed = placed or latest("design__instance__area", ("globalroute", "cts"))
    macros = run.number("finish__design__instance__area__macros") or 0.0
    core = latest("design__core__area", reversed(_STAGES))
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
        "steiner_um": latest("route__wirelength__estimated", ("globalroute", "cts")),
        "mapped_power_w": run.positive("floorplan__power__total"),
        "routed_power_w": run.positive("finish__power__total"),
        **_class_figures(run, "finish__"),
    }


def _librelane_figures(run: _Run) -> dict[str, float | None]:
    macros = run.number("design__instance__area__macros") or 0.0
    placed = run.positive("design__instance__area__stdcell", "design__instance__area")
    fill = run.classes("", "area", _FILL)
    used = run.number("design__instance__utilization") or 0.0
    if fill is None and used > _FULL:  # filled up, and the run does not say with how much
        placed = None
    return {
        "mapped_area_um2": None if macros else run.positive("mapped__design__instance__area"),
        "placed_area_um2": placed - (fill or 0.0) if placed else None,
        "core_area_um2": run.positive("design__core__area"),
        "macro_area_um2": macros,
        "nets": run.positive("route__net"),
        "wire_um": run.positive("route__wirelength"),
        "steiner_um": run.positive("route__wirelength__estimated"),
        "mapped_power_w": run.positive("mapped__power__total"),
        "routed_power_w": run.positive("power__total"),
        **_class_figures(run, ""),
    }


def _class_figures(run: _Run, prefix: str) -> dict[str, float | None]:
    return {
        "logic_area_um2": run.classes(prefix, "area", _LOGIC) or None,
        "clock_sinks": run.positive(f"{prefix}design__instance__count__class:sequential_cell"),
        "clock_cells": run.classes(prefix, "count", _CLOCK),
        "clock_area_um2": run.classes(prefix, "area", _CLOCK),
        "repair_area_um2": run.classes(prefix, "area", _REPAIR),
    }


__all__ = ["read_runs"]
