"""Level gate: areas and paths with the factors of a calibrated technology."""

from __future__ import annotations

from dataclasses import replace

import pytest

from asicbnn.errors import ModelError
from asicbnn.mapping.layout import layout
from asicbnn.model.area import area, trimmed_cells
from asicbnn.model.built_paths import built_paths, settled_ps
from asicbnn.model.costs import costs
from asicbnn.model.estimate import reachable
from asicbnn.model.gate_terms import gate_rates
from asicbnn.model.rate_errors import calibrated, component_of
from asicbnn.model.timing import timing
from asicbnn.spec import load
from asicbnn.spec.accelerator import with_changes
from asicbnn.technology.calibration import (
    STRUCTURES,
    SWITCHING,
    MappedAs,
    component_key,
    energy_key,
    mapped_as_of,
    mapped_price,
)
from asicbnn.technology.cells import Cells
from asicbnn.technology.factor_entries import CalibrationEntry, CalibrationFactor
from asicbnn.technology.library import load as technology

PLAIN = replace(technology("sky130hd"), digest="plain", calibration={})
FACTORS = {name: 0.4 + 0.05 * i for i, name in enumerate(STRUCTURES)}
DELAY, SPREAD = 0.8, 0.07


def factor(value):
    return CalibrationFactor(factor=value, spread=SPREAD, points=9, source="calibration")


CALIBRATED = replace(
    PLAIN,
    digest="calibrated",
    calibration={
        name: CalibrationEntry(
            area=factor(value), delay=factor(DELAY) if name.startswith("accelerator") else None
        )
        for name, value in FACTORS.items()
    },
)


@pytest.fixture(scope="module", name="tiny")
def _tiny():
    return load("arch_specs/tiny.yaml")


def test_areas_are_what_is_kept_and_the_rest_times_its_factor(tiny):
    built = area(tiny, CALIBRATED)
    popcount = tiny.array.popcount.structure
    for name, cells in trimmed_cells(tiny).items():
        key = f"array_{popcount}" if name == "array" else name
        kept = cells.kept
        adders = Cells(full_adder=kept.full_adder, half_adder=kept.half_adder)
        mux2_um2 = FACTORS["holding"] * CALIBRATED.area_um2(Cells(mux2=1))
        expected = CALIBRATED.area_um2(adders + Cells(buffer=cells.buffers))
        expected += FACTORS["flop"] * CALIBRATED.area_um2(Cells(flop=kept.flop))
        expected += cells.holding * mux2_um2
        gates = Cells(nand2=cells.shared.nand2, xor2=cells.shared.xor2)
        gates += Cells(inverter=cells.shared.inverter)
        rest = CALIBRATED.area_um2(gates) + cells.shared.mux2 * mux2_um2
        expected = (expected + FACTORS[key] * rest) * FACTORS[f"accelerator_{popcount}"]
        found = built.components[name]
        assert found.area_um2 == pytest.approx(expected)
        assert (found.level, found.relative_error) == ("gate", pytest.approx(2**0.5 * SPREAD))
    assert built.level == "gate"
    logic = sum(part.area_um2 for part in built.components.values())
    registers = sum(m.count * p.area_um2 for m, p in built.memories if m.part == "post")
    assert built.logic_area_um2 == pytest.approx(logic + built.parts["clock"] + registers)


def test_level_cell_is_the_same_with_and_without_calibration(tiny):
    asked, plain = area(tiny, CALIBRATED, "cell"), area(tiny, PLAIN)
    assert dict(asked.parts) == dict(plain.parts)
    assert asked.level == plain.level == "cell"
    assert costs(tiny, CALIBRATED, "cell").timing.paths_ps == costs(tiny, PLAIN).timing.paths_ps


SHARE_FACTORS = {name: 0.4 + 0.05 * i for i, name in enumerate(SWITCHING)}
TERMS = {"popcount": 0.9, "popcount joint": 0.3, "input words": 2.0, "finished moves": 0.0}


