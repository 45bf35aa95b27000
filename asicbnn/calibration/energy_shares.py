"""The model's energy by what mapped gates can be held against: each component, and the clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from asicbnn.hardware.structure import COMPONENTS
from asicbnn.model.energy import Rate, terms_fj
from asicbnn.model.rate_errors import component_of, tree_share
from asicbnn.technology.calibration import CLOCK
from asicbnn.technology.library import Technology

SHARES = (*COMPONENTS, CLOCK)
"""What the energy of the logic is divided into; the clock's is that of all components."""


def modelled_fj(
    rates: Iterable[Rate], counts: Mapping[str, float], technology: Technology
) -> dict[str, float]:
    """Return the model's energy of some events, by share [fJ].

    Of the clock only what its pins and cells take: no clock tree is in a mapped netlist.
    """
    found = dict.fromkeys(SHARES, 0.0)
    for (part, term), energy in terms_fj(rates, counts).items():
        share = CLOCK if part == CLOCK else component_of(part, term)
        if share is not None:
            found[share] += energy
    found[CLOCK] *= 1 - tree_share(technology)
    return found
