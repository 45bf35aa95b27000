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
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pyrtl import Const, Register, WireVector

from asicbnn.hardware.accelerator import Machine
from asicbnn.hardware.declarations import Adder
from asicbnn.hardware.verilog.netlist import BlockView

MOST_SINKS = 16
"""Inverters a gate drives before buffers take over; what synthesis is asked for as well."""
_FO = 4
_STAGE_SHARE = 0.2  # of an FO4 delay per inverter driven: (1 + 4) units of delay at four
_NEVER = float("-inf")

Values: TypeAlias = NDArray[np.float64]
Unit: TypeAlias = Any  # a net of PyRTL, or an Adder
_GATES = {"&": "and2", "|": "or2", "^": "xor2", "n": "nand2"}


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

    def extra_ps(self, load: Values) -> Values:
        """Delay beyond that at four inverters, buffers included [ps]."""
        driven = np.clip(load, 1.0, MOST_SINKS)
        slope = self.fo4_ps * _STAGE_SHARE
        extra: Values = slope * (driven - _FO)
        most = load.max(initial=0.0)
        if most > MOST_SINKS:
            stages = np.ceil(np.log(np.maximum(load, 1.0)) / math.log(MOST_SINKS)) - 1
            buffer_ps = self.delay_ps["buffer"] + slope * (MOST_SINKS - _FO)
            extra += np.maximum(stages, 0.0) * buffer_ps
        return extra


def settling_ps(machine: Machine, delays: GateDelays) -> dict[tuple[str, str], float]:
    """Return by (component, part) when the latest of its registers has been set up [ps].

    From the clock edge that launches to the one that captures, setup included.
    """
    view = BlockView(machine.block)
    arrivals = _Arrivals(view, delays)
    place = {
        net.dests[0]: part for part, nets in machine.parts.items() for net in nets if net.op == "r"
    }
    latest: dict[tuple[str, str], float] = {}
    for register, source in view.next_of.items():
        at = float(arrivals.of(view.resolve(source)).max()) + delays.setup_ps
        part = place[register]
        latest[part] = max(at, latest.get(part, _NEVER))
    return {part: at for part, at in latest.items() if at > _NEVER}