def energies(terms):
    """A technology whose energies are calibrated, some terms by themselves."""
    return replace(PLAIN, digest=f"energies {sorted(terms)}", calibration={
        energy_key(name, popcount): CalibrationEntry(
            energy=CalibrationFactor(
                factor=value, spread=SPREAD, points=9, source="calibration", terms=terms
            )
        )
        for name, value in SHARE_FACTORS.items() for popcount in ("sliced", "tree")
    })  # fmt: skip


def test_energies_take_the_factor_of_their_part_and_its_spread(tiny):
    popcount = tiny.array.popcount.structure
    plain = costs(tiny, PLAIN).rates_of[1]
    found = calibrated(plain, energies({}), tiny)
    seen = set()
    for before, after in zip(plain, found, strict=True):
        share = component_of(before.part, before.term)
        if share is None:
            assert after == before
            continue
        assert after.energy_fj == before.energy_fj * SHARE_FACTORS[share]
        assert (after.level, after.relative_error) == ("gate", SPREAD)
        assert after.origin == f"calibrated energy of {energy_key(share, popcount)}"
        assert after.also == before.also
        seen.add(share)
    assert seen == set(SWITCHING)
    # areas and delays alone
    assert calibrated(plain, CALIBRATED, tiny) == plain


def test_a_term_of_its_own_goes_before_the_factor_of_its_part(tiny):
    plain = {(r.part, r.term, r.event): r for r in costs(tiny, PLAIN).rates_of[1]}
    table = calibrated(plain.values(), energies(TERMS), tiny)
    found = {(r.part, r.term, r.event): r.energy_fj for r in table}
    popcount = "array", "popcount", "counted_lane_steps"
    words = "dma", "input words", "input_buffer_writes"
    assert found[popcount] == pytest.approx(0.9 * plain[popcount].energy_fj)
    assert found[words] == pytest.approx(2.0 * plain[words].energy_fj)
    # only gates have it: an XNOR of one lane, and what counts its product
    lay = layout(tiny)
    xnor = plain["array", "xnor", "xnor_steps"].energy_fj / (lay.pes * lay.lanes)
    joint = found["array", "popcount", "joint_lane_steps"]
    assert joint == pytest.approx(0.3 * (xnor + plain[popcount].energy_fj))
    assert found.keys() - plain.keys() == {("array", "popcount", "joint_lane_steps")}


def test_deep_popcounts_and_shared_operands_are_told_apart(tiny):
    found = {}
    for pes, lanes, stages in ((4, 16, 1), (4, 64, 0), (16, 16, 0)):
        spec = with_changes(tiny, {
            "array.unroll": {"out_channels": pes, "in_channels": lanes},
            "array.popcount.pipeline_stages": stages,
        })  # fmt: skip
        table = costs(spec, PLAIN).rates_of[1]
        own = next(r.energy_fj for r in table if r.term == "popcount")
        added = {g.name: g.rate.energy_fj for g in gate_rates(table, spec) if g.added}
        found[pes, lanes] = own, added
    own, added = found[4, 16]
    assert added["popcount depth"] == added["popcount shared"] == 0  # a register after two levels
    own, added = found[4, 64]
    assert added["popcount depth"] == pytest.approx(4 * own)  # six levels, four more than two
    own, added = found[16, 16]
    assert added["popcount shared"] == pytest.approx(0.75 * added["popcount joint"])


