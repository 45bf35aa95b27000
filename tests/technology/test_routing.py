"""Factors of placement and routing: the fit, the open designs, and who overrides whom."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import stdtrit

from asicbnn.technology import routing
from asicbnn.technology.factor_entries import RoutedEntry
from asicbnn.technology.form import Figure
from asicbnn.technology.library import load, names
from asicbnn.technology.routed_designs import (
    RoutedDesign,
    macro_halo_um,
    open_designs,
    routed_file,
    wire_laws,
)
from asicbnn.technology.routing import factor_names, fitted, shown, student_t

SKY = load("sky130hd")
ALL = [load(name) for name in names()]
NODES = ("sky130hd", "ihp_sg13g2", "asap7")
PUBLISHED_POWER = {
    ("sky130hd", "ibex"): 2.28,
    ("ihp_sg13g2", "ibex"): 1.64,
    ("sky130hd", "jpeg"): 1.43,
    ("ihp_sg13g2", "gcd"): 1.32,
}
PUBLISHED_WIRE_UM = {
    ("sky130hd", "ibex"): 46.6,
    ("sky130hd", "jpeg"): 23.4,
    ("ihp_sg13g2", "ibex"): 49.9,
}

OTHERS = {  # routed by LibreLane: core without macros [um2], nets, wire, half perimeters [um]
    "motkhonghai/aes256-sky130 02881ed2": (606902, 30251, 1758560, 1491630),
    "2Charts/chipathon26-A20-FIR_Filter 3766f410, gf180mcu": (469369, 7208, 373020, 314366),
    "marcandrewessner/binaryneuralnet-asic-TTIHP26 07a31020": (884870, 25625, 1407073, 1218530),
    "irvineAlgotrading/tt09 f251dc28, sky130": (16493.3, 1003, 48397, 37255.5),
}


def design(**figures):
    return RoutedDesign(technology="sky130hd", name="x", source="s", **figures)


class TestOpenDesigns:
    def test_power_grows_as_the_flows_say(self):
        ratios = {
            (d.technology, d.name): d.routed_power_w / d.mapped_power_w
            for d in open_designs()
            if d.routed_power_w
        }
        for key, ratio in PUBLISHED_POWER.items():
            assert ratios[key] == pytest.approx(ratio, abs=0.005)

    def test_wire_per_net_is_as_the_flows_say(self):
        for d in open_designs():
            if wire_um := PUBLISHED_WIRE_UM.get((d.technology, d.name)):
                assert d.wire_um / d.nets == pytest.approx(wire_um, abs=0.05)

    def test_every_source_is_stated(self):
        file = routed_file()
        assert {d.source for d in file.designs} <= set(file.sources)

    def test_cells_fit_their_core(self):
        for d in open_designs():
            assert d.placed_area_um2 + d.macro_area_um2 < d.core_area_um2

    def test_wire_per_net_in_spacings_goes_by_a_power_of_the_number_of_nets(self):
        """Least squares over all designs, kinds apart: Rent's exponent less one half."""
        known = [d for d in open_designs() if d.kind and d.nets and d.wire_um]
        spacings = [d.wire_um / math.sqrt(d.core_area_um2 * d.nets) for d in known]
        kinds = [[float(d.kind == kind) for d in known] for kind in ("control", "datapath")]
        table = np.array([*kinds, [math.log(d.nets) for d in known]]).T
        exponent = np.linalg.lstsq(table, np.log(spacings), rcond=None)[0][2]
        assert exponent == pytest.approx(wire_laws().spacings_exponent, abs=5e-4)

    def test_no_router_takes_less_than_the_trees(self):
        detours = shown(open_designs())["detour"]
        assert len(detours) == 13
        assert min(detours) > 1

    @pytest.mark.parametrize("name", OTHERS)
    def test_designs_of_another_flow_lie_in_the_bands(self, name):
        core, nets, wire, half_perimeter = OTHERS[name]
        figures = {"core_area_um2": core, "nets": nets, "wire_um": wire}
        run = design(**figures, half_perimeter_um=half_perimeter)
        factors, seen = routing.routed_factors(SKY), shown((run,))
        for factor in ("detour", "control_spacings"):
            ratio = seen[factor][0] / getattr(factors, factor).value
            assert abs(math.log(ratio)) < math.log1p(getattr(factors, factor).relative_error)

    def test_it_hardly_depends_on_the_technology(self):
        """What makes one law for 130 and 7 nm: um per net differ 29 times, this 1.6 times."""
        means = [fitted(shown(open_designs(x))["control_spacings"]).value for x in NODES]
        assert max(means) / min(means) < 1.6


