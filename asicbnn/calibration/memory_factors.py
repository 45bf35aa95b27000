"""Calibrate memories of latches and flip-flops: map a grid, fit half of it, judge the other half.

Reads in order and at random have factors of their own: each is divided among the gates that decode,
drive lines and OR bits, and each part is fitted to its own. Words are written in order, as the
machine's counters do; what writes at random take is shown beside it.

A spread is what the next memory is expected in with 95 %, from each memory of the fitted half
estimated by the others: a fit of several factors follows its own memories too closely.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from asicbnn.calibration.least_squares import Row
from asicbnn.calibration.library_match import matched, named_files
from asicbnn.calibration.measurement import tools_of
from asicbnn.calibration.memory_gates import MemoryAtGates, MemoryGates
from asicbnn.calibration.residuals import expected_spread
from asicbnn.calibration.synthesis import Flow, flow
from asicbnn.hardware.verilog.cell_memories import CellMemory
from asicbnn.technology.decoder import Order
from asicbnn.technology.factor_entries import CalibrationFactor, CellMemoryEntry, ReadFactors
from asicbnn.technology.library import Technology
from asicbnn.technology.log_interpolation import interpolated
from asicbnn.technology.row_memory import RowKind, RowMemory, row_memory
from asicbnn.technology.standard_cell_memory import counted_costs

SOURCE = "cell_memories"
Metric = Literal[
    "area", "leakage", "sequential_reads", "random_reads", "write_energy", "random_writes",
    "idle_energy", "access",
]  # fmt: skip
METRICS: tuple[Metric, ...] = get_args(Metric)
READS: Mapping[Metric, Order] = {"sequential_reads": "sequential", "random_reads": "random"}
UNITS: Mapping[Metric, str] = {
    "area": "um2", "leakage": "nW", "sequential_reads": "fJ", "random_reads": "fJ",
    "write_energy": "fJ", "random_writes": "fJ", "idle_energy": "fJ", "access": "ps",
}  # fmt: skip
KINDS: tuple[RowKind, ...] = get_args(RowKind)
_NAMES: Mapping[str, tuple[str, ...]] = {
    "write_energy": ("write_energy", "write_lines"),
    "access": ("access", "access_levels"),
}
"""What the terms of metrics of two are called in a technology file."""
_SIZES = (
    (4, 8), (4, 64), (4, 256), (8, 16), (8, 128), (16, 8), (16, 32), (16, 128), (32, 16), (32, 64),
    (64, 8), (64, 32), (64, 128), (128, 16), (128, 64), (256, 8), (256, 32),
)  # fmt: skip
_IN_PARTS = ((8, 512, 64), (16, 64, 16), (32, 128, 32))
"""Words, bits, and the bits that are written at once."""
_LEAST_FACTOR = 0.01
_LEAST_SPREAD = 0.001
"""Of figures that are the library's own."""
_READ_WORDS = (2, 3, 4, 5, 6, 8, 16, 32, 64, 128, 256)
_READ_BITS = (8, 16, 32, 64)
_MOST_BITS = 8192
_BETWEEN = (
    (7, 32), (10, 64), (12, 32), (20, 64), (24, 64), (48, 16), (96, 16), (192, 16),
)  # fmt: skip
"""Words and bits of latches beside: reads have factors by words, so each number has its widths, and
some lie between."""
_READ_ON: RowKind = "latch"


def memory_grid(kind: RowKind) -> tuple[RowMemory, ...]:
    """Return the memories that are mapped, the smallest first; of latches there are more."""
    sizes = {*_SIZES}
    if kind == "latch":
        sizes |= {(n, bits) for n in _READ_WORDS for bits in _READ_BITS if n * bits <= _MOST_BITS}
        sizes |= {*_BETWEEN}
    whole = [row_memory(kind, words, bits) for words, bits in sizes]
    parts = [row_memory(kind, words, bits, write_bits=part) for words, bits, part in _IN_PARTS]
    return tuple(sorted([*whole, *parts], key=lambda m: (m.words * m.bits, m.words, len(m.parts))))


