"""The clock tree: its sinks, its wires, and what clock gates save."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from asicbnn.model.area import area
from asicbnn.model.clock_tree import (
    clock_tree,
    is_of_tree,
    placed_growth,
    sinks_of,
    tree_rates,
    unplaced_tree,
)
from asicbnn.model.costs import costs
from asicbnn.model.energy import rates
from asicbnn.model.gating import clocked_by_events
from asicbnn.spec.accelerator import Accelerator, with_changes
from asicbnn.spec.reader import read
from asicbnn.technology.library import load
from asicbnn.technology.routed_designs import wire_laws
from asicbnn.technology.routing import routed_factors

SPECS = Path(__file__).parents[2] / "arch_specs"
TINY = read(SPECS / "tiny.yaml", Accelerator)
GATED = with_changes(TINY, {"clock_gating": "register"})
SKY = load("sky130hd")
TREE_UM = 0.74 * routed_factors(SKY).detour.value


def rates_of(accelerator):
    built = area(accelerator, SKY)
    tree = clock_tree(SKY, built, 1e5)
    table = [*rates(accelerator, SKY, built, 1e4)]
    table += tree_rates(SKY, tree, clocked_by_events(accelerator, 1))
    return {(rate.term, rate.event): rate for rate in table if rate.part == "clock"}


def test_sinks_are_flops_without_gate_and_the_gates():
    built = area(TINY, SKY)
    assert sinks_of(built) == built.logic_cells.flop
    gated = area(GATED, SKY)
    assert gated.gated_flops > 0
    expected = gated.logic_cells.flop - gated.gated_flops + gated.logic_cells.clock_gate
    assert sinks_of(gated) == expected


def test_buffers_are_in_proportion_to_sinks():
    few, many = area(GATED, SKY), area(TINY, SKY)
    ratio = many.parts["clock"] / few.parts["clock"]
    assert ratio == pytest.approx(sinks_of(many) / sinks_of(few))
    assert clock_tree(SKY, many, 1e5).buffer_um2 == pytest.approx(many.parts["clock"])


def test_wires_grow_with_the_root_of_the_area():
    built = area(TINY, SKY)
    small, large = clock_tree(SKY, built, 1e4), clock_tree(SKY, built, 4e4)
    assert large.wire_um == pytest.approx(2 * small.wire_um)
    assert small.leaf_um == pytest.approx(TREE_UM * math.sqrt(1e4 / sinks_of(built)))
    buffers = built.parts["clock"] / SKY.clock_buffer.area_um2
    assert small.trunk_um == pytest.approx(TREE_UM * math.sqrt(1e4 * buffers))
    gated = area(GATED, SKY)  # every flop has a leaf, behind a gate or not
    flops = sinks_of(gated) + gated.gated_flops
    assert clock_tree(SKY, gated, 1e4).leaf_um == pytest.approx(TREE_UM * math.sqrt(1e4 / flops))


@pytest.mark.parametrize("accelerator", [TINY, GATED], ids=["plain", "gated"])
def test_every_flop_and_every_clock_gate_has_a_leaf(accelerator):
    built = area(accelerator, SKY)
    tree = clock_tree(SKY, built, 1e5)
    clocked = built.logic_cells.flop + built.logic_cells.clock_gate
    assert tree.wire_um - tree.trunk_um == pytest.approx(clocked * tree.leaf_um)


def test_tree_energy_is_buffers_that_rise_and_fall_and_their_pins():
    built = area(TINY, SKY)
    buffers = built.parts["clock"] / SKY.clock_buffer.area_um2
    one = SKY.clock_buffer.input_capacitance_ff * 1.8**2 + 2 * SKY.clock_buffer.internal_energy_fj
    assert rates_of(TINY)["tree", "cycles"].energy_fj == pytest.approx(buffers * one)


def test_pins_of_ungated_flops_are_charged_apart_from_the_tree():
    flops = area(TINY, SKY).logic_cells.flop
    pins = rates_of(TINY)["clock", "cycles"].energy_fj
    assert pins == pytest.approx(flops * SKY.cell("flop").clock_energy_fj)


@pytest.mark.parametrize("level", ["gate", "routed"])
def test_pins_have_the_factor_of_mapped_gates_at_every_level_above_the_cells(level):
    ihp = load("ihp_sg13g2")
    factor = ihp.calibration["clock"].energy.factor
    for accelerator in (TINY, GATED):
        plain, known = (
            {
                (r.term, r.event): r.energy_fj
                for r in costs(accelerator, ihp, at).rates_of[1]
                if r.part == "clock" and not is_of_tree(r)
            }
            for at in ("cell", level)
        )
        assert plain.keys() == known.keys()
        assert all(known[key] == pytest.approx(plain[key] * factor) for key in plain)


def test_an_accelerator_that_is_not_laid_out_has_the_tree_of_cells_spread_evenly():
    """Its floorplan gives the cells the same room, so the two trees are the same."""
    laid_out = costs(GATED, SKY, "routed").routed
    tree, other = laid_out.tree, unplaced_tree(GATED, SKY, laid_out.mapped)
    assert other.sinks == tree.sinks
    assert other.wire_um == pytest.approx(tree.wire_um, rel=1e-6)
    assert other.buffer_um2 == pytest.approx(tree.buffer_um2)


def test_cells_asked_to_lie_closer_have_a_shorter_tree():
    dense = with_changes(TINY, {"floorplan.placement_density": 0.8})
    built = area(TINY, SKY)
    assert unplaced_tree(dense, SKY, built).wire_um < unplaced_tree(TINY, SKY, built).wire_um


@pytest.mark.parametrize("share", [1, 1e-1, 1e-2, 1e-3])
def test_the_trees_buffers_have_room_however_few_cells_there_are_beside_them(share):
    built = area(TINY, SKY)
    components = {
        name: replace(each, area_um2=share * each.area_um2)
        for name, each in built.components.items()
    }
    built = replace(built, components=components, memories=())
    placed_um2 = placed_growth(SKY, built) * built.cells_um2
    grown_um2 = routed_factors(SKY).growth.value * built.cells_um2
    with_tree_um2 = built.cells_um2 + built.parts["clock"]
    assert placed_um2 == pytest.approx(max(grown_um2, with_tree_um2))
    assert (grown_um2 < with_tree_um2) == (share < 1)


@pytest.mark.parametrize("level", ["cell", "gate", "routed"])
def test_a_trees_errors_are_those_of_finished_flows_at_every_level(level):
    factors = routed_factors(SKY)
    tree = {r.term: r for r in costs(TINY, SKY, level).rates_of[1] if is_of_tree(r)}
    assert tree["tree"].relative_error == factors.clock_area_ge_per_sink.relative_error
    assert tree["tree wires"].relative_error == factors.between_blocks_error


def test_a_tree_scaled_to_a_node_has_the_error_of_the_node():
    scaled = load("scaled:28")
    for level in ("cell", "routed"):
        table = costs(TINY, scaled, level).rates_of[1]
        assert {r.relative_error for r in table if is_of_tree(r)} == {scaled.node_error}


def test_gates_take_flops_off_every_cycle():
    plain, gated = rates_of(TINY), rates_of(GATED)
    for term in ("clock", "tree", "tree wires"):
        assert gated[term, "cycles"].energy_fj < plain[term, "cycles"].energy_fj
    events = {event for _, event in gated} - {"cycles"}
    assert {"steps", "weight_buffer_reads", "input_buffer_reads"} <= events
    assert all(event == "cycles" for _, event in plain)


def test_a_gated_flop_that_is_always_enabled_costs_as_much_as_an_ungated_one_and_its_gate_more():
    """Pin and leaf wire are the same; the gate and its place in the tree are on top."""
    tree = clock_tree(SKY, area(GATED, SKY), 1e5)
    leaf = SKY.clock_wire_ff_per_mm * tree.leaf_um * 1e-3 * SKY.voltage_v**2
    flop = SKY.cell("flop").clock_energy_fj
    for each in clocked_by_events(GATED, 1):
        term = each.family.replace("_", " ")
        pins, leaves = (rates_of(GATED)[x, each.event] for x in (term, f"{term} leaves"))
        assert pins.energy_fj > float(each.flops) * flop
        assert leaves.energy_fj == pytest.approx(float(each.flops) * leaf)


def test_the_steiner_ratio_is_that_of_random_points():
    """Spanning trees of random points, Prim by hand, less the 11 % that Steiner points save."""
    rng = np.random.default_rng(7)
    found = []
    for n in (16, 64, 256):
        for _ in range(12):
            points = rng.random((n, 2))
            far = np.abs(points - points[0]).sum(axis=1)
            length, left = 0.0, np.ones(n, bool)
            left[0] = False
            for _ in range(n - 1):
                near = int(np.argmin(np.where(left, far, np.inf)))
                length += far[near]
                left[near] = False
                far = np.minimum(far, np.abs(points - points[near]).sum(axis=1))
            found.append(length / math.sqrt(n))
    assert 0.89 * float(np.mean(found)) == pytest.approx(wire_laws().steiner_ratio, rel=0.03)
