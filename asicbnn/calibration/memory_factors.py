"""Calibrate memories of latches and flip-flops: map a grid, fit half of it, judge the other half.

Reads in order and at random are samples of their own: their addresses differ in what they switch,
and one pair of factors serves both. Words are written in order, as the machine's counters do; what
writes at random take is shown beside it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from asicbnn.calibration.library_match import matched, named_files
from asicbnn.calibration.measurement import tools_of
from asicbnn.calibration.memory_gates import MemoryAtGates, MemoryGates, Play
from asicbnn.calibration.residuals import expected_spread
from asicbnn.calibration.synthesis import Flow, flow
from asicbnn.hardware.verilog.cell_memories import CellMemory
from asicbnn.technology.decoder import Order
from asicbnn.technology.factor_entries import CalibrationFactor, CellMemoryEntry
from asicbnn.technology.library import Technology
from asicbnn.technology.row_memory import RowKind, RowMemory, row_memory
from asicbnn.technology.standard_cell_memory import counted_costs

SOURCE = "cell_memories"
Metric = Literal[
    "area", "leakage", "read_energy", "write_energy", "random_writes", "idle_energy", "access"
]
METRICS: tuple[Metric, ...] = get_args(Metric)
UNITS: Mapping[Metric, str] = {
    "area": "um2", "leakage": "nW", "read_energy": "fJ", "write_energy": "fJ",
    "random_writes": "fJ", "idle_energy": "fJ", "access": "ps",
}  # fmt: skip
KINDS: tuple[RowKind, ...] = get_args(RowKind)
_NAMES: Mapping[str, tuple[str, ...]] = {
    "read_energy": ("read_energy", "read_addresses"),
    "write_energy": ("write_energy", "write_lines"),
    "access": ("access", "access_levels"),
}
"""What the terms of metrics of two are called in a technology file."""
_READS: Mapping[Order, Play] = {"sequential": "sequential_reads", "random": "random_reads"}
_WRITES: Mapping[Order, Play] = {"sequential": "sequential_writes", "random": "random_writes"}
_SIZES = (
    (4, 8), (4, 64), (4, 256), (8, 16), (8, 128), (16, 8), (16, 32), (16, 128), (32, 16), (32, 64),
    (64, 8), (64, 32), (64, 128), (128, 16), (128, 64), (256, 8), (256, 32),
)  # fmt: skip
_IN_PARTS = ((8, 512, 64), (16, 64, 16), (32, 128, 32))
"""Words, bits, and the bits that are written at once."""
_LEAST_FACTOR = 0.01
_LEAST_SPREAD = 0.001
"""Of figures that are the library's own."""


def memory_grid(kind: RowKind) -> tuple[RowMemory, ...]:
    """Return the memories that are mapped, the smallest first; every second one is fitted."""
    whole = [row_memory(kind, words, bits) for words, bits in _SIZES]
    parts = [row_memory(kind, words, bits, write_bits=part) for words, bits, part in _IN_PARTS]
    return tuple(sorted([*whole, *parts], key=lambda m: (m.words * m.bits, m.words)))


@dataclass(frozen=True)
class Sample:
    """What one memory says: measured = fixed + factors x scaled.

    raw    what is counted, without factors      order  of the accesses, where there are two
    """

    memory: RowMemory
    metric: Metric
    order: str
    fixed: float
    scaled: tuple[float, ...]
    measured: float
    is_fitted: bool

    @property
    def raw(self) -> float:
        return self.fixed + sum(self.scaled)

    def estimated(self, factors: Sequence[float]) -> float:
        """Price it with factors."""
        return self.fixed + sum(f * s for f, s in zip(factors, self.scaled, strict=True))


@dataclass(frozen=True)
class Fitted:
    """Factors of one metric, and how the fitted and the judged half lie about them.

    spread  half-width of the band one more memory is expected in with 95 %
    """

    kind: RowKind
    metric: Metric
    factors: tuple[float, ...]
    spread: float
    samples: tuple[Sample, ...]

    def error(self, sample: Sample) -> float:
        """Relative error of an estimate."""
        return sample.estimated(self.factors) / sample.measured - 1

    @property
    def judged(self) -> tuple[float, ...]:
        """Relative errors of the half that was not fitted."""
        return tuple(self.error(s) for s in self.samples if not s.is_fitted)

    @property
    def inside(self) -> float:
        """Share of the judged half within the spread."""
        return sum(abs(math.log1p(e)) <= math.log1p(self.spread) for e in self.judged) / len(
            self.judged
        )


@dataclass(frozen=True)
class MemoryCalibration:
    """A technology's memories of cells held against gates; `seconds` is wall time."""

    technology: str
    fits: tuple[Fitted, ...]
    memories: int
    seconds: float
    tools: str
    files: tuple[str, ...]

    @property
    def source(self) -> str:
        """What the technology file says of where its factors are from."""
        return (
            f"asicbnn calibrate --memories: {self.memories} memories mapped with {self.tools} and "
            f"played with cell delays, every second one fitted; Liberty {', '.join(self.files)}"
        )

    def entries(self) -> dict[RowKind, CellMemoryEntry]:
        """Return the section of the technology file."""
        return {kind: _entry([f for f in self.fits if f.kind == kind]) for kind in KINDS}


