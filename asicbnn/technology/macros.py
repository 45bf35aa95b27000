"""Memory macros that exist: what each is and costs, and the lists of them a compiler offers."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal, get_args

from asicbnn.errors import Problem, SpecError
from asicbnn.technology.compiled_memory import Ports, WriteMask
from asicbnn.technology.schema import unknown

MacroPorts = Literal["1rw", "1r1w", "1rw1r", "2rw", "rom"]
_SERVES: dict[Ports, tuple[MacroPorts, ...]] = {
    "1rw": ("1rw", "1rw1r", "2rw"),
    "1r1w": ("1r1w", "1rw1r", "2rw"),
}
_FIGURES = Path(__file__).parent / "figures"
_SHIPPED = "macros_"


@dataclass(frozen=True, slots=True)
class SramMacro:
    """One macro. A figure nobody states is None.

    words, word_bits    : depth and width
    ports               : as built; a port of a macro may stay unused
    area_um2            : outline of the cell, no halo
    read_energy_fj, write_energy_fj : per access of a port
    leakage_nw          : idle, clock stopped
    access_ps           : clock edge to data
    minimum_cycle_ps    : shortest clock period
    column_mux, banks   : words in a row of the array; arrays inside the macro
    read_latency_cycles : 1 if the word is there before the next edge
    write_mask          : the smallest part of a word written on its own
    is_synthetic        : an abstract or a formula, no layout
    voltage_v           : at which the figures hold
    """

    name: str
    words: int
    word_bits: int
    ports: MacroPorts
    area_um2: float
    read_energy_fj: float | None = None
    write_energy_fj: float | None = None
    leakage_nw: float | None = None
    access_ps: float | None = None
    minimum_cycle_ps: float | None = None
    column_mux: int | None = None
    banks: int | None = None
    read_latency_cycles: int = 1
    write_mask: WriteMask = "none"
    is_synthetic: bool = False
    voltage_v: float | None = None

    @property
    def unknown(self) -> tuple[str, ...]:
        """The figures a price list needs and this macro has not."""
        needed = ["read_energy_fj", "leakage_nw", "access_ps"]
        if self.ports != "rom":
            needed.insert(1, "write_energy_fj")
        return tuple(name for name in needed if getattr(self, name) is None)

    def serves(self, ports: Ports, write_mask: WriteMask) -> bool:
        """Return whether it can be read and written as asked."""
        masks = get_args(WriteMask)
        return self.ports in _SERVES[ports] and masks.index(self.write_mask) >= masks.index(
            write_mask
        )


@dataclass(frozen=True, eq=False)
class MacroList:
    """The macros of a technology or of a user's compiler.

    Two lists are equal when they were read from the same bytes (``digest``).
    """

    name: str
    digest: str
    macros: tuple[SramMacro, ...] = field(repr=False)
    sources: tuple[str, ...] = field(default=(), repr=False)

    @property
    def has_roms(self) -> bool:
        """Whether any of them is a ROM."""
        return any(macro.ports == "rom" for macro in self.macros)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MacroList) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)


def names() -> tuple[str, ...]:
    """Return the names of the lists shipped with the program."""
    found = _FIGURES.glob(f"{_SHIPPED}*.csv")
    return tuple(sorted(path.stem.removeprefix(_SHIPPED) for path in found))


def load(named: Iterable[str], folder: Path | None = None) -> MacroList | None:
    """Read lists of macros and join them; nothing named is None.

    named   shipped names such as ``ihp_sg13g2``, paths of CSV files (docs/models/technology.md) or
            of Liberty files of macros, plain or gzipped
    folder  where relative paths start, by default the working directory

    Raises SpecError naming file and line of everything that is wrong, two macros of one name too.
    """
    files = []
    for name in named:
        path = _path(name, folder)
        try:
            files.append((path, path.read_bytes()))
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise SpecError(
                Problem(f"the list of macros cannot be read: {reason}", str(path))
            ) from None
    return _joined(tuple((str(path), data) for path, data in files)) if files else None


def _path(name: str, folder: Path | None) -> Path:
    if name in names():
        return _FIGURES / f"{_SHIPPED}{name}.csv"
    if not name.endswith((".csv", ".lib", ".lib.gz")):
        raise SpecError(
            Problem(
                unknown("list of macros", name, names()),
                path="macros",
                help="or give the path of a .csv, .lib or .lib.gz",
            )
        )
    return (folder or Path()) / name


@lru_cache(maxsize=16)
def _joined(files: tuple[tuple[str, bytes], ...]) -> MacroList:
    from asicbnn.technology.macro_csv import read_csv
    from asicbnn.technology.macro_liberty import read_liberty

    lists = [
        read_csv(data, path) if path.endswith(".csv") else read_liberty(Path(path))
        for path, data in files
    ]
    macros = tuple(macro for some in lists for macro in some.macros)
    _refuse_twins(macros, files)
    return MacroList(
        name=", ".join(some.name for some in lists),
        digest=hashlib.sha256("".join(some.digest for some in lists).encode()).hexdigest(),
        macros=macros,
        sources=tuple(source for some in lists for source in some.sources),
    )


def _refuse_twins(macros: Iterable[SramMacro], files: tuple[tuple[str, bytes], ...]) -> None:
    counted = Counter(macro.name for macro in macros)
    if twins := [name for name, count in counted.items() if count > 1]:
        where = ", ".join(path for path, _ in files)
        message = f"there is more than one macro {', '.join(twins)}"
        raise SpecError(Problem(message, where, help="keep one of each name"))
