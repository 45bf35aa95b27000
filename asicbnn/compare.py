"""Dataflows side by side: the same accelerator and network under each order of loops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from asicbnn import __version__
from asicbnn.errors import MappingError, NothingCoveredError, SpecError
from asicbnn.levels import ResultLevel, ratio_error
from asicbnn.mapping.dataflow import DATAFLOWS
from asicbnn.model.arguments import accelerator_of, check_choice, workload_of
from asicbnn.model.estimate import Objective, estimate
from asicbnn.result import Result, error_columns
from asicbnn.spec.accelerator import Accelerator
from asicbnn.spec.workload import Workload
from asicbnn.technology.library import Technology, load
from asicbnn.units import quantity

if TYPE_CHECKING:
    import pandas as pd

COMPARED = (*DATAFLOWS, "best")
"""Every dataflow, the search over all of them last."""


@dataclass(frozen=True, repr=False)
class Comparison:
    """What each dataflow costs.

    results  dataflow -> result, in the order asked for
    refused  dataflow -> why the network does not fit under it
    """

    results: Mapping[str, Result]
    refused: Mapping[str, str]

    @property
    def ratios(self) -> dict[str, tuple[float, float]]:
        """Dataflow -> its energy over the least of all, and the relative error of that ratio."""
        return energy_ratios(self.results)

    def __repr__(self) -> str:
        first = next(iter(self.results.values()))
        words = [f"{len(self.results)} dataflows"]
        if len(energies := {n: r.totals["energy_fj"] for n, r in self.results.items()}) > 1:
            name = min(energies, key=energies.__getitem__)
            words.append(f"least energy {quantity(energies[name], 'fJ')} under {name}")
        if self.refused:
            words.append(f"{len(self.refused)} refused")
        return f"Comparison({', '.join(first.point.values())}: {', '.join(words)})"

    def to_frame(self, *, errors: bool = False) -> pd.DataFrame:
        """One row per dataflow: what names it, `reason` if it does not fit, every metric.

        errors  add `<metric>_error`, the relative errors
        """
        import pandas as pd

        first = next(iter(self.results.values()))
        point = {**first.point, "level": first.level}
        rows: list[dict[str, Any]] = [
            {
                **point, "dataflow": name, "reason": "", **result.totals,
                **(error_columns(result.errors, result.totals) if errors else {}),
            }
            for name, result in self.results.items()
        ]  # fmt: skip
        rows += [
            {**point, "dataflow": name, "reason": f"does not fit: {reason}"}
            for name, reason in self.refused.items()
        ]
        return pd.DataFrame(rows)

    def to_json(self) -> dict[str, Any]:
        """Return what `--json` prints: a result per dataflow, and a problem per refusal."""
        first = next(iter(self.results.values()))
        return {
            "schema": "asicbnn.compare/1",
            **first.point,
            "version": __version__,
            "dataflows": {name: r.to_json("estimate") for name, r in self.results.items()},
            "energy_ratios": {n: {"ratio": r, "error": e} for n, (r, e) in self.ratios.items()},
            "refused": dict(self.refused),
            "problems": [],
        }


def energy_ratios(results: Mapping[str, Result]) -> dict[str, tuple[float, float]]:
    """Return each result's energy over the least of all, with the relative error of the ratio.

    The results are of one technology, so that errors of one origin are one error and mostly cancel.
    """
    whole = {name: result.totals["energy_fj"] for name, result in results.items()}
    least = min(whole, key=whole.__getitem__)
    errors = {
        name: {o: fj / whole[name] for o, fj in r.breakdowns.get("energy_errors_fj", {}).items()}
        for name, r in results.items()
    }
    return {
        name: (energy / whole[least], ratio_error(errors[name], errors[least]))
        for name, energy in whole.items()
    }


def compare(
    accelerator: Accelerator | Path | str,
    workload: Workload | Path | str,
    *,
    dataflows: Sequence[str] = COMPARED,
    batch: int = 1,
    objective: Objective = "energy",
    technology: Technology | Path | str | None = None,
    level: ResultLevel | None = None,
) -> Comparison:
    """Estimate a network under several dataflows of one accelerator.

    dataflows  by default all named ones and `best`; the other arguments are `estimate`'s

    A dataflow the network does not fit under is listed with the reason. Raises MappingError if
    there is none it fits under.
    """
    machine, network = accelerator_of(accelerator), workload_of(workload)
    if isinstance(dataflows, str) or not dataflows:
        raise SpecError(f"dataflows: expected at least one, in a list, got {dataflows!r}")
    for dataflow in dataflows:
        check_choice("dataflows", dataflow, COMPARED)
    priced = (
        technology if isinstance(technology, Technology) else load(technology or machine.technology)
    )
    results: dict[str, Result] = {}
    refused: dict[str, str] = {}
    for dataflow in dataflows:
        try:
            results[dataflow] = estimate(
                machine, network, dataflow=dataflow, batch=batch, objective=objective,
                technology=priced, level=level,
            )  # fmt: skip
        except NothingCoveredError:  # under no dataflow, then
            raise
        except MappingError as problem:
            refused[dataflow] = str(problem)
    if not results:
        reasons = "\n".join(f"{name}: {reason}" for name, reason in refused.items())
        raise MappingError(f"{network.name} fits under no dataflow\n{reasons}")
    return Comparison(MappingProxyType(results), MappingProxyType(refused))


__all__ = ["COMPARED", "Comparison", "compare", "energy_ratios"]
