"""A block with everything that is exported, and its state in a simulator."""

from __future__ import annotations

from random import Random
from typing import Any

import pyrtl
from simulation.machines import result
from simulation.random_block import ones

from asicbnn.hardware.gating import GatedGroup
from asicbnn.simulation.backends import Backend
from asicbnn.simulation.backends.interface import (
    words_of_numbers,
)

# Around every type of Verilator's: 8, 16, 32, 64 bit, and words of 32 bit beyond.
WIDTHS = [1, 2, 8, 9, 16, 17, 32, 33, 63, 64, 65, 96, 97, 128, 129, 300]
ROM = [5, 0, 1 << 69, 3]


def machine() -> tuple[pyrtl.Block, list[GatedGroup]]:
    """Registers and memories of every width, logic on both, a counter with a flag, a ROM, gates."""
    block = pyrtl.Block()
    with pyrtl.set_working_block(block, no_sanity_check=True):
        count, done = pyrtl.Register(8, "count", reset_value=2), pyrtl.Register(1, "done")
        count.next <<= (count + 1).truncate(8)
        done.next <<= count == 10
        for bits in WIDTHS:
            held = kept(bits, f"held {bits}", ones(bits) & 0x5A5A5A5A5A5)
            result(~held, f"inverse{bits}")
            result((held + count).truncate(bits), f"sum{bits}")
            _written_memory(bits, count, held)
            given = pyrtl.MemBlock(bits, 3, f"given{bits}")  # no write port: filled from outside
            result(given[count[:3]], f"read{bits}")
        rom = pyrtl.RomBlock(70, 2, ROM, name="rom")
        result(rom[count[:2]], "rom_word")
        shared = pyrtl.concat_list([kept(20, f"factor{i}") for i in range(3)])  # by two readers
        square = shared * shared + shared
        result(square, "square")
        result(square ^ shared.zero_extended(len(square)), "square_too")
        result(pyrtl.concat(count, done), "always")  # a name Verilog has taken
        enable = count[1]
        registers = tuple(_gated(bits, count, enable) for bits in (20, 30, 1, 80))
        gated = GatedGroup("gated", enable, registers)
    return block, [gated]


def _gated(bits: int, count: Any, enable: Any) -> Any:
    """A register that loads in some cycles; several of them fill more than one gate of 32 flops."""
    register = pyrtl.Register(bits, f"gated{bits}")
    loaded = ~register ^ pyrtl.concat_list([count] * (bits // 8 + 1))[:bits]
    register.next <<= pyrtl.select(enable, loaded, register)
    return register


def kept(bits: int, name: str, reset_value: int = 0) -> Any:
    """A register that keeps what is written into it from outside."""
    register = pyrtl.Register(bits, name, reset_value=reset_value)
    register.next <<= register
    return register


def _written_memory(bits: int, count: Any, held: Any) -> None:
    """Two write ports that never meet in one word; a read of the word written at the same time."""
    memory = pyrtl.MemBlock(bits, 3, f"memory{bits}", max_read_ports=None, max_write_ports=None)
    even, odd = pyrtl.concat(count[1:3], pyrtl.Const(0, 1)), pyrtl.concat(count[:2], pyrtl.Const(1))
    memory[even] <<= pyrtl.MemBlock.EnabledWrite(held, count[0])
    memory[odd] <<= pyrtl.MemBlock.EnabledWrite(~held, ~count[0])
    result(memory[even], f"before{bits}")


def load(unit: Backend, random: Random) -> None:
    for name, register in unit.shape.registers.items():
        unit.write_register(name, random.getrandbits(register.bits))
    for name, memory in unit.shape.memories.items():
        if not memory.is_read_only:
            numbers = [random.getrandbits(memory.bits) for _ in range(memory.words - 2)]
            unit.write_memory(name, words_of_numbers(numbers, memory.limbs), start=2)
