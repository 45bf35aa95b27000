"""Wires inside blocks held against placed accelerators: as tables, as a page and as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from asicbnn.calibration.wire_factors import WireCalibration, WireFit
from asicbnn.calibration.wire_measurement import WireMeasurement
from asicbnn.report.factor_page import csv_of, factor_page
from asicbnn.report.style import plain
from asicbnn.report.tables import add, plain_table
from asicbnn.technology.placed_wires import wires_error

_HEADINGS: Final = (
    "wires driven by", "designs", "factor", "spread", "error", "judged", "mean error", "worst",
    "inside",
)  # fmt: skip
_PLACED: Final = ("design", "cells", "core mm2", "nets", "wire per net um", "in spacings")
_WRITTEN_BY: Final = (
    "Written by `asicbnn calibrate {technology} --placed`; what is changed here by hand is lost. "
    "What the columns mean: [floorplan](../floorplan.md), Placed accelerators."
)
_UM2_PER_MM2 = 1e6


def _row(fit: WireFit) -> tuple[str, ...]:
    errors = [abs(error) for error in fit.judged]
    told = ("0", "", "", "")
    if errors:
        mean = math.fsum(errors) / len(errors)
        told = (str(len(errors)), f"{mean:.0%}", f"{max(errors):.0%}", f"{fit.inside:.0%}")
    return (
        plain(fit.structure), str(len(fit.samples)), f"{fit.factor:.2f}", f"{fit.spread:.0%}",
        f"{wires_error(fit.spread):.0%}", *told,
    )  # fmt: skip


def _placed(each: WireMeasurement) -> tuple[str, ...]:
    nets = sum(each.nets.values())
    mean_um = math.fsum(each.wire_um.values()) / nets
    spacings = mean_um / math.sqrt(each.core_um2 / nets)
    core_mm2 = each.core_um2 / _UM2_PER_MM2
    return (
        each.point.name, f"{each.cells:,}", f"{core_mm2:.3g}", f"{nets:,}", f"{mean_um:.3g}",
        f"{spacings:.1f}",
    )  # fmt: skip


def wire_tables(found: WireCalibration) -> RenderableType:
    """Return what a terminal shows: a line per factor, a line per design, where they are from."""
    title = f"wires of {found.technology}, placed over the law of open designs"
    factors = plain_table(title, _HEADINGS, words=1)
    for fit in found.fits:
        add(factors, *_row(fit))
    designs = plain_table("placed accelerators", _PLACED, words=1)
    for each in found.measurements:
        add(designs, *_placed(each))
    told = Text(f"{found.source}.\nwall time {found.seconds:.0f} s")
    return Group(factors, Text(), designs, Text(), told)


def residual_csv(found: WireCalibration) -> str:
    """Return every residual as a row of CSV, energies of a step in fJ."""
    return csv_of(_rows(found))


def _rows(found: WireCalibration) -> Iterator[dict[str, str | float | int]]:
    for fit in found.fits:
        for sample in fit.samples:
            yield {
                "structure": fit.structure, "design": sample.point.name, "raw_fj": sample.raw_fj,
                "estimated_fj": fit.factor * sample.raw_fj, "placed_fj": sample.placed_fj,
                "relative_error": fit.factor / sample.ratio - 1,
                "half": "fitted" if sample.is_fitted else "judged",
            }  # fmt: skip


def wire_page(found: WireCalibration, table: str) -> str:
    """Return the page of one technology.

    table  file name of the residuals
    """
    return factor_page(
        f"Wires of placed accelerators in {found.technology}",
        _WRITTEN_BY.format(technology=found.technology), found.source, found.seconds, table,
        (_HEADINGS, [_row(fit) for fit in found.fits]),
        (_PLACED, [_placed(each) for each in found.measurements]),
    )  # fmt: skip


def as_json(found: WireCalibration) -> dict[str, Any]:
    """Return factors and residuals as a JSON object."""
    return {
        "technology": found.technology,
        "source": found.source,
        "seconds": found.seconds,
        "factors": [
            {
                "structure": fit.structure, "factor": fit.factor, "spread": fit.spread,
                "inside": fit.inside if fit.judged else None,
            }
            for fit in found.fits
        ],
        "residuals": list(_rows(found)),
    }  # fmt: skip


__all__ = ["as_json", "residual_csv", "wire_page", "wire_tables"]
