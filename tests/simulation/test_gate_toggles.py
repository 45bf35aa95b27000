"""Toggles of gates and wires are those of traces, summed over the stimuli."""

from __future__ import annotations

from itertools import pairwise
from random import Random
from typing import Any

import numpy as np
import pyrtl
import pytest
import simulation.test_backends as common
from hypothesis import given, settings
from hypothesis import strategies as st
from simulation.test_backends import build, load, needs_compiler, random_contents
from simulation.test_gate_netlist import evaluate
from simulation.test_gates import SMALL, NarrowBlock, datapath, drawn_stimuli

from asicbnn.errors import SimulationError
from asicbnn.hardware.component import census
from asicbnn.simulation.backends.gate_level.gate_netlist import GATE_KINDS, map_gates
from asicbnn.simulation.backends.gate_level.gate_toggles import TogglingGates
from asicbnn.simulation.backends.interface import Backend, numbers_of_words
from asicbnn.simulation.backends.netlist import read_netlist

pytestmark = needs_compiler


def traces(
    block: pyrtl.Block, cycles: int, registers: dict[str, int], memories: dict[str, list[int]]
) -> dict[str, list[int]]:
    """Values of every wire but constants, cycle by cycle, by PyRTL."""
    ported = {net.op_param[1] for net in block.logic_subset("m@")}
    wires = block.wirevector_set - block.wirevector_subset(pyrtl.Const)
    simulation = pyrtl.FastSimulation(
        register_value_map={
            wire: registers[wire.name] for wire in block.wirevector_subset(pyrtl.Register)
        },
        memory_value_map={
            memory: dict(enumerate(memories[memory.name]))
            for memory in ported
            if memory.name in memories
        },
        tracer=pyrtl.SimulationTrace(list(wires), block=block),
        block=block,
    )
    for _ in range(cycles):
        simulation.step()
    return dict(simulation.tracer.trace)


def toggles(values: list[int]) -> int:
    return sum((a ^ b).bit_count() for a, b in pairwise(values))


def registers_of(backend: Backend) -> dict[str, int]:
    return {name: backend.read_register(name) for name in backend.shape.registers}


@settings(max_examples=2)
@given(seed=st.integers(0, 2**32 - 1))
def test_wires_of_random_blocks_toggle_as_in_the_full_trace(seed: int) -> None:
    random = Random(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(common, "WIDTHS", [1, 2, 3, 7, 8, 20])
        block = NarrowBlock(random, nets=40).block
    gates = TogglingGates(block, options=SMALL)
    contents = random_contents(gates, random)
    load(gates, contents)
    expected = traces(block, 30, registers_of(gates), contents)
    gates.use_stimuli(3)
    gates.run(11)
    gates.run(19)
    counted = gates.toggle_counts()
    live = {net.dests[0].name for net in read_netlist(block).nets}
    assert live <= counted.keys()
    for name in counted.keys() & expected.keys():
        assert counted[name] == 3 * toggles(expected[name]), name
    gates.forget_toggles()
    gates.run(1)  # a single cycle has none to differ from
    assert not any(gates.toggle_counts().values())


def test_every_stimulus_counts_its_own_toggles_gate_by_gate() -> None:
    block = build(datapath)
    gates = TogglingGates(block, entering=["incoming"], shared=["weights"], options=SMALL)
    words, used, cycles = drawn_stimuli(64, seed=9), 9, 12
    gates.write_stimuli("incoming", words)
    gates.use_stimuli(used)
    gates.run(cycles)
    counted = gates.toggle_counts()
    private = [net for net in read_netlist(block).nets if net.dests[0].name in counted]
    mapped = map_gates(private)
    by_wire = dict.fromkeys(counted, 0)
    per_gate = np.zeros(len(mapped.kinds), np.int64)
    for stimulus in range(used):
        contents = {"incoming": numbers_of_words(words[stimulus])}
        trace = traces(block, cycles, dict.fromkeys(gates.shape.registers, 0), contents)
        for name in counted.keys() & trace.keys():
            by_wire[name] += toggles(trace[name])
        values = np.array([gate_values(mapped, trace, cycle) for cycle in range(cycles)])
        per_gate += (values[1:] != values[:-1]).sum(axis=0)
    assert {"total", "ones"} <= counted.keys()
    assert not {"address", "done"} & counted.keys()  # the same for all stimuli
    assert counted == by_wire
    found = gates.gate_toggles()
    kinds = [kind for kind in mapped.kinds if kind in GATE_KINDS]
    assert list(found.kinds) == kinds
    assert len(kinds) == sum(census(private).primitive().values())
    wanted = [n for n, kind in zip(per_gate, mapped.kinds, strict=True) if kind in GATE_KINDS]
    assert found.counts.tolist() == wanted


def gate_values(mapped: Any, trace: dict[str, list[int]], cycle: int) -> list[int]:
    """Values of all signals in a cycle: sources and read words from the trace, gates evaluated."""
    known = {}
    for wire, bits in mapped.bits.items():
        first = bits[0]
        if wire.name in trace and mapped.kinds[first] in ("source", "read"):
            known |= {bit: trace[wire.name][cycle] >> i & 1 for i, bit in enumerate(bits)}
    return evaluate(mapped, known)


def test_resets_are_no_toggles_and_forks_count_for_themselves() -> None:
    gates = TogglingGates(build(common.counter), options=SMALL)
    gates.use_stimuli(1)
    gates.run(3)  # 2, 3, 4: one toggle and three
    assert gates.toggle_counts()["count"] == 4
    for keeps, count in ((False, 8), (True, 12)):
        gates.reset(keep_memories=keeps)
        gates.run(3)
        assert gates.toggle_counts()["count"] == count
    twin = gates.fork()
    twin.run(3)
    assert twin.toggle_counts()["count"] == 4
    with pytest.raises(SimulationError, match=r"^expected 1 to 64 stimuli, got 65$"):
        gates.use_stimuli(65)
