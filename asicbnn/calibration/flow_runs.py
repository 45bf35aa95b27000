"""Runs of a place-and-route flow below a folder: the files that make one, its name, its cells.

Two flows are known by their keys: OpenROAD-flow-scripts (one `metadata*.json`, or the JSON logs of
a run's stages in one folder; keys begin with the stage, `finish__power__total`) and LibreLane or
OpenLane 2 (`metrics.json` of a run, with `state_out.json` of its steps and `resolved.json` beside
it).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

from asicbnn.errors import Problem, SpecError

Metrics: TypeAlias = Mapping[str, object]

STAGES: Final = (
    "synth", "floorplan", "globalplace", "placeopt", "detailedplace", "cts", "globalroute",
    "detailedroute", "finish",
)  # fmt: skip
"""Prefixes of OpenROAD-flow-scripts' metrics, in the order of its stages."""
MAPPED: Final = "mapped__"
"""Prefix given here to metrics of LibreLane that are those of the mapped netlist."""
_NAMES: Final = ("metrics.json", "metadata*.json", "[1-6]_*.json")
"""What the files of either flow are called, in any folder."""
_CONFIGURATIONS: Final = ("resolved.json", "config.json")
"""Where LibreLane states what a run was of, the surest first."""
_SYNTHESIS: Final = "*yosys-synthesis*/state_out.json"
_BEFORE_PLACEMENT: Final = "*staprepnr*/state_out.json"
"""Steps of LibreLane whose metrics are those of the mapped netlist, one of both suffices."""
_AREA: Final = "design__instance__area"


@dataclass(frozen=True)
class FlowRun:
    """One run of a flow.

    path   its file, or the folder of its stages' logs
    name   of the design
    cells  the library or platform it was mapped to, in the flow's words; "" if it does not say
    sites  kinds of sites in the rows of its core; none if it does not say
    """

    path: Path
    name: str
    flow: Literal["orfs", "librelane"]
    cells: str
    sites: frozenset[str]
    metrics: Metrics

    @property
    def stages(self) -> tuple[str, ...]:
        """Stages of OpenROAD-flow-scripts that left metrics, in their order."""
        left = {stage_of(key) for key in self.metrics}
        return tuple(stage for stage in STAGES if stage in left)

    @property
    def is_finished(self) -> bool:
        """False if the flow stopped on the way."""
        return self.flow == "librelane" or "finish" in self.stages


def runs_below(folder: Path) -> tuple[FlowRun, ...]:
    """Return every run below a folder, finished or not, in the order of their paths.

    Raises SpecError naming the file: for a folder that is none and JSON that cannot be read.
    """
    if not folder.is_dir():
        raise SpecError(Problem("no such folder of metrics", str(folder)))
    stages: dict[Path, dict[str, object]] = {}
    runs = []
    for path in _files(folder):
        metrics = _loaded(path)
        if _AREA in metrics:
            runs.append(_librelane(path, metrics))
        elif len(left := {stage_of(key) for key in metrics} - {""}) > 1 and "finish" in left:
            runs.append(_orfs(path, metrics))
        elif left:
            stages.setdefault(path.parent, {}).update(metrics)
    runs += (_orfs(parent, metrics) for parent, metrics in stages.items())
    return tuple(sorted(runs, key=lambda run: run.path))


def stage_of(key: str) -> str:
    """Return the stage of OpenROAD-flow-scripts a metric is of, "" if of none."""
    stage, separator, _ = key.partition("__")
    return stage if separator and stage in STAGES else ""


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files of either flow below a folder, and any JSON directly in it."""
    seen = set(folder.glob("*.json"))
    for name in _NAMES:
        seen.update(folder.rglob(name))
    yield from sorted(seen)


def _loaded(path: Path) -> Metrics:
    """Return the metrics of a JSON object, or raise SpecError with the line where it is none.

    What is an object itself is no metric: limits to metrics are kept so, in `rules-base.json`.
    """
    try:
        tree = json.loads(path.read_text("utf-8-sig"))
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
    return {
        key: value for key, value in tree.items() if key == "metrics" or not isinstance(value, dict)
    }


def _sites(metrics: Metrics) -> frozenset[str]:
    rows = (key.partition("design__rows:") for key in metrics)
    return frozenset(site for _, found, site in rows if found)


def _text(metrics: Metrics, *keys: str) -> str:
    """Return the first of some metrics that is text, "" if none is."""
    texts = (metrics.get(key) for key in keys)
    return next((text for text in texts if isinstance(text, str) and text), "")


# ------------------------------------------------------------------ OpenROAD-flow-scripts
def _orfs(path: Path, metrics: Metrics) -> FlowRun:
    """Return a run; logs say only by their folders, logs/PLATFORM/DESIGN/VARIANT, what it is of."""
    parts = path.parts
    logs = len(parts) - 1 - parts[::-1].index("logs") if "logs" in parts else len(parts)
    platform, design = (*parts[logs + 1 : logs + 3], "", "")[:2]
    name = _text(metrics, "run__flow__design") or design
    name = name or (path.stem if path.suffix == ".json" else path.name)
    cells = _text(metrics, "run__flow__platform") or platform
    return FlowRun(path, name, "orfs", cells, _sites(metrics), metrics)


# ------------------------------------------------------------------ LibreLane
def _librelane(path: Path, metrics: Metrics) -> FlowRun:
    """Return a run, what the netlist was before placement among its metrics."""
    folder = path.parent.parent if path.parent.name == "final" else path.parent
    told = _configuration(folder)
    name = _text(metrics, "design__name") or _text(told, "DESIGN_NAME") or _folder_name(path)
    cells = _text(told, "STD_CELL_LIBRARY", "PDK")
    before: dict[str, object] = {}
    for pattern in (_SYNTHESIS, _BEFORE_PLACEMENT):
        for state in sorted(folder.glob(pattern)):
            mapped = _loaded(state).get("metrics")
            for key in (_AREA, "power__total"):
                if isinstance(mapped, dict) and key in mapped:
                    before[f"{MAPPED}{key}"] = mapped[key]
    return FlowRun(path, name, "librelane", cells, _sites(metrics), {**metrics, **before})


def _configuration(folder: Path) -> Metrics:
    """Return what a run was configured to, empty if it is not told or cannot be read."""
    for name in _CONFIGURATIONS:
        path = folder / name
        if path.is_file():
            with contextlib.suppress(SpecError):
                return _loaded(path)
    return {}


def _folder_name(path: Path) -> str:
    """Return what the folders of a run say of its design: DESIGN/runs/RUN/final/metrics.json."""
    if path.name != "metrics.json":
        return path.stem
    folder = (path.parent.parent if path.parent.name == "final" else path.parent).absolute()
    return folder.parent.parent.name if folder.parent.name == "runs" else folder.name


__all__ = ["MAPPED", "STAGES", "FlowRun", "Metrics", "runs_below", "stage_of"]
