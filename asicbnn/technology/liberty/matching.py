"""What a cell does, told by its functions and state groups, never by its name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Final

from asicbnn.technology.liberty.functions import (
    ExpressionError,
    column,
    truth_table,
    variables_of,
)
from asicbnn.technology.liberty.library import LibertyCell, Pin, Storage

_A, _B = column(0, 2), column(1, 2)
_A3, _B3, _C3 = (column(k, 3) for k in range(3))
_ALL2, _ALL3 = 0b1111, 0xFF
_MOST_FREE_PINS: Final = 4

SINGLE: Final[Mapping[str, tuple[int, int]]] = {
    "inverter": (1, 0b01),
    "buffer": (1, 0b10),
    "nand2": (2, _ALL2 ^ (_A & _B)),
    "nor2": (2, _ALL2 ^ (_A | _B)),
    "and2": (2, _A & _B),
    "or2": (2, _A | _B),
    "xor2": (2, _A ^ _B),
    "xnor2": (2, _ALL2 ^ _A ^ _B),
    "mux2": (3, (_A3 & ~_C3 | _B3 & _C3) & _ALL3),
    "mux2_inverting": (3, _ALL3 ^ ((_A3 & ~_C3 | _B3 & _C3) & _ALL3)),
}
"""Roles of one output: number of inputs, and the truth table; a multiplexer's input 2 selects."""

_ADDERS: Final[Mapping[str, tuple[int, int, int]]] = {
    "half_adder": (2, _A ^ _B, _A & _B),
    "full_adder": (3, _A3 ^ _B3 ^ _C3, _A3 & _B3 | _A3 & _C3 | _B3 & _C3),
}


@dataclass(frozen=True, slots=True)
class Match:
    """A cell that does what a role asks for, but for some ``features``.

    clock      : the pin a clock drives; the select pin of a multiplexer
    output     : the pin of a flip-flop or latch that is used
    states     : all of its pins that follow the state and so switch with it, the used one as well
    carry, sum : outputs of an adder
    features   : "inverting" (of an adder: both outputs), "falling" (edge of a flip-flop, level of
                 a latch), "reset", "set", "tied" (pins tied to a constant, as those of a scan path)
    """

    role: str
    cell: LibertyCell
    clock: str = ""
    output: str = ""
    states: tuple[str, ...] = ()
    carry: str = ""
    sum: str = ""
    features: frozenset[str] = frozenset()

    def on(self, cell: LibertyCell) -> Match:
        """Return the same match on the same cell as another corner gives it."""
        return replace(self, cell=cell)


def matches_of(cell: LibertyCell) -> Iterator[Match]:
    """Yield the roles a cell can play; nothing for one whose functions cannot be read."""
    inputs, outputs = list(cell.inputs()), list(cell.outputs())
    if any(pin.width > 1 or pin.three_state for pin in cell.pins.values()):
        return
    if any(pin.direction == "inout" and (pin.function or pin.arcs) for pin in cell.pins.values()):
        return  # a pad; old files list the supplies as inout pins with neither
    try:
        if cell.clock_gate:
            yield from _clock_gates(cell, outputs)
        elif len(cell.storages) == 1 and not cell.has_state_table:
            yield from _storages(cell, inputs, outputs)
        elif not cell.storages and not cell.has_state_table:
            yield from _gates(cell, inputs, outputs)
    except ExpressionError:
        return


def is_of_use(cell: LibertyCell) -> bool:
    """Say whether a cell can play a role, or is a memory."""
    return cell.memory is not None or next(matches_of(cell), None) is not None


def _gates(cell: LibertyCell, inputs: list[Pin], outputs: list[Pin]) -> Iterator[Match]:
    if not all(pin.function for pin in outputs) or not 1 <= len(inputs) <= 3:
        return
    names = [pin.name for pin in inputs]
    for order in permutations(names):
        tables = [truth_table(pin.function, order) for pin in outputs]
        if len(tables) == 1:
            for role, wanted in SINGLE.items():
                if (len(order), tables[0]) == wanted:
                    yield Match(role, cell, clock=order[2] if len(order) == 3 else "")
                    return
        if len(tables) == 2 and (found := _adder(cell, outputs, tables, len(order))):
            yield found
            return


