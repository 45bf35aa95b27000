"""Transitions per second of the timed simulation, on random gates with random inputs."""

import time

import numpy as np
import pytest
from calibration.cells import circuit, netlist

from asicbnn.calibration.timed_simulation import TimedSimulation

GOAL = 1e6
GATES, INPUTS, CYCLES = 20_000, 200, 100


def random_gates():
    """Gates that read what was made a little before them, so that there are many levels."""
    random = np.random.default_rng(0)
    wires = [f"a{i}" for i in range(INPUTS)]
    cells = {}
    for i in range(GATES):
        kind = ("XOR", "NAND", "INV")[random.integers(3)]
        a, b = (wires[-1 - random.integers(min(len(wires), 2000))] for _ in range(2))
        read = {"A": a} if kind == "INV" else {"A": a, "B": b}
        cells[f"u{i}"] = (kind, (), read, {"Y": f"w{i}"})
        wires.append(f"w{i}")
    return netlist(wires[:INPUTS], [], cells)


@pytest.mark.benchmark
def test_transitions_per_second():
    found = circuit(random_gates())
    simulation = TimedSimulation(found)
    inputs = np.random.default_rng(1).integers(0, 2, (CYCLES, INPUTS), dtype=np.uint8)
    simulation.start(inputs[0])
    start = time.process_time()
    simulation.run(inputs)
    rate = simulation.counted().events / (time.process_time() - start)
    assert rate >= GOAL, f"{rate / 1e6:.2f} M transitions/s"
