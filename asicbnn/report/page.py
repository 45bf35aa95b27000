"""One self-contained page: text, tables and figures in a single HTML file that opens offline."""

from __future__ import annotations

import hashlib
import platform
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from asicbnn import __version__
from asicbnn.report.style import COLUMN_INCH, heading, inline_svg
from asicbnn.report.tables import ending
from asicbnn.result import METRICS, error_column
from asicbnn.units import Scale, banded, figure, scale, typeset, typeset_band

TEMPLATE = Path(__file__).with_name("page.html")
_LIBRARIES = ("numpy", "pandas", "pyrtl", "matplotlib", "pydantic")


@dataclass(frozen=True)
class Drawing:
    """A figure on the page; `name` becomes the name of its file and of its place in the page."""

    name: str
    figure: Figure
    caption: str

    @property
    def is_narrow(self) -> bool:
        return bool(self.figure.get_figwidth() <= COLUMN_INCH + 0.1)

    @property
    def svg(self) -> Markup:
        return Markup(inline_svg(self.figure, self.name))  # drawn by us, not read from a file


@dataclass(frozen=True)
class Grid:
    """A table on the page; the first `words` columns hold words, the others numbers."""

    caption: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: int = 1


@dataclass(frozen=True)
class Section:
    """A part of the page under its own heading."""

    title: str
    text: Sequence[str] = ()
    figures: Sequence[Drawing] = ()
    grids: Sequence[Grid] = ()
    notes: Sequence[str] = ()
    facts: Sequence[str] = ()

    @property
    def anchor(self) -> str:
        return re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")


@dataclass(frozen=True)
class Page:
    """Everything a page says."""

    title: str
    lead: str
    sections: Sequence[Section]
    manifest: Mapping[str, Any] = field(default_factory=dict)

    def html(self) -> str:
        """Return the page; what comes from files is escaped, and nothing is loaded from outside."""
        environment = Environment(autoescape=True, undefined=StrictUndefined)
        template = environment.from_string(TEMPLATE.read_text("utf-8"))
        return template.render(
            title=self.title, lead=self.lead, sections=self.sections,
            manifest={"files": [], **self.manifest}, version=__version__,
        )  # fmt: skip


def manifest_of(files: Iterable[Path], folder: Path) -> dict[str, Any]:
    """Return what a page was made from: files with their digests, versions of the libraries."""
    entries = []
    for path in sorted(files):
        data = path.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        name = path.relative_to(folder).as_posix()
        entries.append({"name": name, "bytes": len(data), "sha256": digest})
    return {
        "asicbnn": __version__,
        "python": platform.python_version(),
        "libraries": {name: _version(name) for name in _LIBRARIES},
        "files": entries,
    }


def _version(library: str) -> str:
    try:
        return version_of(library)
    except PackageNotFoundError:
        return "absent"


def grid(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], caption: str, *, words: int = 1
) -> Grid:
    """Return chosen columns of rows as a table, each metric in the unit its largest value takes."""
    scales = {name: _scale(name, rows) for name in columns}
    others = [name for name in columns if name not in METRICS]
    headings = []
    for name in columns:
        unit = scales[name].unit
        title = heading(name if name in METRICS else ending(name, others))
        headings.append(title if unit == "1" else f"{title} [{typeset(unit)}]")
    cells = [[_cell(row, name, scales[name]) for name in columns] for row in rows]
    return Grid(caption, headings, cells, words)


def _scale(name: str, rows: Sequence[Mapping[str, Any]]) -> Scale:
    if name not in METRICS or METRICS[name].is_count:
        return Scale(1.0, "1")
    largest = max((abs(float(row[name])) for row in rows if row.get(name) is not None), default=0.0)
    return scale(largest, METRICS[name].unit)


def _cell(row: Mapping[str, Any], name: str, chosen: Scale) -> str:
    value, error = row.get(name), row.get(error_column(name)) or 0.0
    if value is None or value != value:  # NaN: the column does not concern this row
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        if error == error and error:
            return typeset_band(banded(value * chosen.factor, error))
        return figure(value if chosen.factor == 1 else value * chosen.factor)
    return str(value)
