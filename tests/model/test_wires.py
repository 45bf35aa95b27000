"""Wires of a floorplan: lengths that follow from geometry, energy that follows from lengths."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asicbnn.hardware.array import PeArray
from asicbnn.hardware.popcount import Popcount
from asicbnn.mapping.layout import layout
from asicbnn.model.area import area
from asicbnn.model.costs import costs
from asicbnn.model.floorplan import Grid, floorplan
from asicbnn.model.packing import Rectangle
from asicbnn.model.steiner import tree_um
from asicbnn.model.wire_delay import WireDelays, fanout_ps, loaded, repeated_ps
from asicbnn.model.wires import (
    inside,
    inside_rates,
    net_rates,
    nets,
    window_users,
    wire_fj_per_um,
)
from asicbnn.spec.accelerator import Accelerator, with_changes
from asicbnn.spec.reader import read
from asicbnn.technology.library import load
from asicbnn.technology.popcount import popcount_energy
from asicbnn.technology.routing import routed_factors

SPECS = Path(__file__).parents[2] / "arch_specs"
TINY = read(SPECS / "tiny.yaml", Accelerator)
WIDE = with_changes(TINY, {"array.unroll": {"out_y": 2, "out_x": 3, "kernel_y": 2, "kernel_x": 2}})
SKY = load("sky130hd")


def plan_of(accelerator, technology=SKY):
    return floorplan(accelerator, technology, area(accelerator, technology))


def net_of(accelerator, term, stride=1):
    return next(n for n in nets(accelerator, plan_of(accelerator), stride) if n.term == term)


class TestWhatIsKnownOfABroadcast:
    """An input bit to 32 PEs of 64 lanes in sky130: about 1.5 mm, 0.4 pJ, a fifth of computing.

    The PEs of that figure are XNOR gates and counters alone, filled as densely as an open design.
    """

    lanes, pes = 64, 32
    cells_um2 = (
        SKY.area_um2(Popcount(lanes, "sliced").gates().cells()) + lanes * SKY.cell("xnor2").area_um2
    )
    pitch_um = math.sqrt(cells_um2 / 0.61)
    length_um = tree_um(
        Grid(Rectangle(0, 0, 8 * pitch_um, 4 * pitch_um), 4, 8, pes), frozenset(range(pes))
    )

    def test_length(self):
        assert self.length_um == pytest.approx(1500, rel=0.15)

    def test_energy_per_toggle(self):
        assert SKY.wire_energy_fj(self.length_um) == pytest.approx(400, rel=0.2)

    def test_share_of_computing(self):
        computed = self.pes * popcount_energy(SKY, "sliced", self.lanes).per_lane_fj(0)
        assert 0.5 * SKY.wire_energy_fj(self.length_um) / computed == pytest.approx(0.2, abs=0.05)


class TestWindowUsers:
    def test_one_output_pixel_gives_every_pixel_to_all_pes(self):
        lay = layout(TINY)
        assert set(window_users(lay, 1)) == {frozenset(range(lay.pes))}

    @pytest.mark.parametrize("stride", [1, 2])
    def test_every_product_has_its_pixel_once(self, stride):
        lay = layout(WIDE)
        users = window_users(lay, stride)
        u = lay.unroll
        assert sum(map(len, users)) == lay.pes * u["FY"] * u["FX"]
        rows = {oy * stride + fy for oy in range(u["OY"]) for fy in range(u["FY"])}
        columns = {ox * stride + fx for ox in range(u["OX"]) for fx in range(u["FX"])}
        assert len(users) == u["B"] * len(rows) * len(columns)


class TestNetsBetweenBlocks:
    def test_an_input_bit_reaches_every_pe(self):
        net, plan = net_of(TINY, "input broadcast"), plan_of(TINY)
        assert net.sinks == plan.grid.pes
        assert net.length_um == tree_um(plan.grid, frozenset(range(plan.grid.pes)))
        assert net.bits == layout(TINY).input_port_bits

    def test_more_pes_take_more_wire(self):
        lengths = [
            net_of(
                with_changes(TINY, {"array.unroll.out_channels": k}), "input broadcast"
            ).length_um
            for k in (2, 4, 8, 16)
        ]
        assert lengths == sorted(lengths)

    def test_a_looser_floorplan_takes_more_wire(self):
        lengths = [
            net_of(
                with_changes(TINY, {"floorplan.placement_density": u}), "input broadcast"
            ).length_um
            for u in (0.8, 0.4, 0.2)
        ]
        assert lengths[1] == pytest.approx(lengths[0] * math.sqrt(2), rel=0.02)
        assert lengths[2] == pytest.approx(lengths[0] * 2, rel=0.02)

    def test_energy_is_length_times_toggles(self):
        net = net_of(TINY, "weight bus")
        (rate,) = net_rates(SKY, [net], "tree")
        routed_um = net.bits * net.length_um * routed_factors(SKY).detour.value
        assert rate.energy_fj == pytest.approx(routed_um * net.toggles * wire_fj_per_um(SKY))
        assert rate.level == "routed"

    def test_repair_buffers_are_on_top_of_the_charge_of_the_wire(self):
        bare = SKY.wire_energy_fj(1.0)
        assert bare < wire_fj_per_um(SKY) < 1.5 * bare

    def test_an_external_store_is_reached_over_the_edge_of_the_core(self):
        outside = with_changes(
            TINY, {"store.kind": "external", "store.external": {"standard": "lpddr4"}}
        )
        plan = plan_of(outside)
        read_net = net_of(outside, "weight reads")
        x, y = plan.centres_um("dma")[0]
        assert read_net.length_um == pytest.approx(
            min(x, y, plan.core.width_um - x, plan.core.height_um - y)
        )


class TestNetsInsideBlocks:
    def test_length_is_spacings_times_the_distance_between_nets(self):
        built, plan = area(TINY, SKY), plan_of(TINY)
        within = inside(SKY, built, plan)
        outputs = built.cells["dma"].outputs
        spacing = math.sqrt(plan.block_um2("dma") / outputs)
        spacings = routed_factors(SKY).control_spacings.value
        assert within["dma"].count == outputs
        assert within["dma"].length_um == pytest.approx(spacings * outputs**0.178 * spacing)

    def test_nets_of_the_array_run_among_all_of_its_nets(self):
        built, plan = area(TINY, SKY), plan_of(TINY)
        array = inside(SKY, built, plan)["array"]
        spacing = math.sqrt(plan.block_um2("array") / array.count)
        expected = routed_factors(SKY).datapath_spacings.value * array.count**0.178 * spacing
        assert array.length_um == pytest.approx(expected)

    def test_wires_cost_what_the_transitions_of_a_rate_charge(self):
        table = costs(TINY, SKY).rates_of[1]
        built, plan = area(TINY, SKY), plan_of(TINY)
        within = inside(SKY, built, plan)
        wires = {(r.part, r.term): r for r in inside_rates(SKY, within, table, "tree")}
        rate = next(r for r in table if (r.part, r.term) == ("control", "sequencer"))
        length = within["control"].length_um
        placed = SKY.placed_wires["control"].factor
        expected = rate.transitions * length * placed * wire_fj_per_um(SKY)
        assert wires["control", "sequencer wires"].energy_fj == pytest.approx(expected)

    def test_transitions_of_control_are_activity_times_outputs(self):
        built = area(TINY, SKY)
        rate = next(r for r in costs(TINY, SKY).rates_of[1] if r.term == "sequencer")
        assert rate.transitions == pytest.approx(0.031 * built.cells["sequencer"].outputs)

    def test_adders_of_the_hardware_switch_as_the_popcount_does(self):
        """Nets of the built popcount, each output once per two operations, bound what is stated."""
        lay = layout(TINY)
        pes = PeArray(lay, "tree", 0, 0)
        outputs = pes.popcount.gates().cells().outputs + lay.lanes
        stated = popcount_energy(SKY, "tree", lay.lanes).transitions
        assert stated == pytest.approx(outputs / lay.lanes / 2, rel=0.5)


class TestDelay:
    def test_a_repeated_wire_by_hand(self):
        """4 sqrt(R C R_w C_w) per length with p = 1, R C = FO4 / 5."""
        per_um = 4 * math.sqrt(80.532 / 5 * 1.21 * 0.172 * 1e-3)
        assert repeated_ps(SKY, 1000.0) == pytest.approx(1000 * per_um)

    def test_no_spacing_of_repeaters_beats_it(self):
        drive, ohm, ff = 80.532 / 5, 1.21, 0.172
        capacitance = SKY.inverter_capacitance_ff
        resistance = drive / capacitance  # ps per fF

        def per_um(size, pitch):
            wire = ohm * ff * 1e-3
            return (
                2 * drive / pitch
                + resistance * ff / size
                + wire * pitch / 2
                + ohm * 1e-3 * capacitance * size
            )

        best = min(per_um(s / 4, p) for s in range(4, 400, 2) for p in range(50, 2000, 10))
        assert repeated_ps(SKY, 1.0) == pytest.approx(best, rel=0.01)

    def test_a_technology_without_resistance_gets_none(self):
        assert repeated_ps(replace(SKY, digest="x", wire_ohm_per_um=None), 1000.0) == 0.0

    def test_fan_out_takes_an_fo4_for_each_factor_of_four(self):
        assert fanout_ps(SKY, 64) == pytest.approx(3 * SKY.fo4_delay_ps)
        assert fanout_ps(SKY, 1) == 0.0

    def test_wire_of_four_inverters_slows_a_cell_by_four_fifths_of_an_fo4(self):
        length_um = 4 * SKY.inverter_capacitance_ff / SKY.wire_ff(1.0)
        extra = 0.8 * SKY.fo4_delay_ps / SKY.cell("full_adder").delay_fo4_ps
        assert loaded(SKY, length_um) == pytest.approx(1 + extra)

    @given(st.floats(1, 3), st.floats(0, 1e3), st.floats(1, 1e4))
    def test_factors_and_additions_add_up(self, factor, added, delay):
        wires = WireDelays({"a": factor}, {"a": added}, factor_error=0.5, added_error=0.1)
        more, wide = wires.of("a", delay)
        assert delay + more == pytest.approx(delay * factor + added)
        assert wide == pytest.approx(0.5 * delay * (factor - 1) + 0.1 * added, abs=1e-9)
        assert wires.of("b", delay) == (0.0, 0.0)
