"""One estimated or simulated design point: what came out, at which level, and how surely.

Model, hardware, sweep and report speak of a design point only through this value; what it can be
measured by is stated in `metrics.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from asicbnn.levels import LEVELS, RESULT_LEVELS, Level, ResultLevel
from asicbnn.metrics import (
    BANDED,
    METRICS,
    PART_COLUMNS,
    PARTS,
    error_column,
    error_columns,
    parts_of,
)
from asicbnn.units import quantity

if TYPE_CHECKING:
    import pandas as pd


class Uncovered(Protocol):
    """What a result needs to know of a layer the machine cannot execute."""

    @property
    def name(self) -> str: ...
    @property
    def op(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def weights(self) -> int: ...
    @property
    def macs(self) -> int: ...


def checked(values: Mapping[str, float], owner: str) -> Mapping[str, int | float]:
    """Return metric values as plain Python numbers, read-only and in the table's order.

    Raises ValueError for a name outside `METRICS`, a count that is no integer, and NaN or infinity:
    each of them is a defect of whoever computed the value, and is caught where it was made.
    """
    _check_names(values, owner)
    clean: dict[str, int | float] = {}
    for name, metric in METRICS.items():
        if name not in values:
            continue
        value = values[name]
        if not math.isfinite(value):
            raise ValueError(f"{owner}: {name} must be finite, not {value}")
        if metric.is_count:
            if value != int(value):
                raise ValueError(f"{owner}: {name} must be a whole number, not {value}")
            clean[name] = int(value)
        else:
            clean[name] = float(value)
    return MappingProxyType(clean)


def _check_names(values: Mapping[str, object], owner: str) -> None:
    if unknown := values.keys() - METRICS.keys():
        raise ValueError(f"{owner}: no such metric: {', '.join(sorted(unknown))}")


def checked_errors(errors: Mapping[str, float], owner: str) -> Mapping[str, float]:
    """Return the relative errors of metrics as plain numbers, read-only, without exact ones.

    Raises ValueError for a name outside `METRICS`, a negative or infinite error and NaN, and for a
    count that is said to be uncertain.
    """
    _check_names(errors, owner)
    for name, error in errors.items():
        if not 0 <= error < math.inf:
            raise ValueError(f"{owner}: the error of {name} must be finite and >= 0, not {error}")
        if error and METRICS[name].is_count:
            raise ValueError(f"{owner}: {name} is counted and has no error, not {error}")
    return MappingProxyType({name: float(error) for name, error in errors.items() if error})


def _in_short(metrics: Mapping[str, int | float]) -> str:
    """Return cycles and energy, or how much else there is, for a line in a notebook."""
    units = (("cycles", "1"), ("energy_fj", "fJ"))
    said = [(name, quantity(metrics[name], unit)) for name, unit in units if name in metrics]
    words = [f"{text} cycles" if name == "cycles" else text for name, text in said]
    return ", ".join(words) or f"{len(metrics)} metrics"


@dataclass(frozen=True, repr=False)
class LayerResult:
    """The metrics of one layer.

    errors  metric -> relative error; one that is absent is exact
    """

    name: str
    metrics: Mapping[str, int | float]
    errors: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        owner = f"layer {self.name}"
        object.__setattr__(self, "metrics", checked(self.metrics, owner))
        object.__setattr__(self, "errors", checked_errors(self.errors, owner))

    def __repr__(self) -> str:
        return f"LayerResult({self.name}: {_in_short(self.metrics)})"

    def to_json(self) -> dict[str, Any]:
        """Return the layer's entry in the JSON of a result."""
        return {"name": self.name, **self.metrics, "errors": dict(self.errors)}

    def __reduce__(self) -> tuple[Any, ...]:  # a read-only mapping does not pickle
        return LayerResult, (self.name, dict(self.metrics), dict(self.errors))


