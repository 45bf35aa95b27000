"""A ranking of accelerators as tables, as a page and as JSON: taus, picks, pairs of energies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from asicbnn.calibration.ranking import Ranked, Ranking, ranking
from asicbnn.report.factor_page import csv_of, markdown_table
from asicbnn.report.tables import add, plain_table

_WRITTEN_BY: Final = (
    "Written by `asicbnn calibrate {technology} --rank`; what is changed here by hand is lost. "
    "What was held against what: [gate energy](../gate_energy.md), Rank."
)
_HEADINGS: Final = ("network", "accelerators", "tau", "tau of logic", "pick", "best", "pick costs")


def ranking_tables(technology: str, ranked: Sequence[Ranked]) -> RenderableType:
    """Return a line per network, and what was held against what."""
    table = plain_table(f"{technology}: estimates against gates and macros", _HEADINGS, words=1)
    for row in ranking(ranked):
        add(table, *_cells(row))
    return Group(table, Text(), Text(_off(ranked)))


def _cells(row: Ranking) -> tuple[str, ...]:
    return (
        row.network, str(row.accelerators), f"{row.tau:.3f}", f"{row.logic_tau:.3f}",
        row.pick, row.best, f"+{row.regret:.1%}",
    )  # fmt: skip


def _off(ranked: Sequence[Ranked]) -> str:
    off = [abs(x.estimated_uj / x.gates_uj - 1) for x in ranked]
    logic = [abs(x.estimated_logic_uj / x.gates_logic_uj - 1) for x in ranked]
    return (
        f"energy of an image is off by {max(off):.1%} at most, logic and clock in it by "
        f"{max(logic):.1%}; memories, links, leakage and the clock tree are the model's on both "
        "sides"
    )


def ranking_csv(ranked: Sequence[Ranked]) -> str:
    """Return every pair of energies as a row of CSV, in uJ an image."""
    return csv_of(asdict(row) for row in ranked)


def ranking_page(technology: str, ranked: Sequence[Ranked], figure: str, table: str) -> str:
    """Return the page of one technology.

    figure, table  names of the files of the drawing and the pairs of energies beside it
    """
    said = _off(ranked)
    lines = [
        f"# Rank of accelerators in {technology}", "",
        _WRITTEN_BY.format(technology=technology), "",
        f"{said[0].upper()}{said[1:]}.", "",
        f"![Estimates against gates]({figure})", "",
        f"Every pair of energies: [{table}]({table}).", "",
        *markdown_table((_HEADINGS, [_cells(row) for row in ranking(ranked)])), "",
    ]  # fmt: skip
    return "\n".join(lines)


def as_json(technology: str, ranked: Sequence[Ranked]) -> dict[str, Any]:
    """Return a ranking as a JSON object."""
    return {
        "technology": technology,
        "ranking": [asdict(row) for row in ranking(ranked)],
        "ranked": [asdict(row) for row in ranked],
    }


__all__ = ["as_json", "ranking_csv", "ranking_page", "ranking_tables"]
