"""Estimates at level routed: what changes against the gates, by how much, and what stays."""

from dataclasses import replace
from pathlib import Path

import pytest

import asicbnn
from asicbnn.levels import once_routed
from asicbnn.mapping.layout import layout
from asicbnn.model.activities import assumed_activities, measured_rates, undelayed_counts
from asicbnn.model.area import area
from asicbnn.model.clock_tree import is_of_tree
from asicbnn.model.costs import costs
from asicbnn.result import METRICS
from asicbnn.spec.accelerator import Accelerator, with_changes
from asicbnn.spec.reader import read
from asicbnn.technology.calibration import CLOCK, STRUCTURES
from asicbnn.technology.factor_entries import CalibrationEntry, CalibrationFactor
from asicbnn.technology.library import load
from asicbnn.technology.routed_designs import open_designs
from asicbnn.technology.routing import routed_factors
from asicbnn.verify.random_cases import accelerator

ROOT = Path(__file__).parents[2]
TINY = read(ROOT / "arch_specs/tiny.yaml", Accelerator)
GATED = with_changes(TINY, {"clock_gating": "register"})
DIGITS = ROOT / "workloads/digits_mlp_64_256_256_10.yaml"
SKY, IHP = load("sky130hd"), load("ihp_sg13g2")


@pytest.fixture(scope="module", params=["sky130hd", "ihp_sg13g2", "asap7"])
def both(request):
    return tuple(
        asicbnn.estimate(
            TINY,
            DIGITS,
            technology=request.param,
            level=level,
            dataflow="best",
            objective="latency",
        )
        for level in ("gate", "routed")
    )


def test_counts_are_those_of_the_gates(both):
    gate, routed = both
    for name, metric in METRICS.items():
        if metric.is_count and name in gate.totals:
            assert routed.totals[name] == gate.totals[name]


def test_nothing_gets_smaller_faster_or_cheaper(both):
    gate, routed = (result.totals for result in both)
    for name in ("area_um2", "period_ps", "energy_fj", "logic_energy_fj", "memory_energy_fj"):
        assert routed[name] > gate[name]


def test_the_result_says_its_level(both):
    gate, routed = both
    assert (gate.level, routed.level) == ("gate", "routed")
    assert any("the floorplan is a sketch" in flag for flag in routed.flags)
    assert not any("no other wire is in the figures" in flag for flag in routed.flags)


def test_area_is_the_core_of_the_floorplan(both):
    routed = both[1]
    parts = [v for k, v in routed.totals.items() if k.endswith("_area_um2")]
    logic, memory = routed.totals["logic_area_um2"], routed.totals["memory_area_um2"]
    assert routed.totals["area_um2"] == pytest.approx(logic + memory)
    assert sum(parts) == pytest.approx(2 * (logic + memory))  # by part, and once more by kind
    plan = costs(TINY, load(routed.technology), "routed").routed.plan
    assert routed.totals["area_um2"] == pytest.approx(plan.core.area_um2)


def test_power_grows_as_it_did_on_open_designs(both):
    """Routed over mapped power of the logic, against what flows report: 1.16 to 2.28.

    A mapped netlist has no clock tree.
    """
    gate, routed = both
    terms = gate.breakdowns["energy_terms_fj"]
    tree = sum(
        terms[f"{rate.part} {rate.term}"]
        for rate in costs(TINY, load(gate.technology), "gate").rates_of[1]
        if is_of_tree(rate)
    )
    grown = routed.totals["logic_energy_fj"] / (gate.totals["logic_energy_fj"] - tree)
    seen = [d.routed_power_w / d.mapped_power_w for d in open_designs() if d.routed_power_w]
    assert min(seen) <= grown <= max(seen)


def test_energy_terms_are_the_old_ones_and_wires(both):
    gate, routed = (set(result.breakdowns["energy_terms_fj"]) for result in both)
    new = {name for name in routed - gate if not name.endswith(" wires")}
    assert {name.split()[0] for name in new} == {"array", "post", "link"}
    assert "array input broadcast" in new
    assert "clock tree" in gate & routed
    assert gate - routed <= {name for name in gate if name.startswith("link ")}


def test_lengths_of_wire_are_listed(both):
    lengths = both[1].breakdowns["wire_um"]
    assert lengths["input broadcast"] > 0
    assert lengths["inside array"] > 0
    assert lengths["clock"] > 0
    assert "wire_um" not in both[0].breakdowns


def test_clock_gating_saves_energy_of_the_clock_once_routed_too():
    plain, gated = (
        asicbnn.estimate(accelerator, DIGITS, level="routed").totals["clock_energy_fj"]
        for accelerator in (TINY, GATED)
    )
    assert gated < 0.8 * plain


def test_figures_at_gate_level_are_routed_then_and_others_stay():
    assert once_routed("gate") == "routed"
    for level in ("assumed", "cell", "counted"):
        assert once_routed(level) == level


def test_leakage_grows_with_the_cells():
    mapped, routed = (
        next(r for r in costs(TINY, SKY, level).rates_of[1] if r.term == "logic")
        for level in (SKY.best_level, "routed")
    )
    period = [costs(TINY, SKY, level).timing.period_ps for level in (SKY.best_level, "routed")]
    grown = routed.energy_fj / mapped.energy_fj / (period[1] / period[0])
    assert grown == pytest.approx(max(routed_factors(SKY).growth.value, 1.0), rel=0.05)


