"""Windows of a run: where they lie, and what happens in them."""

from __future__ import annotations

import pytest
from simulation.machines import needs_compiler

from asicbnn.calibration.network_run import NetworkRun, RunningMachine
from asicbnn.calibration.ranking import candidates, networks

pytestmark = [pytest.mark.slow, needs_compiler]
COUNTED = ("steps", "weight_buffer_reads", "input_buffer_reads", "configuration_cycles")


@pytest.fixture(scope="module")
def running():
    return RunningMachine(next(candidates()))


@pytest.mark.parametrize("name", ["mlp", "narrow"])
def test_a_window_of_a_whole_layer_counts_what_the_layer_counts(running, name):
    run = NetworkRun(running, networks()[name])
    windows = list(run.windows([], cycles=10**6, per_layer=3))
    assert [window.layer for window in windows] == list(range(len(run.layers)))
    for window, layer in zip(windows, run.layers, strict=True):
        assert window.counts["cycles"] == layer.counts["cycles"] - 2  # a cycle at either end
        assert all(window.counts[event] == layer.counts[event] for event in COUNTED)


@pytest.mark.parametrize("cycles", [1, 30, 150])
def test_windows_lie_inside_their_layer(running, cycles):
    run = NetworkRun(running, networks()["narrow"])
    for seed in range(4):
        for window in run.windows([], cycles=cycles, per_layer=5, seed=seed):
            layer = run.layers[window.layer].counts
            assert 0 < window.counts["cycles"] <= cycles
            assert all(0 <= window.counts[event] <= layer[event] for event in COUNTED)
            share = window.counts["steps"] / layer["steps"]
            assert window.counts["active_lane_steps"] == pytest.approx(
                share * layer["active_lane_steps"]
            )
