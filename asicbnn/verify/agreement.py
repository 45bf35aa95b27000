"""One network on one accelerator, counted by the model and executed by the hardware.

The two sides share the spec, the loop nest and the layout, nothing else. Everything is compared
with equality.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asicbnn.bnn.layer import Layer
from asicbnn.bnn.reference import LayerOutput, Parameters, run_network
from asicbnn.hardware.accelerator import Machine
from asicbnn.hardware.gating import CLOCKS
from asicbnn.mapping.loop_nest import Mapping
from asicbnn.model.network import count_network
from asicbnn.simulation.backends import Backend
from asicbnn.simulation.execution import CYCLE_LIMIT, Executor, LayerRun
from asicbnn.simulation.program import Program, build_program

COMPARED = (
    "cycles",
    "configuration_cycles",
    "prologue_cycles",
    "compute_cycles",
    "l0_stall_cycles",
    "output_stall_cycles",
    "dma_stall_cycles",
    "swap_cycles",
    "drain_cycles",
    "io_cycles",
    "weight_buffer_reads",
    "weight_buffer_writes",
    "input_buffer_reads",
    "input_buffer_writes",
    "psum_buffer_reads",
    "psum_buffer_writes",
    "threshold_buffer_reads",
    "threshold_buffer_writes",
    "pool_buffer_reads",
    "pool_buffer_writes",
    "store_weight_reads",
    "store_weight_writes",
    "store_activation_reads",
    "store_activation_writes",
    "host_words_in",
    "host_words_out",
)
GATED = ("gated_clocks", *CLOCKS)
"""What is compared besides on an accelerator with clock gates."""
OUTPUTS = "output bits"
"""What the model's side of this row is the numpy reference; both sides count ones or classes."""


@dataclass(frozen=True)
class Row:
    """One compared quantity of one layer; `model` of output bits is the numpy reference."""

    layer: str
    quantity: str
    model: int
    hardware: int
    differing: int

    @property
    def agrees(self) -> bool:
        return self.model == self.hardware and self.differing == 0


class Subject:
    """A network prepared on an accelerator: model counted once, hardware run per image batch.

    program      the network compiled already, if it is
    cycle_limit  cycles a layer may take before it counts as hanging
    """

    def __init__(
        self,
        machine: Machine,
        backend: Backend,
        layers: Sequence[Layer],
        parameters: Sequence[Parameters],
        mappings: Sequence[Mapping],
        program: Program | None = None,
        cycle_limit: int = CYCLE_LIMIT,
    ) -> None:
        self.layers, self.parameters = tuple(layers), tuple(parameters)
        self.counted = count_network(machine.accelerator, layers, mappings)
        if program is None:
            program = build_program(machine.accelerator, layers, parameters, mappings)
        self.executor = Executor(machine, backend, program, cycle_limit)
        is_gated = machine.accelerator.clock_gating != "none"
        self.compared = (*COMPARED, *(GATED if is_gated else ()))

    def rows(self, images: NDArray[np.integer[Any]], executor: Executor | None = None) -> list[Row]:
        """Run one batch of images [B, IY, IX, C] and compare layer by layer.

        executor  one of the same program, where several threads verify at once
        """
        expected = run_network(self.layers, self.parameters, images)
        runs = (executor or self.executor).run(images)
        rows: list[Row] = []
        for counts, run, output in zip(self.counted, runs, expected, strict=True):
            rows += self._layer_rows(counts, run, output)
        return rows

    def _layer_rows(
        self, counts: dict[str, int], run: LayerRun, output: LayerOutput
    ) -> Iterator[Row]:
        for name in self.compared:
            yield Row(run.name, name, counts[name], run.counts[name], 0)
        yield output_row(run, output)


def output_row(run: LayerRun, output: LayerOutput) -> Row:
    """Ones of a stored map, or the sum of the classes, and how many of them differ."""
    if output.bits is not None:
        assert run.bits is not None
        wrong = int(np.count_nonzero(run.bits != output.bits))
        return Row(run.name, OUTPUTS, int(output.bits.sum()), int(run.bits.sum()), wrong)
    assert output.classes is not None
    assert run.classes is not None
    wrong = int(np.count_nonzero(run.classes != output.classes))
    return Row(run.name, "classes", int(output.classes.sum()), int(run.classes.sum()), wrong)
