"""Loading the weights that stay in the store, once, when the chip is switched on.

The same rates as a run's, on the counts of the load: writes of the weight bank, host link words
and cycles. Equations: docs/models/energy.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil

from asicbnn.bnn.layer import Layer
from asicbnn.errors import Problem, SpecError
from asicbnn.levels import Level, level_of_sum
from asicbnn.mapping.capacity import weight_block_words
from asicbnn.mapping.layout import layout
from asicbnn.model.costs import Costs
from asicbnn.model.energy import Rate
from asicbnn.model.network import is_weight_bank_read_only, residency
from asicbnn.model.outside import ORIGIN, Outside, outside
from asicbnn.model.uncertainty import EnergyErrors
from asicbnn.spec.accelerator import Accelerator

_PS_PER_S = 1e12
_PS_PER_US = 1e6
_FJ_PER_UJ = 1e9
_UJ_PER_FJ = 1e-9
_MS_PER_PS = 1e-9


@dataclass(frozen=True)
class PowerUp:
    """The load at power-up.

    bits            that travel: weights, thresholds and configuration of the resident layers
    cycles          of the chip until they are there, the waking of memories outside included
    energy_fj       by part and term          relative_error   of their sum
    """

    bits: int
    cycles: int
    period_ps: float
    energy_fj: dict[tuple[str, str], float]
    relative_error: float
    level: Level
    flags: tuple[str, ...]

    @property
    def total_uj(self) -> float:
        """All of it."""
        return sum(self.energy_fj.values()) * _UJ_PER_FJ

    @property
    def ms(self) -> float:
        """How long it takes."""
        return self.cycles * self.period_ps * _MS_PER_PS


def power_up(accelerator: Accelerator, cost: Costs, layers: Sequence[Layer], n_cfg: int) -> PowerUp:
    """Return the load of a network's resident weights.

    Raises SpecError naming a figure that a memory outside has not, and the cure.
    """
    asked, lay = accelerator.power_up, layout(accelerator)
    resident = _resident_words(accelerator, layers, n_cfg)
    device = outside(asked.device, "power_up.device") if asked.device and resident else None
    words = sum(resident)
    bits = words * lay.link_bits
    period_ps = cost.timing.period_ps
    woken = list(_woken(accelerator, device))
    slept_ps = max((memory.wake_us or 0.0 for memory in woken), default=0.0) * _PS_PER_US
    moved = len(resident) * accelerator.host.latency_cycles + words * lay.host_beats
    if device is not None:
        moved = max(moved, ceil(device.seconds(bits) * _PS_PER_S / period_ps))
    cycles = ceil(slept_ps / period_ps) + moved
    counts = {
        "cycles": cycles,
        "store_weight_writes": words,
        "host_words_in": words * lay.host_beats,
    }
    rates = [
        replace(rate, energy_fj=counts[rate.event] * rate.energy_fj)
        for rate in next(iter(cost.rates_of.values()))
        if rate.event in counts and not (device and rate.part == "io")
    ]
    if device is not None:
        rates += _from_device(device, bits, cycles * period_ps)
    rates += _waking(woken)
    energy = {(rate.part, rate.term): 0.0 for rate in rates}
    by_level: dict[Level, float] = {}
    for rate in rates:
        energy[rate.part, rate.term] += rate.energy_fj
        by_level[rate.level] = by_level.get(rate.level, 0.0) + rate.energy_fj
    errors = EnergyErrors.of(rates, cost.timing.relative_error).metrics([energy])[0]
    return PowerUp(
        bits,
        cycles,
        period_ps,
        energy,
        errors["energy_fj"],
        level_of_sum(by_level),
        tuple(_flags(accelerator, device, len(resident), len(layers))),
    )


def _resident_words(accelerator: Accelerator, layers: Sequence[Layer], n_cfg: int) -> list[int]:
    """Link words of each layer that is loaded and stays."""
    if is_weight_bank_read_only(accelerator):
        return []
    lay = layout(accelerator)
    blocks = [weight_block_words(lay, layer, n_cfg) for layer in layers]
    return blocks[: residency(blocks, lay.weight_bank_words)]


def refuse_unknown_power_up(accelerator: Accelerator) -> None:
    """Raise SpecError for a memory at power-up that needs a figure nobody states."""
    asked = accelerator.power_up
    device = outside(asked.device, "power_up.device") if asked.device else None
    list(_woken(accelerator, device))


def _woken(accelerator: Accelerator, device: Outside | None) -> Iterator[Outside]:
    """Yield the memories outside that are asleep; refuse one whose waking nobody states."""
    if accelerator.power_up.wake == "none":
        return
    store = accelerator.store.external
    asleep = {"store.external": outside(store, "store.external") if store else None}
    for path, memory in {**asleep, "power_up.device": device}.items():
        if memory is None:
            continue
        if memory.wake_us is None or memory.wake_uj is None:
            raise SpecError(
                Problem(
                    f"no published wake-up of {memory.name} is known",
                    path=path,
                    help="give figures: {wake_us: ..., wake_uj: ..., source: ...}, or set "
                    "power_up.wake: none",
                )
            )
        yield memory


def _from_device(device: Outside, bits: int, load_ps: float) -> Iterator[Rate]:
    """Yield what the memory takes that the weights are read from."""
    energy, wires = device.energy_pj_per_bit, device.interface_pj_per_bit
    yield _external("device", device.device_fj(bits), energy.relative_error)
    yield _external("device interface", device.interface_fj(bits), wires.relative_error)
    idle = device.background_mw
    yield _external("device background", idle.value * load_ps, idle.relative_error)


def _waking(woken: Sequence[Outside]) -> Iterator[Rate]:
    for memory in woken:
        if memory.wake_uj is not None:
            energy = memory.wake_uj.value * _FJ_PER_UJ
            yield _external(f"wake-up of {memory.name}", energy, memory.wake_uj.relative_error)


def _external(term: str, energy_fj: float, relative_error: float) -> Rate:
    return Rate(
        "external", term, "cycles", energy_fj, level="assumed", relative_error=relative_error,
        origin=ORIGIN,
    )  # fmt: skip


def _flags(
    accelerator: Accelerator, device: Outside | None, resident: int, layers: int
) -> Iterator[str]:
    if is_weight_bank_read_only(accelerator):
        yield "power-up: the weights are in a memory that keeps them; nothing is loaded"
        return
    if not resident:
        yield "power-up: no weights stay in the store; all are streamed in every run"
        return
    where = f"from {device.name}" if device else "from the host"
    share = "all layers" if resident == layers else f"the first {resident} of {layers} layers"
    images = accelerator.power_up.amortise_images
    spread = f", spread over {images:,} images in amortised energy" if images else ""
    yield f"power-up: the weights of {share} are loaded once {where}; in no other total{spread}"
    if device is not None:
        yield from device.flags


__all__ = ["PowerUp", "power_up", "refuse_unknown_power_up"]
