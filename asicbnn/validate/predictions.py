"""What the ordinary estimate says of a published figure, with the band of its error.

Every prediction is an estimate of the chip's accelerator file on a network, read off in the scope
and at the point of the published figure. A chip that the model cannot clock as fast as published is
estimated at the fastest clock it can have, and the prediction says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final

from asicbnn.errors import ModelError, SpecError
from asicbnn.levels import Level
from asicbnn.model.estimate import estimate
from asicbnn.result import LayerResult, Result
from asicbnn.spec.accelerator import Accelerator, with_changes
from asicbnn.spec.workload import Workload
from asicbnn.validate.facts import Point, Published
from asicbnn.validate.scopes import Scope, covered, covered_error, covered_level

_FJ_PER_UJ, _UM2_PER_MM2, _MHZ_FJ_PER_MW = 1e9, 1e6, 1e-6
_CLOCK: Final = "operating_point.clock_mhz"


@dataclass(frozen=True)
class Prediction:
    """A predicted value, how far it may be off (`levels.interval`), and where its figures are from.

    notes  what had to differ from the point of the published figure
    """

    value: float
    relative_error: float = 0.0
    level: Level = "counted"
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Machine:
    """A chip's accelerator and the networks its figures name, with every estimate made once."""

    accelerator: Accelerator
    workloads: Mapping[str, Workload]
    technology: str | None = None
    _results: dict[tuple[str, Point], tuple[Result, tuple[str, ...]]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def otherwise(self, changes: Mapping[str, Any]) -> Machine:
        """Return the machine with some fields changed, and no estimate made yet."""
        if not changes:
            return self
        return replace(
            self, accelerator=with_changes(self.accelerator, changes), _results={}
        )

    def result(self, workload: str, at: Point) -> tuple[Result, tuple[str, ...]]:
        """Return the estimate of a network at a point, and what had to differ from the point."""
        key = (workload, at)
        if key not in self._results:
            self._results[key] = self._estimated(workload, at)
        return self._results[key]

    def _estimated(self, workload: str, at: Point) -> tuple[Result, tuple[str, ...]]:
        changes = at.changes()
        try:
            return self._estimate(workload, changes), ()
        except ModelError:
            if at.clock_mhz is None:
                raise
        result = self._estimate(workload, {**changes, _CLOCK: "max"})
        clock = result.totals["clock_mhz"]
        note = f"at {clock:.4g} MHz: the model allows no {at.clock_mhz:g} MHz"
        return result, (note,)

    def _estimate(self, workload: str, changes: Mapping[str, float | str]) -> Result:
        machine = with_changes(self.accelerator, changes) if changes else self.accelerator
        try:
            return estimate(machine, self.workloads[workload], technology=self.technology)
        except SpecError as refused:
            if not all(p.path.startswith("operating_point") for p in refused.problems):
                raise
            raise ModelError("; ".join(p.message for p in refused.problems)) from refused

    @cached_property
    def ops_per_cycle(self) -> int:
        """Operations per cycle of the whole array: 2 P N."""
        unroll = self.accelerator.array.unroll
        return 2 * unroll.pes * unroll.lanes


def predict(machine: Machine, figure: Published, workload: str) -> dict[str, Prediction]:
    """Return the predictions of a figure by layer, the one of the whole under the empty name.

    Raises MappingError or ModelError where the machine or a model does not reach that far.
    """
    network = figure.workload or workload
    machine = machine.otherwise(figure.changes)
    if figure.quantity == "ops_per_cycle":
        return {"": Prediction(machine.ops_per_cycle)}
    if figure.unroll:
        return _own_engines(machine, figure, network)
    if figure.layers:
        return _by_layer(machine, figure, network)
    return {"": _OF_THE_WHOLE[figure.quantity](machine, figure, network)}


def _own_engines(machine: Machine, figure: Published, network: str) -> dict[str, Prediction]:
    """Return the steps of layers that have an engine each, as in a streaming design."""
    found = {}
    for name in figure.layers:
        sizes = {f"array.unroll.{key}": size for key, size in figure.unroll[name].items()}
        layer = _layer(machine.otherwise(sizes).result(network, figure.at)[0], name)
        found[name] = Prediction(layer.metrics[figure.quantity])
    return found


def _by_layer(machine: Machine, figure: Published, network: str) -> dict[str, Prediction]:
    result, notes = machine.result(network, figure.at)
    if figure.quantity != "energy_share":
        return {
            name: Prediction(_layer(result, name).metrics[figure.quantity], notes=notes)
            for name in figure.layers
        }
    energies = {
        name: covered(_layer(result, name).metrics, figure.scope, "energy_fj")
        for name in figure.layers
    }
    whole = sum(energies.values())
    level = _level(result, figure.scope, "energy_fj")
    return {
        name: Prediction(energy / whole, level=level, notes=notes)
        for name, energy in energies.items()
    }


def _level(result: Result, scope: Scope, suffix: str) -> Level:
    return covered_level(result.totals, result.levels, scope, suffix)


def _layer(result: Result, name: str) -> LayerResult:
    for layer in result.layers:
        if layer.name == name:
            return layer
    raise ModelError(f"{result.workload} has no layer {name} that the machine runs")


def _energy_fj(result: Result, figure: Published) -> tuple[float, float, Level]:
    energy = covered(result.totals, figure.scope, "energy_fj")
    error = covered_error(result.totals, result.errors, figure.scope, "energy_fj")
    return energy, error, _level(result, figure.scope, "energy_fj")


def _energy_uj(machine: Machine, figure: Published, network: str) -> Prediction:
    result, notes = machine.result(network, figure.at)
    energy, error, level = _energy_fj(result, figure)
    return Prediction(energy / _FJ_PER_UJ, error, level, notes)


def _energy_per_op(machine: Machine, figure: Published, network: str) -> Prediction:
    result, notes = machine.result(network, figure.at)
    energy, error, level = _energy_fj(result, figure)
    return Prediction(energy / (2 * result.totals["macs"]), error, level, notes)


def _power_mw(machine: Machine, figure: Published, network: str) -> Prediction:
    """P = E / cycles x f, with the period's error beside the energy's where the clock is ours."""
    result, notes = machine.result(network, figure.at)
    energy, error, level = _energy_fj(result, figure)
    power = energy / result.totals["cycles"] * result.totals["clock_mhz"] * _MHZ_FJ_PER_MW
    if notes or figure.at.clock_mhz is None:
        error += result.errors.get("period_ps", 0.0)
    return Prediction(power, error, level, notes)


def _area_mm2(machine: Machine, figure: Published, network: str) -> Prediction:
    result, _ = machine.result(network, Point())
    area = covered(result.totals, figure.scope, "area_um2")
    error = covered_error(result.totals, result.errors, figure.scope, "area_um2")
    return Prediction(area / _UM2_PER_MM2, error, _level(result, figure.scope, "area_um2"))


def _clock_mhz(machine: Machine, figure: Published, network: str) -> Prediction:
    """Return the fastest clock at the voltage of the figure."""
    result, _ = machine.result(network, Point(voltage_v=figure.at.voltage_v))
    level = result.levels.get("period_ps", "cell")
    return Prediction(result.totals["clock_mhz"], result.errors.get("period_ps", 0.0), level)


def _voltage_ratio(machine: Machine, figure: Published, network: str) -> Prediction:
    """Energy per operation at one point over that at the other: the technology cancels."""
    assert figure.against is not None  # the file's own rule
    there = figure.model_copy(update={"at": figure.against})
    here = _energy_per_op(machine, figure, network)
    return _ratio(here, _energy_per_op(machine, there, network))


def _system_ratio(machine: Machine, figure: Published, network: str) -> Prediction:
    """Energy per operation of the chip on a network over that of the core at its peak.

    The peak may have been reported for a point of its own, and is predicted for it then.
    """
    assert figure.peak is not None  # the file's own rule
    system = _energy_per_op(machine, figure, network)
    there = figure.model_copy(update={"scope": "core", "at": figure.against or figure.at})
    core = _energy_per_op(machine.otherwise(figure.peak_changes), there, figure.peak)
    return _ratio(system, core)


def _ratio(one: Prediction, other: Prediction) -> Prediction:
    """Return a ratio in which the technology, and with it most of the error, cancels."""
    notes = tuple(dict.fromkeys((*one.notes, *other.notes)))
    return Prediction(one.value / other.value, level=one.level, notes=notes)


_OF_THE_WHOLE: Final[Mapping[str, Callable[[Machine, Published, str], Prediction]]] = (
    MappingProxyType(
        {
            "energy_uj": _energy_uj,
            "energy_fj_per_op": _energy_per_op,
            "power_mw": _power_mw,
            "area_mm2": _area_mm2,
            "clock_mhz": _clock_mhz,
            "voltage_ratio": _voltage_ratio,
            "system_ratio": _system_ratio,
        }
    )
)


__all__ = ["Machine", "Prediction", "predict"]
