"""The cells synthesis may map to: a Liberty file cut down to them, as Yosys and abc read it.

Yosys reads the whole text of a library at every run, and abc uses whatever it finds there, cells
of isolation or level shifting among them. So the text is cut: cells with a drawback go, of equal
ones only the smallest drives stay, and of every cell the energies (which mapping never reads) go.
Flip-flops with an enable go too: abc sees no net that ends at a flip-flop's pin, so it would leave
an enable of a thousand of them without a buffer.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from asicbnn.errors import Problem, SpecError
from asicbnn.technology.liberty import LibertyCell, Library, Storage
from asicbnn.technology.liberty.functions import truth_table

_DRIVES = 2
_BUFFER_DRIVES = 3
_NAME = re.compile(r"[A-Za-z_]\w*")
_GROUP = re.compile(r"^[ \t]*(\w+)[ \t]*\(([^()\n]*)\)[ \t]*\{", re.MULTILINE)
_BRACES = re.compile(r'[{}]|"[^"]*"|/\*.*?\*/', re.DOTALL)
_UNREAD = re.compile(
    r"(?:^[ \t]*|\b)(?:internal_power|leakage_power|ocv_sigma_\w+|receiver_capacitance\w*"
    r"|output_current_\w+)[ \t]*\([^()\n]*\)[ \t]*\{",
    re.MULTILINE,
)


@dataclass(frozen=True)
class MappingCells:
    """What Yosys is given of a library.

    text    Liberty text of the usable cells
    names   the cells in it
    digest  of the text, for caches
    """

    text: str
    names: frozenset[str]

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def mapping_cells(library: Library, paths: Sequence[Path]) -> MappingCells:
    """Cut a library that was read from ``paths`` down to what synthesis may use.

    Raises SpecError for a library without flip-flops or without an inverter, NAND or NOR.
    """
    usable = _usable(library)
    _require(library, usable)
    names = frozenset(cell.name for cell in usable)
    parts = [_cut(_text(path), names) for path in paths]
    return MappingCells(_joined(parts), names)


def _usable(library: Library) -> list[LibertyCell]:
    """Cells without drawbacks: of equal function the smallest drives, all of them with state."""
    groups: dict[object, list[LibertyCell]] = {}
    for cell in library.cells.values():
        if _drawbacks(cell) or cell.memory is not None or not any(cell.outputs()):
            continue
        if any(s.kind == "flop" and _reads_more(s, cell) for s in cell.storages):
            continue
        groups.setdefault(_kind(cell), []).append(cell)
    kept = []
    for kind, cells in groups.items():
        drives = _BUFFER_DRIVES if kind in _SINGLE_INPUT else _DRIVES
        kept += sorted(cells, key=lambda cell: (cell.area_um2, cell.name))[:drives]
    return kept


def _reads_more(flop: Storage, cell: LibertyCell) -> bool:
    """Say whether a flip-flop's next state depends on more than one pin: an enable, a scan path."""
    return sum(pin.name in _NAME.findall(flop.data) for pin in cell.inputs()) > 1


def _drawbacks(cell: LibertyCell) -> frozenset[str]:
    """Return what speaks against a cell; clock gates are kept from mapping, which places none."""
    return cell.drawbacks - {"dont_use"} if cell.clock_gate else cell.drawbacks


_BUFFER, _INVERTER = ("function", ((1, 0b10),)), ("function", ((1, 0b01),))
_SINGLE_INPUT = (_BUFFER, _INVERTER)


def _kind(cell: LibertyCell) -> object:
    """Equal for cells that do the same; permuted inputs make cells different."""
    if cell.storages or cell.clock_gate or cell.has_state_table:
        return "state", cell.name
    inputs = sorted(pin.name for pin in cell.inputs())
    tables = sorted((len(inputs), truth_table(p.function, inputs)) for p in cell.outputs())
    return "function", tuple(tables)


def _require(library: Library, usable: Collection[LibertyCell]) -> None:
    files = ", ".join(file.name for file in library.files)
    if not any(s.kind == "flop" for cell in usable for s in cell.storages):
        raise SpecError(
            Problem(
                f"{files}: no flip-flop a synthesis tool could use, so no register can be mapped",
                help="give all files of the library; sequential cells often have one of their own",
            )
        )
    kinds = {_kind(cell) for cell in usable}
    nand, nor = ("function", ((2, 0b0111),)), ("function", ((2, 0b0001),))
    if _INVERTER not in kinds or not kinds & {nand, nor}:
        raise SpecError(
            Problem(
                f"{files}: no inverter, or neither NAND2 nor NOR2, so no logic can be mapped",
                help="give all files of the library",
            )
        )


def _text(path: Path) -> str:
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    return data.decode("utf-8", errors="replace")


@dataclass(frozen=True)
class _Cut:
    """Text of one file: what stands before the groups, templates by name, cells by name."""

    head: str
    templates: dict[str, str]
    cells: dict[str, str]


def _cut(text: str, names: Collection[str]) -> _Cut:
    first, groups = len(text), list(_groups(text))
    templates, cells = {}, {}
    for kind, name, begin, end in groups:
        first = min(first, begin)
        if kind == "cell" and name in names:
            cells[name] = _without_energies(text[begin:end])
        elif kind != "cell" and kind != "power_lut_template":
            templates[f"{kind}({name})"] = text[begin:end]
    return _Cut(text[:first], templates, cells)


def _groups(text: str) -> Iterator[tuple[str, str, int, int]]:
    """Yield the groups directly inside the library: kind, argument, begin and end."""
    library = _GROUP.search(text)
    at = library.end() if library else 0
    while match := _GROUP.search(text, at):
        at = _closing(text, match.end())
        yield match[1], match[2].strip().strip('"'), match.start(), at


def _closing(text: str, inside: int) -> int:
    """Return the end of the group whose brace was opened right before ``inside``."""
    depth = 1
    for match in _BRACES.finditer(text, inside):
        if match[0] == "{":
            depth += 1
        elif match[0] == "}":
            depth -= 1
            if depth == 0:
                return match.end()
    return len(text)


def _without_energies(cell: str) -> str:
    kept, at = [], 0
    while match := _UNREAD.search(cell, at):
        kept.append(cell[at : match.start()])
        at = _closing(cell, match.end())
    return "".join([*kept, cell[at:]])


def _joined(parts: Sequence[_Cut]) -> str:
    """One library: the head of the first file, every template and cell once."""
    templates: dict[str, str] = {}
    cells: dict[str, str] = {}
    for part in parts:
        templates = {**part.templates, **templates}
        cells = {**part.cells, **cells}
    return "\n".join([parts[0].head, *templates.values(), *cells.values(), "}", ""])
