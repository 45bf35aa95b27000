"""The model's energy by what mapped gates can be held against: parts of the logic, the clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from asicbnn.model.clock_tree import is_of_tree
from asicbnn.model.energy import Rate
from asicbnn.model.gate_terms import GateRate, gate_rates
from asicbnn.model.rate_errors import component_of
from asicbnn.spec.accelerator import Accelerator
from asicbnn.technology.calibration import CLOCK, SWITCHING

SHARES = (*SWITCHING, CLOCK)
"""What the energy of the logic is divided into; the clock's is that of all components."""

Terms = Mapping[str, float]
"""Energy by what its factor goes by [fJ]."""


def modelled_fj(
    rates: Iterable[Rate], counts: Mapping[str, float]
) -> dict[str, float]:
    """Return the model's energy of some events at level cell, by share [fJ].

    Of the clock only what its pins and cells take: no clock tree is in a mapped netlist.
    """
    terms, _ = _by_term((GateRate(rate.term, rate) for rate in rates), counts)
    return {share: sum(some.values()) for share, some in terms.items()}


def modelled_terms_fj(
    rates: Iterable[Rate], accelerator: Accelerator, counts: Mapping[str, float]
) -> tuple[dict[str, Terms], dict[str, Terms]]:
    """Return the same by share and term, and beside it what gates may add to it."""
    return _by_term(gate_rates(rates, accelerator), counts)


def _by_term(
    rates: Iterable[GateRate], counts: Mapping[str, float]
) -> tuple[dict[str, Terms], dict[str, Terms]]:
    own: dict[str, dict[str, float]] = {share: {} for share in SHARES}
    added: dict[str, dict[str, float]] = {share: {} for share in SHARES}
    for each in rates:
        rate = each.rate
        share = CLOCK if rate.part == CLOCK else component_of(rate.part, rate.term)
        if share is None or is_of_tree(rate):
            continue
        found = (added if each.added else own)[share]
        name = CLOCK if share == CLOCK else each.name
        found[name] = found.get(name, 0.0) + counts[rate.event] * rate.energy_fj
    return dict(own), dict(added)


__all__ = ["SHARES", "Terms", "modelled_fj", "modelled_terms_fj"]
