"""Memories of cells held against gates: as tables, as a page and as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from asicbnn.calibration.memory_factors import (
    KINDS,
    READS,
    UNITS,
    Fitted,
    MemoryCalibration,
    Multiples,
)
from asicbnn.report.factor_page import Table, csv_of, factor_page
from asicbnn.report.style import plain
from asicbnn.report.tables import add, plain_table

_HEADINGS: Final = (
    "rows", "metric", "memories", "gates/cells", "factor", "spread", "judged", "mean error",
    "worst", "inside",
)  # fmt: skip
_WRITTEN_BY: Final = (
    "Written by `asicbnn calibrate {technology} --memories`; what is changed here by hand is lost. "
    "What the columns mean: [calibration](../calibration.md), Memories of cells."
)


def _row(fit: Fitted) -> tuple[str, ...]:
    errors = [abs(error) for error in fit.judged]
    raw = math.fsum(s.measured / s.raw for s in fit.samples) / len(fit.samples)
    memories = len({sample.memory for sample in fit.samples})
    return (
        fit.kind, plain(fit.metric), str(memories), f"{raw:.3f}",
        _factors(fit.multiples), f"{fit.spread:.1%}",
        str(len(errors)), f"{math.fsum(errors) / len(errors):.1%}", f"{max(errors):.1%}",
        f"{fit.inside:.0%}",
    )  # fmt: skip


def _factors(multiples: Multiples) -> str:
    """Return the factors of all terms; of those that go by words the range."""
    shown = [f"{factor:.3f}" for factor in multiples.factors]
    shown += [f"{min(each):.2f}-{max(each):.2f}" for each in multiples.by_words]
    return " and ".join(shown)


def _by_words(found: MemoryCalibration) -> Table:
    """Return the factors of reads that go by the number of words, the same for both rows."""
    reads = [fit for fit in found.fits if fit.metric in READS and fit.kind == KINDS[0]]
    words = sorted({n for fit in reads for n in fit.multiples.words})
    return ("factors by words", *(f"{n}" for n in words)), [
        (f"{plain(fit.metric)}: {term}", *_in_row(words, fit.multiples.words, each))
        for fit in reads
        for term, each in zip(("addresses", "columns"), fit.multiples.by_words, strict=True)
    ]


def _in_row(
    words: Sequence[int], own: Sequence[int], factors: Sequence[float]
) -> Iterator[str]:
    known = dict(zip(own, factors, strict=True))
    yield from (f"{known[n]:.3f}" if n in known else "" for n in words)


def memory_tables(found: MemoryCalibration) -> RenderableType:
    """Return what a terminal shows: a line per factor, then where it is from."""
    table = plain_table(f"memories of cells of {found.technology} on gates", _HEADINGS, words=2)
    for fit in found.fits:
        add(table, *_row(fit))
    return Group(table, Text(), Text(f"{found.source}."), Text(f"wall time {found.seconds:.0f} s"))


def residual_csv(found: MemoryCalibration) -> str:
    """Return every residual as a row of CSV: areas in um2, energies in fJ, times in ps, nW."""
    return csv_of(_rows(found))


def _rows(found: MemoryCalibration) -> Iterator[dict[str, str | float | int]]:
    for fit in found.fits:
        for s in fit.samples:
            yield {
                "rows": fit.kind, "metric": fit.metric, "unit": UNITS[fit.metric],
                "words": s.memory.words, "word_bits": s.memory.bits,
                "written_bits": s.memory.data_bits, "order": s.order, "raw": s.raw,
                "estimated": s.estimated(fit.multiples), "measured": s.measured,
                "relative_error": fit.error(s), "half": "fitted" if s.is_fitted else "judged",
            }  # fmt: skip


def memory_page(found: MemoryCalibration, table: str) -> str:
    """Return the page of one technology.

    table  file name of the residuals
    """
    return factor_page(
        f"Memories of cells of {found.technology} on gates",
        _WRITTEN_BY.format(technology=found.technology), found.source, found.seconds, table,
        (_HEADINGS, [_row(fit) for fit in found.fits]), _by_words(found),
    )  # fmt: skip


def as_json(found: MemoryCalibration) -> dict[str, Any]:
    """Return factors and residuals as a JSON object."""
    return {
        "technology": found.technology,
        "source": found.source,
        "seconds": found.seconds,
        "factors": [
            {
                "rows": fit.kind, "metric": fit.metric, "factors": list(fit.multiples.factors),
                "words": list(fit.multiples.words), "by_words": list(fit.multiples.by_words),
                "spread": fit.spread, "inside": fit.inside,
            }
            for fit in found.fits
        ],
        "residuals": list(_rows(found)),
    }  # fmt: skip


__all__ = ["as_json", "memory_page", "memory_tables", "residual_csv"]
