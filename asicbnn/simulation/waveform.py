"""A window of a run as a waveform, cycle by cycle, with the names of the spec.

The fast back end runs to the window, then PyRTL's own simulator goes on from its state: what is
written does not depend on the code generator. Only signals inside the window are ever looked at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from asicbnn.errors import SpecError
from asicbnn.hardware.accelerator import Machine
from asicbnn.replacing import check_writable, replacing
from asicbnn.simulation.backends.interface import Backend
from asicbnn.simulation.execution import Executor
from asicbnn.simulation.signals import Signal, signals_of
from asicbnn.simulation.trace import Tracer
from asicbnn.simulation.value_changes import ValueChanges, Variable, identifier

MOST_VALUES = 100_000_000
"""Cycles times signals: about a microsecond each, so two minutes in all."""
UNKNOWN_PERIOD_PS = 1000


@dataclass(frozen=True)
class Window:
    """Cycles to write: from ``start`` to before ``end``, counted from the start of the run.

    nets  also wires without a name, each component's in a scope of their own
    """

    path: Path
    start: int
    end: int
    nets: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise SpecError(f"--cycles: expected A:B with 0 <= A < B, got {self.start}:{self.end}")


def window(path: Path, cycles: str, *, nets: bool = False) -> Window:
    """Read ``A:B``; SpecError if it is something else."""
    match = re.fullmatch(r"\s*([0-9]{1,15}):([0-9]{1,15})\s*", cycles, re.ASCII)
    if not match:
        raise SpecError(
            f"--cycles: expected A:B, two cycle numbers such as 1000:1200, got '{cycles[:80]}'"
        )
    return Window(path, int(match[1]), int(match[2]), nets)


def write_waveform(
    wanted: Window,
    executor: Executor,
    images: NDArray[np.integer[Any]],
    period_ps: float | None = None,
) -> str:
    """Run one batch of images up to the window and write what happens in it.

    executor   left as it is; its back end is forked
    period_ps  of the clock; one cycle is 1 ns if it is not known
    Returns a note for the user, empty if there is nothing to say.
    Raises SpecError if the window is too large or begins after the end of the run, and
    EnvironmentProblem if the file cannot be written; nothing is left behind then.
    """
    machine = executor.machine
    signals = signals_of(machine, nets=wanted.nets)
    _check_size(wanted, len(signals))
    check_writable(wanted.path)
    cycles = sum(_fresh(executor, images).layer_lengths())
    if wanted.start >= cycles:
        raise SpecError(
            f"--cycles {wanted.start}:{wanted.end}: the run of the first batch ends after "
            f"{cycles} cycles"
        )
    there = _fresh(executor, images).backend
    there.run(wanted.start)
    end = min(wanted.end, cycles)
    with (
        replacing(wanted.path) as beside,
        beside.open("w", encoding="ascii", newline="\n") as file,
    ):
        _write(file, machine, there, signals, range(wanted.start, end), period_ps)
    if end < wanted.end:
        return f"the run of the first batch ends after {cycles} cycles, and so does {wanted.path}"
    return ""


def _check_size(wanted: Window, signals: int) -> None:
    cycles = wanted.end - wanted.start
    if cycles * signals > MOST_VALUES:
        raise SpecError(
            f"--cycles {wanted.start}:{wanted.end}: {cycles} cycles of {signals} signals are more "
            f"than {MOST_VALUES:,} values, which take minutes to simulate and up to a gigabyte; "
            f"take at most {MOST_VALUES // signals} cycles"
        )


def _fresh(executor: Executor, images: NDArray[np.integer[Any]]) -> Executor:
    """Return an executor with a state of its own, loaded and about to start."""
    twin = executor.on(executor.backend.fork())
    twin.load(images)
    return twin


def _write(
    file: TextIO,
    machine: Machine,
    state: Backend,
    signals: list[Signal],
    cycles: range,
    period_ps: float | None,
) -> None:
    period = max(2, round(period_ps or UNKNOWN_PERIOD_PS))
    top = identifier(machine.accelerator.name)
    variables = [Variable((top,), "clock", 1), Variable((top,), "cycle", 64)]
    variables += [Variable((top, *s.scopes), s.name, s.bits) for s in signals]
    changes = ValueChanges(file, variables, "1 ps")
    simulator = Tracer(machine.block, [signal.wire for signal in signals]).take(state)
    names = list(enumerate((signal.wire for signal in signals), 2))
    for cycle in cycles:
        simulator.run(1)
        values = simulator.watched()
        edge = cycle * period
        changes.at(edge, [(0, 1), (1, cycle), *((i, values[name]) for i, name in names)])
        changes.at(edge + period // 2, [(0, 0)])
    changes.end(cycles.stop * period)
