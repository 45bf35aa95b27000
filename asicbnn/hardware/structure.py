"""What an accelerator is made of: gates per component, counted on the block that is built.

Adders that a component declares stand as full and half adders; the rest is counted from the built
block (tests hold the closed forms of the PE array equal to the census).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from asicbnn.hardware.accelerator import elaborate
from asicbnn.hardware.array import PeArray
from asicbnn.hardware.component import Gates, census
from asicbnn.hardware.declarations import declarations
from asicbnn.mapping.layout import layout
from asicbnn.spec.accelerator import Accelerator

COMPONENTS = ("array", "registers", "sequencer", "dma", "controller", "output")


@lru_cache(maxsize=256)
def logic_gates(accelerator: Accelerator) -> Mapping[str, Gates]:
    """Gates of each logic component, memories and probes left out.

    array       XNOR, masks, popcount, accumulators, thresholds     registers   L0 and its ports
    sequencer   loops and addresses of tiles and steps              dma         both channels
    controller  main state machine, configuration registers, store and host links
    output      flips, pooling, write channel, argmax
    """
    machine = elaborate(accelerator, probe=False, ports=True, check=False)
    counted = {name: census(nets) for name, nets in machine.stages.items()}
    products = Gates(xnor2=pe_array(accelerator).gates()["xnor2"])
    _recognise(counted["array"], products)
    component_of = {
        wire: name for name, nets in machine.stages.items() for net in nets for wire in net.dests
    }
    for adder in declarations(machine.block).adders:
        _recognise(counted[component_of[adder.total]], Gates({adder.kind: len(adder.total)}))
    return MappingProxyType({name: Gates(+counted[name]) for name in COMPONENTS})


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
