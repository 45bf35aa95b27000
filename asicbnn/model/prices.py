"""What a search for a mapping pays: the rates of energy, folded into prices of what it counts.

The same table as the estimate's, so that the mapping a search finds cheapest is the one whose
estimate is lowest; what no mapping changes (active lanes, output slots, host) is left out.
"""

from __future__ import annotations

from dataclasses import fields
from functools import lru_cache

from asicbnn.levels import ResultLevel
from asicbnn.mapping.layout import layout
from asicbnn.model.candidates import Prices
from asicbnn.model.costs import costs
from asicbnn.spec.accelerator import Accelerator
from asicbnn.technology.library import Technology

PRICED = frozenset(field.name for field in fields(Prices))
"""Events that have a price in a search."""


@lru_cache(maxsize=1024)
def prices(
    accelerator: Accelerator,
    technology: Technology,
    stride: int = 1,
    level: ResultLevel = "cell",
    active_lanes: float | None = None,
) -> Prices:
    """Return the prices of an accelerator [fJ] for layers of one stride, at a level.

    active_lanes  of all PEs in a step of the layer, on average (default: all there are)

    What is spent where both operands change (`energy.joint_lane_steps`) is paid with their loads,
    which outnumber the steps by as much; the steps no mapping changes.
    """
    table = costs(accelerator, technology, level).rates_of[stride]
    lay = layout(accelerator)
    lanes = lay.pes * lay.lanes if active_lanes is None else active_lanes
    total = dict.fromkeys(PRICED, 0.0)
    for rate in table:
        if rate.event in PRICED:
            total[rate.event] += rate.energy_fj
        elif rate.event == "joint_lane_steps":
            joint = rate.energy_fj * lanes
            total["weight_buffer_reads"] += joint / lay.weight_slots
            total["input_buffer_reads"] += joint / lay.input_slots(stride)
    return Prices(**total)


__all__ = ["PRICED", "prices"]
