"""What an accelerator is made of: gates per component, from closed forms beside what is built.

Nothing is built to count it. `counted` is the census of the block that is built; tests hold the
closed forms equal to it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from pyrtl import LogicNet, WireVector

from asicbnn.hardware.accelerator import Machine, bank_gates, elaborate, threshold_gates
from asicbnn.hardware.array import PeArray
from asicbnn.hardware.component import Gates, summed
from asicbnn.hardware.configuration import (
    Configuration,
    configuration,
    frozen_order,
    slot_quantities,
)
from asicbnn.hardware.controller_gates import controller_gates, controller_sinks
from asicbnn.hardware.declarations import declarations
from asicbnn.hardware.dma import Dma
from asicbnn.hardware.engine_gates import (
    datapath_gates,
    datapath_sinks,
    issue_gates,
    issue_sinks,
)
from asicbnn.hardware.gating import (
    Sinks,
    gated_census,
    gated_gates,
    hold_multiplexers,
)
from asicbnn.hardware.operand_gates import operand_gates, operand_sinks
from asicbnn.hardware.output import OutputStage
from asicbnn.hardware.sequencer import TileSequencer
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


@lru_cache(maxsize=4096)
def structure(accelerator: Accelerator) -> Structure:
    """Gates of an accelerator, without memories and probes; nothing is built."""
    c = configuration(accelerator, frozen_order(accelerator))
    is_gated = accelerator.clock_gating == "register"
    tile_widths = c.widths.each(slot_quantities(accelerator))
    gates = {
        "array": datapath_gates(accelerator, c, pe_array(accelerator)),
        "registers": operand_gates(accelerator, c),
        "sequencer": summed(
            TileSequencer.gates(c, tile_widths, is_gated), issue_gates(accelerator, c)
        ),
        "dma": summed(Dma.gates(accelerator, c), bank_gates(accelerator, c)),
        "controller": summed(controller_gates(accelerator, c), threshold_gates(c)),
        "output": OutputStage.gates(accelerator, c),
    }
    sinks = _sinks(accelerator, c) if is_gated else []
    built, gated_flops = gated_gates(gates, sinks)
    holding = {name: part["holding"] for name, part in built.items()}
    alike = {name: _as_built(part) for name, part in built.items()}
    return Structure(MappingProxyType(alike), gated_flops, MappingProxyType(holding))


def _as_built(gates: Gates) -> Gates:
    """Count multiplexers that hold among all multiplexers, as a census does."""
    others = Gates({kind: n for kind, n in gates.items() if kind != "holding"})
    return summed(others, Gates(mux2=gates["holding"]))


def _sinks(accelerator: Accelerator, c: Configuration) -> list[tuple[str, Sinks]]:
    """What each component gates, in the order in which they are built."""
    tiles = TileSequencer.flops(c, c.widths.each(slot_quantities(accelerator)))
    groups = (
        ("controller", controller_sinks(c)),
        ("sequencer", [Sinks("tile_sequencer", "swap or restart", tiles)]),
        ("dma", Dma.sinks()),
        ("sequencer", issue_sinks(accelerator, c)),
        ("registers", operand_sinks(accelerator, c)),
        ("array", datapath_sinks(accelerator, c)),
        ("output", OutputStage.sinks(accelerator, c)),
    )
    return [(component, sinks) for component, found in groups for sinks in found]


# ---------------------------------------------------------------------- what is built
@lru_cache(maxsize=2)
def logic_machine(accelerator: Accelerator) -> Machine:
    """Build what is counted: the accelerator without probes; the last two are kept."""
    return elaborate(accelerator, probe=False, ports=True, check=False)


def counted(accelerator: Accelerator) -> Structure:
    """Build the block, without memories and probes, and count it: what `structure` must equal.

    Adders that a component declares stand as full and half adders, products as XNOR gates.
    """
    machine = logic_machine(accelerator)
    held = hold_multiplexers(tuple(machine.block.logic), machine.gated)
    found = {name: gated_census(nets, held) for name, nets in machine.stages.items()}
    products = Gates(xnor2=pe_array(accelerator).gates()["xnor2"])
    _recognise(found["array"], products)
    component_of = {
        wire: name for name, nets in machine.stages.items() for net in nets for wire in net.dests
    }
    for adder in declarations(machine.block).adders:
        _recognise(found[component_of[adder.total]], Gates({adder.kind: len(adder.total)}))
    gates = MappingProxyType({name: Gates(+found[name]) for name in COMPONENTS})
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
