"""The scheduled program against the every-net program: each register after each cycle."""

from __future__ import annotations

from random import Random

import numpy as np
import pyrtl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asicbnn.bnn.reference import random_activations, random_parameters
from asicbnn.hardware.accelerator import elaborate
from asicbnn.hardware.declarations import NumberOfPe, ProductCount, declarations
from asicbnn.hardware.popcount import Popcount
from asicbnn.hardware.wires import joined, one_of, spread
from asicbnn.simulation.backends.netlist import read_netlist
from asicbnn.simulation.backends.toolchain import c_compiler
from asicbnn.simulation.backends.word_level import schedule
from asicbnn.simulation.backends.word_level.c_product_count import is_supported
from asicbnn.simulation.backends.word_level.compiled import CompiledBackend
from asicbnn.simulation.backends.word_level.schedule import STEADY, plan
from asicbnn.simulation.execution import Executor
from asicbnn.simulation.program import build_program
from asicbnn.verify.cases import accelerator, case

pytestmark = pytest.mark.skipif(c_compiler.find_compiler() is None, reason="no C compiler")

EAGER = {"LEAST_WEIGHT": 1, "JOINING_WEIGHT": 1, "_DEEP_WEIGHT": 2}
"""Thresholds that make the smallest logic conditional."""


def both(block):
    """The scheduled simulator of a block, and the one that evaluates every net."""
    return CompiledBackend(block), CompiledBackend(block, every_net=True)


def assert_same(unit, reference, when=""):
    for name in reference.shape.registers:
        assert unit.read_register(name) == reference.read_register(name), (name, when)


def assert_same_memories(unit, reference):
    for name in reference.shape.memories:
        assert np.array_equal(unit.read_memory(name), reference.read_memory(name)), name


# ---------------------------------------------------------------------- whole accelerators
def in_lockstep(seed, group):
    machine = elaborate(accelerator(seed, group))
    drawn = case(seed, group, machine.accelerator)
    rng = np.random.default_rng([seed, group])
    parameters = [random_parameters(layer, rng) for layer in drawn.layers]
    program = build_program(machine.accelerator, drawn.layers, parameters, drawn.mappings)
    images = random_activations(drawn.layers[0], rng)
    unit, reference = both(machine.block)
    for backend in (unit, reference):
        Executor(machine, backend, program).load(images)
    for cycle in range(3000):
        unit.run(1)
        reference.run(1)
        assert_same(unit, reference, f"cycle {cycle}")
        if reference.read_register("done"):
            break
    assert_same_memories(unit, reference)


@pytest.mark.parametrize("group", [1, 2])
def test_an_accelerator_runs_in_lockstep_with_its_every_net_program(group):
    in_lockstep(2, group)


@pytest.mark.slow
@pytest.mark.parametrize("group", range(3, 15))
@pytest.mark.parametrize("eager", [False, True])
def test_many_accelerators_run_in_lockstep_with_their_every_net_programs(group, eager, monkeypatch):
    for name, value in EAGER.items() if eager else ():
        monkeypatch.setattr(schedule, name, value)
    in_lockstep(7, group)


# ---------------------------------------------------------------------- made-up logic
def made_up(seed):
    """Registers that hold under nested conditions, memories with shared enables, at random."""
    random = Random(seed)
    block = pyrtl.Block()
    with pyrtl.set_working_block(block):
        flags = [pyrtl.Register(1, f"flag{i}", reset_value=i % 2) for i in range(6)]
        words = [pyrtl.Register(random.choice([1, 5, 64, 70, 200]), f"word{i}") for i in range(16)]
        memories = [pyrtl.MemBlock(w, 3, f"memory{w}", asynchronous=True, max_read_ports=None,
                                   max_write_ports=None) for w in (5, 64, 130)]  # fmt: skip
        one_bit, wide = list(flags), list(words)

        def bit():
            return random.choice(one_bit)

        def value(bits):
            wire = random.choice(wide)
            return wire.truncate(bits) if len(wire) >= bits else wire.zero_extended(bits)

        for _ in range(24):
            a, b = bit(), bit()
            one_bit.append(random.choice([a & b, a | b, ~a, a ^ b, pyrtl.select(a, b, bit())]))
        for _ in range(30):
            bits = random.choice([5, 64, 70])
            memory = random.choice(memories)
            wide.append(random.choice([
                (value(bits) + value(bits)).truncate(bits),
                value(bits) ^ value(bits),
                pyrtl.select(bit(), value(bits), value(bits)),
                pyrtl.as_wires(memory[value(3)]),
                value(bits) & spread(bit(), bits),
            ]))  # fmt: skip
        for flag in flags:
            flag.next <<= random.choice([~flag, bit(), pyrtl.select(bit(), ~flag, flag), bit()])
        for word in words:
            following = word
            for _ in range(random.randrange(3)):
                following = pyrtl.select(bit(), value(len(word)), following)
            word.next <<= random.choice([following, following, value(len(word))])
        for memory in memories:
            shared = bit()
            for _ in range(3):
                enable = random.choice([bit(), shared & bit()])
                read = pyrtl.as_wires(memory[value(3)])
                data = random.choice([value(memory.bitwidth), read])
                memory[value(3)] <<= pyrtl.MemBlock.EnabledWrite(data, enable)
        declarations().steady |= {word.name for word in words[:4]}
    return block


