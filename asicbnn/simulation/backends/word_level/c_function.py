"""One C function of the compiled simulator: a run of nets, each turned into statements.

Runs of bitwise nets on wide wires (bit n of every processing element is one wire) are not emitted
one by one: they collect in a *fusion*, one loop over the limbs whose body computes them all, so
that everything but the results stays in vector registers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import groupby
from typing import ClassVar

import pyrtl

from asicbnn.errors import SimulationError
from asicbnn.simulation.backends.netlist import Net, Wire
from asicbnn.simulation.backends.state_layout import (
    LANES,
    LIMB_BITS,
    StateLayout,
    limbs_of,
    stride_of,
)
from asicbnn.simulation.backends.word_level.c_declared import write_declared
from asicbnn.simulation.backends.word_level.c_values import (
    Piece,
    Value,
    joined,
    limbs_of_number,
    literal,
    masked,
    ones,
    repeated,
    selected,
)

AT_END = -1
_BITWISE = "w~&|^n"
_WIDE_ARITHMETIC = {"+": "add", "-": "subtract", "*": "multiply"}


@dataclass
class Sharing:
    """What the functions of one program know of each other, of wires by their identity.

    number_of   a number per computed wire, also for the net that computes it
    readers_of  numbers of the nets that read a wire, and AT_END if the state update does
    crossing    wires read in another function than the one that computes them
    values      where crossing wires, and all arrays, are found by every function
    part_of     which function computes a wire
    """

    layout: StateLayout
    number_of: dict[int, int]
    readers_of: dict[int, set[int]]
    crossing: set[int]
    values: dict[int, Value] = field(default_factory=dict)
    part_of: dict[int, int] = field(default_factory=dict)

    def add(self, net: Net, part: int) -> None:
        """Number what a net computes in a function, and note what it reads."""
        for wire in net.dests:
            self.number_of[id(wire)] = len(self.number_of)
            self.part_of[id(wire)], self.readers_of[id(wire)] = part, set()
        for argument in net.args:
            self.read(argument, self.number_of[id(net.dests[-1])], part)

    def read(self, wire: Wire, reader: int, part: int) -> None:
        """Note that a net, or the state update of a function (`AT_END`), reads a wire."""
        if id(wire) in self.part_of:
            self.readers_of[id(wire)].add(reader)
            if self.part_of[id(wire)] != part:
                self.crossing.add(id(wire))


@dataclass
class _Fusion:
    """Bitwise nets on arrays of one stride, waiting to become one loop."""

    stride: int
    wires: dict[int, tuple[Wire, str]] = field(default_factory=dict)  # with the expressions


class FunctionWriter:
    """Translate nets, in order, into the body of one function ``void name(u *S)``."""

    parameters: ClassVar[str] = "u *S"

    def __init__(self, sharing: Sharing) -> None:
        self.layout = sharing.layout
        self.sharing = sharing
        self._values: dict[int, Value] = {}
        self._fusions: dict[int, _Fusion] = {}
        self._fusion_of: dict[int, _Fusion] = {}
        self.preface: list[str] = []
        self._reads: dict[int, tuple[str, int, str | int]] = {}
        self._lines: list[str] = []
        self._names = 0
        self._narrow: dict[str, Callable[[Net], str]] = {
            "w": lambda net: self._logic(net, "{0}"),
            "~": lambda net: self._logic(net, "~{0}"),
            "&": lambda net: self._logic(net, "{0} & {1}"),
            "|": lambda net: self._logic(net, "{0} | {1}"),
            "^": lambda net: self._logic(net, "{0} ^ {1}"),
            "n": lambda net: self._logic(net, "~({0} & {1})"),
            "+": lambda net: self._arithmetic(net, "+", net.args[0].bitwidth + 1),
            "-": lambda net: self._arithmetic(net, "-", 0),
            "*": lambda net: self._arithmetic(net, "*", 2 * net.args[0].bitwidth),
            "=": lambda net: self._comparison(net, "==", "is_equal", swap=False),
            "<": lambda net: self._comparison(net, "<", "is_less", swap=False),
            ">": lambda net: self._comparison(net, ">", "is_less", swap=True),
            "x": self._choice,
            "s": self._parts,
            "c": self._parts,
            "m": self._read,
        }

    def text(self, name: str, linkage: str) -> str:
        """Return the finished function."""
        head = f"{linkage}void {name}({self.parameters}) {{"
        return "\n".join([*self.preface, head, *self._lines, "}"])

    def line(self, text: str) -> None:
        self._lines.append(text)

    def fresh(self, prefix: str) -> str:
        """Make a C name not used before in this function."""
        self._names += 1
        return f"{prefix}{self._names}_"

    # -- values ----------------------------------------------------------------------------------

    def value(self, wire: Wire) -> Value:
        """Find a wire as this function sees it; a fusion that computes it is written out first."""
        if id(wire) in self._fusion_of:
            self._write_fusion(self._fusion_of[id(wire)])
        if id(wire) in self._values:
            return self._values[id(wire)]
        if id(wire) in self.sharing.values:
            return self.sharing.values[id(wire)]
        made = self._constant(wire) if isinstance(wire, pyrtl.Const) else self._register(wire)
        self._values[id(wire)] = made
        return made

    def pointer(self, value: Value, limbs: int) -> str:
        """Return a ``const u *`` expression to at least ``limbs`` limbs of the value."""
        if value.is_array:
            return value.text
        name = self.fresh("p")
        self.line(f"const u {name}[] = {{{', '.join(value.limb(i) for i in range(limbs))}}};")
        return name

    def _constant(self, wire: Wire) -> Value:
        bits, number = wire.bitwidth, wire.val
        if bits <= LIMB_BITS:
            return Value(bits, literal(number))
        if number in (0, ones(bits)):
            return Value(bits, "~0ull" if number else "0ull", splat=True)
        name = self.fresh("k")
        count = stride_of(bits) + LANES  # vector loads from a part of it may reach beyond the end
        limbs = ", ".join(literal(limb) for limb in limbs_of_number(number, count))
        self.line(f"static const u {name}[] = {{{limbs}}};")
        return Value(bits, name)

    def _register(self, wire: Wire) -> Value:
        offset, bits, _, _ = self.layout.registers[wire.name]
        return Value(bits, _place(offset, bits), points_into=frozenset({wire.name}))

    def define(self, wire: Wire, text: str) -> None:
        """Give a narrow wire its expression."""
        bits, name = wire.bitwidth, f"w{self.sharing.number_of[id(wire)]}"
        self.line(f"const u {name} = {text};")
        self._values[id(wire)] = Value(bits, name)
        if id(wire) in self.sharing.crossing:
            place = _place(self.layout.add_scratch(bits), bits)
            self.line(f"{place} = {name};")
            self.sharing.values[id(wire)] = Value(bits, place)

    def _define_splat(self, wire: Wire, bit: str) -> None:
        name = f"w{self.sharing.number_of[id(wire)]}"
        self.line(f"const u {name} = -(u)({bit});")
        self._values[id(wire)] = Value(wire.bitwidth, name, splat=True)
        if id(wire) in self.sharing.crossing:
            place = f"S[{self.layout.add_scratch(LIMB_BITS)}]"
            self.line(f"{place} = {name};")
            self.sharing.values[id(wire)] = Value(wire.bitwidth, place, splat=True)

    def define_array(self, wire: Wire) -> str:
        """Reserve an array for a wide wire and return the expression that points to it."""
        text = f"(S + {self.layout.add_scratch(wire.bitwidth)})"
        self.sharing.values[id(wire)] = Value(wire.bitwidth, text)
        return text

    def _define_pointer(self, wire: Wire, text: str, points_into: frozenset[str | int]) -> None:
        """Let a wide wire be where something else already is."""
        if id(wire) in self.sharing.crossing:
            self.line(f"memcpy({self.define_array(wire)}, {text}, {8 * limbs_of(wire.bitwidth)});")
            return
        name = f"w{self.sharing.number_of[id(wire)]}"
        self.line(f"const u *{name} = {text};")
        self._values[id(wire)] = Value(wire.bitwidth, name, points_into=points_into)

    # -- nets ------------------------------------------------------------------------------------

    def write(self, net: Net) -> None:
        """Translate one net; its arguments are already known."""
        if net.op == "F":
            write_declared(self, net.function)
            return
        (wire,) = net.dests
        if net.op not in self._narrow:
            raise SimulationError(f"wire {wire.name}: unknown PyRTL operation '{net.op}'")
        if wire.bitwidth > LIMB_BITS:
            self._write_wide(net, wire)
        else:
            self.define(wire, self._narrow[net.op](net))

    def close(self) -> None:
        """Write out what still waits."""
        for fusion in list(self._fusions.values()):
            self._write_fusion(fusion)

    def _logic(self, net: Net, form: str) -> str:
        bits = net.dests[0].bitwidth
        text = form.format(*(self.value(wire).limb(0) for wire in net.args))
        return text if net.op not in "~n" and net.args[0].bitwidth == bits else masked(text, bits)

    def _arithmetic(self, net: Net, operator: str, exact_bits: int) -> str:
        """Operate on limbs, whose wrap-around is harmless."""
        bits = net.dests[0].bitwidth
        left, right = (self.value(wire).limb(0) for wire in net.args)
        text = f"{left} {operator} {right}"
        return text if bits == exact_bits else masked(text, bits)

    def _comparison(self, net: Net, operator: str, wide: str, *, swap: bool) -> str:
        bits = net.args[0].bitwidth
        left, right = (self.value(wire) for wire in net.args)
        if bits <= LIMB_BITS:
            return f"{left.limb(0)} {operator} {right.limb(0)}"
        limbs = limbs_of(bits)
        first, second = (right, left) if swap else (left, right)
        return f"{wide}({self.pointer(first, limbs)}, {self.pointer(second, limbs)}, {limbs})"

    def _choice(self, net: Net) -> str:
        bits = net.dests[0].bitwidth
        choose, low, high = (self.value(wire) for wire in net.args)
        text = f"{choose.text} ? {high.limb(0)} : {low.limb(0)}"
        return text if net.args[1].bitwidth == bits else masked(f"({text})", bits)

    def _parts(self, net: Net) -> str:
        (text,) = joined(self._pieces(net), net.dests[0].bitwidth)
        return text

    def _pieces(self, net: Net) -> list[Piece]:
        """List what a selection or concatenation lays side by side, lowest bits first."""
        if net.op == "s":
            return list(selected(self.value(net.args[0]), net.op_param))
        pieces: list[Piece] = []
        for _, run in groupby(reversed(net.args), key=id):
            wires = list(run)
            value = self.value(wires[0])
            if value.bits == 1:
                pieces += repeated(value.text, len(wires))
            else:
                pieces += list(value.pieces(0, value.bits)) * len(wires)
        return pieces

    def _read(self, net: Net) -> str:
        slot = self.layout.memories[net.op_param[0]]
        address = self.value(net.args[0]).limb(0)
        self._note_read(net, address)
        return _place(f"{slot.offset} + {slot.stride} * {address}", slot.bits)

    # -- nets on wires of more than 64 bits ------------------------------------------------------

    def _write_wide(self, net: Net, wire: Wire) -> None:
        if self._is_fusible(net):
            self._fuse(net, wire)
        elif net.op == "w":
            value = self.value(net.args[0])
            self._define_pointer(wire, value.text, value.points_into)
        elif net.op == "x":
            self._choose_pointer(net, wire)
        elif net.op == "m":
            slot = self.layout.memories[net.op_param[0]]
            address = self.value(net.args[0]).limb(0)
            self._note_read(net, address)
            text = f"S + {slot.offset} + {slot.stride} * {address}"
            self._define_pointer(wire, text, frozenset({net.op_param[0]}))
        elif net.op in _WIDE_ARITHMETIC:
            limbs = limbs_of(net.args[0].bitwidth)
            operands = [self.pointer(self.value(a), limbs) for a in net.args]
            self._call(wire, _WIDE_ARITHMETIC[net.op], operands, limbs)
        else:
            self._write_wide_parts(net, wire)

    def _call(self, wire: Wire, function: str, operands: list[str], limbs: int) -> None:
        bits, array = wire.bitwidth, self.define_array(wire)
        self.line(f"{function}({array}, {limbs_of(bits)}, {', '.join(operands)}, {limbs});")
        self._clear_above(array, bits)

    def _clear_above(self, array: str, bits: int) -> None:
        if top := bits % LIMB_BITS:
            self.line(f"{array}[{limbs_of(bits) - 1}] &= {literal(ones(top))};")

    def _choose_pointer(self, net: Net, wire: Wire) -> None:
        limbs = limbs_of(wire.bitwidth)
        choose, low, high = (self.value(argument) for argument in net.args)
        text = f"{choose.text} ? {self.pointer(high, limbs)} : {self.pointer(low, limbs)}"
        self._define_pointer(wire, text, low.points_into | high.points_into)

    def _write_wide_parts(self, net: Net, wire: Wire) -> None:
        bits, first = wire.bitwidth, net.args[0]
        bits_taken: tuple[int, ...] = net.op_param[:bits] if net.op == "s" else ()
        if net.op == "c" and (joint := self._lying_side_by_side(net)):
            self._define_pointer(wire, *joint)
        elif net.op == "c" and first.bitwidth == 1 and all(a is first for a in net.args):
            self._define_splat(wire, self.value(first).text)
        elif net.op == "s" and len(set(bits_taken)) == 1:
            (bit,) = self.value(first).pieces(bits_taken[0], 1)
            self._define_splat(wire, bit.text)
        elif self._is_whole_limbs(first, bits_taken):
            value = self.value(first)
            text = f"{value.text} + {bits_taken[0] // LIMB_BITS}"
            self._define_pointer(wire, text, value.points_into)
        else:
            limbs = joined(self._pieces(net), bits)
            array = self.define_array(wire)
            for index, text in enumerate(limbs):
                self.line(f"{array}[{index}] = {text};")

    def _lying_side_by_side(self, net: Net) -> tuple[str, frozenset[str | int]] | None:
        """Pointer to parts that the layout put one after the other, and what it points into."""
        parts = list(reversed(net.args))
        places = [self._place_of(wire) for wire in parts]
        if len(parts) < 2 or places[0] is None:
            return None
        row, following, _ = places[0]
        for wire, place in zip(parts, places, strict=True):
            if place is None or place[:2] != (row, following):
                return None
            if wire is not parts[-1] and wire.bitwidth % LIMB_BITS:
                return None
            following += limbs_of(wire.bitwidth)
        text = f"(S + {places[0][1]}{row})"
        return text, frozenset(place[2] for place in places if place is not None)

    def _place_of(self, wire: Wire) -> tuple[str, int, str | int] | None:
        """Row of a memory (as C), limb and owner of a value that lies in the state."""
        if id(wire) in self._reads:
            return self._reads[id(wire)]
        if wire.name in self.layout.registers and isinstance(wire, pyrtl.Register):
            return "", self.layout.registers[wire.name].offset, wire.name
        return None

    def _note_read(self, net: Net, address: str) -> None:
        identity = net.op_param[0]
        slot = self.layout.memories[identity]
        self._reads[id(net.dests[0])] = (f" + {slot.stride} * {address}", slot.offset, identity)

    def _is_whole_limbs(self, wire: Wire, indices: tuple[int, ...]) -> bool:
        """Whether the selected bits lie in the array as a value of their own would."""
        if not indices or indices[0] % LIMB_BITS or not self.value(wire).is_array:
            return False
        start, end = indices[0], indices[0] + len(indices)
        return indices == tuple(range(start, end)) and (
            len(indices) % LIMB_BITS == 0 or end == wire.bitwidth
        )

    # -- fusion ----------------------------------------------------------------------------------

    def _is_fusible(self, net: Net) -> bool:
        """Whether the net joins a loop; pointing at a value at rest is cheaper than copying it."""
        truncates = net.args[-1].bitwidth != net.dests[0].bitwidth
        waiting = truncates or any(id(wire) in self._fusion_of for wire in net.args)
        if net.op == "w":
            return waiting or self.value(net.args[0]).splat
        if net.op == "x":
            return waiting or any(self.value(wire).splat for wire in net.args[1:])
        return net.op in _BITWISE

    def _fuse(self, net: Net, wire: Wire) -> None:
        stride = stride_of(wire.bitwidth)
        fusion = self._fusions.setdefault(stride, _Fusion(stride))
        arguments = net.args[1:] if net.op == "x" else net.args
        operands = [self._operand(argument, fusion) for argument in arguments]
        if net.op == "x":
            choose = self.value(net.args[0]).text
            form = "(({1} ^ {0}) & " + f"SPLAT{_lanes(stride)}(-(u)({choose}))) ^ {{0}}"
        else:
            form = {"w": "{0}", "~": "~{0}", "n": "~({0} & {1})"}.get(
                net.op, f"{{0}} {net.op} {{1}}"
            )
        fusion.wires[self.sharing.number_of[id(wire)]] = (wire, form.format(*operands))
        self._fusion_of[id(wire)] = fusion

    def _operand(self, wire: Wire, fusion: _Fusion) -> str:
        if self._fusion_of.get(id(wire)) is fusion:
            return f"w{self.sharing.number_of[id(wire)]}"
        value = self.value(wire)
        lanes = _lanes(fusion.stride)
        if value.splat:
            return f"SPLAT{lanes}({value.text})"
        return f"*(const v{lanes} *)({value.text} + i)"

    def _write_fusion(self, fusion: _Fusion) -> None:
        """Write the loop, store what others read, and clear bits above the widths."""
        del self._fusions[fusion.stride]
        lanes = _lanes(fusion.stride)
        loop = f"for (int i = 0; i < {fusion.stride}; i += {lanes}) {{"
        self.line("{ const int i = 0;" if fusion.stride == lanes else loop)
        stored: list[tuple[str, int]] = []
        for number, (wire, text) in fusion.wires.items():
            del self._fusion_of[id(wire)]
            self.line(f"const v{lanes} w{number} = {text};")
            if not self.sharing.readers_of[id(wire)] <= fusion.wires.keys():
                array = self.define_array(wire)
                self.line(f"*(v{lanes} *)({array} + i) = w{number};")
                stored.append((array, wire.bitwidth))
        self.line("}")
        for array, bits in stored:
            self._clear_above(array, bits)


def _place(offset: int | str, bits: int) -> str:
    """Name what lies at an offset of the state: a limb, or a pointer to limbs."""
    return f"S[{offset}]" if bits <= LIMB_BITS else f"(S + {offset})"


def _lanes(stride: int) -> int:
    """Limbs of a vector that walks through arrays of a stride."""
    return min(stride, LANES)
