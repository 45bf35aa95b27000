"""Popcounts with registers inside, counted ahead: every register is what PyRTL says it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pyrtl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulation.machines import build, held, needs_compiler, result
from simulation.test_toggles import toggles_between, traces

from asicbnn.hardware.accelerator import elaborate
from asicbnn.hardware.declarations import NumberOfPe, ProductCount, declarations
from asicbnn.hardware.popcount import Popcount
from asicbnn.hardware.wires import delayed, joined, spread
from asicbnn.model.arguments import accelerator_of
from asicbnn.simulation.backends import Backend, simulator
from asicbnn.simulation.backends.netlist import is_temporary, read_netlist, wire_order
from asicbnn.simulation.backends.selection import counting_simulator
from asicbnn.simulation.backends.toolchain.fingerprint import fingerprint
from asicbnn.simulation.backends.word_level.compiled import CompiledBackend
from asicbnn.simulation.backends.word_level.count_ahead import CountAhead, read_counting_ahead
from asicbnn.simulation.backends.word_level.sampling import Sampling
from asicbnn.spec.accelerator import with_changes

pytestmark = needs_compiler

ROOT = Path(__file__).parents[2]

Shape = tuple[str, int, int, int, int]  # structure, stages, channels, lanes, pixels
SHAPES: list[Shape] = [
    ("sliced", 1, 32, 7, 1),
    ("tree", 2, 8, 20, 2),
    ("sliced", 4, 64, 12, 1),
    ("tree", 1, 16, 1, 1),
    ("sliced", 3, 128, 5, 1),
    ("tree", 4, 8, 3, 3),
]


def turning(bits: int, name: str) -> Any:
    """A register that holds something else in each cycle, also after a reset."""
    register = pyrtl.Register(bits, name)
    mixed = joined([~(register[-1] ^ register[0]), *register[:-1]]) if bits > 1 else ~register
    register.next <<= mixed
    return register


def popcount(shape: Shape, name: str) -> ProductCount:
    """A declared popcount of operands that never rest, its counts in registers."""
    structure, stages, channels, lanes, pixels = shape
    weights = turning(channels * lanes, f"{name}weights")
    x = [turning(lanes, f"{name}x{p}") for p in range(pixels)]
    masks = [turning(lanes, f"{name}mask{p}") for p in range(pixels)]
    active = turning(channels * pixels, f"{name}active")
    planes = []
    for n in range(lanes):
        row = joined([weights[n * channels : (n + 1) * channels]] * pixels)
        bits = joined([spread(word[n], channels) for word in x])
        mask = joined([spread(word[n], channels) for word in masks])
        planes.append(~(bits ^ row) & (mask & active))
    function = ProductCount(
        channels, lanes, weights, tuple((w,) for w in x), tuple((m,) for m in masks), active,
        tuple(Popcount(lanes, structure, stages).hardware(planes)), stages,
    )  # fmt: skip
    declarations().functions.append(function)
    for j, plane in enumerate(function.counts):
        result(plane, f"{name}count{j}")
    return function


def popcounts(*shapes: Shape, use: Callable[[ProductCount], None] | None = None) -> Any:
    """A block of popcounts, and a flag that their counts set now and then; `use` adds to it."""

    def describe() -> None:
        functions = [popcount(shape, "abc"[index]) for index, shape in enumerate(shapes)]
        flag = pyrtl.Register(1, "flag")
        flag.next <<= joined([plane[0] for f in functions for plane in f.counts]) == 1
        for function in functions if use else ():
            use(function)

    return build(describe)


def ahead_of(block: Any) -> CountAhead | None:
    _, ahead = read_counting_ahead(block, declarations(block).functions)
    return ahead


def fill(backends: list[Backend], random: Random) -> None:
    for name, register in backends[0].shape.registers.items():
        number = random.getrandbits(register.bits)
        for backend in backends:
            backend.write_register(name, number)


def do(unit: Backend, reference: Backend, random: Random) -> None:
    """Something a user does, to both."""
    names = list(reference.shape.registers)
    name = random.choice(names)
    action = random.choice(["run", "run", "read", "write", "until", "all", "reset"])
    if action == "run":
        cycles = random.randrange(8)
        unit.run(cycles)
        reference.run(cycles)
    elif action == "read":
        assert unit.read_register(name) == reference.read_register(name), name
    elif action == "write":
        number = random.getrandbits(reference.shape.registers[name].bits)
        unit.write_register(name, number)
        reference.write_register(name, number)
    elif action == "until":
        ran = [backend._run_until("flag", 9) for backend in (unit, reference)]
        assert ran[0] == ran[1]
    elif action == "all":
        assert unit.registers() == reference.registers()
    elif random.random() < 0.3:
        unit.reset()
        reference.reset()


def compare(block: Any, seed: int) -> None:
    """Do what users do, to the compiled simulator and to PyRTL's."""
    random = Random(seed)
    unit, reference = simulator(block, "compiled"), simulator(block, "pyrtl")
    fill([unit, reference], random)
    for _ in range(60):
        do(unit, reference, random)
    assert unit.registers() == reference.registers()


