"""Stimulus-cycles per second of the gates back end, against PyRTL's CompiledSimulation.

Both run the same network on the same accelerator from the same memory contents; a stimulus of the
gates is an image of its own. The time of the gates includes packing images and reading classes.
"""

import resource
import sys
import time

import numpy as np
import pyrtl
import pytest

from asicbnn.model.arguments import accelerator_of, workload_of
from asicbnn.simulate import prepare
from asicbnn.simulation.backends.gate_level.gates import GatesBackend
from asicbnn.simulation.backends.interface import numbers_of_words
from asicbnn.simulation.batched import StimuliExecutor
from asicbnn.spec.accelerator import with_changes

GOAL = 30.0


def cpu_seconds():
    """CPU time of this process and of the compilers it waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def compiled_simulation(block, gates):
    """PyRTL's simulator, begun in the state of stimulus 0."""
    ported = {net.op_param[1].id: net.op_param[1] for net in block.logic_subset("m@")}
    registers = {
        wire: gates.read_register(wire.name) for wire in block.wirevector_subset(pyrtl.Register)
    }
    memories = {}
    for memory in ported.values():
        numbers = numbers_of_words(gates.read_stimuli(memory.name)[0])
        memories[memory] = {address: word for address, word in enumerate(numbers) if word}
    # Without a tracer it fails; the trace of one wire costs next to nothing.
    trace = pyrtl.SimulationTrace([block.get_wirevector_by_name("done")], block=block)
    with pyrtl.set_working_block(block, no_sanity_check=True):
        return pyrtl.CompiledSimulation(
            tracer=trace, register_value_map=registers, memory_value_map=memories, block=block
        )


@pytest.mark.benchmark
@pytest.mark.parametrize(("pes", "lanes"), [(8, 32), (32, 128)])
def test_stimulus_cycles_per_second(pes, lanes, capsys):
    unroll = {"array.unroll": {"out_channels": pes, "in_channels": lanes}}
    accelerator = with_changes(accelerator_of("arch_specs/edge64.yaml"), unroll)
    workload = workload_of("workloads/finn_tfc_w1a1.yaml")
    setup = prepare(
        accelerator, workload, images=1, batch=1, mapping=None, dataflow=None, seed=0,
        backend="pyrtl",
    )  # fmt: skip
    start = cpu_seconds()
    gates = GatesBackend(setup.machine.block)
    build = cpu_seconds() - start
    program = setup.groups[0].program
    executor = StimuliExecutor(setup.machine, gates, program)
    first = program.layers[0]
    shape = (gates.stimuli, first.in_y, first.in_x, first.in_channels)
    images = np.random.default_rng(0).choice((-1, 1), shape)
    executor.run_batches(images)  # touches the memories and loads the program
    seconds = []
    for _ in range(3):
        start = time.process_time()
        runs = executor.run_batches(images, reads_bits=False)
        seconds.append(time.process_time() - start)
    cycles = sum(run.counts["cycles"] for run in runs[0])
    rate = gates.stimuli * cycles / min(seconds)

    executor._load(np.repeat(images[:1], gates.stimuli, axis=0))
    start = cpu_seconds()
    other = compiled_simulation(setup.machine.block, gates)
    other_build = cpu_seconds() - start
    other_seconds = []
    for _ in range(3):
        start = time.process_time()
        other.run([{}] * cycles)
        other_seconds.append(time.process_time() - start)
    ratio = rate * min(other_seconds) / cycles
    with capsys.disabled():
        sys.stdout.write(
            f"\n{pes}x{lanes}: {cycles} cycles of {gates.stimuli} images, {gates.gates} gates in "
            f"{gates.instructions} instructions: {rate / 1e6:.0f} M stimulus-cycles/s, "
            f"{ratio:.0f} times CompiledSimulation; build {build:.1f} s of CPU against "
            f"{other_build:.1f} s\n"
        )
    gates.run_until("done", 2 * cycles)
    sent = next(net.op_param[1] for net in setup.machine.block.logic_subset("@")
                if net.op_param[1].name == "host_out0")  # fmt: skip
    assert other.inspect_mem(sent)[0] == gates.read_stimuli("host_out0", 0, 1)[0, 0, 0]
    assert ratio >= GOAL
