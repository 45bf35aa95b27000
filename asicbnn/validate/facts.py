"""The file of a published chip: what is known of it, what is assumed, and what it reported.

An accelerator file describes the machine, as any other; this file says where each of its inputs
comes from and which figures to hold the estimate against. Nothing in it enters a prediction but
the point at which a figure was reported: voltage, clock and network.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, PositiveFloat

from asicbnn.errors import Problem, SpecError
from asicbnn.spec.accelerator import field_names
from asicbnn.spec.check import sure_kind
from asicbnn.spec.model import Complaint, SpecModel
from asicbnn.spec.reader import open_document, read
from asicbnn.spec.wording import article, suggest
from asicbnn.validate.scopes import Scope

CHIPS = Path(__file__).parent / "chips"
"""Where the files of the chips lie that the program knows."""

Quantity = Literal[
    "steps", "ops_per_cycle", "cycles", "energy_uj", "energy_fj_per_op", "area_mm2", "power_mw",
    "clock_mhz", "energy_share", "voltage_ratio", "system_ratio",
]  # fmt: skip
Kind = Literal["measured", "post-layout", "post-synthesis"]
Confidence = Literal["read", "secondary", "derived", "memory"]

BY_LAYER: Final = frozenset({"steps", "cycles", "energy_share"})
"""Quantities that may be given layer by layer."""


class Point(SpecModel):
    """The point at which a figure was reported; what is null was not."""

    voltage_v: float | None = Field(default=None, description="supply", gt=0)
    clock_mhz: float | None = Field(default=None, description="clock", gt=0)
    inferences_per_s: float | None = Field(
        default=None, description="rate reported without voltage or clock", gt=0
    )

    def problems(self) -> Iterator[Complaint]:
        """Return a rate beside what it stands in for."""
        if self.inferences_per_s is not None and self.changes():
            help = "give the rate alone where neither voltage nor clock was reported"
            yield Complaint("inferences_per_s", "belongs to a point of no other figure", help)

    def changes(self) -> dict[str, float]:
        """Return the fields of an accelerator that this point sets."""
        given = {"voltage_v": self.voltage_v, "clock_mhz": self.clock_mhz}
        return {f"operating_point.{k}": v for k, v in given.items() if v is not None}


class Published(SpecModel):
    """One figure a paper reports, or one per layer."""

    quantity: Quantity = Field(description="what is compared")
    value: PositiveFloat | None = Field(None, description="the figure, in the quantity's unit")
    layers: dict[str, PositiveFloat] = Field(default_factory=dict, description="one per layer")
    scope: Scope = Field("chip", description="how much of the chip the figure covers")
    kind: Kind | None = Field(None, description="how it was obtained; null takes the chip's")
    confidence: Confidence = Field(
        description="read in the source; secondary: quoted elsewhere; derived from read figures; "
        "memory: unchecked"
    )
    source: str = Field(description="a key of sources")
    note: str = Field("", description="what a reader should know of the figure")
    is_upper_bound: bool = Field(False, description="the paper says `less than`")
    at: Point = Field(Point(), description="where it was reported")
    against: Point | None = Field(
        None, description="the other point of a voltage_ratio; that of a system_ratio's peak"
    )
    workload: str | None = Field(None, description="network, if not the chip's")
    peak: str | None = Field(None, description="the network of the peak a system_ratio is over")
    peak_changes: dict[str, Any] = Field(
        default_factory=dict, description="fields of the accelerator that are otherwise at the peak"
    )
    changes: dict[str, Any] = Field(
        default_factory=dict, description="fields of the accelerator that are otherwise there"
    )
    unroll: dict[str, dict[str, int]] = Field(
        default_factory=dict, description="unrolling of a layer that has an engine of its own"
    )
    beyond: str = Field("", description="why the machine does not reach it; it is not predicted")
    miss: str = Field("", description="what explains a miss; {predicted}, {published}, {factor}")

    def problems(self) -> Iterator[Complaint]:
        """Return what the quantity calls for and lacks."""
        if (self.value is None) == (not self.layers):
            yield Complaint("value", "expected either value or layers", "give exactly one")
        if self.layers and self.quantity not in BY_LAYER:
            allowed = ", ".join(sorted(BY_LAYER))
            yield Complaint("layers", f"{self.quantity} is of the whole", f"layers suit {allowed}")
        for name, quantity in (("against", "voltage_ratio"), ("peak", "system_ratio")):
            given = getattr(self, name) is not None
            may = name == "against" and self.quantity == "system_ratio"
            if given != (self.quantity == quantity) and not (given and may):
                yield Complaint(name, f"belongs to {quantity}, and to nothing else")
        if self.peak_changes and self.peak is None:
            yield Complaint("peak_changes", "there is no peak", "name its network: peak")

    @property
    def values(self) -> dict[str, float]:
        """The figures by layer, the one of the whole under the empty name."""
        return dict(self.layers) if self.value is None else {"": self.value}


class Input(SpecModel):
    """Where fields of the accelerator come from."""

    fields: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        description="dotted names; the name of a group stands for all of it", min_length=1
    )
    state: Literal["known", "assumed"] = Field(description="read in a source, or assumed")
    source: str | None = Field(None, description="a key of sources, for what is known")
    note: str = Field("", description="why, for what is assumed")


class ReplayOf(SpecModel):
    """A result to be worked out again from the chip's own unit energies: a test, no validation."""

    technology: str = Field(description="technology of kind published")
    cycles: int = Field(description="during which it leaks, as published", gt=0)
    energy_uj: PositiveFloat = Field(description="published result")
    source: str = Field(description="a key of sources")


