"""Small wire idioms the generators share: sized adds, selects and delays.

PyRTL grows an addition by one bit and silently truncates an assignment; every width here is said.
Beside each idiom that is made of gates stands what it is made of, by the rules of the census.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyrtl
from pyrtl import Const, Register, WireVector

from asicbnn.hardware.component import Gates

_WIDEST_CONSTANT = 8192
"""PyRTL spells constants in decimal, which Python refuses beyond 4300 digits (14 kbit)."""


def constant(value: int, bits: int) -> WireVector:
    """A constant of any width; a wide one is made of words."""
    if bits <= _WIDEST_CONSTANT:
        return Const(value, bits)
    words = []
    for low in range(0, bits, _WIDEST_CONSTANT):
        word = WireVector(min(_WIDEST_CONSTANT, bits - low))  # PyRTL joins constants into one
        word <<= Const(value >> low & ((1 << len(word)) - 1), len(word))
        words.append(word)
    return joined(words)


def sized(wire: WireVector, bits: int) -> WireVector:
    """The wire zero-extended or truncated to `bits`."""
    if len(wire) == bits:
        return wire
    return wire.truncate(bits) if len(wire) > bits else wire.zero_extended(bits)


def add(a: WireVector, b: WireVector | int, bits: int) -> WireVector:
    """A + b modulo 2**bits."""
    other = Const(b % (1 << bits), bits) if isinstance(b, int) else sized(b, bits)
    return (sized(a, bits) + other).truncate(bits)


def add_gates(bits: int) -> Gates:
    """A sum of two numbers of `bits`: a half adder and full adders."""
    return Gates(half_adder=1, full_adder=bits - 1)


def subtract(a: WireVector, b: WireVector | int, bits: int) -> WireVector:
    """A - b modulo 2**bits."""
    other = Const(b % (1 << bits), bits) if isinstance(b, int) else sized(b, bits)
    return (sized(a, bits) - other).truncate(bits)


def subtract_gates(bits: int) -> Gates:
    """A difference of two numbers of `bits`: the subtrahend inverted, and full adders."""
    return Gates(full_adder=bits, inverter=bits)


def equals(a: WireVector, b: WireVector | int) -> WireVector:
    """1 if a equals b; an integer no wire of that width can hold is never equal."""
    if isinstance(b, int):
        return a == Const(b, len(a)) if 0 <= b < 1 << len(a) else Const(0, 1)
    bits = max(len(a), len(b))
    return sized(a, bits) == sized(b, bits)


def equals_gates(bits: int) -> Gates:
    """A comparison with a number, given or constant, that `bits` can hold."""
    return Gates(xor2=bits, or2=bits - 1, inverter=1)


def below(a: WireVector, b: WireVector | int) -> WireVector:
    """1 if a < b, unsigned."""
    if isinstance(b, int):
        if b <= 0:
            return Const(0, 1)
        return a < Const(b, len(a)) if b < 1 << len(a) else Const(1, 1)
    bits = max(len(a), len(b))
    return sized(a, bits) < sized(b, bits)


def below_gates(bits: int) -> Gates:
    """A comparison with a number, given or a constant above zero, that `bits` can hold."""
    return subtract_gates(bits)


def either(wires: Iterable[WireVector]) -> WireVector:
    """OR of equally wide wires; 0 if there are none."""
    total: WireVector | None = None
    for wire in wires:
        total = wire if total is None else total | wire
    return Const(0, 1) if total is None else total


def both(wires: Iterable[WireVector]) -> WireVector:
    """AND of one-bit wires; 1 if there are none."""
    total: WireVector | None = None
    for wire in wires:
        total = wire if total is None else total & wire
    return Const(1, 1) if total is None else total


def choose(
    condition: WireVector, yes: WireVector | int, no: WireVector | int, bits: int
) -> WireVector:
    """Yes if condition else no, both `bits` wide."""
    a = Const(yes % (1 << bits), bits) if isinstance(yes, int) else sized(yes, bits)
    b = Const(no % (1 << bits), bits) if isinstance(no, int) else sized(no, bits)
    return pyrtl.select(condition, a, b)


def one_of(options: Sequence[tuple[WireVector, WireVector]]) -> WireVector:
    """AND-OR select: the value whose one-bit condition is 1, 0 if none is."""
    return either(value & spread(condition, len(value)) for condition, value in options)


def one_of_gates(options: int, bits: int) -> Gates:
    """An AND-OR select among values of `bits`."""
    return Gates(and2=options * bits, or2=(options - 1) * bits)


def spread(bit: WireVector, bits: int) -> WireVector:
    """One bit repeated `bits` times."""
    return bit if bits == 1 else bit.sign_extended(bits)


def joined(parts: Sequence[WireVector]) -> WireVector:
    """Concatenation, least significant part first."""
    return parts[0] if len(parts) == 1 else pyrtl.concat_list(list(parts))


def delayed(wire: WireVector, cycles: int) -> WireVector:
    """The wire `cycles` clock cycles later."""
    for _ in range(cycles):
        register = Register(len(wire))
        register.next <<= wire
        wire = register
    return wire


def held(enable: WireVector, value: WireVector, name: str = "") -> Register:
    """Register that loads `value` when enabled."""
    register = Register(len(value), name=name)
    register.next <<= pyrtl.select(enable, value, register)
    return register


def held_gates(bits: int) -> Gates:
    """A register of `bits` that holds through a multiplexer."""
    return Gates(flop=bits, holding=bits)


def picked(index: WireVector, options: Sequence[WireVector]) -> WireVector:
    """options[index]; an index beyond the end selects any of them."""
    if len(options) == 1:
        return options[0]
    half = 1 << (len(options) - 1).bit_length() - 1
    top = (len(options) - 1).bit_length() - 1
    high = index[top] if len(index) > top else Const(0, 1)
    low = sized(index, top) if top else index
    return pyrtl.select(high, picked(low, options[half:]), picked(low, options[:half]))


def picked_gates(options: int, bits: int) -> Gates:
    """A tree of multiplexers over values of `bits`."""
    return Gates(mux2=(options - 1) * bits)
