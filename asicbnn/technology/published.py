"""Technologies of kind `published`: what one chip's own paper says its units cost.

Such a file holds no cells. It prices events of the machine with the unit energies of one published
design, so that the design's energy on a network can be worked out again from counted events. That
is a replay, not a validation: unit energies and result come from the same source.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from asicbnn.errors import ModelError, Problem, SpecError
from asicbnn.technology.form import Figure, Form, Name, NotNegative, check_sources, read_form
from asicbnn.technology.known_names import unknown

FOLDER = Path(__file__).parent / "published"
"""Where the shipped files of published chips lie."""

_FJ_PER_NW_PS = 1e-6
_PS_PER_US = 1e6


class UnitEntry(Form):
    """What one unit of the chip costs, and how often it works.

    energy_fj   : of one piece of work             event     : the count it goes by
    per_event   : pieces of work in one event      leakage_nw: of one unit, at all times
    instances   : units on the chip
    """

    source: Name
    note: str = ""
    energy_fj: NotNegative = 0.0
    event: str = ""
    per_event: Annotated[float, Field(gt=0)] = 1.0
    leakage_nw: NotNegative = 0.0
    instances: Annotated[int, Field(ge=1)] = 1

    @model_validator(mode="after")
    def _has_event(self) -> Self:
        if self.energy_fj and not self.event:
            raise ValueError("a unit with energy_fj needs event, the count it goes by")
        return self


class PublishedFile(Form):
    """A file of kind `published`: unit energies, clock and where they were read."""

    kind: Literal["published"]
    name: Name
    description: str = ""
    stage: Literal["measured", "post-layout", "post-synthesis"]
    sources: dict[str, Name]
    node_nm: Figure
    voltage_v: Figure | None = None
    clock_mhz: Figure
    units: dict[str, UnitEntry]
    left_out: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _sourced(self) -> Self:
        check_sources(self, self.sources)
        return self


@dataclass(frozen=True)
class PublishedUnit:
    """A unit of a published chip: energy per event [fJ], leakage of all its instances [nW]."""

    name: str
    event: str
    energy_fj_per_event: float
    leakage_nw: float


@dataclass(frozen=True, eq=False)
class PublishedTechnology:
    """Unit energies of one published chip, at the voltage and clock they were published for.

    stage     measured, post-layout or post-synthesis
    left_out  what the chip has and these figures do not, one sentence each
    """

    name: str
    description: str
    digest: str
    stage: str
    node_nm: float
    voltage_v: float | None
    clock_mhz: float
    units: tuple[PublishedUnit, ...]
    left_out: tuple[str, ...]
    sources: Mapping[str, str] = field(repr=False)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublishedTechnology) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    @property
    def period_ps(self) -> float:
        """Clock period."""
        return _PS_PER_US / self.clock_mhz

    @property
    def leakage_nw(self) -> float:
        """Leakage of the whole chip."""
        return sum(unit.leakage_nw for unit in self.units)

    def energies_fj(self, counts: Mapping[str, int]) -> dict[str, float]:
        """Dynamic energy by unit for counted events [fJ]: E = events x units per event x energy.

        Raises ModelError for an event that ``counts`` does not hold.
        """
        for unit in self.units:
            if unit.event and unit.event not in counts:
                raise ModelError(unknown(f"event of {self.name}.{unit.name}", unit.event, counts))
        return {
            unit.name: counts[unit.event] * unit.energy_fj_per_event
            for unit in self.units
            if unit.event
        }

    def leakage_fj(self, cycles: float) -> float:
        """Leakage energy of a number of cycles at the published clock [fJ]."""
        return self.leakage_nw * cycles * self.period_ps * _FJ_PER_NW_PS


def published_names() -> tuple[str, ...]:
    """Names of the published chips shipped with the program."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


def load_published(name_or_path: str | Path) -> PublishedTechnology:
    """Read a technology of kind `published`: a shipped chip's name, or the path of a YAML file.

    Raises SpecError with every problem of the file.
    """
    text = str(name_or_path)
    path = FOLDER / f"{text}.yaml" if text in published_names() else Path(text)
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        known = f"shipped: {', '.join(published_names())}"
        raise SpecError(
            Problem(f"the published technology cannot be read: {reason}", str(path), help=known)
        ) from None
    return _read(data, str(path))


@lru_cache(maxsize=16)
def _read(data: bytes, path: str) -> PublishedTechnology:
    file = read_form(PublishedFile, data, path)
    units = tuple(
        PublishedUnit(
            name=name,
            event=entry.event,
            energy_fj_per_event=entry.energy_fj * entry.per_event,
            leakage_nw=entry.leakage_nw * entry.instances,
        )
        for name, entry in file.units.items()
    )
    return PublishedTechnology(
        name=file.name,
        description=file.description,
        digest=hashlib.sha256(data).hexdigest(),
        stage=file.stage,
        node_nm=file.node_nm.value,
        voltage_v=None if file.voltage_v is None else file.voltage_v.value,
        clock_mhz=file.clock_mhz.value,
        units=units,
        left_out=file.left_out,
        sources=dict(file.sources),
    )


__all__ = [
    "PublishedTechnology", "PublishedUnit", "load_published", "published_names",
]  # fmt: skip
