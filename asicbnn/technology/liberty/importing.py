"""A technology file made of a user's Liberty files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import geometric_mean
from typing import Any, Final

import yaml

from asicbnn.errors import Problem, SpecError
from asicbnn.technology.liberty import anchors
from asicbnn.technology.liberty.choice import choose
from asicbnn.technology.liberty.composing import Entries, entries_of
from asicbnn.technology.liberty.figures import Conditions, conditions_of, figures_of
from asicbnn.technology.liberty.library import Library
from asicbnn.technology.liberty.matching import is_of_use
from asicbnn.technology.liberty.reader import Progress, merged, read_file
from asicbnn.technology.schema import CellEntry, Composition, CornerEntry, Figure, TechnologyFile

_WIDTH: Final = 100
_RATIOS: Final = (
    ("delay_ratio", "delay_fo4_ps"),
    ("energy_ratio", "toggle_energy_fj"),
    ("leakage_ratio", "leakage_nw"),
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
    """Make a technology file of what was read from Liberty files; see `import_liberty`."""
    of_cells, passed_over = _without_memories(libraries)
    first, *others = _by_corner(of_cells)
    choices = choose(first)
    inverter = choices.get("inverter")
    if inverter is None:
        message = (
            "the library has no inverter: no cell of one input whose function is its complement"
        )
        cure = "give the file with the library's inverters first, or all of its files"
        found = next((note for note in choices.notes if note.startswith("inverter")), "")
        raise SpecError(Problem(message, first.files[0].name, help=found or cure))
    at = conditions_of(first, inverter.cell)
    entries = entries_of(first, choices, at)
    corners = [_corner(other, entries) for other in _told_apart(first, others)]
    file = _file(name, first, others, entries, at, node_nm, corners)
    notes = (
        *passed_over,
        *choices.notes,
        *(note for library in (first, *others) for note in library.notes),
    )
    return Imported(file, _text(file), tuple(dict.fromkeys(notes)))


def _without_memories(libraries: Iterable[Library]) -> tuple[list[Library], list[str]]:
    """Leave out files of memory macros, which a technology names in a list of their own."""
    kept: list[Library] = []
    notes: list[str] = []
    for library in libraries:
        if library.cells and all(cell.memory for cell in library.cells.values()):
            notes.append(
                f"{library.files[0].name} holds memory macros alone and is passed over; list it "
                "under macros: in the technology file"
            )
        else:
            kept.append(library)
    if not kept:
        raise SpecError(
            "the files hold memory macros alone; give the standard cells' Liberty files"
        )
    return kept, notes


def _by_corner(libraries: Iterable[Library]) -> list[Library]:
    """Merge the files of one corner: of one voltage and temperature, and of different cells."""
    corners: list[list[Library]] = []
    for library in libraries:
        for corner in corners:
            is_same = all(
                (part.voltage_v, part.temperature_c) == (library.voltage_v, library.temperature_c)
                and not part.cells.keys() & library.cells.keys()
                for part in corner
            )
            if is_same:
                corner.append(library)
                break
        else:
            corners.append([library])
    return [merged(corner) for corner in corners]


def _told_apart(first: Library, others: Sequence[Library]) -> Iterator[Library]:
    """Yield the other corners; one named like another is told from it by voltage and degrees."""
    names = Counter(library.corner for library in (first, *others))
    for library in others:
        apart = f"{library.corner} {library.voltage_v:g} V {library.temperature_c:g} C"
        yield replace(library, corner=apart) if names[library.corner] > 1 else library


def _corner(library: Library, entries: Entries) -> CornerEntry:
    """Return a corner's ratios to the first one's figures, over the cells both have."""
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
    ratios: dict[str, list[float]] = {key: [] for key, _ in _RATIOS}
    for name, match in entries.matches.items():
        cell = library.cells.get(match.cell.name)
        if cell is None or name not in entries.cells:
            continue
        its, mine = figures_of(match.on(cell), at), entries.figures[name]
        for key, figure in _RATIOS:
            before, after = getattr(mine, figure), getattr(its, figure)
            if before > 0 and after > 0:
                ratios[key].append(after / before)
    return CornerEntry(
        name=library.corner,
        voltage_v=library.voltage_v,
        temperature_c=library.temperature_c,
        source=_corner_source(library),
        **{key: anchors.rounded(geometric_mean(v)) if v else 1.0 for key, v in ratios.items()},
    )


def _corner_source(library: Library) -> str:
    return f"corner {library.corner}"


def _file(
    name: str,
    library: Library,
    others: Sequence[Library],
    entries: Entries,
    at: Conditions,
    node_nm: float | None,
    corners: Sequence[CornerEntry],
) -> TechnologyFile:
    def measured(value: float, note: str = "") -> Figure:
        return Figure(value=anchors.rounded(value), source="cells", note=note)

    inverter, nand2 = entries.figures["inverter"], entries.cells["nand2"]
    gate_um2 = nand2.area_um2 if isinstance(nand2, CellEntry) else inverter.area_um2
    units = anchors.Units(
        fo4_ps=inverter.delay_fo4_ps,
        fo4_energy_fj=inverter.toggle_energy_fj,
        adder_delay_ps=anchors.adder_delay_ps(entries.cells),
        gate_equivalent_um2=gate_um2,
        inverter_nw=inverter.leakage_nw,
        has_adder=any(role in entries.figures for role in anchors.ADDERS),
    )
    sky = anchors.anchors()["sky130hd"]
    root_um = gate_um2**0.5
    return TechnologyFile(
        name=name,
        description=f"Liberty library {library.name}, corner {library.corner}",
        sources=_sources(library, others, at),
        node_nm=(
            Figure(value=node_nm, source="given")
            if node_nm is not None
            else anchors.node_nm(gate_um2)
        ),
        voltage_v=measured(library.voltage_v),
        temperature_c=measured(library.temperature_c),
        fo4_delay_ps=measured(inverter.delay_fo4_ps),
        inverter_capacitance_ff=measured(inverter.input_capacitance_ff),
        inverter_toggle_energy_fj=measured(
            inverter.toggle_energy_fj, "internal + 0.5 * 4 C_inv V^2"
        ),
        gate_equivalent_um2=measured(gate_um2, "the smallest NAND2"),
        wire_ff_per_mm=anchors.wire_figure("signal"),
        clock_wire_ff_per_mm=anchors.wire_figure("clock"),
        setup_ps=_setup(entries, units),
        path_relative_error=anchors.assumed_as(sky.path_relative_error),
        clock_tree_fanout=anchors.assumed_as(sky.clock_tree_fanout),
        clock_tree_wire_um_per_sink=anchors.scaled_figure(
            "by the root of the gate equivalent, mean",
            root_um,
            lambda f: (f.clock_tree_wire_um_per_sink, f.gate_equivalent_um2.value**0.5),
        ),
        cells=dict(entries.cells),
        popcount_energy=anchors.popcount_energies(
            units, _xnor_input_ff(entries), library.voltage_v
        ),
        popcount_delay=anchors.popcount_delays(units),
        sram=anchors.sram_entry(units),
        corners=tuple(corners),
    )


def _setup(entries: Entries, units: anchors.Units) -> Figure:
    """Return the setup time of the flip-flop as the library states it, else scaled by FO4."""
    flop = entries.cells["flop"]
    name = flop.clocked_by if isinstance(flop, Composition) else "flop"
    stated = entries.figures[name].setup_ps if name else None
    if stated is None or not stated > 0:
        return anchors.scaled_figure(
            "by the FO4 delay, mean", units.fo4_ps, lambda f: (f.setup_ps, f.fo4_delay_ps.value)
        )
    return Figure(
        value=anchors.rounded(stated),
        source="cells",
        note="of the flip-flop's data, the later edge; both slews of an inverter driving four",
    )


def _xnor_input_ff(entries: Entries) -> float:
    entry = entries.cells["xnor2"]
    if isinstance(entry, CellEntry):
        return entry.input_capacitance_ff
    return sum(
        n * entries.figures[part].input_capacitance_ff for part, n in entry.input_pins.items()
    )


def _sources(library: Library, others: Sequence[Library], at: Conditions) -> dict[str, str]:
    def files(of: Library) -> str:
        return ", ".join(f"{file.name} (sha256 {file.sha256})" for file in of.files)

    sources = {
        "cells": (
            f"{files(library)}; corner {library.corner}, {library.voltage_v:g} V, "
            f"{library.temperature_c:g} C; read by NLDM tables at input slew {at.slew_ps:.4g} ps "
            "(an inverter driving four) and a load of four inverters"
        ),
        "composed": "from the figures of other cells in this file",
        "given": "whoever imported the library",
        "scaled": (
            f"shipped technologies {', '.join(anchors.ANCHORS)}, in the unit the note names; the "
            "relative error is that of predicting each of them from the others"
        ),
        "wires": anchors.wire_source(),
        "assumed": "as the shipped technologies assume it",
    }
    for other in _told_apart(library, others):
        sources[_corner_source(other)] = f"{files(other)}; read in the same way"
    return sources


def _text(file: TechnologyFile) -> str:
    """Return the YAML text; every default is left out."""
    tree: dict[str, Any] = file.model_dump(mode="json", exclude_defaults=True)
    head = (
        f"# {file.description}.\n"
        "# Imported from Liberty files by `asicbnn technology import`: derived figures only.\n"
    )
    sources = tree.pop("sources")
    top = {key: tree.pop(key) for key in ("name", "description")} | {"sources": sources}
    return head + _yaml(top, flow=False) + "\n" + _yaml(tree, flow=None)


def _yaml(tree: dict[str, Any], *, flow: bool | None) -> str:
    """Return YAML text; flow None: what holds no further collection stands on one line."""
    return yaml.safe_dump(
        tree, sort_keys=False, width=_WIDTH, default_flow_style=flow, allow_unicode=True
    )
