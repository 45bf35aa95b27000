"""The factor of the clock's energy is of what stands in a netlist, and a netlist has no tree."""

from __future__ import annotations

from dataclasses import replace

import pytest

from asicbnn.model.clock_tree import is_of_tree
from asicbnn.model.costs import costs
from asicbnn.model.rate_errors import calibrated
from asicbnn.spec import load
from asicbnn.spec.accelerator import with_changes
from asicbnn.technology import library
from asicbnn.technology.calibration import CLOCK
from asicbnn.technology.factor_entries import CalibrationEntry, CalibrationFactor

FACTOR, SPREAD = 0.8, 0.1


@pytest.mark.parametrize("gating", ["none", "register"])
def test_the_clocks_factor_leaves_the_tree_alone(gating):
    accelerator = with_changes(load("arch_specs/tiny.yaml"), {"clock_gating": gating})
    technology = library.load(accelerator.technology)
    energy = CalibrationFactor(factor=FACTOR, spread=SPREAD, points=9, source="test")
    known = replace(technology, calibration={CLOCK: CalibrationEntry(energy=energy)})
    plain = replace(technology, digest="plain", calibration={})
    table = costs(accelerator, plain, "cell").rates_of[1]
    found = calibrated(table, known, accelerator)
    for before, after in zip(table, found, strict=True):
        if before.part != CLOCK or is_of_tree(before):
            assert after == before
            continue
        assert after.energy_fj == pytest.approx(FACTOR * before.energy_fj)
        assert (after.level, after.relative_error) == ("gate", SPREAD)
        assert after.origin == "calibrated energy of clock"
