"""The wires of a laid-out accelerator: how long nets are, and how often they switch.

Nets between blocks (operands to all PEs, buses) are as long as the floorplan makes them; nets
inside a block have a length per net that finished flows show, and energy by what placed
accelerators say of it. Energy, delay and area follow.
Equations, sources and validity: docs/models/floorplan.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from asicbnn.mapping.layout import Layout, layout
from asicbnn.model.area import Area
from asicbnn.model.assumptions import assumptions
from asicbnn.model.clock_tree import BETWEEN
from asicbnn.model.energy import STORE_ACCESSES, WIRES, Rate
from asicbnn.model.floorplan import Floorplan
from asicbnn.model.rate_errors import activity_error, data_origin
from asicbnn.model.steiner import attached_um, mean_um, tree_um
from asicbnn.spec.accelerator import Accelerator
from asicbnn.technology.library import Technology
from asicbnn.technology.placed_wires import placed_factor, wires_key
from asicbnn.technology.routed_designs import wire_laws
from asicbnn.technology.routing import Factor, RoutedFactors, routed_factors

LOCAL = "wire per net"
"""Origin of the error of nets inside blocks."""


@dataclass(frozen=True)
class Net:
    """Equal nets between blocks.

    part, term    who is charged, and what the nets carry
    event         of `result.METRICS` or `data_events`: what makes them switch
    bits          number of nets          length_um   of the tree of one of them, mean
    sinks         of one of them
    toggles       transitions of one of them per event
    """

    part: str
    term: str
    event: str
    bits: int
    length_um: float
    sinks: int
    toggles: float

    @property
    def wire_um(self) -> float:
        """Length of all of them."""
        return self.bits * self.length_um


def nets(accelerator: Accelerator, plan: Floorplan, stride: int) -> tuple[Net, ...]:
    """Return the nets between the blocks of a floorplan, for layers of one stride.

    Lane masks change at the edge of a layer only and are left out, and so is a host's link.
    """
    lay = layout(accelerator)
    half = assumptions().random_bit.value
    return (
        *_operands(lay, plan, stride, half),
        *_results(accelerator, lay, plan, half),
        *_store(accelerator, lay, plan, half),
    )


def _operands(lay: Layout, plan: Floorplan, stride: int, half: float) -> Iterator[Net]:
    """Buses from the buffers to the registers at the array, and from there to the PEs.

    An input register stands at the near edge of the array and drives every PE that uses its pixel.
    A weight's register stands in the PE that uses it, or amid those that share it.
    """
    grid = plan.grid
    everywhere = range(grid.pes)
    near = _mean([attached_um(grid, everywhere, at) for at in plan.centres_um("input_buffer")])
    yield Net("array", "input bus", "filled_input_reads", lay.input_port_bits, near, 1, half)
    users = window_users(lay, stride)
    length = _mean([tree_um(grid, pes) for pes in users])
    sinks = sum(map(len, users)) // len(users)
    yield Net(
        "array", "input broadcast", "filled_input_reads", lay.input_port_bits, length, sinks, half
    )
    bus = mean_um(grid, plan.centres_um("weight_buffer"))
    shared = [frozenset(range(k, lay.pes, lay.unroll["K"])) for k in range(lay.unroll["K"])]
    length = _mean([tree_um(grid, pes) for pes in shared])
    yield Net(
        "array", "weight bus", "filled_weight_reads", lay.weight_port_bits, bus + length,
        len(shared[0]), half,
    )  # fmt: skip


def window_users(lay: Layout, stride: int) -> tuple[frozenset[int], ...]:
    """Return the PEs that use each pixel of the window one step reads, pixel by pixel.

    Pixel (y, x) of image b serves output (b, oy, ox) if a kernel tap of the step lies on it:
    0 <= y - oy stride < s_FY, and likewise in x. PE index: `hardware.array`.
    """
    u = lay.unroll
    users: dict[tuple[int, int, int], set[int]] = {}
    for b in range(u["B"]):
        for oy in range(u["OY"]):
            for ox in range(u["OX"]):
                first = ((b * u["OY"] + oy) * u["OX"] + ox) * u["K"]
                for fy in range(u["FY"]):
                    for fx in range(u["FX"]):
                        pixel = b, oy * stride + fy, ox * stride + fx
                        users.setdefault(pixel, set()).update(range(first, first + u["K"]))
    return tuple(frozenset(pes) for pes in users.values())


def _results(accelerator: Accelerator, lay: Layout, plan: Floorplan, half: float) -> Iterator[Net]:
    """Partial sums between their buffer and the PEs, thresholds to them, results from them."""
    grid = plan.grid
    if lay.psum_words:
        length = mean_um(grid, plan.centres_um("psum_buffer"))
        for access in ("reads", "writes"):
            yield Net(
                "array", "psum bus", f"psum_buffer_{access}", lay.psum_port_bits, length, 1, half
            )
    length = mean_um(grid, plan.centres_um("threshold_buffer"))
    yield Net(
        "array", "threshold bus", "threshold_buffer_reads", lay.threshold_word_bits, length,
        max(1, lay.pes // lay.unroll["K"]), half,
    )  # fmt: skip
    length = mean_um(grid, plan.centres_um("output"))
    yield Net("post", "result bus", "threshold_buffer_reads", lay.pes, length, 1, half)
    if lay.pool_words:
        length = plan.distance_um("output", "pool_buffer")
        for access in ("reads", "writes"):
            yield Net("post", "pool bus", f"pool_buffer_{access}", lay.unroll["K"], length, 1, half)


def _store(accelerator: Accelerator, lay: Layout, plan: Floorplan, half: float) -> Iterator[Net]:
    """The link: from the store, or the core's edge, to the data mover and on to the buffers."""
    for event in STORE_ACCESSES:
        bank = "_".join(event.split("_")[:2])
        length = (
            _to_edge_um(plan, "dma")
            if accelerator.store.kind == "external"
            else plan.distance_um(bank, "dma")
        )
        what = event.removeprefix("store_").replace("_", " ")
        yield Net("link", what, event, lay.link_bits, length, 1, half)
    for name, bits in (
        ("weight", min(lay.weight_port_bits, lay.links_per_weight * lay.link_bits)),
        ("input", lay.input_port_bits),
    ):
        length = plan.distance_um("dma", f"{name}_buffer")
        yield Net("link", f"{name} fill", f"{name}_buffer_writes", bits, length, 1, half)


