"""Memories beside the chip: energy per bit by standard, each with its source."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from asicbnn.errors import Problem, SpecError
from asicbnn.technology.schema import Figure, Form, Name, read_form, unknown

_FILE = Path(__file__).parent / "figures" / "external.yaml"
_FJ_PER_PJ = 1000.0


class _ExternalFile(Form):
    sources: dict[str, Name]
    note: Name
    standards: dict[str, Figure]


@dataclass(frozen=True, slots=True)
class ExternalMemory:
    """A memory standard: what moving one bit to or from it costs, on the far side of the pins.

    note says what the figure leaves out.
    """

    standard: str
    energy_pj_per_bit: float
    source: str
    note: str

    def energy_fj(self, bits: float) -> float:
        """Energy of reading or writing ``bits`` [fJ]."""
        return bits * self.energy_pj_per_bit * _FJ_PER_PJ


@lru_cache(maxsize=1)
def _file() -> _ExternalFile:
    return read_form(_ExternalFile, _FILE.read_bytes(), _FILE.name)


def standards() -> tuple[str, ...]:
    """Names of the known standards."""
    return tuple(sorted(_file().standards))


def external(standard: str) -> ExternalMemory:
    """Return the memory of that standard; an unknown one is a SpecError that lists the known."""
    file = _file()
    figure = file.standards.get(standard)
    if figure is None:
        message = unknown("external memory", standard, standards())
        raise SpecError(Problem(message, path="store.external.standard"))
    return ExternalMemory(standard, figure.value, file.sources[figure.source], file.note)