class TestFit:
    def test_two_values_by_hand(self):
        factor = fitted([1.0, math.e])
        assert factor.value == pytest.approx(math.exp(0.5))
        # s^2 = 0.5 with one degree of freedom, t = 12.706
        assert factor.relative_error == pytest.approx(
            math.expm1(12.7062 * math.sqrt(0.75)), rel=1e-4
        )

    def test_groups_that_scatter_alike_share_their_scatter(self):
        """s^2 = (0.5 + 0.5) / 2 with two degrees of freedom, t = 4.303."""
        factor = fitted([1.0, math.e], [[5.0, 5 * math.e], [9.0], []])
        assert factor.value == pytest.approx(math.exp(0.5))
        assert factor.relative_error == pytest.approx(
            math.expm1(4.30265 * math.sqrt(0.75)), rel=1e-4
        )

    def test_one_value_claims_a_factor_of_two_at_best(self):
        assert fitted([2.0]).value == pytest.approx(2.0)
        assert fitted([2.0]).relative_error == 1.0

    def test_many_values_have_the_band_of_a_normal_spread(self):
        rng = np.random.default_rng(3)
        values = np.exp(rng.normal(0, 0.2, 4000)).tolist()
        assert math.log1p(fitted(values).relative_error) == pytest.approx(1.96 * 0.2, rel=0.05)

    def test_designs_left_out_lie_in_the_band_of_the_others(self):
        """Every design against a fit to all others of its kind: 19 of 20, as far as 66 can tell."""
        inside = total = 0
        for name in ("growth", "power_ratio", "sizing", "clock_area_ge_per_sink", "detour"):
            values = shown(open_designs(), ALL)[name]
            for index, value in enumerate(values):
                factor = fitted(values[:index] + values[index + 1 :])
                total += 1
                inside += abs(math.log(value / factor.value)) <= math.log1p(factor.relative_error)
        kinds = [shown(open_designs())[f"{kind}_spacings"] for kind in ("datapath", "control")]
        for own, other in (kinds, kinds[::-1]):
            for index, value in enumerate(own):
                factor = fitted(own[:index] + own[index + 1 :], [other])
                total += 1
                inside += abs(math.log(value / factor.value)) <= math.log1p(factor.relative_error)
        assert total == 66
        assert inside / total >= 0.9

    @given(st.lists(st.floats(0.1, 10), min_size=2, max_size=20), st.floats(0.1, 10))
    def test_a_scaled_sample_scales_the_value_and_keeps_the_spread(self, values, scale):
        plain, scaled = fitted(values), fitted([scale * x for x in values])
        assert scaled.value == pytest.approx(scale * plain.value)
        assert scaled.relative_error == pytest.approx(plain.relative_error, rel=1e-6, abs=1e-6)

    def test_a_run_shows_what_it_states_and_nothing_else(self):
        run = design(nets=100, wire_um=2000.0, core_area_um2=400.0, placed_area_um2=100.0)
        found = {name: values for name, values in shown([run]).items() if values}
        spacings = [pytest.approx(10.0 / 100**0.178)]
        assert found == {
            "placement_density": [0.25],
            "datapath_spacings": spacings,
            "control_spacings": spacings,
        }

    def test_macros_leave_the_core_before_the_cells_fill_it(self):
        run = design(placed_area_um2=50.0, core_area_um2=300.0, macro_area_um2=200.0)
        assert shown([run])["placement_density"] == [0.5]

    def test_buffers_count_in_units_of_their_library(self):
        run = design(clock_sinks=10, clock_area_um2=37.536, repair_area_um2=75.072, wire_um=1000.0)
        found = shown([run], [SKY])
        assert found["clock_area_ge_per_sink"] == pytest.approx([1.0])  # NAND2: 3.7536 um2
        assert found["repair_ge_per_load"] == pytest.approx([20 / (172 / 2.302)])
        assert not shown([run], [load("asap7")])["clock_area_ge_per_sink"]


class TestOfATechnology:
    @pytest.mark.parametrize("name", names())
    def test_every_factor_has_a_value_and_a_band(self, name):
        factors = routing.routed_factors(load(name))
        for factor in factor_names():
            assert getattr(factors, factor).value > 0
            assert getattr(factors, factor).relative_error > 0

    def test_growth_is_the_technology_s_own_and_the_scatter_everybody_s(self):
        factors = routing.routed_factors(SKY)
        own = shown(open_designs("sky130hd"))["growth"]
        others = [shown(open_designs(name))["growth"] for name in ("asap7", "ihp_sg13g2")]
        assert factors.growth == fitted(own, others)
        assert factors.growth.runs == len(own)
        assert factors.growth.relative_error < fitted(own).relative_error

    def test_own_runs_replace_what_they_show(self):
        entry = RoutedEntry(runs=3, growth=Figure(value=1.5, source="mine", relative_error=0.1))
        own = replace(SKY, digest="mine", routed=entry)
        factors = routing.routed_factors(own)
        assert factors.growth == routing.Factor(1.5, 0.1, 3)
        assert factors.sizing == routing.routed_factors(SKY).sizing
        assert "3 finished runs" in factors.flags[0]

    def test_a_technology_without_designs_says_so(self):
        stranger = replace(SKY, name="stranger", digest="stranger")
        assert "none of stranger is known" in routing.routed_factors(stranger).flags[0]

    def test_a_halo_without_a_figure_takes_the_share_of_one_design(self):
        stranger = replace(SKY, name="stranger", digest="stranger")
        halo_um = macro_halo_um(stranger, 10_000.0)
        assert (100 + 2 * halo_um) ** 2 == pytest.approx(1.8 * 10_000)
        assert macro_halo_um(SKY, 10_000.0) == 40


def test_flows_scatter_about_the_mean_of_a_design_as_its_layouts_do():
    """A one-way analysis of variance: what is left once each design has its own mean."""
    logs = {}
    for d in open_designs():
        if d.nets and d.wire_um and d.core_area_um2:
            spacings = d.wire_um / d.nets / math.sqrt(d.core_area_um2 / d.nets)
            logs.setdefault(d.name, []).append(
                math.log(spacings) - wire_laws().spacings_exponent * math.log(d.nets)
            )
    several = [np.array(group) for group in logs.values() if len(group) > 1]
    freedom = sum(map(len, several)) - len(several)
    variance = sum((len(group) - 1) * group.var(ddof=1) for group in several) / freedom
    expected = math.exp(float(stdtrit(freedom, 0.975)) * math.sqrt(variance)) - 1
    assert routing.between_flows_error() == pytest.approx(expected)


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 7, 30, 200])
def test_students_t_is_that_of_scipy(freedom):
    assert student_t(freedom) == pytest.approx(float(stdtrit(freedom, 0.975)), rel=1e-9)
