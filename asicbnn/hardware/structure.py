"""What an accelerator is made of: gates per component, counted on the block that is built.

Adders that a component declares stand as full and half adders; the rest is counted from the built
block (tests hold the closed forms of the PE array equal to the census).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from asicbnn.hardware.accelerator import elaborate
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
    """

    gates: Mapping[str, Gates]
    gated_flops: int


def logic_gates(accelerator: Accelerator) -> Mapping[str, Gates]:
    """Gates of each logic component, memories and probes left out.

    array       XNOR, masks, popcount, accumulators, thresholds     registers   L0 and its ports
    sequencer   loops and addresses of tiles and steps              dma         both channels
    controller  main state machine, configuration registers, store and host links
    output      flips, pooling, write channel, argmax
    """
    return structure(accelerator).gates


@lru_cache(maxsize=256)
def structure(accelerator: Accelerator) -> Structure:
    """Count the block that is built, without memories and probes."""
    machine = elaborate(accelerator, probe=False, ports=True, check=False)
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
    return Structure(gates, sum(group.sinks for group in machine.gated))


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
