"""A network on an accelerator, run cycle-exactly once, and looked at in windows of some cycles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from asicbnn.errors import SimulationError
from asicbnn.hardware.accelerator import Machine, elaborate
from asicbnn.model.figures import Counted, run_counts, run_events
from asicbnn.simulate import layer_mappings
from asicbnn.simulation.backends import Backend, simulator
from asicbnn.simulation.execution import CYCLE_LIMIT, Executor
from asicbnn.simulation.program import build_program
from asicbnn.simulation.trace import Trace, Tracer
from asicbnn.spec.accelerator import Accelerator
from asicbnn.spec.lowering import lower
from asicbnn.spec.parameters import load_images, load_parameters
from asicbnn.spec.workload import Workload

_PROBE = "probe_"
_HOST_SHARE = 4
"""One window in so many looks at the host's transfers, of the layers that have any."""


@dataclass(frozen=True, eq=False)
class Window:
    """Some consecutive cycles of a layer.

    layer   what it belongs to, by index
    counts  events in it: counted by the probe; those it does not count are the layer's, by share
            of its steps, words of the configuration by share of its cycles
    """

    layer: int
    counts: Mapping[str, float]
    trace: Trace


class RunningMachine:
    """An accelerator's hardware and its simulator, ready for one network after the other."""

    def __init__(self, accelerator: Accelerator) -> None:
        self.accelerator = accelerator
        self.machine: Machine = elaborate(accelerator)
        self.backend: Backend = simulator(self.machine.block)

    def tracer(self, wires: Sequence[str]) -> Tracer:
        """Return a simulator that shows wires, kept for the next who asks for the same."""
        if self._tracer is None or self._tracer[0] != tuple(wires):
            self._tracer = tuple(wires), Tracer(self.machine.block, wires)
        return self._tracer[1]

    _tracer: tuple[tuple[str, ...], Tracer] | None = None


class NetworkRun:
    """One image of a network on an accelerator.

    accelerator  of the same hardware as the machine: what memories are made of and the dataflow
                 may differ (default: the machine's)
    layers       counts of each layer, as the hardware made them

    Raises MappingError for a network that does not fit, SpecError for one that does not run as a
    whole.
    """

    def __init__(
        self,
        running: RunningMachine,
        network: Workload,
        accelerator: Accelerator | None = None,
        seed: int = 0,
    ) -> None:
        self.running, self.network = running, network
        self.accelerator = accelerator = accelerator or running.accelerator
        layers = lower(network).layers
        self._layers = layers
        self._images = load_images(network, 1, seed).activations
        program = build_program(
            accelerator, layers, tuple(load_parameters(network, seed)),
            layer_mappings(accelerator, layers, None, None),
        )  # fmt: skip
        self._executor = Executor(running.machine, running.backend, program, CYCLE_LIMIT)
        runs = self._executor.run(self._images, reads_bits=False)
        self.layers = tuple(
            Counted(
                layer.name,
                layer.stride,
                run_counts(accelerator, layer, run.counts),
                run_events(accelerator, layer, run.counts, is_random=True),
            )
            for layer, run in zip(layers, runs, strict=True)
        )

    @property
    def cycles(self) -> int:
        return sum(layer.counts["cycles"] for layer in self.layers)

    def windows(
        self, wires: Sequence[str], *, cycles: int, per_layer: int, seed: int = 0
    ) -> Iterator[Window]:
        """Look at wires in some windows of each layer, in the order of the run.

        Where the host sends or takes words a quarter of a layer's windows, the others outside:
        each starts anywhere in one of as many equal stretches, so that chance leaves no phase out.

        cycles  of a window; a layer that is shorter is looked at as a whole, once
        """
        probes = [name for name in self.running.backend.shape.registers if _is_probe(name)]
        tracer = self.running.tracer([*wires, *probes])
        state = self._executor.on(self._executor.backend.fork())
        state.load(self._images)
        at, first = 0, 1  # one cycle starts the run
        random = np.random.default_rng(seed)
        for index, layer in enumerate(self.layers):
            length = int(layer.counts["cycles"])
            room = length - cycles - 1  # the probe starts anew where a layer ends
            starts = [0] if room < 1 else _starts(random, layer.counts, room, per_layer)
            for start in starts:
                state.backend.run(first + start - at)
                at = first + start
                trace = tracer.follow(state.backend, min(cycles, length - 2) + 1)
                yield Window(index, self._counts(index, trace, probes), trace)
            first += length

    def _counts(self, index: int, trace: Trace, probes: Sequence[str]) -> dict[str, float]:
        counted = {
            name.removeprefix(_PROBE): float(trace.wires[name][-1] - trace.wires[name][0])
            for name in probes
        }
        layer = self.layers[index]
        if min(counted.values()) < 0:
            raise SimulationError(f"a window of layer {layer.name} reaches beyond its end")
        cycles = len(trace.wires[probes[0]]) - 1
        share = counted["steps"] / layer.counts["steps"]
        rest = {name: count * share for name, count in layer.counts.items()}
        configured = counted["configuration_cycles"] / layer.counts["configuration_cycles"]
        return {
            **rest, **counted, "compute_cycles": counted["steps"], "cycles": float(cycles),
            **run_events(self.accelerator, self._layers[index], counted, is_random=True),
            "configuration_words": configured * layer.counts["configuration_words"],
        }  # fmt: skip


def _starts(
    random: np.random.Generator, counts: Mapping[str, int], room: int, count: int
) -> list[int]:
    """Return cycles below ``room`` in rising order: a quarter of them in the host's transfers."""
    first, last = counts["host_words_in"], room - counts["host_words_out"]
    inside, outside = last - first, room - (last - first)
    few = count // _HOST_SHARE if outside > 0 else 0
    if not 0 < inside < room or not few:
        return _spread(random, room, count)
    beside = (cycle if cycle < first else cycle + inside for cycle in _spread(random, outside, few))
    return sorted([*beside, *(first + cycle for cycle in _spread(random, inside, count - few))])


def _spread(random: np.random.Generator, room: int, count: int) -> list[int]:
    """Return cycles below ``room`` in rising order, one in each of ``count`` equal stretches."""
    shares = (np.arange(count) + random.random(count)) / count
    return [int(share * room) for share in shares]


def _is_probe(name: str) -> bool:
    return name.startswith(_PROBE) and name != f"{_PROBE}layer"


__all__ = ["NetworkRun", "RunningMachine", "Window"]
