"""Every back end does what PyRTL's FastSimulation does, and refuses what it cannot do."""

from __future__ import annotations

import gc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import numpy as np
import pyrtl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tools import needs

from asicbnn.errors import SimulationError
from asicbnn.simulation.backends import Backend, simulator
from asicbnn.simulation.backends.interface import StoppedError, numbers_of_words, words_of_numbers
from asicbnn.simulation.backends.toolchain import c_compiler
from asicbnn.simulation.backends.word_level import c_source

needs_compiler = pytest.mark.skipif(
    c_compiler.find_compiler() is None, reason="no C compiler on this machine"
)
BOTH = [pytest.param("compiled", marks=needs_compiler), "pyrtl"]
# Around every boundary of the generated code: bit, limb, two limbs (128), vectors (256, 512).
WIDTHS = [1, 1, 2, 7, 31, 32, 63, 64, 65, 100, 127, 128, 129, 191, 192, 200, 256, 257, 300, 520]


def ones(bits: int) -> int:
    return (1 << bits) - 1


class RandomBlock:
    """A block of random nets of every kind, whose results all end in registers and memories."""

    def __init__(self, random: Random, nets: int) -> None:
        self.random = random
        self.block = pyrtl.Block()
        with pyrtl.set_working_block(self.block, no_sanity_check=True):
            self.registers = [self._register(i) for i in range(30)]
            self.memories = [self._memory(i) for i in range(5)]
            self.pool: list[Any] = [*self.registers, *(self._constant() for _ in range(8))]
            for _ in range(nets):
                self.pool.append(self._net())
            self._connect()

    def _register(self, index: int) -> Any:
        bits = self.random.choice(WIDTHS)
        return pyrtl.Register(bits, f"r{index}", reset_value=self.random.getrandbits(bits))

    def _memory(self, index: int) -> Any:
        bits, address_bits = self.random.choice(WIDTHS), self.random.randint(2, 4)
        ports = {"max_read_ports": None, "max_write_ports": None, "asynchronous": True}
        return pyrtl.MemBlock(bits, address_bits, f"m{index}", **ports)

    def _constant(self) -> Any:
        bits = self.random.choice(WIDTHS)
        return pyrtl.Const(self.random.choice([0, ones(bits), self.random.getrandbits(bits)]), bits)

    def _recent(self) -> Any:
        """Mostly a recent wire: chains grow deep."""
        return self.random.choice(self.pool[-12:] if self.random.random() < 0.6 else self.pool)

    def _fit(self, wire: Any, bits: int) -> Any:
        """The wire cut or extended, often by repeating it, to a width."""
        if wire.bitwidth >= bits:
            return wire if wire.bitwidth == bits else wire[:bits]
        if self.random.random() < 0.5:
            return wire.zero_extended(bits)
        return pyrtl.concat_list([wire] * (bits // wire.bitwidth + 1))[:bits]

    def _bit(self) -> Any:
        wire = self._recent()
        return wire[self.random.randrange(wire.bitwidth)]

    def _net(self) -> Any:
        op = self.random.choice("w~&|^n+-*<>=xcsm&|^n~x")
        first = self._recent()
        if first.bitwidth > 600:  # widths must not grow for ever
            first = first[:520]
        bits = first.bitwidth
        if op == "c":
            args = self.random.choice([[self._bit()] * 150, [first] * 2, [first, self._recent()]])
            return self._add(op, None, args, sum(a.bitwidth for a in args))
        if op == "s":
            indices = self._indices(bits)
            return self._add(op, indices, [first], len(indices))
        if op == "m":
            memory = self.random.choice(self.memories)
            return pyrtl.as_wires(memory[self._fit(first, memory.addrwidth)])
        if op == "x":
            return self._add(op, None, [self._bit(), first, self._fit(self._recent(), bits)], bits)
        if op in "w~":
            return self._add(op, None, [first], bits)
        args = [first, self._fit(self._recent(), bits)]
        natural = {"+": bits + 1, "-": bits + 1, "*": min(600, 2 * bits)}.get(op, bits)
        return self._add(op, None, args, 1 if op in "<>=" else natural)

    def _indices(self, bits: int) -> tuple[int, ...]:
        count, start = self.random.randint(1, 300), self.random.randrange(bits)
        return self.random.choice(
            [
                tuple(range(start, bits)),
                tuple(range(start // 64 * 64, bits)),
                (start,) * count,
                tuple(reversed(range(bits))),
                tuple(self.random.randrange(bits) for _ in range(min(count, 40))),
            ]
        )

    def _add(self, op: str, parameter: Any, args: list[Any], natural_bits: int) -> Any:
        """Add a net, sometimes with a destination narrower than its result."""
        # FastSimulation cuts a selection, concatenation or choice wrongly: its mask binds to the
        # last term only. PyRTL itself makes no such nets.
        shrinks = op not in "scx" and self.random.random() < 0.2
        dest = pyrtl.WireVector(self.random.randint(1, natural_bits) if shrinks else natural_bits)
        self.block.add_net(pyrtl.LogicNet(op, parameter, tuple(args), (dest,)))
        return dest

    def _source(self, bits: int) -> Any:
        """What a register copies: a wire, another register, or one of two things held in state."""
        wide = [wire for wire in self.pool if wire.bitwidth >= bits]
        kind = self.random.random()
        if kind < 0.4:
            return self._fit(self.random.choice(self.pool), bits)
        if kind < 0.6 or len(wide) < 2:
            return self.random.choice([wire for wire in self.registers if wire.bitwidth >= bits])
        return pyrtl.select(self._bit(), *(self._fit(w, bits) for w in self.random.sample(wide, 2)))

    def _connect(self) -> None:
        for register in self.registers:
            source = self._source(register.bitwidth)
            self.block.add_net(pyrtl.LogicNet("r", None, (source,), (register,)))
        for memory in self.memories:
            for half in (0, 1):  # two write ports that never meet in one word
                rest = self._fit(self._recent(), memory.addrwidth - 1)
                address = pyrtl.concat(rest, pyrtl.Const(half, 1))
                data = self._fit(self._recent(), memory.bitwidth)
                memory[address] <<= pyrtl.MemBlock.EnabledWrite(data, self._bit())


def random_contents(backend: Backend, random: Random) -> dict[str, list[int]]:
    return {
        name: [random.getrandbits(shape.bits) for _ in range(shape.words)]
        for name, shape in backend.shape.memories.items()
    }


def load(backend: Backend, contents: dict[str, list[int]]) -> None:
    for name, numbers in contents.items():
        limbs = backend.shape.memories[name].limbs
        backend.write_memory(name, words_of_numbers(numbers, limbs))


def state(backend: Backend) -> dict[str, int | list[int]]:
    registers = {name: backend.read_register(name) for name in backend.shape.registers}
    memories = {
        name: numbers_of_words(backend.read_memory(name)) for name in backend.shape.memories
    }
    return registers | memories


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
    assert state(compiled) == state(interpreted)
    for cycles in (1, 1, 5, 30):
        compiled.run(cycles)
        interpreted.run(cycles)
        assert state(compiled) == state(interpreted)


def build(describe: Callable[[], None]) -> pyrtl.Block:
    """A block of its own from a function that describes it."""
    block = pyrtl.Block()
    with pyrtl.set_working_block(block, no_sanity_check=True):
        describe()
    return block


def held(bits: int, name: str) -> Any:
    """A register that keeps what the test writes into it."""
    register = pyrtl.Register(bits, name)
    register.next <<= register
    return register


def result(value: Any, name: str) -> None:
    register = pyrtl.Register(value.bitwidth, name)
    register.next <<= value


OPERATIONS: dict[str, Callable[[int, int, int], int]] = {
    "w": lambda a, b, bits: a,
    "~": lambda a, b, bits: a ^ ones(bits),
    "&": lambda a, b, bits: a & b,
    "|": lambda a, b, bits: a | b,
    "^": lambda a, b, bits: a ^ b,
    "n": lambda a, b, bits: (a & b) ^ ones(bits),
    "+": lambda a, b, bits: a + b,
    "-": lambda a, b, bits: (a - b) % (2 << bits),
    "*": lambda a, b, bits: a * b,
    "<": lambda a, b, bits: int(a < b),
    ">": lambda a, b, bits: int(a > b),
    "=": lambda a, b, bits: int(a == b),
}
RESULT_BITS = {"+": lambda n: n + 1, "-": lambda n: n + 1, "*": lambda n: 2 * n}
SOME_WIDTHS = [1, 63, 64, 65, 127, 128, 129, 192, 300]


def corner_pairs(bits: int) -> list[tuple[int, int]]:
    top, random = 1 << (bits - 1), Random(bits)
    a, b = random.getrandbits(bits), random.getrandbits(bits)
    return [(0, ones(bits)), (ones(bits), ones(bits)), (top, top ^ 1), (a, b), (b, a), (a, a)]


@pytest.fixture(scope="module", params=BOTH)
def calculator(request: pytest.FixtureRequest) -> Backend:
    """Every operation on two registers of each width."""

    def describe() -> None:
        block = pyrtl.working_block()
        for bits in SOME_WIDTHS:
            a, b = held(bits, f"a{bits}"), held(bits, f"b{bits}")
            for op in OPERATIONS:
                natural = 1 if op in "<>=" else RESULT_BITS.get(op, lambda n: n)(bits)
                for cut in {natural, max(1, natural - 1)}:  # and a result cut by one bit
                    dest = pyrtl.WireVector(cut)
                    args = (a,) if op in "w~" else (a, b)
                    block.add_net(pyrtl.LogicNet(op, None, args, (dest,)))
                    result(dest, f"{op} {bits} {cut}")

    return simulator(build(describe), request.param)


@pytest.mark.parametrize("op", OPERATIONS)
def test_operations_follow_integer_arithmetic_at_every_limb_boundary(
    calculator: Backend, op: str
) -> None:
    for corner in range(len(corner_pairs(1))):
        for bits in SOME_WIDTHS:
            a, b = corner_pairs(bits)[corner]
            calculator.write_register(f"a{bits}", a)
            calculator.write_register(f"b{bits}", b)
        calculator.run(1)
        for name in calculator.shape.registers:
            if name.startswith(f"{op} "):
                bits, cut = (int(part) for part in name.split()[1:])
                a, b = corner_pairs(bits)[corner]
                assert calculator.read_register(name) == OPERATIONS[op](a, b, bits) & ones(cut), (
                    name
                )


@pytest.mark.parametrize("backend", BOTH)
def test_concatenation_puts_its_first_argument_on_top_and_slices_count_from_the_bottom(
    backend: str,
) -> None:
    def describe() -> None:
        a, b = held(70, "a"), held(130, "b")
        result(pyrtl.concat(a, b), "joined")
        result(b[3], "bit")
        result(b[60:70], "across_limbs")
        result(b[64:130], "upper_limbs")
        result(b[1:129:2], "odd_bits")
        result(b[::-1], "reversed")
        result(pyrtl.select(b[0], pyrtl.concat(b, a), pyrtl.concat(a, b)), "chosen")
        result(pyrtl.concat_list([a[5]] * 100), "spread")
        result(a.sign_extended(200), "sign_extended")
        result(a.zero_extended(200), "zero_extended")

    a, b = Random(1).getrandbits(70) | 1 << 69, Random(2).getrandbits(130) | 1
    unit = simulator(build(describe), backend)
    unit.write_register("a", a)
    unit.write_register("b", b)
    unit.run(1)
    expected = {
        "joined": a << 130 | b,
        "bit": b >> 3 & 1,
        "across_limbs": b >> 60 & ones(10),
        "upper_limbs": b >> 64,
        "odd_bits": int(f"{b:0130b}"[::-1][1:129:2][::-1], 2),
        "reversed": int(f"{b:0130b}"[::-1], 2),
        "chosen": b << 70 | a,
        "spread": (a >> 5 & 1) * ones(100),
        "sign_extended": a | ones(130) << 70,
        "zero_extended": a,
    }
    assert {name: unit.read_register(name) for name in expected} == expected


@needs_compiler
def test_selections_concatenations_and_choices_may_be_cut() -> None:
    def describe() -> None:
        a = held(200, "a")
        for bits in (3, 64, 100, 190):
            for op, parameter, args in (
                ("s", tuple(reversed(range(200))), (a,)),
                ("c", None, (a, a)),
                ("x", None, (a[0], ~a, a)),
            ):
                dest = pyrtl.WireVector(bits)
                pyrtl.working_block().add_net(pyrtl.LogicNet(op, parameter, args, (dest,)))
                result(dest, f"{op}{bits}")

    unit, a = simulator(build(describe), "compiled"), Random(3).getrandbits(200) & ~1
    unit.write_register("a", a)
    unit.run(1)
    for bits in (3, 64, 100, 190):
        backwards = int(f"{a:0200b}"[::-1], 2)
        assert unit.read_register(f"s{bits}") == backwards & ones(bits)
        assert unit.read_register(f"c{bits}") == a & ones(bits)
        assert unit.read_register(f"x{bits}") == (a ^ ones(200)) & ones(bits)


def memory_machine(bits: int) -> Callable[[], None]:
    """Two read ports and two write ports: each cycle words 0 and 1 change places."""

    def describe() -> None:
        memory = pyrtl.MemBlock(
            bits, 3, "memory", max_read_ports=2, max_write_ports=2, asynchronous=True
        )
        enable, low, high = held(1, "enable"), pyrtl.Const(0, 3), pyrtl.Const(1, 3)
        first, second = pyrtl.as_wires(memory[low]), pyrtl.as_wires(memory[high])
        memory[low] <<= pyrtl.MemBlock.EnabledWrite(second, enable)
        memory[high] <<= pyrtl.MemBlock.EnabledWrite(first, enable)
        result(first, "seen")

    return describe


@pytest.mark.parametrize("backend", BOTH)
@pytest.mark.parametrize("bits", [5, 100, 300])
def test_two_ports_read_old_words_while_two_write_and_a_disabled_write_does_nothing(
    backend: str, bits: int
) -> None:
    unit = simulator(build(memory_machine(bits)), backend)
    numbers = [Random(4).getrandbits(bits) for _ in range(8)]
    words = words_of_numbers(numbers, -(-bits // 64))
    unit.write_memory("memory", words)
    unit.run(1)
    assert numbers_of_words(unit.read_memory("memory")) == numbers
    unit.write_register("enable", 1)
    unit.run(1)
    assert unit.read_register("seen") == numbers[0]
    swapped = [numbers[1], numbers[0], *numbers[2:]]
    assert numbers_of_words(unit.read_memory("memory")) == swapped


@pytest.mark.parametrize("backend", [*BOTH, pytest.param("icarus", marks=needs("iverilog", "vvp"))])
@pytest.mark.parametrize("bits", [8, 300])
def test_of_writes_to_one_word_the_port_built_last_wins(backend: str, bits: int) -> None:
    def describe() -> None:
        memory = pyrtl.MemBlock(bits, 2, "memory", max_write_ports=None)
        enable = held(1, "enable")
        values = [held(bits, f"value{port}") for port in range(7)]
        for value in values[:-1]:
            memory[pyrtl.Const(3, 2)] <<= value
        memory[pyrtl.Const(3, 2)] <<= pyrtl.MemBlock.EnabledWrite(values[-1], enable)

    unit = simulator(build(describe), backend)
    for port in range(7):
        unit.write_register(f"value{port}", port + 1)
    for enable, word in ((0, 6), (1, 7)):
        unit.write_register("enable", enable)
        unit.run(1)
        assert numbers_of_words(unit.read_memory("memory")) == [0, 0, 0, word]


@pytest.mark.parametrize("backend", BOTH)
@pytest.mark.parametrize("bits", [8, 300])
def test_registers_exchange_rotate_and_shadow_each_other(backend: str, bits: int) -> None:
    def describe() -> None:
        names = ["a", "b", "c", "shadow", "active"]
        a, b, c, shadow, active = (
            pyrtl.Register(bits, n, reset_value=i) for i, n in enumerate(names)
        )
        swap = held(1, "swap")
        a.next <<= b
        b.next <<= c
        c.next <<= pyrtl.select(swap, a, c)
        shadow.next <<= a
        active.next <<= pyrtl.select(swap, shadow, active)

    unit = simulator(build(describe), backend)
    unit.write_register("swap", 1)
    unit.run(1)
    values = [unit.read_register(name) for name in ("a", "b", "c", "shadow", "active")]
    assert values == [1, 2, 0, 0, 3]
    unit.run(1)
    values = [unit.read_register(name) for name in ("a", "b", "c", "shadow", "active")]
    assert values == [2, 0, 1, 1, 0]


@pytest.mark.parametrize("backend", BOTH)
def test_read_only_memories_keep_their_data(backend: str) -> None:
    data = [Random(5).getrandbits(90) for _ in range(6)]

    def describe() -> None:
        rom = pyrtl.RomBlock(90, 3, data, "rom", pad_with_zeros=True, asynchronous=True)
        address = pyrtl.Register(3, "address")
        address.next <<= (address + 1).truncate(3)
        result(pyrtl.as_wires(rom[address]), "word")

    unit = simulator(build(describe), backend)
    unit.run(3)
    assert unit.read_register("word") == data[2]
    unit.reset()
    assert numbers_of_words(unit.read_memory("rom")) == [*data, 0, 0]
    with pytest.raises(SimulationError, match=r"^memory rom is read-only$"):
        unit.write_memory("rom", words_of_numbers([0], 2))


def counter() -> None:
    count, done = pyrtl.Register(8, "count", reset_value=2), pyrtl.Register(1, "done")
    count.next <<= (count + 1).truncate(8)
    done.next <<= count == 10
    memory = pyrtl.MemBlock(70, 4, "memory")
    memory[count[:4]] <<= count.zero_extended(70)


@pytest.mark.parametrize("backend", BOTH)
def test_run_until_counts_cycles_and_fails_loudly_at_its_limit(backend: str) -> None:
    unit = simulator(build(counter), backend)
    assert unit.name == backend
    assert unit.note == ""
    assert unit.run_until("done", 9) == 9
    assert unit.read_register("count") == 11
    unit.reset()
    assert unit.read_register("count") == 2
    with pytest.raises(SimulationError, match=r"^register done was not 1 within 8 cycles$"):
        unit.run_until("done", 8)
    assert unit.read_register("count") == 10
    assert unit.run_until("done", 1) == 1


@needs_compiler
def test_runs_longer_than_one_call_into_the_code_add_up() -> None:
    def describe() -> None:
        count, done = pyrtl.Register(20, "count"), pyrtl.Register(1, "done")
        count.next <<= (count + 1).truncate(20)
        done.next <<= count == 200_000

    unit = simulator(build(describe), "compiled")
    unit.run(150_000)
    assert unit.read_register("count") == 150_000
    assert unit.run_until("done", 1_000_000) == 50_001
    assert unit.run_until("done", 2_000_000) == 1 << 20


@pytest.mark.parametrize("backend", BOTH)
def test_a_fork_has_a_state_of_its_own(backend: str) -> None:
    unit = simulator(build(counter), backend)
    unit.run(5)
    before = state(unit)
    twin = unit.fork()
    assert twin.read_register("count") == 2
    assert not twin.read_memory("memory").any()
    twin.run(3)
    assert state(unit) == before
    unit.reset()
    unit.run(3)
    assert state(unit) == state(twin)


@pytest.mark.parametrize("backend", BOTH)
def test_stopping_a_simulator_ends_runs_of_its_forks_until_the_stop_is_taken_back(
    backend: str,
) -> None:
    unit = simulator(build(counter), backend)
    twin = unit.fork()
    unit.stop.set()
    with pytest.raises(StoppedError, match=r"^the run was stopped$"):
        twin.run(1)
    with pytest.raises(StoppedError, match=r"^the run was stopped$"):
        twin.run_until("done", 9)
    assert twin.read_register("count") == 2
    unit.stop.clear()
    assert twin.run_until("done", 9) == 9


@needs_compiler
def test_forks_run_in_threads() -> None:
    first = simulator(build(counter), "compiled")
    units = [first, *(first.fork() for _ in range(7))]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda unit: unit.run(100_000), units))
    assert all(state(unit) == state(first) for unit in units)
    assert first.read_register("count") == (100_000 + 2) % 256


@pytest.mark.parametrize("backend", BOTH)
def test_memory_parts_and_registers_read_back_as_written(backend: str) -> None:
    unit = simulator(build(counter), backend)
    words = np.arange(1, 9, dtype=np.uint64).reshape(4, 2)
    words[:, 1] &= np.uint64(63)
    unit.write_memory("memory", words, start=5)
    assert np.array_equal(unit.read_memory("memory", 5, 4), words)
    assert not unit.read_memory("memory", 9).any()
    unit.read_memory("memory")[:] = 7  # a copy
    assert np.array_equal(unit.read_memory("memory", 5, 4), words)
    unit.write_register("count", 255)
    assert unit.read_register("count") == 255


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


def with_input() -> None:
    result(pyrtl.Input(3, "x"), "r")


def with_loop() -> None:
    a, b = pyrtl.WireVector(3, "a"), pyrtl.WireVector(3, "b")
    a <<= ~b
    b <<= ~a
    result(a, "r")


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
