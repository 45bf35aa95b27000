"""Clock gating: registers that keep their value unless one enable is 1, and the gates in front.

PyRTL knows one clock, so in the block a multiplexer holds the value; a group declares that the
multiplexer is not built: its registers are clocked in the cycles of the enable and in no other.
What is simulated does the same cycle for cycle; census and Verilog export honour the declaration.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyrtl
from pyrtl import LogicNet, Register, WireVector

from asicbnn.hardware.buffer import Probe
from asicbnn.hardware.component import Gates, census, summed
from asicbnn.hardware.wires import either, spread
from asicbnn.mapping.layout import ceil_div
from asicbnn.spec.accelerator import Accelerator

MOST_SINKS = 32
"""Flops behind one clock gate."""

FAMILIES = (
    "weight_register",
    "input_register",
    "psum_register",
    "psum_write_register",
    "accumulator",
    "finished_register",
    "step_sequencer",
    "tile_sequencer",
    "tile_register",
    "configuration_register",
    "output_address",
    "host_register",
)
"""What can be gated; a machine without such registers has no group of the family."""

CLOCKS = tuple(f"{family}_clocks" for family in FAMILIES)
"""The count of each family: clock edges its flops receive, summed over the flops."""


@dataclass(frozen=True)
class GatedGroup:
    """Registers behind one enable.

    name       family and number, unique in a machine
    enable     one bit: 1 in the cycles whose clock edge the registers receive
    registers  each with the next value select(enable, value, itself)
    """

    name: str
    enable: WireVector
    registers: tuple[Register, ...]

    @property
    def sinks(self) -> int:
        """Bits of the registers, one flop each."""
        return sum(len(register) for register in self.registers)

    @property
    def clock_gates(self) -> int:
        """Clock gates of the group, each in front of at most `MOST_SINKS` flops."""
        return ceil_div(self.sinks, MOST_SINKS)


class Gating:
    """Collects the groups while a block is built; collects nothing where clocks are not gated.

    probe  counts the clock edges that flops receive, by family
    """

    def __init__(self, accelerator: Accelerator, probe: Probe | None) -> None:
        self.is_on = accelerator.clock_gating == "register"
        self.probe = probe
        self._groups: dict[str, list[GatedGroup]] = {}

    def declare(self, family: str, enable: WireVector, registers: Sequence[Register]) -> None:
        """Put registers that hold through a multiplexer on `enable` behind clock gates.

        What one family declares on one enable becomes one group.
        """
        if family not in FAMILIES:
            raise ValueError(f"no such family of gated registers: {family}")
        if not self.is_on or not registers:
            return
        groups = self._groups.setdefault(family, [])
        same = next((i for i, group in enumerate(groups) if group.enable is enable), None)
        if same is None:
            groups.append(GatedGroup(f"{family}{len(groups)}", enable, tuple(registers)))
        else:
            name, before = groups[same].name, groups[same].registers
            groups[same] = GatedGroup(name, enable, (*before, *registers))
        if self.probe:
            self.probe.count(f"{family}_clocks", enable, sum(map(len, registers)))

    @property
    def groups(self) -> tuple[GatedGroup, ...]:
        """Every group, families in their order."""
        return tuple(g for family in FAMILIES for g in self._groups.get(family, []))

    def masked(
        self,
        enable: WireVector,
        mask: WireVector,
        registers: Sequence[Register],
        values: Sequence[WireVector],
    ) -> None:
        """Load registers in cycles of `enable`, each in the bits where `mask` is 1.

        Ungated, mask and enable are one AND per bit of a word. A clock gate serves whole words, so
        the mask alone chooses the bits, and the enable holds what is behind the gate.
        """
        bits = mask if self.is_on else mask & spread(enable, len(mask))
        for own, value in zip(registers, values, strict=True):
            merged = (value & bits) | (own & ~bits)
            own.next <<= pyrtl.select(enable, merged, own) if self.is_on else merged

    @staticmethod
    def masked_gates(is_gated: bool, bits: int, registers: int) -> Gates:
        """What `masked` puts before registers of `bits` each."""
        merge = Gates(and2=2 * bits, or2=bits, inverter=bits, holding=bits if is_gated else 0)
        return summed(merge.times(registers), Gates(and2=0 if is_gated else bits))

    def load(
        self,
        family: str,
        events: Sequence[WireVector],
        registers: Sequence[Register],
        values: Sequence[WireVector],
    ) -> None:
        """Load registers with values that change at `events` alone, and hold by themselves.

        Their enables are nested, one per register; gated, they share a coarse one: any event.
        """
        enable = either(events) if self.is_on else None
        for own, value in zip(registers, values, strict=True):
            own.next <<= value if enable is None else pyrtl.select(enable, value, own)
        if enable is not None:
            self.declare(family, enable, registers)

    @staticmethod
    def load_gates(is_gated: bool, events: int, bits: int) -> Gates:
        """What `load` puts before registers of `bits` in total."""
        return Gates(or2=events - 1, holding=bits) if is_gated else Gates()


@dataclass(frozen=True)
class Sinks:
    """Flops that a component puts behind the clock gates of one enable, without being built.

    family  one of FAMILIES      enable  says, within the family, which wires are the same
    bits    flops
    """

    family: str
    enable: str
    bits: int


def gated_gates(
    gates: Mapping[str, Gates], sinks: Iterable[tuple[str, Sinks]]
) -> tuple[Mapping[str, Gates], int]:
    """Put clock gates in the place of the multiplexers that hold, and count the flops behind them.

    gates  of each component, multiplexers included
    sinks  (component, what it gates) in the order in which they are built; the clock gates of an
           enable that several components share are counted with the first of them
    """
    changed = {component: [part] for component, part in gates.items()}
    first: dict[tuple[str, str], str] = {}
    flops: Counter[tuple[str, str]] = Counter()
    for component, group in sinks:
        key = group.family, group.enable
        first.setdefault(key, component)
        flops[key] += group.bits
        changed[component].append(Gates(holding=-group.bits))
    for key, component in first.items():
        changed[component].append(Gates(clock_gate=ceil_div(flops[key], MOST_SINKS)))
    return {component: summed(*parts) for component, parts in changed.items()}, flops.total()


def hold_multiplexers(
    nets: Sequence[LogicNet], groups: Sequence[GatedGroup]
) -> dict[LogicNet, GatedGroup]:
    """The multiplexer in front of every register of the groups, among the nets of a block.

    Raises ValueError for a register that does not hold by select(enable, value, itself).
    """
    driver = {wire: net for net in nets for wire in net.dests}
    found = {}
    for group in groups:
        for register in group.registers:
            hold = driver.get(driver[register].args[0])
            if hold is None or hold.op != "x" or not _holds(hold, group.enable, register):
                raise ValueError(f"{group.name}: {register.name} does not hold on its enable")
            found[hold] = group
    return found


def _holds(multiplexer: LogicNet, enable: WireVector, register: Register) -> bool:
    return multiplexer.args[0] is enable and multiplexer.args[1] is register


def gated_census(nets: Sequence[LogicNet], held: dict[LogicNet, GatedGroup]) -> Gates:
    """Census of nets with clock gates in the place of the multiplexers that hold.

    A group's gates are counted with its first register.
    """
    gates = census(net for net in nets if net not in held)
    firsts = [held[net] for net in nets if net in held and net.args[1] is held[net].registers[0]]
    return gates + Gates(clock_gate=sum(group.clock_gates for group in firsts))
