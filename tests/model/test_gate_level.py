"""Level gate: areas and paths with the factors of a calibrated technology."""

from __future__ import annotations

from dataclasses import replace

import pytest

from asicbnn.errors import ModelError
from asicbnn.model.area import area, trimmed_cells
from asicbnn.model.built_paths import built_paths, settled_ps
from asicbnn.model.costs import costs
from asicbnn.model.estimate import reachable
from asicbnn.model.rate_errors import calibrated, component_of
from asicbnn.model.timing import timing
from asicbnn.spec import load
from asicbnn.spec.accelerator import with_changes
from asicbnn.technology.calibration import (
    COMPONENTS,
    STRUCTURES,
    MappedAs,
    component_key,
    mapped_as_of,
    mapped_price,
)
from asicbnn.technology.cells import Cells
from asicbnn.technology.library import load as technology
from asicbnn.technology.schema import CalibrationEntry, CalibrationFactor

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


def test_energies_take_the_factor_of_their_component_and_its_spread(tiny):
    measured = {name: CalibrationEntry(energy=factor(value)) for name, value in FACTORS.items()}
    energies = replace(PLAIN, digest="energies", calibration=measured)
    popcount = tiny.array.popcount.structure
    plain = costs(tiny, PLAIN).rates_of[1]
    found = calibrated(plain, energies, popcount)
    seen = set()
    for before, after in zip(plain, found, strict=True):
        component = component_of(before.part, before.term)
        if component is None:
            assert after == before
            continue
        key = f"array_{popcount}" if component == "array" else component
        assert after.energy_fj == before.energy_fj * FACTORS[key]
        assert (after.level, after.relative_error) == ("gate", SPREAD)
        assert after.origin == f"calibrated energy of {key}"
        assert after.also == before.also
        seen.add(component)
    assert seen == set(COMPONENTS)
    assert calibrated(plain, CALIBRATED, popcount) == plain  # areas and delays alone


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