def fitted_half(memories: Iterable[RowMemory]) -> frozenset[RowMemory]:
    """Return every second memory of each number of words, and of those alone with theirs."""
    by_words: dict[int, list[RowMemory]] = {}
    for memory in sorted(memories, key=lambda m: (m.words, m.bits, len(m.parts))):
        by_words.setdefault(memory.words, []).append(memory)
    alone = [memory for some in by_words.values() if len(some) == 1 for memory in some]
    rows = [some for some in by_words.values() if len(some) > 1]
    return frozenset(memory for some in (alone, *rows) for memory in some[::2])


@dataclass(frozen=True)
class Multiples:
    """Factors of the terms of a metric; those of the last ones may go by the number of words.

    by_words  of such terms, a factor for each of `words`
    """

    factors: tuple[float, ...]
    words: tuple[int, ...] = ()
    by_words: tuple[tuple[float, ...], ...] = ()

    def of(self, memory: RowMemory) -> tuple[float, ...]:
        """Return the factor of each term for a memory."""
        by_words = (interpolated(memory.words, self.words, each) for each in self.by_words)
        return (*self.factors, *by_words)


@dataclass(frozen=True)
class Sample:
    """What one memory says: measured = fixed + factors x scaled.

    raw    what is counted, without factors      order  of the accesses, where there are two
    parts  what was measured for each term, where the gates tell
    """

    memory: RowMemory
    metric: Metric
    order: str
    fixed: float
    scaled: tuple[float, ...]
    measured: float
    is_fitted: bool
    parts: tuple[float, ...] = ()

    @property
    def raw(self) -> float:
        return self.fixed + sum(self.scaled)

    def estimated(self, multiples: Multiples) -> float:
        """Price it with factors."""
        factors = multiples.of(self.memory)
        return self.fixed + sum(f * s for f, s in zip(factors, self.scaled, strict=True))


@dataclass(frozen=True)
class Fitted:
    """Factors of one metric, and how the fitted and the judged half lie about them.

    spread  half-width of the band one more memory is expected in with 95 %
    points  memories the factors were fitted on
    """

    kind: RowKind
    metric: Metric
    multiples: Multiples
    spread: float
    samples: tuple[Sample, ...]
    points: int

    def error(self, sample: Sample) -> float:
        """Relative error of an estimate."""
        return sample.estimated(self.multiples) / sample.measured - 1

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
    reads: dict[Order, ReadFactors] = {}
    for fit in fits:
        if fit.metric in READS:
            reads[READS[fit.metric]] = _read_factors(fit)
            continue
        names = _NAMES.get(fit.metric, (fit.metric,))
        for name, factor in zip(names, fit.multiples.factors, strict=False):
            found[name] = CalibrationFactor(
                factor=factor, spread=fit.spread, points=fit.points, source=SOURCE
            )
    of_entry = {name: found[name] for name in CellMemoryEntry.model_fields if name in found}
    return CellMemoryEntry(**of_entry, reads=reads)


def _read_factors(fit: Fitted) -> ReadFactors:
    [lines], [addresses, columns] = fit.multiples.factors, fit.multiples.by_words
    return ReadFactors(
        lines=lines, words=fit.multiples.words, addresses=addresses, columns=columns,
        spread=fit.spread, points=fit.points, source=SOURCE,
    )  # fmt: skip


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
    fits = tuple(fits_of(technology, measured))
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
Measured = Sequence[tuple[RowMemory, MemoryGates]]


def fits_of(technology: Technology, measured: Measured) -> Iterator[Fitted]:
    """Fit every metric of both kinds of rows; reads, whose gates are the same, on latches alone."""
    for kind in KINDS:
        own = [each for each in measured if each[0].kind == kind]
        for metric in METRICS:
            read = [each for each in measured if each[0].kind == _READ_ON]
            yield fitted(technology, kind, metric, own, read if metric in READS else own)


