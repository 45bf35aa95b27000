"""Every back end does what PyRTL's FastSimulation does, and refuses what it cannot do."""

from __future__ import annotations

import gc
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulation.machines import BOTH, build, counter, needs_compiler, with_input, with_loop
from simulation.random_block import RandomBlock, check_alike, load, random_contents

from asicbnn.errors import SimulationError
from asicbnn.simulation.backends import simulator
from asicbnn.simulation.backends.word_level import c_source


@needs_compiler
@settings(max_examples=12)
@given(seed=st.integers(0, 2**32 - 1), weight=st.sampled_from([60, 10_000]))
def test_random_blocks_end_in_the_state_fast_simulation_reaches(seed: int, weight: int) -> None:
    random = Random(seed)
    block = RandomBlock(random, nets=200).block
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(c_source, "FUNCTION_WEIGHT", weight)  # one function, or values between many
        compiled = simulator(block, "compiled")
    interpreted = simulator(block, "pyrtl")
    contents = random_contents(compiled, random)
    load(compiled, contents)
    load(interpreted, contents)
    check_alike(compiled, interpreted, (1, 1, 5, 30))


def test_what_does_not_fit_is_refused_by_name() -> None:
    unit = simulator(build(counter), "pyrtl")
    two_limbs = np.zeros((3, 2), np.uint64)
    wide = two_limbs.copy()
    wide[1, 1] = 64
    for message, action in {
        r"no memory mem; there are: memory": lambda: unit.read_memory("mem"),
        r"no register c; there are: count, done": lambda: unit.read_register("c"),
        r"register count: 0x100 does not fit its 8 bits": lambda: unit.write_register("count", 256),
        r"register count: -0x1 does not fit its 8 bits": lambda: unit.write_register("count", -1),
        r"memory memory: words 14 to 16 are outside its 16 words": lambda: unit.write_memory(
            "memory", two_limbs, start=14
        ),
        r"memory memory: expected uint64 words of shape \(n, 2\), got int64 of shape \(3, 2\)": (
            lambda: unit.write_memory("memory", two_limbs.astype(np.int64))
        ),
        r"memory memory: word 3 has bits above its 70 bits": lambda: unit.write_memory(
            "memory", wide, start=2
        ),
        r"register count: a flag has 1 bit, not 8": lambda: unit.run_until("count", 5),
        r"expected a limit >= 1 cycle, got 0": lambda: unit.run_until("done", 0),
        r"expected a number of cycles >= 0, got -1": lambda: unit.run(-1),
        r"backend must be one of auto, compiled, pyrtl, .*, not abacus": lambda: simulator(
            build(counter), "abacus"
        ),
    }.items():
        with pytest.raises(SimulationError, match=f"^{message}$"):
            action()


@pytest.mark.parametrize("backend", BOTH)
def test_blocks_with_inputs_or_combinational_loops_are_refused(backend: str) -> None:
    message = r"^the block has inputs \(x\); drive them from registers or memories$"
    with pytest.raises(SimulationError, match=message):
        simulator(build(with_input), backend)
    with pytest.raises(SimulationError, match="loop"):
        simulator(build(with_loop), backend)


@needs_compiler
@pytest.mark.parametrize("enabled", [True, False])
def test_building_a_simulator_leaves_the_garbage_collector_as_it_was(
    enabled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASICBNN_CACHE", "off")
    before = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        simulator(build(counter), "compiled")
        assert gc.isenabled() == enabled
    finally:
        (gc.enable if before else gc.disable)()


@needs_compiler
def test_building_a_simulator_leaves_the_block_and_the_disk_as_they_were(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    block = build(counter)
    nets, wires = set(block.logic), set(block.wirevector_set)
    for backend in ("compiled", "pyrtl"):
        simulator(block, backend).run(3)
    assert block.logic == nets
    assert block.wirevector_set == wires
    assert not list(tmp_path.iterdir())
