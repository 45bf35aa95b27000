"""Reads Liberty files: groups into cells, several files of one corner into one library."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

from asicbnn.errors import Problem, SpecError
from asicbnn.technology.liberty.cells import CellReader
from asicbnn.technology.liberty.functions import is_readable
from asicbnn.technology.liberty.groups import Group, library_parts
from asicbnn.technology.liberty.library import (
    LibertyCell,
    LibertyFile,
    Library,
    Thresholds,
)
from asicbnn.technology.liberty.scales import scales_of
from asicbnn.technology.liberty.statements import Statements
from asicbnn.technology.liberty.tables import TableReader

Progress = Callable[[int, int], None]
_PERCENT = 0.01
_UNITS = ("time_unit", "voltage_unit", "leakage_power_unit", "capacitive_load_unit")
UNREAD: Final = "functions that cannot be read"
_COLDEST_C: Final = -273.0  # absolute zero, where no law of this program holds
_TEMPLATES = ("lu_table_template", "power_lut_template")


def read(paths: Iterable[Path | str], progress: Progress | None = None) -> Library:
    """Read the Liberty files (plain or gzip) of one corner into one library.

    progress : called with the files read so far and their number
    Raises SpecError with file and line for whatever cannot be read, and for files that differ in
    voltage, temperature or slew thresholds.
    """
    files = [Path(path) for path in ([paths] if isinstance(paths, str | Path) else paths)]
    if not files:
        raise SpecError("no Liberty file was given")
    libraries = []
    for done, path in enumerate(files):
        if progress:
            progress(done, len(files))
        libraries.append(read_file(path))
    return merged(libraries)


def read_file(path: Path | str, wanted: Callable[[LibertyCell], bool] | None = None) -> Library:
    """Read one Liberty file; SpecError with the line for whatever is wrong with it.

    wanted : cells for which it is false are checked and forgotten, so that of a large file no
             more stays in memory than is of use; without it every cell is kept
    """
    with Statements(Path(path)) as statements:
        found = _Found(statements, wanted)
        for part in library_parts(statements):
            found.take(part)
        return found.library(Path(path))


class _Found:
    """What one file has held so far.

    cells  by name; None for one that is not wanted
    """

    def __init__(
        self, statements: Statements, wanted: Callable[[LibertyCell], bool] | None
    ) -> None:
        self._statements, self._wanted = statements, wanted
        self._head: Group | None = None
        self._reader: CellReader | None = None
        self.cells: dict[str, LibertyCell | None] = {}
        self.operating: dict[str, Group] = {}
        self.notes: list[str] = []
        self.unread: list[str] = []

    def take(self, part: Group) -> None:
        """Take up a part of the library; its head comes first, and again at its end."""
        if self._head is None or part is self._head:
            self._head = part
        elif part.kind == "operating_conditions":
            self.operating[part.argument] = part
        else:
            self._take_cell(self._reader_of(self._head), part)

    def _reader_of(self, head: Group) -> CellReader:
        """Return the reader of cells, whose units are those stated before the first of them."""
        if self._reader is None:
            tables = TableReader(self._statements, scales_of(self._statements, head))
            self._reader = CellReader(head, tables)
        return self._reader

    def _take_cell(self, reader: CellReader, part: Group) -> None:
        """Take up a cell, or what cells refer to; of two of one name the first is taken."""
        if part.kind in _TEMPLATES:
            reader.tables.add_template(part)
        elif part.kind == "type":
            reader.add_bus_type(part)
        elif part.kind == "cell" and part.argument in self.cells:
            again = f"again on line {part.line}; the first is taken"
            self.notes.append(f"cell {part.argument} stands twice, {again}")
        elif part.kind == "cell":
            cell = reader.cell(part)
            self.unread += _unread(cell)
            self.cells[cell.name] = cell if self._wanted is None or self._wanted(cell) else None

    def library(self, path: Path) -> Library:
        """Return all of it once the file has ended."""
        if self._head is None or not self.cells:
            self._statements.fail(
                "the library has no cells",
                1,
                "where a file holds the head alone and each cell has a file, put them into one",
            )
        head, reader = self._head, self._reader_of(self._head)
        reader.require_units_first(head, _UNITS)
        voltage, temperature, process, corner = _conditions(reader, head, self.operating)
        notes = (
            *reader.tables.scales.assumed, *_supplies(reader), *_summary(self.unread), *self.notes,
        )  # fmt: skip
        return Library(
            name=head.argument,
            voltage_v=voltage,
            temperature_c=temperature,
            process=process,
            corner=corner,
            thresholds=_thresholds(reader, head),
            cells={name: cell for name, cell in self.cells.items() if cell is not None},
            files=(LibertyFile(path.name, _sha256(path), self._statements.characters),),
            notes=notes,
            delay_model=head.text("delay_model").strip('"'),
        )


def _unread(cell: LibertyCell) -> list[str]:
    """Return the function of a cell that is no expression, so that no role is seen in the cell.

    So it is with a state table where no ff or latch group says the same.
    """
    if cell.has_state_table and not (cell.storages or cell.clock_gate):
        return [f"the statetable of {cell.name} (line {cell.line})"]
    wrong = [pin for pin in cell.outputs() if pin.function and not is_readable(pin.function)]
    return [f"'{pin.function[:40]}' of {cell.name} (line {cell.line})" for pin in wrong[:1]]


def _summary(unread: list[str]) -> tuple[str, ...]:
    """Return what to say of cells whose functions cannot be read."""
    if not unread:
        return ()
    cells = "1 cell is" if len(unread) == 1 else f"{len(unread)} cells are"
    return (f"{UNREAD}: {cells} passed over, {unread[0]} the first",)


def _supplies(reader: CellReader) -> tuple[str, ...]:
    """Return what to say of a file that tells supply pins apart: figures elsewhere may be means."""
    if not reader.has_supplies:
        return ()
    return ("energy and leakage are stated per supply pin (related_pg_pin) and added up over them",)


def _conditions(
    reader: CellReader, library: Group, operating: dict[str, Group]
) -> tuple[float, float, float | None, str]:
    """Return voltage [V], temperature [C], process and name of the corner."""
    default = library.text("default_operating_conditions").strip('"')
    if default not in operating and len(operating) == 1:
        default = next(iter(operating))
    chosen = operating.get(default)

    def figure(name: str) -> float | None:
        for group, key in ((chosen, name), (library, f"nom_{name}")):
            if group is not None and key in group.attributes:
                return reader.number(group, key)
        return None

    voltage, temperature = figure("voltage"), figure("temperature")
    for what, value, least in (("voltage", voltage, 0), ("temperature", temperature, _COLDEST_C)):
        if value is not None and value < least:
            reader.tables.statements.fail(
                f"the library states a {what} of {value:g}, below {least:g}", library.line
            )
    if not voltage or temperature is None:
        reader.tables.statements.fail(
            "the library states no voltage or no temperature: neither nom_voltage and "
            "nom_temperature nor operating_conditions",
            library.line,
        )
    return (
        voltage * reader.tables.scales.v,
        temperature,
        figure("process"),
        default or library.argument,
    )


def _thresholds(reader: CellReader, library: Group) -> Thresholds:
    def share(name: str, default: float) -> float:
        found = [
            reader.number(library, f"{name}_pct_{edge}", default) * _PERCENT
            for edge in ("rise", "fall")
        ]
        return sum(found) / len(found)

    return Thresholds(
        slew_lower=share("slew_lower_threshold", 20),
        slew_upper=share("slew_upper_threshold", 80),
        delay=share("output_threshold", 50),
        derate=reader.number(library, "slew_derate_from_library", 1),
    )


def merged(libraries: Iterable[Library]) -> Library:
    """Return the cells of several libraries of one corner as one; SpecError where they differ."""
    first, *others = libraries
    cells = dict(first.cells)
    notes = list(first.notes)
    for place, other in enumerate(others, start=1):
        for what in ("voltage_v", "temperature_c", "thresholds"):
            mine, its = getattr(first, what), getattr(other, what)
            if mine != its:
                raise SpecError(
                    Problem(
                        f"{what} {its} differs from {mine} of {first.files[0].name}",
                        other.files[0].name,
                        help="the files of one library must be of one corner",
                    )
                )
        twice = cells.keys() & other.cells.keys()
        notes += [*other.notes, *(f"cell {name} stands in two files" for name in sorted(twice))]
        placed = {name: replace(cell, place=place) for name, cell in other.cells.items()}
        cells = {**placed, **cells}
    return replace(
        first,
        cells=cells,
        files=tuple(file for library in (first, *others) for file in library.files),
        notes=tuple(dict.fromkeys(notes)),
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
