"""The estimate: one network on one accelerator, every metric by layer and in total.

Counts (cycles.py, network.py) times rates (energy.py), over a period (timing.py), on an area.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from asicbnn import __version__
from asicbnn.bnn.layer import Layer
from asicbnn.errors import ModelError, NothingCoveredError
from asicbnn.hardware.configuration import configuration_words
from asicbnn.levels import RESULT_LEVELS, Level, ResultLevel
from asicbnn.mapping import loop_nest
from asicbnn.mapping.dataflow import DATAFLOWS
from asicbnn.mapping.layout import layout
from asicbnn.mapping.loop_nest import LoopNest
from asicbnn.model.activities import activity_flags, measured_rates, read_activities
from asicbnn.model.arguments import accelerator_of, check_choice, check_counts, workload_of
from asicbnn.model.assumptions import assumptions
from asicbnn.model.beside import Beside, beside_the_run
from asicbnn.model.conservation import Written, consumers, dead_and_written, written
from asicbnn.model.costs import Costs, costs, technology_of
from asicbnn.model.cycles import Machine, count_nest
from asicbnn.model.energy import Rate, energy_counts, parts_fj, terms_fj
from asicbnn.model.extras import extra_costs
from asicbnn.model.figures import figures
from asicbnn.model.gating import with_clocks
from asicbnn.model.layer_search import Objective as Searched
from asicbnn.model.level_flags import shortfalls
from asicbnn.model.mappings import MappingSource, Request, explicit_mappings, mappings
from asicbnn.model.network import HostTraffic, host_traffic, totals, with_host
from asicbnn.model.plausibility import beyond_belief
from asicbnn.model.power_up import power_up
from asicbnn.model.splits import splits
from asicbnn.model.uncertainty import Bands
from asicbnn.result import LayerResult, Result
from asicbnn.spec.accelerator import Accelerator
from asicbnn.spec.activity_file import ActivityFile
from asicbnn.spec.lowering import Lowered, lower
from asicbnn.spec.workload import Workload
from asicbnn.technology.library import Technology

Objective = Literal["energy", "latency", "edp"]
_SEARCHED: Mapping[str, Searched] = {"energy": "energy", "latency": "cycles", "edp": "edp"}


def estimate(
    accelerator: Accelerator | Path | str,
    workload: Workload | Path | str,
    *,
    dataflow: str | None = None,
    mapping: MappingSource | None = None,
    batch: int = 1,
    objective: Objective = "energy",
    exhaustive: bool = False,
    technology: Technology | Path | str | None = None,
    activity: Path | str | None = None,
    level: ResultLevel | None = None,
) -> Result:
    """Estimate a network on an accelerator: cycles, accesses, energy, power and area.

    accelerator, workload  specs, or paths of their files
    dataflow    a named one or `best`; None takes the accelerator's
    mapping     explicit loop nests by layer name: a mapping file, its path, or a dict like it
    batch       images in one run
    objective   what `best` makes small: energy, latency or their product (edp)
    exhaustive  `best` looks at every legal tile, not only the smallest per number of cuts
    technology  a technology, its name or path; None takes the accelerator's
    activity    file of activities that `simulate --save-activity` wrote, in place of assumed ones
    level       cell, gate (calibrated on gates) or routed (with floorplan, wires, clock tree); None
                takes the best the technology has

    Raises MappingError naming the layer that does not fit, by how much, and the cure;
    NothingCoveredError, with the list of layers, if none of them can be executed; ModelError for a
    level the technology has no figures for.
    """
    machine, network = accelerator_of(accelerator), workload_of(workload)
    check_counts(batch=batch)
    check_choice("objective", objective, _SEARCHED)
    if level is not None:
        check_choice("level", level, RESULT_LEVELS)
    if dataflow is not None and dataflow != machine.dataflow:
        check_choice("dataflow", dataflow, (*DATAFLOWS, "best"))
        machine = with_dataflow(machine, dataflow)  # a fixed sequencer is built for it
    measured = None if activity is None else read_activities(activity, machine, network)
    lowered = lower(network, batch)
    if not lowered.layers:
        raise _nothing_covered(network.name, lowered)
    named = None
    if mapping is not None:
        named = explicit_mappings(mapping, machine, lowered.layers, machine.dataflow)
    priced = technology_of(machine, technology)
    reached = reachable(level, priced)
    request = Request(machine.dataflow, _SEARCHED[objective], exhaustive, named, reached)
    n_cfg = configuration_words(machine)
    chosen = mappings(machine, priced, lowered.layers, request, n_cfg)
    return Run(
        machine, priced, network.name, lowered, batch, chosen, n_cfg, exhaustive, measured, reached
    ).result()


def reachable(asked: ResultLevel | None, technology: Technology) -> ResultLevel:
    """Return the level of an estimate: the one asked for, or the best the technology has.

    Raises ModelError for one that it has no figures for.
    """
    if asked == "gate" and technology.best_level != "gate":
        raise ModelError(
            f"level: {technology.name} has no figures at level gate: it was never calibrated; run "
            "asicbnn calibrate with its Liberty files, leave the level out or ask for cell"
        )
    return asked or technology.best_level


def _nothing_covered(name: str, lowered: Lowered) -> NothingCoveredError:
    weights = sum(layer.weights for layer in lowered.not_covered)
    return NothingCoveredError(
        f"{name}: no layer can be executed: 0 of {lowered.not_covered_macs:,} MACs and 0 of "
        f"{weights:,} weights are covered; {lowered.reason}",
        lowered.not_covered,
    )


def with_dataflow(accelerator: Accelerator, dataflow: str) -> Accelerator:
    """Return the accelerator with another dataflow, checked like a file."""
    from asicbnn.spec.accelerator import with_changes

    return with_changes(accelerator, {"dataflow": dataflow})


@dataclass(frozen=True)
class Run:
    """A network under chosen mappings, ready to be costed."""

    accelerator: Accelerator
    technology: Technology
    workload: str
    lowered: Lowered
    batch: int
    mappings: Sequence[loop_nest.Mapping]
    n_cfg: int
    exhaustive: bool
    activity: ActivityFile | None = None
    level: ResultLevel = "cell"

    @property
    def layers(self) -> tuple[Layer, ...]:
        return self.lowered.layers

    def result(self) -> Result:
        """Return every metric of the run."""
        cost = costs(self.accelerator, self.technology, self.level)
        machine, lay = Machine.of(self.accelerator, self.n_cfg), layout(self.accelerator)
        nests = [
            LoopNest(layer, lay, m) for layer, m in zip(self.layers, self.mappings, strict=True)
        ]
        inner = [count_nest(machine, nest) for nest in nests]
        traffic = host_traffic(self.accelerator, self.layers, self.n_cfg)
        counts = [
            with_clocks(self.accelerator, layer, with_host(c, host), self.n_cfg)
            for layer, c, host in zip(self.layers, inner, traffic, strict=True)
        ]
        events = [
            energy_counts(self.accelerator, layer, c, self.n_cfg)
            for layer, c in zip(self.layers, counts, strict=True)
        ]
        table = self._rates(cost, events)
        terms = [
            terms_fj(table[layer.stride], each)
            for layer, each in zip(self.layers, events, strict=True)
        ]
        summed = totals(terms)
        bands = self._bands(cost, table)
        *errors, whole_errors = bands.errors([*terms, summed])
        layers = tuple(
            LayerResult(layer.name, self._metrics(c, parts_fj(t), cost, is_whole=False), e)
            for layer, c, t, e in zip(self.layers, counts, terms, errors, strict=True)
        )
        whole = self._metrics(totals(counts), parts_fj(summed), cost, is_whole=True)
        beside = self._beside(cost, totals(counts), parts_fj(summed), whole)
        levels = bands.levels(summed)
        return Result(
            accelerator=self.accelerator.name,
            workload=self.workload,
            technology=self.technology.name,
            version=__version__,
            totals={**whole, **beside.metrics},
            layers=layers,
            not_covered=self.lowered.not_covered,
            flags=tuple(
                dict.fromkeys((*self._flags(cost, whole, levels, totals(events)), *beside.flags))
            ),
            breakdowns={
                **splits(self.accelerator, self.lowered, inner, counts, cost, summed),
                **beside.breakdowns,
                **dead_and_written(self._written(nests, inner, traffic)),
                "energy_errors_fj": bands.energy.by_origin_fj(summed),
                **bands.energy.by_part_and_origin_fj(summed),
            },
            level=self.level,
            levels={**levels, **beside.levels(levels)},
            errors={**whole_errors, **beside.errors(whole_errors)},
        )

    def _beside(
        self,
        cost: Costs,
        counts: Mapping[str, int],
        parts: Mapping[str, float],
        whole: Mapping[str, float],
    ) -> Beside:
        load = power_up(self.accelerator, cost, self.layers, self.n_cfg)
        extras = extra_costs(self.accelerator, self.technology, cost, counts, parts)
        images = self.accelerator.power_up.amortise_images
        return beside_the_run(load, extras, whole, batch=self.batch, amortise_images=images)

    def _written(
        self,
        nests: Sequence[LoopNest],
        inner: Sequence[Mapping[str, int]],
        traffic: Sequence[HostTraffic],
    ) -> list[tuple[Written, ...]]:
        readers = consumers(self.layers, is_chain=self.lowered.is_executable)
        return [
            written(nest, counted, host, self.n_cfg, reader)
            for nest, counted, host, reader in zip(nests, inner, traffic, readers, strict=True)
        ]

    def _bands(self, cost: Costs, table: Mapping[int, tuple[Rate, ...]]) -> Bands:
        if self.activity is None:
            return cost.bands
        return cost.bands.at_rates(next(iter(table.values())))

    def _rates(
        self, cost: Costs, events: Sequence[Mapping[str, float]]
    ) -> Mapping[int, tuple[Rate, ...]]:
        if self.activity is None:
            return cost.rates_of
        given, whole = self.activity.activities.given(), totals(events)
        return {
            stride: measured_rates(table, self.accelerator, given, whole)
            for stride, table in cost.rates_of.items()
        }

    def _metrics(
        self, counts: Mapping[str, int], parts: Mapping[str, float], cost: Costs, *, is_whole: bool
    ) -> dict[str, float]:
        return figures(self.accelerator, cost, counts, parts, self.batch, is_whole=is_whole)

    def _flags(
        self,
        cost: Costs,
        whole: Mapping[str, float],
        levels: Mapping[str, Level],
        events: Mapping[str, float],
    ) -> Iterator[str]:
        if self.lowered.not_covered:
            left, macs = self.lowered.not_covered, self.lowered.not_covered_macs
            yield (
                f"{len(left)} layers are not covered: {macs:,} MACs and "
                f"{sum(layer.weights for layer in left):,} weights are in no total"
            )
        elif not self.lowered.is_executable:
            yield f"the network does not run in one go: {self.lowered.reason}"
        yield from beyond_belief(whole)
        yield from shortfalls(levels, self.level, self.technology.name)
        if self.accelerator.dataflow == "best":
            tiles = "every legal" if self.exhaustive else "for each number of cuts the smallest"
            yield f"best is the best over all loop orders and {tiles} tile"
        yield from self.lowered.remarks
        yield from self._cost_flags(cost, events)

    def _cost_flags(self, cost: Costs, events: Mapping[str, float]) -> Iterator[str]:
        if self.activity is None:
            yield from cost.flags
            return
        yield from activity_flags(self.activity, layout(self.accelerator), events)
        assumed = set(assumptions().flags())
        yield from (flag for flag in cost.flags if flag not in assumed)
        yield from assumptions().flags(self.activity.activities.given())


__all__ = ["Objective", "Run", "estimate", "with_dataflow"]
