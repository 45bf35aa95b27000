"""A network over the supply voltage, as a table."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from asicbnn.model.voltage import VoltageCurve, VoltagePoint
from asicbnn.report.tables import add, plain_table
from asicbnn.units import quantity


def voltage_table(curve: VoltageCurve) -> RenderableType:
    """Return the curve with its minimum marked, and a sentence on each end."""
    first = curve.points[0].result
    title = f"{first.accelerator} runs {first.workload} in {first.technology}, by supply voltage"
    headings = ["V", "clock", "latency", "energy per inference", "+-", "power", "leakage", ""]
    table = plain_table(title, headings, words=0)
    table.columns[-1].justify = "left"
    for point in curve.points:
        add(table, *_row(point, curve))
    return Group(table, Text(_ends(curve)))


def _row(point: VoltagePoint, curve: VoltageCurve) -> tuple[str, ...]:
    totals = point.result.totals
    error = point.result.errors.get("energy_per_inference_uj", 0.0)
    marks = ["nominal"] if point.voltage_v == curve.nominal_v else []
    marks += ["least energy"] if point is curve.minimum else []
    return (
        f"{point.voltage_v:.3f}",
        quantity(totals["clock_mhz"], "MHz"),
        quantity(totals["latency_ms"], "ms"),
        quantity(totals["energy_per_inference_uj"], "uJ"),
        f"{error:.0%}",
        quantity(totals["power_mw"], "mW"),
        f"{point.leakage_fraction:.1%}",
        ", ".join(marks),
    )


def _ends(curve: VoltageCurve) -> str:
    lowest = f"lowest voltage {curve.points[0].voltage_v:g} V: {curve.lower_end}"
    if curve.is_at_lower_end:
        return f"{lowest}\nenergy still falls there: the voltage of least energy lies below"
    return lowest


__all__ = ["voltage_table"]
