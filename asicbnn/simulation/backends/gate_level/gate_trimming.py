"""Two passes over a gate netlist, each optional: fold constants, find what nothing reads.

Signals keep their numbers: a folded gate becomes a simpler one or an alias of another signal, and
dead logic is merely not among the live signals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from asicbnn.simulation.backends.gate_level.gate_netlist import ALIAS, ONE, READ, ZERO, GateNetlist

_Gate = tuple[str, tuple[int, ...]]


def fold_constants(netlist: GateNetlist) -> GateNetlist:
    """Simplify gates that read constants or the same signal twice; resolve aliases."""
    kinds, inputs = list(netlist.kinds), list(netlist.inputs)
    for signal, kind in enumerate(kinds):
        if not inputs[signal]:
            continue
        operands = tuple(_resolved(kinds, inputs, operand) for operand in inputs[signal])
        if kind == "inverter" and kinds[operands[0]] == "inverter":
            kinds[signal], inputs[signal] = ALIAS, inputs[operands[0]]
        else:
            kinds[signal], inputs[signal] = _RULES[kind](*operands)

    def resolve(bits: Iterable[int]) -> tuple[int, ...]:
        return tuple(_resolved(kinds, inputs, bit) for bit in bits)

    return replace(
        netlist,
        kinds=kinds,
        inputs=inputs,
        bits={wire: resolve(bits) for wire, bits in netlist.bits.items()},
        reads={
            first: replace(read, address=resolve(read.address))
            for first, read in netlist.reads.items()
        },
    )


def live_signals(netlist: GateNetlist, sinks: Iterable[int]) -> bytearray:
    """Mark the signals the sinks depend on; a read word's address counts as its input."""
    live = bytearray(len(netlist.kinds))
    stack = list(sinks)
    while stack:
        signal = stack.pop()
        if live[signal]:
            continue
        live[signal] = 1
        if netlist.kinds[signal] == READ:
            stack.extend(netlist.reads[netlist.origins[signal]].address)
        else:
            stack.extend(netlist.inputs[signal])
    return live


def _resolved(kinds: list[str], inputs: list[tuple[int, ...]], signal: int) -> int:
    """Follow an alias; its target is not one, since signals are folded in order."""
    return inputs[signal][0] if kinds[signal] == ALIAS else signal


def _inverter(a: int) -> _Gate:
    if a in (ZERO, ONE):
        return ALIAS, (ONE - a,)
    return "inverter", (a,)


def _and2(a: int, b: int) -> _Gate:
    if ZERO in (a, b):
        return ALIAS, (ZERO,)
    if ONE in (a, b) or a == b:
        return ALIAS, (b if a == ONE else a,)
    return "and2", (a, b)


def _or2(a: int, b: int) -> _Gate:
    if ONE in (a, b):
        return ALIAS, (ONE,)
    if ZERO in (a, b) or a == b:
        return ALIAS, (b if a == ZERO else a,)
    return "or2", (a, b)


def _nand2(a: int, b: int) -> _Gate:
    kind, operands = _and2(a, b)
    return ("nand2", operands) if kind == "and2" else _inverter(*operands)


def _xor2(a: int, b: int) -> _Gate:
    if a == b:
        return ALIAS, (ZERO,)
    for constant, other in ((a, b), (b, a)):
        if constant in (ZERO, ONE):
            return _inverter(other) if constant == ONE else (ALIAS, (other,))
    return "xor2", (a, b)


def _mux2(choose: int, low: int, high: int) -> _Gate:
    if choose in (ZERO, ONE) or low == high:
        return ALIAS, (high if choose == ONE else low,)
    if (low, high) == (ONE, ZERO):
        return _inverter(choose)
    if low in (ZERO, choose):
        return _and2(choose, high)
    if high in (ONE, choose):
        return _or2(choose, low)
    return "mux2", (choose, low, high)


_RULES: dict[str, Callable[..., _Gate]] = {
    ALIAS: lambda a: (ALIAS, (a,)),
    "inverter": _inverter,
    "and2": _and2,
    "or2": _or2,
    "nand2": _nand2,
    "xor2": _xor2,
    "mux2": _mux2,
}
