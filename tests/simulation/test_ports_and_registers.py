"""Ports of memories and registers: what is old and what is new within a cycle."""

from __future__ import annotations

from random import Random

import numpy as np
import pyrtl
import pytest
from simulation.machines import BOTH, build, counter, held, memory_machine, result
from tools import needs

from asicbnn.errors import SimulationError
from asicbnn.simulation.backends import simulator
from asicbnn.simulation.backends.interface import numbers_of_words, words_of_numbers


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
