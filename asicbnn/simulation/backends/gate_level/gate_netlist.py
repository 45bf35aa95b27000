"""A PyRTL netlist opened into one-bit gates, by the rules of the census.

A *signal* is one bit: a constant, a bit of a wire that is not computed here (a *source*), a bit a
memory gave, or the output of a gate. Gates of a bitwise net lie side by side, so that code for all
its bits can be one loop. The gates of a netlist are exactly those `hardware.component.census`
counts, in its primitive kinds; a multiplication, for which the census has no rule, is an array of
AND gates and ripple adders.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import pyrtl

from asicbnn.errors import SimulationError
from asicbnn.hardware.component import Gates
from asicbnn.simulation.backends.netlist import Memory, Net, Wire

ZERO, ONE = 0, 1
CONSTANT, SOURCE, READ, ALIAS = "constant", "source", "read", "alias"
GATE_KINDS = ("inverter", "and2", "or2", "nand2", "xor2", "mux2")
_BITWISE = {"~": "inverter", "&": "and2", "|": "or2", "^": "xor2", "n": "nand2"}

Bits = Sequence[int]


@dataclass(frozen=True)
class Read:
    """An asynchronous read port: its first signal, the wire and the signals of its address."""

    first: int
    memory: Memory
    wire: Wire
    address: Bits


@dataclass
class GateNetlist:
    """Signals in an order in which each comes after its inputs.

    kinds    what each signal is: constant, source, read, alias, or a gate of `GATE_KINDS`
    inputs   of gates the signals they read (mux2: select, low, high), of an alias the one it is
    origins  first signal of the group a signal was made with: a source, a read, a row of gates
    sizes    number of signals in a group, by its first signal
    bits     the signals of each wire, lowest bit first
    sources  wires that are not computed here, by their first signal
    reads    read ports, by their first signal
    """

    kinds: list[str] = field(default_factory=lambda: [CONSTANT, CONSTANT])
    inputs: list[tuple[int, ...]] = field(default_factory=lambda: [(), ()])
    origins: list[int] = field(default_factory=lambda: [ZERO, ONE])
    sizes: dict[int, int] = field(default_factory=lambda: {ZERO: 1, ONE: 1})
    bits: dict[Wire, Bits] = field(default_factory=dict)
    sources: dict[int, Wire] = field(default_factory=dict)
    reads: dict[int, Read] = field(default_factory=dict)

    def gates(self) -> Gates:
        """Count the gates by kind."""
        counted = Counter(self.kinds)
        return Gates({kind: counted[kind] for kind in GATE_KINDS if counted[kind]})

    def of(self, wire: Wire) -> Bits:
        """Signals of a wire; a wire no net here has computed is a constant or a source."""
        if wire in self.bits:
            return self.bits[wire]
        if isinstance(wire, pyrtl.Const):
            made: Bits = tuple(wire.val >> i & 1 for i in range(wire.bitwidth))
        else:
            made = self.add(SOURCE, [()] * wire.bitwidth)
            self.sources[made[0]] = wire
        self.bits[wire] = made
        return made

    def add(self, kind: str, inputs: Iterable[tuple[int, ...]]) -> range:
        """Append a group of signals of one kind."""
        first = len(self.kinds)
        self.inputs.extend(inputs)
        count = len(self.inputs) - first
        self.kinds.extend([kind] * count)
        self.origins.extend([first] * count)
        self.sizes[first] = count
        return range(first, first + count)


def map_gates(nets: Iterable[Net]) -> GateNetlist:
    """Map combinational nets, given in an order in which each comes after its arguments."""
    netlist = GateNetlist()
    mapper = _Mapper(netlist)
    for net in nets:
        (wire,) = net.dests
        netlist.bits[wire] = mapper.map(net)[: wire.bitwidth]
    return netlist


class _Mapper:
    """The rule of each operation; every rule returns the bits of the untruncated result."""

    def __init__(self, netlist: GateNetlist) -> None:
        self._netlist = netlist
        self._rules: dict[str, Callable[..., Bits]] = {
            "w": lambda a: a,
            "c": lambda *parts: [bit for part in reversed(parts) for bit in part],
            "x": self._choice,
            "+": lambda a, b: self._sum(a, b),
            "-": lambda a, b: self._difference(a, b),
            "*": self._product,
            "<": lambda a, b: self._difference(a, b)[-1:],
            ">": lambda a, b: self._difference(b, a)[-1:],
            "=": self._equality,
        }

    def map(self, net: Net) -> Bits:
        operands = [self._netlist.of(wire) for wire in net.args]
        if net.op == "s":
            return [operands[0][index] for index in net.op_param]
        if net.op == "m":
            return self._read(net, operands[0])
        if net.op in _BITWISE:
            return self._row(_BITWISE[net.op], *operands)
        if net.op not in self._rules:
            raise SimulationError(f"wire {net.dests[0].name}: unknown PyRTL operation '{net.op}'")
        return self._rules[net.op](*operands)

    def _row(self, kind: str, *operands: Bits) -> Bits:
        return self._netlist.add(kind, zip(*operands, strict=True))

    def _gate(self, kind: str, *operands: int) -> int:
        return self._netlist.add(kind, [operands])[0]

    def _read(self, net: Net, address: Bits) -> Bits:
        memory = net.op_param[1]
        word = self._netlist.add(READ, [()] * memory.bitwidth)
        self._netlist.reads[word[0]] = Read(word[0], memory, net.args[0], tuple(address))
        return word

    def _choice(self, choose: Bits, low: Bits, high: Bits) -> Bits:
        return self._row("mux2", [choose[0]] * len(low), low, high)

    def _half_adder(self, a: int, b: int) -> tuple[int, int]:
        return self._gate("xor2", a, b), self._gate("and2", a, b)

    def _full_adder(self, a: int, b: int, carry: int) -> tuple[int, int]:
        half, generated = self._half_adder(a, b)
        total, propagated = self._half_adder(half, carry)
        return total, self._gate("or2", generated, propagated)

    def _sum(self, a: Bits, b: Bits) -> list[int]:
        """Ripple: a half adder, then full adders; the last carry on top."""
        total, carry = self._half_adder(a[0], b[0])
        bits = [total]
        for x, y in zip(a[1:], b[1:], strict=True):
            total, carry = self._full_adder(x, y, carry)
            bits.append(total)
        return [*bits, carry]

    def _difference(self, a: Bits, b: Bits) -> list[int]:
        """Ripple of full subtractors, five gates and an inverter each; the last borrow on top."""
        borrow, bits = ZERO, []
        for x, y in zip(a, b, strict=True):
            differs = self._gate("xor2", x, y)
            bits.append(self._gate("xor2", differs, borrow))
            begun = self._gate("and2", differs, y)
            kept = self._gate("and2", self._gate("inverter", differs), borrow)
            borrow = self._gate("or2", begun, kept)
        return [*bits, borrow]

    def _product(self, a: Bits, b: Bits) -> list[int]:
        """Add a row of AND gates per bit of b."""
        width = len(a)
        bits = [*self._row("and2", a, [b[0]] * width), *[ZERO] * width]
        for shift in range(1, width):
            row = self._row("and2", a, [b[shift]] * width)
            bits[shift : shift + width + 1] = self._sum(bits[shift : shift + width], row)
        return bits

    def _equality(self, a: Bits, b: Bits) -> list[int]:
        """XOR per bit, OR tree, inverter."""
        level = list(self._row("xor2", a, b))
        while len(level) > 1:
            pairs = [self._gate("or2", *level[i : i + 2]) for i in range(0, len(level) - 1, 2)]
            level = pairs + level[len(level) - len(level) % 2 :]
        return [self._gate("inverter", level[0])]
