"""How a chip is to be laid out: what a floorplan is asked for, each with its default."""

from __future__ import annotations

from asicbnn.spec.fields import described
from asicbnn.spec.model import SpecModel


class Placement(SpecModel):
    """The floorplan behind estimates of level routed; it changes no gate."""

    placement_density: float | None = described(
        None,
        "share of the area outside macros that standard cells fill; null takes what the "
        "technology's finished runs show, or 0.55",
        unit="1",
        gt=0,
        le=1,
    )
    aspect: float = described(1.0, "width of the core over its height", unit="1", ge=0.1, le=10)
    macro_aspect: float = described(
        1.0, "width of a memory macro over its height", unit="1", ge=0.1, le=10
    )
    halo_um: float | None = described(
        None,
        "width kept free around each macro; null takes the technology's",
        unit="um",
        ge=0,
        le=1000,
    )


__all__ = ["Placement"]
