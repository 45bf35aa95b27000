"""Batches of images over forks of one simulator, in threads: in order, and few at a time.

The generated C runs without the interpreter lock, so a fork per core runs a batch per core. Every
batch starts from a reset and the same program, so that results do not depend on which fork it met.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import TypeVar

from asicbnn.simulation.backends.interface import Backend
from asicbnn.simulation.execution import Executor

_Task = TypeVar("_Task")
_Answer = TypeVar("_Answer")

MOST_STATE_BYTES = 2**30
"""All forks together; a state is copied whole, its weights too, since code finds them by offset."""
_WAITING_PER_JOB = 2  # batches handed out ahead of the one whose answer is due


def jobs_for(backend: Backend, batches: int, jobs: int | None = None) -> int:
    """Return how many forks run `batches` batches.

    jobs  as asked for; None for one per core. Never more than there are batches, nor than fit
          `MOST_STATE_BYTES`, and one if the back end's runs hold the interpreter lock: they would
          wait for each other. (Verilator's do not, but its models belong to their thread.)
    """
    if not backend.releases_lock:
        return 1
    if jobs is None:
        jobs = _usable_cores()
    return max(1, min(jobs, batches, MOST_STATE_BYTES // max(1, backend.state_bytes)))


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_order(
    executor: Executor,
    batches: Iterable[_Task],
    work: Callable[[Executor, _Task], _Answer],
    jobs: int,
) -> Iterator[_Answer]:
    """Yield `work` of every batch in the order of the batches.

    executor  runs the batches itself if `jobs` is 1, else beside `jobs` - 1 of its forks
    work      called in a thread with an executor nobody else uses meanwhile

    An exception of `work`, or the consumer's end (an interrupt, say), stops what still runs.
    """
    if jobs == 1:
        for batch in batches:
            yield work(executor, batch)
        return
    idle: SimpleQueue[Executor] = SimpleQueue()
    idle.put(executor)
    for _ in range(jobs - 1):
        idle.put(executor.on(executor.backend.fork()))

    def run(batch: _Task) -> _Answer:
        mine = idle.get()
        try:
            return work(mine, batch)
        finally:
            idle.put(mine)

    stop = executor.backend.stop
    pool = ThreadPoolExecutor(jobs, thread_name_prefix="batch")
    waiting: deque[Future[_Answer]] = deque()
    try:
        for batch in batches:
            waiting.append(pool.submit(run, batch))
            if len(waiting) >= _WAITING_PER_JOB * jobs:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        stop.set()  # nobody waits for what still runs
        pool.shutdown(wait=True, cancel_futures=True)
        stop.clear()
