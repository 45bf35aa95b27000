"""Predicted against published, as tables for the terminal and as the page of the documentation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from asicbnn.report.tables import add, notes, plain_table
from asicbnn.units import banded, figure
from asicbnn.validate.comparison import RATIO_TOLERANCE, TITLES, UNITS, Judgement, Row
from asicbnn.validate.facts import Point
from asicbnn.validate.run import Validation
from asicbnn.validate.scopes import SCOPE_TITLES

TEMPLATE = Path(__file__).with_name("validation.md.in")
KINDS = ("measured", "post-layout", "post-synthesis")
_HEADINGS = (
    "chip", "figure", "scope", "level", "predicted", "published", "known", *KINDS, "verdict",
)  # fmt: skip

_JUDGED: Mapping[Judgement, str] = {
    "count": "Exact counts",
    "ratio": f"ratios, judged at {100 * RATIO_TOLERANCE:.0f} %",
    "absolute": "absolute figures, judged by their bands",
}


@dataclass(frozen=True)
class Line:
    """A published figure in words: all layers of one figure are one line.

    known    how the published figure is known: read, secondary, derived or from memory
    factors  predicted over published, under the kind of the published figure
    """

    chip: str
    figure: str
    scope: str
    level: str
    predicted: str
    published: str
    known: str
    factors: dict[str, str]
    verdict: str

    @property
    def cells(self) -> tuple[str, ...]:
        """The line under `_HEADINGS`."""
        return (
            self.chip, self.figure, self.scope, self.level, self.predicted, self.published,
            self.known,
            *(self.factors.get(kind, "") for kind in KINDS), self.verdict,
        )  # fmt: skip


def lines(rows: Sequence[Row]) -> Iterator[Line]:
    """Yield a line per published figure."""
    for _, some in groupby(rows, key=lambda row: (row.chip, id(row.figure))):
        group = list(some)
        yield _whole(group[0]) if len(group) == 1 else _layered(group)


def _whole(row: Row) -> Line:
    predicted = ""
    if row.predicted is not None:
        predicted = _value(row, row.predicted, row.relative_error)
    bound = "< " if row.figure.is_upper_bound else ""
    factor = {} if row.factor is None else {row.kind: figure(row.factor)}
    published = bound + _value(row, row.published)
    is_near = row.verdict == "beyond" and row.is_inside
    verdict = f"{row.verdict}, inside its band" if is_near else row.verdict
    return _line(row, predicted, published, factor, verdict)


def _layered(rows: Sequence[Row]) -> Line:
    first = rows[0]
    known = sorted(row.factor for row in rows if row.factor is not None)
    ends = [] if not known else [figure(known[0]), figure(known[-1])]
    verdicts = Counter(row.verdict for row in rows)
    said = ", ".join(f"{n} {verdict}" for verdict, n in verdicts.items())
    factor = {first.kind: " to ".join(dict.fromkeys(ends))} if ends else {}
    return _line(first, "", f"{len(rows)} layers", factor, said)


def _line(row: Row, predicted: str, published: str, factors: dict[str, str], verdict: str) -> Line:
    title = TITLES[row.quantity] + _point(row.figure.at, row.figure.against)
    if row.figure.changes:
        title += f", with {', '.join(_changed(row.figure.changes))}"
    if row.figure.workload:
        title += f", {row.figure.workload}"
    scope = "" if row.judgement == "count" else SCOPE_TITLES[row.figure.scope]
    level = "" if row.predicted is None else row.level
    known = row.figure.confidence
    return Line(row.chip, title, scope, level, predicted, published, known, factors, verdict)


def _changed(changes: Mapping[str, Any]) -> Iterator[str]:
    """Yield each changed field in short: `buffers.weight.kind: latch` -> weight latch."""
    for name, value in changes.items():
        if not isinstance(value, Mapping):
            yield f"{name.removesuffix('.kind').rpartition('.')[2]} {value}"


def _point(at: Point, against: Point | None) -> str:
    words = [
        ", ".join(_words(point)) or "its own point" for point in (at, against) if point is not None
    ]
    stated = any(point and any(_words(point)) for point in (at, against))
    return f" at {' over '.join(words)}" if stated else ""


def _words(point: Point) -> Iterator[str]:
    if point.voltage_v is not None:
        yield f"{point.voltage_v:g} V"
    if point.clock_mhz is not None:
        yield f"{point.clock_mhz:g} MHz"
    if point.inferences_per_s is not None:
        yield f"{point.inferences_per_s:g} inferences/s"


def _value(row: Row, value: float, relative_error: float = 0.0) -> str:
    unit = UNITS[row.quantity]
    number = banded(value, relative_error)
    return number if unit == "1" else f"{number} {unit}"


def validation_tables(found: Validation) -> RenderableType:
    """Return what a terminal shows: every figure, replays apart, what is assumed and doubtful."""
    table = plain_table("predicted against published, and their factor", _HEADINGS, words=4)
    for line in lines(found.rows):
        add(table, *line.cells)
    shown: list[RenderableType] = [table, Text(), Text(_counted(found))]
    if found.replays:
        shown += [Text(), replay_table(found)]
    if remarks := [*_assumed(found), *_reasons(found), *found.warnings]:
        shown += [Text(), notes(remarks)]
    return Group(*shown)


def replay_table(found: Validation) -> Table:
    """Return replays: unit tests of the counting, called so and kept out of the validation."""
    title = "replays of published unit energies (unit tests, not validation)"
    headings = ("chip", "unit energies", "energy", "published", "factor")
    table = plain_table(title, headings, words=2)
    for energies, chip, energy_uj, published_uj in _replayed(found):
        values = (f"{figure(energy_uj)} uJ", f"{figure(published_uj)} uJ")
        add(table, chip, energies, *values, f"{energy_uj / published_uj:.3f}")
    return table


def _replayed(found: Validation) -> Iterator[tuple[str, str, float, float]]:
    """Yield unit energies, chip, energy, published [uJ]: the replay, then ordinary estimates."""
    for each in found.chips:
        if (again := each.replayed) is None:
            continue
        yield "its own, a replay", again.chip, again.energy_uj, again.published_uj
        for row in each.rows:
            if row.quantity == "energy_uj" and row.predicted is not None:
                ordinary = f"{each.accelerator.technology}, {SCOPE_TITLES[row.figure.scope]}"
                yield ordinary, row.chip, row.predicted, row.published


def _counted(found: Validation) -> str:
    """Return how many rows got each verdict, by what they were judged by."""
    said = []
    for judgement, judged in _JUDGED.items():
        verdicts = Counter(row.verdict for row in found.rows if row.judgement == judgement)
        if verdicts:
            counts = ", ".join(f"{n} {verdict}" for verdict, n in verdicts.most_common())
            said.append(f"{judged}: {counts}")
    return "; ".join(said)


def _assumed(found: Validation) -> Iterator[str]:
    for each in found.chips:
        chip = each.chip
        yield f"{chip.title}: assumed are {', '.join(chip.assumed())}"


def _reasons(found: Validation) -> Iterator[str]:
    seen = {f"{row.chip}: {row.reason}" for row in found.rows if row.reason}
    seen |= {f"{row.chip}: {note}" for row in found.rows for note in row.notes}
    yield from sorted(seen)


def page(found: Validation) -> str:
    """Return the page of the documentation, whole: tables, inputs, misses and their discussion."""
    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    template = environment.from_string(TEMPLATE.read_text("utf-8"))
    by_judgement = {
        judgement: list(lines([row for row in found.rows if row.judgement == judgement]))
        for judgement in ("count", "ratio", "absolute")
    }
    return template.render(
        found=found, kinds=KINDS, lines=by_judgement, counted=_counted(found),
        misses=_misses, layers=_layers, number=figure, replayed=list(_replayed(found)),
    )  # fmt: skip


def _layers(rows: Sequence[Row]) -> Iterator[tuple[str, list[tuple[str, str, str, str]]]]:
    """Yield each figure of layers with layer, predicted, published and factor."""
    for _, some in groupby(rows, key=lambda row: id(row.figure)):
        group = [row for row in some if row.layer and row.predicted is not None]
        if group:
            line = next(lines(group))
            name = f"{line.figure} ({line.scope})" if line.scope else line.figure
            yield name, [_layer_cells(row) for row in group]


def _layer_cells(row: Row) -> tuple[str, str, str, str]:
    predicted, factor = row.predicted or 0.0, row.factor or 0.0
    return row.layer, figure(predicted), figure(row.published), figure(factor)


def _misses(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """Return each figure of a chip that has a miss, and what is said of it, worst layer first."""
    found = []
    for _, some in groupby(rows, key=lambda row: id(row.figure)):
        missed = [row for row in some if row.is_miss]
        if missed:
            worst = max(missed, key=_distance)
            line = next(lines([worst]))
            layer = f", {worst.layer}" if worst.layer else ""
            scope = f" ({line.scope})" if line.scope else ""
            found.append((f"{line.figure}{layer}{scope}", worst.discussion))
    return found


def _distance(row: Row) -> float:
    return max(row.factor, 1 / row.factor) if row.factor else 0.0


__all__ = ["lines", "page", "replay_table", "validation_tables"]