@dataclass(frozen=True, repr=False)
class Result:
    """One design point: an accelerator, a workload, a technology and what came out.

    totals       metric -> value over the executed layers
    not_covered  layers the machine cannot execute: in no total, always listed
    flags        sentences about assumed or scaled figures and their bands
    breakdowns   further splits, name -> part -> value (the paths behind `period_ps`, say)
    level        what the whole was estimated at: cell, gate or routed
    levels       metric -> the level its figures come from (`levels.level_of_sum`)
    errors       metric -> relative error (`levels.interval`); one that is absent is exact
    """

    accelerator: str
    workload: str
    technology: str
    version: str
    totals: Mapping[str, int | float]
    layers: tuple[LayerResult, ...] = ()
    not_covered: tuple[Uncovered, ...] = ()
    flags: tuple[str, ...] = ()
    breakdowns: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    level: ResultLevel = "cell"
    levels: Mapping[str, Level] = field(default_factory=dict)
    errors: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        owner = f"{self.accelerator}, {self.workload}"
        if self.level not in RESULT_LEVELS:
            raise ValueError(
                f"{owner}: level must be one of {', '.join(RESULT_LEVELS)}, not {self.level}"
            )
        if strange := set(self.levels.values()) - LEVELS.keys():
            raise ValueError(f"{owner}: no such level: {', '.join(sorted(strange))}")
        _check_names(self.levels, owner)
        splits = {}
        for name, split in self.breakdowns.items():
            if bad := [part for part, value in split.items() if not math.isfinite(value)]:
                raise ValueError(f"{owner}: {name} of {bad[0]} must be finite")
            splits[name] = MappingProxyType({k: float(v) for k, v in split.items()})
        object.__setattr__(self, "totals", checked(self.totals, owner))
        object.__setattr__(self, "layers", tuple(self.layers))
        object.__setattr__(self, "not_covered", tuple(self.not_covered))
        object.__setattr__(self, "flags", tuple(self.flags))
        object.__setattr__(self, "breakdowns", MappingProxyType(splits))
        object.__setattr__(self, "levels", MappingProxyType(dict(self.levels)))
        object.__setattr__(self, "errors", checked_errors(self.errors, owner))

    def __repr__(self) -> str:
        return f"Result({', '.join(self.point.values())}: {_in_short(self.totals)})"

    def __reduce__(self) -> tuple[Any, ...]:
        splits = {name: dict(split) for name, split in self.breakdowns.items()}
        return Result, (
            self.accelerator, self.workload, self.technology, self.version, dict(self.totals),
            self.layers, self.not_covered, self.flags, splits, self.level, dict(self.levels),
            dict(self.errors),
        )  # fmt: skip

    @property
    def point(self) -> dict[str, str]:
        """What names the design point: accelerator, workload, technology."""
        return {
            "accelerator": self.accelerator,
            "workload": self.workload,
            "technology": self.technology,
        }

    def to_frame(self, *, errors: bool = False) -> pd.DataFrame:
        """One row per layer: the design point, `level`, `layer`, and a column per metric.

        errors  add `<metric>_error`, the relative errors
        """
        import pandas as pd

        rows = [
            {
                **self.point, "level": self.level, "layer": layer.name, **layer.metrics,
                **(error_columns(layer.errors, layer.metrics) if errors else {}),
            }
            for layer in self.layers
        ]  # fmt: skip
        return pd.DataFrame(rows)

    def totals_frame(self, *, errors: bool = False) -> pd.DataFrame:
        """One row: the design point, `level` and a column per metric (errors: see `to_frame`)."""
        import pandas as pd

        added = error_columns(self.errors, self.totals) if errors else {}
        return pd.DataFrame([{**self.point, "level": self.level, **self.totals, **added}])

    def parts_frame(self) -> pd.DataFrame:
        """One row per part that has energy or area: kind, level, operand, energy_fj, area_um2."""
        import pandas as pd

        return pd.DataFrame(list(parts_of(self.totals)), columns=list(PART_COLUMNS))

    def to_json(self, verb: str = "estimate") -> dict[str, Any]:
        """Return the object that `--json` prints; `result_schema` describes it."""
        return {
            "schema": f"asicbnn.{verb}/1",
            **self.point,
            "version": self.version,
            "totals": dict(self.totals),
            "layers": [layer.to_json() for layer in self.layers],
            "not_covered": [uncovered_json(layer) for layer in self.not_covered],
            "flags": list(self.flags),
            "level": self.level,
            "levels": dict(self.levels),
            "errors": dict(self.errors),
            "breakdowns": {name: dict(split) for name, split in self.breakdowns.items()},
            "problems": [],
        }


def uncovered_json(layer: Uncovered) -> dict[str, Any]:
    """Return one layer that is not covered as JSON."""
    return {
        "name": layer.name,
        "op": layer.op,
        "reason": layer.reason,
        "weights": int(layer.weights),
        "macs": int(layer.macs),
    }


def result_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of what every verb prints with `--json`."""
    metrics = {
        metric.name: {
            "type": "integer" if metric.is_count else "number",
            "description": f"{metric.description} [{metric.unit}]",
        }
        for metric in METRICS.values()
    }
    errors = {
        "description": "relative error of each metric that has one; the value lies between "
        "value / (1 + error) and value * (1 + error)",
        **_closed({name: {"type": "number", "exclusiveMinimum": 0} for name in metrics}),
    }
    levels = _closed({name: {"enum": list(LEVELS)} for name in metrics})
    text = {"type": "string"}
    texts = {"type": "array", "items": text}
    uncovered: dict[str, Any] = {"name": text, "op": text, "reason": text}
    uncovered |= {name: {"type": "integer", "minimum": 0} for name in ("weights", "macs")}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Result of an asicbnn verb",
        "type": "object",
        "required": ["schema", "version", "problems"],
        "properties": {
            "schema": {"type": "string", "pattern": "^asicbnn\\.[a-z_]+/1$"},
            "accelerator": text,
            "workload": text,
            "technology": text,
            "version": text,
            "totals": _closed(metrics),
            "layers": {
                "type": "array",
                "items": _closed({"name": text, **metrics, "errors": errors}, ["name"]),
            },
            "level": {"enum": list(RESULT_LEVELS)},
            "levels": levels,
            "errors": errors,
            "not_covered": {"type": "array", "items": _closed(uncovered, list(uncovered))},
            "flags": texts,
            "breakdowns": {
                "type": "object",
                "additionalProperties": {
                    "type": "object",
                    "additionalProperties": {"type": "number"},
                },
            },
            "problems": {"type": "array", "items": {"type": "object"}},
        },
    }


def _closed(properties: dict[str, Any], required: list[str] | None = None) -> dict[str, Any]:
    """Return an object schema that admits exactly these properties."""
    return {
        "type": "object",
        "properties": properties,
        "required": required or [],
        "additionalProperties": False,
    }


__all__ = [
    "BANDED", "METRICS", "PARTS", "PART_COLUMNS", "LayerResult", "Result", "Uncovered", "checked",
    "checked_errors", "error_column", "error_columns", "parts_of", "result_schema",
    "uncovered_json",
]  # fmt: skip
