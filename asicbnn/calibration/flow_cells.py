"""Whether a run of a flow was in the cells of a technology, by the words of the flow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from asicbnn.calibration.flow_runs import FlowRun
from asicbnn.errors import Problem, SpecError
from asicbnn.technology.library import names

_CALLED: Final = {
    "sky130hd": ("sky130hd", "sky130_fd_sc_hd"),
    "ihp_sg13g2": ("ihp-sg13g2", "sg13g2_stdcell"),
    "asap7": ("asap7",),
}
"""Shipped technologies, as OpenROAD-flow-scripts' platforms and LibreLane's libraries call them."""
_SITES: Final = {
    "sky130hd": ("unithd",), "ihp_sg13g2": ("CoreSite",), "asap7": ("asap7sc7p5t",),
}  # fmt: skip
"""The site of their rows: PLACE_SITE of either flow."""


def why_not(run: FlowRun, technology: str) -> str:
    """Say why a run is not of a shipped technology, "" if it may be."""
    if technology not in names():
        return ""
    if run.cells and _known(run.cells) != technology:
        return f"of {run.cells}, not of {technology}"
    sites = _SITES.get(technology)
    if sites and run.sites and run.sites.isdisjoint(sites):
        found = ", ".join(sorted(run.sites))
        return f"its rows are of {found}, those of {technology} of {sites[0]}"
    return ""


def check_alike(runs: Sequence[FlowRun], technology: str, folder: str) -> None:
    """Raise SpecError if runs for a technology of the user's own are of several libraries."""
    found = {_known(run.cells): run for run in runs if run.cells}
    if len(found) > 1:
        which = ", ".join(sorted(found))
        raise SpecError(
            Problem(
                f"the runs are of several libraries, {which}; {technology} is one",
                folder,
                help="give the folder of the runs of one of them",
            )
        )


def _known(cells: str) -> str:
    """Return the shipped technology that a flow means, else its own words."""
    for technology, words in _CALLED.items():
        if cells in words:
            return technology
    return cells.replace("-", "_")


__all__ = ["check_alike", "why_not"]
