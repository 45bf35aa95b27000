"""A memory outside the chip as a spec asks for it: its figures, or a refusal that names what lacks.

Equations: docs/models/energy.md. Every figure is a device's (`technology/external.py`) or one the
user gives with its source.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from asicbnn.errors import ModelError, Problem, SpecError
from asicbnn.levels import Level
from asicbnn.mapping.layout import layout
from asicbnn.model.timing import Timing
from asicbnn.spec.accelerator import Accelerator
from asicbnn.spec.external import ExternalFigures, ExternalMemory
from asicbnn.technology.external import ExternalDevice, external, standards
from asicbnn.technology.form import Figure

_FJ_PER_PJ = 1e3
_MBIT = 1e6
_BITS_PER_KIB = 8192
ORIGIN = "external memory"


@dataclass(frozen=True, slots=True)
class Quantity:
    """A figure of a device as it is used, with its relative error."""

    value: float
    relative_error: float = 0.0


_NOTHING = Quantity(0.0)


@dataclass(frozen=True, slots=True)
class Outside:
    """A memory outside the chip, all of its devices together.

    energy_pj_per_bit, interface_pj_per_bit : of the devices; of the wires between, if apart
    background_mw         while the machine runs
    bandwidth_mbit_per_s  most they move
    capacity_mbit         what they hold, None if nobody says
    wake_us, wake_uj      None if nobody says; without a stated energy, that of standby meanwhile
    """

    name: str
    is_read_only: bool
    energy_pj_per_bit: Quantity
    interface_pj_per_bit: Quantity
    background_mw: Quantity
    bandwidth_mbit_per_s: float
    capacity_mbit: float | None
    wake_us: float | None
    wake_uj: Quantity | None
    flags: tuple[str, ...]
    level: Level = "assumed"

    def device_fj(self, bits: float) -> float:
        """Energy of the devices for bits read or written [fJ]."""
        return bits * self.energy_pj_per_bit.value * _FJ_PER_PJ

    def interface_fj(self, bits: float) -> float:
        """Energy of the wires for bits read or written [fJ]."""
        return bits * self.interface_pj_per_bit.value * _FJ_PER_PJ

    def seconds(self, bits: float) -> float:
        """Time in which the devices can move bits [s]."""
        return bits / (self.bandwidth_mbit_per_s * _MBIT)


@lru_cache(maxsize=256)
def outside(asked: ExternalMemory, path: str) -> Outside:
    """Return the memory a spec asks for at a path of it, such as ``store.external``.

    Raises SpecError naming a figure that is neither published nor given, and the cure.
    """
    device = external(asked.standard, f"{path}.standard")
    given = asked.figures or ExternalFigures(source="")
    several = asked.devices
    energy = _known(given.energy_pj_per_bit, device.energy_pj_per_bit)
    bandwidth = _known(given.bandwidth_mbit_per_s, device.bandwidth_mbit_per_s)
    if bandwidth is None:
        raise _unknown(asked, path, "bandwidth", "bandwidth_mbit_per_s")
    assert energy is not None
    capacity = _known(given.capacity_mbit, device.capacity_mbit)
    wake_us = _known(given.wake_us, device.wake_us)
    background = _background(asked, device, given, path)
    return Outside(
        name=asked.standard,
        is_read_only=device.is_read_only,
        energy_pj_per_bit=energy,
        interface_pj_per_bit=_interface(asked, device, given, path),
        background_mw=Quantity(several * background.value, background.relative_error),
        bandwidth_mbit_per_s=several * bandwidth.value,
        capacity_mbit=None if capacity is None else several * capacity.value,
        wake_us=None if wake_us is None else wake_us.value,
        wake_uj=_wake_energy(several, device, given, wake_us),
        flags=tuple(_flags(asked, device, given)),
    )


def _known(given: float | None, published: Figure | None) -> Quantity | None:
    if given is not None:
        return Quantity(given)
    if published is None:
        return None
    return Quantity(published.value, published.relative_error or 0.0)


def _unknown(asked: ExternalMemory, path: str, what: str, key: str, more: str = "") -> SpecError:
    return SpecError(
        Problem(
            f"no published {what} of {asked.standard} is known",
            path=path,
            help=f"give figures: {{{key}: ..., source: ...}}{more}",
        )
    )


def _background(
    asked: ExternalMemory, device: ExternalDevice, given: ExternalFigures, path: str
) -> Quantity:
    """Power of one idle device [mW]."""
    if asked.background == "none":
        return _NOTHING
    found = _known(given.background_mw, device.background_mw.get(asked.background))
    if found is None:
        has = ", ".join(device.background_mw)
        more = f", or set background: none; it has: {has}" if has else ", or set background: none"
        mode = asked.background.replace("_", "-")
        raise _unknown(asked, path, f"{mode} power", "background_mw", more)
    return found


def _interface(
    asked: ExternalMemory, device: ExternalDevice, given: ExternalFigures, path: str
) -> Quantity:
    """Energy of the wires per bit [pJ]; nothing if the device's figure holds them already."""
    if given.interface_pj_per_bit is not None:
        return Quantity(given.interface_pj_per_bit)
    if device.interface == "included" or device.io is None:
        return _NOTHING
    load = _known(asked.load_pf, device.io.load_pf)
    if load is None:
        raise SpecError(
            Problem(
                f"the interface of {asked.standard} charges the wires of your board, and their "
                "load is not given",
                path=path,
                help="give load_pf [pF per wire, pins included]; 0 leaves the interface out",
            )
        )
    return Quantity(device.io.energy_pj_per_bit(load.value), load.relative_error)


