"""What a result says beside the run itself: the load at power-up, and what a real chip adds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from asicbnn.levels import WEAKEST_FIRST, Level
from asicbnn.model.costs import Costs
from asicbnn.model.extras import ExtraCosts, extra_costs
from asicbnn.model.power_up import PowerUp, power_up

if TYPE_CHECKING:
    from asicbnn.model.estimate import Run

_WITHOUT_EXTRAS = {
    "area_with_extras_um2": "area_um2",
    "energy_with_extras_uj": "energy_per_inference_uj",
}


@dataclass(frozen=True)
class Beside:
    """The load at power-up and the extras of one result, in no other total of it.

    per_inference_uj  energy of an inference, without either
    """

    load: PowerUp
    extras: ExtraCosts | None
    metrics: Mapping[str, float]
    per_inference_uj: float

    @property
    def flags(self) -> tuple[str, ...]:
        """What to say about them."""
        return (*self.load.flags, *(self.extras.flags if self.extras else ()))

    @property
    def breakdowns(self) -> dict[str, dict[str, float]]:
        """What they are made of."""
        split = {f"{part} {term}": fj for (part, term), fj in self.load.energy_fj.items() if fj}
        if self.extras is None:
            return {"power_up_fj": split}
        return {
            "power_up_fj": split,
            "extras_area_um2": dict(self.extras.area_um2),
            "extras_energy_fj": dict(self.extras.energy_fj),
        }

    def errors(self, whole: Mapping[str, float]) -> dict[str, float]:
        """Return the relative errors of the metrics, from those of the rest of the result.

        The load and the run are priced by the same rates, so their errors are one error.
        """
        found = {"power_up_energy_uj": self.load.relative_error, "power_up_ms": whole["latency_ms"]}
        if "amortised_energy_uj" in self.metrics:
            sum_uj = self.metrics["amortised_energy_uj"]
            run_uj = self.per_inference_uj * whole["energy_per_inference_uj"]
            load_uj = (sum_uj - self.per_inference_uj) * self.load.relative_error
            found["amortised_energy_uj"] = (run_uj + load_uj) / sum_uj
        for name, without in _WITHOUT_EXTRAS.items():
            if name in self.metrics:
                found[name] = whole[without]
        return found

    def levels(self, whole: Mapping[str, Level]) -> dict[str, Level]:
        """Return the levels of the metrics: what is stated in the spec is assumed."""
        found: dict[str, Level] = {
            "power_up_energy_uj": self.load.level,
            "power_up_ms": whole["latency_ms"],
        }
        if "amortised_energy_uj" in self.metrics:
            both = (whole["energy_per_inference_uj"], self.load.level)
            found["amortised_energy_uj"] = min(both, key=WEAKEST_FIRST.index)
        return {**found, **{name: "assumed" for name in _WITHOUT_EXTRAS if name in self.metrics}}


def beside_the_run(
    run: Run,
    cost: Costs,
    counts: Mapping[str, int],
    parts: Mapping[str, float],
    whole: Mapping[str, float],
) -> Beside:
    """Return the load at power-up and the extras of a run.

    counts, parts  of the whole run, energy by part [fJ]        whole  its metrics
    """
    load = power_up(run.accelerator, cost, run.layers, run.n_cfg)
    per_inference = whole["energy_per_inference_uj"]
    metrics = {"power_up_energy_uj": load.total_uj, "power_up_ms": load.ms}
    if images := run.accelerator.power_up.amortise_images:
        metrics["amortised_energy_uj"] = per_inference + load.total_uj / images
    extras = extra_costs(run.accelerator, run.technology, cost, counts, parts)
    if extras is not None:
        metrics |= extras.metrics(whole, run.batch)
    return Beside(load, extras, metrics, per_inference)


__all__ = ["Beside", "beside_the_run"]
