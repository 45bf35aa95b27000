"""Voltage and temperature: how far every figure of a library moves from where it was measured.

Delay follows the alpha-power law with a threshold that falls with temperature, energy a power of
the voltage near 2, leakage an exponential of both. Library corners, where a file lists them, come
first (`corners.py`). Equations and their errors: docs/models/technology.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from asicbnn.errors import Problem, SpecError
from asicbnn.technology.corners import Ratios, corner_ratios
from asicbnn.technology.operating_entry import OperatingEntry

if TYPE_CHECKING:
    from asicbnn.technology.library import Technology

THERMAL_V_PER_K = 8.617333e-5
"""Boltzmann's constant over the charge of an electron; CODATA 2018."""

_ZERO_C_IN_K = 273.15
_THRESHOLD_MARGIN_V = 0.1
"""Alpha-power delay fails nearer than this to the threshold."""

_ALIKE = 1e-9


def kelvin(temperature_c: float) -> float:
    """Absolute temperature [K]."""
    return temperature_c + _ZERO_C_IN_K


def threshold_v(entry: OperatingEntry, own_c: float, temperature_c: float) -> float:
    """Effective threshold [V]: it falls in a straight line from that at the library's own."""
    per_k = entry.threshold_v_per_k.value
    return entry.threshold_voltage_v.value - per_k * (temperature_c - own_c)


def lowest_voltage_v(entry: OperatingEntry, own_c: float, temperature_c: float) -> float:
    """Lowest voltage the alpha-power law is used at: 100 mV above the threshold [V]."""
    return threshold_v(entry, own_c, temperature_c) + _THRESHOLD_MARGIN_V


def alpha_power_delay(voltage_v: float, threshold: float, alpha: float) -> float:
    """Delay of a gate by the alpha-power law, in arbitrary units: V / (V - Vt)^alpha.

    Source: T. Sakurai, A. R. Newton, IEEE JSSC 25(2) 1990, 584-594, eq. 7.
    Raises ValueError at or below the threshold.
    """
    if voltage_v <= threshold:
        raise ValueError(f"{voltage_v:g} V is not above the threshold of {threshold:g} V")
    return float(voltage_v / (voltage_v - threshold) ** alpha)


def delay_ratio(
    entry: OperatingEntry, own_v: float, own_c: float, voltage_v: float, temperature_c: float
) -> float:
    """Delay over that at the library's own point.

    The current falls with temperature as T^-m, the threshold with it linearly; near the threshold
    the second wins and gates are faster hot.
    """
    alpha = entry.alpha.value
    here = alpha_power_delay(voltage_v, threshold_v(entry, own_c, temperature_c), alpha)
    there = alpha_power_delay(own_v, entry.threshold_voltage_v.value, alpha)
    warmer = kelvin(temperature_c) / kelvin(own_c)
    return float(here / there * warmer**entry.delay_temperature_exponent.value)


def capacitance_ratio(entry: OperatingEntry, own_v: float, voltage_v: float) -> float:
    """Capacitance of a pin over that at the library's own voltage.

    A gate has its full capacitance only above the threshold, where the channel is inverted. Over a
    swing of V its mean is C (1 - k Vt / V), with k the part that inversion adds.
    """
    lacking = entry.inversion_fraction.value * entry.threshold_voltage_v.value
    return (1 - lacking / voltage_v) / (1 - lacking / own_v)


def leakage_ratio(
    entry: OperatingEntry, own_v: float, own_c: float, voltage_v: float, temperature_c: float
) -> float:
    """Leakage power over that at the library's own point.

        V/V0 ((1 - f) (T/T0)^2 exp(b / (k T0) - (b - s (V - V0)) / (k T)) + f exp(g (V - V0)))

    The barrier b over which carriers leak is lowered by s for each volt of supply (drain-induced
    barrier lowering); both are divided by the subthreshold ideality factor. k T in electron volt.
    The part f tunnels, through junctions and gates: no heat is needed, and the field is all.
    """
    barrier = entry.leakage_barrier_v.value
    lowered = barrier - entry.leakage_v_per_v.value * (voltage_v - own_v)
    cold, warm = kelvin(own_c), kelvin(temperature_c)
    exponent = barrier / (THERMAL_V_PER_K * cold) - lowered / (THERMAL_V_PER_K * warm)
    over = (warm / cold) ** 2 * math.exp(exponent)
    if entry.leakage_floor_fraction is None or entry.leakage_floor_per_v is None:
        return voltage_v / own_v * over
    part = entry.leakage_floor_fraction.value
    through = math.exp(entry.leakage_floor_per_v.value * (voltage_v - own_v))
    return voltage_v / own_v * ((1 - part) * over + part * through)