def _adder(cell: LibertyCell, outputs: list[Pin], tables: list[int], inputs: int) -> Match | None:
    ones = (1 << (1 << inputs)) - 1
    for role, (wanted_inputs, total, carry) in _ADDERS.items():
        if wanted_inputs != inputs:
            continue
        for first, second in ((0, 1), (1, 0)):
            for inverted in (0, ones):
                if (tables[first], tables[second]) == (total ^ inverted, carry ^ inverted):
                    return Match(
                        role,
                        cell,
                        sum=outputs[first].name,
                        carry=outputs[second].name,
                        features=frozenset({"inverting"} if inverted else ()),
                    )
    return None


def _clock_gates(cell: LibertyCell, outputs: list[Pin]) -> Iterator[Match]:
    """A latch-based gate that passes the high phase, its observation points aside."""
    clock = next((pin.name for pin in cell.inputs() if pin.role == "gate_clock"), "")
    clock = clock or next((pin.name for pin in cell.inputs() if pin.is_clock), "")
    inputs = {pin.name for pin in cell.inputs()}
    followed = {arc.related_pin for pin in outputs for arc in pin.arcs if arc.is_delay}
    if not clock and len(followed) == 1 and followed <= inputs:
        (clock,) = followed
    if cell.clock_gate.startswith("latch_posedge") and clock and len(outputs) == 1:
        is_tied = any(pin.role == "gate_test" for pin in cell.inputs())
        features = frozenset({"tied"} if is_tied else ())
        yield Match("clock_gate", cell, clock=clock, features=features)


def _storages(cell: LibertyCell, inputs: list[Pin], outputs: list[Pin]) -> Iterator[Match]:
    storage = cell.storages[0]
    names = {pin.name for pin in inputs}
    clock, is_inverted_clock = _single(storage.clock)
    if storage.bits > 1 or clock not in names or storage.has_second_clock:
        return
    if storage.kind == "latch" and (gate := _gate_of_latch(cell, storage, clock, outputs)):
        yield gate
        return
    states = dict(_states(outputs, storage))
    whole = {"falling": is_inverted_clock, "reset": storage.clear, "set": storage.preset}
    for is_inverted_data, is_tied in _ways_in(storage.data, names):
        for name, is_inverted in states.items():
            is_inverting = is_inverted ^ is_inverted_data
            features = whole | {"inverting": is_inverting, "tied": is_tied}
            chosen = frozenset(name for name, has_it in features.items() if has_it)
            yield Match(
                storage.kind, cell, clock=clock, output=name, states=tuple(states), features=chosen
            )


def _single(text: str) -> tuple[str, bool]:
    """Return the only variable of an expression and whether it stands inverted; "" if several."""
    names = variables_of(text)
    if len(names) != 1:
        return "", False
    table = truth_table(text, names)
    return (names[0], table == 0b01) if table in (0b01, 0b10) else ("", False)


def _ways_in(text: str, names: set[str]) -> set[tuple[bool, bool]]:
    """Return how the next state can follow one pin: whether inverted, whether others are tied."""
    variables = variables_of(text)
    if not variables or len(variables) > _MOST_FREE_PINS:
        return set()
    table = truth_table(text, variables)
    found = set()
    for k, name in enumerate(variables):
        bit = 1 << k
        for row in range(1 << len(variables)):
            low, high = table >> (row & ~bit) & 1, table >> (row | bit) & 1
            if name in names and low != high:
                found.add((low == 1, len(variables) > 1))
    return found


def _states(outputs: list[Pin], storage: Storage) -> Iterator[tuple[str, bool]]:
    """Yield the outputs that follow the state, and whether each is its complement."""
    state, *complement = storage.variables or ("",)
    for pin in outputs:
        name, is_inverted = _single(pin.function)
        if name and name == state:
            yield pin.name, is_inverted
        elif complement and name == complement[0]:
            yield pin.name, not is_inverted


def _gate_of_latch(
    cell: LibertyCell, storage: Storage, clock: str, outputs: list[Pin]
) -> Match | None:
    """A clock gate that a file describes as a latch and an AND: out = clock & state."""
    if len(outputs) != 1 or not storage.variables:
        return None
    names = variables_of(outputs[0].function)
    if set(names) != {clock, storage.variables[0]}:
        return None
    is_gate = truth_table(outputs[0].function, names) == _A & _B
    return Match("clock_gate", cell, clock=clock) if is_gate else None
