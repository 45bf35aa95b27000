"""Activity: what toggles while a network runs on the hardware, as energy, beside the model's.

Cells are priced as the model prices them, and the model's side is worked out from the events the
hardware counted, so that the two columns differ in activity alone. Equations:
docs/models/activity.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asicbnn.activity.events import events_of, groups_of, prices_of
from asicbnn.errors import SpecError
from asicbnn.hardware.switching import Switching, switching
from asicbnn.mapping.layout import Layout, layout
from asicbnn.model.activities import TERMS, assumed_activities, hardware_digest
from asicbnn.model.area import PART_OF_COMPONENT
from asicbnn.model.arguments import accelerator_of, check_counts, workload_of
from asicbnn.model.costs import Costs, costs, technology_of
from asicbnn.model.energy import terms_fj
from asicbnn.model.mappings import MappingSource
from asicbnn.model.network import totals
from asicbnn.result import PARTS
from asicbnn.simulate import Progress, Setup, Simulation, execute, prepare
from asicbnn.simulation.backends.selection import BACKENDS
from asicbnn.simulation.backends.word_level.sampling import Sampling
from asicbnn.simulation.backends.word_level.toggling import Toggles, TogglingBackend
from asicbnn.simulation.execution import CYCLE_LIMIT
from asicbnn.spec.accelerator import Accelerator
from asicbnn.spec.activity_file import Activities, ActivityFile
from asicbnn.spec.workload import Workload
from asicbnn.technology.cells import Cells
from asicbnn.technology.library import Technology

WINDOW_CYCLES = 65
"""Cycles counted in a row: one to compare the others with, and four batches of the tally."""
SAMPLE = 40
"""One window in so many, unless told otherwise: a whole network at little more than its cost."""
NO_GLITCHES = (
    "toggles are counted without delays: glitches, which make an adder tree switch up to twice as "
    "often, are in the model's popcount and not in the measured one"
)
ACCESSES_AND_CLOCK = (
    "memories go by accesses, which the hardware counts, at the model's price; the clock by the "
    "flops of the simulated netlist, those behind clock gates by the edges that are counted"
)


@dataclass(frozen=True)
class Row:
    """One group of cells.

    name         of an activity, with blanks, or of what the model does not price
    transitions  of all its outputs in the run, scaled to all cycles
    outputs      how many there are
    measured     activity [transitions per output and event], None without a counterpart
    assumed      what the model takes it for
    energy_fj    measured transitions times cell energies
    model_fj     the model's energy for the same events, None if it has none
    """

    name: str
    transitions: float
    outputs: int
    measured: float | None
    assumed: float | None
    energy_fj: float
    model_fj: float | None

    @property
    def ratio(self) -> float | None:
        """Measured energy over the model's."""
        return self.energy_fj / self.model_fj if self.model_fj else None


@dataclass(frozen=True, eq=False)
class Activity:
    """What a run's toggles say.

    rows    one per group of cells, then the clock and the memories
    levels  the popcount's adders by level: how many adders lie before each
    file    the measured activities, to be written and read back by the model
    """

    simulation: Simulation
    rows: tuple[Row, ...]
    levels: tuple[Row, ...]
    file: ActivityFile
    flags: tuple[str, ...]

    @property
    def cycles(self) -> int:
        return self.file.cycles

    def to_json(self) -> dict[str, Any]:
        """Return the object of `--json`: the simulation's, and `activity`."""
        return {
            **self.simulation.to_json(),
            "activity": {
                **self.file.model_dump(exclude_none=True),
                "rows": [_as_object(row) for row in self.rows],
                "popcount_levels": [_as_object(row) for row in self.levels],
                "flags": list(self.flags),
            },
        }


def _as_object(row: Row) -> dict[str, Any]:
    return {**vars(row), "ratio": row.ratio}


