"""Small blocks that tests of several back ends run, and the back ends that need nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyrtl
import pytest
from simulation.random_block import ones

from asicbnn.simulation.backends.toolchain import c_compiler

needs_compiler = pytest.mark.skipif(
    c_compiler.find_compiler() is None, reason="no C compiler on this machine"
)
BOTH = [pytest.param("compiled", marks=needs_compiler), "pyrtl"]


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
    register = pyrtl.Register(len(value), name)
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


def counter() -> None:
    count, done = pyrtl.Register(8, "count", reset_value=2), pyrtl.Register(1, "done")
    count.next <<= (count + 1).truncate(8)
    done.next <<= count == 10
    memory = pyrtl.MemBlock(70, 4, "memory")
    memory[count[:4]] <<= count.zero_extended(70)


def with_input() -> None:
    result(pyrtl.Input(3, "x"), "r")


def with_loop() -> None:
    a, b = pyrtl.WireVector(3, "a"), pyrtl.WireVector(3, "b")
    a <<= ~b
    b <<= ~a
    result(a, "r")