def _entry(fits: Iterable[Fitted]) -> CellMemoryEntry:
    found: dict[str, CalibrationFactor] = {}
    for fit in fits:
        points = sum(sample.is_fitted for sample in fit.samples)
        for name, factor in zip(_NAMES.get(fit.metric, (fit.metric,)), fit.factors, strict=False):
            found[name] = CalibrationFactor(
                factor=factor, spread=fit.spread, points=points, source=SOURCE
            )
    return CellMemoryEntry(**{name: found[name] for name in CellMemoryEntry.model_fields})


def calibrate_memories(
    technology: Technology,
    paths: Sequence[Path],
    *,
    subset: int | None = None,
    jobs: int = 1,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> MemoryCalibration:
    """Map memories to a library and fit the factors of its technology.

    paths   the Liberty files the technology was made of
    subset  how many memories of each kind, the smallest first; None takes all

    Raises what `calibrate` raises.
    """
    started = time.perf_counter()
    prepared = flow(list(paths))
    matched(technology, prepared.library)
    memories = [memory for kind in KINDS for memory in memory_grid(kind)[:subset]]
    measured = list(_measured_all(prepared, memories, jobs, progress))
    fits = tuple(
        fitted(technology, kind, metric, [m for m in measured if m[0].kind == kind])
        for kind in KINDS
        for metric in METRICS
    )
    seconds = time.perf_counter() - started
    return MemoryCalibration(
        technology.name, fits, len(memories), seconds, tools_of(prepared),
        named_files(prepared.library),
    )  # fmt: skip


def _measured_all(
    prepared: Flow, memories: Sequence[RowMemory], jobs: int, progress: Callable[[int, int], None]
) -> Iterator[tuple[RowMemory, MemoryGates]]:
    progress(0, len(memories))
    with ProcessPoolExecutor(jobs, initializer=_take, initargs=(prepared,)) as pool:
        for done, found in enumerate(pool.map(_measured, memories), 1):
            progress(done, len(memories))
            yield memories[done - 1], found


_taken: list[MemoryAtGates] = []


def _take(prepared: Flow) -> None:
    """Give a process of the pool what all its memories share."""
    _taken[:] = [MemoryAtGates(prepared)]


def _measured(memory: RowMemory) -> MemoryGates:
    return _taken[0].measured(CellMemory("memory", memory))


# ---------------------------------------------------------------------- fitting
def fitted(
    technology: Technology,
    kind: RowKind,
    metric: Metric,
    measured: Sequence[tuple[RowMemory, MemoryGates]],
) -> Fitted:
    """Fit one metric to every second memory, by least squares of relative errors."""
    samples = tuple(
        sample
        for number, (memory, gates) in enumerate(measured)
        for sample in _samples(technology, metric, memory, gates, is_fitted=number % 2 == 0)
    )
    half = [sample for sample in samples if sample.is_fitted]
    factors = _least_squares(half)
    residuals = [math.log(s.measured / s.estimated(factors)) for s in half]
    spread = max(_LEAST_SPREAD, expected_spread(residuals))
    return Fitted(kind, metric, factors, spread, samples)


def _samples(
    technology: Technology, metric: Metric, memory: RowMemory, gates: MemoryGates, *,
    is_fitted: bool,
) -> Iterator[Sample]:  # fmt: skip
    counted = counted_costs(technology, memory)

    def sample(measured: float, *scaled: float, fixed: float = 0.0, order: str = "") -> Sample:
        return Sample(memory, metric, order, fixed, scaled, measured, is_fitted)

    writes = len(memory.parts) if memory.is_shared else 1
    if metric == "area":
        logic, state = technology.area_um2(memory.logic), technology.area_um2(memory.state)
        yield sample(gates.area_um2, logic, fixed=state)
    elif metric == "leakage":
        logic, state = technology.leakage_nw(memory.logic), technology.leakage_nw(memory.state)
        yield sample(gates.leakage_nw, logic, fixed=state)
    elif metric == "read_energy":
        for order, address_fj in counted.address_fj.items():
            yield sample(gates.energy_fj[_READS[order]], counted.read_fj, address_fj, order=order)
    elif metric in ("write_energy", "random_writes"):
        written: Order = "random" if metric == "random_writes" else "sequential"
        spent = writes * gates.energy_fj[_WRITES[written]]
        yield sample(spent, counted.write_fj, counted.lines_fj, order=written)
    elif metric == "idle_energy":
        yield sample(gates.energy_fj["idle"], counted.idle_fj)
    else:
        yield sample(gates.period_ps, counted.access_ps, counted.levels_ps)


def _least_squares(samples: Sequence[Sample]) -> tuple[float, ...]:
    """Factors, none below 0, that leave the least sum of squares of relative errors."""
    import numpy as np
    from scipy.optimize import nnls  # takes longer to import than an estimate does

    rows = np.array([[x / s.measured for x in s.scaled] for s in samples])
    wanted = np.array([1 - s.fixed / s.measured for s in samples])
    factors, _ = nnls(rows, wanted)
    return tuple(max(float(f), _LEAST_FACTOR) for f in factors)


__all__ = [
    "KINDS", "METRICS", "SOURCE", "UNITS", "Fitted", "MemoryCalibration", "Metric", "Sample",
    "calibrate_memories", "fitted", "memory_grid",
]  # fmt: skip
