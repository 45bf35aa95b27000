"""Floorplans of whole accelerators: nothing overlaps, area is kept, PEs stand on their grid."""

import math
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asicbnn.mapping.layout import layout
from asicbnn.model.area import area
from asicbnn.model.floorplan import floorplan, macros_of, pe_grid
from asicbnn.model.packing import Rectangle
from asicbnn.result import PARTS
from asicbnn.spec.accelerator import Accelerator, with_changes
from asicbnn.spec.reader import read
from asicbnn.technology.library import load
from asicbnn.technology.routing import routed_factors

SPECS = Path(__file__).parents[2] / "arch_specs"
TINY = read(SPECS / "tiny.yaml", Accelerator)
EDGE = read(SPECS / "edge64.yaml", Accelerator)
SKY, ASAP7, IHP = load("sky130hd"), load("asap7"), load("ihp_sg13g2")
DESIGNS = [(TINY, SKY), (TINY, IHP), (EDGE, ASAP7)]


def plan_of(accelerator, technology, **asked):
    changes = {f"floorplan.{key}": value for key, value in asked.items()}
    accelerator = with_changes(accelerator, changes) if asked else accelerator
    return floorplan(accelerator, technology, area(accelerator, technology))


def overlap_um2(one, other):
    wide = min(one.right_um, other.right_um) - max(one.x_um, other.x_um)
    high = min(one.top_um, other.top_um) - max(one.y_um, other.y_um)
    return max(0.0, wide) * max(0.0, high)


@pytest.mark.parametrize(("accelerator", "technology"), DESIGNS)
class TestWholeAccelerators:
    def test_blocks_keep_apart_inside_the_core(self, accelerator, technology):
        plan = plan_of(accelerator, technology)
        for one, other in combinations(plan.blocks, 2):
            smaller = min(one.outline.area_um2, other.outline.area_um2)
            assert overlap_um2(one.outline, other.outline) <= 1e-6 * smaller
        for block in plan.blocks:
            assert overlap_um2(plan.core, block.outline) == pytest.approx(block.outline.area_um2)

    def test_parts_share_the_core(self, accelerator, technology):
        plan = plan_of(accelerator, technology)
        assert sum(plan.part_um2.values()) == pytest.approx(plan.core.area_um2)
        assert {part for part, um2 in plan.part_um2.items() if um2 > 0} <= {
            name for name, part in PARTS.items() if part.has_area
        }

    def test_cells_fill_their_blocks_to_the_density_asked_for(self, accelerator, technology):
        plan = plan_of(accelerator, technology, placement_density=0.4)
        built = area(accelerator, technology)
        cells_um2 = sum(component.area_um2 for component in built.components.values())
        cells_um2 += sum(m.count * x.area_um2 for m, x in built.memories if not macros_of(x))
        blocks_um2 = sum(b.outline.area_um2 for b in plan.blocks if b.kind == "cells")
        assert blocks_um2 * 0.4 == pytest.approx(cells_um2 * plan.growth)
        assert plan.growth >= routed_factors(technology).growth.value

    def test_every_macro_has_its_area_and_its_halo(self, accelerator, technology):
        plan = plan_of(accelerator, technology, halo_um=7.0)
        built = area(accelerator, technology)
        macros = [block for block in plan.blocks if block.kind == "macro"]
        assert len(macros) == sum(m.count * macros_of(x) for m, x in built.memories)
        placed_um2 = sum(block.macro.area_um2 for block in macros)
        wanted_um2 = sum(m.count * x.area_um2 for m, x in built.memories if macros_of(x))
        assert placed_um2 == pytest.approx(wanted_um2)
        for block in macros:
            assert block.outline.width_um == pytest.approx(block.macro.width_um + 14)

    def test_pes_stand_in_the_array(self, accelerator, technology):
        plan = plan_of(accelerator, technology)
        (array,) = plan.named("array")
        assert plan.grid.outline == array.outline
        assert plan.grid.pes == layout(accelerator).pes
        centres = {plan.grid.centre_um(pe) for pe in range(plan.grid.pes)}
        assert len(centres) == plan.grid.pes
        for x, y in centres:
            assert array.outline.x_um < x < array.outline.right_um
            assert array.outline.y_um < y < array.outline.top_um


def test_aspect_is_as_asked_for():
    for aspect in (0.5, 2.0):
        core = plan_of(TINY, SKY, aspect=aspect).core
        assert core.width_um / core.height_um == pytest.approx(aspect)
    wide = next(b.macro for b in plan_of(TINY, SKY, macro_aspect=4.0).blocks if b.kind == "macro")
    assert wide.width_um / wide.height_um == pytest.approx(4.0)


def test_lower_density_takes_a_larger_core():
    assert (
        plan_of(TINY, SKY, placement_density=0.7).core.area_um2
        < plan_of(TINY, SKY, placement_density=0.35).core.area_um2
    )


def test_without_macros_the_core_is_the_cells_alone():
    plan = plan_of(
        with_changes(TINY, {"store.kind": "external", "store.external": {"standard": "lpddr4"}}),
        SKY,
    )
    assert all(block.kind == "cells" for block in plan.blocks)
    cells_um2 = sum(block.outline.area_um2 for block in plan.blocks)
    assert plan.core.area_um2 == pytest.approx(cells_um2)


def test_buffers_lie_nearer_to_the_array_than_the_store():
    plan = plan_of(EDGE, SKY)
    assert plan.distance_um("weight_buffer", "array") < plan.distance_um("store_weight", "array")


@given(st.integers(1, 600), st.floats(10, 1000), st.floats(10, 1000))
def test_grids_hold_every_pe_and_waste_little(pes, width, height):
    grid = pe_grid(Rectangle(0, 0, width, height), pes)
    assert grid.rows * grid.columns >= pes
    assert (grid.rows - 1) * grid.columns < pes
    oblong = abs(math.log(width / height))
    assert abs(math.log(grid.pitch_x_um / grid.pitch_y_um)) <= max(oblong, 1.5) + 1e-9


def test_cells_take_what_the_area_says_of_them_calibrated_or_not():
    built = area(TINY, SKY)
    halved = [
        replace(term, area_um2=term.area_um2 / 2) if term.term == "sequencer" else term
        for term in built.terms
    ]
    shares = [
        plan.block_um2("sequencer") / plan.growth
        for plan in (
            floorplan(TINY, SKY, built),
            floorplan(TINY, SKY, replace(built, terms=tuple(halved))),
        )
    ]
    assert shares[1] == pytest.approx(shares[0] / 2)