def _to_edge_um(plan: Floorplan, name: str) -> float:
    """Distance from a component to the nearest edge of the core."""
    x, y = plan.centres_um(name)[0]
    return min(x, y, plan.core.width_um - x, plan.core.height_um - y)


def _mean(lengths: Sequence[float]) -> float:
    return sum(lengths) / len(lengths)


def net_rates(technology: Technology, between: Iterable[Net], popcount: str) -> Iterator[Rate]:
    """Yield what the nets between blocks cost.

    popcount  structure, by which factors of placed accelerators are told apart
    """
    per_um = wire_fj_per_um(technology)
    factors = routed_factors(technology)
    for net in between:
        is_within = (net.part, net.term) == BROADCAST
        placed = _placed(technology, net.part, popcount) if is_within else None
        origin = LOCAL if placed else BETWEEN
        factor = placed or Factor(1.0, factors.between_blocks_error, 0)
        energy = net.wire_um * factors.detour.value * net.toggles * per_um
        yield Rate(
            net.part, net.term, net.event, energy * factor.value, level="routed",
            relative_error=factor.relative_error, origin=origin,
            also=activity_error(data_origin(net.part, net.term)),
        )  # fmt: skip


BROADCAST: Final = ("array", "input broadcast")
"""Part and term of the nets of a floorplan that lie within a block: from registers to the PEs."""


def _placed(technology: Technology, part: str, popcount: str) -> Factor | None:
    """Return the factor of a part's wires; None for memories, or where none was placed."""
    return placed_factor(technology, wires_key(part, popcount)) if part in _WIRING else None


