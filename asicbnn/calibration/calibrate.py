"""Calibrate a technology on gates: map the grid, fit the factors, judge them on the other half."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from asicbnn.calibration.energy_measurement import (
    EnergyMeasurement,
    energy_points,
    measure_energies,
)
from asicbnn.calibration.factors import Fit, fit
from asicbnn.calibration.flop_mapping import mapped_flop_um2
from asicbnn.calibration.grid import grid
from asicbnn.calibration.library_match import matched, named_files
from asicbnn.calibration.measurement import Measurement, measure_all, tools_of
from asicbnn.calibration.residuals import Metric, Residual, Summary, summary
from asicbnn.calibration.synthesis import Flow, Form, flow
from asicbnn.calibration.tally import Tally
from asicbnn.errors import SpecError
from asicbnn.technology.factor_entries import CalibrationEntry, CalibrationFactor
from asicbnn.technology.library import Technology

METRICS: tuple[Metric, ...] = ("area", "delay", "energy")
_LEAST = 4


@dataclass(frozen=True)
class Calibration:
    """A technology held against gates.

    form       of the datapath       tools     what mapped and timed
    seconds    wall time             designs   of the grid
    files      Liberty files and the start of their SHA-256
    notes      what is peculiar about the library or the match
    """

    technology: str
    form: Form
    measurements: tuple[Measurement, ...]
    energies: tuple[EnergyMeasurement, ...]
    fitted: Fit
    seconds: float
    tools: str
    files: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def designs(self) -> int:
        return len(self.measurements)

    @property
    def entries(self) -> Mapping[str, CalibrationEntry]:
        return self.fitted.entries

    @property
    def residuals(self) -> tuple[Residual, ...]:
        return self.fitted.residuals

    def factors(self) -> list[tuple[str, Metric, CalibrationFactor]]:
        """Return every factor with its structure and metric."""
        return [
            (structure, metric, factor)
            for structure, entry in self.entries.items()
            for metric in METRICS
            if (factor := getattr(entry, metric)) is not None
        ]

    def summaries(self) -> list[Summary]:
        """Return what the residuals of each factor come to."""
        found = (
            summary(self.residuals, structure, metric, factor.factor, factor.spread)
            for structure, metric, factor in self.factors()
        )
        return [each for each in found if each is not None]

    @property
    def source(self) -> str:
        """What the technology file says of where its factors are from."""
        composed = sum(m.is_composed for m in self.measurements)
        return (
            f"asicbnn calibrate: {self.designs} accelerators mapped with {self.tools} in the form "
            f"{self.form}, {composed} of them composed, runs in three dataflows played on gates "
            f"of {len(self.energies)}; fitted on every second one; Liberty "
            f"{', '.join(self.files)}"
        )


def calibrate(
    technology: Technology,
    paths: Sequence[Path],
    *,
    form: Form = "adder_cells",
    subset: int | None = None,
    energy: bool = True,
    jobs: int = 1,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Calibration:
    """Map accelerators of the grid to a library and fit the factors of its technology.

    paths   the Liberty files the technology was made of
    subset  how many designs of the grid, the smallest first; None takes all
    energy  play runs on the gates of every design that is mapped as it is

    Raises SpecError for files that are not this technology's or cannot be mapped to,
    EnvironmentProblem for a Yosys that is missing or fails.
    """
    if subset is not None and subset < _LEAST:
        raise SpecError(f"a calibration takes at least {_LEAST} designs, not {subset}")
    started = time.perf_counter()
    prepared = flow(list(paths))
    notes = matched(technology, prepared.library)
    points = grid()[:subset]
    played = energy_points(points) if energy else ()
    count = Tally(len(points) + len(played), progress)
    measured = measure_all(prepared, points, form, jobs, count)
    energies = measure_energies(prepared, played, technology, form, jobs, count) if played else []
    return Calibration(
        technology=technology.name,
        form=form,
        measurements=tuple(measured),
        energies=tuple(energies),
        fitted=fit(
            technology,
            measured,
            energies,
            flop_um2=mapped_flop_um2(prepared, form),
            keeps_adders=form == "adder_cells",
        ),
        seconds=time.perf_counter() - started,
        tools=tools_of(prepared),
        files=named_files(prepared.library),
        notes=(*notes, *_composed(prepared)),
    )


def _composed(prepared: Flow) -> list[str]:
    return [
        f"the library has no {adder.replace('_', ' ')}: it is mapped as the gates the model "
        "composes it of"
        for adder in prepared.adders.composed
    ]


__all__ = ["METRICS", "Calibration", "calibrate"]