@pytest.mark.parametrize("seed", range(4))
def test_made_up_logic_runs_in_lockstep(seed, monkeypatch):
    for name, value in EAGER.items():
        monkeypatch.setattr(schedule, name, value)
    random = Random(seed)
    unit, reference = both(made_up(seed))
    for backend in (unit, reference):
        fill = Random(seed)
        for name, register in backend.shape.registers.items():
            backend.write_register(name, fill.getrandbits(register.bits))
    for cycle in range(200):
        unit.run(1)
        reference.run(1)
        assert_same(unit, reference, f"cycle {cycle}")
        if cycle % 20 == 10:  # from outside, steady registers included
            name = random.choice(sorted(reference.shape.registers))
            number = random.getrandbits(reference.shape.registers[name].bits)
            unit.write_register(name, number)
            reference.write_register(name, number)
    assert_same_memories(unit, reference)


def test_segments_are_what_the_enables_say():
    """A wide sum behind an enable stands in a segment of its own, as does steady logic."""
    block = pyrtl.Block()
    with pyrtl.set_working_block(block):
        on, off = pyrtl.Register(1, "on"), pyrtl.Register(1, "off")
        setting = pyrtl.Register(64, "setting")
        declarations().steady.add("setting")
        total = pyrtl.Register(64, "total")
        derived = setting
        for _ in range(40):
            derived = (derived + (derived ^ setting)).truncate(64)
        added = total
        for _ in range(40):
            added = (added + (added ^ derived)).truncate(64)
        total.next <<= pyrtl.select(on & ~off, added, total)
        on.next <<= ~on
        off.next <<= off ^ on
        setting.next <<= setting
    found = plan(read_netlist(block), frozenset({"setting"}))
    of_steady = [segment for segment in found.segments if segment.condition == STEADY]
    conditional = [s for s in found.segments if s.condition is not None and s.condition != STEADY]
    assert [len(segment.nets) for segment in of_steady] == [120]
    assert [len(segment.nets) for segment in conditional] == [121]
    assert [wire.name for segment in conditional for wire in segment.registers] == ["total"]


# ---------------------------------------------------------------------- declared functions
def product_count_block(channels, lanes, pixels, taps, structure="sliced"):
    """A product count from registers to registers, with its nets behind it."""
    block = pyrtl.Block()
    with pyrtl.set_working_block(block):
        weights = held("weights", channels * lanes)
        size = lanes // taps
        x = [[held(f"x{p}_{t}", size) for t in range(taps)] for p in range(pixels)]
        m = [[held(f"m{p}_{t}", size) for t in range(taps)] for p in range(pixels)]
        active = held("active", channels * pixels)
        planes = []
        for n in range(lanes):
            tap, c = divmod(n, size)
            row = joined([weights[n * channels : (n + 1) * channels]] * pixels)
            bits = joined([spread(x[p][tap][c], channels) for p in range(pixels)])
            mask = joined([spread(m[p][tap][c], channels) for p in range(pixels)])
            planes.append(~(bits ^ row) & (mask & active))
        counts = Popcount(lanes, structure).hardware(planes)
        declarations().functions.append(ProductCount(
            channels, lanes, weights, tuple(map(tuple, x)), tuple(map(tuple, m)), active,
            tuple(counts),
        ))  # fmt: skip
        for j, plane in enumerate(counts):
            register = pyrtl.Register(len(plane), f"count{j}")
            register.next <<= plane
    return block


