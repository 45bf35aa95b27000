"""What a block is made of: gate counts, and the census that proves them.

A component says what it computes (`reference`), how it is built (`hardware`) and what it is made
of (`gates`). The census counts the same kinds in a built PyRTL block; tests demand equality.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pyrtl

from asicbnn.technology.cells import Cells

PRIMITIVE = {
    "full_adder": {"xor2": 2, "and2": 2, "or2": 1},
    "half_adder": {"xor2": 1, "and2": 1},
    "xnor2": {"xor2": 1, "inverter": 1},
    "holding": {"mux2": 1},
}


class Gates(Counter[str]):
    """Counts per kind: inverter and2 or2 nand2 xor2 xnor2 mux2 flop full_adder half_adder.

    Closed forms tell multiplexers apart: `holding` are those right in front of a register that
    choose between it and a new value, which clock gates replace.
    Immutable by convention: `+` and `times` make new ones.
    """

    def times(self, n: int) -> Gates:
        """N copies."""
        return Gates({kind: count * n for kind, count in self.items()})

    def __add__(self, other: Counter[str]) -> Gates:  # type: ignore[override]
        return Gates(Counter(self) + Counter(other))

    def __iadd__(self, other: Counter[str]) -> Gates:  # type: ignore[override]
        return self + other

    def primitive(self) -> Gates:
        """Adders opened into the two-input gates the netlist shows."""
        flat: Counter[str] = Counter()
        for kind, count in self.items():
            for part, n in PRIMITIVE.get(kind, {kind: 1}).items():
                flat[part] += n * count
        return Gates(+flat)

    def cells(self) -> Cells:
        """The same counts as technology roles."""
        return Cells(**self)


def summed(*parts: Gates) -> Gates:
    """All the gates of some parts; kinds that no part has are left out."""
    total: Counter[str] = Counter()
    for part in parts:
        for kind, count in part.items():
            total[kind] += count
    return Gates({kind: count for kind, count in total.items() if count})


def census(nets: Iterable[pyrtl.LogicNet]) -> Gates:
    """Two-input gates of PyRTL nets, memories and wiring left out.

    Ripple adders, subtractors and comparators are what a plain synthesis gives: a full adder
    per bit (the first bit of an addition a half adder); equality an XNOR per bit and an AND tree.
    Operations on constants count like any other: an upper bound that tools trim.
    """
    gates: Counter[str] = Counter()
    for net in nets:
        gates.update(_gates_of(net))
    return Gates(+gates)


def _gates_of(net: pyrtl.LogicNet) -> dict[str, int]:
    op, width = net.op, len(net.args[0]) if net.args else 0
    simple = {"&": "and2", "|": "or2", "^": "xor2", "~": "inverter", "n": "nand2", "r": "flop"}
    if op in simple:
        return {simple[op]: width}
    if op == "x":
        return {"mux2": len(net.args[1])}
    if op == "+":
        return {"half_adder": 1, "full_adder": width - 1}
    if op == "-":
        return {"full_adder": width, "inverter": width}
    if op in "<>":
        return {"full_adder": width, "inverter": width}
    if op == "=":
        return {"xor2": width, "or2": width - 1, "inverter": 1}
    if op in "wcsm@":
        return {}
    raise ValueError(f"the census has no rule for operation {op!r}")


class Stages:
    """Attributes the nets of a block under construction to the component being built.

    nets   of each component
    parts  the same nets by (component, part): what a component is divided into for its activity
    """

    def __init__(self, block: pyrtl.Block) -> None:
        self._block = block
        self._seen: set[pyrtl.LogicNet] = set()
        self.nets: dict[str, list[pyrtl.LogicNet]] = {}
        self.parts: dict[tuple[str, str], list[pyrtl.LogicNet]] = {}

    def mark(self, component: str, part: str = "", *, without: str = "") -> None:
        """Give everything built since the last mark to `component`, and to a part of it.

        without  operation of nets that wait for the next mark
        """
        new = self._block.logic - self._seen
        if without:
            new = {net for net in new if net.op != without}
        self._seen |= new
        self.nets.setdefault(component, []).extend(new)
        self.parts.setdefault((component, part), []).extend(new)
