"""The model's energy by what mapped gates can be held against: each component, and the clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from asicbnn.hardware.structure import COMPONENTS
from asicbnn.model.clock_tree import is_of_tree
from asicbnn.model.energy import Rate, terms_fj
from asicbnn.model.rate_errors import component_of
from asicbnn.technology.calibration import CLOCK

SHARES = (*COMPONENTS, CLOCK)
"""What the energy of the logic is divided into; the clock's is that of all components."""


def modelled_fj(
    rates: Iterable[Rate], counts: Mapping[str, float]
) -> dict[str, float]:
    """Return the model's energy of some events, by share [fJ].

    Of the clock only what its pins and cells take: no clock tree is in a mapped netlist.
    """
    found = dict.fromkeys(SHARES, 0.0)
    mapped = (rate for rate in rates if not is_of_tree(rate))
    for (part, term), energy in terms_fj(mapped, counts).items():
        share = CLOCK if part == CLOCK else component_of(part, term)
        if share is not None:
            found[share] += energy
    return found