@pytest.mark.parametrize(
    ("pes", "stages", "levels"),
    [(8, 0, 0), (16, 0, 1), (16, 1, 0), (32, 1, 1), (128, 0, 1), (256, 0, 2)],
)
def test_operands_of_many_pins_arrive_through_buffers(tiny, pes, stages, levels):
    """Each PE has a pin on the net of an input, and two where product and mask are merged."""
    spec = with_changes(tiny, {
        "array.unroll": {"out_channels": pes, "in_channels": 16},
        "array.popcount.pipeline_stages": stages,
    })  # fmt: skip
    added = {g.name: g.rate for g in gate_rates(costs(spec, PLAIN).rates_of[1], spec) if g.added}
    joint, buffered = added["popcount joint"], added["popcount buffered"]
    assert buffered.energy_fj == pytest.approx(levels * joint.energy_fj)
    assert buffered.event == "joint_lane_steps"
    assert buffered.transitions == pytest.approx(levels * joint.transitions)


def test_wires_switch_with_what_gates_add_and_not_by_the_factors_of_cells(tiny):
    """A glitch charges the wire of its net; what a cell takes of its count does not."""
    spec = with_changes(tiny, {"array.popcount": {"structure": "tree", "pipeline_stages": 1}})
    sky = technology("sky130hd")
    table = costs(spec, sky, "cell").rates_of[1]
    known = sky.calibration["popcount_tree"].energy.terms
    counted = next(r for r in table if (r.part, r.term) == ("array", "popcount"))
    after = [r for r in calibrated(table, sky, spec) if (r.part, r.term) == ("array", "popcount")]
    assert known["popcount"] != 1
    assert after[0].energy_fj == pytest.approx(known["popcount"] * counted.energy_fj)
    assert after[0].transitions == counted.transitions
    added = {g.name: g.rate for g in gate_rates(table, spec) if g.added}
    for name in ("popcount joint", "popcount depth"):
        of_counted = added[name].energy_fj / counted.energy_fj
        assert added[name].transitions == pytest.approx(of_counted * counted.transitions)
    assert added["products apart"].transitions == 0  # two gates that take more, no more nets
    joint = known["popcount joint"] * added["popcount joint"].transitions
    assert any(r.transitions == pytest.approx(joint) for r in after[1:])


def test_products_stand_apart_from_masks_that_come_out_of_registers(tiny):
    for stages in (0, 1, 2):
        spec = with_changes(tiny, {"array.popcount.pipeline_stages": stages})
        table = costs(spec, PLAIN).rates_of[1]
        products = [(r.event, r.energy_fj) for r in table if r.term in ("xnor", "mask")]
        apart = [g.rate for g in gate_rates(table, spec) if g.name == "products apart"]
        assert [(r.event, r.energy_fj) for r in apart] == (products if stages else [])


@pytest.mark.parametrize(("stages", "share"), [(0, "popcount"), (1, "sums")])
def test_a_configuration_runs_through_the_comparisons_of_lanes(tiny, stages, share):
    """16 lanes compare 5 bits each, 8 PEs 4; with registers behind them they are no product's."""
    spec = with_changes(tiny, {
        "array.unroll": {"out_channels": 8, "in_channels": 16},
        "array.popcount.pipeline_stages": stages,
    })  # fmt: skip
    table = costs(spec, PLAIN).rates_of[1]
    [edges] = [g.rate for g in gate_rates(table, spec) if g.name == "lane edges"]
    adder_fj = PLAIN.switching_energy_fj(Cells(full_adder=1), 0.5)
    assert edges.energy_fj == pytest.approx((16 * 5 + 8 * 4) * adder_fj)
    assert edges.event == "configuration_words"
    assert component_of(edges.part, edges.term) == share


def test_leakage_shrinks_with_the_gates(tiny):
    popcount = tiny.array.popcount.structure
    whole = FACTORS[f"accelerator_{popcount}"]
    built, cells = area(tiny, CALIBRATED), trimmed_cells(tiny)
    for name, component in built.components.items():
        assert 0 < component.leakage_nw < area(tiny, PLAIN).components[name].leakage_nw
        price = mapped_price(
            CALIBRATED, CALIBRATED.leakage_nw, cells[name], mapped_as_of(CALIBRATED)
        )
        expected = price.total(FACTORS[component_key(name, popcount)])
        assert component.leakage_nw == pytest.approx(expected * whole)


