"""C for nets that touch wires of more than 64 bits, in sixteen cycles at once, limb by limb.

What depends on no carry is a vector operation per limb. Sums, products and orders of such wires,
which are rare, are worked out cycle by cycle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby

import pyrtl

from asicbnn.simulation.backends.netlist import Net, Wire
from asicbnn.simulation.backends.state_layout import LIMB_BITS, StateLayout, limbs_of
from asicbnn.simulation.backends.word_level.c_function import FunctionWriter, Sharing
from asicbnn.simulation.backends.word_level.c_values import Value, literal, ones
from asicbnn.simulation.backends.word_level.columns import (
    CYCLES,
    LIMB_COLUMN,
    Columns,
    bytes_per_cycle,
)

_FORMS = {
    "w": "{0}", "~": "~{0}", "&": "{0} & {1}", "|": "{0} | {1}", "^": "{0} ^ {1}",
    "n": "~({0} & {1})", "x": "(({1} ^ {0}) & chosen) ^ {0}",
}  # fmt: skip
_MOST_UNROLLED = 4  # limbs; more are a loop
_ZERO = "ALL64(0)"


def cell(columns: Columns, wire: Wire, cycle: str, limb: int | str = 0) -> str:
    """C expression of one cycle of a wire, of one of its limbs."""
    offset, size = columns.offsets[id(wire)], bytes_per_cycle(wire.bitwidth)
    kind = {1: "uint8_t", 4: "h_", 8: "l_"}[size]
    index = cycle if limb == 0 else f"{CYCLES} * ({limb}) + {cycle}"
    return f"(({kind} *)(V + {offset}))[{index}]"


def bit_runs(indices: tuple[int, ...]) -> Iterator[tuple[int, int, int, int]]:
    """Cut indices into runs of neighbours (step 1) or repeats (0): start, length, step, place."""
    position = 0
    while position < len(indices):
        start, step, end = indices[position], 1, position + 1
        if indices[end : end + 1] == (start,):
            step = 0
        while end < len(indices) and indices[end] == start + step * (end - position):
            end += 1
        yield start, end - position, step, position
        position = end


class WideNets:
    """Statements for nets with an argument or a result of more than 64 bits.

    vector  C expression of a wire of at most 64 bits, as 16 limbs
    """

    def __init__(self, columns: Columns, vector: Callable[[Wire], str]) -> None:
        self._columns = columns
        self._vector = vector

    def narrow(self, net: Net) -> str | None:
        """Return a result of at most 64 bits as 16 limbs; None if it is found cycle by cycle."""
        if net.op == "=":
            return self._equal(net)
        if net.op in "sc":
            return self._joined(net)[0]
        if net.op in _FORMS:  # cut below its arguments
            choose, others = _operands(net)
            text = _FORMS[net.op].format(*(self._limb(a, 0) for a in others))
            if choose is not None:
                text = text.replace("chosen", f"-{self._vector(choose)}")
            return f"({text}) & {literal(ones(net.dests[0].bitwidth))}"
        return None

    def statements(self, net: Net) -> list[str]:
        """Return what computes a result, of any width, straight into its columns."""
        if net.op in _FORMS:
            return self._bitwise(net)
        if net.op in "sc":
            place = self._columns.offsets[id(net.dests[0])]
            return [
                f"*(V64 *)(V + {place + LIMB_COLUMN * index}) = {text};"
                for index, text in enumerate(self._joined(net))
            ]
        writer = _CycleWriter(self._columns)
        writer.write(net)
        return writer.statements()

    def _limb(self, wire: Wire, index: int) -> str:
        if index >= limbs_of(wire.bitwidth):
            return _ZERO
        if isinstance(wire, pyrtl.Const):
            return f"ALL64({literal(wire.val >> LIMB_BITS * index & ones(LIMB_BITS))})"
        if wire.bitwidth <= LIMB_BITS:
            return self._vector(wire)
        return f"*(V64 *)(V + {self._columns.offsets[id(wire)] + LIMB_COLUMN * index})"

    def _bitwise(self, net: Net) -> list[str]:
        (wire,) = net.dests
        choose, others = _operands(net)
        head = "{" if choose is None else f"{{ const V64 chosen = -{self._vector(choose)};"
        place, limbs = self._columns.offsets[id(wire)], limbs_of(wire.bitwidth)
        lines = [head]
        if limbs > _MOST_UNROLLED and all(self._is_walkable(a, limbs) for a in others):
            operands = [self._walked(argument) for argument in others]
            lines.append(f"for (int i = 0; i < {limbs}; i++)")
            lines.append(f"((V64 *)(V + {place}))[i] = {_FORMS[net.op].format(*operands)};")
        else:
            for index in range(limbs):
                text = _FORMS[net.op].format(*(self._limb(a, index) for a in others))
                lines.append(f"*(V64 *)(V + {place + LIMB_COLUMN * index}) = {text};")
        if top := wire.bitwidth % LIMB_BITS:
            last = place + LIMB_COLUMN * (limbs - 1)
            lines.append(f"*(V64 *)(V + {last}) &= ALL64({literal(ones(top))});")
        return [*lines, "}"]

    @staticmethod
    def _is_walkable(wire: Wire, limbs: int) -> bool:
        if isinstance(wire, pyrtl.Const):
            return wire.val in (0, ones(wire.bitwidth))
        return limbs_of(wire.bitwidth) >= limbs

    def _walked(self, wire: Wire) -> str:
        if isinstance(wire, pyrtl.Const):
            return "ALL64(~0ull)" if wire.val else _ZERO
        return f"((V64 *)(V + {self._columns.offsets[id(wire)]}))[i]"

    def _equal(self, net: Net) -> str:
        left, right = net.args
        terms = [
            f"({self._limb(left, index)} ^ {self._limb(right, index)})"
            for index in range(limbs_of(left.bitwidth))
        ]
        return f"((V64)(({' | '.join(terms)}) == 0) & 1)"

    def _joined(self, net: Net) -> list[str]:
        """Return the limbs of a selection or a concatenation."""
        bits = net.dests[0].bitwidth
        limbs: list[list[str]] = [[] for _ in range(limbs_of(bits))]
        for wire, start, length, step, position in _parts(net):
            length = min(length, bits - position)  # a result may be cut
            while length > 0:
                index, shift = divmod(position, LIMB_BITS)
                taken = min(length, LIMB_BITS - shift)
                if step:
                    taken = min(taken, LIMB_BITS - start % LIMB_BITS)
                text = self._bits(wire, start, taken, step)
                limbs[index].append(f"({text} << {shift})" if shift else text)
                start, position, length = start + step * taken, position + taken, length - taken
        return [" | ".join(terms) for terms in limbs]

    def _bits(self, wire: Wire, start: int, length: int, step: int) -> str:
        """Return neighbouring bits of one limb, or a bit repeated."""
        index, shift = divmod(start, LIMB_BITS)
        text = self._limb(wire, index)
        if shift:
            text = f"({text} >> {shift})"
        of_wire = min(LIMB_BITS, wire.bitwidth - LIMB_BITS * index) - shift
        if of_wire > (length if step else 1):
            text = f"({text} & {literal(ones(length if step else 1))})"
        if step or length == 1:
            return text
        return f"(-{text})" if length == LIMB_BITS else f"(-{text} & {literal(ones(length))})"


def _operands(net: Net) -> tuple[Wire | None, tuple[Wire, ...]]:
    """Return the bit that chooses, if one does, and what is combined."""
    return (net.args[0], net.args[1:]) if net.op == "x" else (None, net.args)


def _parts(net: Net) -> Iterator[tuple[Wire, int, int, int, int]]:
    """Yield what lies side by side, lowest first: wire, start, length, step, place."""
    if net.op == "s":
        for run in bit_runs(net.op_param):
            yield (net.args[0], *run)
        return
    position = 0
    for _, group in groupby(reversed(net.args), key=id):
        wires = list(group)
        wire, copies = wires[0], len(wires)
        if wire.bitwidth == 1:
            yield wire, 0, copies, 0, position
            position += copies
            continue
        for _ in wires:
            yield wire, 0, wire.bitwidth, 1, position
            position += wire.bitwidth


class _CycleWriter(FunctionWriter):
    """One net in one cycle ``t``, whose wide arguments and result are gathered in arrays."""

    def __init__(self, columns: Columns) -> None:
        super().__init__(Sharing(StateLayout(), {}, {}, set()))
        self._columns = columns
        self._result: tuple[str, Wire] | None = None

    def statements(self) -> list[str]:
        lines = list(self._lines)
        if self._result is not None:
            name, wire = self._result
            place = cell(self._columns, wire, "t", "i")
            limbs = limbs_of(wire.bitwidth)
            lines.append(f"for (int i = 0; i < {limbs}; i++) {place} = {name}[i];")
        return [f"for (int t = 0; t < {CYCLES}; t++) {{", *lines, "}"]

    def value(self, wire: Wire) -> Value:
        if isinstance(wire, pyrtl.Const):
            return super().value(wire)
        if wire.bitwidth <= LIMB_BITS:
            return Value(wire.bitwidth, f"(u){cell(self._columns, wire, 't')}")
        name, limbs = self.fresh("a"), limbs_of(wire.bitwidth)
        place = cell(self._columns, wire, "t", "i")
        self.line(f"u {name}[{limbs}]; for (int i = 0; i < {limbs}; i++) {name}[i] = {place};")
        return Value(wire.bitwidth, name)

    def define(self, wire: Wire, text: str) -> None:
        self.line(f"{cell(self._columns, wire, 't')} = {text};")

    def define_array(self, wire: Wire) -> str:
        name = self.fresh("r")
        self.line(f"u {name}[{limbs_of(wire.bitwidth)}];")
        self._result = (name, wire)
        return name
