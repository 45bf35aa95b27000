"""Predicts the published figures of chips by the ordinary estimate, and sets both side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asicbnn import __version__
from asicbnn.errors import MappingError, ModelError, Problem, SpecError
from asicbnn.model.replay import replay
from asicbnn.spec.accelerator import Accelerator, read_accelerator
from asicbnn.spec.workload import Workload, read_workload
from asicbnn.validate.comparison import Row, rows_of, unpredicted
from asicbnn.validate.facts import Chip, chip_names, load_chip
from asicbnn.validate.machine import Machine
from asicbnn.validate.predictions import predict

if TYPE_CHECKING:
    import pandas as pd

SPECS, NETWORKS, WORKLOADS = "arch_specs/published", "arch_specs/published/networks", "workloads"
"""Where the machines and networks of chips lie, from the project's folder."""

_FJ_PER_UJ = 1e9

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Replayed:
    """A chip's energy worked out again from its own unit energies [uJ]: it validates nothing."""

    chip: str
    technology: str
    energy_uj: float
    published_uj: float

    @property
    def factor(self) -> float:
        """Replayed over published."""
        return self.energy_uj / self.published_uj


@dataclass(frozen=True)
class Validated:
    """A chip with its machine, its rows, and its replay if it has one."""

    chip: Chip
    accelerator: Accelerator
    rows: tuple[Row, ...]
    replayed: Replayed | None = None


@dataclass(frozen=True, repr=False)
class Validation:
    """Predicted against published, chip by chip."""

    chips: tuple[Validated, ...]

    def __repr__(self) -> str:
        counted = ", ".join(f"{n} {verdict}" for verdict, n in self.verdicts.items())
        return f"Validation({len(self.chips)} chips: {counted})"

    @property
    def rows(self) -> tuple[Row, ...]:
        """Every row, in the order of the chips and of their files."""
        return tuple(row for each in self.chips for row in each.rows)

    @property
    def replays(self) -> tuple[Replayed, ...]:
        """Replays of chips whose unit energies were published."""
        return tuple(each.replayed for each in self.chips if each.replayed)

    @property
    def verdicts(self) -> dict[str, int]:
        """Verdict -> number of rows."""
        return dict(Counter(row.verdict for row in self.rows))

    @property
    def is_equal(self) -> bool:
        """True if every exact count is as published."""
        return not any(row.verdict == "differs" for row in self.rows)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Predictions that are hard to believe."""
        return tuple(dict.fromkeys(row.warning for row in self.rows if row.warning))

    def to_frame(self) -> pd.DataFrame:
        """One row per figure and layer."""
        import pandas as pd

        return pd.DataFrame([row.to_json() for row in self.rows]).drop(columns="notes")

    def to_json(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        return {
            "schema": "asicbnn.validate/1",
            "version": __version__,
            "chips": [
                {
                    "name": each.chip.name,
                    "title": each.chip.title,
                    "accelerator": each.accelerator.name,
                    "technology": each.accelerator.technology,
                    "known": list(each.chip.known()),
                    "assumed": list(each.chip.assumed()),
                    "lacks": list(each.chip.lacks),
                    "figures": [row.to_json() for row in each.rows],
                }
                for each in self.chips
            ],
            "replays": [{**asdict(replay), "factor": replay.factor} for replay in self.replays],
            "verdicts": self.verdicts,
            "warnings": list(self.warnings),
            "problems": [],
        }


def validate(
    chips: Sequence[str | Path] = (),
    *,
    project: Path | str = ".",
    progress: Progress | None = None,
) -> Validation:
    """Set what the models predict of published chips beside what was published.

    chips     names, or paths of files of the same form; none means every chip the program knows
    project   the folder that holds arch_specs and workloads
    progress  called with (chips done, chips in all)

    Raises SpecError for a chip that is not known, and for a file that is missing or wrong.
    """
    root = Path(project)
    if not (root / SPECS).is_dir():
        raise SpecError(Problem(
            f"{root / SPECS}: no such folder", help="name the project's folder with --project"
        ))  # fmt: skip
    loaded = [load_chip(name) for name in dict.fromkeys(chips or chip_names())]
    done = []
    for index, chip in enumerate(loaded, 1):
        done.append(_validated(chip, root))
        if progress is not None:
            progress(index, len(loaded))
    return Validation(tuple(done))


def _validated(chip: Chip, root: Path) -> Validated:
    accelerator = read_accelerator(root / SPECS / f"{chip.accelerator}.yaml")
    networks = {name: _network(root, name) for name in _networks(chip)}
    machine = Machine(accelerator, networks).reported_as(chip.kind)
    return Validated(chip, accelerator, tuple(_rows(chip, machine)), _replayed(chip, machine))


def _replayed(chip: Chip, machine: Machine) -> Replayed | None:
    if chip.replay is None:
        return None
    asked = chip.replay
    network = machine.workloads[chip.workload]
    found = replay(machine.accelerator, network, asked.technology, cycles=asked.cycles)
    return Replayed(chip.name, asked.technology, found.energy_fj / _FJ_PER_UJ, asked.energy_uj)


def _networks(chip: Chip) -> Iterator[str]:
    named = [chip.workload]
    for figure in chip.figures:
        named += [name for name in (figure.workload, figure.peak) if name]
    yield from dict.fromkeys(named)


def _network(root: Path, name: str) -> Workload:
    own = root / NETWORKS / f"{name}.yaml"
    return read_workload(own if own.exists() else root / WORKLOADS / f"{name}.yaml")


def _rows(chip: Chip, machine: Machine) -> Iterator[Row]:
    for figure in chip.figures:
        if figure.beyond:
            yield from unpredicted(chip, figure, figure.beyond)
            continue
        try:
            predictions = predict(machine, figure, chip.workload)
        except (MappingError, ModelError) as refused:
            yield from unpredicted(chip, figure, str(refused))
        else:
            yield from rows_of(chip, figure, predictions)


__all__ = ["NETWORKS", "SPECS", "WORKLOADS", "Validated", "Validation", "validate"]
