"""The sweep of a file: expands its axes, estimates every point on every network, marks a front."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from asicbnn import __version__
from asicbnn.levels import ResultLevel
from asicbnn.model.arguments import accelerator_of, refuse_other_kinds, workload_of
from asicbnn.model.estimate import Objective, estimate
from asicbnn.replacing import write_text
from asicbnn.result import BANDED, METRICS, Result, error_column
from asicbnn.spec.beside import beside
from asicbnn.spec.sweep import DesignPoint, expand, read_sweep
from asicbnn.spec.workload import Workload
from asicbnn.sweep.engine import Progress, run
from asicbnn.sweep.files import write_table
from asicbnn.sweep.pareto import costs_of, mark_front

OBJECTIVES = ("energy_per_inference_uj", "latency_ms", "area_um2")
WITHIN = ("workload", "technology", "level")
_SHOWN = ("utilisation", "power_mw")
_Point = tuple[DesignPoint, int]


@dataclass(frozen=True)
class SweepResult:
    """What a sweep found.

    table       one row per legal point: what names it, its level, the swept fields, the metrics and
                relative errors of those in `BANDED`, `pareto`
    axes        the swept fields, as columns of the table
    objectives  metrics of the front, which is marked per workload and technology
    refused     reason -> number of points that are no legal design or do not fit
    flags       sentences about assumed or scaled figures in any of the points
    """

    name: str
    table: pd.DataFrame
    axes: tuple[str, ...]
    objectives: tuple[str, ...]
    refused: Mapping[str, int]
    flags: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """One row per legal design point."""
        return self.table.copy()

    @property
    def front(self) -> pd.DataFrame:
        """The rows on the front, by workload, technology and the first objective."""
        rows = self.table[self.table["pareto"].astype(bool)] if len(self.table) else self.table
        order = [name for name in (*WITHIN, self.objectives[0]) if name in rows]
        return rows.sort_values(order, kind="stable")

    @property
    def front_rows(self) -> list[dict[str, Any]]:
        """The front as plain rows."""
        return _records(self.front)

    @property
    def naming_columns(self) -> tuple[str, ...]:
        """Columns that tell the points apart: their number and whatever varies."""
        candidates = dict.fromkeys((*WITHIN, *self.axes))
        varied = [name for name in candidates if name in self.table and _varies(self.table[name])]
        return ("point", *varied)

    @property
    def front_columns(self) -> tuple[str, ...]:
        """Columns worth showing: the naming ones, the objectives, utilisation, power."""
        return tuple(dict.fromkeys((*self.naming_columns, *self.objectives, *_SHOWN)))

    @property
    def headline(self) -> str:
        """How many points there are, at which level, and how many of them are on the front."""
        refused = sum(self.refused.values())
        levels = " and ".join(sorted(set(self.table["level"]))) if len(self.table) else "no"
        return (
            f"{self.name}: {len(self.table):,} design points at {levels} level, "
            f"{refused:,} refused; {len(self.front):,} on the front of {', '.join(self.objectives)}"
        )

    def to_json(self) -> dict[str, Any]:
        """Return what `--json` prints: every point, and what is known of the sweep."""
        names = ("point", "accelerator", *WITHIN)
        points = [
            {
                **{name: row[name] for name in names},
                "changes": {axis: _plain(row[axis]) for axis in self.axes},
                "pareto": bool(row["pareto"]),
                "totals": {k: _number(k, row[k]) for k in METRICS if row.get(k) == row.get(k, 0)},
                "errors": {k: row[error_column(k)] for k in BANDED if row.get(error_column(k))},
            }
            for row in _records(self.table)
        ]
        return {**self.facts(), "points": points}

    def facts(self) -> dict[str, Any]:
        """Return everything but the points."""
        return {
            "schema": "asicbnn.sweep/1",
            "version": __version__,
            "name": self.name,
            "axes": list(self.axes),
            "objectives": list(self.objectives),
            "refused": dict(self.refused),
            "flags": list(self.flags),
            "problems": [],
        }

    def write(self, folder: Path | str) -> tuple[Path, ...]:
        """Write NAME.parquet, NAME.csv and NAME.json (what the tables cannot say) to a folder."""
        stem = Path(folder) / self.name
        facts = json.dumps(self.facts(), indent=2) + "\n"
        tables = write_table(self.table, stem)
        return (*tables, write_text(stem.parent / f"{stem.name}.json", facts))


@dataclass(frozen=True)
class _Evaluation:
    """Estimates one point on one of the workloads; travels to other processes."""

    workloads: tuple[Workload, ...]
    batch: int
    objective: Objective
    level: ResultLevel | None

    def __call__(self, point: _Point) -> Result:
        design, workload = point
        return estimate(
            design.accelerator,
            self.workloads[workload],
            batch=self.batch,
            objective=self.objective,
            level=self.level,
        )


@dataclass(frozen=True)
class _Description:
    """Names a row by its point's number in the sweep and the values of the axes."""

    axes: tuple[str, ...] = field(default=())

    def __call__(self, point: _Point) -> dict[str, Any]:
        changes = {axis: _cell(point[0].changes[axis]) for axis in self.axes}
        return {"point": point[0].index, **changes}


