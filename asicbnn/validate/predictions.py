"""What the ordinary estimate says of a published figure, with the band of its error.

Every prediction is an estimate of the chip's accelerator file on a network, read off in the scope
and at the point of the published figure. A chip that the model cannot clock as fast as published is
estimated at the fastest clock it can have, and the prediction says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import hypot
from types import MappingProxyType
from typing import Final

from asicbnn.errors import ModelError
from asicbnn.levels import Level, ratio_error
from asicbnn.result import LayerResult, Result
from asicbnn.validate.facts import Point, Published
from asicbnn.validate.machine import Estimated, Machine
from asicbnn.validate.scopes import (
    SCOPES,
    Scope,
    covered,
    covered_energy_errors,
    covered_error,
    covered_level,
)

_FJ_PER_UJ, _UM2_PER_MM2, _MHZ_FJ_PER_MW = 1e9, 1e6, 1e-6


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
class _Energy:
    """Energy of what a figure covers, with its error by what it stems from [fJ]."""

    energy_fj: float
    errors_fj: Mapping[str, float]

    @property
    def relative_errors(self) -> dict[str, float]:
        return {origin: width / self.energy_fj for origin, width in self.errors_fj.items()}

    @property
    def relative_error(self) -> float:
        return hypot(*self.relative_errors.values())

    def ratio_error(self, other: _Energy) -> float:
        """Relative error of the ratio to another energy: what both share cancels."""
        return ratio_error(self.relative_errors, other.relative_errors)


def predict(machine: Machine, figure: Published, workload: str) -> dict[str, Prediction]:
    """Return the predictions of a figure by layer, the one of the whole under the empty name.

    Raises MappingError or ModelError where the machine or a model does not reach that far.
    """
    network = figure.workload or workload
    machine = machine.otherwise(figure.changes)
    if figure.kind is not None:
        machine = machine.reported_as(figure.kind)
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
    energies = {name: _layer_energy(result, name, figure.scope) for name in figure.layers}
    whole = _sum(energies.values())
    level = _level(result, figure.scope, "energy_fj")
    return {
        name: Prediction(
            energy.energy_fj / whole.energy_fj, energy.ratio_error(whole), level, notes
        )
        for name, energy in energies.items()
    }


def _layer_energy(result: Result, name: str, scope: Scope) -> _Energy:
    """Return a layer's energy in a scope, the errors of each part those it has in the network."""
    metrics = _layer(result, name).metrics
    errors: dict[str, float] = {}
    for part in SCOPES[scope]:
        key = f"{part}_energy_fj"
        if energy := metrics.get(key, 0.0):
            share = energy / result.totals[key]
            own = result.breakdowns.get(f"{part}_energy_errors_fj", {})
            errors = _added(errors, {origin: share * width for origin, width in own.items()})
    return _Energy(covered(metrics, scope, "energy_fj"), errors)


def _sum(energies: Iterable[_Energy]) -> _Energy:
    total, errors = 0.0, dict[str, float]()
    for energy in energies:
        total += energy.energy_fj
        errors = _added(errors, energy.errors_fj)
    return _Energy(total, errors)


def _added(some: Mapping[str, float], more: Mapping[str, float]) -> dict[str, float]:
    return {origin: some.get(origin, 0.0) + more.get(origin, 0.0) for origin in {**some, **more}}


def _level(result: Result, scope: Scope, suffix: str) -> Level:
    return covered_level(result.totals, result.levels, scope, suffix)


def _layer(result: Result, name: str) -> LayerResult:
    for layer in result.layers:
        if layer.name == name:
            return layer
    raise ModelError(f"{result.workload} has no layer {name} that the machine runs")


def _energy(result: Result, scope: Scope) -> _Energy:
    energy = covered(result.totals, scope, "energy_fj")
    return _Energy(energy, covered_energy_errors(result, scope))


def _energy_uj(machine: Machine, figure: Published, network: str) -> Prediction:
    result, notes = machine.result(network, figure.at)
    energy, level = _energy(result, figure.scope), _level(result, figure.scope, "energy_fj")
    return Prediction(energy.energy_fj / _FJ_PER_UJ, energy.relative_error, level, notes)


def _energy_per_op(machine: Machine, figure: Published, network: str) -> Prediction:
    result, notes = machine.result(network, figure.at)
    energy, level = _energy(result, figure.scope), _level(result, figure.scope, "energy_fj")
    per_op = energy.energy_fj / _operations(result)
    return Prediction(per_op, energy.relative_error, level, notes)


def _operations(result: Result) -> float:
    return 2 * result.totals["macs"]


def _power_mw(machine: Machine, figure: Published, network: str) -> Prediction:
    """P = E / cycles x f, with the period's error beside the energy's where the clock is ours."""
    result, notes = machine.result(network, figure.at)
    energy, level = _energy(result, figure.scope), _level(result, figure.scope, "energy_fj")
    error = energy.relative_error
    power = energy.energy_fj / result.totals["cycles"] * result.totals["clock_mhz"] * _MHZ_FJ_PER_MW
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
    """Energy per operation at one point over that at the other."""
    assert figure.against is not None  # the file's own rule
    here, there = (machine.result(network, at) for at in (figure.at, figure.against))
    return _ratio(here, figure.scope, there, figure.scope)


def _system_ratio(machine: Machine, figure: Published, network: str) -> Prediction:
    """Energy per operation of the chip on a network over that of the core at its peak.

    The peak may have been reported for a point of its own, and is predicted for it then.
    """
    assert figure.peak is not None  # the file's own rule
    system = machine.result(network, figure.at)
    core = machine.otherwise(figure.peak_changes)
    peak = core.result(figure.peak, figure.against or figure.at)
    return _ratio(system, figure.scope, peak, "core")


def _ratio(one: Estimated, scope: Scope, other: Estimated, other_scope: Scope) -> Prediction:
    """Return a ratio of energies per operation, and the error that does not cancel in it."""
    (above, said), (below, said_below) = one, other
    energy, base = _energy(above, scope), _energy(below, other_scope)
    per_op, base_per_op = energy.energy_fj / _operations(above), base.energy_fj / _operations(below)
    return Prediction(
        per_op / base_per_op, energy.ratio_error(base), _level(above, scope, "energy_fj"),
        tuple(dict.fromkeys((*said, *said_below))),
    )  # fmt: skip


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


__all__ = ["Prediction", "predict"]
