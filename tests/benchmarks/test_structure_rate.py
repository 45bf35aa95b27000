"""What it costs to count an accelerator in closed form, and by building it."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from asicbnn.hardware.configuration import configuration
from asicbnn.hardware.structure import counted, logic_machine, structure
from asicbnn.mapping.layout import layout
from asicbnn.model.arguments import accelerator_of

ROOT = Path(__file__).parents[2]


def cpu_s(count, accelerator) -> float:
    """CPU of the fewest of five counts from nothing."""
    costs = []
    for _ in range(5):
        for cached in (structure, logic_machine, configuration, layout):
            cached.cache_clear()
        start = time.process_time()
        count(accelerator)
        costs.append(time.process_time() - start)
    return min(costs)


@pytest.mark.benchmark
@pytest.mark.parametrize("name", ["tiny", "edge64", "edge128", "published/laxor"])
def test_closed_forms_cost_a_tenth_of_building(name, capsys: pytest.CaptureFixture[str]) -> None:
    accelerator = accelerator_of(ROOT / f"arch_specs/{name}.yaml")
    closed, built = cpu_s(structure, accelerator), cpu_s(counted, accelerator)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{name}: closed forms {closed * 1e3:.2f} ms of CPU, built and counted "
            f"{built * 1e3:.0f} ms ({built / closed:.0f}x)\n"
        )
    assert closed < built / 10