def test_outputs_that_nothing_reads_have_no_inverters(tiny):
    """In asap7, whose adders invert both outputs; elsewhere they are one cell all the same."""
    cells = trimmed_cells(tiny)["array"]
    read = replace(cells, unread=Cells())
    for name in ("asap7", "sky130hd"):
        own = technology(name)
        saved = sum(
            mapped_price(own, own.area_um2, some, MappedAs()).kept * sign
            for some, sign in ((read, 1), (cells, -1))
        )
        inverters = cells.unread.total if name == "asap7" else 0
        assert saved == pytest.approx(own.area_um2(Cells(inverter=inverters)))
    assert cells.unread.total > 0


def test_a_calibration_of_before_these_counts_is_told(tiny):
    """Its factors are of other gates, so what it lacks is asked for."""
    old = {name: entry for name, entry in CALIBRATED.calibration.items() if name != "holding"}
    with pytest.raises(ModelError, match=r"no calibration of holding; run asicbnn calibrate"):
        area(tiny, replace(CALIBRATED, digest="old", calibration=old))


def test_paths_are_those_of_the_built_block(tiny):
    found = timing(tiny, CALIBRATED, area(tiny, CALIBRATED))
    settled = settled_ps(tiny, CALIBRATED)
    for name, ps in settled.items():
        assert found.paths_ps[name] == pytest.approx(ps * DELAY)
    assert (found.level, found.relative_error) == ("gate", pytest.approx(SPREAD))
    assert found.limiter == max(found.paths_ps, key=found.paths_ps.get)


def test_paths_are_followed_once_for_what_changes_no_gate(tiny):
    other = with_changes(tiny, {"dataflow": "input_stationary", "operating_point.clock_mhz": 50})
    assert settled_ps(other, CALIBRATED) is settled_ps(tiny, CALIBRATED)
    gated = with_changes(tiny, {"clock_gating": "register"})
    assert settled_ps(gated, CALIBRATED) is not settled_ps(tiny, CALIBRATED)


def test_the_popcount_has_a_factor_of_its_own(tiny):
    """Technologies that were calibrated before it was measured have that of the other paths."""
    key = f"popcount_{tiny.array.popcount.structure}"
    own = replace(CALIBRATED, digest="popcount", calibration={
        **CALIBRATED.calibration, key: CalibrationEntry(delay=factor(1.7)),
    })  # fmt: skip
    before, after = built_paths(tiny, CALIBRATED), built_paths(tiny, own)
    for name, path in after.items():
        ratio = 1.7 / DELAY if name == "popcount" else 1.0
        assert path.delay_ps == pytest.approx(ratio * before[name].delay_ps)


def test_adders_are_scaled_before_the_factor_of_a_path(tiny):
    slow = replace(CALIBRATED, digest="adders", calibration={
        **CALIBRATED.calibration, "adder": CalibrationEntry(delay=factor(2.0)),
    })  # fmt: skip
    before, after = built_paths(tiny, CALIBRATED), built_paths(tiny, slow)
    for name, ps in settled_ps(tiny, CALIBRATED, 2.0).items():
        assert after[name].delay_ps == pytest.approx(DELAY * ps)
        assert before[name].delay_ps <= after[name].delay_ps < 2 * before[name].delay_ps
    assert after["popcount"].delay_ps > 1.2 * before["popcount"].delay_ps


