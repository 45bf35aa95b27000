"""The tables of a simulation: what the hardware counted over all images, priced, and per image."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from asicbnn.report.results import LAYER_COLUMNS, layers, summary
from asicbnn.report.tables import COUNTED, add, not_covered, notes
from asicbnn.result import METRICS, Result
from asicbnn.units import quantity


def simulation(result: Result, images: int, batch: int, accuracy: float | None) -> RenderableType:
    """Return what the hardware did while it ran images: classes, cycles, accesses, energy.

    result  sums over all images
    batch   images in the store at once
    """
    count = "1 image" if images == 1 else f"{images:,} images"
    title = f"{result.accelerator} ran {count} of {result.workload}, cycle by cycle"
    together = f", {batch} at a time" if batch > 1 else ""
    shown: list[RenderableType] = [Text(title + together, "bold")]
    if accuracy is not None:
        shown.append(Text(f"{accuracy:.4f} of them classified as labelled"))
    whole = summary(result)
    whole.title = Text(f"{count} in {result.technology}")
    if images > 1:
        _add_means(whole, result, images)
    shown += [Text(), whole]
    if images > 1:
        shown += [Text(), Text(f"every figure below is a sum over {count}")]
    shown += [Text(), layers(result, LAYER_COLUMNS, "layers")]
    for name, columns in COUNTED:
        shown += [Text(), layers(result, columns, name)]
    if result.not_covered:
        shown += [Text(), not_covered(result.not_covered)]
    if result.flags:
        shown += [Text(), notes(result.flags)]
    return Group(*shown)


def _add_means(table: Table, result: Result, images: int) -> None:
    """Add the cycles, the time and the energy of the mean image."""
    label = "per image"
    for name in ("cycles", "latency_ms", "energy_fj"):
        metric = METRICS[name]
        error = result.errors.get(name, 0.0)
        value = quantity(result.totals[name] / images, metric.unit, error)
        add(table, Text(label, "dim"), metric.title, value)
        label = ""