def held(name, bits):
    register = pyrtl.Register(bits, name)
    register.next <<= register
    return register


def check_declared(block, seeds):
    unit, reference = both(block)
    for seed in seeds:
        random = Random(seed)
        for name, register in reference.shape.registers.items():
            number = random.getrandbits(register.bits)
            if name[0] == "m" and seed % 2:
                number = (1 << register.bits) - 1  # every lane counts
            unit.write_register(name, number)
            reference.write_register(name, number)
        unit.run(1)
        reference.run(1)
        assert_same(unit, reference, f"seed {seed}")


@pytest.mark.parametrize(
    ("channels", "lanes", "pixels", "taps"),
    [
        (8, 1, 1, 1), (8, 32, 1, 1), (8, 65, 2, 5), (16, 8, 3, 2), (16, 72, 1, 9), (32, 128, 1, 1),
        (32, 63, 2, 3), (64, 3, 1, 1), (64, 100, 1, 1), (128, 9, 2, 9), (512, 5, 1, 1),
    ],
)  # fmt: skip
def test_products_counted_on_vectors_equal_their_nets(channels, lanes, pixels, taps):
    block = product_count_block(channels, lanes, pixels, taps)
    assert is_supported(declarations(block).functions[0])
    assert any(net.op == "F" for net in read_netlist(block, declarations(block).functions).nets)
    check_declared(block, range(8))


@pytest.mark.slow
@pytest.mark.parametrize("structure", ["sliced", "tree"])
@pytest.mark.parametrize(
    ("channels", "lanes", "pixels", "taps"),
    [(8, 2100, 1, 1), (32, 600, 1, 1), (64, 512, 1, 1), (128, 160, 1, 1), (256, 100, 2, 4)],
)
def test_products_counted_in_loops_of_vectors_equal_their_nets(
    channels, lanes, pixels, taps, structure
):
    check_declared(product_count_block(channels, lanes, pixels, taps, structure), range(6))


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(st.sampled_from([8, 16, 32, 64, 128]), st.integers(1, 90), st.integers(1, 3))
def test_any_shape_of_products_equals_its_nets(channels, lanes, pixels):
    check_declared(product_count_block(channels, lanes, pixels, 1), range(4))


@pytest.mark.parametrize("channels", [3, 4, 24, 1024])
def test_products_of_other_shapes_keep_their_nets(channels):
    block = product_count_block(channels, 4, 1, 1)
    assert not is_supported(declarations(block).functions[0])
    check_declared(block, range(3))


@pytest.mark.parametrize(("images", "lanes", "step"), [(1, 8, 1), (3, 5, 2), (2, 64, 1)])
def test_the_number_of_one_pe_equals_its_nets(images, lanes, step):
    """Also where an index is out of range, which the hardware never lets happen."""
    block = pyrtl.Block()
    pes = images * lanes * step
    with pyrtl.set_working_block(block):
        image = held("image", max(1, images.bit_length()))
        lane = held("lane", lanes.bit_length())
        planes = [held(f"plane{j}", pes) for j in range(9)]
        hot = [(image == b) & (lane == k) for b in range(images) for k in range(lanes)]
        at = [b * lanes * step + k for b in range(images) for k in range(lanes)]
        bits = [one_of([(h, p[i]) for h, i in zip(hot, at, strict=True)]) for p in planes]
        number = joined(bits)
        indices = ((image, images, lanes * step), (lane, lanes, 1))
        declarations().functions.append(NumberOfPe(tuple(planes), indices, number))
        taken = pyrtl.Register(len(number), "number")
        taken.next <<= number
    check_declared(block, range(30))


def test_an_enable_that_is_never_on_is_no_condition():
    """It could be taken for the condition of steady logic, which has no literals either."""
    block = pyrtl.Block()
    with pyrtl.set_working_block(block):
        setting, count = pyrtl.Register(8, "setting"), pyrtl.Register(8, "count")
        declarations().steady.add("setting")
        never = pyrtl.Const(0, 1) | pyrtl.Const(0, 1)
        count.next <<= pyrtl.select(never, setting, count)
        setting.next <<= (setting + 1).truncate(8)
    found = plan(read_netlist(block), frozenset({"setting"}))
    assert found.condition_of[id(block.get_wirevector_by_name("count"))] is None
    unit, reference = both(block)
    for _ in range(5):
        unit.run(1)
        reference.run(1)
        assert_same(unit, reference)
