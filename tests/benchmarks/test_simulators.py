"""The compiled simulator against Verilator and PyRTL's own, side by side in one run.

All of them run the same layer on the same accelerator from the same memory images, on one thread;
Verilator runs the exported Verilog of that block, built with -O3. Times are CPU seconds of this
process (running) and of it and its children (building), so that what else the machine does counts
as little as possible; runs alternate and the median of their ratios is reported.
"""

from __future__ import annotations

import resource
import shutil
import time
from dataclasses import dataclass
from statistics import median

import numpy as np
import pyrtl
import pytest
from rich.console import Console
from rich.table import Table

from asicbnn.bnn.layer import Layer
from asicbnn.bnn.reference import random_activations, random_parameters
from asicbnn.hardware.accelerator import Machine, elaborate
from asicbnn.hardware.configuration import configuration_words
from asicbnn.model.mappings import Request, mappings
from asicbnn.simulation.backends.exported.verilator import VerilatorBackend
from asicbnn.simulation.backends.interface import Backend, numbers_of_words
from asicbnn.simulation.backends.interpreted import InterpretedBackend
from asicbnn.simulation.backends.word_level.compiled import CompiledBackend
from asicbnn.simulation.backends.word_level.sampling import Sampling
from asicbnn.simulation.backends.word_level.toggling import TogglingBackend
from asicbnn.simulation.execution import Executor
from asicbnn.simulation.program import build_program
from asicbnn.spec.accelerator import Accelerator
from asicbnn.spec.reader import read_value
from asicbnn.technology import library

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(3600)]

SIZES = ((8, 32), (32, 128), (64, 256))
STRUCTURES = ("sliced", "tree")
LEAST_SPEED = {(8, 32): 1.2, (32, 128): 3.0, (64, 256): 3.0}
"""Times Verilator's cycles per second, the goal at each size."""
LEAST_BUILD = 10.0
"""Times faster to build than Verilator, the goal at every size."""
MOST_TOGGLES = 8.0
"""Times slower than the plain build, the goal of the toggle build."""
ROUNDS = 5
PYRTL_CYCLES = {(8, 32): 4000, (32, 128): 1000, (64, 256): 400}
LAYER = Layer(
    name="conv", out_channels=256, in_channels=256, in_y=16, in_x=16, kernel_y=3, kernel_x=3,
    pad_top=1, pad_bottom=1, pad_left=1, pad_right=1, pad_value="zero",
)  # fmt: skip


