"""An accelerator at level routed: what floorplan, wires and clock tree do to its figures.

Everything is on top of the figures before placement, which stay as they are but for the sizes of
cells. Equations, sources and validity: docs/models/floorplan.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from asicbnn.levels import Level, level_of_sum, once_routed
from asicbnn.model.area import Area, AreaTerm
from asicbnn.model.clock_tree import SIZING, ClockTree, clock_tree, tree_rates
from asicbnn.model.energy import Rate
from asicbnn.model.floorplan import Floorplan, floorplan
from asicbnn.model.gating import clocked_by_events
from asicbnn.model.wire_delay import WireDelays, fanout_ps, loaded, repeated_ps
from asicbnn.model.wires import Inside, Net, inside, inside_rates, net_rates, nets
from asicbnn.result import PARTS
from asicbnn.spec.accelerator import Accelerator
from asicbnn.technology.library import Technology
from asicbnn.technology.placed_wires import is_placed
from asicbnn.technology.routing import routed_factors

PLACEMENT = "placement"
"""Origin of the error of what cells take once placed."""


@dataclass(frozen=True)
class Routed:
    """An accelerator laid out in a technology.

    plan    where everything lies            tree   its clock
    inside  nets inside the blocks of each part
    area    after placement: the core, shared out between the parts
    """

    accelerator: Accelerator
    technology: Technology
    mapped: Area
    plan: Floorplan
    tree: ClockTree
    inside: Mapping[str, Inside]
    area: Area

    def nets(self, stride: int) -> tuple[Net, ...]:
        """Return the nets between blocks, for layers of one stride."""
        return nets(self.accelerator, self.plan, stride)

    def rates(self, table: Iterable[Rate], stride: int) -> tuple[Rate, ...]:
        """Return rates of energy with wires, sized cells and the tree of this floorplan.

        table  before placement, for layers of one stride, without a clock tree; the link's
               wires are replaced
        """
        kept = [rate for rate in table if PARTS[rate.part].kind != "link"]
        gated = clocked_by_events(self.accelerator, stride)
        popcount = self.accelerator.array.popcount.structure
        return (
            *self._sized(kept),
            *inside_rates(self.technology, self.inside, kept, popcount),
            *net_rates(self.technology, self.nets(stride), popcount),
            *tree_rates(self.technology, self.tree, gated),
        )

    def _sized(self, table: Iterable[Rate]) -> Iterator[Rate]:
        """Yield rates of cells at their sizes after placement; leakage of all that was added."""
        factors = routed_factors(self.technology)
        for rate in table:
            rate = replace(rate, level=once_routed(rate.level))
            factor = None
            if (rate.part, rate.term) == ("leakage", "logic"):
                factor, value = factors.growth, self.plan.growth
            elif rate.part in self.inside:
                factor, value = factors.sizing, factors.sizing.value
            if factor is None:
                yield rate
                continue
            also = (*rate.also, (SIZING, factor.relative_error))
            yield replace(rate, energy_fj=rate.energy_fj * value, also=also)

    def delays(self) -> WireDelays:
        """Return what wires do to paths and accesses.

        Cells of a path drive the nets inside their block; operands have to reach the farthest PE
        first, and a memory's word the block that takes it.
        """
        technology, grid = self.technology, self.plan.grid
        factors = routed_factors(technology)
        detour = factors.detour.value
        far_um = detour * (grid.outline.width_um + grid.outline.height_um)
        added = {"popcount": repeated_ps(technology, far_um) + fanout_ps(technology, grid.pes)}
        for part in {macro.part for macro, _ in self.mapped.memories}:
            if PARTS[part].kind == "memory":
                taker = "dma" if part.startswith("store") else "array"
                far_um = detour * self.plan.distance_um(part, taker)
                added[part] = repeated_ps(technology, far_um)
        drives = {
            path: self.inside[part].length_um
            for path, part in (
                ("popcount", "array"), ("accumulate", "array"), ("threshold", "array"),
                ("address", "control"),
            )
            if part in self.inside
        }  # fmt: skip
        return WireDelays(
            factors={path: loaded(technology, length) for path, length in drives.items()},
            added_ps=added,
            factor_error=max(x.relative_error for x in self.inside.values()),
            added_error=factors.between_blocks_error,
        )

    def flags(self) -> Iterator[str]:
        """Yield what a reader has to know of the floorplan and its wires."""
        plan = self.plan
        size = f"{plan.core.width_um / 1000:.3g} x {plan.core.height_um / 1000:.3g} mm"
        yield (
            f"the floorplan is a sketch: {size}, cells at density {plan.placement_density:.2g}, "
            "macros as rectangles of one aspect on shelves; no router has seen it"
        )
        yield from routed_factors(self.technology).flags
        if not is_placed(self.technology):
            yield (
                f"no accelerator was placed in {self.technology.name}: wires inside blocks have "
                "the mean factors of the technologies in which some were"
            )
        if self.technology.wire_ohm_per_um is None:
            yield (
                f"{self.technology.name} states no wire_ohm_per_um: the resistance of wires is in "
                "no delay"
            )

    def wire_um(self) -> dict[str, float]:
        """Length of all wires by what they carry [um]; of nets that depend on it, at stride 1."""
        between: dict[str, float] = {}
        detour = routed_factors(self.technology).detour.value
        for net in self.nets(min(self.accelerator.array.strides)):
            # a bus is counted once, whatever its accesses are charged to
            between[net.term] = max(detour * net.wire_um, between.get(net.term, 0.0))
        within = {f"inside {part}": x.count * x.length_um for part, x in self.inside.items()}
        return {**between, **within, "clock": self.tree.wire_um}


def routed(accelerator: Accelerator, technology: Technology, mapped: Area) -> Routed:
    """Lay out an accelerator whose cells and memories are known.

    mapped  its area before placement
    """
    plan = floorplan(accelerator, technology, mapped)
    spread_um2 = sum(b.outline.area_um2 for b in plan.blocks if b.kind == "cells")
    return Routed(
        accelerator=accelerator,
        technology=technology,
        mapped=mapped,
        plan=plan,
        tree=clock_tree(technology, mapped, spread_um2),
        inside=inside(technology, mapped, plan),
        area=_placed(accelerator, technology, mapped, plan),
    )


def _placed(
    accelerator: Accelerator, technology: Technology, mapped: Area, plan: Floorplan
) -> Area:
    """Area after placement: what each part takes of the core.

    Cells have the errors of their mapped area, of the growth, and of a density nobody asked
    for; macros that of their own area.
    """
    factors = routed_factors(technology)
    spread = factors.growth.relative_error
    if accelerator.floorplan.placement_density is None:
        spread = math.hypot(spread, factors.placement_density.relative_error)
    terms = []
    for part, um2 in plan.part_um2.items():
        before = [term for term in mapped.terms if term.part == part]
        error = max((term.relative_error for term in before), default=0.0)
        if not any(block.kind == "macro" for block in plan.blocks if block.part == part):
            error = math.hypot(error, spread)
        amounts: dict[Level, float] = {}
        for term in before:
            level = once_routed(term.level)
            amounts[level] = amounts.get(level, 0.0) + term.area_um2
        terms.append(AreaTerm(part, "placed", um2, level_of_sum(amounts), error, PLACEMENT))
    parts = {**dict.fromkeys(mapped.parts, 0.0), **plan.part_um2}
    return replace(mapped, parts=MappingProxyType(parts), terms=tuple(terms))


__all__ = ["Routed", "routed"]
