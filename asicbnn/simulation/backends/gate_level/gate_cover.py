"""Cover gates with functions of three inputs, one instruction each where the processor has them.

AVX-512 computes any function of three bits in one instruction (``vpternlog``). The cover is the one
of FPGA mapping: per gate the cheapest cuts of at most three leaves, by area flow; then, from what
is needed, the gates that get an instruction of their own. A full adder's five gates become two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import NamedTuple

from asicbnn.simulation.backends.gate_level.gate_plan import Span, Unit

_KEPT_CUTS = 6
_PATTERNS = (0xF0, 0xCC, 0xAA)
"""Table of the first, second and third leaf: bit 4a + 2b + c is the function's value at a, b, c."""
_TABLES = {
    "inverter": 0x0F,
    "and2": 0xF0 & 0xCC,
    "or2": 0xF0 | 0xCC,
    "nand2": 0xFF ^ (0xF0 & 0xCC),
    "xor2": 0xF0 ^ 0xCC,
    "mux2": (0xF0 & 0xAA) | (0x0F & 0xCC),
}
_A, _B = _PATTERNS[:2]
_OPERATORS = {
    _A: "{0}",
    0xFF ^ _A: "~{0}",
    _A & _B: "{0} & {1}",
    _A & ~_B: "{0} & ~{1}",
    _B & ~_A: "~{0} & {1}",
    _A | _B: "{0} | {1}",
    _A ^ _B: "{0} ^ {1}",
}
"""Functions of one or two leaves that C and every processor have."""


@dataclass(frozen=True)
class Function:
    """One instruction: a signal, the at most three it is made of, and the truth table."""

    output: Span
    leaves: tuple[Span, ...]
    table: int


def expression(function: Function, operand: Callable[[Span], str]) -> str:
    """C for a function: an operator where there is one, so that fewer operands are named."""
    leaves = [operand(leaf) for leaf in function.leaves]
    if function.table in _OPERATORS:
        return _OPERATORS[function.table].format(*leaves)
    leaves += leaves[:1] * (3 - len(leaves))
    return f"TERNARY({', '.join(leaves)}, {function.table})"


class _Cut(NamedTuple):
    flow: float
    leaves: tuple[Span, ...]
    table: int


def cover(units: Sequence[Unit], needed: set[Span]) -> list[Function]:
    """Functions that compute the needed outputs of units given in order."""
    inside = {unit.span for unit in units}
    readers = dict.fromkeys(inside, 0)
    for unit in units:
        for operand in set(unit.operands) & inside:
            readers[operand] += 1
    cuts: dict[Span, list[_Cut]] = {}
    flows: dict[Span, float] = {}
    for unit in units:
        found = _cuts(unit, cuts, flows)
        cuts[unit.span] = found
        flows[unit.span] = found[0].flow / max(1, readers[unit.span])
    chosen: dict[Span, Function] = {}
    wanted = set(needed)
    for unit in reversed(units):
        if unit.span in wanted:
            _, leaves, table = cuts[unit.span][0]
            chosen[unit.span] = Function(unit.span, leaves, table)
            wanted.update(leaf for leaf in leaves if leaf in inside)
    return _twins_together([chosen[unit.span] for unit in units if unit.span in chosen])


def _cuts(unit: Unit, cuts: dict[Span, list[_Cut]], flows: dict[Span, float]) -> list[_Cut]:
    """The unit's cheapest cuts, the best one first."""
    options = []
    for operand in unit.operands:
        own = _Cut(flows.get(operand, 0.0), (operand,), _PATTERNS[0])
        options.append([own, *cuts.get(operand, ())])
    best: dict[tuple[Span, ...], _Cut] = {}
    for parts in product(*options):
        leaves = tuple(sorted({leaf for part in parts for leaf in part.leaves}))
        if len(leaves) > len(_PATTERNS) or leaves in best:
            continue
        tables = tuple(
            (part.table, tuple(leaves.index(leaf) for leaf in part.leaves)) for part in parts
        )
        flow = 1 + sum(flows.get(leaf, 0.0) for leaf in leaves)
        best[leaves] = _Cut(flow, leaves, _composed(_TABLES[unit.kind], tables))
    return sorted(best.values(), key=lambda cut: (cut.flow, len(cut.leaves)))[:_KEPT_CUTS]


@cache
def _composed(table: int, parts: tuple[tuple[int, tuple[int, ...]], ...]) -> int:
    """Truth table of a gate whose operands are functions of the leaves at given positions."""
    operands = [_applied(part, [_PATTERNS[place] for place in places]) for part, places in parts]
    return _applied(table, operands)


def _applied(table: int, operands: Sequence[int]) -> int:
    """A function's table with its operands' tables put in."""
    result = 0
    for point in range(8):
        index = sum((operand >> point & 1) << 2 - i for i, operand in enumerate(operands))
        result |= (table >> index & 1) << point
    return result


def _twins_together(functions: list[Function]) -> list[Function]:
    """Let functions of the same leaves follow each other: a sum and its carry."""
    twins: dict[tuple[Span, ...], list[Function]] = {}
    for function in functions:
        twins.setdefault(function.leaves, []).append(function)
    order, done = [], set()
    for function in functions:
        if function.output not in done:
            for twin in twins[function.leaves]:
                order.append(twin)
                done.add(twin.output)
    return order
