"""What a real chip has beside the machine: each extra asked for by name, with its source."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from asicbnn.spec.model import Complaint, SpecModel


class Scan(SpecModel):
    """Flip-flops on scan chains."""

    area_factor: float | None = Field(
        default=None,
        ge=1,
        le=10,
        description="of a scan flip-flop over a plain one; null: the library's",
        json_schema_extra={"unit": "ratio"},
    )
    leakage_factor: float | None = Field(
        default=None,
        ge=1,
        le=100,
        description="likewise of its leakage; null: the library's",
        json_schema_extra={"unit": "ratio"},
    )
    source: str = Field(default="", description="where factors of your own are from")

    def problems(self) -> Iterator[Complaint]:
        """Return what is wrong with the factors together."""
        own = self.area_factor is not None or self.leakage_factor is not None
        yield from _sourced(self.source, is_needed=own)


class HostInterface(SpecModel):
    """Logic between the pads and the host port: a bus or serial interface with its FIFOs."""

    gate_equivalents: float = Field(
        ge=0,
        le=1e9,
        description="its size in NAND2 of the library",
        json_schema_extra={"unit": "GE"},
    )
    energy_pj_per_bit: float = Field(
        default=0.0,
        ge=0,
        le=1e4,
        description="its own energy per bit of the host link, beside host.energy_pj_per_bit",
        json_schema_extra={"unit": "pJ/bit"},
    )
    source: str = Field(description="where the figures are from")

    def problems(self) -> Iterator[Complaint]:
        """Return what is wrong with the figures together."""
        yield from _sourced(self.source, is_needed=True)


class Pads(SpecModel):
    """Pad cells, power pads and corners among them."""

    count: int = Field(ge=1, le=10_000, description="pad cells", json_schema_extra={"unit": "pads"})
    area_um2: float | None = Field(
        default=None,
        gt=0,
        le=1e7,
        description="of one of them; null: the technology's",
        json_schema_extra={"unit": "um2"},
    )
    source: str = Field(default="", description="where an area of your own is from")

    def problems(self) -> Iterator[Complaint]:
        """Return what is wrong with the figures together."""
        yield from _sourced(self.source, is_needed=self.area_um2 is not None)


class Regulator(SpecModel):
    """What turns the supply of the chip into the voltage of the logic."""

    efficiency: float = Field(
        gt=0,
        le=1,
        description="energy delivered over energy taken; of a linear one V_out / V_in",
        json_schema_extra={"unit": "ratio"},
    )
    source: str = Field(description="where it is from")

    def problems(self) -> Iterator[Complaint]:
        """Return what is wrong with the figures together."""
        yield from _sourced(self.source, is_needed=True)


class Extras(SpecModel):
    """What a real chip adds, none of it by default; shown apart and in no other total."""

    scan: Scan | None = Field(default=None, description="scan chains; null: none")
    host_interface: HostInterface | None = Field(
        default=None, description="logic between pads and host port; null: none"
    )
    pads: Pads | None = Field(default=None, description="the pad ring; null: none")
    regulator: Regulator | None = Field(default=None, description="voltage regulator; null: none")

    @property
    def is_empty(self) -> bool:
        """Whether nothing is asked for."""
        return all(value is None for _, value in self)


def _sourced(source: str, *, is_needed: bool) -> Iterator[Complaint]:
    if is_needed and not source.strip():
        yield Complaint("source", "the source is empty", "say where the figures are from")


__all__ = ["Extras", "HostInterface", "Pads", "Regulator", "Scan"]
