"""Evaluates many design points, in this process or in several, into one table.

The engine knows neither accelerators nor models: it is given points, and a function that makes a
Result of one. A point that cannot be built or mapped is an answer, not an accident: it is counted
with its reason. Any other error ends the sweep.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import pandas as pd

from asicbnn.errors import EnvironmentProblem, MappingError, ModelError, SpecError
from asicbnn.result import BANDED, METRICS, Result, error_column, error_columns

PointT = TypeVar("PointT")
Progress = Callable[[int, int], None]
Row = dict[str, Any]

REFUSALS = (SpecError, MappingError, ModelError)
_CHUNKS_PER_WORKER = 8  # few enough to be cheap to send, enough for even loads and progress
_LARGEST_CHUNK = 256


@dataclass(frozen=True)
class Refusal:
    """A point that is no legal design, by its position in the sweep."""

    index: int
    reason: str


@dataclass(frozen=True)
class Table:
    """What a sweep found.

    rows      one row per legal point, in the order of the points
    refusals  the others, in the same order
    flags     sentence about an assumed figure -> number of points it concerns
    """

    rows: pd.DataFrame
    refusals: tuple[Refusal, ...]
    flags: Mapping[str, int]

    @property
    def reasons(self) -> dict[str, int]:
        """Reason -> number of points refused for it, the most frequent first."""
        return dict(Counter(refusal.reason for refusal in self.refusals).most_common())


@dataclass(frozen=True)
class _Answer:
    """What became of a point: a row, or None and the reason it was refused."""

    index: int
    row: Row | None
    reason: str = ""
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Task(Generic[PointT]):
    """What a worker needs beside the points; it must pickle, so both functions live in a module."""

    evaluate: Callable[[PointT], Result]
    describe: Callable[[PointT], Mapping[str, Any]]

    def __call__(self, chunk: Sequence[tuple[int, PointT]]) -> list[_Answer]:
        return [self.answer(index, point) for index, point in chunk]

    def answer(self, index: int, point: PointT) -> _Answer:
        try:
            result = self.evaluate(point)
        except REFUSALS as problem:
            return _Answer(index, None, _reason(problem))
        row = {"point": index, **result.point, "level": result.level, **self.describe(point)}
        row |= result.totals
        row |= error_columns(result.errors, (n for n in BANDED if n in result.totals))
        row["not_covered"] = len(result.not_covered)
        return _Answer(index, row, flags=result.flags)


def _reason(problem: Exception) -> str:
    """Return in one line why a point was refused."""
    if not isinstance(problem, SpecError):
        return str(problem)
    said = ("; ".join(filter(None, (p.headline, p.help))) for p in problem.problems)
    return "; ".join(said)


def no_columns(point: object) -> Mapping[str, Any]:
    """Describe a point by nothing beyond what its result says."""
    return {}


def run(
    points: Sequence[PointT],
    evaluate: Callable[[PointT], Result],
    *,
    describe: Callable[[PointT], Mapping[str, Any]] = no_columns,
    workers: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Table:
    """Evaluate every point and return the table; the order of rows is that of the points.

    evaluate  point -> Result; a MappingError, SpecError or ModelError refuses the point
    describe  point -> columns of its own, such as the values of the swept axes
    workers   processes, None for one per core; 1 stays in this process
    executor  used instead of processes of our own (a cluster's, say); left open
    progress  called with (points done, points in all)
    """
    indexed = list(enumerate(points))
    count = workers or os.cpu_count() or 1
    task = _Task(evaluate, describe)
    answers: list[_Answer] = []
    for some in _answers(task, indexed, count, executor):
        answers += some
        if progress is not None:
            progress(len(answers), len(indexed))
    answers.sort(key=lambda answer: answer.index)
    return _table(answers)


def _answers(
    task: _Task[PointT],
    indexed: list[tuple[int, PointT]],
    workers: int,
    executor: Executor | None,
) -> Iterator[list[_Answer]]:
    size = max(1, min(_LARGEST_CHUNK, len(indexed) // (workers * _CHUNKS_PER_WORKER)))
    chunks = [indexed[i : i + size] for i in range(0, len(indexed), size)]
    if executor is not None:
        yield from _spread(task, chunks, executor, is_ours=False)
    elif workers == 1 or len(chunks) <= 1:
        yield from map(task, chunks)
    else:
        with _processes(workers) as pool:
            yield from _spread(task, chunks, pool, is_ours=True)


def _spread(
    task: _Task[PointT],
    chunks: Sequence[Sequence[tuple[int, PointT]]],
    executor: Executor,
    *,
    is_ours: bool,
) -> Iterator[list[_Answer]]:
    """Yield answers as they come; if the consumer stops or a worker fails, drop the rest.

    An executor of the caller's has the rest cancelled. Our own workers are ended, which must not
    meet cancelled chunks: the pool would fail to tell them that it broke.
    """
    with _interrupts_ignored():  # each submit may start a process
        waiting = {executor.submit(task, chunk) for chunk in chunks}
    try:
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
    finally:
        for future in () if is_ours else waiting:
            future.cancel()


@contextmanager
def _processes(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Yield worker processes; never plain forks, which copy locks other threads hold.

    Ctrl-C reaches every process of a terminal. Workers leave it to this one, which ends them.
    """
    known = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in known else "spawn")
    others = set(multiprocessing.active_children())
    ignore = (signal.SIGINT, signal.SIG_IGN)
    pool = ProcessPoolExecutor(workers, context, initializer=signal.signal, initargs=ignore)
    try:
        with pool:
            try:
                yield pool
            except BaseException:  # nobody waits for the rest of the answers
                for worker in set(multiprocessing.active_children()) - others:
                    worker.terminate()
                raise
    except BrokenProcessPool as broken:
        raise EnvironmentProblem(
            "a worker process ended, perhaps for want of memory; fewer of them need less (workers)"
        ) from broken


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Start processes deaf to Ctrl-C, so that it leaves no traceback of a half-started one."""
    if threading.current_thread() is not threading.main_thread():  # only it may set handlers
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _table(answers: Sequence[_Answer]) -> Table:
    frame = pd.DataFrame([answer.row for answer in answers if answer.row is not None])
    refusals = [Refusal(a.index, a.reason) for a in answers if a.row is None]
    flags = Counter(flag for answer in answers for flag in answer.flags)
    metrics = [name for name in METRICS if name in frame]
    errors = [name for name in map(error_column, BANDED) if name in frame]
    others = [name for name in frame if name not in {*METRICS, *errors}]
    return Table(frame[[*others, *metrics, *errors]], tuple(refusals), dict(flags.most_common()))
