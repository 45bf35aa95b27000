"""Cycles of a layer, split by what the array is doing, and every access beside them.

    cycles = configuration + prologue + compute + l0_stall + output_stall + dma_stall + swap
             + drain

`count_points` counts many points of one order class at once, `count_layer` one layer with exact
integers. Equations: docs/models/cycles.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from asicbnn.bnn.layer import Layer
from asicbnn.errors import ModelError
from asicbnn.mapping.counts import ACCESSES, accesses, movement, operand_loads, operations
from asicbnn.mapping.layout import Layout, layout
from asicbnn.mapping.loop_nest import OUTER_DIMENSIONS, LoopNest, Mapping
from asicbnn.mapping.points import (
    CHUNK,
    FloatArray,
    Number,
    OrderClass,
    Points,
    Trips,
    reserve_heap,
    times,
)
from asicbnn.model.gating import with_clocks
from asicbnn.model.stalls import (
    CarryClasses,
    Load,
    Ports,
    compute_chains,
    held_chain,
    register_stalls,
    tile_loads,
)

if TYPE_CHECKING:
    from asicbnn.spec.accelerator import Accelerator

CYCLES = (
    "prologue_cycles", "compute_cycles", "l0_stall_cycles", "output_stall_cycles",
    "dma_stall_cycles", "swap_cycles", "drain_cycles", "configuration_cycles", "io_cycles",
)  # fmt: skip
SWAP_CYCLES = 1
PIPELINE_STAGES = 3
_LARGEST_EXACT = 2.0**53


@dataclass(frozen=True)
class Machine:
    """What counting needs to know of an accelerator.

    psum_trips  slots of one psum visit: a single port reads and writes in turn
    """

    layout: Layout
    n_cfg: int
    latency_cycles: int
    pipeline_stages: int
    psum_trips: int
    shared_port: bool
    shadow: bool
    weight_ping_pong: bool
    input_ping_pong: bool
    circular_rows: bool

    @classmethod
    def of(cls, accelerator: Accelerator, n_cfg: int) -> Machine:
        """Machine of an accelerator whose configuration takes `n_cfg` link words."""
        lay, buffers = layout(accelerator), accelerator.buffers
        return cls(
            layout=lay,
            n_cfg=n_cfg,
            latency_cycles=accelerator.store.link.latency_cycles,
            pipeline_stages=accelerator.array.popcount.pipeline_stages,
            psum_trips=lay.psum_slots * (2 if buffers.psum.ports == "1rw" else 1),
            shared_port=buffers.shared_port,
            shadow=accelerator.registers.shadow,
            weight_ping_pong=buffers.weight.ping_pong,
            input_ping_pong=buffers.input.ping_pong,
            circular_rows=buffers.input.circular_rows,
        )

    def ports(self, points: Points) -> Ports:
        """Port trips of one load of each operand."""
        slots = (float(self.layout.weight_slots), points.input_slots, float(self.psum_trips))
        return Ports(slots, self.shared_port, self.shadow)


def count_points(machine: Machine, order: OrderClass, points: Points) -> dict[str, Number]:
    """Count every access and every class of cycles of many points of one order class.

    A quantity equal for all points comes back as a plain float. io_cycles depends on the network
    and is left out; see `asicbnn/model/network.py`.
    """
    lay = machine.layout
    trips = Trips.of(lay, order.slots, points)
    loads = operand_loads(order, trips)
    moved = movement(lay, order, points, trips, machine.circular_rows)
    ports = machine.ports(points)
    steps = trips.product("all", order.inner)
    finished = trips.product("all", ("B", "K", "OY", "OX"))
    held = finished * (points.output_slots - 1.0)
    latency = float(machine.latency_cycles)
    pair = tile_loads(lay, order, points, trips, machine.circular_rows, latency)
    ping_pong = (machine.weight_ping_pong, machine.input_ping_pong)
    prologue = 2.0 * latency + pair[0].chain.first_tile + pair[1].chain.first_tile
    classes = _carries(machine, order, points, trips, ports, pair)
    waits = classes.stalls if classes is not None else 0.0
    totals = (
        moved.weight_links + latency * moved.weight_refills,
        moved.input_links + latency * moved.input_refills,
    )
    for load, total, is_double in zip(pair, totals, ping_pong, strict=True):
        if not is_double:
            waits = waits + (total - latency - load.chain.first_tile)
    if ports.shadow and classes is not None:
        stalls = classes.cycles - steps - held
    else:
        stalls = register_stalls(ports, loads)
    cycles: dict[str, Number] = {
        "prologue_cycles": prologue,
        "compute_cycles": steps,
        "l0_stall_cycles": stalls,
        "output_stall_cycles": held,
        "dma_stall_cycles": waits,
        **fixed_cycles(machine, trips),
    }
    total_cycles: Number = 0.0
    for value in cycles.values():
        total_cycles = total_cycles + value
    counted = accesses(lay, points, trips, loads, moved, machine.n_cfg)
    return {"steps": steps, "cycles": total_cycles, **cycles, **counted}


def fixed_cycles(machine: Machine, trips: Trips) -> dict[str, Number]:
    """Cycles of a layer that overlap with nothing: swaps, drain, configuration."""
    thresholds = trips.all["K"] * float(machine.layout.links_per_threshold)
    return {
        "swap_cycles": times(trips.phases, float(SWAP_CYCLES)),
        "drain_cycles": float(PIPELINE_STAGES + machine.pipeline_stages),
        "configuration_cycles": machine.latency_cycles + machine.n_cfg + thresholds,
    }


def count_many(
    machine: Machine, order: OrderClass, points: Points, count: int
) -> dict[str, FloatArray]:
    """Count any number of points of one order class, a cache-sized chunk at a time.

    count  how many points there are
    """
    reserve_heap()
    starts = range(0, count, CHUNK)
    parts = [count_points(machine, order, points.chunk(i, i + CHUNK)) for i in starts]
    sizes = [min(CHUNK, count - i) for i in starts]
    return {
        name: np.concatenate(
            [np.broadcast_to(part[name], size) for part, size in zip(parts, sizes, strict=True)]
        )
        for name in (parts[0] if parts else ())
    }


def _carries(
    machine: Machine,
    order: OrderClass,
    points: Points,
    trips: Trips,
    ports: Ports,
    pair: tuple[Load, Load],
) -> CarryClasses | None:
    """Return the sums over neighbouring tiles, if anything depends on them."""
    double = [
        load
        for load, is_double in zip(
            pair, (machine.weight_ping_pong, machine.input_ping_pong), strict=True
        )
        if is_double
    ]
    if not ports.shadow and not (double and order.slots):
        return None
    holds = not (isinstance(points.output_slots, float) and points.output_slots == 1.0)
    held = (points.output_slots - 1.0, held_chain(order, trips)) if holds else None
    return CarryClasses(
        trips,
        order.slots,
        compute_chains(order, trips, ports),
        held,
        ports.longest - 1.0 if ports.shadow else None,
        double,
    )


def exact(name: str, value: Number) -> int:
    """Integer of a count; ModelError where float64 no longer holds it exactly."""
    number = float(value)
    if abs(number) >= _LARGEST_EXACT:
        raise ModelError(f"{name} is {number:.3g}: counts are exact below 2^53")
    return int(number)


def count_nest(machine: Machine, nest: LoopNest) -> dict[str, int]:
    """Count one layer under one mapping, as `count_layer` does."""
    order = OrderClass.of(nest)
    tile: dict[str, Number] = {d: float(nest.tile[d]) for d in OUTER_DIMENSIONS}
    points = Points.of(machine.layout, nest.layer, tile)
    counted = count_points(machine, order, points)
    counts = {name: exact(name, value) for name, value in counted.items()}
    return {
        **operations(nest.layer),
        **counts,
        "io_cycles": 0,
        "host_words_in": 0,
        "host_words_out": 0,
    }


def count_layer(
    accelerator: Accelerator, layer: Layer, mapping: Mapping, n_cfg: int | None = None
) -> dict[str, int]:
    """Count one layer: operations, accesses and cycles by class, as exact integers.

    n_cfg  link words of one layer's configuration, by default the accelerator's own

    The mapping is taken as legal (`mapping.capacity.check_mapping`). io_cycles and the host's
    words are zero here: they belong to the layer's place in a network (`count_network`).
    """
    if n_cfg is None:
        from asicbnn.hardware.configuration import configuration_words

        n_cfg = configuration_words(accelerator)
    machine = Machine.of(accelerator, n_cfg)
    counts = count_nest(machine, LoopNest(layer, machine.layout, mapping))
    return with_clocks(accelerator, layer, counts, n_cfg)


__all__ = [
    "ACCESSES",
    "CYCLES",
    "Machine",
    "count_layer",
    "count_many",
    "count_nest",
    "count_points",
    "exact",
]