def measure(
    accelerator: Accelerator | Path | str,
    workload: Workload | Path | str,
    *,
    images: int = 1,
    batch: int = 1,
    mapping: MappingSource | None = None,
    dataflow: str | None = None,
    seed: int = 0,
    sample: int = SAMPLE,
    backend: str = "auto",
    progress: Progress | None = None,
    cycle_limit: int = CYCLE_LIMIT,
) -> Activity:
    """Run a network on the hardware and count what toggles.

    sample  count one window of WINDOW_CYCLES cycles in so many; 1 counts every cycle

    The other arguments are those of `simulate`. Raises EnvironmentProblem without a C compiler.
    """
    machine, network = accelerator_of(accelerator), workload_of(workload)
    check_counts(sample=sample, cycle_limit=cycle_limit)
    if backend in BACKENDS and backend != TogglingBackend.name:
        raise SpecError(f"back end {backend} counts no toggles; leave it at auto or compiled")
    setup = prepare(
        machine, network, images=images, batch=batch, mapping=mapping, dataflow=dataflow,
        seed=seed, backend=backend, sampling=Sampling(WINDOW_CYCLES, sample * WINDOW_CYCLES),
    )  # fmt: skip
    costs(machine, technology_of(machine))  # what has no price is refused before it runs
    assert isinstance(setup.backend, TogglingBackend)
    simulation = execute(
        machine, network, setup, jobs=1, cycle_limit=cycle_limit, progress=progress
    )
    toggles = setup.backend.toggles()
    if not toggles.counted:
        raise SpecError(
            f"the run of {toggles.cycles:,} cycles met no window of 1 in {sample}; "
            f"use --sample 1, which counts every cycle"
        )
    return _Comparison(machine, network.name, setup, simulation, toggles).activity()


