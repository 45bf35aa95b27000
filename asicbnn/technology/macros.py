"""Reads the lists of macros that are shipped with the program or come from a user's compiler."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from asicbnn.errors import Problem, SpecError
from asicbnn.technology.known_names import unknown
from asicbnn.technology.macro import MacroList, SramMacro
from asicbnn.technology.macro_csv import read_csv
from asicbnn.technology.macro_liberty import read_liberty

_FIGURES = Path(__file__).parent / "figures"
_SHIPPED = "macros_"


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
