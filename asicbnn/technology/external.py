"""Memories beside the chip: energy, bandwidth, background, wake-up, interface, with their sources.

A figure nobody has published is None; who needs it refuses by name.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field

from asicbnn.errors import Problem, SpecError
from asicbnn.technology.form import Figure, Form, Name, read_form
from asicbnn.technology.known_names import unknown

_FILE = Path(__file__).parent / "figures" / "external.yaml"
_RANDOM_BIT = 0.5
_EDGES_PER_CLOCK = 2

BackgroundMode = Literal["standby", "self_refresh", "power_down"]


class Interface(Form):
    """Wires of an interface without terminations: what it takes to charge them.

    bits_per_clock : data bits that cross in a clock cycle    clock_wires : clocks and strobes
    load_pf        : of a wire, with the pins at both ends
    """

    supply_v: Figure
    bits_per_clock: Figure
    clock_wires: Figure
    load_pf: Figure | None = None

    def energy_pj_per_bit(self, load_pf: float) -> float:
        """Energy of one random bit and its share of the clocks, C V^2 / 2 a transition [pJ]."""
        clocks = _EDGES_PER_CLOCK * self.clock_wires.value / self.bits_per_clock.value
        return 0.5 * load_pf * self.supply_v.value**2 * (_RANDOM_BIT + clocks)


class ExternalDevice(Form):
    """What is known of one memory.

    energy_pj_per_bit : while it streams; of the device alone if ``interface`` is apart
    background_mw     : of an idle device, by mode
    wake_us, wake_uj  : from its deepest state named until the first access
    """

    description: Name
    energy_pj_per_bit: Figure
    interface: Literal["included", "apart"]
    is_read_only: bool = False
    bandwidth_mbit_per_s: Figure | None = None
    capacity_mbit: Figure | None = None
    background_mw: dict[BackgroundMode, Figure] = Field(default_factory=dict)
    wake_us: Figure | None = None
    wake_uj: Figure | None = None
    io: Interface | None = None


class _ExternalFile(Form):
    sources: dict[str, Name]
    devices: dict[str, ExternalDevice]


@lru_cache(maxsize=1)
def _file() -> _ExternalFile:
    return read_form(_ExternalFile, _FILE.read_bytes(), _FILE.name)


def standards() -> tuple[str, ...]:
    """Names of the known devices."""
    return tuple(sorted(_file().devices))


def external(standard: str, path: str = "store.external.standard") -> ExternalDevice:
    """Return a device; an unknown one is a SpecError, at a path of the spec, with the known."""
    device = _file().devices.get(standard)
    if device is None:
        raise SpecError(Problem(unknown("external memory", standard, standards()), path=path))
    return device


def source_of(figure: Figure) -> str:
    """Return where a figure of a device is from, in words."""
    return _file().sources[figure.source]


__all__ = [
    "BackgroundMode", "ExternalDevice", "Interface", "external", "source_of", "standards",
]  # fmt: skip
