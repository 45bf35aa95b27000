"""The model's energy by what mapped gates can be held against: each component, and the clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from asicbnn.hardware.structure import COMPONENTS
from asicbnn.model.energy import Rate, terms_fj
from asicbnn.technology.cells import Cells
from asicbnn.technology.library import Technology

CLOCK = "clock"
SHARES = (*COMPONENTS, CLOCK)
"""What the energy of the logic is divided into; the clock's is that of all components."""

_COMPONENT_OF: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("post", "threshold register"): "array",
        ("post", "output"): "output",
        ("array", "weight register"): "registers",
        ("array", "input register"): "registers",
        ("control", "sequencer"): "sequencer",
        ("control", "configuration"): "controller",
        ("control", "controller"): "controller",
    }
)
_COMPONENT_OF_PART = {"array": "array", "dma": "dma"}


def share_of(part: str, term: str) -> str | None:
    """Return the component a term of the energy is spent in, None if it is not the logic's."""
    if part == CLOCK:
        return CLOCK
    return _COMPONENT_OF.get((part, term), _COMPONENT_OF_PART.get(part))


def modelled_fj(
    rates: Iterable[Rate], counts: Mapping[str, float], technology: Technology
) -> dict[str, float]:
    """Return the model's energy of some events, by share [fJ].

    Of the clock only what its pins and cells take: no clock tree is in a mapped netlist.
    """
    found = dict.fromkeys(SHARES, 0.0)
    for (part, term), energy in terms_fj(rates, counts).items():
        if (share := share_of(part, term)) is not None:
            found[share] += energy
    found[CLOCK] *= _without_tree(technology)
    return found


def _without_tree(technology: Technology) -> float:
    """Share of a flip-flop's clock energy that is not the clock tree's."""
    whole = technology.clock_energy_fj_per_cycle(Cells(flop=1))
    return 1 - technology.clock_tree_energy_fj_per_sink / whole
