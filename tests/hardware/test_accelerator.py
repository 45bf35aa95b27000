"""The elaborated accelerator: what a probe changes, who says done, what its registers refuse."""

from __future__ import annotations

import re

import numpy as np
import pyrtl
import pytest
from agreement.subject import SMALL, nest_of, small

from asicbnn.bnn.layer import Layer
from asicbnn.bnn.reference import random_activations, random_parameters, run_network
from asicbnn.errors import MappingError, SimulationError
from asicbnn.hardware.accelerator import elaborate
from asicbnn.hardware.component import census
from asicbnn.hardware.configuration import (
    Order,
    configuration,
    configuration_words,
    frozen_order,
)
from asicbnn.hardware.verilog import verilog
from asicbnn.mapping.dataflow import DATAFLOWS, ORDERS
from asicbnn.simulation.backends import simulator
from asicbnn.simulation.backends.interface import numbers_of_words
from asicbnn.simulation.execution import Executor
from asicbnn.simulation.packing import bits_of_words, host_words, map_words, stored_bits
from asicbnn.simulation.program import build_program, layer_values
from asicbnn.spec.accelerator import with_changes
from asicbnn.verify.cases import accelerator as random_accelerator

LAYERS = (
    Layer(
        name="first", out_channels=5, in_channels=6, in_y=4, in_x=3, kernel_y=3, kernel_x=3,
        pad_top=1, pad_bottom=1, pad_left=1, pad_right=1, pad_value="zero",
    ),
    Layer(name="second", out_channels=3, in_channels=5, in_y=4, in_x=3, kernel_y=2, kernel_x=2),
)  # fmt: skip


def program_of(accelerator, layers=LAYERS, seed=0):
    rng = np.random.default_rng(seed)
    parameters = [random_parameters(layer, rng) for layer in layers]
    mappings = [nest_of(accelerator, layer, outer=[("OY", 2), ("K", 2)]) for layer in layers]
    images = random_activations(layers[0], rng)
    return build_program(accelerator, layers, parameters, mappings), parameters, images


def cycles_until_done(accelerator, *, probe):
    machine = elaborate(accelerator, probe=probe)
    backend = simulator(machine.block, "pyrtl")
    program, _, images = program_of(accelerator)
    executor = Executor(machine, backend, program)
    executor._load(images)
    return backend.run_until("done", 20_000)


@pytest.mark.parametrize("shadow", [False, True])
def test_a_probe_changes_no_cycle(shadow):
    accelerator = small(registers__shadow=shadow, store__kib__weights=0.6)
    assert cycles_until_done(accelerator, probe=True) == cycles_until_done(accelerator, probe=False)


def test_the_layers_cycles_add_up_to_the_time_until_done():
    """The classes of cycles are counted from states: none is missing, none counted twice."""
    accelerator = small()
    machine = elaborate(accelerator)
    program, _, images = program_of(accelerator)
    executor = Executor(machine, simulator(machine.block, "pyrtl"), program)
    counted = sum(run.counts["cycles"] for run in executor.run(images))
    edges = 2  # the cycle that sees `start`, and the one whose register `done` is read
    assert cycles_until_done(accelerator, probe=True) - counted <= edges


def test_no_probe_no_counters():
    plain, probed = elaborate(SMALL, probe=False), elaborate(SMALL)
    assert plain.counters == ()
    assert "dma_stall_cycles" in probed.counters
    names = {memory.name for net in plain.block.logic_subset("m@") for memory in [net.op_param[1]]}
    assert not [name for name in names if name.startswith("probe")]
    registers = {wire.name for wire in plain.block.wirevector_subset(pyrtl.Register)}
    assert not [name for name in registers if "probe" in name or name == "layer_ended"]


@pytest.mark.parametrize("probe", [True, False])
def test_a_simulated_accelerator_needs_no_stimuli(probe):
    block = elaborate(SMALL, probe=probe).block
    assert not block.wirevector_subset((pyrtl.Input, pyrtl.Output))


def test_the_hardware_does_not_say_done_before_it_is_told_to_start():
    backend = simulator(elaborate(SMALL).block, "pyrtl")
    with pytest.raises(SimulationError, match=r"^register done was not 1 within 300 cycles$"):
        backend.run_until("done", 300)


