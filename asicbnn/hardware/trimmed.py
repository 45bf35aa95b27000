"""What synthesis finds of each component: gates without constants and duplicates, nets by pins.

The census gives every operation its gates, whatever its operands are. Synthesis does not build the
inverters of a constant that lanes are compared with, nor a multiplexer among the strides of a
kernel of one position, nor two decoders of one count. Here the nets of the block that is built are
followed bit by bit and each gate is counted once (`shared_gates.py`). Adders stay as they are, and
so do registers and what holds them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

from pyrtl import Const, LogicNet, Output, Register, WireVector

from asicbnn.hardware.accelerator import Machine
from asicbnn.hardware.component import Gates
from asicbnn.hardware.declarations import Adder, declarations
from asicbnn.hardware.fanout import buffers
from asicbnn.hardware.shared_gates import SharedGates
from asicbnn.hardware.structure import COMPONENTS, logic_machine, structure
from asicbnn.spec.accelerator import Accelerator
from asicbnn.technology.cells import Cells
from asicbnn.technology.trimmed_cells import TrimmedCells

_KEPT = ("flop", "latch", "clock_gate", "full_adder", "half_adder")


@lru_cache(maxsize=256)
def trimmed_cells(accelerator: Accelerator) -> Mapping[str, TrimmedCells]:
    """Return the cells of each component as synthesis finds them. The block is built for it."""
    machine, counted = logic_machine(accelerator), structure(accelerator)
    found = {}
    for name in COMPONENTS:
        logic = ComponentLogic(machine, name)
        found[name] = logic.cells(counted.gates[name], counted.holding[name])
    return MappingProxyType(found)


class ComponentLogic:
    """Literals of every wire of one component."""

    def __init__(self, machine: Machine, name: str) -> None:
        nets = [net for net in machine.stages[name] if net.op not in "m@"]
        self.gates = SharedGates()
        self._nets = nets
        self._driver = {wire: net for net in nets for wire in net.dests}
        self._literals: dict[WireVector, list[int]] = {}
        self._adders = [a for a in declarations(machine.block).adders if a.total in self._driver]
        self._inner = {w for a in self._adders for w in (a.total, a.carry, *a.inner)}
        self._pins: list[int] = []
        self._outputs: list[tuple[str, list[int]]] = []
        for net in _ordered(nets, self._driver, self._adders):
            self._take(net)
        self._read_adders()
        self._read_registers()
        leaving = _read_elsewhere(machine, nets) & self._driver.keys()
        self._leaving = [literal for wire in leaving for literal in self._of(wire)]

    def cells(self, counted: Gates, holding: int) -> TrimmedCells:
        """Return the cells of the component.

        counted  its gates as built: what is kept of them is taken as it stands
        holding  its multiplexers by which registers hold
        """
        kinds, pins = self.gates.needed([*self._pins, *self._leaving])
        unread = self._unread(pins)
        pins.subtract(literal & ~1 for literal in self._leaving)  # a port is no pin
        return TrimmedCells(
            kept=Cells(**{role: counted[role] for role in _KEPT}),
            holding=holding,
            unread=Cells(**unread),
            shared=Cells(
                nand2=kinds["and"], xor2=kinds["xor"], mux2=kinds["mux"],
                inverter=kinds["inverter"],
            ),
            buffers=sum(map(buffers, pins.values())),
        )  # fmt: skip

    # ------------------------------------------------------------------ nets
    def _take(self, net: LogicNet) -> None:
        """Give the results of a net their literals."""
        wire = net.dests[0]
        if wire in self._inner:
            return
        arguments = [self._of(arg) for arg in net.args]
        if net.op == "r":
            return
        self._literals[wire] = _EVALUATED[net.op](self, net, arguments)

    def _of(self, wire: WireVector) -> list[int]:
        """Return the literals of a wire; what nothing here computes gets fresh ones."""
        known = self._literals.get(wire)
        if known is None:
            if isinstance(wire, Const):
                known = [wire.val >> i & 1 for i in range(len(wire))]
            else:
                known = [self.gates.fresh() for _ in range(len(wire))]
            self._literals[wire] = known
        return known

    def _arithmetic(self, net: LogicNet, arguments: Sequence[list[int]]) -> list[int]:
        """Rows of adders that no component declares: what they read, what they give."""
        a, b = arguments if net.op != ">" else arguments[::-1]
        self._pins += a
        self._pins += b if net.op == "+" else map(self.gates.inverter, b)
        width, given = len(a), [self.gates.fresh() for _ in range(len(net.dests[0]))]
        if net.op in "<>":  # the carry alone is read
            self._outputs.append(("full_adder", [self.gates.fresh() for _ in range(width)]))
            return given
        first = "half_adder" if net.op == "+" else "full_adder"
        self._outputs += [(first, given[:1]), ("full_adder", given[1:])]
        return given

    # ------------------------------------------------------------------ what reads
    def _read_adders(self) -> None:
        for adder in self._adders:
            for wire in adder.inputs:
                self._pins += self._of(wire)
            for wire in (adder.total, adder.carry):
                self._outputs.append((adder.kind, self._of(wire)))

    def _read_registers(self) -> None:
        """Registers read their next value, or what they load where a multiplexer holds them."""
        for net in self._nets:
            if net.op != "r":
                continue
            wire, register = net.args[0], net.dests[0]
            hold = self._driver.get(wire)
            while hold is not None and hold.op == "w":
                hold = self._driver.get(hold.args[0])
            if hold is not None and hold.op == "x" and _holds(hold, register):
                # the enable is one pin here: the price of what holds has the buffers behind it
                self._pins += self._of(hold.args[0])
                wire = next((w for w in hold.args[1:] if w is not register), register)
            self._pins += self._of(wire)

    def _unread(self, pins: Collection[int]) -> dict[str, int]:
        """Count the outputs of adders on nets without pins."""
        unread = dict.fromkeys(("full_adder", "half_adder"), 0)
        for kind, literals in self._outputs:
            unread[kind] += sum(literal & ~1 not in pins for literal in literals)
        return unread


_Evaluation = Callable[[ComponentLogic, LogicNet, Sequence[list[int]]], list[int]]


def _bitwise(of: Callable[[SharedGates, int, int], int]) -> _Evaluation:
    return lambda logic, _, arguments: [
        of(logic.gates, a, b) for a, b in zip(*arguments, strict=True)
    ]


def _chosen(logic: ComponentLogic, _: LogicNet, arguments: Sequence[list[int]]) -> list[int]:
    (condition,), no, yes = arguments
    return [logic.gates.choose(condition, a, b) for a, b in zip(yes, no, strict=True)]


def _equal(logic: ComponentLogic, _: LogicNet, arguments: Sequence[list[int]]) -> list[int]:
    pairs = zip(*arguments, strict=True)
    return [logic.gates.all_of(logic.gates.differ(a, b) ^ 1 for a, b in pairs)]


def _joined(_: ComponentLogic, __: LogicNet, arguments: Sequence[list[int]]) -> list[int]:
    return [literal for part in reversed(arguments) for literal in part]


_EVALUATED: Mapping[str, _Evaluation] = MappingProxyType({
    "w": lambda _, __, arguments: arguments[0],
    "~": lambda _, __, arguments: [literal ^ 1 for literal in arguments[0]],
    "&": _bitwise(SharedGates.both),
    "|": _bitwise(SharedGates.either),
    "^": _bitwise(SharedGates.differ),
    "n": _bitwise(lambda gates, a, b: gates.both(a, b) ^ 1),
    "x": _chosen,
    "=": _equal,
    "c": _joined,
    "s": lambda _, net, arguments: [arguments[0][bit] for bit in net.op_param],
    **dict.fromkeys("+-<>", ComponentLogic._arithmetic),
})  # fmt: skip


def _holds(multiplexer: LogicNet, register: Register) -> bool:
    return any(value is register for value in multiplexer.args[1:])


def _read_elsewhere(machine: Machine, nets: Collection[LogicNet]) -> set[WireVector]:
    own = set(nets)
    read = {wire for net in machine.block.logic if net not in own for wire in net.args}
    return read | {wire for wire in machine.block.wirevector_set if isinstance(wire, Output)}


def _ordered(
    nets: Iterable[LogicNet], driver: Mapping[WireVector, LogicNet], adders: Iterable[Adder]
) -> Iterator[LogicNet]:
    """Yield nets behind those whose results they read; adders and registers end a path."""
    ends = {w for a in adders for w in (a.total, a.carry, *a.inner)}
    seen: set[LogicNet] = set()
    for net in nets:
        stack = [(net, False)]
        while stack:
            at, is_ready = stack.pop()
            if is_ready:
                yield at
            elif at not in seen:
                seen.add(at)
                stack.append((at, True))
                before = (driver[w] for w in at.args if w in driver and w not in ends)
                stack += [(each, False) for each in before if each.op != "r"]


__all__ = ["ComponentLogic", "trimmed_cells"]
