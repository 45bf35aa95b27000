"""Whether Liberty files are the ones a technology was made of, and what they are called."""

from __future__ import annotations

from asicbnn.errors import Problem, SpecError
from asicbnn.technology.liberty import Library
from asicbnn.technology.library import Technology

_SAME = 0.01
"""Relative difference of an area up to which a cell of the library is the technology's."""
_SHOWN = 12
"""Digits of a hash that name a file."""


def matched(technology: Technology, library: Library) -> tuple[str, ...]:
    """Say how the files belong to the technology; SpecError if they do not.

    The voltage and the temperature must be the technology's, and its cells must be there with
    their areas. A file whose hash the technology's sources name is said to be the very one.
    """
    given = ", ".join(each.name for each in library.files)
    own = technology.nominal
    for what, wanted, found, unit in (
        ("voltage", own.voltage_v, library.voltage_v, "V"),
        ("temperature", own.temperature_c, library.temperature_c, "C"),
    ):
        if wanted != found:
            raise SpecError(
                Problem(
                    f"{given}: {what} {found:g} {unit}, but {technology.name} holds figures of "
                    f"{wanted:g} {unit}",
                    help="give the Liberty files of the corner the technology was made of",
                )
            )
    strange = list(_strange(own, library))
    if strange:
        raise SpecError(
            Problem(
                f"{given}: not the library of {technology.name}: {'; '.join(strange[:3])}",
                help=f"give the files {technology.name} was made of, or import these with "
                "asicbnn technology import",
            )
        )
    text = " ".join(technology.sources.values())
    unnamed = [f.name for f in library.files if f.sha256[:_SHOWN] not in text]
    if not unnamed:
        return ("every Liberty file has the hash the technology names",)
    names = ", ".join(unnamed)
    return (f"{technology.name} names no hash of {names}: matched by corner, cells and areas",)


def _strange(technology: Technology, library: Library) -> list[str]:
    said = []
    for role, cell in technology.cells.items():
        if cell.composed:
            continue
        found = library.cells.get(cell.composition)
        if found is None:
            said.append(f"there is no {cell.composition}, its {role}")
        elif abs(found.area_um2 / cell.area_um2 - 1) > _SAME:
            said.append(f"{cell.composition} has {found.area_um2:g} um2, not {cell.area_um2:g}")
    return said


def named_files(library: Library) -> tuple[str, ...]:
    """Return the files of a library with the start of their SHA-256."""
    return tuple(f"{each.name} ({each.sha256[:_SHOWN]})" for each in library.files)


__all__ = ["matched", "named_files"]
