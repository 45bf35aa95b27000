"""Calibrate the wires inside blocks: place accelerators, fit half of them, judge the other half."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from asicbnn.calibration import placement
from asicbnn.calibration.grid import GridPoint
from asicbnn.calibration.library_match import matched, named_files
from asicbnn.calibration.synthesis import flow
from asicbnn.calibration.tally import Tally
from asicbnn.calibration.wire_measurement import WireMeasurement, measure_all_wires
from asicbnn.technology.factor_entries import PlacedWires
from asicbnn.technology.library import Technology
from asicbnn.technology.placed_wires import PARTS, wires_key
from asicbnn.technology.popcount_entries import STRUCTURES as POPCOUNTS
from asicbnn.technology.routing import fitted

SOURCE = "placed_accelerators"
_FITTED = (
    ("sliced", 4, 16, 0), ("tree", 4, 32, 1), ("sliced", 8, 32, 2), ("tree", 8, 32, 0),
    ("sliced", 4, 64, 0), ("tree", 16, 16, 1), ("sliced", 16, 32, 1), ("tree", 8, 64, 2),
)  # fmt: skip
_JUDGED = (
    ("sliced", 8, 16, 1), ("tree", 8, 16, 0), ("sliced", 4, 32, 1), ("tree", 4, 64, 2),
    ("sliced", 16, 16, 0), ("tree", 16, 32, 2), ("sliced", 8, 64, 0), ("tree", 4, 128, 1),
)  # fmt: skip


def wire_grid() -> tuple[GridPoint, ...]:
    """Return the designs that are placed: fitted and judged ones in turn."""
    pairs = zip(_FITTED, _JUDGED, strict=True)
    return tuple(GridPoint(*point) for pair in pairs for point in pair)


@dataclass(frozen=True)
class WireSample:
    """Wires of a structure in one design: energy of a step, without the factor and placed [fJ]."""

    point: GridPoint
    raw_fj: float
    placed_fj: float
    is_fitted: bool

    @property
    def ratio(self) -> float:
        """Placed over the law's."""
        return self.placed_fj / self.raw_fj


@dataclass(frozen=True)
class WireFit:
    """The factor of one structure, and how the designs lie about it.

    spread  another design lies within factor / (1 + spread) and factor x (1 + spread)
    """

    structure: str
    factor: float
    spread: float
    samples: tuple[WireSample, ...]

    @property
    def judged(self) -> tuple[float, ...]:
        """Relative errors of the designs that were not fitted."""
        return tuple(self.factor / s.ratio - 1 for s in self.samples if not s.is_fitted)

    @property
    def inside(self) -> float:
        """Share of the judged designs within the spread."""
        width = math.log1p(self.spread)
        return sum(abs(math.log1p(error)) <= width for error in self.judged) / len(self.judged)


@dataclass(frozen=True)
class WireCalibration:
    """Wires of a technology held against placed accelerators; `seconds` is wall time."""

    technology: str
    measurements: tuple[WireMeasurement, ...]
    fits: tuple[WireFit, ...]
    seconds: float
    tools: str
    files: tuple[str, ...]

    @property
    def source(self) -> str:
        """What the technology file says of where its factors are from."""
        return (
            f"asicbnn calibrate --placed: {len(self.measurements)} accelerators mapped and placed "
            f"with {self.tools} and played with cell delays, every second one fitted; Liberty "
            f"{', '.join(self.files)}"
        )

    def entries(self) -> dict[str, PlacedWires]:
        """Return the section of the technology file."""
        return {
            fit.structure: PlacedWires(
                factor=fit.factor, spread=fit.spread, source=SOURCE,
                points=sum(sample.is_fitted for sample in fit.samples),
            )
            for fit in self.fits
        }  # fmt: skip


def calibrate_wires(
    technology: Technology,
    paths: Sequence[Path],
    *,
    subset: int | None = None,
    jobs: int = 1,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> WireCalibration:
    """Place accelerators in a library and fit the factors of its wires.

    paths   the Liberty files the technology was made of
    subset  how many designs, the first of `wire_grid`; None takes all

    Raises what `calibrate` raises, and EnvironmentProblem without a placer.
    """
    started = time.perf_counter()
    placer = placement.version()
    prepared = flow(list(paths))
    matched(technology, prepared.library)
    points = wire_grid()[:subset]
    count = Tally(len(points), progress)
    measured = tuple(measure_all_wires(prepared, points, technology, jobs, count))
    seconds = time.perf_counter() - started
    return WireCalibration(
        technology.name, measured, fit_wires(measured), seconds,
        f"{prepared.yosys.version} and {placer}", named_files(prepared.library),
    )  # fmt: skip


def fit_wires(measured: Sequence[WireMeasurement]) -> tuple[WireFit, ...]:
    """Fit a factor to each structure that the first of each pair of designs has.

    The geometric mean of placed over the law's, and Student's band for one more design. Arrays of
    either popcount scatter alike about means of their own.
    """
    found: dict[str, list[WireSample]] = {}
    for number, each in enumerate(measured):
        for part in PARTS:
            structure = wires_key(part, each.point.structure)
            is_fitted = number % 2 == 0
            sample = WireSample(each.point, each.model_fj[part], each.placed_fj[part], is_fitted)
            found.setdefault(structure, []).append(sample)
    return tuple(_fit(structure, found) for structure in _order() if structure in found)


def _order() -> dict[str, None]:
    return dict.fromkeys(wires_key(part, each) for part in PARTS for each in POPCOUNTS)


def _fit(structure: str, found: Mapping[str, Sequence[WireSample]]) -> WireFit:
    ratios = {
        name: [sample.ratio for sample in samples if sample.is_fitted]
        for name, samples in found.items()
    }
    part = structure.partition("_")[0]
    alike = [
        some for name, some in ratios.items() if name != structure and name.startswith(f"{part}_")
    ]
    factor = fitted(ratios[structure], alike)
    return WireFit(structure, factor.value, factor.relative_error, tuple(found[structure]))


__all__ = [
    "SOURCE", "WireCalibration", "WireFit", "WireSample", "calibrate_wires", "fit_wires",
    "wire_grid",
]  # fmt: skip
