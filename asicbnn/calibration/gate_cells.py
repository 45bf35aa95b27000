"""The cells of a Liberty library as the timed simulation needs them, each worked out once."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from asicbnn.calibration.cell_tables import Gate, gates_of
from asicbnn.calibration.sequential_cells import ClockGate, Flop, sequential
from asicbnn.errors import EnvironmentProblem
from asicbnn.technology.liberty.library import LibertyCell, Library

_TURNS = 20
_FAN_OUT = 4


class GateCells:
    """Looks cells up by name; an unknown one is an EnvironmentProblem."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self._gates: dict[str, tuple[Gate, ...]] = {}
        self._sequential: dict[str, Flop | ClockGate | None] = {}

    def cell(self, name: str) -> LibertyCell:
        if name not in self.library.cells:
            raise EnvironmentProblem(f"library {self.library.name} has no cell {name}")
        return self.library.cells[name]

    def gates(self, name: str) -> tuple[Gate, ...]:
        """Outputs of a combinational cell or latch; none of a flip-flop or clock gate."""
        if name not in self._gates:
            is_gate = self.sequential(name) is None
            self._gates[name] = gates_of(self.cell(name)) if is_gate else ()
        return self._gates[name]

    def sequential(self, name: str) -> Flop | ClockGate | None:
        if name not in self._sequential:
            self._sequential[name] = sequential(self.cell(name))
        return self._sequential[name]

    @cached_property
    def fo4_slew_ps(self) -> float:
        """Slew of an inverter that drives four of itself and is driven by one like it.

        The inverter is the smallest of those a tool may use. Raises EnvironmentProblem where there
        is none.
        """
        inverters = [
            self.gates(cell.name)[0]
            for cell in self.library.cells.values()
            if not cell.drawbacks and self._is_inverter(cell)
        ]
        if not inverters:
            raise EnvironmentProblem(f"library {self.library.name} has no inverter")
        gate = min(inverters, key=lambda x: (x.cell.area_um2, x.cell.name))
        load = np.array([_FAN_OUT * gate.cell.pins[gate.inputs[0]].capacitance_ff])
        slews = np.ones((1, 1, 2))
        for _ in range(_TURNS):
            slews = gate.slews_ps(slews, load).reshape(1, 1, 2)
        return float(slews.mean())

    def _is_inverter(self, cell: LibertyCell) -> bool:
        """Say whether a cell has one input and one output, its inverse."""
        is_small = len(list(cell.inputs())) == len(list(cell.outputs())) == 1
        if not is_small or cell.storages or not self.gates(cell.name):
            return False
        return list(self.gates(cell.name)[0].values) == [True, False]