def accelerator(pes: int, lanes: int, structure: str) -> Accelerator:
    """An accelerator of BinaryNet's kind whose layer's weights are loaded once."""
    link = max(32, min(lanes, 256))
    return read_value(
        {
            "name": f"bench_{pes}x{lanes}_{structure}",
            "array": {
                "unroll": {"out_channels": pes, "in_channels": lanes},
                "strides": [1, 2],
                "popcount": {"structure": structure, "pipeline_stages": 0},
            },
            "buffers": {
                "weight": {"kind": "sram", "words": 576, "ping_pong": True},
                "input": {
                    "kind": "sram", "words": 1024, "ping_pong": True, "circular_rows": True,
                    "ports": "1r1w",
                },
                "psum": {"kind": "latch", "words": 64},
                "threshold": {"kind": "latch", "words": 1024 // pes},
            },
            "store": {
                "kib": {"weights": 1100, "activations": 512},
                "link": {"bits": link, "latency_cycles": 8},
            },
            "limits": {"activation_bits": 1},
        },
        Accelerator,
    )  # fmt: skip


@dataclass(frozen=True)
class Bench:
    """A machine without probes, its layer compiled for it, and the image."""

    machine: Machine
    executor: Executor
    build_seconds: float

    def load(self, backend: Backend) -> Backend:
        """Put the layer and its image into a back end, at the start of the run."""
        self.executor.on(backend).load(self.images)
        return backend

    @property
    def images(self):
        return random_activations(LAYER, np.random.default_rng(1))


def cpu_seconds() -> float:
    """CPU seconds of this process and of its finished children, user and system."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def timed(action):
    start = cpu_seconds()
    result = action()
    return result, cpu_seconds() - start


def bench_of(pes: int, lanes: int, structure: str) -> Bench:
    machine_spec = accelerator(pes, lanes, structure)
    n_cfg = configuration_words(machine_spec)
    technology = library.load(machine_spec.technology)
    chosen = mappings(machine_spec, technology, (LAYER,), Request("output_stationary"), n_cfg)
    parameters = [random_parameters(LAYER, np.random.default_rng(0))]
    program = build_program(machine_spec, (LAYER,), parameters, chosen)
    machine = elaborate(machine_spec, probe=False, host_words=program.host_words)
    compiled, seconds = timed(lambda: CompiledBackend(machine.block))
    return Bench(machine, Executor(machine, compiled, program), seconds)


def rate(bench: Bench, backend: Backend, cycles: int | None = None) -> tuple[float, int]:
    """Cycles per CPU second of a run to the end, or of so many cycles, and the cycles run."""
    bench.load(backend)
    start = time.process_time()
    if cycles is None:
        cycles = backend.run_until("done", 10_000_000)
    else:
        backend.run(cycles)
    return cycles / (time.process_time() - start), cycles


def _written(words) -> dict[int, int]:
    """Address and value of the words that are not zero."""
    rows = np.flatnonzero(words.any(axis=1))
    return dict(zip(rows.tolist(), numbers_of_words(words[rows]), strict=True))


def pyrtl_compiled_rate(bench: Bench, cycles: int) -> tuple[float, float]:
    """Cycles per CPU second of PyRTL's CompiledSimulation, and CPU seconds to build it."""
    loaded, block = bench.load(bench.executor.backend), bench.machine.block
    ported = {net.op_param[1] for net in block.logic_subset("m@")}
    contents = {m: _written(loaded.read_memory(m.name)) for m in ported}
    values = {r: loaded.read_register(r.name) for r in block.wirevector_subset(pyrtl.Register)}
    done = block.get_wirevector_by_name("done")
    trace = pyrtl.SimulationTrace([done], block=block)
    simulation, seconds = timed(
        lambda: pyrtl.CompiledSimulation(trace, values, contents, block=block)
    )
    steps = [{}] * cycles
    start = time.process_time()
    simulation.run(steps)
    return cycles / (time.process_time() - start), seconds


def alternating(bench: Bench, one: Backend, other: Backend) -> tuple[float, float, float]:
    """Median rates of two back ends that take turns, and the median of their ratios."""
    pairs = [(rate(bench, one)[0], rate(bench, other)[0]) for _ in range(ROUNDS)]
    ones, others = zip(*pairs, strict=True)
    return median(ones), median(others), median(a / b for a, b in pairs)


def row(size: tuple[int, int], structure: str) -> tuple[list[str], list[str]]:
    """One line of the table, and what falls short of the goals."""
    bench = bench_of(*size, structure)
    compiled, block = bench.executor.backend, bench.machine.block
    boot = set(bench.executor.program.boot)
    verilator = VerilatorBackend(block, registers={*boot, "start", "done"}, optimisation="-O3")
    assert rate(bench, compiled)[1] == rate(bench, verilator)[1]
    words = [b.read_memory("host_out0") for b in (compiled, verilator)]
    assert np.array_equal(*words)
    ours, theirs, speed = alternating(bench, compiled, verilator)
    every_net = CompiledBackend(block, every_net=True)
    _, _, every = alternating(bench, every_net, verilator)
    toggling = TogglingBackend(block, Sampling())
    _, _, slower = alternating(bench, compiled, toggling)
    build = verilator.build_cpu_seconds / bench.build_seconds
    cycles = PYRTL_CYCLES[size]
    pyrtl_rate, pyrtl_build = pyrtl_compiled_rate(bench, cycles)
    fast_rate, _ = rate(bench, InterpretedBackend(block), cycles // 10)
    name = f"{size[0]}x{size[1]} {structure}"
    short = []
    if speed < LEAST_SPEED[size]:
        short.append(f"{name}: {speed:.2f} times Verilator's speed, not {LEAST_SPEED[size]}")
    if build < LEAST_BUILD:
        short.append(f"{name}: built {build:.1f} times faster, not {LEAST_BUILD}")
    if slower > MOST_TOGGLES:
        short.append(f"{name}: counting toggles is {slower:.1f} times slower, not {MOST_TOGGLES}")
    cells = [
        name, f"{ours / 1e6:.2f}", f"{theirs / 1e6:.2f}", f"{speed:.2f}", f"{every:.2f}",
        f"{ours / pyrtl_rate:.0f}", f"{ours / fast_rate:.0f}", f"{bench.build_seconds:.2f}",
        f"{verilator.build_cpu_seconds:.1f}", f"{build:.1f}",
        f"{pyrtl_build / bench.build_seconds:.1f}", f"{slower:.1f}",
    ]  # fmt: skip
    return cells, short


@pytest.mark.skipif(shutil.which("verilator") is None, reason="no Verilator to compare with")
def test_compiled_against_verilator_and_pyrtl(capsys, monkeypatch):
    monkeypatch.setenv("ASICBNN_CACHE", "off")  # what is in the cache is built in no time
    table = Table(title="compiled simulator, ratios are ours over theirs")
    for head in (
        "accelerator", "compiled [Mcycle/s]", "Verilator [Mcycle/s]", "x Verilator",
        "every net x Verilator", "x CompiledSimulation", "x FastSimulation", "build [CPU s]",
        "Verilator build [CPU s]", "build x Verilator", "build x CompiledSimulation",
        "slower with toggles",
    ):  # fmt: skip
        table.add_column(head, justify="right")
    short: list[str] = []
    for size in SIZES:
        for structure in STRUCTURES:
            cells, missed = row(size, structure)
            table.add_row(*cells)
            short += missed
    with capsys.disabled():
        Console(width=200).print(table)
    assert not short, "; ".join(short)
