"""Library corners: how far figures move between voltages and temperatures that were characterised.

Between corners the logarithms are interpolated; beyond them nothing is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from asicbnn.technology.schema import CornerEntry

_ALIKE = 1e-9
_VOLT_STEP, _KELVIN_STEP = 0.1, 25.0
"""Distances between corners that count alike."""


@dataclass(frozen=True, slots=True)
class Ratios:
    """What figures are multiplied by, away from the library's own voltage and temperature.

    delay, leakage        delay of logic; leakage power
    internal, capacitance energy inside cells; capacitance of their pins
    voltage               supply over nominal
    delay_error, energy_error, leakage_error   relative errors of the ratios; delays carry theirs,
                          energy and leakage are widened where they are summed (`rate_errors.py`)
    corners               the library corners they come from; none: from the laws below
    """

    voltage: float = 1.0
    delay: float = 1.0
    internal: float = 1.0
    capacitance: float = 1.0
    leakage: float = 1.0
    delay_error: float = 0.0
    energy_error: float = 0.0
    leakage_error: float = 0.0
    corners: tuple[str, ...] = ()

    @property
    def pin_energy(self) -> float:
        """Charge energy of pins, C V^2."""
        return self.capacitance * self.voltage**2

    @property
    def wire_energy(self) -> float:
        """Charge energy of wires, whose capacitance stays: V^2."""
        return self.voltage**2


def _distance(corner: CornerEntry, voltage_v: float, temperature_c: float) -> float:
    volts = (corner.voltage_v - voltage_v) / _VOLT_STEP
    return math.hypot(volts, (corner.temperature_c - temperature_c) / _KELVIN_STEP)


def _weights(
    chosen: tuple[CornerEntry, ...], voltage_v: float, temperature_c: float
) -> tuple[float, ...] | None:
    """Barycentric weights of a point among one to three corners; None if it is not among them."""
    first, *others = chosen
    x, y = voltage_v - first.voltage_v, temperature_c - first.temperature_c
    sides = [(c.voltage_v - first.voltage_v, c.temperature_c - first.temperature_c) for c in others]
    if not sides:
        inside = abs(x) < _ALIKE and abs(y) < _ALIKE
        return (1.0,) if inside else None
    if len(sides) == 1:
        (u, v), length = sides[0], sides[0][0] ** 2 + sides[0][1] ** 2
        if length == 0 or abs(u * y - v * x) > _ALIKE * max(1.0, abs(u), abs(v)):
            return None
        part = (u * x + v * y) / length
        weights: tuple[float, ...] = (1 - part, part)
    else:
        (u, v), (p, q) = sides
        twice_area = u * q - v * p
        if abs(twice_area) < _ALIKE:
            return None
        second, third = (x * q - y * p) / twice_area, (u * y - v * x) / twice_area
        weights = (1 - second - third, second, third)
    return weights if min(weights) >= -_ALIKE else None


def _enclosing(
    corners: tuple[CornerEntry, ...], voltage_v: float, temperature_c: float
) -> tuple[tuple[CornerEntry, ...], tuple[float, ...]] | None:
    """Return the nearest corners a point lies on or between, with their weights."""
    for size in (1, 2, 3):
        found: Iterator[tuple[float, tuple[CornerEntry, ...], tuple[float, ...]]] = (
            (sum(_distance(c, voltage_v, temperature_c) for c in chosen), chosen, weights)
            for chosen in combinations(corners, size)
            if (weights := _weights(chosen, voltage_v, temperature_c)) is not None
        )
        if nearest := min(found, key=lambda each: each[0], default=None):
            return nearest[1], nearest[2]
    return None


def corner_ratios(
    corners: tuple[CornerEntry, ...],
    own_v: float,
    own_c: float,
    voltage_v: float,
    temperature_c: float,
) -> Ratios | None:
    """Interpolate the logarithms of library corners; None where the point lies beyond them.

    The library's own point is one of the corners. A point on a corner takes it as it is.
    """
    own = CornerEntry(
        name="nominal", voltage_v=own_v, temperature_c=own_c,
        delay_ratio=1.0, energy_ratio=1.0, leakage_ratio=1.0, source="nominal",
    )  # fmt: skip
    found = _enclosing((own, *corners), voltage_v, temperature_c)
    if not corners or found is None:
        return None
    chosen, weights = found

    def between(key: str) -> float:
        if len(chosen) == 1:
            return float(getattr(chosen[0], key))
        logs = (w * math.log(getattr(c, key)) for c, w in zip(chosen, weights, strict=True))
        return math.exp(sum(logs))

    voltage = voltage_v / own_v
    energy = between("energy_ratio")
    return Ratios(
        voltage=voltage,
        delay=between("delay_ratio"),
        internal=energy,
        capacitance=energy / voltage**2,
        leakage=between("leakage_ratio"),
        corners=tuple(corner.name for corner in chosen),
    )


__all__ = ["Ratios", "corner_ratios"]