def sweep(
    file: Path | str,
    *,
    objectives: Sequence[str] | None = None,
    workers: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
    level: ResultLevel | None = None,
) -> SweepResult:
    """Evaluate every point of a sweep file and mark the front.

    objectives  metrics of the front (default: energy per inference, latency, area)
    workers     processes, None for one per core; 1 stays in this process
    executor    used instead of processes of our own
    progress    called with (points done, points in all)
    level       of every estimate; None takes the best each technology has, and a sweep over several
                says so where they differ

    Raises SpecError with all problems of the sweep, its accelerator and its workloads.
    """
    chosen = tuple(objectives or OBJECTIVES)
    costs_of(pd.DataFrame(columns=list(METRICS), dtype=float), chosen)  # refuses unknown ones now
    refuse_other_kinds(file, "sweep")
    spec = read_sweep(file)
    base = accelerator_of(beside(file, spec.accelerator))
    workloads = tuple(workload_of(beside(file, name)) for name in spec.workloads)
    expansion = expand(spec, base)
    axes = tuple(expansion.points[0].changes) if expansion.points else ()
    points = [(point, i) for point in expansion.points for i in range(len(workloads))]
    found = run(
        points,
        _Evaluation(workloads, spec.batch, spec.objective, level),
        describe=_Description(axes),
        workers=workers,
        executor=executor,
        progress=progress,
    )
    table = found.rows
    if len(table):
        table = table.assign(pareto=mark_front(table, chosen, WITHIN))
    refused = dict(found.reasons)
    for skipped in expansion.skipped:
        refused[skipped.reason] = refused.get(skipped.reason, 0) + len(workloads)
    ordered = dict(sorted(refused.items(), key=lambda item: (-item[1], item[0])))
    flags = (*mixed_levels(table), *found.flags)
    return SweepResult(spec.name, table, axes, chosen, ordered, flags)


def mixed_levels(table: pd.DataFrame) -> Iterator[str]:
    """Yield a sentence if the points of a sweep are not all at one level."""
    if not len(table):
        return
    by_level = table.groupby("level", sort=True)["technology"].unique()
    if len(by_level) > 1:
        said = "; ".join(f"{', '.join(sorted(n))} at {level}" for level, n in by_level.items())
        yield f"levels differ and their figures do not compare: {said}; --level cell makes them one"


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in table.to_dict("records")]


def _varies(column: pd.Series[Any]) -> bool:
    return len(set(column.astype(str))) > 1


def _cell(value: Any) -> Any:
    """Return an axis value as a cell of a table: lists and mappings as text."""
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _plain(value: Any) -> Any:
    """Return a cell as a JSON value; a missing one as null."""
    if value is None or value != value:
        return None
    return value.item() if hasattr(value, "item") else value


def _number(name: str, value: float) -> int | float:
    return int(value) if METRICS[name].is_count else float(value)