def delay_error(
    entry: OperatingEntry, own_v: float, own_c: float, voltage_v: float, temperature_c: float
) -> float:
    """Relative error of the delay ratio: what an error of the threshold makes of it.

    exp(alpha dVt |1/(V - Vt) - 1/(V0 - Vt0)|) - 1
    """
    here = voltage_v - threshold_v(entry, own_c, temperature_c)
    there = own_v - entry.threshold_voltage_v.value
    off = entry.alpha.value * entry.threshold_error_v.value
    return math.expm1(off * abs(1 / here - 1 / there))


def law_ratios(
    entry: OperatingEntry, own_v: float, own_c: float, voltage_v: float, temperature_c: float
) -> Ratios:
    """Return what the laws say, with errors that grow away from the library's own point."""
    voltage = voltage_v / own_v
    octaves = abs(math.log2(voltage))
    warmer = abs(temperature_c - own_c) / entry.leakage_error_per_k.value
    return Ratios(
        voltage=voltage,
        delay=delay_ratio(entry, own_v, own_c, voltage_v, temperature_c),
        internal=voltage**entry.internal_energy_exponent.value,
        capacitance=capacitance_ratio(entry, own_v, voltage_v),
        leakage=leakage_ratio(entry, own_v, own_c, voltage_v, temperature_c),
        delay_error=delay_error(entry, own_v, own_c, voltage_v, temperature_c),
        energy_error=entry.energy_error.value * octaves,
        leakage_error=entry.leakage_error.value * octaves + warmer,
    )


def ratios(technology: Technology, voltage_v: float, temperature_c: float) -> Ratios:
    """Return how far the figures of a library move; at its own point all ratios are exactly 1.

    Raises SpecError where neither corners nor laws reach, with the range that they do and a cure.
    """
    own_v, own_c = technology.voltage_v, technology.temperature_c
    if (voltage_v, temperature_c) == (own_v, own_c):
        return Ratios()
    between = corner_ratios(technology.corners, own_v, own_c, voltage_v, temperature_c)
    if between is not None:
        return between
    if problems := tuple(_beyond(technology, voltage_v, temperature_c)):
        raise SpecError(problems)
    assert technology.operating is not None  # _beyond says so
    return law_ratios(technology.operating, own_v, own_c, voltage_v, temperature_c)


def _beyond(technology: Technology, voltage_v: float, temperature_c: float) -> Iterator[Problem]:
    """Yield what stands against a voltage or temperature that no corner covers."""
    entry, own_v, own_c = technology.operating, technology.voltage_v, technology.temperature_c
    name = technology.name
    if entry is None:
        key, asked, own = (
            ("voltage_v", f"{voltage_v:g} V", f"{own_v:g}")
            if voltage_v != own_v
            else ("temperature_c", f"{temperature_c:g} C", f"{own_c:g}")
        )
        covered = _covered(technology)
        yield Problem(
            f"{asked} is beyond the figures of {name}, which hold at {own_v:g} V and {own_c:g} C"
            f"{covered}; its file has no operating section that says how they move",
            path=f"operating_point.{key}",
            help=f"set {own}, or import the Liberty file of another corner beside it",
        )
        return
    least_c, most_c = entry.temperature_c.least, entry.temperature_c.most
    if not least_c <= temperature_c <= most_c:
        yield Problem(
            f"{temperature_c:g} C is beyond what {name} is known at, {least_c:g} to {most_c:g} C",
            path="operating_point.temperature_c",
            help=f"set {least_c:g} to {most_c:g}",
        )
        temperature_c = min(max(temperature_c, least_c), most_c)
    least, most = lowest_voltage_v(entry, own_c, temperature_c), entry.highest_voltage_v.value
    allowed = f"{math.ceil(1000 * least - _ALIKE) / 1000:g} to {most:g}"
    if voltage_v < least - _ALIKE:
        threshold = threshold_v(entry, own_c, temperature_c)
        yield Problem(
            f"{voltage_v:g} V is within 100 mV of the threshold of {name}, {threshold:.3g} V at "
            f"{temperature_c:g} C, or below it, where the delay law fails{_covered(technology)}",
            path="operating_point.voltage_v",
            help=f"set {allowed}, or import the Liberty file of a corner that low",
        )
    elif voltage_v > most + _ALIKE:
        yield Problem(
            f"{voltage_v:g} V is above what {name} is known at, {most:g} V",
            path="operating_point.voltage_v",
            help=f"set {allowed}",
        )


def _covered(technology: Technology) -> str:
    names = ", ".join(corner.name for corner in technology.corners)
    return f", and it lies outside its corners ({names})" if names else ""


__all__ = [
    "alpha_power_delay", "capacitance_ratio", "delay_error",
    "delay_ratio", "law_ratios", "leakage_ratio", "lowest_voltage_v", "ratios", "threshold_v",
]  # fmt: skip
