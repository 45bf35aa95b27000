"""The table of everything a design point can be measured by, and the parts it is split into.

A metric's name, unit and direction are stated here once; `docs/nomenclature.md` is held equal to
it by a test.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from asicbnn.units import SUFFIXES

Better = Literal["lower", "higher", "neither"]
Aggregate = Literal["sum", "max", "mean", "none"]
PartKind = Literal["logic", "memory", "link", "external", "leakage"]

COUNT_UNITS = frozenset({"MAC", "cycle", "step", "access", "word", "edge"})


@dataclass(frozen=True, slots=True)
class Metric:
    """A column of every table.

    unit       as printed, "1" for a ratio; a count's unit is one of `COUNT_UNITS`
    better     the direction a Pareto front prefers
    aggregate  how layers make the total: sum, max, mean over the cycles of the layers, or none
               (a property of the whole, stated only in the totals)
    """

    name: str
    unit: str
    better: Better
    aggregate: Aggregate
    description: str

    @property
    def is_count(self) -> bool:
        """True if every value is an integer, in Python and in JSON."""
        return self.unit in COUNT_UNITS

    @property
    def title(self) -> str:
        """The name as a heading, without its unit: `energy_fj` -> Energy."""
        if special := _TITLES.get(self.name):
            return special
        name = self.name
        if not self.is_count:
            name = next((name.removesuffix(s) for s in SUFFIXES if name.endswith(s)), name)
        words = name.replace("_", " ").replace("dma", "DMA").replace("macs", "MACs")
        return words[:1].upper() + words[1:]


_TITLES = {
    "throughput_tops": "Throughput",
    "efficiency_tops_per_w": "Energy efficiency",
    "density_tops_per_mm2": "Compute density",
    "clock_mhz": "Clock frequency",
    "dma_energy_fj": "DMA energy",
    "power_up_energy_uj": "Loading weights",
    "power_up_ms": "Loading time",
}


@dataclass(frozen=True, slots=True)
class Part:
    """What energy and area are split by; it has metrics `<name>_energy_fj`, `<name>_area_um2`.

    level    L0 inside the array, L1 buffers, L2 store, external; "" for what has no level
    operand  weight, input, psum, output or "" where it serves several
    """

    name: str
    kind: PartKind
    level: str
    operand: str
    description: str
    has_area: bool = True


PARTS: Mapping[str, Part] = MappingProxyType(
    {
        part.name: part
        for part in (
            Part("array", "logic", "L0", "", "XNOR, popcount, accumulators and their registers"),
            Part("post", "logic", "", "output", "thresholds, pooling, argmax and output packing"),
            Part("control", "logic", "", "", "sequencers, address generators, configuration"),
            Part("dma", "logic", "", "", "data mover between store and buffers, host port"),
            Part("clock", "logic", "", "", "clock tree"),
            Part("weight_buffer", "memory", "L1", "weight", "weight buffer"),
            Part("input_buffer", "memory", "L1", "input", "input buffer"),
            Part("psum_buffer", "memory", "L1", "psum", "partial-sum buffer"),
            Part("threshold_buffer", "memory", "L1", "output", "threshold buffer"),
            Part("pool_buffer", "memory", "L1", "output", "pooling buffer"),
            Part("store_weight", "memory", "L2", "weight", "weight bank of the on-chip store"),
            Part("store_activation", "memory", "L2", "input", "two activation banks of the store"),
            Part("link", "link", "L2", "", "wires of the store link", has_area=False),
            Part("external", "external", "external", "", "external memory", has_area=False),
            Part("io", "external", "external", "", "host link", has_area=False),
            Part("leakage", "leakage", "", "", "leakage of logic and memories", has_area=False),
        )
    }
)


def _counts() -> Iterator[Metric]:
    operations = {
        "macs": "products as published: padded taps in, any bit width counts 1",
        "binary_macs": "macs x weight bits x activation bits",
        "useful_binary_macs": "binary_macs without padded taps",
    }
    for name, description in operations.items():
        yield Metric(name, "MAC", "neither", "sum", description)
    yield Metric("steps", "step", "lower", "sum", "issue slots of the array")
    cycles = {
        "cycles": "all cycles of the layer or network",
        "configuration_cycles": "configuration words and thresholds, before a layer starts",
        "prologue_cycles": "first tile's loading, nothing computes yet",
        "compute_cycles": "one per step",
        "l0_stall_cycles": "operands wait for a port of a buffer",
        "output_stall_cycles": "finished words wait for the write channel",
        "dma_stall_cycles": "a tile waits for the store link",
        "swap_cycles": "change of tile",
        "drain_cycles": "pipeline empties after the last step",
        "io_cycles": "image in, streamed weights in, result out",
    }
    for name, description in cycles.items():
        yield Metric(name, "cycle", "lower", "sum", description)
    memories = {
        "weight_buffer": "weight buffer",
        "input_buffer": "input buffer",
        "psum_buffer": "partial-sum buffer",
        "threshold_buffer": "threshold buffer",
        "pool_buffer": "pooling buffer",
        "store_weight": "weight bank of the store, link words",
        "store_activation": "activation banks of the store, link words",
    }
    for name, description in memories.items():
        for action in ("reads", "writes"):
            text = f"{action} of the {description}; one strobe of its port each"
            yield Metric(f"{name}_{action}", "access", "lower", "sum", text)
    yield Metric("host_words_in", "word", "lower", "sum", "host link words in: images, weights")
    yield Metric("host_words_out", "word", "lower", "sum", "host link words out: results")
    text = "clock edges that flops behind clock gates receive; 0 with clock_gating: none"
    yield Metric("gated_clocks", "edge", "lower", "sum", text)


def _costs() -> Iterator[Metric]:
    energies = {
        "energy_fj": "everything inside the boundary: chip, external memory, host link wires",
        "onchip_energy_fj": "energy without external memory and host link",
        "logic_energy_fj": "dynamic energy of logic and clock tree",
        "memory_energy_fj": "dynamic energy of buffers and store",
    }
    for name, description in energies.items():
        yield Metric(name, "fJ", "lower", "sum", description)
    for part in PARTS.values():
        text = f"energy of {part.description}"
        yield Metric(f"{part.name}_energy_fj", "fJ", "lower", "sum", text)
    areas = {
        "area_um2": "cells and macros before routing",
        "logic_area_um2": "standard cells outside memories",
        "memory_area_um2": "buffers and store",
    }
    for name, description in areas.items():
        yield Metric(name, "um2", "lower", "none", description)
    for part in PARTS.values():
        if part.has_area:
            text = f"area of {part.description}"
            yield Metric(f"{part.name}_area_um2", "um2", "lower", "none", text)


def _figures_of_merit() -> Iterator[Metric]:
    once = "loading resident weights, once, at power-up: in no other total"
    yield Metric("power_up_energy_uj", "uJ", "lower", "none", f"energy of {once}")
    yield Metric("power_up_ms", "ms", "lower", "none", f"time of {once}")
    spread = "energy of an inference and its share of the power-up's, over power_up.amortise_images"
    yield Metric("amortised_energy_uj", "uJ", "lower", "none", spread)
    with_extras = "with what `extras` of the spec adds; only if it asks for any"
    yield Metric("area_with_extras_um2", "um2", "lower", "none", f"area_um2 {with_extras}")
    yield Metric(
        "energy_with_extras_uj", "uJ", "lower", "none", f"energy_per_inference_uj {with_extras}"
    )
    yield Metric("power_mw", "mW", "lower", "mean", "energy / time, leakage included")
    yield Metric("period_ps", "ps", "lower", "none", "the largest of logic paths and memory access")
    yield Metric("clock_mhz", "MHz", "higher", "none", "clock the machine runs at")
    yield Metric("latency_ms", "ms", "lower", "sum", "cycles x period, the whole batch")
    yield Metric("energy_per_inference_uj", "uJ", "lower", "sum", "energy / batch")
    yield Metric("inferences_per_s", "1/s", "higher", "none", "batch / latency")
    yield Metric("throughput_tops", "TOPS", "higher", "mean", "2 macs / time")
    yield Metric("efficiency_tops_per_w", "TOPS/W", "higher", "none", "2 macs / energy")
    yield Metric("density_tops_per_mm2", "TOPS/mm2", "higher", "mean", "throughput / area")
    yield Metric("utilisation", "1", "higher", "mean", "binary_macs / (cycles x lanes of all PEs)")


METRICS: Mapping[str, Metric] = MappingProxyType(
    {metric.name: metric for family in (_counts, _costs, _figures_of_merit) for metric in family()}
)


BANDED = (
    "latency_ms", "inferences_per_s", "throughput_tops", "energy_per_inference_uj", "power_mw",
    "efficiency_tops_per_w", "area_um2", "logic_area_um2", "memory_area_um2",
    "density_tops_per_mm2", "period_ps", "clock_mhz", "energy_fj", "onchip_energy_fj",
    "logic_energy_fj", "memory_energy_fj", "leakage_energy_fj", "link_energy_fj",
    "external_energy_fj", "io_energy_fj",
)  # fmt: skip
"""Metrics whose errors tables of many points keep, in columns of their own: all but the parts."""


def error_column(metric: str) -> str:
    """Return the name of the column with a metric's relative error."""
    return f"{metric}_error"


def error_columns(errors: Mapping[str, float], metrics: Iterable[str]) -> dict[str, float]:
    """Return the relative errors of chosen metrics as columns of a table; exact ones have 0."""
    chosen = (name for name in metrics if not METRICS[name].is_count)
    return {error_column(name): errors.get(name, 0.0) for name in chosen}


PART_COLUMNS = ("part", "kind", "level", "operand", "energy_fj", "area_um2")


def parts_of(totals: Mapping[str, float]) -> Iterable[dict[str, Any]]:
    """Yield a row of `PART_COLUMNS` for every part that totals speak of [fJ, um2]."""
    for part in PARTS.values():
        energy = totals.get(f"{part.name}_energy_fj")
        area = totals.get(f"{part.name}_area_um2")
        if energy is not None or area is not None:
            yield {
                "part": part.name,
                "kind": part.kind,
                "level": part.level,
                "operand": part.operand,
                "energy_fj": float(energy or 0.0),
                "area_um2": float(area or 0.0),
            }