def test_a_run_beyond_its_cycle_limit_fails_loudly(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    machine = elaborate(SMALL)
    program, _, images = program_of(SMALL)
    executor = Executor(machine, simulator(machine.block, "pyrtl"), program, cycle_limit=50)
    with pytest.raises(
        SimulationError, match=r"^layer \w+ did not end within 50 cycles: the controller is in "
    ):
        list(executor.run(images))


def test_images_of_another_shape_are_refused():
    machine = elaborate(SMALL)
    program, _, _ = program_of(SMALL)
    executor = Executor(machine, simulator(machine.block, "pyrtl"), program)
    with pytest.raises(SimulationError, match=r"= \[1, 4, 3, 6\], not \[2, 4, 3, 6\]$"):
        list(executor.run(np.ones((2, 4, 3, 6), int)))


# ---------------------------------------------------------------------- the host's ports
class Host:
    """Drives the ports of the chip as a host would, one cycle at a time."""

    def __init__(self, accelerator):
        block = elaborate(accelerator, probe=False, ports=True).block
        outputs = block.wirevector_subset(pyrtl.Output)
        trace = pyrtl.SimulationTrace(wires_to_track=outputs, block=block)
        self.simulation = pyrtl.FastSimulation(tracer=trace, block=block)

    def run(self, program, words, limit=20_000):
        boot = {f"{name}_in": value for name, value in program.boot.items()}
        waiting, received = list(words), []
        inputs = {**boot, "start_in": 1, "host_in_data": 0}
        for cycle in range(limit):
            inputs["host_in_data"] = waiting[0] if waiting else 0
            self.simulation.step(inputs)
            inputs["start_in"] = 0
            if self.simulation.inspect("host_in_read"):
                waiting.pop(0)
            if self.simulation.inspect("host_out_valid"):
                received.append(self.simulation.inspect("host_out_data"))
            if cycle > 5 and self.simulation.inspect("done_out"):
                assert not waiting
                return received
        raise AssertionError("not done")


def test_the_chip_runs_image_after_image_through_its_host_port():
    """All weights streamed, since a host has no other way into the weight bank."""
    accelerator = small(store__kib__weights=0.3, host__link_bits=4)
    layers = (LAYERS[0], Layer(**{**vars(LAYERS[1]), "out_channels": 4}))
    program, parameters, _ = program_of(accelerator, layers)
    assert all(p.streamed for p in program.placements)
    host = Host(accelerator)
    lay = program.nests[0].layout
    for seed in range(2):
        images = random_activations(layers[0], np.random.default_rng(seed))
        incoming = np.concatenate([map_words(lay, layers[0], images), *program.blocks])
        received = host.run(program, numbers_of_words(host_words(lay, incoming)))
        beats = np.array(received, np.uint64).reshape(-1, 1)
        words = bits_of_words(beats, lay.host_bits).reshape(-1, lay.link_bits)
        packed = np.packbits(words, axis=1, bitorder="little").astype(np.uint64)
        stored = stored_bits(lay, layers[1], packed)
        expected = run_network(layers, parameters, images)[-1].bits
        assert np.array_equal(stored, expected)


# ---------------------------------------------------------------------- configuration
def values_of(accelerator):
    program, _, _ = program_of(accelerator)
    c = configuration(accelerator, program.order)
    values = layer_values(
        accelerator, c, program.nests[0], program.placements[0], program.placements[1]
    )
    return c, values


def test_configuration_packs_every_field_where_the_table_says():
    c, values = values_of(SMALL)
    packed, position = c.pack(values), 0
    for name, bits in c.fields:
        assert (packed >> position) % 2**bits == values[name] % 2**bits, name
        position += bits
    assert c.words == -(-position // c.layout.link_bits)


@pytest.mark.parametrize("beyond", [0, 1])
def test_configuration_refuses_what_a_register_cannot_hold_by_its_name(beyond):
    c, values = values_of(SMALL)
    bits = dict(c.fields)["row_words"]
    c.pack({**values, "row_words": 2**bits - 1})
    message = (
        rf"^configuration register row_words has {bits} bit and cannot hold {2**bits + beyond}; "
        r"raise the accelerator's limits or choose smaller tiles$"
    )
    with pytest.raises(MappingError, match=message):
        c.pack({**values, "row_words": 2**bits + beyond})


def test_configuration_knows_its_fields():
    c, values = values_of(SMALL)
    with pytest.raises(KeyError, match="strange"):
        c.pack({**values, "strange": 1})
    with pytest.raises(KeyError, match="row_words"):
        c.pack({name: n for name, n in values.items() if name != "row_words"})


def test_the_configuration_length_depends_on_the_spec_alone():
    """No order of loops and no layer changes it; a fixed order makes it shorter."""
    fixed = small(sequencer__order="fixed")
    lengths = {configuration(fixed, Order(*ORDERS[name])).words for name in DATAFLOWS}
    assert lengths == {configuration_words(fixed)}
    for name in DATAFLOWS:
        assert configuration_words(with_changes(SMALL, {"dataflow": name})) == (
            configuration_words(SMALL)
        )
    assert configuration_words(fixed) < configuration_words(SMALL)


def test_a_fixed_order_drops_the_order_fields():
    fixed = small(sequencer__order="fixed")
    c = configuration(fixed, frozen_order(fixed))
    order = re.compile(r"^(level\d+_(slot|reduction|edge)|slot\d+_dimension)$")
    assert not [name for name, _ in c.fields if order.match(name)]
    free = configuration(SMALL)
    assert [name for name, _ in free.fields if not order.match(name)] == [n for n, _ in c.fields]
    assert sum(bool(order.match(name)) for name, _ in free.fields) == 3 * c.levels + c.slots


def test_a_programmable_order_ignores_an_order():
    order = Order(*ORDERS["weight_stationary"])
    assert elaborate(SMALL, order=order).configuration.order is None
    fixed = small(sequencer__order="fixed", dataflow="input_stationary")
    assert elaborate(fixed).configuration.order == Order(*ORDERS["input_stationary"])
    best = small(sequencer__order="fixed", dataflow="best")
    assert frozen_order(best) == Order(*ORDERS["output_stationary"])


# ---------------------------------------------------------------------- the same twice
@pytest.mark.parametrize("group", [0, 3])
def test_elaboration_is_deterministic(group):
    accelerator = random_accelerator(3, group)
    first, second = (elaborate(accelerator, probe=False) for _ in range(2))
    assert census(first.block.logic) == census(second.block.logic)
    assert {k: census(v) for k, v in first.stages.items()} == {
        k: census(v) for k, v in second.stages.items()
    }


def test_verilog_is_one_file_of_all_registers_and_memories():
    text = verilog(SMALL)
    assert len(re.findall(r"^module toplevel \(", text, re.MULTILINE)) == 1
    assert text.rstrip().endswith("endmodule")
    block = elaborate(SMALL, probe=False, ports=True).block
    for memory in {net.op_param[1] for net in block.logic_subset("m@")}:
        assert re.search(rf"^  reg .*\b{memory.name} \[0:", text, re.MULTILINE), memory.name
    assert "probe" not in text
