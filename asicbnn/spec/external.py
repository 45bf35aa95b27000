"""Memories outside the chip, as a spec names them: the store, or what weights are loaded from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field, JsonValue

from asicbnn.spec.model import Complaint, SpecModel

Standard = Literal[
    "lpddr", "lpddr4", "ddr3", "gddr5", "hbm2", "hmc", "hyperram", "qspi_flash"
]  # fmt: skip


def _figure(description: str, unit: str, most: float = 1e9) -> float | None:
    extra: dict[str, JsonValue] = {"unit": unit}
    found: float | None = Field(
        default=None, description=description, ge=0, le=most, json_schema_extra=extra
    )
    return found


class ExternalFigures(SpecModel):
    """Figures of your own in place of the published ones, with their source."""

    energy_pj_per_bit: float | None = _figure("while it streams", "pJ/bit")
    interface_pj_per_bit: float | None = _figure("of the wires to it", "pJ/bit")
    bandwidth_mbit_per_s: float | None = _figure("most it moves", "Mbit/s")
    capacity_mbit: float | None = _figure("what it holds", "Mbit")
    background_mw: float | None = _figure("of an idle device", "mW")
    wake_us: float | None = _figure("until the first access", "us")
    wake_uj: float | None = _figure("spent on waking up", "uJ")
    source: str = Field(description="where they are from: a data sheet, a measurement")

    def given(self) -> tuple[str, ...]:
        """Return the names of the figures that are there."""
        return tuple(name for name, value in self if name != "source" and value is not None)

    def problems(self) -> Iterator[Complaint]:
        """Return what is wrong with the figures together."""
        if self.given() and not self.source.strip():
            yield Complaint("source", "the source is empty", "name a data sheet or a measurement")


class ExternalMemory(SpecModel):
    """A memory outside the chip."""

    standard: Standard = Field(description="the standard or device, which sets the figures")
    devices: int = Field(
        default=1,
        ge=1,
        le=64,
        description="side by side: bandwidth, capacity and background are theirs",
        json_schema_extra={"unit": "devices"},
    )
    holds: Literal["all", "weights"] = Field(
        default="all",
        description="all of the store, or its weight bank: activations stay in SRAM on the chip",
    )
    background: Literal["standby", "self_refresh", "power_down", "none"] = Field(
        default="standby", description="power while the machine runs; none leaves it out, flagged"
    )
    load_pf: float | None = Field(
        default=None,
        ge=0,
        le=1000,
        description="load of a wire of an interface without terminations; null is the data "
        "sheet's, 0 leaves it out",
        json_schema_extra={"unit": "pF"},
    )
    figures: ExternalFigures | None = Field(
        default=None, description="figures of your own in place of the published ones"
    )


class PowerUp(SpecModel):
    """How weights that stay in the store come there when the chip is switched on."""

    device: ExternalMemory | None = Field(
        default=None,
        description="the memory they are read from, over the host link; null: from the host",
    )
    wake: Literal["counted", "none"] = Field(
        default="counted",
        description="time and energy of waking memories outside; none leaves them out",
    )
    amortise_images: int | None = Field(
        default=None,
        ge=1,
        le=10**12,
        description="images between two power-ups, over which the load is spread; null: it is "
        "only reported",
        json_schema_extra={"unit": "images"},
    )


__all__ = ["ExternalFigures", "ExternalMemory", "PowerUp", "Standard"]
