"""The clock tree: its sinks, its wires, and what clock gates save."""

import math
from pathlib import Path

import numpy as np
import pytest

from asicbnn.hardware.configuration import configuration_words
from asicbnn.model.area import area
from asicbnn.model.clock_tree import clock_rates, clock_tree, clock_tree_area_um2, tree_sinks
from asicbnn.model.gating import gated_registers
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
    gated = gated_registers(accelerator, 1, configuration_words(accelerator))
    return {(rate.term, rate.event): rate for rate in clock_rates(SKY, tree, built, gated)}


def test_sinks_are_flops_without_gate_and_the_gates():
    built = area(TINY, SKY)
    assert tree_sinks(built) == built.logic_cells.flop
    gated = area(GATED, SKY)
    assert gated.gated_flops > 0
    expected = gated.logic_cells.flop - gated.gated_flops + gated.logic_cells.clock_gate
    assert tree_sinks(gated) == expected


def test_buffers_are_in_proportion_to_sinks():
    few, many = area(GATED, SKY), area(TINY, SKY)
    ratio = clock_tree_area_um2(SKY, many) / clock_tree_area_um2(SKY, few)
    assert ratio == pytest.approx(tree_sinks(many) / tree_sinks(few))


def test_wires_grow_with_the_root_of_the_area():
    built = area(TINY, SKY)
    small, large = clock_tree(SKY, built, 1e4), clock_tree(SKY, built, 4e4)
    assert large.wire_um == pytest.approx(2 * small.wire_um)
    assert small.leaf_um == pytest.approx(TREE_UM * math.sqrt(1e4 / tree_sinks(built)))
    gated = area(GATED, SKY)  # every flop has a leaf, behind a gate or not
    flops = tree_sinks(gated) + gated.gated_flops
    assert clock_tree(SKY, gated, 1e4).leaf_um == pytest.approx(TREE_UM * math.sqrt(1e4 / flops))


def test_tree_energy_is_buffers_that_rise_and_fall_and_their_pins():
    built = area(TINY, SKY)
    buffers = clock_tree_area_um2(SKY, built) / SKY.clock_buffer.area_um2
    one = SKY.clock_buffer.input_capacitance_ff * 1.8**2 + 2 * SKY.clock_buffer.internal_energy_fj
    assert rates_of(TINY)["tree", "cycles"].energy_fj == pytest.approx(buffers * one)


def test_pins_of_ungated_flops_are_charged_as_before_placement():
    flops = area(TINY, SKY).logic_cells.flop
    pins = rates_of(TINY)["clock", "cycles"].energy_fj
    assert pins == pytest.approx(flops * SKY.cell("flop").clock_energy_fj)


def test_gates_take_flops_off_every_cycle():
    plain, gated = rates_of(TINY), rates_of(GATED)
    for term in ("clock", "tree"):
        assert gated[term, "cycles"].energy_fj < plain[term, "cycles"].energy_fj
    events = {event for _, event in gated} - {"cycles"}
    assert {"steps", "weight_buffer_reads", "input_buffer_reads"} <= events
    assert all(event == "cycles" for _, event in plain)


def test_a_gated_flop_that_is_always_enabled_costs_as_much_as_an_ungated_one_and_its_gate_more():
    """Pin and leaf wire are the same; the gate and its place in the tree are on top."""
    tree = clock_tree(SKY, area(GATED, SKY), 1e5)
    leaf = SKY.clock_wire_ff_per_mm * tree.leaf_um * 1e-3 * SKY.voltage_v**2
    flop = SKY.cell("flop").clock_energy_fj + leaf
    for each in gated_registers(GATED, 1, configuration_words(GATED)):
        rate = rates_of(GATED)[each.family.replace("_", " "), each.event]
        assert rate.energy_fj > float(each.flops) * flop


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
