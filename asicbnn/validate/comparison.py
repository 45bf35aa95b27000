"""Predicted against published: one row per figure and layer, and what to make of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

from asicbnn.levels import Level, interval
from asicbnn.model.assumptions import assumptions
from asicbnn.units import figure
from asicbnn.validate.facts import Chip, Published
from asicbnn.validate.predictions import Prediction
from asicbnn.validate.scopes import SCOPE_TITLES

Judgement = Literal["count", "ratio", "absolute"]
Verdict = Literal["equal", "differs", "within", "beyond", "inside", "outside", "not predicted"]

RATIO_TOLERANCE: Final = 0.20
"""How far a ratio may be off in which the technology cancels."""

UNITS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "steps": "step",
        "ops_per_cycle": "op/cycle",
        "cycles": "cycle",
        "energy_uj": "uJ",
        "energy_fj_per_op": "fJ/op",
        "area_mm2": "mm2",
        "power_mw": "mW",
        "clock_mhz": "MHz",
        "energy_share": "1",
        "voltage_ratio": "1",
        "system_ratio": "1",
    }
)
TITLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "steps": "steps",
        "ops_per_cycle": "operations per cycle",
        "cycles": "cycles",
        "energy_uj": "energy per inference",
        "energy_fj_per_op": "energy per operation",
        "area_mm2": "area",
        "power_mw": "power",
        "clock_mhz": "clock",
        "energy_share": "share of a layer in the energy",
        "voltage_ratio": "energy per operation, ratio of two voltages",
        "system_ratio": "energy per operation, network over peak",
    }
)
_JUDGEMENTS: Final[Mapping[str, Judgement]] = MappingProxyType(
    {
        "steps": "count",
        "ops_per_cycle": "count",
        "cycles": "ratio",
        "energy_share": "ratio",
        "voltage_ratio": "ratio",
        "system_ratio": "ratio",
    }
)
MISSES: Final = frozenset({"differs", "beyond", "outside", "not predicted"})
_TOPS_PER_W_FJ = 1e3
"""1 op per fJ is 1000 TOPS/W."""


@dataclass(frozen=True)
class Row:
    """A published figure beside its prediction.

    layer      "" for a figure of the whole     factor  predicted over published
    level      where the prediction's figures come from (`levels.LEVELS`)
    reason     why there is no prediction, if there is none
    """

    chip: str
    figure: Published
    layer: str
    published: float
    kind: str
    predicted: float | None = None
    relative_error: float = 0.0
    level: Level = "counted"
    notes: tuple[str, ...] = ()
    reason: str = ""

    @property
    def quantity(self) -> str:
        """What is compared."""
        return self.figure.quantity

    @property
    def judgement(self) -> Judgement:
        """How it is judged: equal counts, ratios within a tolerance, values inside their band."""
        return _JUDGEMENTS.get(self.quantity, "absolute")

    @property
    def factor(self) -> float | None:
        """Predicted over published."""
        return None if self.predicted is None else self.predicted / self.published

    @property
    def band(self) -> tuple[float, float] | None:
        """Least and largest value expected by the prediction's own error."""
        return None if self.predicted is None else interval(self.predicted, self.relative_error)

    @property
    def is_inside(self) -> bool:
        """True if the published figure lies in the band of the prediction."""
        if self.band is None:
            return False
        low, high = self.band
        return low <= self.published and (self.figure.is_upper_bound or self.published <= high)

    @property
    def verdict(self) -> Verdict:
        """Whether the prediction holds, by its judgement."""
        if self.predicted is None or self.factor is None:
            return "not predicted"
        if self.judgement == "count":
            return "equal" if self.predicted == self.published else "differs"
        if self.judgement == "ratio":
            off, bounded = self.factor - 1, self.figure.is_upper_bound
            holds = off <= RATIO_TOLERANCE and (bounded or off >= -RATIO_TOLERANCE)
            return "within" if holds else "beyond"
        return "inside" if self.is_inside else "outside"

    @property
    def is_miss(self) -> bool:
        """True if the prediction does not hold, or there is none."""
        return self.verdict in MISSES

    @property
    def warning(self) -> str:
        """A sentence if the predicted efficiency is beyond anything digital; else empty."""
        if self.predicted is None or self.quantity != "energy_fj_per_op":
            return ""
        efficiency, scope = _TOPS_PER_W_FJ / self.predicted, self.figure.scope
        known = assumptions()
        is_datapath = scope in ("datapath", "buffers")
        record = (
            known.datapath_record_tops_per_w if is_datapath else known.efficiency_record_tops_per_w
        )
        if efficiency <= record.value:
            return ""
        return (
            f"{self.chip}: {efficiency:,.0f} TOPS/W of the {SCOPE_TITLES[scope]} is hard to "
            f"believe: {record.note}"
        )

    @property
    def discussion(self) -> str:
        """What the chip's file says of a miss, with the figures filled in; empty if it is none."""
        if not self.is_miss or self.predicted is None:
            return self.reason
        given = {"predicted": self.predicted, "published": self.published, "factor": self.factor}
        words = {name: figure(float(f"{value:.3g}")) for name, value in given.items() if value}
        return self.figure.miss.format_map(words)

    def to_json(self) -> dict[str, Any]:
        """Return the row as printed with `--json`; what there is not has no key."""
        row: dict[str, Any] = {
            "chip": self.chip,
            "quantity": self.quantity,
            "unit": UNITS[self.quantity],
            "scope": self.figure.scope,
            "kind": self.kind,
            "confidence": self.figure.confidence,
            "published": self.published,
            "is_upper_bound": self.figure.is_upper_bound,
            "judgement": self.judgement,
            "verdict": self.verdict,
            **{k: v for k, v in self.figure.at.model_dump().items() if v is not None},
            "notes": list(self.notes),
        }
        if self.figure.changes:
            row["changes"] = dict(self.figure.changes)
        if self.layer:
            row["layer"] = self.layer
        if self.predicted is not None and self.band is not None:
            row |= {"predicted": self.predicted, "factor": self.factor}
            row |= {"low": self.band[0], "high": self.band[1], "level": self.level}
        if self.discussion:
            row["discussion"] = self.discussion
        return row


def rows_of(chip: Chip, figure: Published, predictions: Mapping[str, Prediction]) -> Iterable[Row]:
    """Yield a row per value of a figure."""
    for layer, value in figure.values.items():
        found = predictions[layer]
        yield Row(
            chip.name, figure, layer, value, figure.kind or chip.kind, found.value,
            found.relative_error, found.level, found.notes,
        )  # fmt: skip


def unpredicted(chip: Chip, figure: Published, reason: str) -> Iterable[Row]:
    """Yield the rows of a figure that the machine or a model does not reach."""
    kind = figure.kind or chip.kind
    for layer, value in figure.values.items():
        yield Row(chip.name, figure, layer, value, kind, reason=reason)


__all__ = [
    "MISSES", "RATIO_TOLERANCE", "TITLES", "UNITS", "Judgement", "Row",
    "Verdict", "rows_of", "unpredicted",
]  # fmt: skip
