"""What a search for a mapping pays: the rates of energy, folded into prices of what it counts.

The same table as the estimate's, so that the mapping a search finds cheapest is the one whose
estimate is lowest; what no mapping changes (active lanes, output slots, host) is left out.
"""

from __future__ import annotations

from dataclasses import fields
from functools import lru_cache

from asicbnn.bnn.layer import Layer
from asicbnn.levels import ResultLevel
from asicbnn.model.candidates import Prices
from asicbnn.model.costs import costs
from asicbnn.model.data_events import data_events
from asicbnn.spec.accelerator import Accelerator
from asicbnn.technology.library import Technology

PRICED = frozenset(field.name for field in fields(Prices))
"""Events that have a price in a search."""


@lru_cache(maxsize=1024)
def prices(
    accelerator: Accelerator,
    technology: Technology,
    layer: Layer,
    level: ResultLevel = "cell",
) -> Prices:
    """Return the prices of an accelerator [fJ] for a layer, at a level.

    What goes by how much of the array the layer changes (`data_events`) is paid with the reads
    that change it; the steps no mapping changes. A layer of a stride that is not wired is priced
    as one that is: the search refuses it by its name.
    """
    wired = accelerator.array.strides
    stride = layer.stride if layer.stride in wired else wired[0]
    events = data_events(accelerator, layer)
    total = dict.fromkeys(PRICED, 0.0)
    for rate in costs(accelerator, technology, level).rates_of[stride]:
        if rate.event in PRICED:
            total[rate.event] += rate.energy_fj
        elif rate.event in events:
            each = events[rate.event]
            total["weight_buffer_reads"] += rate.energy_fj * each.weight_reads
            total["input_buffer_reads"] += rate.energy_fj * each.input_reads
    return Prices(**total)


__all__ = ["PRICED", "prices"]
