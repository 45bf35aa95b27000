"""Level gate: areas and paths with the factors of a calibrated technology."""

from __future__ import annotations

from dataclasses import replace

import pytest

from asicbnn.errors import ModelError
from asicbnn.model.area import area, decoded_cells, holding_multiplexers
from asicbnn.model.built_paths import built_paths, settled_ps
from asicbnn.model.costs import costs
from asicbnn.model.estimate import reachable
from asicbnn.model.rate_errors import calibrated, component_of
from asicbnn.model.timing import timing
from asicbnn.spec import load
from asicbnn.spec.accelerator import with_changes
from asicbnn.technology.calibration import COMPONENTS, STRUCTURES, kept_cells
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
    cells, holding = decoded_cells(tiny), holding_multiplexers(tiny)
    for name in COMPONENTS:
        key = f"array_{popcount}" if name == "array" else name
        kept = CALIBRATED.area_um2(kept_cells(cells[name], holding[name]))
        whole = CALIBRATED.area_um2(cells[name])
        expected = (kept + FACTORS[key] * (whole - kept)) * FACTORS[f"accelerator_{popcount}"]
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
    kept = {
        name: CALIBRATED.leakage_nw(kept_cells(cells, holding_multiplexers(tiny)[name]))
        for name, cells in decoded_cells(tiny).items()
    }
    for name, component in area(tiny, CALIBRATED).components.items():
        assert 0 < component.leakage_nw < area(tiny, PLAIN).components[name].leakage_nw
        assert component.leakage_nw > 0.3 * kept[name]


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
