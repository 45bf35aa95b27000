"""`asicbnn verify ACCELERATOR WORKLOAD`: model and hardware of one network, in one table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from asicbnn import __version__
from asicbnn.model.arguments import accelerator_of, check_counts, workload_of
from asicbnn.model.mappings import MappingSource
from asicbnn.simulate import prepare
from asicbnn.simulation.execution import CYCLE_LIMIT, Executor
from asicbnn.simulation.parallel import in_order, jobs_for
from asicbnn.spec.accelerator import Accelerator
from asicbnn.spec.workload import Workload
from asicbnn.verify.agreement import Row, Subject

if TYPE_CHECKING:
    import pandas as pd

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Verification:
    """Model against hardware for every layer, over all images.

    compared  rows of the first batch, and of any later batch whose counts or bits differed
    is_apart  every layer ran on its own
    """

    accelerator: str
    workload: str
    technology: str
    images: int
    compared: tuple[Row, ...]
    note: str
    is_apart: bool = False

    @property
    def rows(self) -> list[tuple[str, str, int | str, int | str]]:
        """(layer, quantity, model, hardware) as printed."""
        return [(row.layer, row.quantity, row.model, _shown(row)) for row in self.compared]

    @property
    def differences(self) -> tuple[Row, ...]:
        return tuple(row for row in self.compared if not row.agrees)

    @property
    def agrees(self) -> bool:
        return not self.differences

    @property
    def verdict(self) -> str:
        layers = len({row.layer for row in self.compared})
        alone = ", each on its own" if self.is_apart else ""
        what = f"{layers} layers{alone}, {self.images} images"
        if self.agrees:
            return f"no difference in cycles, accesses and bits: {what}"
        return f"{len(self.differences)} differences: {what}"

    def to_frame(self) -> pd.DataFrame:
        """One row per compared quantity: layer, quantity, model, hardware, difference."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "layer": row.layer,
                    "quantity": row.quantity,
                    "model": row.model,
                    "hardware": row.hardware,
                    "difference": row.hardware - row.model,
                    "differing_bits": row.differing,
                }
                for row in self.compared
            ]
        )

    def to_json(self) -> dict[str, Any]:
        """Return the object of `--json`: per layer, the hardware's counts."""
        layers: dict[str, dict[str, Any]] = {}
        for row in self.compared:
            layer = layers.setdefault(row.layer, {"name": row.layer})
            if "_" in row.quantity or row.quantity == "cycles":
                layer.setdefault(row.quantity, row.hardware)
        return {
            "schema": "asicbnn.verify/1",
            "accelerator": self.accelerator,
            "workload": self.workload,
            "technology": self.technology,
            "version": __version__,
            "totals": {"cycles": sum(layer["cycles"] for layer in layers.values())},
            "layers": list(layers.values()),
            "problems": [
                {
                    "message": f"{row.layer}: {row.quantity}: model {row.model}, "
                    f"hardware {row.hardware}, {row.differing} bits differ"
                }
                for row in self.differences
            ],
            "images": self.images,
        }


def _shown(row: Row) -> int | str:
    if row.differing:
        return f"{row.hardware:,} ({row.differing:,} differ)"
    return row.hardware


def _rows(subject: Subject, executor: Executor, images: NDArray[np.integer[Any]]) -> list[Row]:
    """Compare one batch in a thread; the numpy reference runs there too."""
    return subject.rows(images, executor)


def verify(
    accelerator: Accelerator | Path | str,
    workload: Workload | Path | str,
    *,
    images: int = 1,
    batch: int = 1,
    mapping: MappingSource | None = None,
    dataflow: str | None = None,
    seed: int = 0,
    backend: str = "auto",
    jobs: int | None = None,
    cycle_limit: int = CYCLE_LIMIT,
    progress: Progress | None = None,
) -> Verification:
    """Run the network on the hardware and compare everything with the model and the reference.

    Arguments as in `simulate`. Cycles and accesses are compared with the model's counts, bits
    with the integer reference, all with equality.
    """
    if jobs is not None:
        check_counts(jobs=jobs)
    machine, network = accelerator_of(accelerator), workload_of(workload)
    check_counts(cycle_limit=cycle_limit)
    setup = prepare(
        machine, network, images=images, batch=batch, mapping=mapping, dataflow=dataflow,
        seed=seed, backend=backend,
    )  # fmt: skip
    compared: list[Row] = []
    done = 0
    for group in setup.groups:
        subject = Subject(
            setup.machine, setup.backend, group.layers, setup.parameters, group.mappings,
            group.program, cycle_limit,
        )  # fmt: skip
        count = jobs_for(setup.backend, len(group), jobs)
        for rows in in_order(subject.executor, group, partial(_rows, subject), count):
            compared += rows if done == 0 else [row for row in rows if not row.agrees]
            done += group.layers[0].batch
            if progress:
                progress(done, images)
    return Verification(
        machine.name, network.name, machine.technology, done, tuple(compared), setup.note
    )