def fitted(
    technology: Technology, kind: RowKind, metric: Metric, measured: Measured, fitted_on: Measured
) -> Fitted:
    """Fit one metric to one half of some memories, by least squares of relative errors.

    measured   what is estimated
    fitted_on  memories one half of which is fitted; those of their sizes are of that half too
    """
    chosen = {replace(m, kind=kind) for m in fitted_half(memory for memory, _ in fitted_on)}
    samples, teachers = (
        tuple(
            _sample(technology, metric, memory, gates, replace(memory, kind=kind) in chosen)
            for memory, gates in some
        )
        for some in (measured, fitted_on)
    )
    half = [sample for sample in teachers if sample.is_fitted]
    spread = max(_LEAST_SPREAD, expected_spread(list(_left_out(half))))
    return Fitted(kind, metric, _solved(half), spread, samples, len(half))


def _left_out(half: Sequence[Sample]) -> Iterator[float]:
    """Yield log of measured over estimated of each sample, estimated from the others."""
    for each in half:
        others = [other for other in half if other is not each] or half
        yield math.log(each.measured / each.estimated(_solved(others)))


def _sample(
    technology: Technology, metric: Metric, memory: RowMemory, gates: MemoryGates, is_fitted: bool
) -> Sample:
    counted = counted_costs(technology, memory)

    def sample(measured: float, *scaled: float, fixed: float = 0.0, order: str = "") -> Sample:
        return Sample(memory, metric, order, fixed, scaled, measured, is_fitted)

    writes = len(memory.parts) if memory.is_shared else 1
    if metric in READS:
        order = READS[metric]
        parts, scaled = gates.reads[order].parts, counted.reads[order].parts
        return Sample(memory, metric, order, 0.0, scaled, sum(parts), is_fitted, parts)
    if metric == "area":
        logic, state = technology.area_um2(memory.logic), technology.area_um2(memory.state)
        return sample(gates.area_um2, logic, fixed=state)
    if metric == "leakage":
        logic, state = technology.leakage_nw(memory.logic), technology.leakage_nw(memory.state)
        return sample(gates.leakage_nw, logic, fixed=state)
    if metric == "idle_energy":
        return sample(gates.energy_fj["idle"], counted.idle_fj)
    if metric == "access":
        return sample(gates.period_ps, counted.access_ps, counted.levels_ps)
    at_random = metric == "random_writes"
    spent = writes * gates.energy_fj["random_writes" if at_random else "sequential_writes"]
    named = "random" if at_random else "sequential"
    return sample(spent, counted.write_fj, counted.lines_fj, order=named)


def _solved(samples: Sequence[Sample]) -> Multiples:
    """Return the factors that leave the least sum of squares of relative errors."""
    if not samples[0].parts:
        rows = [(s.scaled, s.measured - s.fixed, s.measured) for s in samples]
        return Multiples(_least_squares(rows))
    lines, *going_by_words = range(len(samples[0].parts))
    words = tuple(sorted({s.memory.words for s in samples}))
    return Multiples(
        _least_squares([((s.scaled[lines],), s.parts[lines], s.measured) for s in samples]), words,
        tuple(_by_words(samples, words, term) for term in going_by_words),
    )  # fmt: skip


def _by_words(
    samples: Sequence[Sample], words: Sequence[int], term: int
) -> tuple[float, ...]:
    """Return the factor of a term for each number of words, from the memories that have it."""
    return _least_squares([
        ([s.scaled[term] * (n == s.memory.words) for n in words], s.parts[term], s.measured)
        for s in samples
    ])  # fmt: skip


def _least_squares(rows: Sequence[Row]) -> tuple[float, ...]:
    """Factors, none below 0, that leave the least sum of squares of relative errors."""
    import numpy as np
    from scipy.optimize import nnls  # takes longer to import than an estimate does

    table = np.array([[x / whole for x in scaled] for scaled, _, whole in rows])
    wanted = np.array([target / whole for _, target, whole in rows])
    factors, _ = nnls(table, wanted)
    return tuple(max(float(f), _LEAST_FACTOR) for f in factors)


__all__ = [
    "KINDS", "METRICS", "READS", "SOURCE", "UNITS", "Fitted", "MemoryCalibration", "Metric",
    "Multiples", "Sample", "calibrate_memories", "fits_of", "fitted", "fitted_half",
    "memory_grid",
]  # fmt: skip
