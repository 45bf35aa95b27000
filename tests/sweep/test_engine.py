from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from demo_points import describe, die, ears, evaluate

from asicbnn.errors import EnvironmentProblem, MappingError
from asicbnn.sweep.engine import run

POINTS = list(range(40))


def test_rows_follow_the_points_and_refusals_carry_their_reason():
    table = run(POINTS, evaluate, describe=describe, workers=1)
    assert table.rows["lanes"].tolist() == [n for n in POINTS if n % 4]
    assert table.rows["cycles"].tolist() == [1000 // n for n in POINTS if n % 4]
    assert [r.index for r in table.refusals] == [n for n in POINTS if n % 4 == 0]
    assert table.reasons == {"lanes divide by 4": 10}
    assert table.flags == {"assumed": 30}
    assert list(table.rows.columns) == [
        "point", "accelerator", "workload", "technology", "level", "lanes", "not_covered",
        "cycles", "energy_fj", "energy_fj_error",
    ]  # fmt: skip


def test_processes_give_the_same_table():
    alone = run(POINTS, evaluate, describe=describe, workers=1)
    several = run(POINTS, evaluate, describe=describe, workers=2)
    assert several.rows.equals(alone.rows)
    assert several.refusals == alone.refusals


def test_an_executor_of_the_callers_is_used_and_left_open():
    with ThreadPoolExecutor(2) as pool:
        table = run(POINTS, evaluate, executor=pool)
        assert len(table.rows) == 30
        assert pool.submit(int, 7).result() == 7


def test_progress_ends_at_the_number_of_points():
    seen = []
    run(POINTS, evaluate, workers=1, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (40, 40)
    assert seen == sorted(seen)


def test_no_points_make_an_empty_table():
    table = run([], evaluate, workers=1)
    assert len(table.rows) == 0
    assert table.refusals == ()


def test_all_points_refused_make_an_empty_table():
    assert len(run([0, 4], evaluate, workers=1).rows) == 0


def test_a_defect_ends_the_sweep():
    with pytest.raises(ZeroDivisionError):
        run([1, 2], lambda n: 1 // 0, workers=1)
    with pytest.raises(TypeError):
        run(["x"] * 40, evaluate, workers=2)


def test_an_interrupt_passes_through():
    def interrupted(_done, _total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(POINTS, evaluate, workers=1, progress=interrupted)


def test_the_reason_is_the_mapping_errors_sentence():
    def refuse(n):
        raise MappingError(f"layer {n} does not fit")

    assert run([3], refuse, workers=1).reasons == {"layer 3 does not fit": 1}


def test_workers_leave_interrupts_to_this_process():
    before = signal.getsignal(signal.SIGINT)
    table = run(POINTS, ears, workers=2)
    assert set(table.rows["workload"]) == {"deaf"}
    assert signal.getsignal(signal.SIGINT) is before


def test_a_worker_that_is_killed_is_the_environments_fault():
    with pytest.raises(EnvironmentProblem, match="a worker process ended"):
        run(POINTS, die, workers=2)


INTERRUPTED = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell has it ignored
sys.path.insert(0, "tests")
from demo_points import slow
from asicbnn.sweep.engine import run
try:
    run(list(range(40)), slow, workers=2, progress=lambda done, total: print(done, flush=True))
except KeyboardInterrupt:
    sys.exit(130)
"""


def test_an_interrupt_ends_all_processes_without_a_word():
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED], cwd=root, start_new_session=True, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as program:  # fmt: skip
        assert program.stdout.readline() == "2\n"  # the first chunk
        os.killpg(program.pid, signal.SIGINT)
        asked = time.monotonic()
        _, said = program.communicate(timeout=30)
    assert (program.returncode, said) == (130, "")
    assert time.monotonic() - asked < 10
