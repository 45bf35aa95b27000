"""Calibrate a technology on gates: map the grid, fit the factors, judge them on the other half."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from asicbnn.calibration import opensta
from asicbnn.calibration.energy_measurement import (
    EnergyMeasurement,
    energy_points,
    measure_energies,
)
from asicbnn.calibration.factors import Fit, fit
from asicbnn.calibration.flop_mapping import mapped_flop_um2
from asicbnn.calibration.grid import grid
from asicbnn.calibration.measurement import Measurement, measure_all
from asicbnn.calibration.residuals import Metric, Residual, Summary, summary
from asicbnn.calibration.synthesis import Flow, Form, flow
from asicbnn.errors import Problem, SpecError
from asicbnn.technology.factor_entries import CalibrationEntry, CalibrationFactor
from asicbnn.technology.liberty import Library
from asicbnn.technology.library import Technology

METRICS: tuple[Metric, ...] = ("area", "delay", "energy")
_SAME = 0.01
"""Relative difference of an area up to which a cell of the library is the technology's."""
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
    count = _Counter(len(points) + len(played), progress)
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
        files=tuple(f"{each.name} ({each.sha256[:12]})" for each in prepared.library.files),
        notes=(*notes, *_composed(prepared)),
    )


class _Counter:
    """Tells a progress bar of every design that is done."""

    def __init__(self, total: int, progress: Callable[[int, int], None]) -> None:
        self.done, self.total, self.progress = 0, total, progress
        progress(0, total)

    def __call__(self, _: object) -> None:
        self.done += 1
        self.progress(self.done, self.total)


def tools_of(prepared: Flow) -> str:
    """Name what maps and times."""
    timer = "OpenSTA" if opensta.is_installed() else "the NLDM calculation of asicbnn"
    return f"{prepared.yosys.version}, longest paths by {timer}"


def _composed(prepared: Flow) -> list[str]:
    return [
        f"the library has no {adder.replace('_', ' ')}: it is mapped as the gates the model "
        "composes it of"
        for adder in prepared.adders.composed
    ]


def matched(technology: Technology, library: Library) -> tuple[str, ...]:
    """Say how the files belong to the technology; SpecError if they do not.

    The voltage and the temperature must be the technology's, and its cells must be there with
    their areas. A file whose hash the technology's sources name is said to be the very one.
    """
    given = ", ".join(each.name for each in library.files)
    own = technology.nominal
    for what, wanted, found, unit in (
        ("voltage", own.voltage_v, library.voltage_v, "V"),
        ("temperature", own.temperature_c, library.temperature_c, "C"),
    ):
        if wanted != found:
            raise SpecError(
                Problem(
                    f"{given}: {what} {found:g} {unit}, but {technology.name} holds figures of "
                    f"{wanted:g} {unit}",
                    help="give the Liberty files of the corner the technology was made of",
                )
            )
    strange = list(_strange(own, library))
    if strange:
        raise SpecError(
            Problem(
                f"{given}: not the library of {technology.name}: {'; '.join(strange[:3])}",
                help=f"give the files {technology.name} was made of, or import these with "
                "asicbnn technology import",
            )
        )
    text = " ".join(technology.sources.values())
    unnamed = [f.name for f in library.files if f.sha256[:12] not in text]
    if not unnamed:
        return ("every Liberty file has the hash the technology names",)
    names = ", ".join(unnamed)
    return (f"{technology.name} names no hash of {names}: matched by corner, cells and areas",)


def _strange(technology: Technology, library: Library) -> list[str]:
    said = []
    for role, cell in technology.cells.items():
        if cell.composed:
            continue
        found = library.cells.get(cell.composition)
        if found is None:
            said.append(f"there is no {cell.composition}, its {role}")
        elif abs(found.area_um2 / cell.area_um2 - 1) > _SAME:
            said.append(f"{cell.composition} has {found.area_um2:g} um2, not {cell.area_um2:g}")
    return said


__all__ = ["METRICS", "Calibration", "calibrate", "matched", "tools_of"]