def _wake_energy(
    several: int, device: ExternalDevice, given: ExternalFigures, wake_us: Quantity | None
) -> Quantity | None:
    """Energy of waking up [uJ]: as stated, or standby power over the time it takes."""
    stated = _known(given.wake_uj, device.wake_uj)
    if stated is not None:
        return Quantity(several * stated.value, stated.relative_error)
    standby = _known(given.background_mw, device.background_mw.get("standby"))
    if wake_us is None or standby is None:
        return None
    return Quantity(several * standby.value * wake_us.value * 1e-3, standby.relative_error)


def _flags(asked: ExternalMemory, device: ExternalDevice, given: ExternalFigures) -> Iterator[str]:
    count = f"{asked.devices} x " if asked.devices > 1 else ""
    yield f"external memory is {count}{asked.standard}: {device.description}"
    if asked.figures is not None:
        named = ", ".join(given.given())
        yield f"{named} of {asked.standard} are the user's, from {given.source}"
    figure = device.energy_pj_per_bit
    if given.energy_pj_per_bit is None and figure.note:
        yield f"{asked.standard} takes {figure.value:g} pJ/bit: {figure.note}"
    if asked.background == "none":
        yield f"{asked.standard}: its background power is left out"
    if device.interface == "apart" and asked.load_pf == 0:
        yield f"{asked.standard}: the energy of its interface is left out"


def refuse_impossible(accelerator: Accelerator, clocked: Timing) -> None:
    """Refuse a store outside that is too slow, too small or cannot be written (ModelError)."""
    store = accelerator.store
    if store.external is None:
        return
    memory = outside(store.external, "store.external")
    if memory.is_read_only and store.external.holds == "all":
        raise ModelError(
            f"store.external.holds: {memory.name} cannot be written while the machine runs, and "
            "activations are; set holds: weights"
        )
    bits = layout(accelerator).link_bits
    asked = bits * clocked.clock_mhz
    most = memory.bandwidth_mbit_per_s
    if asked > most:
        devices = -(-asked // (most / store.external.devices))
        raise ModelError(
            f"store.link.bits: {bits} bit at {clocked.clock_mhz:.4g} MHz ask for {asked:,.0f} "
            f"Mbit/s, {memory.name} moves {most:,.0f} at most; set operating_point.clock_mhz to "
            f"{_down(most / bits):g} or less, narrow the link, or set store.external.devices to "
            f"{devices:.0f}"
        )
    kib = store.kib.weights + (store.kib.activations if store.external.holds == "all" else 0.0)
    if memory.capacity_mbit is not None and kib * _BITS_PER_KIB > memory.capacity_mbit * 2**20:
        raise ModelError(
            f"store.kib: {kib:g} KiB are more than the {memory.capacity_mbit / 8 * 1024:g} KiB of "
            f"{memory.name}; make the store smaller or set store.external.devices"
        )


def _down(value: float) -> float:
    """Return a number cut to one decimal, never rounded up."""
    return int(value * 10) / 10


__all__ = ["ORIGIN", "Outside", "Quantity", "outside", "refuse_impossible", "standards"]