@dataclass(frozen=True, eq=False)
class _Comparison:
    """Everything both columns are worked out from."""

    accelerator: Accelerator
    workload: str
    setup: Setup
    simulation: Simulation
    toggles: Toggles

    def activity(self) -> Activity:
        technology = technology_of(self.accelerator)
        cost = costs(self.accelerator, technology)
        lay, counts = layout(self.accelerator), self._counts()
        energies = self._model_fj(cost)
        prices = prices_of(technology, self.accelerator, lay)
        groups = groups_of(self.setup.machine)
        events = events_of(self.accelerator, lay, counts, groups)
        assumed = assumed_activities(lay, self._events())
        rows: list[Row] = []
        measured: dict[str, float] = {}
        for name, cells in groups.items():
            found = self._transitions(cells)
            keys = _KEYS.get(name, (name,) if name in TERMS else ())
            expected = sum(assumed[key] * events[key] for key in keys)
            happened = sum(events[key] for key in keys)
            if happened:
                measured |= {key: assumed[key] * found / expected for key in keys}
            rows.append(Row(
                name.replace("_", " "), found, sum(x.outputs for x in cells),
                found / happened if happened else None,
                expected / happened if happened else None,
                sum(self._transitions([x]) * prices(name, x) for x in cells),
                sum(energies.pop(term) for key in keys for term in TERMS[key]) if keys else None,
            ))  # fmt: skip
        rows.append(self._clock(technology, cost, energies))
        rows += self._memories(energies)
        return Activity(
            self.simulation, tuple(rows), self._levels(groups["popcount"], prices, counts, lay),
            self._file(measured), self._flags(),
        )  # fmt: skip

    def _transitions(self, cells: Iterable[Switching]) -> float:
        scale = self.toggles.cycles / self.toggles.counted
        return scale * sum(x.transitions(self.toggles.wires) for x in cells)

    def _counts(self) -> dict[str, int]:
        """Events of the whole run, as the hardware counted them, and those no mapping changes."""
        return totals(layer.counts for layer in self.simulation.counted)

    def _events(self) -> dict[str, float]:
        """All that energy goes by, of the whole run."""
        return totals(layer.events for layer in self.simulation.counted)

    def _model_fj(self, cost: Costs) -> dict[tuple[str, str], float]:
        """The model's energy by (part, term), for the events the hardware counted."""
        total: dict[tuple[str, str], float] = {}
        for layer in self.simulation.counted:
            for term, energy in terms_fj(cost.rates_of[layer.stride], layer.events).items():
                total[term] = total.get(term, 0.0) + energy
        return total

    def _clock(
        self, technology: Technology, cost: Costs, energies: Mapping[tuple[str, str], float]
    ) -> Row:
        """Flops of the netlist in every cycle; those behind gates by the edges that were counted.

        What clock gates themselves take, and the tree, is the model's on both sides.
        """
        machine = self.setup.machine
        flops = sum(
            x.cells
            for (component, _), nets in machine.parts.items()
            if component in PART_OF_COMPONENT
            for x in switching(nets)
            if x.role == "flop"
        )
        free = flops - sum(group.sinks for group in machine.gated)
        gates = cost.area.always_clocked.clock_gate
        always = technology.clock_pin_energy_fj_per_cycle(Cells(flop=free, clock_gate=gates))
        behind = sum(fj for (part, term), fj in energies.items() if part == "clock" != term)
        received = self._counts()["gated_clocks"]
        edges = 2.0 * (free * self.toggles.cycles + received)
        modelled = sum(fj for (part, _), fj in energies.items() if part == "clock")
        energy = always * self.toggles.cycles + behind
        return Row("clock", edges, flops, None, None, energy, modelled)

    def _memories(self, energies: Mapping[tuple[str, str], float]) -> list[Row]:
        """Return memories, whose energy goes by accesses: both sides take those counted."""
        rows = []
        for part, about in PARTS.items():
            of_part = [fj for (name, _), fj in energies.items() if name == part]
            if about.kind == "memory" and of_part:
                total = sum(of_part)
                rows.append(Row(part.replace("_", " "), 0.0, 0, None, None, total, total))
        return rows

    def _levels(
        self, cells: Iterable[Switching], prices: Callable[[str, Switching], float],
        counts: Mapping[str, int], lay: Layout,
    ) -> tuple[Row, ...]:  # fmt: skip
        by_level: dict[int, list[Switching]] = {}
        for x in cells:
            by_level.setdefault(x.level, []).append(x)
        rows = []
        for level, some in sorted(by_level.items()):
            found, outputs = self._transitions(some), sum(x.outputs for x in some)
            steps = counts["active_lane_steps"] / (lay.pes * lay.lanes)
            energy = sum(self._transitions([x]) * prices("popcount", x) for x in some)
            activity = found / (outputs * steps)
            rows.append(Row(f"level {level}", found, outputs, activity, None, energy, None))
        return tuple(rows)

    def _file(self, measured: Mapping[str, float]) -> ActivityFile:
        return ActivityFile(
            accelerator=self.accelerator.name,
            hardware=hardware_digest(self.accelerator),
            workload=self.workload,
            images=self.simulation.images,
            cycles=self.toggles.cycles,
            counted_cycles=self.toggles.counted,
            activities=Activities(**{key: float(f"{x:.6g}") for key, x in measured.items()}),
        )

    def _flags(self) -> tuple[str, ...]:
        share = self.toggles.counted / self.toggles.cycles
        return (
            f"{self.toggles.counted:,} of {self.toggles.cycles:,} cycles are counted ({share:.1%})",
            NO_GLITCHES,
            ACCESSES_AND_CLOCK,
        )


_KEYS = {
    "operand_loads": ("operand_loads", "operand_fills"),
    "dma": ("dma_weights", "dma_addresses", "dma_inputs", "dma_host"),
    "controller": ("configuration", "host_port"),
    "output": ("output", "finished_words"),
}
"""Groups that stand beside assumptions of other names: those of one group are scaled alike."""


__all__ = ["NO_GLITCHES", "SAMPLE", "WINDOW_CYCLES", "Activity", "Row", "measure"]
