"""A technology file made of a user's Liberty files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import geometric_mean
from typing import Final

from asicbnn.errors import Problem, SpecError
from asicbnn.technology.liberty import anchors
from asicbnn.technology.liberty.choice import choose
from asicbnn.technology.liberty.composing import Entries, entries_of
from asicbnn.technology.liberty.figures import conditions_of
from asicbnn.technology.liberty.library import Library
from asicbnn.technology.liberty.matching import is_of_use
from asicbnn.technology.liberty.missing_power import completed
from asicbnn.technology.liberty.operating_fit import Observed, fitted, process_of
from asicbnn.technology.liberty.reader import UNREAD, Progress, merged, read_file
from asicbnn.technology.liberty.writing import Origin, as_text, corner_source, technology_form
from asicbnn.technology.schema import CornerEntry, TechnologyFile

_RATIOS: Final = (
    ("delay_ratio", "delay_fo4_ps"),
    ("energy_ratio", "toggle_energy_fj"),
    ("leakage_ratio", "leakage_nw"),
)
_LAWS: Final = (
    ("delay", "delay_fo4_ps"),
    ("internal", "internal_energy_fj"),
    ("capacitance", "input_capacitance_ff"),
    ("leakage", "leakage_nw"),
)


@dataclass(frozen=True, slots=True)
class Imported:
    """A technology file, its text, and what was peculiar about the Liberty files."""

    file: TechnologyFile
    text: str
    notes: tuple[str, ...]


def import_liberty(
    paths: Sequence[Path | str],
    name: str,
    *,
    node_nm: float | None = None,
    progress: Progress | None = None,
) -> Imported:
    """Make a technology file of Liberty files: figures of their cells, the rest scaled.

    The corner of the first file is the one whose figures are taken; files of other corners give
    the file's ``corners``. node_nm : the process node, where it is known.
    Raises SpecError for files that cannot be read and for libraries that lack too much.
    """
    libraries = []
    for done, path in enumerate(paths):
        if progress:
            progress(done, len(paths))
        libraries.append(read_file(path, is_of_use))
    if progress:
        progress(len(paths), len(paths))
    return import_libraries(libraries, name, node_nm=node_nm)


def import_libraries(
    libraries: Sequence[Library], name: str, *, node_nm: float | None = None
) -> Imported:
    """Make a technology file of what was read from Liberty files; see `import_liberty`.

    Raises SpecError for libraries without an inverter, or whose figures cannot be had.
    """
    of_cells, passed_over = _without_memories(libraries)
    first, *others = _by_corner(of_cells)
    choices = choose(first)
    inverter = choices.get("inverter")
    if inverter is None:
        message = (
            "the library has no inverter: no cell of one input whose function is its complement"
        )
        cure = "give the file with the library's inverters first, or all of its files"
        notes = (*choices.notes, *first.notes)
        found = next((note for note in notes if note.startswith(("inverter", UNREAD))), "")
        raise SpecError(Problem(message, first.files[0].name, help=found or cure))
    at = conditions_of(first, inverter.cell)
    entries = entries_of(first, choices, at)
    apart = list(_told_apart(first, others))
    corners = [_corner(other, entries) for other in apart]
    origin = Origin(first, apart, at, node_nm)
    moves = fitted(_own(first), [_observed(other, entries) for other in apart]) if apart else None
    file = technology_form(name, origin, entries, corners, moves)
    notes = (
        *passed_over,
        *choices.notes,
        *(note for library in (first, *others) for note in library.notes),
        *((moves.note,) if moves else ()),
        *_unstated(entries),
    )
    return Imported(file, as_text(file), tuple(dict.fromkeys(notes)))


def _unstated(entries: Entries) -> Iterator[str]:
    """Say which figures of power the file lacks, and what that makes of the others."""
    taken = {
        entries.matches[name].cell.name: figures
        for name, figures in entries.figures.items()
        if name in entries.cells
    }
    for what, lacking, so in (
        (
            "internal power",
            [name for name, figures in taken.items() if not figures.has_power],
            f"it is scaled from {', '.join(anchors.ANCHORS)} by the load of four inverters",
        ),
        (
            "leakage",
            [name for name, figures in taken.items() if not figures.leakage_nw],
            "it is taken as none, and too low",
        ),
    ):
        if lacking:
            yield (
                f"no {what} is stated for {len(lacking)} of the {len(taken)} cells taken, "
                f"{lacking[0]} the first: {so}"
            )


def _without_memories(libraries: Iterable[Library]) -> tuple[list[Library], list[str]]:
    """Leave out files of memory macros, which a technology names in a list of their own.

    So are files that hold nothing of use and are of no other's corner, such as pads, or macros
    that no memory group tells of: they would be corners of no cells.
    """
    found = list(libraries)
    of_macros = [
        library
        for library in found
        if library.cells and all(cell.memory for cell in library.cells.values())
    ]
    of_cells = [library for library in found if library.cells and library not in of_macros]
    useless = [
        library
        for library in found
        if not library.cells and not any(_are_of_one_corner(library, its) for its in of_cells)
    ]
    notes = [
        f"{library.files[0].name} holds memory macros alone and is passed over; list it "
        "under macros: in the technology file"
        for library in of_macros
    ]
    if len(of_macros) == len(found):
        raise SpecError(
            "the files hold memory macros alone; give the standard cells' Liberty files"
        )
    if not of_cells:
        return useless, notes
    notes += [
        f"{library.files[0].name} holds no cell that plays a role and is passed over"
        for library in useless
    ]
    left_out = {id(library) for library in (*of_macros, *useless)}
    return [library for library in found if id(library) not in left_out], notes


def _by_corner(libraries: Iterable[Library]) -> list[Library]:
    """Merge the files of one corner: of one voltage, temperature and process, other cells each."""
    corners: list[list[Library]] = []
    for library in libraries:
        for corner in corners:
            if all(_are_of_one_corner(part, library) for part in corner):
                corner.append(library)
                break
        else:
            corners.append([library])
    return [merged(corner) for corner in corners]


def _are_of_one_corner(one: Library, other: Library) -> bool:
    processes = {_process(one), _process(other)} - {""}
    return (
        (one.voltage_v, one.temperature_c) == (other.voltage_v, other.temperature_c)
        and len(processes) < 2
        and not one.cells.keys() & other.cells.keys()
    )


def _told_apart(first: Library, others: Sequence[Library]) -> Iterator[Library]:
    """Yield the other corners; one named like another is told from it by what else differs."""

    def point(library: Library) -> str:
        return f"{library.corner} {library.voltage_v:g} V {library.temperature_c:g} C"

    def process(library: Library) -> str:
        return f"{point(library)} {_process(library)}".strip()

    def file(library: Library) -> str:
        return f"{point(library)} {library.files[0].name}"

    ways: tuple[Callable[[Library], str], ...] = (
        lambda library: library.corner, point, process, file,
    )  # fmt: skip
    counts = [Counter(way(library) for library in (first, *others)) for way in ways]
    for library in others:
        names = [
            way(library) for way, seen in zip(ways, counts, strict=True) if seen[way(library)] < 2
        ]
        yield replace(library, corner=(names or [file(library)])[0])


def _own(library: Library) -> Observed:
    return Observed(_process(library), library.voltage_v, library.temperature_c)


def _process(library: Library) -> str:
    return process_of(library.corner, library.name, library.files[0].name)


def _observed(library: Library, entries: Entries) -> Observed:
    """Return how far a corner is from the first one, as the laws take it apart."""
    ratios = _ratios(library, entries, _LAWS)
    return Observed(_process(library), library.voltage_v, library.temperature_c, **ratios)


def _corner(library: Library, entries: Entries) -> CornerEntry:
    """Return a corner's ratios to the first one's figures, over the cells both have."""
    ratios = _ratios(library, entries, _RATIOS)
    return CornerEntry(
        name=library.corner,
        voltage_v=library.voltage_v,
        temperature_c=library.temperature_c,
        source=corner_source(library),
        **{key: anchors.rounded(ratio) for key, ratio in ratios.items()},
    )


def _ratios(
    library: Library, entries: Entries, wanted: tuple[tuple[str, str], ...]
) -> dict[str, float]:
    """Return ratios of figures to the first corner's, geometric means over the cells both have.

    wanted  names of ratios and of the figures they are of; 1 for what no cell states
    """
    inverter = library.cells.get(entries.matches["inverter"].cell.name)
    if inverter is None:
        raise SpecError(
            Problem(
                f"the file has no {entries.matches['inverter'].cell.name}, which the first file "
                "has: it is no corner of the same library",
                library.files[0].name,
            )
        )
    at = conditions_of(library, inverter)
    ratios: dict[str, list[float]] = {key: [] for key, _ in wanted}
    for name, match in entries.matches.items():
        cell = library.cells.get(match.cell.name)
        if cell is None or name not in entries.cells:
            continue
        its, mine = completed(name, match.on(cell), at), entries.figures[name]
        for key, figure in wanted:
            before, after = getattr(mine, figure), getattr(its, figure)
            if before > 0 and after > 0:
                ratios[key].append(after / before)
    return {key: geometric_mean(found) if found else 1.0 for key, found in ratios.items()}
