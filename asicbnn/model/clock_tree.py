"""The clock tree of an accelerator, laid out or not: buffers, and wires to what it clocks.

Sinks of the tree are the flops that no gate stops and the clock gates; flops behind gates hang on
the gates' outputs and are clocked by the events that load them. Buffers come from finished flows,
wires from the area the cells are spread over. Equations: docs/models/floorplan.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from asicbnn.model.area import TREE, Area, tree_sinks
from asicbnn.model.energy import Rate
from asicbnn.model.gating import Clocked
from asicbnn.spec.accelerator import Accelerator
from asicbnn.technology.calibration import CLOCK
from asicbnn.technology.library import Technology
from asicbnn.technology.routed_designs import wire_laws
from asicbnn.technology.routing import clock_buffers_um2, routed_factors

_MM_PER_UM = 1e-3
_BUFFERS, _WIRES, _LEAVES = "tree", "tree wires", " leaves"

SIZING = "sizing"
"""Origin of the error of cells' sizes after placement."""
BETWEEN = "wires between blocks"
"""Origin of the error of wires whose length a floorplan gives."""


@dataclass(frozen=True)
class ClockTree:
    """Wires and buffers of a clock tree.

    sinks          flops that are clocked in every cycle, and clock gates
    gated_flops    flops behind clock gates
    leaf_um        wire per flop or gate, from the buffer or gate before it
    trunk_um       wire between the buffers, all together
    buffer_um2     area of clock buffers and inverters, all together
    """

    sinks: int
    gated_flops: int
    leaf_um: float
    trunk_um: float
    buffer_um2: float

    @property
    def wire_um(self) -> float:
        """Length of all wires."""
        return self.trunk_um + (self.sinks + self.gated_flops) * self.leaf_um


def sinks_of(built: Area) -> int:
    """Sinks of the tree: flops without clock gate, and the gates."""
    return tree_sinks(built.logic_cells, built.gated_flops)


def clock_tree(technology: Technology, built: Area, cells_um2: float) -> ClockTree:
    """Return the clock tree of an accelerator.

    cells_um2  area its flops are spread over

    A buffer's sinks lie together, so the leaves' nets and the nets between buffers are Steiner
    trees over points spread evenly, c sqrt(n A) for n points on A, with a router's detours.
    """
    sinks, gated = sinks_of(built), built.gated_flops
    buffer_um2 = clock_buffers_um2(technology, sinks)
    own_um2 = technology.clock_buffer.area_um2
    length = wire_laws().steiner_ratio * routed_factors(technology).detour.value
    flops = sinks + gated
    return ClockTree(
        sinks=sinks,
        gated_flops=gated,
        leaf_um=length * math.sqrt(cells_um2 / flops) if flops else 0.0,
        trunk_um=length * math.sqrt(cells_um2 * buffer_um2 / own_um2),
        buffer_um2=buffer_um2,
    )


def unplaced_tree(accelerator: Accelerator, technology: Technology, built: Area) -> ClockTree:
    """Return the clock tree of an accelerator that is not laid out.

    Its cells are taken to grow and to be spread as those of a floorplan are, macros apart.
    """
    density = accelerator.floorplan.placement_density
    density = density or routed_factors(technology).placement_density.value
    grown_um2 = built.cells_um2 * placed_growth(technology, built)
    return clock_tree(technology, built, grown_um2 / density)


def placed_growth(technology: Technology, built: Area) -> float:
    """Return placed over mapped area of the cells; the tree's buffers find a place at least."""
    tree_um2 = clock_buffers_um2(technology, sinks_of(built))
    return max(routed_factors(technology).growth.value, 1 + tree_um2 / built.cells_um2)


def tree_rates(
    technology: Technology, tree: ClockTree, gated: tuple[Clocked, ...]
) -> Iterator[Rate]:
    """Yield the rates of the tree: buffers and wires in every cycle, gated leaves at their events.

    gated  flops and clock gates per event (`gating.gated_registers`)

    What flops and gates take themselves is apart from it (`energy.rates`).
    """
    leaf_fj = _cycled_fj(technology, tree.leaf_um)
    factors = routed_factors(technology)
    buffers = tree.buffer_um2 / technology.clock_buffer.area_um2
    buffer_fj = technology.clock_buffer.input_capacitance_ff * technology.voltage_v**2
    buffer_fj += 2 * technology.clock_buffer.internal_energy_fj
    wires = _cycled_fj(technology, tree.trunk_um) + tree.sinks * leaf_fj
    error = factors.clock_area_ge_per_sink.relative_error
    yield Rate(CLOCK, _BUFFERS, "cycles", buffers * buffer_fj, "routed", error, TREE)
    far = factors.between_blocks_error
    yield Rate(CLOCK, _WIRES, "cycles", wires, "routed", far, BETWEEN)
    for each in gated:
        term = each.family.replace("_", " ") + _LEAVES
        energy = float(each.flops) * leaf_fj
        yield Rate(CLOCK, term, each.event, energy, "routed", far, BETWEEN)


def is_of_tree(rate: Rate) -> bool:
    """True for the rates of a tree; the others of the clock are of what it clocks."""
    return rate.part == CLOCK and rate.term.endswith((_BUFFERS, _WIRES, _LEAVES))


def _cycled_fj(technology: Technology, length_um: float) -> float:
    """Energy of a clock wire that rises and falls [fJ]."""
    return technology.clock_wire_ff_per_mm * length_um * _MM_PER_UM * technology.voltage_v**2


__all__ = [
    "BETWEEN", "SIZING", "ClockTree", "clock_tree", "is_of_tree", "placed_growth", "sinks_of",
    "tree_rates", "unplaced_tree",
]  # fmt: skip