def test_a_clock_that_only_unplaced_wires_allow_is_refused():
    limit = costs(TINY, SKY, SKY.best_level).timing.limit_ps
    fast = with_changes(TINY, {"operating_point.clock_mhz": 1e6 / limit * 0.999})
    asicbnn.estimate(fast, DIGITS)
    with pytest.raises(asicbnn.errors.ModelError, match=r"^operating_point.clock_mhz"):
        asicbnn.estimate(fast, DIGITS, level="routed")


def test_a_stated_density_has_no_error():
    free = costs(TINY, IHP, "routed").bands.area.errors["logic_area_um2"]
    stated = with_changes(TINY, {"floorplan.placement_density": 0.55})
    assert costs(stated, IHP, "routed").bands.area.errors["logic_area_um2"] < free
    assert area(stated, IHP).parts == area(TINY, IHP).parts


def test_best_mappings_pay_for_wires():
    """A search at level routed never ends above the search at level cell, both judged routed."""
    found = asicbnn.estimate(TINY, DIGITS, dataflow="best", level="routed")
    other = asicbnn.estimate(TINY, DIGITS, dataflow="output_stationary", level="routed")
    assert found.totals["energy_fj"] <= other.totals["energy_fj"]


def test_a_measured_activity_moves_the_wires_with_the_cells():
    """Half as many toggles of weight registers: half of their bus, and of the nets around them."""
    table = costs(TINY, SKY, "routed").rates_of[1]
    halved = measured_rates(table, TINY, {"weight_register": 0.25, "sequencer": 0.031})
    for before, after in zip(table, halved, strict=True):
        moves = before.term.startswith("weight") and before.part == "array"
        assert after.energy_fj == pytest.approx(before.energy_fj * (0.5 if moves else 1.0))
    sized = next(r for r in halved if (r.part, r.term) == ("array", "weight register"))
    assert {origin for origin, _ in sized.also} == {"sizing", "measured activity"}


@pytest.mark.parametrize("level", ["cell", "gate", "routed"])
@pytest.mark.parametrize("structure", ["sliced", "tree"])
@pytest.mark.parametrize("stages", [0, 1])
def test_what_a_count_finds_of_random_bits_leaves_played_rates_as_they_are(
    level, structure, stages
):
    """Their energy is that of random bits already, though a count without delays finds fewer."""
    popcount = {"array.popcount.structure": structure, "array.popcount.pipeline_stages": stages}
    accelerator = with_changes(TINY, popcount)
    undelayed, assumed = undelayed_counts(accelerator), assumed_activities(layout(accelerator))
    counted = {name: assumed[name] * share for name, share in undelayed.items()}
    table = costs(accelerator, SKY, level).rates_of[1]
    for before, after in zip(table, measured_rates(table, accelerator, counted), strict=True):
        name = before.term.removesuffix(" wires").replace(" ", "_")
        if before.term == "psum bus":  # a wire of known length: its bits are counted as they are
            share = undelayed["psum_register"]
        else:
            is_played = level != "cell" or name == "popcount"
            share = 1.0 if is_played or name not in undelayed else undelayed[name]
        assert after.energy_fj == pytest.approx(before.energy_fj * share), before.term


def test_half_of_the_intervals_are_within_thirty_percent():
    errors = [
        asicbnn.estimate(TINY, DIGITS, technology=name, level="routed").errors["energy_fj"]
        for name in ("sky130hd", "ihp_sg13g2", "asap7")
    ]
    assert sorted(errors)[1] <= 0.30


def test_a_calibrated_technology_is_laid_out_as_its_gates_are():
    """Areas at gate level become routed ones, and a smaller netlist a smaller core."""
    factor = CalibrationFactor(factor=0.8, spread=0.05, points=9, source="calibration")
    plain = replace(SKY, digest="plain", calibration={})
    calibrated = replace(
        SKY, digest="calibrated with clock",
        calibration={
            **{name: CalibrationEntry(area=factor, delay=factor) for name in STRUCTURES},
            CLOCK: CalibrationEntry(energy=factor),
        },
    )  # fmt: skip
    summed, mapped = (costs(TINY, technology, "routed") for technology in (plain, calibrated))
    assert mapped.routed.mapped.level == "gate"
    assert mapped.bands.area.levels["control_area_um2"] == "routed"
    for technology, level in ((summed, "cell"), (mapped, "routed")):
        pins = next(r for r in technology.rates_of[1] if (r.part, r.term) == ("clock", "clock"))
        assert pins.level == level
    ratio = mapped.area.parts["control"] / summed.area.parts["control"]
    gates = mapped.routed.mapped.parts["control"] / summed.routed.mapped.parts["control"]
    assert ratio == pytest.approx(gates, rel=0.02)
    assert gates < 0.9


@pytest.mark.slow
@pytest.mark.parametrize("index", range(24))
def test_random_accelerators_are_laid_out_and_priced(index):
    technology = (SKY, IHP, load("asap7"), load("gt2n"))[index % 4]
    drawn = accelerator(11, index)
    cell, routed = (costs(drawn, technology, level) for level in ("cell", "routed"))
    assert routed.area.area_um2 > cell.area.area_um2
    assert routed.timing.limit_ps >= cell.timing.limit_ps
    assert routed.area.area_um2 == pytest.approx(routed.routed.plan.core.area_um2)
    first, *others = routed.rates_of.values()
    for table in others:
        assert [(r.part, r.term, r.event) for r in table] == [
            (r.part, r.term, r.event) for r in first
        ]
    old = {(r.part, r.term) for r in next(iter(cell.rates_of.values()))}
    assert all(r.energy_fj >= 0 for r in first)
    kept = {(r.part, r.term) for r in first}
    assert {key for key in old - kept if key[0] not in ("link",)} == set()
