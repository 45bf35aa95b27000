"""Energy of a network on the gates of an accelerator: windows of the run, played on its netlist.

Every layer is looked at in some windows. What a component's gates take in a layer is what the model
says of it there, times gates over model in the windows: so windows that happened to fall on busy
cycles count for no more than others. Where the model has nothing to hold against, it is energy per
cycle times cycles.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from asicbnn.calibration.annotation import annotated
from asicbnn.calibration.energy_shares import SHARES, Terms, modelled_fj, modelled_terms_fj
from asicbnn.calibration.gate_cells import GateCells
from asicbnn.calibration.gate_energy import energies
from asicbnn.calibration.mapped_netlist import MappedNetlist
from asicbnn.calibration.network_run import NetworkRun, RunningMachine, Window
from asicbnn.calibration.popcount_cone import cone, counting_registers
from asicbnn.calibration.replay import Replay, gates_of
from asicbnn.calibration.synthesis import Flow, Form
from asicbnn.calibration.timed_circuit import TimedCircuit
from asicbnn.calibration.timed_simulation import Counted
from asicbnn.hardware.accelerator import Machine
from asicbnn.hardware.structure import COMPONENTS
from asicbnn.model.costs import costs
from asicbnn.model.energy import terms_fj
from asicbnn.result import PARTS
from asicbnn.technology.calibration import CLOCK, SWITCHING
from asicbnn.technology.library import Technology


@dataclass(frozen=True)
class Sampling:
    """Windows a run is looked at in: cycles of each, how many per layer, and the seed."""

    cycles: int = 40
    per_layer: int = 5
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Sample:
    """A window: energy of the gates and of the model, by share [fJ]; glitches are of the logic.

    layer, counts  as in `Window`
    terms_fj, added_fj  the model's by term, and what gates may add to it (`model/gate_terms.py`)
    """

    layer: int
    counts: Mapping[str, float]
    gates_fj: Mapping[str, float]
    terms_fj: Mapping[str, Terms]
    added_fj: Mapping[str, Terms]
    glitches_fj: float

    @property
    def model_fj(self) -> dict[str, float]:
        """The model's energy at level cell, by share."""
        return {share: sum(terms.values()) for share, terms in self.terms_fj.items()}


@dataclass(frozen=True, eq=False)
class NetworkEnergy:
    """Energy of one image, by share [fJ].

    gates_fj, model_fj  of gates, extrapolated from windows, and of the model at the same counts
    unplayed_fj         of logic that no netlist has, by the model: clock tree, memory of classes
    samples             the windows                      cycles  of the whole run
    """

    gates_fj: Mapping[str, float]
    model_fj: Mapping[str, float]
    unplayed_fj: float
    samples: tuple[Sample, ...]
    cycles: int

    @property
    def glitch_share(self) -> float:
        """Share of the logic's energy that is spent on glitches."""
        logic = sum(s.gates_fj[share] for s in self.samples for share in SWITCHING)
        return sum(s.glitches_fj for s in self.samples) / logic


class GateLevel:
    """An accelerator on the gates of a library.

    technology  the model takes       components  that are mapped and played (default: all)
    """

    def __init__(
        self, flow: Flow, running: RunningMachine, form: Form, technology: Technology,
        components: Iterable[str] = COMPONENTS,
    ) -> None:  # fmt: skip
        self.components, self._technology = tuple(components), technology
        self._gates = gates_of(flow, running.machine, form, self.components)
        netlist = annotated(self._gates.netlist, GateCells(flow.library))
        self._replay = Replay(self._gates, TimedCircuit(netlist))
        self._shares = self._shares_of(running.machine)

    def _shares_of(self, machine: Machine) -> tuple[str, ...]:
        """Share of each instance: its component, of the array whether it counts or sums up."""
        netlist, replay = self._replay.circuit.netlist, self._replay
        counting = cone(netlist, replay.holding(counting_registers(machine)), replay.flops, "array")
        names = (instance.component(self.components) for instance in netlist.instances)
        return tuple(
            name if name != "array" else "popcount" if index in counting else "sums"
            for index, name in enumerate(names)
        )

    @property
    def netlist(self) -> MappedNetlist:
        """The components, mapped and joined."""
        return self._gates.netlist

    def played(self, run: NetworkRun, sampling: Sampling) -> Iterator[tuple[Window, Counted]]:
        """Yield windows of a run of this accelerator, with what its gates did in each."""
        windows = run.windows(
            self._gates.wires, cycles=sampling.cycles, per_layer=sampling.per_layer,
            seed=sampling.seed,
        )  # fmt: skip
        for window in windows:
            yield window, self._replay.play(window.trace)

    def samples(self, run: NetworkRun, sampling: Sampling) -> tuple[Sample, ...]:
        """Play windows of a run of this accelerator."""
        modelled = _Modelled(run, self._technology)
        return tuple(self._sample(*played, modelled) for played in self.played(run, sampling))

    def _sample(self, window: Window, counted: Counted, modelled: _Modelled) -> Sample:
        found = energies(self._replay.circuit, counted, names=self._shares)
        gates = dict.fromkeys(SHARES, 0.0)
        for name, energy in found.components.items():
            gates[name] = energy.logic_fj
        gates[CLOCK] = found.total.clock_fj
        own, added = modelled.terms_fj(window.layer, window.counts)
        return Sample(window.layer, window.counts, gates, own, added, found.total.glitches_fj)

    def energy(self, run: NetworkRun, sampling: Sampling) -> NetworkEnergy:
        """Return the energy of one image of a run of this accelerator."""
        samples, modelled = self.samples(run, sampling), _Modelled(run, self._technology)
        gates, model = dict.fromkeys(SHARES, 0.0), dict.fromkeys(SHARES, 0.0)
        for index, layer in enumerate(run.layers):
            own = [sample for sample in samples if sample.layer == index]
            whole = modelled.shares_fj(index, layer.events)
            for share in SHARES:
                seen = sum(sample.model_fj[share] for sample in own)
                spent = sum(sample.gates_fj[share] for sample in own)
                cycles = sum(sample.counts["cycles"] for sample in own)
                scale = whole[share] / seen if seen else layer.counts["cycles"] / cycles
                gates[share] += spent * scale
                model[share] += whole[share]
        unplayed = modelled.logic_fj - sum(model.values())
        return NetworkEnergy(gates, model, unplayed, samples, run.cycles)


class _Modelled:
    """What the model says of a run's events, at level cell."""

    def __init__(self, run: NetworkRun, technology: Technology) -> None:
        self._technology = technology
        self._rates = costs(run.accelerator, technology, "cell").rates_of
        self._layers, self._accelerator = run.layers, run.accelerator

    def shares_fj(self, layer: int, counts: Mapping[str, float]) -> dict[str, float]:
        """Energy of some events of a layer, by share."""
        return modelled_fj(self._rates[self._layers[layer].stride], counts)

    def terms_fj(
        self, layer: int, counts: Mapping[str, float]
    ) -> tuple[dict[str, Terms], dict[str, Terms]]:
        """Return it by term, and what gates may add."""
        rates = self._rates[self._layers[layer].stride]
        return modelled_terms_fj(rates, self._accelerator, counts)

    @property
    def logic_fj(self) -> float:
        """Energy of all events of the run in logic and clock."""
        return sum(
            energy
            for layer in self._layers
            for (part, _), energy in terms_fj(self._rates[layer.stride], layer.events).items()
            if PARTS[part].kind == "logic"
        )


__all__ = ["GateLevel", "NetworkEnergy", "Sample", "Sampling"]
