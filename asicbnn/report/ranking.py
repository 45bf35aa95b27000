"""A ranking of accelerators as tables and as JSON: taus, picks, and every pair of energies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from asicbnn.calibration.ranking import Ranked, ranking
from asicbnn.report.tables import add, plain_table

_HEADINGS: Final = ("network", "accelerators", "tau", "tau of logic", "pick", "best", "pick costs")


def ranking_tables(technology: str, ranked: Sequence[Ranked]) -> RenderableType:
    """Return a line per network, and what was held against what."""
    table = plain_table(f"{technology}: estimates against gates and macros", _HEADINGS, words=1)
    for row in ranking(ranked):
        add(
            table, row.network, str(row.accelerators), f"{row.tau:.3f}", f"{row.logic_tau:.3f}",
            row.pick, row.best, f"+{row.regret:.1%}",
        )  # fmt: skip
    off = [abs(x.estimated_uj / x.gates_uj - 1) for x in ranked]
    logic = [abs(x.estimated_logic_uj / x.gates_logic_uj - 1) for x in ranked]
    said = (
        f"energy of an image is off by {max(off):.1%} at most, logic and clock in it by "
        f"{max(logic):.1%}; memories, links, leakage and the clock tree are the model's on both "
        "sides"
    )
    return Group(table, Text(), Text(said))


def as_json(technology: str, ranked: Sequence[Ranked]) -> dict[str, Any]:
    """Return a ranking as a JSON object."""
    return {
        "technology": technology,
        "ranking": [asdict(row) for row in ranking(ranked)],
        "ranked": [asdict(row) for row in ranked],
    }


__all__ = ["as_json", "ranking_tables"]