class _Arrivals:
    """Loads of all wires, then arrivals at them; one value per bit."""

    def __init__(self, view: BlockView, delays: GateDelays) -> None:
        self.view, self.delays = view, delays
        self.at: dict[WireVector, Values] = {}
        self.load: dict[WireVector, Values] = {}
        order = view.ordered(self._sinks())
        for unit in reversed(order):
            self._add_loads(unit)
        for unit in order:
            self._propagate(unit)

    def of(self, wire: WireVector) -> Values:
        """Arrival at every bit of a resolved wire."""
        found = self.at.get(wire)
        if found is None:
            found = np.full(len(wire), _NEVER)
            if isinstance(wire, Register):
                found = self.delays.delay_ps["flop"] + self.delays.extra_ps(self._load(wire))
            self.at[wire] = found
        return found

    # ------------------------------------------------------------------ loads
    def _sinks(self) -> list[WireVector]:
        pin = self.delays.input_load["flop"]
        sinks = []
        for source in self.view.next_of.values():
            wire = self.view.resolve(source)
            self._load(wire)[:] += pin
            sinks.append(wire)
        sinks += self.view.outputs
        for memory in self.view.memories:
            for port in (*memory.reads, *memory.writes):
                sinks.append(port.address)
            for port in memory.writes:
                sinks += [*port.data, *port.enables]
        return sinks

    def _load(self, wire: WireVector) -> Values:
        found = self.load.get(wire)
        if found is None:
            found = self.load[wire] = np.zeros(len(wire))
        return found

    def _add_loads(self, unit: Unit) -> None:
        sources = self.view.sources(unit)
        pins = self.delays.input_load
        if isinstance(unit, Adder):
            for wire in sources:
                self._load(wire)[:] += pins[unit.kind]
            return
        op, out = unit.op, unit.dests[0]
        if op == "s":
            np.add.at(self._load(sources[0]), list(unit.op_param), self._load(out))
        elif op in "w~":
            self._load(sources[0])[: len(out)] += self._load(out)[: len(sources[0])]
        elif op == "c":
            self._share(sources, self._load(out))
        elif op == "x":
            self._load(sources[0])[:] += pins["mux2"] * len(out)
            for wire in sources[1:]:
                self._load(wire)[:] += pins["mux2"]
        elif op in _GATES:
            for wire in sources:
                self._load(wire)[:] += pins[_GATES[op]]
        elif op == "=":
            for wire in sources:
                self._load(wire)[:] += pins["xor2"]
        elif op in "+-<>":
            for wire in sources:
                self._load(wire)[:] += pins["full_adder"]

    def _share(self, sources: list[WireVector], load: Values) -> None:
        low = 0
        for wire in reversed(sources):
            self._load(wire)[:] += load[low : low + len(wire)]
            low += len(wire)

    # ------------------------------------------------------------------ arrivals
    def _propagate(self, unit: Unit) -> None:
        sources = [self.of(wire) for wire in self.view.sources(unit)]
        if isinstance(unit, Adder):
            self._adder(unit, np.maximum.reduce(sources))
            return
        out = unit.dests[0]
        op = unit.op
        if op == "s":
            self.at[out] = sources[0][list(unit.op_param)]
        elif op in "w~":
            self.at[out] = sources[0][: len(out)]
        elif op == "c":
            self.at[out] = np.concatenate(sources[::-1])
        elif op == "m":
            self.at[out] = np.full(len(out), _NEVER)
        else:
            self.at[out] = self._gate(unit, sources) + self.delays.extra_ps(self._load(out))

    def _adder(self, unit: Adder, settled: Values) -> None:
        for wire, own in (
            (unit.total, self.delays.delay_ps), (unit.carry, self.delays.carry_delay_ps)
        ):  # fmt: skip
            self.at[wire] = settled + own[unit.kind] + self.delays.extra_ps(self._load(wire))

    def _gate(self, unit: Unit, sources: list[Values]) -> Values:
        """Arrival at the output of one net, its load apart."""
        delay, op = self.delays.delay_ps, unit.op
        settled: Values
        if op in _GATES:
            settled = np.maximum.reduce(sources) + delay[_GATES[op]]
        elif op == "x":
            settled = np.maximum.reduce(np.broadcast_arrays(*sources)) + delay["mux2"]
        elif op == "=":
            first = 0.0 if any(isinstance(wire, Const) for wire in unit.args) else delay["xor2"]
            levels = math.ceil(math.log2(len(unit.args[0])))
            latest = max(float(each.max()) for each in sources)
            settled = np.array([latest + first + levels * delay["or2"]])
        elif op in "+-":
            settled = self._ripple(sources, len(unit.dests[0]))
        elif op in "<>":
            settled = self._ripple(sources, len(unit.args[0]) + 1)[-1:]
        else:
            raise ValueError(f"no delay is known for operation {op!r}")
        return settled

    def _ripple(self, sources: list[Values], width: int) -> Values:
        """Sum bits of a ripple adder; the bit beyond the operands is the last carry."""
        operands = np.maximum(*sources)
        carry_ps = self.delays.carry_delay_ps["full_adder"]
        places = np.arange(len(operands)) * carry_ps
        carries = np.maximum.accumulate(operands - places) + places + carry_ps  # out of each bit
        into = np.concatenate([[_NEVER], carries])
        sums = np.maximum(operands, into[:-1]) + self.delays.delay_ps["full_adder"]
        settled = np.concatenate([sums, carries[-1:]])
        if width > len(settled):
            raise ValueError("a sum has one bit more than its operands at most")
        return settled[:width]


__all__ = ["MOST_SINKS", "GateDelays", "settling_ps"]
