"""One network on one accelerator, model against hardware, for cases written by hand.

Building and compiling a machine takes most of the time, so cases share machines.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from asicbnn.bnn.layer import DIMENSIONS, Layer
from asicbnn.bnn.reference import random_activations, random_parameters
from asicbnn.hardware.accelerator import elaborate
from asicbnn.mapping.capacity import check
from asicbnn.mapping.dataflow import ORDERS, hold_flags
from asicbnn.mapping.layout import layout
from asicbnn.mapping.loop_nest import OUTER_DIMENSIONS, LoopNest, Mapping
from asicbnn.mapping.tiling import whole_tile
from asicbnn.simulation.backends import simulator
from asicbnn.simulation.program import shared_order
from asicbnn.spec.accelerator import Accelerator, with_changes
from asicbnn.verify.agreement import Row, Subject

SMALL = Accelerator.model_validate({
    "name": "small",
    "array": {"unroll": {"out_channels": 2, "in_channels": 4}, "strides": [1, 2, 3]},
    "buffers": {
        "weight": {"words": 512, "ping_pong": True},
        "input": {"words": 2048, "ping_pong": True, "ports": "1r1w"},
        "psum": {"words": 128},
        "threshold": {"words": 16},
        "pool": {"words": 64},
    },
    "store": {"kib": {"weights": 4, "activations": 8}, "link": {"bits": 8, "latency_cycles": 2}},
    "host": {"link_bits": 8, "latency_cycles": 3},
    "limits": {
        "batch": 3, "out_channels": 16, "in_channels": 16, "map": 12, "kernel": 5,
        "weight_bits": 2, "activation_bits": 3, "pool": 3, "psum_bits": 12,
    },
})  # fmt: skip
"""Two PEs of four lanes, room for everything: what a case is about, it changes."""

CYCLE_LIMIT = 100_000


def small(**changes) -> Accelerator:
    """Return SMALL with fields changed: dots of the paths written as double underscores."""
    return with_changes(SMALL, {key.replace("__", "."): value for key, value in changes.items()})


def nest_of(
    accelerator: Accelerator,
    layer: Layer,
    *,
    inner: str = "",
    outer: Sequence[tuple[str, int]] = (),
) -> Mapping:
    """Map a layer: loops not named go outermost (inner) or are not cut (outer)."""
    lay = layout(accelerator)
    cut = dict(outer)
    whole = tuple((d, whole_tile(lay, layer, d)) for d in OUTER_DIMENSIONS if d not in cut)
    named = tuple(inner.split()) or ORDERS["output_stationary"][0]
    rest = tuple(d for d in DIMENSIONS if d not in named)
    hold = hold_flags(accelerator, accelerator.dataflow)
    return Mapping((*whole, *outer), (*rest, *named), hold)


@cache
def machine_of(accelerator: Accelerator, order=None):
    """Elaborate and compile once."""
    machine = elaborate(accelerator, order=order)
    return machine, simulator(machine.block)


def rows_of(
    accelerator: Accelerator,
    layers: Sequence[Layer],
    mappings: Sequence[Mapping],
    *,
    seed: int = 0,
    parameters=None,
    images=None,
) -> list[Row]:
    """Every compared row of a network run once."""
    for layer, mapping in zip(layers, mappings, strict=True):
        check(accelerator, layer, mapping)
    machine, backend = machine_of(accelerator, shared_order(accelerator, mappings))
    rng = np.random.default_rng(seed)
    drawn = parameters or [random_parameters(layer, rng) for layer in layers]
    given = random_activations(layers[0], rng) if images is None else images
    subject = Subject(machine, backend, layers, drawn, mappings, cycle_limit=CYCLE_LIMIT)
    return subject.rows(given)


def agree(accelerator, layers, mappings, *, seeds: int = 3) -> dict[str, int]:
    """Assert that nothing differs; returns the hardware's counts summed over the layers."""
    totals: dict[str, int] = {}
    for seed in range(seeds):
        rows = rows_of(accelerator, layers, mappings, seed=seed)
        assert [row for row in rows if not row.agrees] == []
        if seed == 0:
            for row in rows:
                totals[row.quantity] = totals.get(row.quantity, 0) + row.hardware
    return totals


def nest(accelerator: Accelerator, layer: Layer, mapping: Mapping) -> LoopNest:
    """Return the loop nest that a case runs."""
    return LoopNest(layer, layout(accelerator), mapping)


def psum_words_of_runs(loop_nest: LoopNest) -> list[tuple[int, ...]]:
    """Walk the steps of an unsplit layer: which output each run of the accumulator serves."""
    dimensions = loop_nest.mapping.inner
    trips = [loop_nest.trips(d) for d in dimensions]
    inside = loop_nest.inner_reload("psum")
    outputs = [i for i, d in enumerate(dimensions) if d in ("B", "K", "OY", "OX")]
    runs, previous = [], None
    for point in np.ndindex(*trips):
        head = point[: inside + 1]
        if head != previous:
            runs.append(tuple(point[i] for i in outputs))
        previous = head
    return runs
