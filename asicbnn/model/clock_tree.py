"""The clock tree of a laid-out accelerator: what is clocked always, and what only when enabled.

Sinks of the tree are the flops that no gate stops and the clock gates; flops behind gates hang on
the gates' outputs and are clocked by the events that load them. Buffers come from finished flows,
wires from the floorplan. Equations: docs/models/floorplan.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from asicbnn.errors import ModelError
from asicbnn.levels import once_routed
from asicbnn.model.area import Area
from asicbnn.model.energy import Rate
from asicbnn.model.gating import Clocked
from asicbnn.technology.composition import Cell
from asicbnn.technology.library import Technology
from asicbnn.technology.routed_designs import wire_laws
from asicbnn.technology.routing import routed_factors

_MM_PER_UM = 1e-3

SIZING = "sizing"
"""Origin of the error of cells' sizes after placement."""
TREE = "clock tree"
"""Origin of the error of the tree's buffers."""
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


def clock_tree_area_um2(technology: Technology, built: Area) -> float:
    """Area of clock buffers and inverters, before any utilisation [um2]."""
    factor = routed_factors(technology).clock_area_ge_per_sink.value
    return tree_sinks(built) * factor * technology.gate_equivalent_um2


def tree_sinks(built: Area) -> int:
    """Sinks of the tree: flops without clock gate, and the gates."""
    return built.always_clocked.flop + built.always_clocked.clock_gate


def clock_tree(technology: Technology, built: Area, cells_um2: float) -> ClockTree:
    """Return the clock tree of an accelerator.

    cells_um2  area its flops are spread over

    A buffer's sinks lie together, so the leaves' nets and the nets between buffers are Steiner
    trees over points spread evenly, c sqrt(n A) for n points on A, with a router's detours.
    """
    sinks, gated = tree_sinks(built), built.gated_flops
    buffer_um2 = clock_tree_area_um2(technology, built)
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


def clock_rates(
    technology: Technology, tree: ClockTree, built: Area, gated: tuple[Clocked, ...]
) -> Iterator[Rate]:
    """Yield the rates of the clock: sinks and tree in every cycle, gated flops at their events.

    gated  flops and clock gates per event (`gating.gated_registers`)
    """
    flop, gate = technology.cell("flop"), technology.cell("clock_gate")
    leaf_fj = _cycled_fj(technology, tree.leaf_um)
    always = built.always_clocked
    pins = always.flop * _clocked_fj(flop) + always.clock_gate * _clocked_fj(gate)
    factors = routed_factors(technology)
    error = factors.clock_area_ge_per_sink.relative_error
    # how many flops there are is known of a mapped netlist, and a pin's energy from its library
    yield Rate("clock", "clock", "cycles", pins, once_routed(built.level), origin=TREE)
    buffers = tree.buffer_um2 / technology.clock_buffer.area_um2
    buffer_fj = technology.clock_buffer.input_capacitance_ff * technology.voltage_v**2
    buffer_fj += 2 * technology.clock_buffer.internal_energy_fj
    wires = _cycled_fj(technology, tree.trunk_um) + tree.sinks * leaf_fj
    yield Rate("clock", "tree", "cycles", buffers * buffer_fj, "routed", error, TREE)
    yield Rate(
        "clock", "tree wires", "cycles", wires, "routed", factors.between_blocks_error, BETWEEN
    )
    for each in gated:
        flops, gates = float(each.flops), float(each.gates)
        energy = flops * (_clocked_fj(flop) + leaf_fj) + gates * 2 * gate.internal_energy_fj
        yield Rate(
            "clock", each.family.replace("_", " "), each.event, energy, "routed", error, TREE,
        )  # fmt: skip


def _clocked_fj(cell: Cell) -> float:
    """Energy of a clock cycle inside a cell and on its clock pin [fJ]."""
    if cell.clock_energy_fj is None:
        raise ModelError(f"{cell.composition} has no clock pin")
    return cell.clock_energy_fj


def _cycled_fj(technology: Technology, length_um: float) -> float:
    """Energy of a clock wire that rises and falls [fJ]."""
    return technology.clock_wire_ff_per_mm * length_um * _MM_PER_UM * technology.voltage_v**2


__all__ = [
    "BETWEEN", "SIZING", "ClockTree", "clock_rates", "clock_tree", "clock_tree_area_um2",
    "tree_sinks",
]  # fmt: skip
