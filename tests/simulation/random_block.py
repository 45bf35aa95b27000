"""A block of random nets of every kind and width, and the state it is in."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any

import pyrtl

from asicbnn.simulation.backends import Backend
from asicbnn.simulation.backends.interface import numbers_of_words, words_of_numbers

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


def check_alike(one: Backend, other: Backend, runs: Iterable[int]) -> None:
    """Run two back ends from one state: they are in one state after every run of so many cycles."""
    assert state(one) == state(other)
    for cycles in runs:
        one.run(cycles)
        other.run(cycles)
        assert state(one) == state(other)