def test_products_and_choices_have_prices_of_their_own(tiny):
    """Each in place of what it is among the gates of its component."""
    prices = {"product": 0.7, "registered_product": 1.3, "choice": 0.25}
    own = replace(CALIBRATED, digest="products", calibration={
        **CALIBRATED.calibration,
        **{name: CalibrationEntry(area=factor(value)) for name, value in prices.items()},
    })  # fmt: skip
    popcount = tiny.array.popcount.structure
    whole = FACTORS[f"accelerator_{popcount}"]
    for stages, name in ((0, "product"), (1, "registered_product")):
        spec = with_changes(tiny, {"array.popcount.pipeline_stages": stages})
        before, after = (area(spec, each).components for each in (CALIBRATED, own))
        products = layout(spec).pes * spec.array.unroll.lanes
        gates_um2 = products * PLAIN.area_um2(Cells(nand2=2, xor2=1))
        array = FACTORS[component_key("array", popcount)]
        assert after["array"].area_um2 - before["array"].area_um2 == pytest.approx(
            whole * (prices[name] - array) * gates_um2
        )
        chosen_um2 = PLAIN.area_um2(Cells(mux2=trimmed_cells(spec)["output"].shared.mux2))
        among_gates = FACTORS["output"] * FACTORS["holding"]
        assert after["output"].area_um2 - before["output"].area_um2 == pytest.approx(
            whole * (prices["choice"] - among_gates) * chosen_um2
        )
        for other in before.keys() - {"array", "output"}:
            assert after[other] == before[other]


def test_pipeline_stages_divide_the_popcount(tiny):
    wide = with_changes(tiny, {"array.unroll": {"out_channels": 4, "in_channels": 64}})
    paths = []
    for stages in range(4):
        spec = with_changes(wide, {"array.popcount.pipeline_stages": stages})
        paths.append(built_paths(spec, CALIBRATED)["popcount"])
    assert [p.delay_ps for p in paths] == sorted((p.delay_ps for p in paths), reverse=True)
    assert all(p.flags == () for p in paths)


def test_the_default_level_is_the_best_there_is(tiny):
    assert reachable(None, PLAIN) == "cell"
    assert reachable(None, CALIBRATED) == "gate"
    assert reachable("cell", CALIBRATED) == "cell"
    assert reachable("routed", CALIBRATED) == "routed"
    with pytest.raises(ModelError, match="run asicbnn calibrate with its Liberty files"):
        reachable("gate", PLAIN)


def test_a_calibration_that_lacks_a_structure_is_told(tiny):
    lacking = replace(CALIBRATED, digest="lacking", calibration={
        name: entry for name, entry in CALIBRATED.calibration.items() if name != "dma"
    })  # fmt: skip
    with pytest.raises(ModelError, match="sky130hd has no calibration of dma"):
        area(tiny, lacking)
    areas_only = {name: CalibrationEntry(area=factor(1.0)) for name in STRUCTURES}
    blind = replace(CALIBRATED, digest="blind", calibration=areas_only)
    with pytest.raises(ModelError, match="the calibration of accelerator_tree has no delay"):
        timing(tiny, blind, area(tiny, blind))


def test_routed_stands_on_gates(tiny):
    cell, gate = (costs(tiny, t, "routed").routed.mapped for t in (PLAIN, CALIBRATED))
    assert (cell.level, gate.level) == ("cell", "gate")
    assert gate.logic_area_um2 < cell.logic_area_um2


@pytest.mark.parametrize("name", ["sky130hd", "ihp_sg13g2", "asap7"])
def test_flags_speak_of_the_figures_that_are_used(tiny, name):
    """At level gate paths and popcounts have factors: what was assumed before says nothing."""
    spec, library = with_changes(tiny, {"technology": name}), technology(name)
    by_level = {level: costs(spec, library, level).flags for level in ("cell", "gate", "routed")}
    assert any("path_relative_error" in flag for flag in library.before_gates)
    assert set(library.before_gates) <= set(by_level["cell"])
    for level in ("gate", "routed"):
        assert not set(library.before_gates) & set(by_level[level])
        assert set(library.flags) - set(library.before_gates) <= set(by_level[level])


def test_popcounts_without_a_factor_of_energy_keep_their_flags(tiny):
    assert set(CALIBRATED.before_gates) <= set(costs(tiny, CALIBRATED, "gate").flags)
