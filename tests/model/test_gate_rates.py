"""The factor of the clock's energy is of what stands in a netlist, and a netlist has no tree."""

from __future__ import annotations

from dataclasses import replace

import pytest

from asicbnn.model.costs import costs
from asicbnn.model.rate_errors import calibrated, tree_share
from asicbnn.spec import load
from asicbnn.spec.accelerator import with_changes
from asicbnn.technology import library
from asicbnn.technology.calibration import CLOCK
from asicbnn.technology.schema import CalibrationEntry, CalibrationFactor

FACTOR, SPREAD = 0.8, 0.1


@pytest.mark.parametrize("gating", ["none", "register"])
def test_the_clocks_factor_leaves_the_tree_alone(gating):
    accelerator = with_changes(load("arch_specs/tiny.yaml"), {"clock_gating": gating})
    technology = library.load(accelerator.technology)
    energy = CalibrationFactor(factor=FACTOR, spread=SPREAD, points=9, source="test")
    known = replace(technology, calibration={CLOCK: CalibrationEntry(energy=energy)})
    table = costs(accelerator, technology, "cell").rates_of[1]
    for before, after in zip(table, calibrated(table, known, "sliced"), strict=True):
        if before.part != CLOCK:
            assert after == before
            continue
        tree_fj = before.energy_fj * tree_share(technology)
        own_fj = before.energy_fj - tree_fj
        assert after.energy_fj == pytest.approx(tree_fj + FACTOR * own_fj)
        assert after.level == "gate"
        errors = dict([(after.origin, after.relative_error), *after.also])
        assert errors["clock tree"] * after.energy_fj == pytest.approx(
            before.relative_error * before.energy_fj
        )
        assert errors["calibrated energy of clock"] * after.energy_fj == pytest.approx(
            SPREAD * FACTOR * own_fj
        )
