"""When each register's next value settles: the longest paths of the block that is built.

Every net of the block takes the delay of the gates a plain synthesis makes of it: a gate per bit,
an adder cell per bit of a sum, a tree of ORs for an equality. What a wire drives counts: a gate is
slower by a fifth of an FO4 delay for every inverter it drives beyond four (a gate of logical effort
1 and parasitic delay 1), and a wire that drives more than `MOST_SINKS` inverters goes through
buffers. Inverters cost nothing: mapping hides them in the gates around them. Paths start at
registers; inputs, constants and memories start none.

The technology's delays are an argument: nothing here knows a picosecond.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain, islice, repeat
from operator import add
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pyrtl import Const, Register, WireVector

from asicbnn.hardware.accelerator import Machine
from asicbnn.hardware.declarations import Adder
from asicbnn.hardware.uncollected import uncollected
from asicbnn.hardware.verilog.netlist import BlockView

MOST_SINKS = 16
"""Inverters a gate drives before buffers take over; what synthesis is asked for as well."""
_FO = 4
_STAGE_SHARE = 0.2  # of an FO4 delay per inverter driven: (1 + 4) units of delay at four
_NEVER = float("-inf")

Values: TypeAlias = list[float]  # one per bit: most wires have one, and arrays start slowly
Unit: TypeAlias = Any  # a net of PyRTL, or an Adder
_GATES = {"&": "and2", "|": "or2", "^": "xor2", "n": "nand2"}
_PINS = _GATES | {"=": "xor2"} | dict.fromkeys("+-<>", "full_adder")


@dataclass(frozen=True)
class GateDelays:
    """Delays and input loads of the cells of a technology, by role.

    delay_ps        driving four inverters, clock to output for `flop`
    carry_delay_ps  of full and half adder, to the carry
    input_load      capacitance of an input pin, in inverters
    fo4_ps          of an inverter driving four           setup_ps  of a flop
    """

    delay_ps: Mapping[str, float]
    carry_delay_ps: Mapping[str, float]
    input_load: Mapping[str, float]
    fo4_ps: float
    setup_ps: float

    def extra_ps(self, load: NDArray[np.float64]) -> NDArray[np.float64]:
        """Delay beyond that at four inverters, buffers included [ps]."""
        driven = np.clip(load, 1.0, MOST_SINKS)
        slope = self.fo4_ps * _STAGE_SHARE
        extra: NDArray[np.float64] = slope * (driven - _FO)
        is_buffered = load > MOST_SINKS
        stages = np.ceil(np.log(load[is_buffered]) / math.log(MOST_SINKS)) - 1
        buffer_ps = self.delay_ps["buffer"] + slope * (MOST_SINKS - _FO)
        extra[is_buffered] += np.maximum(stages, 0.0) * buffer_ps
        return extra


@uncollected()
def settling_ps(machine: Machine, delays: GateDelays) -> dict[tuple[str, str], float]:
    """Return by (component, part) when the latest of its registers has been set up [ps].

    From the clock edge that launches to the one that captures, setup included.
    """
    view = BlockView(machine.block)
    arrivals = _Arrivals(view, delays)
    place = {
        id(net.dests[0]): part
        for part, nets in machine.parts.items()
        for net in nets
        if net.op == "r"
    }
    latest: dict[tuple[str, str], float] = {}
    for register, source in view.next_of.items():
        at = max(arrivals.of(view.resolve(source))) + delays.setup_ps
        part = place[id(register)]
        latest[part] = max(at, latest.get(part, _NEVER))
    return {part: at for part, at in latest.items() if at > _NEVER}


class _Arrivals:
    """Loads of all wires, then arrivals at them; one value per bit. Wires are known by `id`."""

    def __init__(self, view: BlockView, delays: GateDelays) -> None:
        self.view, self.delays = view, delays
        self.at: dict[int, Values] = {}
        sinks = [view.resolve(source) for source in view.next_of.values()]
        order = view.ordered([*sinks, *self._port_sinks()])
        self._load: dict[int, Values] = {}
        for wire in sinks:
            self._drive(wire, delays.input_load["flop"])
        for unit in reversed(order):
            self._add_loads(unit)
        self._extra_ps = self._extras()
        for unit in order:
            self._propagate(unit)

    def of(self, wire: WireVector) -> Values:
        """Arrival at every bit of a resolved wire."""
        found = self.at.get(id(wire))
        if found is None:
            found = [_NEVER] * len(wire)
            if isinstance(wire, Register):
                flop = self.delays.delay_ps["flop"]
                found = [flop + extra for extra in self._extra(wire)]
            self.at[id(wire)] = found
        return found

    def _extra(self, wire: WireVector) -> Values:
        found = self._extra_ps.get(id(wire))
        if found is None:  # drives nothing
            found = self.delays.extra_ps(np.zeros(len(wire))).tolist()
        return found

    # ------------------------------------------------------------------ loads
    def _port_sinks(self) -> list[WireVector]:
        sinks = list(self.view.outputs)
        for memory in self.view.memories:
            sinks += [port.address for port in (*memory.reads, *memory.writes)]
            for port in memory.writes:
                sinks += [*port.data, *port.enables]
        return sinks

    def _load_of(self, wire: WireVector) -> Values:
        found = self._load.get(id(wire))
        if found is None:
            found = self._load[id(wire)] = [0.0] * len(wire)
        return found

    def _drive(self, wire: WireVector, pin: float) -> None:
        loads = self._load.get(id(wire))
        self._load[id(wire)] = [load + pin for load in loads] if loads else [pin] * len(wire)

    def _add_loads(self, unit: Unit) -> None:
        sources = self.view.sources(unit)
        pins = self.delays.input_load
        if isinstance(unit, Adder):
            for wire in sources:
                self._drive(wire, pins[unit.kind])
            return
        op, out = unit.op, unit.dests[0]
        if op == "s":
            _pass(self._load_of(sources[0]), unit.op_param, self._load_of(out))
        elif op in "w~":
            _pass(self._load_of(sources[0]), range(len(sources[0])), self._load_of(out))
        elif op == "c":
            self._share(sources, self._load_of(out))
        elif op == "x":
            self._drive(sources[0], pins["mux2"] * len(out))
            for wire in sources[1:]:
                self._drive(wire, pins["mux2"])
        elif op in _PINS:
            for wire in sources:
                self._drive(wire, pins[_PINS[op]])

    def _share(self, sources: list[WireVector], load: Values) -> None:
        driven = iter(load)
        for wire in reversed(sources):
            loads = self._load_of(wire)
            loads[:] = map(add, loads, driven)  # takes as many as there are loads

    def _extras(self) -> dict[int, Values]:
        """Return what the load of each wire adds to its delay [ps], found for all at once."""
        loads = np.fromiter(chain.from_iterable(self._load.values()), float)
        extra_ps = iter(self.delays.extra_ps(loads).tolist())
        return {wire: list(islice(extra_ps, len(loads))) for wire, loads in self._load.items()}

    # ------------------------------------------------------------------ arrivals
    def _propagate(self, unit: Unit) -> None:
        sources = [self.at.get(id(wire)) or self.of(wire) for wire in self.view.sources(unit)]
        if isinstance(unit, Adder):
            self._adder(unit, list(map(max, *sources)))
            return
        op, out = unit.op, unit.dests[0]
        if op == "s":
            [source] = sources
            settled = [source[bit] for bit in unit.op_param]
        elif op in "w~":
            settled = sources[0][: len(out)]
        elif op == "c":
            settled = [bit for source in reversed(sources) for bit in source]
        elif op == "m":
            settled = [_NEVER] * len(out)
        else:
            settled = list(map(add, self._gate(unit, sources), self._extra(out)))
        self.at[id(out)] = settled

    def _adder(self, unit: Adder, settled: Values) -> None:
        for wire, own in (
            (unit.total, self.delays.delay_ps), (unit.carry, self.delays.carry_delay_ps)
        ):  # fmt: skip
            loadless = map(add, settled, repeat(own[unit.kind]))
            self.at[id(wire)] = list(map(add, loadless, self._extra(wire)))

    def _gate(self, unit: Unit, sources: list[Values]) -> Values:
        """Arrival at the output of one net, its load apart."""
        delay, op = self.delays.delay_ps, unit.op
        if op in _GATES:
            own_ps = delay[_GATES[op]]
            return [at + own_ps for at in map(max, *sources)]
        if op == "x":
            (condition,), no, yes = sources
            own_ps = delay["mux2"]
            return [at + own_ps for at in map(max, no, yes, repeat(condition))]
        if op == "=":
            first = 0.0 if any(isinstance(wire, Const) for wire in unit.args) else delay["xor2"]
            levels = math.ceil(math.log2(len(unit.args[0])))
            return [max(map(max, sources)) + first + levels * delay["or2"]]
        if op in "+-":
            return self._ripple(sources, len(unit.dests[0]))
        if op in "<>":
            return self._ripple(sources, len(unit.args[0]) + 1)[-1:]
        raise ValueError(f"no delay is known for operation {op!r}")

    def _ripple(self, sources: list[Values], width: int) -> Values:
        """Sum bits of a ripple adder; the bit beyond the operands is the last carry."""
        operands = np.array(list(map(max, *sources)))
        carry_ps = self.delays.carry_delay_ps["full_adder"]
        places = np.arange(len(operands)) * carry_ps
        carries = np.maximum.accumulate(operands - places) + places + carry_ps  # out of each bit
        into = np.concatenate([[_NEVER], carries])
        sums = np.maximum(operands, into[:-1]) + self.delays.delay_ps["full_adder"]
        settled = np.concatenate([sums, carries[-1:]])
        if width > len(settled):
            raise ValueError("a sum has one bit more than its operands at most")
        found: Values = settled[:width].tolist()
        return found


def _pass(load: Values, bits: Iterable[int], driven: Values) -> None:
    """Add what the copies of some bits drive to those bits."""
    for bit, own in zip(bits, driven, strict=False):
        load[bit] += own


__all__ = ["MOST_SINKS", "GateDelays", "settling_ps"]
