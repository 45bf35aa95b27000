"""Replay of a published energy: the machine's counted events at one chip's own unit energies.

It shows that the events are counted as the chip's authors count them, and nothing about how well
energy is predicted: unit energies and the figure compared with come from the same source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from asicbnn.bnn.layer import Layer
from asicbnn.mapping.layout import Layout, layout
from asicbnn.model.arguments import accelerator_of, workload_of
from asicbnn.model.data_events import active_counts
from asicbnn.model.estimate import estimate
from asicbnn.model.mappings import MappingSource
from asicbnn.result import LayerResult
from asicbnn.spec.accelerator import Accelerator
from asicbnn.spec.lowering import lower
from asicbnn.spec.workload import Workload
from asicbnn.technology.published import PublishedTechnology, load_published


@dataclass(frozen=True)
class Replay:
    """A network's energy at published unit energies.

    cycles       during which the chip leaks
    energies_fj  layer -> unit -> dynamic energy   leakage_fj  of the cycles at the published clock
    left_out     what the unit energies do not cover
    """

    accelerator: str
    workload: str
    published: str
    stage: str
    cycles: int
    energies_fj: Mapping[str, Mapping[str, float]]
    leakage_fj: float
    left_out: tuple[str, ...]

    @property
    def dynamic_fj(self) -> float:
        """Dynamic energy of all layers."""
        return sum(sum(units.values()) for units in self.energies_fj.values())

    @property
    def energy_fj(self) -> float:
        """Dynamic energy and leakage."""
        return self.dynamic_fj + self.leakage_fj


def replay(
    accelerator: Accelerator | Path | str,
    workload: Workload | Path | str,
    published: PublishedTechnology | Path | str,
    *,
    cycles: int | None = None,
    mapping: MappingSource | None = None,
) -> Replay:
    """Work a network's energy out from a chip's own unit energies and the model's counts.

    accelerator, workload  specs or their paths; the accelerator describes the chip
    published              a technology of kind `published`, its name or path
    cycles                 during which the chip leaks, as published; None takes the model's
    mapping                loop nests the chip is known to follow; None takes what `estimate` does

    Raises ModelError for an event the machine does not count, and what `estimate` raises.
    """
    machine, network = accelerator_of(accelerator), workload_of(workload)
    units = published if isinstance(published, PublishedTechnology) else load_published(published)
    counted = estimate(machine, network, mapping=mapping)
    lay = layout(machine)
    energies = {
        result.name: units.energies_fj(event_counts(layer, lay, result))
        for layer, result in zip(lower(network).layers, counted.layers, strict=True)
    }
    leaking = int(counted.totals["cycles"]) if cycles is None else cycles
    return Replay(
        accelerator=machine.name,
        workload=network.name,
        published=units.name,
        stage=units.stage,
        cycles=leaking,
        energies_fj=energies,
        leakage_fj=units.leakage_fj(leaking),
        left_out=units.left_out,
    )


def event_counts(layer: Layer, lay: Layout, result: LayerResult) -> dict[str, int]:
    """Return every count of a layer that a published unit may go by.

    The counts of `result.METRICS`, those of `active_counts`, and

    weight_bits_loaded, input_bits_loaded  buffer reads x bits of the port
    weight_rows_loaded                     weight words read x PEs that hold one each
    """
    counts = {name: value for name, value in result.metrics.items() if isinstance(value, int)}
    weight_reads = counts["weight_buffer_reads"]
    return {
        **counts,
        **active_counts(layer, lay),
        "weight_bits_loaded": weight_reads * lay.weight_port_bits,
        "input_bits_loaded": counts["input_buffer_reads"] * lay.input_port_bits,
        "weight_rows_loaded": weight_reads * lay.unroll["K"] // lay.weight_slots,
    }


__all__ = ["Replay", "event_counts", "replay"]
