"""A published chip's machine, estimated at the points and levels its figures were reported for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final

from asicbnn.errors import ModelError, SpecError
from asicbnn.levels import ResultLevel
from asicbnn.model.costs import technology_of
from asicbnn.model.estimate import estimate
from asicbnn.result import Result
from asicbnn.spec.accelerator import Accelerator, with_changes
from asicbnn.spec.workload import Workload
from asicbnn.validate.facts import Kind, Point

LEVEL_OF_KIND: Final[Mapping[Kind, ResultLevel | None]] = MappingProxyType(
    {"measured": "routed", "post-layout": "routed", "post-synthesis": None}
)
"""Level of the estimate a published figure is held against: silicon and layouts have wires, a
synthesised netlist has none (None: the best level without a floorplan)."""

_VOLTAGE: Final = "operating_point.voltage_v"
_CLOCK: Final = "operating_point.clock_mhz"
_VOLT_STEP: Final = 1e-3
_HZ_PER_MHZ = 1e6

Estimated = tuple[Result, tuple[str, ...]]
"""An estimate, and what had to differ from the point of the published figure."""


@dataclass(frozen=True)
class Machine:
    """A chip's accelerator and the networks its figures name, with every estimate made once."""

    accelerator: Accelerator
    workloads: Mapping[str, Workload]
    level: ResultLevel | None = None
    _results: dict[tuple[str, Point, ResultLevel | None], Estimated] = field(
        default_factory=dict, repr=False, compare=False
    )

    def otherwise(self, changes: Mapping[str, Any]) -> Machine:
        """Return the machine with some fields changed, and no estimate made yet."""
        if not changes:
            return self
        return replace(self, accelerator=with_changes(self.accelerator, changes), _results={})

    def reported_as(self, kind: Kind) -> Machine:
        """Return the machine at the level that figures of a kind are held against."""
        return replace(self, level=LEVEL_OF_KIND[kind])

    def result(self, workload: str, at: Point) -> Estimated:
        """Return the estimate of a network at a point, and what had to differ from the point.

        Raises ModelError where no model reaches the point.
        """
        key = (workload, at, self.level)
        if key not in self._results:
            find = self._at_its_clock if at.inferences_per_s is None else self._at_its_rate
            self._results[key] = find(workload, at)
        return self._results[key]

    @cached_property
    def ops_per_cycle(self) -> int:
        """Operations per cycle of the whole array: 2 P N."""
        unroll = self.accelerator.array.unroll
        return 2 * unroll.pes * unroll.lanes

    def _at_its_clock(self, workload: str, at: Point) -> Estimated:
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

    def _at_its_rate(self, workload: str, at: Point) -> Estimated:
        """Return the estimate at the clock a rate takes and the lowest voltage that allows it.

        A chip whose voltage was not reported is taken to run no higher than its rate asks for.
        """
        rate = at.inferences_per_s
        assert rate is not None  # the caller's condition
        fastest = self._estimate(workload, {})
        if (reached := fastest.totals["inferences_per_s"]) < rate:
            return fastest, (f"{reached:.3g} inferences/s: the model allows no {rate:g}",)
        clock_mhz = fastest.totals["cycles"] * rate / _HZ_PER_MHZ
        volts, found = self._lowest_voltage(workload, clock_mhz)
        note = (
            f"{clock_mhz:.4g} MHz, which {rate:g} inferences/s take, at {volts:.3f} V, the lowest"
        )
        return found, (f"{note} voltage the model allows for it",)

    def _lowest_voltage(self, workload: str, clock_mhz: float) -> tuple[float, Result]:
        """Bisect for the least voltage at which nothing refuses a clock that its own allows [V]."""
        low, high = 0.0, technology_of(self.accelerator).voltage_v
        found = self._estimate(workload, {_CLOCK: clock_mhz})
        while high - low > _VOLT_STEP:
            middle = (low + high) / 2
            try:
                found = self._estimate(workload, {_VOLTAGE: middle, _CLOCK: clock_mhz})
            except ModelError:
                low = middle
            else:
                high = middle
        return high, found

    def _estimate(self, workload: str, changes: Mapping[str, float | str]) -> Result:
        machine = with_changes(self.accelerator, changes) if changes else self.accelerator
        try:
            return estimate(machine, self.workloads[workload], level=self.level)
        except SpecError as refused:
            if not all(p.path.startswith("operating_point") for p in refused.problems):
                raise
            raise ModelError("; ".join(p.message for p in refused.problems)) from refused


__all__ = ["LEVEL_OF_KIND", "Estimated", "Machine"]
