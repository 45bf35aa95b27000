"""Whether estimates put accelerators in the order that gates and macros put them in.

40 accelerators run three networks; the energy of one image as estimated stands beside that of
mapped gates (`network_energy.py`). Memories, links and leakage are the model's on both sides, from
counts the hardware made, and so is the clock tree, which no mapped netlist has: the order is of
whole accelerators, and what is judged is the model of logic and clock in it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from scipy.stats import kendalltau

from asicbnn.calibration.grid import GridPoint
from asicbnn.calibration.library_match import matched
from asicbnn.calibration.network_energy import GateLevel, NetworkEnergy, Sampling
from asicbnn.calibration.network_run import NetworkRun, RunningMachine
from asicbnn.calibration.synthesis import Flow, flow
from asicbnn.model.area import macros
from asicbnn.model.estimate import estimate
from asicbnn.spec.accelerator import Accelerator, with_changes
from asicbnn.spec.workload import Workload
from asicbnn.technology.library import Technology

_CONV: dict[str, object] = {"op": "conv", "kernel": [3, 3]}
_NETWORKS: Mapping[str, tuple[list[int], list[dict[str, object]]]] = {
    "mlp": ([1, 1, 256], [{"op": "dense", "out_channels": 256}] * 2),
    "cnn": ([10, 10, 32], [{**_CONV, "out_channels": channels} for channels in (64, 64, 128)]),
    "narrow": ([1, 1, 784], [{"op": "dense", "out_channels": 64}] * 3),
}
"""Input shape and hidden layers of each; ten classes follow."""
_SIZES = ((4, 16), (4, 32), (4, 64), (8, 16), (8, 32), (8, 64), (16, 16), (16, 32), (32, 16),
          (4, 128))  # fmt: skip
"""PEs and lanes: what is mapped whole, so that no gate is composed."""
_VARIANTS: Mapping[str, Mapping[str, object]] = {
    "latches": {"dataflow": "output_stationary"},
    "registers": {"dataflow": "weight_stationary", "buffers.input": {"kind": "register"}},
}
"""What leaves the logic as it is: memories and the order of the loops."""
_STRUCTURES = ("sliced", "tree")
_UJ_PER_FJ = 1e-9
_SAMPLING = Sampling(cycles=32, per_layer=3)


@dataclass(frozen=True)
class Ranked:
    """One accelerator and one network: energy of an image, estimated and with gates [uJ].

    estimated_logic_uj, gates_logic_uj  what of it is logic and clock, without the clock tree
    relative_error  half-width of the estimate's band
    """

    accelerator: str
    network: str
    estimated_uj: float
    gates_uj: float
    estimated_logic_uj: float
    gates_logic_uj: float
    relative_error: float


@dataclass(frozen=True)
class Ranking:
    """How well estimates order the accelerators for a network.

    tau        Kendall's tau-b of the two orders
    logic_tau  the same of logic and clock alone, where the two sides share no figure
    pick     what the estimates call best          best  what gates and macros do
    regret   what the pick costs more than the best, relative
    """

    network: str
    accelerators: int
    tau: float
    logic_tau: float
    pick: str
    best: str
    regret: float


def ranking(ranked: Iterable[Ranked]) -> tuple[Ranking, ...]:
    """Compare the two orders, network by network."""
    by_network: dict[str, list[Ranked]] = {}
    for each in ranked:
        by_network.setdefault(each.network, []).append(each)
    return tuple(_ranking(network, some) for network, some in by_network.items())


def _ranking(network: str, some: Sequence[Ranked]) -> Ranking:
    pick = min(some, key=lambda x: x.estimated_uj)
    best = min(some, key=lambda x: x.gates_uj)
    tau = _tau((x.estimated_uj, x.gates_uj) for x in some)
    logic_tau = _tau((x.estimated_logic_uj, x.gates_logic_uj) for x in some)
    return Ranking(
        network, len(some), tau, logic_tau, pick.accelerator, best.accelerator,
        pick.gates_uj / best.gates_uj - 1,
    )  # fmt: skip


def _tau(pairs: Iterable[tuple[float, float]]) -> float:
    return float(kendalltau(*zip(*pairs, strict=True)).statistic)


def candidates() -> Iterator[Accelerator]:
    """Yield the accelerators that are ranked, those of equal hardware one after the other."""
    for number, ((pes, lanes), structure) in enumerate(itertools.product(_SIZES, _STRUCTURES)):
        gating = ("none", "register")[number // 2 % 2]
        point = GridPoint(structure, pes, lanes, number % 3)
        for variant, changes in _VARIANTS.items():
            name = f"{point.name} gating {gating} {variant}".replace(" ", "_")
            yield with_changes(point.accelerator, {
                "name": name, "clock_gating": gating, **changes,
            })  # fmt: skip


def rank(
    mapping: Flow,
    accelerators: Iterable[Accelerator],
    networks: Mapping[str, Workload],
    technology: Technology,
    sampling: Sampling = _SAMPLING,
    done: Callable[[Ranked], None] = lambda _: None,
) -> list[Ranked]:
    """Run every network on every accelerator, as estimated and on gates.

    mapping     to the library the technology was made from; it keeps names
    technology  the estimates take, at the best level it has
    done  is told of each pair as it comes

    Raises what mapping gates and running networks raise.
    """
    found, gates = [], None
    for accelerator in accelerators:
        if gates is None or not _same_hardware(gates[0].accelerator, accelerator):
            running = RunningMachine(accelerator)
            gates = running, GateLevel(mapping, running, "adder_cells", technology)
        running, level = gates
        for network in networks.values():
            run = NetworkRun(running, network, accelerator)
            ranked = _ranked(accelerator, network, technology, level.energy(run, sampling))
            found.append(ranked)
            done(ranked)
    return found


def rank_all(
    technology: Technology,
    paths: Sequence[Path],
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> list[Ranked]:
    """Rank all candidates by all networks on the Liberty files a technology was made of.

    Raises SpecError for files that are not this technology's or cannot be mapped to,
    EnvironmentProblem for a Yosys that is missing or fails.
    """
    prepared = flow(list(paths))
    matched(technology, prepared.library)
    all_networks, accelerators = networks(), list(candidates())
    total = len(accelerators) * len(all_networks)
    progress(0, total)
    done = itertools.count(1)
    return rank(
        replace(prepared, keeps_names=True), accelerators, all_networks, technology,
        done=lambda _: progress(next(done), total),
    )  # fmt: skip


def _same_hardware(a: Accelerator, b: Accelerator) -> bool:
    """Say whether two accelerators are one but for what their memories are made of."""
    changes = {"name": a.name, "dataflow": a.dataflow, "buffers": a.buffers}
    is_same = b.model_copy(update=changes) == a and b.sequencer.order == "programmable"
    shapes = [[(m.part, m.words, m.word_bits, m.ports) for m in macros(each)] for each in (a, b)]
    return is_same and shapes[0] == shapes[1]


def _ranked(
    accelerator: Accelerator, network: Workload, technology: Technology, energy: NetworkEnergy
) -> Ranked:
    result = estimate(accelerator, network, technology=technology)
    gates_fj, estimated_fj = sum(energy.gates_fj.values()), result.totals["energy_fj"]
    logic_fj = result.totals["logic_energy_fj"] - energy.unplayed_fj
    return Ranked(
        accelerator.name, network.name, estimated_fj * _UJ_PER_FJ,
        (estimated_fj - logic_fj + gates_fj) * _UJ_PER_FJ, logic_fj * _UJ_PER_FJ,
        gates_fj * _UJ_PER_FJ, result.errors["energy_fj"],
    )  # fmt: skip


def networks() -> dict[str, Workload]:
    """Return the networks that are run, by name; weights and images are drawn at random."""
    return {name: _network(name, *about) for name, about in _NETWORKS.items()}


def _network(name: str, shape: list[int], layers: list[dict[str, object]]) -> Workload:
    signed = {"post": ["batch_norm", "sign"]}
    hidden = [{"name": f"layer{i}", **signed, **layer} for i, layer in enumerate(layers)]
    last = {"name": "classes", "op": "dense", "out_channels": 10}
    return Workload.model_validate(
        {"name": name, "input": {"shape": shape, "bits": 1}, "layers": [*hidden, last]}
    )