def wire_fj_per_um(technology: Technology) -> float:
    """Energy of one transition of a routed wire, its repair buffers included [fJ/um]."""
    factors = routed_factors(technology)
    buffer = technology.cell("buffer")
    loads = technology.wire_ff(1.0) / technology.inverter_capacitance_ff
    buffers = factors.repair_ge_per_load.value * loads
    buffers *= technology.gate_equivalent_um2 / buffer.area_um2
    switched = buffer.internal_energy_fj + technology.pin_energy_fj("buffer")
    return technology.wire_energy_fj(1.0) + buffers * switched


Wiring = Literal["datapath", "control"]

_WIRING: Mapping[str, tuple[Wiring, tuple[str, ...]]] = {
    "array": ("datapath", ("array",)),
    "post": ("control", ("output",)),
    "control": ("control", ("controller", "sequencer")),
    "dma": ("control", ("dma",)),
}
"""How nets inside the blocks of a part of the logic run, and which blocks those are."""
_COMPONENTS = {"array": ("array", "registers")}


@dataclass(frozen=True)
class Inside:
    """Nets inside the blocks of a part.

    count       output pins of cells            length_um   of one of them, mean
    relative_error  of the length
    """

    count: int
    length_um: float
    relative_error: float


def inside(technology: Technology, built: Area, plan: Floorplan) -> dict[str, Inside]:
    """Return the nets inside the blocks of each part that has cells.

    Length per net = spacings x n^x x sqrt(area of the block / its nets), spacings and x from
    finished flows, n the nets that run among each other: of a PE, or of the block.
    """
    factors = routed_factors(technology)
    found = {}
    for part, (wiring, blocks) in _WIRING.items():
        components = [c for block in blocks for c in _COMPONENTS.get(block, (block,))]
        count = sum(built.cells[c].outputs for c in components)
        area_um2 = sum(plan.block_um2(block) for block in blocks)
        if count:
            factor = _spacings(factors, wiring)
            length = _length_um(factor, count, area_um2 / count)
            found[part] = Inside(count, length, factor.relative_error)
    for macro, memory in built.memories:
        # the register of the largest class is among the cells of the output stage
        if macro.part not in found and memory.cells is not None and memory.cells.total:
            count = macro.count * memory.cells.outputs
            share = plan.block_um2(macro.part) if plan.named(macro.part) else 0.0
            if share:
                factor = factors.datapath_spacings
                length = _length_um(factor, count, share / count)
                found[macro.part] = Inside(count, length, factor.relative_error)
    return found


def _length_um(factor: Factor, among: float, area_um2: float) -> float:
    """Wire per net where so many nets run among each other, each with an area of its own [um]."""
    return float(factor.value * among ** wire_laws().spacings_exponent * math.sqrt(area_um2))


def _spacings(factors: RoutedFactors, wiring: Wiring) -> Factor:
    return factors.datapath_spacings if wiring == "datapath" else factors.control_spacings


def inside_rates(
    technology: Technology, within: Mapping[str, Inside], table: Iterable[Rate], popcount: str
) -> Iterator[Rate]:
    """Yield what the nets inside blocks cost: the transitions of each rate, at their length.

    Those of the logic are times the factor of placed accelerators (`popcount` is the structure),
    whose error takes the place of the law's; enables of registers are among them.

    A memory of cells states no transitions; its accesses are taken to switch as many nets as
    their energy is worth outputs of NAND2 gates.
    """
    per_um = wire_fj_per_um(technology)
    output_fj = technology.cell("nand2").toggle_energy_fj
    for rate in table:
        nets_of = within.get(rate.part)
        if nets_of is None:
            continue
        switched = rate.transitions
        if rate.part not in _WIRING and rate.term in ("reads", "writes"):
            switched = rate.energy_fj / output_fj
        if switched:
            placed = _placed(technology, rate.part, popcount)
            factor = placed or Factor(1.0, nets_of.relative_error, 0)
            energy = switched * nets_of.length_um * per_um * factor.value
            yield Rate(
                rate.part, rate.term + WIRES, rate.event, energy, level="routed",
                relative_error=factor.relative_error, origin=LOCAL, also=rate.also,
            )  # fmt: skip


__all__ = [
    "BROADCAST", "Inside", "Net", "inside", "inside_rates", "net_rates", "nets",
    "window_users", "wire_fj_per_um",
]  # fmt: skip
