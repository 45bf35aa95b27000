"""What an accelerator is made of: gates per component, counted on the block that is built.

Adders that a component declares stand as full and half adders; the rest is counted from the built
block (tests hold the closed forms of the PE array equal to the census).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from pyrtl import LogicNet, WireVector

from asicbnn.hardware.accelerator import Machine, elaborate
from asicbnn.hardware.array import PeArray
from asicbnn.hardware.component import Gates
from asicbnn.hardware.declarations import declarations
from asicbnn.hardware.gating import gated_census, hold_multiplexers
from asicbnn.mapping.layout import layout
from asicbnn.spec.accelerator import Accelerator

COMPONENTS = ("array", "registers", "sequencer", "dma", "controller", "output")


@dataclass(frozen=True)
class Structure:
    """What an accelerator is made of.

    gates        of each logic component, clock gates in the place of hold multiplexers
    gated_flops  flops behind clock gates, among those of `gates`
    holding      of each component, multiplexers in front of a register that choose between it and
                 a new value; among those of `gates`
    """

    gates: Mapping[str, Gates]
    gated_flops: int
    holding: Mapping[str, int]


def logic_gates(accelerator: Accelerator) -> Mapping[str, Gates]:
    """Gates of each logic component, memories and probes left out.

    array       XNOR, masks, popcount, accumulators, thresholds     registers   L0 and its ports
    sequencer   loops and addresses of tiles and steps              dma         both channels
    controller  main state machine, configuration registers, store and host links
    output      flips, pooling, write channel, argmax
    """
    return structure(accelerator).gates


@lru_cache(maxsize=2)
def logic_machine(accelerator: Accelerator) -> Machine:
    """Build what is counted: the accelerator without probes; the last two are kept."""
    return elaborate(accelerator, probe=False, ports=True, check=False)


@lru_cache(maxsize=256)
def structure(accelerator: Accelerator) -> Structure:
    """Count the block that is built, without memories and probes."""
    machine = logic_machine(accelerator)
    held = hold_multiplexers(tuple(machine.block.logic), machine.gated)
    counted = {name: gated_census(nets, held) for name, nets in machine.stages.items()}
    products = Gates(xnor2=pe_array(accelerator).gates()["xnor2"])
    _recognise(counted["array"], products)
    component_of = {
        wire: name for name, nets in machine.stages.items() for net in nets for wire in net.dests
    }
    for adder in declarations(machine.block).adders:
        _recognise(counted[component_of[adder.total]], Gates({adder.kind: len(adder.total)}))
    gates = MappingProxyType({name: Gates(+counted[name]) for name in COMPONENTS})
    holders = {net.dests[0]: net for net in machine.block.logic if net.op in "wx"}
    holding = {name: _holding(machine.stages[name], holders, held) for name in COMPONENTS}
    gated_flops = sum(group.sinks for group in machine.gated)
    return Structure(gates, gated_flops, MappingProxyType(holding))


def _holding(
    nets: Iterable[LogicNet],
    driver: Mapping[WireVector, LogicNet],
    gated: Collection[LogicNet],
) -> int:
    """Count the multiplexers by which registers of some nets hold, but for gated ones."""
    bits = 0
    for net in nets:
        if net.op != "r":
            continue
        hold = driver.get(net.args[0])
        while hold is not None and hold.op == "w":
            hold = driver.get(hold.args[0])
        if hold is None or hold in gated:
            continue
        if any(value is net.dests[0] for value in hold.args[1:]):
            bits += len(net.dests[0])
    return bits


def _recognise(gates: Gates, cells: Gates) -> None:
    """Count cells instead of the gates they consist of."""
    gates.subtract(cells.primitive())
    gates.update(cells)
    if min(gates.values()) < 0:
        raise AssertionError(f"a component has fewer gates than its cells: {gates}")


def pe_array(accelerator: Accelerator) -> PeArray:
    """The PE array of an accelerator, as the engine builds it."""
    popcount, limits = accelerator.array.popcount, accelerator.limits
    return PeArray(
        layout(accelerator),
        popcount.structure,
        popcount.pipeline_stages,
        limits.weight_bits + limits.activation_bits - 2,
    )
