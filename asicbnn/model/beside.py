"""What a result says beside the run itself: the load at power-up, and what a real chip adds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from asicbnn.levels import WEAKEST_FIRST, Level
from asicbnn.model.extras import ExtraCosts
from asicbnn.model.power_up import PowerUp

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
    load: PowerUp,
    extras: ExtraCosts | None,
    whole: Mapping[str, float],
    *,
    batch: int,
    amortise_images: int | None,
) -> Beside:
    """Return the load at power-up and the extras of a run with their metrics.

    whole            metrics of the run
    amortise_images  images the load is shared by; None shares nothing
    """
    per_inference = whole["energy_per_inference_uj"]
    metrics = {"power_up_energy_uj": load.total_uj, "power_up_ms": load.ms}
    if amortise_images:
        metrics["amortised_energy_uj"] = per_inference + load.total_uj / amortise_images
    if extras is not None:
        metrics |= extras.metrics(whole, batch)
    return Beside(load, extras, metrics, per_inference)


__all__ = ["Beside", "beside_the_run"]
