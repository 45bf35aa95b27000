"""Energy per step of the accelerators of the grid: gates, and the model at the same events.

A layer of random weights and inputs is run in several dataflows, for what switches depends on what
is held, with windows all over it. What is too large to be mapped in a moment is composed, and says
so: energy per step of array and registers grows by equal shares per PE, so a straight line through
two smaller numbers of PEs, each running a layer of its own size, is followed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

from asicbnn.calibration.energy_shares import SHARES, Terms
from asicbnn.calibration.grid import GridPoint
from asicbnn.calibration.measurement import PER_PE, is_direct, smaller
from asicbnn.calibration.network_energy import GateLevel, Sample, Sampling
from asicbnn.calibration.network_run import NetworkRun, RunningMachine
from asicbnn.calibration.synthesis import Flow, Form
from asicbnn.hardware.structure import COMPONENTS
from asicbnn.spec.accelerator import with_changes
from asicbnn.spec.workload import Workload
from asicbnn.technology.calibration import CLOCK, SWITCHING
from asicbnn.technology.library import Technology

_SAMPLING = Sampling(cycles=50, per_layer=8)
PLAYED_LANES = 1024
"""Lanes of all PEs up to which a run is played on the gates of the whole design."""
DATAFLOWS = ("output_stationary", "weight_stationary", "input_stationary")
"""What a layer is run in."""
_LINED = ("popcount", "sums", "registers", CLOCK)
"""Shares that grow by equal amounts per PE."""


@dataclass(frozen=True, eq=False)
class EnergyMeasurement:
    """Energy per step of the array, by share (parts of the logic, and the clock) [fJ].

    gates_fj    as gates give it        windows  what it is the sum of, as far as it was played
    terms_fj, added_fj  what the model says for the same events, as in `Sample`
    steps         steps that were played      operations  2 x products of a step
    glitch_share  of the logic's energy
    composed      what was composed from smaller designs, one phrase each
    """

    point: GridPoint
    gates_fj: Mapping[str, float]
    terms_fj: Mapping[str, Terms]
    added_fj: Mapping[str, Terms]
    steps: float
    operations: float
    glitch_share: float
    composed: tuple[str, ...]
    windows: tuple[Sample, ...] = ()

    @property
    def model_fj(self) -> dict[str, float]:
        """The model's energy at level cell, by share."""
        return {share: sum(terms.values()) for share, terms in self.terms_fj.items()}

    @property
    def is_composed(self) -> bool:
        """Say whether anything was composed."""
        return bool(self.composed)


def energy_points(points: Iterable[GridPoint]) -> tuple[GridPoint, ...]:
    """Choose designs to measure: all whose gates take a run of the whole."""
    return tuple(point for point in points if is_direct(point, PLAYED_LANES))


def measure_energies(
    flow: Flow,
    points: Iterable[GridPoint],
    technology: Technology,
    form: Form,
    jobs: int,
    done: Callable[[EnergyMeasurement], None] = lambda _: None,
) -> list[EnergyMeasurement]:
    """Measure designs in ``jobs`` processes; ``done`` is called as they come, in order."""
    found = []
    named = replace(flow, keeps_names=True)
    with ProcessPoolExecutor(jobs, initializer=_take, initargs=(named, technology, form)) as pool:
        for measurement in pool.map(_measured_energy, points):
            found.append(measurement)
            done(measurement)
    return found


_taken: list[tuple[Flow, Technology, Form]] = []


def _take(flow: Flow, technology: Technology, form: Form) -> None:
    """Give a process of the pool what all its points share."""
    _taken[:] = [(flow, technology, form)]


def _measured_energy(point: GridPoint) -> EnergyMeasurement:
    flow, technology, form = _taken[0]
    return measure_energy(flow, point, technology, form)


def measure_energy(
    flow: Flow, point: GridPoint, technology: Technology, form: Form,
    sampling: Sampling = _SAMPLING,
) -> EnergyMeasurement:  # fmt: skip
    """Play a layer on the gates of an accelerator of the grid.

    flow        keeps names
    technology  the model takes

    Raises what mapping raises, and SimulationError if gates and hardware disagree.
    """
    if is_direct(point, PLAYED_LANES):
        samples = _samples(flow, point, technology, form, COMPONENTS, sampling)
        return _measured(point, samples, _per_step(samples), ())
    rest = [name for name in COMPONENTS if name not in PER_PE]
    samples = _samples(flow, point, technology, form, rest, sampling)
    gates = _per_step(samples)
    more, less = smaller(point, PLAYED_LANES)
    high, low = (
        _per_step(_samples(flow, point.of(pes), technology, form, PER_PE, sampling))
        for pes in (more, less)
    )
    for share in _LINED:
        line = high[share] + (point.pes - more) / (more - less) * (high[share] - low[share])
        gates[share] += line
    phrase = f"{' and '.join(PER_PE)} from {more} and {less} PEs"
    return _measured(point, samples, gates, (phrase,))


def _samples(
    flow: Flow, point: GridPoint, technology: Technology, form: Form, components: Sequence[str],
    sampling: Sampling,
) -> tuple[Sample, ...]:  # fmt: skip
    running = RunningMachine(point.accelerator)
    gates = GateLevel(flow, running, form, technology, components)
    layer = layer_of(point)
    return tuple(
        sample
        for dataflow in DATAFLOWS
        for sample in gates.samples(
            NetworkRun(running, layer, with_changes(point.accelerator, {"dataflow": dataflow})),
            sampling,
        )
    )


def layer_of(point: GridPoint) -> Workload:
    """Return a network of one layer of 3 x 3 taps without padding.

    It has two words of inputs and two of outputs, or one of each where the store holds no more.
    """
    store_bits = 8 * 1024 * point.accelerator.store.kib.weights
    words = 2 if 4 * 9 * point.pes * point.lanes <= store_bits // 2 else 1
    return Workload.model_validate({
        "name": "layer",
        "input": {"shape": [6, 6, words * point.lanes], "bits": 1},
        "layers": [{
            "name": "conv", "op": "conv", "out_channels": words * point.pes, "kernel": [3, 3],
            "post": ["batch_norm", "sign"],
        }],
    })  # fmt: skip


def _per_step(samples: Sequence[Sample]) -> dict[str, float]:
    steps = sum(sample.counts["steps"] for sample in samples)
    return {share: sum(sample.gates_fj[share] for sample in samples) / steps for share in SHARES}


def _measured(
    point: GridPoint, samples: Sequence[Sample], gates: Mapping[str, float],
    composed: tuple[str, ...],
) -> EnergyMeasurement:  # fmt: skip
    steps = sum(sample.counts["steps"] for sample in samples)
    products = sum(sample.counts["active_lane_steps"] for sample in samples)
    logic = sum(s.gates_fj[name] for s in samples for name in SWITCHING)
    glitches = sum(sample.glitches_fj for sample in samples)
    return EnergyMeasurement(
        point, dict(gates),
        _terms_per_step([s.terms_fj for s in samples], steps),
        _terms_per_step([s.added_fj for s in samples], steps),
        steps, 2 * products / steps, glitches / logic, composed,
        () if composed else tuple(samples),
    )  # fmt: skip


def _terms_per_step(
    each: Sequence[Mapping[str, Terms]], steps: float
) -> dict[str, dict[str, float]]:
    return {
        share: {name: sum(terms[share][name] for terms in each) / steps for name in each[0][share]}
        for share in SHARES
    }


__all__ = [
    "DATAFLOWS", "PLAYED_LANES", "EnergyMeasurement", "energy_points", "layer_of",
    "measure_energies", "measure_energy",
]  # fmt: skip