def check(shape: Shape, seed: int) -> None:
    block = popcounts(shape)
    assert ahead_of(block) is not None
    compare(block, seed)


@settings(max_examples=12)
@given(shape=st.sampled_from(SHAPES), seed=st.integers(0, 2**32 - 1))
def test_registers_are_those_of_pyrtl_whenever_somebody_looks(shape: Shape, seed: int) -> None:
    check(shape, seed)


@pytest.mark.slow
@pytest.mark.timeout(600)
@settings(max_examples=100)
@given(
    structure=st.sampled_from(["sliced", "tree"]),
    stages=st.integers(1, 4),
    channels=st.sampled_from([8, 16, 32, 64, 128]),
    lanes=st.integers(1, 90),
    pixels=st.integers(1, 3),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_popcount_is_counted_ahead(
    structure: str, stages: int, channels: int, lanes: int, pixels: int, seed: int
) -> None:
    check((structure, stages, channels, lanes, pixels), seed)


def test_a_fork_has_registers_of_its_own() -> None:
    block = popcounts(SHAPES[1])
    one, reference = simulator(block, "compiled"), simulator(block, "pyrtl")
    fill([one, reference], Random(1))
    one.run(5)
    reference.run(5)
    other = one.fork()
    other.run(3)
    assert one.registers() == reference.registers()


def test_memories_are_kept_over_a_reset_and_counts_are_not() -> None:
    block = popcounts(SHAPES[1])
    unit, reference = simulator(block, "compiled"), simulator(block, "pyrtl")
    fill([unit, reference], Random(2))
    for backend in (unit, reference):
        backend.run(5)
        backend.reset(keep_memories=True)
        backend.run(1)
    assert unit.registers() == reference.registers()


# ---------------------------------------------------------------------- what is run
def test_the_registers_inside_and_their_adders_are_of_the_replay_alone() -> None:
    block = popcounts(("sliced", 2, 16, 40, 1))
    ahead = ahead_of(block)
    assert ahead is not None
    assert sum(net.op == "F" for net in ahead.netlist.nets) == 1
    inside = sum(register.bitwidth for register in ahead.inside)
    assert inside == 16 * Popcount(40, "sliced", 2).cut.flops
    made = {
        id(wire)
        for adder in declarations(block).adders
        for wire in (adder.total, adder.carry, *adder.inner)
    }
    replayed = {id(net.dests[0]) for net in ahead.replay.nets}
    assert replayed >= made & {id(net.dests[0]) for net in read_netlist(block).nets}
    assert not made & {id(wire) for net in ahead.netlist.nets for wire in net.dests}


@pytest.mark.parametrize("stages", [0, 3])
def test_an_accelerator_counts_ahead_if_it_has_registers_inside(stages: int) -> None:
    spec = with_changes(
        accelerator_of(ROOT / "arch_specs/tiny.yaml"),
        {"array.unroll.out_channels": 8, "array.popcount.pipeline_stages": stages},
    )
    block = elaborate(spec).block
    assert (ahead_of(block) is not None) == (stages > 0)
    unit, reference = CompiledBackend(block), CompiledBackend(block, every_net=True)
    fill([unit, reference], Random(stages))
    for cycles in (1, 1, 1, 20, 1, 300, 2):
        unit.run(cycles)
        reference.run(cycles)
        assert unit.registers() == reference.registers()


def a_register_inside() -> Any:
    registers = pyrtl.working_block().wirevector_subset(pyrtl.Register)
    return min((r for r in registers if is_temporary(r)), key=wire_order)


def read_inside(function: ProductCount) -> None:
    """Somebody else reads a register inside."""
    result(a_register_inside(), "probe")


def read_a_carry(function: ProductCount) -> None:
    """Somebody else reads what follows from registers inside."""
    last = declarations().adders[-1]
    result(last.carry, "probe")


def read_the_count_in_a_function(function: ProductCount) -> None:
    """A function that is substituted as well reads the planes of the count."""
    image = held(1, "image")
    planes = function.counts[:2]
    number = joined([plane[0] & ~image for plane in planes])
    declarations().functions.append(NumberOfPe(planes, ((image, 1, 1),), number))
    result(number, "number")


@pytest.mark.parametrize(
    "use", [read_inside, read_a_carry, read_the_count_in_a_function], ids=lambda use: use.__name__
)
def test_registers_that_others_read_keep_their_nets(
    use: Callable[[ProductCount], None],
) -> None:
    block = popcounts(("tree", 1, 8, 9, 1), use=use)
    assert ahead_of(block) is None
    compare(block, seed=3)


def test_blocks_that_differ_inside_alone_are_simulated_apart() -> None:
    """What runs is the same; only the replay tells the structures of three lanes apart."""
    blocks = [popcounts((structure, 1, 8, 3, 1)) for structure in ("sliced", "tree")]
    ahead = [read_counting_ahead(block, declarations(block).functions) for block in blocks]
    assert len({fingerprint(netlist) for netlist, _ in ahead}) == 1
    assert len({found.fingerprint() for _, found in ahead if found}) == 2
    for block in blocks:
        compare(block, seed=6)


def delayed_through(memory: bool) -> Any:
    """A count of one lane that passes flags, or a read-only memory, on its way."""

    def describe() -> None:
        weights, x, mask = turning(8, "weights"), turning(1, "x"), turning(1, "mask")
        active = turning(8, "active")
        product = ~(spread(x, 8) ^ weights) & (spread(mask, 8) & active)
        if memory:
            table = pyrtl.RomBlock(8, 8, range(256), "same", asynchronous=True)
            count = delayed(pyrtl.as_wires(table[product]), 1)
        else:
            count = joined([delayed(bit, 1) for bit in product])
        function = ProductCount(8, 1, weights, ((x,),), ((mask,),), active, (count,), 1)
        declarations().functions.append(function)
        result(count, "count0")
        flag = pyrtl.Register(1, "flag")
        flag.next <<= count[0]

    return build(describe)


@pytest.mark.parametrize("memory", [False, True])
def test_flags_and_memories_inside_keep_their_nets(memory: bool) -> None:
    block = delayed_through(memory)
    assert ahead_of(block) is None
    compare(block, seed=5)


def test_a_second_popcount_keeps_its_nets() -> None:
    block = popcounts(("tree", 1, 8, 9, 1), ("sliced", 2, 16, 5, 1), ("tree", 0, 8, 3, 1))
    ahead = ahead_of(block)
    assert ahead is not None
    assert len(ahead.past) == 1
    assert sum(net.op == "F" for net in ahead.netlist.nets) == 2
    compare(block, seed=4)


# ---------------------------------------------------------------------- toggles
@settings(max_examples=6)
@given(
    shape=st.sampled_from(SHAPES),
    seed=st.integers(0, 2**32 - 1),
    window=st.integers(2, 20),
    gap=st.integers(0, 30),
)
def test_toggles_inside_are_those_of_the_full_trace(
    shape: Shape, seed: int, window: int, gap: int
) -> None:
    random = Random(seed)
    block = popcounts(shape)
    sampling = Sampling(window, window + gap)
    backend = counting_simulator(block, sampling=sampling)
    fill([backend], random)
    runs = [random.randint(1, 30) for _ in range(4)]
    traced = traces(block, backend, sum(runs))
    for cycles in runs:
        backend.run(cycles)
        if random.random() < 0.5:
            backend.registers()
    counted = [sampling.stretch(cycle)[0] for cycle in range(sum(runs))]
    pairs = [i for i in range(sum(runs) - 1) if counted[i] and counted[i + 1]]
    assert backend.toggle_counts() == {
        name: sum(toggles_between(v, i, i + 1) for i in pairs) for name, v in traced.items()
    }
