"""What a compiled simulator costs when it is found, and when it has to be built."""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

import pytest

from asicbnn.hardware.accelerator import elaborate
from asicbnn.model.arguments import accelerator_of
from asicbnn.simulation.backends import simulator
from asicbnn.simulation.backends.netlist import read_netlist
from asicbnn.simulation.backends.word_level.compiled import _key

EDGE64 = Path(__file__).parents[2] / "arch_specs/edge64.yaml"


def cpu_s() -> float:
    """CPU of this process and of the compilers it has started."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


@pytest.mark.benchmark
def test_a_simulator_found_in_the_cache_costs_a_tenth_of_one_built(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASICBNN_CACHE", str(tmp_path))
    block = elaborate(accelerator_of(EDGE64)).block
    costs = []
    for _ in range(6):
        start = cpu_s()
        simulator(block, "compiled")
        costs.append(cpu_s() - start)
    start = cpu_s()
    _key(read_netlist(block), "")
    hashing = cpu_s() - start
    miss, hit = costs[0], min(costs[1:])
    with capsys.disabled():
        sys.stdout.write(
            f"\n{len(block.logic)} nets: built {miss * 1e3:.0f} ms of CPU, found {hit * 1e3:.0f} ms"
            f" ({miss / hit:.0f}x), netlist read and hashed {hashing * 1e3:.0f} ms\n"
        )
    assert hit < miss / 10
