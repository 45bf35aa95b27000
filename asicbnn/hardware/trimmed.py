"""What synthesis finds of each component: gates without constants and duplicates, nets by pins.

The census gives every operation its gates, whatever its operands are. Synthesis does not build the
inverters of a constant that lanes are compared with, nor a multiplexer among the strides of a
kernel of one position, nor two decoders of one count. Here the nets of the block that is built are
followed bit by bit and each gate is counted once (`shared_gates.py`). Adders stay as they are, and
so do registers and what holds them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType

from pyrtl import Const, LogicNet, Output, Register, WireVector

from asicbnn.hardware.accelerator import Machine
from asicbnn.hardware.component import Gates
from asicbnn.hardware.declarations import Adder, declarations
from asicbnn.hardware.engine import masks_after
from asicbnn.hardware.fanout import buffers
from asicbnn.hardware.shared_gates import SharedGates
from asicbnn.hardware.structure import COMPONENTS, logic_machine, structure
from asicbnn.hardware.uncollected import uncollected
from asicbnn.mapping.layout import layout
from asicbnn.spec.accelerator import Accelerator
from asicbnn.technology.cells import Cells
from asicbnn.technology.trimmed_cells import TrimmedCells

_KEPT = ("flop", "latch", "clock_gate", "full_adder", "half_adder")


@lru_cache(maxsize=256)
@uncollected()
def trimmed_cells(accelerator: Accelerator) -> Mapping[str, TrimmedCells]:
    """Return the cells of each component as synthesis finds them. The block is built for it."""
    counted = structure(accelerator)
    logic = component_logic(logic_machine(accelerator))
    found = {
        name: logic[name].cells(counted.gates[name], counted.holding[name]) for name in COMPONENTS
    }
    found["array"] = _with_products(found["array"], accelerator)
    return MappingProxyType(found)


def _with_products(array: TrimmedCells, accelerator: Accelerator) -> TrimmedCells:
    """Say how many products there are among the gates of an array, by where their masks are."""
    gates, built = array.shared, accelerator.array
    products = min(layout(accelerator).pes * built.unroll.lanes, gates.xor2, gates.nand2 // 2)
    if masks_after(built.popcount.pipeline_stages):
        return replace(array, products=products)
    return replace(array, registered_products=products)


def component_logic(machine: Machine) -> dict[str, ComponentLogic]:
    """Return the logic of each component of a machine."""
    nets = {
        name: [net for net in own if net.op not in "m@"] for name, own in machine.stages.items()
    }
    home = {id(net.dests[0]): name for name, own in nets.items() for net in own}
    leaving = _read_elsewhere(machine, nets, home)
    adders: dict[str, list[Adder]] = {name: [] for name in nets}
    for adder in declarations(machine.block).adders:
        adders[home[id(adder.total)]].append(adder)
    return {name: ComponentLogic(nets[name], adders[name], leaving[name]) for name in nets}


class ComponentLogic:
    """Literals of every wire of one component; wires are known by their `id`.

    nets     of the component, memory ports left out
    adders   declared ones among them
    leaving  wires of the component that others read
    """

    def __init__(
        self, nets: Sequence[LogicNet], adders: Sequence[Adder], leaving: Iterable[WireVector]
    ) -> None:
        self.gates = SharedGates()
        self._nets, self._adders = nets, adders
        self._driver = {id(net.dests[0]): net for net in nets}
        self._literals: dict[int, list[int]] = {}
        self._inner = {id(w) for a in adders for w in (a.total, a.carry, *a.inner)}
        self._pins: list[int] = []
        self._outputs: list[tuple[str, list[int]]] = []
        for net in self._ordered():
            self._take(net)
        self._read_adders()
        self._read_registers()
        self._leaving = [literal for wire in leaving for literal in self._of(wire)]

    def cells(self, counted: Gates, holding: int) -> TrimmedCells:
        """Return the cells of the component.

        counted  its gates as built: what is kept of them is taken as it stands
        holding  its multiplexers by which registers hold
        """
        kinds, pins = self.gates.needed([*self._pins, *self._leaving])
        unread = self._unread(pins)
        pins.subtract([literal & ~1 for literal in self._leaving])  # a port is no pin
        return TrimmedCells(
            kept=Cells(**{role: counted[role] for role in _KEPT}),
            holding=holding,
            unread=Cells(**unread),
            shared=Cells(
                nand2=kinds["and"], xor2=kinds["xor"], mux2=kinds["mux"],
                inverter=kinds["inverter"],
            ),
            buffers=sum(n * buffers(each) for each, n in Counter(pins.values()).items()),
        )  # fmt: skip

    # ------------------------------------------------------------------ nets
    def _ordered(self) -> Iterator[LogicNet]:
        """Yield nets behind those whose results they read; adders and registers end a path."""
        driver = {
            result: net
            for result, net in self._driver.items()
            if net.op != "r" and result not in self._inner
        }
        seen: set[int] = set()
        for net in self._nets:
            stack = [(net, False)]
            while stack:
                at, is_ready = stack.pop()
                if is_ready:
                    yield at
                elif id(at) not in seen:
                    seen.add(id(at))
                    stack.append((at, True))
                    for wire in at.args:
                        before = driver.get(id(wire))
                        if before is not None:
                            stack.append((before, False))

    def _take(self, net: LogicNet) -> None:
        """Give the results of a net their literals."""
        result = id(net.dests[0])
        if net.op != "r" and result not in self._inner:
            arguments = [self._of(arg) for arg in net.args]
            self._literals[result] = _EVALUATED[net.op](self, net, arguments)

    def _of(self, wire: WireVector) -> list[int]:
        """Return the literals of a wire; what nothing here computes gets fresh ones."""
        known = self._literals.get(id(wire))
        if known is None:
            if isinstance(wire, Const):
                known = [wire.val >> i & 1 for i in range(len(wire))]
            else:
                known = self.gates.fresh_word(len(wire))
            self._literals[id(wire)] = known
        return known

    def _arithmetic(self, net: LogicNet, arguments: Sequence[list[int]]) -> list[int]:
        """Rows of adders that no component declares: what they read, what they give."""
        a, b = arguments if net.op != ">" else arguments[::-1]
        self._pins += a
        self._pins += b if net.op == "+" else map(self.gates.inverter, b)
        width, given = len(a), self.gates.fresh_word(len(net.dests[0]))
        if net.op in "<>":  # the carry alone is read
            self._outputs.append(("full_adder", self.gates.fresh_word(width)))
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
            hold = self._driver.get(id(wire))
            while hold is not None and hold.op == "w":
                hold = self._driver.get(id(hold.args[0]))
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


def _read_elsewhere(
    machine: Machine, nets: Mapping[str, Collection[LogicNet]], home: Mapping[int, str]
) -> Mapping[str, list[WireVector]]:
    """Return the wires of each component that memories, ports or other components read.

    home  component of each wire that nets of one drive, by `id` of the wire
    """
    found: dict[str, dict[int, WireVector]] = {name: {} for name in nets}
    readers = [*nets.items(), ("", machine.block.logic_subset("m@"))]
    reads = [(reader, [wire for net in own for wire in net.args]) for reader, own in readers]
    reads.append(("", machine.block.wirevector_subset(Output)))
    for reader, wires in reads:
        for key, wire in {id(wire): wire for wire in wires}.items():
            name = home.get(key)
            if name is not None and name != reader:
                found[name][key] = wire
    return {name: list(wires.values()) for name, wires in found.items()}


__all__ = ["ComponentLogic", "component_logic", "trimmed_cells"]