class Chip(SpecModel):
    """A published chip."""

    name: str = Field(description="short name", pattern=r"^[a-z0-9_]+$")
    title: str = Field(description="as a reader knows it")
    venue: str = Field(description="where it was published")
    node_nm: PositiveFloat = Field(description="process node")
    kind: Kind = Field(description="how its figures were obtained")
    sources: dict[str, str] = Field(description="key -> where it can be read")
    accelerator: str = Field(description="its accelerator file, without .yaml")
    workload: str = Field(description="the network its figures are about")
    inputs: tuple[Input, ...] = Field(description="where each input comes from")
    lacks: tuple[str, ...] = Field((), description="what the chip has and the machine has not")
    replay: ReplayOf | None = Field(None, description="its result from its own unit energies")
    figures: tuple[Published, ...] = Field(description="what it reported", min_length=1)

    def problems(self) -> Iterator[Complaint]:
        """Return sources that are not listed and fields that no accelerator has."""
        for i, figure in enumerate(self.figures):
            if figure.source not in self.sources:
                yield self._unsourced(f"figures[{i}].source", figure.source)
        names = list(field_names())
        for i, item in enumerate(self.inputs):
            if item.state == "known" and item.source is None:
                yield Complaint(f"inputs[{i}].source", "what is known needs a source")
            if item.source is not None and item.source not in self.sources:
                yield self._unsourced(f"inputs[{i}].source", item.source)
            for j, name in enumerate(item.fields):
                if name not in names:
                    help = suggest(name, names)
                    yield Complaint(f"inputs[{i}].fields[{j}]", f"no such field '{name}'", help)

    def _unsourced(self, path: str, given: str) -> Complaint:
        known = ", ".join(self.sources)
        return Complaint(path, f"'{given}' is not among the sources", f"sources are: {known}")

    def assumed(self) -> tuple[str, ...]:
        """Fields of the accelerator that are assumed."""
        return tuple(name for i in self.inputs if i.state == "assumed" for name in i.fields)

    def known(self) -> tuple[str, ...]:
        """Fields of the accelerator that were read in a source."""
        return tuple(name for i in self.inputs if i.state == "known" for name in i.fields)


def chip_names() -> tuple[str, ...]:
    """Names of the chips the program knows."""
    return tuple(sorted(path.stem for path in CHIPS.glob("*.yaml")))


def load_chip(name_or_path: str | Path) -> Chip:
    """Read a chip: a known name, or the path of a YAML file of the same form.

    Raises SpecError that lists the known names, or every problem of the file.
    """
    text = str(name_or_path)
    if text in chip_names():
        return read(CHIPS / f"{text}.yaml", Chip)
    if text.endswith((".yaml", ".yml")) or "/" in text:
        _refuse_other_kinds(Path(text))
        return read(Path(text), Chip)
    near = suggest(text, list(chip_names()))
    known = f"known: {', '.join(chip_names())}; or give the path of a .yaml"
    help = f"{near} ({known})" if near else known
    raise SpecError(Problem(f"unknown chip '{text}'", help=help))


def _refuse_other_kinds(path: Path) -> None:
    document = open_document(path)
    kind = sure_kind(document)
    if kind not in ("", "chip"):
        message = f"this is {article(kind)} {kind} file; a chip file was wanted"
        raise SpecError(document.problem((), message))


__all__ = [
    "BY_LAYER", "CHIPS", "Chip", "Confidence", "Input", "Kind", "Point", "Published", "Quantity",
    "ReplayOf", "chip_names", "load_chip",
]  # fmt: skip
