"""Longest paths of the hardware that is built, by the gates its nets become.

The delays are those of `hardware/arrivals.py` with the technology's cells, adders first scaled by
what they are slower than the gates around, which mapping shortens; then times the factor that
static timing of mapped accelerators gave for the path: one for the popcount, one for all others.
A popcount with registers inside is as long as its longest stage.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache

from asicbnn.model.area import structural
from asicbnn.spec.accelerator import Accelerator
from asicbnn.technology.calibration import (
    adder_delay_factor,
    delay_factor,
    popcount_delay_factor,
)
from asicbnn.technology.cells import ROLES
from asicbnn.technology.library import Technology
from asicbnn.technology.popcount import PathDelay

POPCOUNT = ("array", "popcount register")
COUNTED = "popcount"
"""Name of the path through the popcount."""
_NAMES: Mapping[tuple[str, str], str] = {
    POPCOUNT: COUNTED,
    ("array", "accumulate"): "accumulate",
    ("array", "padded taps"): "padded taps",
    ("array", "compare"): "threshold",
    ("output", ""): "output",
    ("sequencer", ""): "address",
}
"""Names of paths by where they end; others are named after the component."""
_ADDERS = ("full_adder", "half_adder")


def settled_ps(
    accelerator: Accelerator, technology: Technology, adders: float = 1.0
) -> Mapping[str, float]:
    """Longest path by name as the block is written, without the factor [ps].

    Found once for designs that differ in what changes no gate, such as the dataflow.

    technology  at the accelerator's operating point
    adders      what the delays of full and half adders are scaled by
    """
    return _settled_ps(structural(accelerator), technology, adders)


@lru_cache(maxsize=256)
def _settled_ps(
    accelerator: Accelerator, technology: Technology, adders: float
) -> Mapping[str, float]:
    from asicbnn.hardware.arrivals import GateDelays, settling_ps
    from asicbnn.hardware.structure import logic_machine

    own = technology.cells
    scale = {role: adders if role in _ADDERS else 1.0 for role in ROLES}
    delays = GateDelays(
        delay_ps={role: own[role].delay_fo4_ps * scale[role] for role in ROLES},
        carry_delay_ps={role: own[role].carry_delay_fo4_ps * scale[role] for role in ROLES},
        input_load={
            role: own[role].input_capacitance_ff / technology.inverter_capacitance_ff
            for role in ROLES
        },
        fo4_ps=technology.fo4_delay_ps,
        setup_ps=technology.setup_ps,
    )
    paths: dict[str, float] = {}
    for end, at in settling_ps(logic_machine(accelerator), delays).items():
        name = _NAMES.get(end, end[0])
        paths[name] = max(at, paths.get(name, 0.0))
    return paths


def built_paths(accelerator: Accelerator, technology: Technology) -> dict[str, PathDelay]:
    """Return the paths of an accelerator at gate level by name.

    Raises ModelError for a technology without a calibrated delay.
    """
    popcount = accelerator.array.popcount.structure
    others, own = delay_factor(technology, popcount), popcount_delay_factor(technology, popcount)
    moved = technology.moved_by.delay_error
    paths = {}
    for name, at in settled_ps(accelerator, technology, adder_delay_factor(technology)).items():
        factor = own if name == COUNTED else others
        paths[name] = PathDelay(at * factor.factor, math.hypot(factor.spread, moved), ())
    return paths


__all__ = ["COUNTED", "built_paths", "settled_ps"]
