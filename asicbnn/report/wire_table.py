"""The wires of an estimate at level routed: how long they are, and what they take of the energy."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Table

from asicbnn.model.energy import WIRES
from asicbnn.report.tables import add, plain_table
from asicbnn.result import PARTS, Result
from asicbnn.units import figure

_UM_PER_MM = 1e3
_INSIDE = "inside "
_WIRED = ("logic", "link")
_CLOCK = ("clock tree", "clock tree wires")
_LEAVES = " leaves"


def wires(result: Result) -> Table | None:
    """Return a table of nets, longest first; None for a result without a floorplan.

    Nets between blocks have a term of energy of their own name; those inside blocks the terms that
    end in `wires`.
    """
    lengths = result.breakdowns.get("wire_um")
    if not lengths:
        return None
    energies = result.breakdowns["energy_terms_fj"]
    whole = sum(energies.values())
    headings = ["nets", "length [mm]", "share of energy"]
    table = plain_table("wires of the floorplan", headings)
    for name, um in sorted(lengths.items(), key=lambda item: -item[1]):
        share = _energy_fj(name, energies) / whole if whole else 0.0
        add(table, name, figure(um / _UM_PER_MM), f"{share:.3f}")
    return table


def _energy_fj(name: str, energies: Mapping[str, float]) -> float:
    """Energy of the nets of one name [fJ]; of the clock with its buffers."""
    if name == "clock":
        return sum(
            fj for term, fj in energies.items()
            if term in _CLOCK or (term.startswith("clock ") and term.endswith(_LEAVES))
        )  # fmt: skip
    if name.startswith(_INSIDE):
        part = name.removeprefix(_INSIDE)
        return sum(
            fj for term, fj in energies.items()
            if term.startswith(f"{part} ") and term.endswith(WIRES) and term not in _CLOCK
        )  # fmt: skip
    return sum(
        fj for term, fj in energies.items()
        if term.partition(" ")[2] == name and PARTS[term.partition(" ")[0]].kind in _WIRED
    )  # fmt: skip


__all__ = ["wires"]
