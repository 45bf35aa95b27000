"""The delay of wires: repeated lines between blocks, and wire that loads cells inside them.

Equations, sources and validity: docs/models/floorplan.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from asicbnn.technology.library import Technology
from asicbnn.technology.routed_designs import wire_laws

_NOTHING: Mapping[str, float] = MappingProxyType({})
_PS_PER_OHM_FF: Final = 1e-3
_FO4: Final = 4


@dataclass(frozen=True)
class WireDelays:
    """What wires do to paths and accesses, by the names of `timing.Timing.paths_ps`.

    factors   a path's delay grows by these, since its cells drive wire
    added_ps  and by these, since its operands travel
    factor_error, added_error  relative errors of what either adds
    """

    factors: Mapping[str, float] = field(default_factory=lambda: _NOTHING)
    added_ps: Mapping[str, float] = field(default_factory=lambda: _NOTHING)
    factor_error: float = 0.0
    added_error: float = 0.0

    def of(self, path: str, delay_ps: float) -> tuple[float, float]:
        """Return what wires add to a path of a delay, and how much of that is uncertain [ps]."""
        slower, added = delay_ps * (self.factors.get(path, 1.0) - 1), self.added_ps.get(path, 0.0)
        return slower + added, slower * self.factor_error + added * self.added_error


def repeated_ps(technology: Technology, length_um: float) -> float:
    """Delay of a wire with repeaters where they are best [ps].

    A repeater of drive R and input C every l of a wire of R_w and C_w per length takes, per length,
    R C (1 + p) / l + R C_w + R_w C_w l / 2 + R_w C. The best size and l leave
    (2 + sqrt(2 (1 + p))) sqrt(R C R_w C_w), and R C = FO4 / (4 + p).

    A technology that states no resistance of its wires gets no delay here, and says so.
    """
    parasitic = wire_laws().inverter_parasitic
    drive_ps = technology.fo4_delay_ps / (_FO4 + parasitic)
    ohm = technology.wire_ohm_per_um or 0.0
    wire_ps = ohm * technology.wire_ff(1.0) * _PS_PER_OHM_FF  # per um^2
    slope = 2 + math.sqrt(2 * (1 + parasitic))
    return slope * math.sqrt(drive_ps * wire_ps) * length_um


def fanout_ps(technology: Technology, sinks: int) -> float:
    """Delay of a tree of buffers from one output to many inputs: an FO4 for each factor of 4."""
    return technology.fo4_delay_ps * math.log(max(1, sinks), wire_laws().stage_effort)


def loaded(technology: Technology, length_um: float) -> float:
    """Return how many times slower cells are that drive so much wire each.

    Wire on an output takes the drive resistance times its capacitance, FO4 C / ((4 + p) C_inv);
    cells are full adders, as in all paths here, with their delay at an FO4 load.
    """
    extra = technology.fo4_delay_ps * technology.wire_ff(length_um)
    extra /= (_FO4 + wire_laws().inverter_parasitic) * technology.inverter_capacitance_ff
    return 1 + extra / technology.cell("full_adder").delay_fo4_ps


__all__ = ["WireDelays", "fanout_ps", "loaded", "repeated_ps"]
