"""The form of how a library moves with voltage and temperature."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from asicbnn.technology.form import Figure, Form, RangeEntry


class OperatingEntry(Form):
    """How the figures of a library move with voltage and temperature (`operating_point.py`).

    threshold_voltage_v, alpha : of the alpha-power delay law, at the library's own temperature
    threshold_v_per_k          : the threshold falls by it with each kelvin
    delay_temperature_exponent : delay rises as this power of the absolute temperature
    leakage_barrier_v          : over which carriers leak, at the library's own voltage, over n
    leakage_v_per_v            : the barrier falls by it with each volt of supply, over n
    leakage_floor_fraction     : part of the leakage at the library's own point that goes over no
                                 barrier, and so by no temperature
    leakage_floor_per_v        : the logarithm of that part rises by it with each volt of supply
    internal_energy_exponent   : power of the voltage that energy inside cells goes by
    inversion_fraction         : part of a pin's capacitance that is there above the threshold alone
    sram_lowest_voltage_v      : below which macros are refused
    threshold_error_v          : by which the threshold may be off, which makes the delay's error
    energy_error, leakage_error: relative errors for each doubling or halving of the voltage
    leakage_error_per_k        : kelvins at which the error of leakage has grown by 1
    """

    threshold_voltage_v: Figure
    alpha: Figure
    threshold_v_per_k: Figure
    delay_temperature_exponent: Figure
    leakage_barrier_v: Figure
    leakage_v_per_v: Figure
    leakage_floor_fraction: Figure | None = None
    leakage_floor_per_v: Figure | None = None
    internal_energy_exponent: Figure
    inversion_fraction: Figure
    highest_voltage_v: Figure
    sram_lowest_voltage_v: Figure
    temperature_c: RangeEntry
    threshold_error_v: Figure
    energy_error: Figure
    leakage_error: Figure
    leakage_error_per_k: Figure

    @model_validator(mode="after")
    def _floored(self) -> Self:
        part, rises = self.leakage_floor_fraction, self.leakage_floor_per_v
        if (part is None) != (rises is None):
            raise ValueError("leakage_floor_fraction and leakage_floor_per_v go together")
        if part is not None and not part.value < 1:
            raise ValueError(f"leakage_floor_fraction must be below 1, got {part.value:g}")
        return self
