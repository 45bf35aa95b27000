"""What a network costs over the supply voltage, and where it costs least energy.

Energy of switching falls with the square of the voltage, but gates get slower and leak for longer:
somewhere energy has a minimum. Below the lowest voltage at which every part is known it may still
fall; then the minimum lies at that end, and the curve says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asicbnn.errors import ModelError, SpecError
from asicbnn.model.arguments import accelerator_of, check_counts, workload_of
from asicbnn.model.costs import costs, technology_of
from asicbnn.model.estimate import Objective, estimate
from asicbnn.result import Result
from asicbnn.spec.accelerator import Accelerator, with_changes
from asicbnn.spec.workload import Workload
from asicbnn.technology.library import Technology
from asicbnn.technology.operating_point import lowest_voltage_v

_KEY = "operating_point.voltage_v"
_MV = 1000
_GOLDEN = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True)
class VoltagePoint:
    """A network on an accelerator at one supply voltage."""

    voltage_v: float
    result: Result

    @property
    def energy_uj(self) -> float:
        """Energy per inference."""
        return float(self.result.totals["energy_per_inference_uj"])

    @property
    def leakage_fraction(self) -> float:
        """Part of the energy that leaks."""
        totals = self.result.totals
        return float(totals["leakage_energy_fj"] / totals["energy_fj"])


@dataclass(frozen=True)
class VoltageCurve:
    """A network on an accelerator over the supply voltage, lowest first.

    minimum   the point of least energy, found to 1 mV    nominal_v  the technology's own voltage
    lower_end why no lower voltage was tried
    """

    points: tuple[VoltagePoint, ...]
    minimum: VoltagePoint
    nominal_v: float
    lower_end: str

    @property
    def is_at_lower_end(self) -> bool:
        """Whether energy still falls at the lowest voltage: the true minimum lies below."""
        return self.minimum.voltage_v == self.points[0].voltage_v

    def to_json(self) -> dict[str, Any]:
        """Return what `--json` prints, without the schema."""
        return {
            **self.points[0].result.point,
            "nominal_v": self.nominal_v,
            "minimum_v": self.minimum.voltage_v,
            "is_at_lower_end": self.is_at_lower_end,
            "lower_end": self.lower_end,
            "points": [_json(point) for point in self.points],
            "flags": list(self.minimum.result.flags),
        }


def _json(point: VoltagePoint) -> dict[str, Any]:
    totals, errors = point.result.totals, point.result.errors
    keys = ("clock_mhz", "latency_ms", "energy_per_inference_uj", "power_mw")
    return {
        "voltage_v": point.voltage_v,
        **{key: totals[key] for key in keys},
        "leakage_fraction": point.leakage_fraction,
        "energy_relative_error": errors.get("energy_per_inference_uj", 0.0),
    }


def voltage_curve(
    accelerator: Accelerator | Path | str,
    workload: Workload | Path | str,
    *,
    steps: int = 12,
    dataflow: str | None = None,
    batch: int = 1,
    objective: Objective = "energy",
    technology: Technology | Path | str | None = None,
) -> VoltageCurve:
    """Estimate a network over the supply voltage, and find the voltage of least energy.

    steps   voltages from the lowest to the highest that are known, beside them the technology's
            own and that of least energy; the clock is the spec's: `max` is the fastest at each

    The other arguments are `estimate`'s. Raises SpecError if the technology is known at one
    voltage only, and what `estimate` raises.
    """
    machine, network = accelerator_of(accelerator), workload_of(workload)
    check_counts(steps=steps)
    own = technology_of(machine, technology).nominal

    def at(voltage_v: float) -> VoltagePoint:
        moved = with_changes(machine, {_KEY: voltage_v})
        result = estimate(
            moved, network, dataflow=dataflow, batch=batch, objective=objective, technology=own
        )
        return VoltagePoint(voltage_v, result)

    least, most, why = _range(machine, own)
    spread = (least + (most - least) * step / max(1, steps - 1) for step in range(steps))
    tried = {_rounded(voltage) for voltage in (*spread, max(least, own.voltage_v))}
    known = {voltage: at(voltage) for voltage in sorted(tried)}
    minimum = _least_energy(known, at)
    known[minimum.voltage_v] = minimum
    points = tuple(known[voltage] for voltage in sorted(known))
    return VoltageCurve(points, minimum, own.voltage_v, why)


def _rounded(voltage_v: float) -> float:
    return round(_MV * voltage_v) / _MV


def _range(machine: Accelerator, own: Technology) -> tuple[float, float, str]:
    """Return the lowest and the highest voltage of an accelerator, and what stops it below."""
    corners = [corner.voltage_v for corner in own.corners]
    least, most = min((own.voltage_v, *corners)), max((own.voltage_v, *corners))
    if own.operating is not None:
        temperature = machine.operating_point.temperature_c
        degrees = own.temperature_c if temperature is None else temperature
        law = lowest_voltage_v(own.operating, own.temperature_c, degrees)
        least = min(least, math.ceil(_MV * law) / _MV)
        most = max(most, own.operating.highest_voltage_v.value)
    if least == most:
        raise SpecError(
            f"technology: {own.name} is known at {own.voltage_v:g} V only: its file has neither "
            "corners nor an operating section"
        )
    why = _refusal(machine, own, least)
    if why is None:
        return least, most, f"{own.name} is known no lower"
    return _lowest(machine, own, least, most), most, why


def _refusal(machine: Accelerator, own: Technology, voltage_v: float) -> str | None:
    """Return why an accelerator cannot be costed at a voltage, if it cannot."""
    try:
        costs(with_changes(machine, {_KEY: voltage_v}), own, own.best_level)
    except (ModelError, SpecError) as problem:
        return str(problem).splitlines()[0]
    return None


def _lowest(machine: Accelerator, own: Technology, refused: float, most: float) -> float:
    """Return the lowest voltage that is not refused, to 1 mV; ModelError if there is none."""
    low, high = round(_MV * refused), round(_MV * most)
    if why := _refusal(machine, own, high / _MV):
        raise ModelError(why)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if not _refusal(machine, own, middle / _MV) else (middle, high)
    return high / _MV


def _least_energy(
    known: Mapping[float, VoltagePoint], at: Callable[[float], VoltagePoint]
) -> VoltagePoint:
    """Return the point of least energy between the neighbours of the best known, to 1 mV.

    Golden-section search; energy falls, then rises with voltage.
    """
    best = min(known.values(), key=lambda point: point.energy_uj)
    voltages = sorted(known)
    place = voltages.index(best.voltage_v)
    low, high = voltages[max(0, place - 1)], voltages[min(len(voltages) - 1, place + 1)]
    while high - low > 2 / _MV:
        left = _rounded(high - _GOLDEN * (high - low))
        right = _rounded(low + _GOLDEN * (high - low))
        if left >= right:
            break
        one, other = at(left), at(right)
        best = min(best, one, other, key=lambda point: point.energy_uj)
        low, high = (low, right) if one.energy_uj <= other.energy_uj else (left, high)
    return best


__all__ = ["VoltageCurve", "VoltagePoint", "voltage_curve"]
