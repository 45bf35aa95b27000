"""Figures of merit from counts: whoever counted, the model or the simulated hardware.

Counts times rates (energy.py), over a period (timing.py), on an area: the same arithmetic for an
estimate and for a simulation, so that the two differ only where their counts do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from asicbnn import __version__
from asicbnn.bnn.layer import Layer
from asicbnn.hardware.configuration import configuration_words
from asicbnn.mapping.counts import operations
from asicbnn.mapping.layout import layout
from asicbnn.model.costs import Costs, costs
from asicbnn.model.data_events import active_counts, counted_events, data_events, loading
from asicbnn.model.energy import energy_metrics, parts_fj, terms_fj
from asicbnn.model.gating import with_clocks
from asicbnn.model.level_flags import shortfalls
from asicbnn.model.network import totals
from asicbnn.result import METRICS, LayerResult, Result
from asicbnn.spec.accelerator import Accelerator
from asicbnn.technology.library import Technology

_S_PER_PS = 1e-12
_J_PER_FJ = 1e-15
_TERA = 1e12

PRICED_COUNTS = (
    "cycles and accesses are what the simulated hardware counted; energy is these counts at the "
    "model's rates, with assumed activities"
)


def figures(
    accelerator: Accelerator,
    cost: Costs,
    counts: Mapping[str, int],
    parts: Mapping[str, float],
    inferences: int,
    *,
    is_whole: bool,
) -> dict[str, float]:
    """Return counts, energies and figures of merit of a layer, or of the whole.

    counts      of all inferences together        parts  energy by part [fJ], likewise
    is_whole    add what belongs to the whole: area, clock, inferences per second
    """
    energies = energy_metrics(parts)
    seconds = counts["cycles"] * cost.timing.period_ps * _S_PER_PS
    joules = energies["energy_fj"] * _J_PER_FJ
    done = 2 * counts["macs"]
    lay = layout(accelerator)
    metrics = {
        **{name: value for name, value in counts.items() if name in METRICS},
        **energies,
        "power_mw": joules / seconds * 1e3,
        "latency_ms": seconds * 1e3,
        "energy_per_inference_uj": joules / inferences * 1e6,
        "throughput_tops": done / seconds / _TERA,
        "efficiency_tops_per_w": done / joules / _TERA,
        "density_tops_per_mm2": done / seconds / _TERA / (cost.area.area_um2 * 1e-6),
        "utilisation": counts["binary_macs"] / (counts["cycles"] * lay.pes * lay.lanes),
    }
    if is_whole:
        metrics |= cost.area.metrics()
        metrics["period_ps"] = cost.timing.period_ps
        metrics["clock_mhz"] = cost.timing.clock_mhz
        metrics["inferences_per_s"] = inferences / seconds
    return metrics


@dataclass(frozen=True)
class Counted:
    """What was counted while a layer ran, over all runs, and the products that made.

    counts  every count of `result.METRICS`, those of `active_counts`, and of gated clocks
    data    events of what switches with data, of `data_events`
    """

    name: str
    stride: int
    counts: Mapping[str, int]
    data: Mapping[str, float]

    @property
    def events(self) -> dict[str, float]:
        """All that energy goes by."""
        return {**self.counts, **self.data}


def run_counts(accelerator: Accelerator, layer: Layer, counts: Mapping[str, int]) -> dict[str, int]:
    """Return one run's counts of a layer with the counts that follow from them and the layer."""
    n_cfg = configuration_words(accelerator)
    active = active_counts(layer, layout(accelerator))
    known = {**operations(layer), **active, "configuration_words": n_cfg, **counts}
    return {**with_clocks(accelerator, layer, known, n_cfg), **counts}  # what was counted stands


def run_events(
    accelerator: Accelerator, layer: Layer, counts: Mapping[str, float], *, is_random: bool = False
) -> dict[str, float]:
    """Return the events of data of one run of a layer, or of some of its cycles.

    is_random  inputs were drawn at random (`data_events.data_events`)
    """
    events = data_events(accelerator, layer, is_random=is_random)
    return counted_events(events, counts, loading(accelerator, layer.stride))


def priced(
    accelerator: Accelerator,
    technology: Technology,
    workload: str,
    counted: Sequence[Counted],
    inferences: int,
) -> Result:
    """Return counts with their prices, by layer and in total, at the level of an estimate.

    inferences  images that were run for these counts
    """
    level = technology.best_level
    cost = costs(accelerator, technology, level)
    terms = [terms_fj(cost.rates_of[layer.stride], layer.events) for layer in counted]
    summed = totals(layer.counts for layer in counted)
    whole = totals(terms)
    *errors, whole_errors = cost.bands.errors([*terms, whole])
    layers = []
    for layer, some, error in zip(counted, terms, errors, strict=True):
        parts = parts_fj(some)
        metrics = figures(accelerator, cost, layer.counts, parts, inferences, is_whole=False)
        layers.append(LayerResult(layer.name, metrics, error))
    levels = cost.bands.levels(whole)
    short = shortfalls(levels, level, technology.name)
    return Result(
        accelerator=accelerator.name,
        workload=workload,
        technology=technology.name,
        version=__version__,
        totals=figures(accelerator, cost, summed, parts_fj(whole), inferences, is_whole=True),
        layers=tuple(layers),
        flags=(PRICED_COUNTS, *short, *cost.flags),
        level=level,
        levels=levels,
        errors=whole_errors,
    )


__all__ = ["PRICED_COUNTS", "Counted", "figures", "priced", "run_counts", "run_events"]
