"""The fits `calibrate` chooses between: what each runs, shows, writes and draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from asicbnn.cli.fitting import Fit

if TYPE_CHECKING:
    from asicbnn.calibration.calibrate import Calibration
    from asicbnn.calibration.memory_factors import MemoryCalibration
    from asicbnn.calibration.ranking import Ranked
    from asicbnn.calibration.routed_section import RoutedFit
    from asicbnn.calibration.wire_factors import WireCalibration
    from asicbnn.technology.library import Technology

AnyFit: TypeAlias = (
    "Fit[Calibration] | Fit[MemoryCalibration] | Fit[WireCalibration] | Fit[RoutedFit] "
    "| Fit[tuple[str, Sequence[Ranked]]]"
)


class DatapathForm(StrEnum):
    """How the datapath is mapped."""

    adder_cells = "adder_cells"
    remapped = "remapped"


def gates(
    liberty: Sequence[Path],
    form: DatapathForm,
    subset: int | None,
    jobs: int,
    formats: Sequence[str],
    *,
    energy: bool,
) -> Fit[Calibration]:
    """Return the fit to mapped accelerators.

    formats  of the figure
    """
    from asicbnn.calibration.calibrate import calibrate as run
    from asicbnn.calibration.gates_section import with_calibration
    from asicbnn.report import calibration as shown

    def reported(found: Calibration, folder: Path) -> Sequence[Path]:
        from asicbnn.report.calibration_plot import calibration as draw
        from asicbnn.report.style import save

        stem = folder / f"{found.technology}_{found.form}"
        drawn = save(draw(found), stem, formats)
        written = _page(
            stem,
            shown.residual_csv(found),
            lambda table: shown.calibration_page(found, drawn[0].name, table),
        )
        return (*written, *drawn)

    return Fit(
        lambda known, progress: run(
            known, liberty, form=form.value, subset=subset, energy=energy, jobs=jobs,
            progress=progress,
        ),
        "accelerators",
        shown.calibration_tables,
        shown.as_json,
        lambda text, path, found: with_calibration(text, path, found.entries, found.source),
        reported,
    )  # fmt: skip


def memories(liberty: Sequence[Path], subset: int | None, jobs: int) -> Fit[MemoryCalibration]:
    """Return the fit to mapped memories of latches and flip-flops."""
    from asicbnn.calibration.gates_section import with_cell_memories
    from asicbnn.calibration.memory_factors import calibrate_memories as run
    from asicbnn.report import memory_calibration as shown

    return Fit(
        lambda known, progress: run(known, liberty, subset=subset, jobs=jobs, progress=progress),
        "memories",
        shown.memory_tables,
        shown.as_json,
        lambda text, path, found: with_cell_memories(text, path, found.entries(), found.source),
        lambda found, folder: _page(
            folder / f"{found.technology}_memories",
            shown.residual_csv(found),
            lambda table: shown.memory_page(found, table),
        ),
    )


def placed(liberty: Sequence[Path], subset: int | None, jobs: int) -> Fit[WireCalibration]:
    """Return the fit to wires of placed accelerators."""
    from asicbnn.calibration.gates_section import with_placed_wires
    from asicbnn.calibration.wire_factors import calibrate_wires as run
    from asicbnn.report import wire_calibration as shown

    return Fit(
        lambda known, progress: run(known, liberty, subset=subset, jobs=jobs, progress=progress),
        "placed accelerators",
        shown.wire_tables,
        shown.as_json,
        lambda text, path, found: with_placed_wires(text, path, found.entries(), found.source),
        lambda found, folder: _page(
            folder / f"{found.technology}_placed",
            shown.residual_csv(found),
            lambda table: shown.wire_page(found, table),
        ),
    )


def ranked(
    liberty: Sequence[Path], formats: Sequence[str]
) -> Fit[tuple[str, Sequence[Ranked]]]:
    """Return the ranking of accelerators by estimates and by gates, which fits nothing.

    formats  of the figure
    """
    from asicbnn.calibration.ranking import rank_all
    from asicbnn.report import ranking as shown

    def reported(found: tuple[str, Sequence[Ranked]], folder: Path) -> Sequence[Path]:
        from asicbnn.report.ranking_plot import ranking_figure
        from asicbnn.report.style import save

        technology, some = found
        stem = folder / f"{technology}_rank"
        drawn = save(ranking_figure(some), stem, formats)
        written = _page(
            stem,
            shown.ranking_csv(some),
            lambda table: shown.ranking_page(technology, some, drawn[0].name, table),
        )
        return (*written, *drawn)

    return Fit(
        lambda known, progress: (known.name, rank_all(known, liberty, progress)),
        "accelerators",
        lambda ranked: shown.ranking_tables(*ranked),
        lambda ranked: shown.as_json(*ranked),
        lambda text, _, __: text,  # nothing is fitted
        reported,
    )


def routed(folder: Path, target: Path | None) -> Fit[RoutedFit]:
    """Return the fit to finished runs of a flow in a folder.

    target  the file that will be written, as JSON names it
    """
    from asicbnn.calibration.flow_metrics import read_runs
    from asicbnn.calibration.routed_section import fit_runs, with_routed_section
    from asicbnn.report import routed_fit as shown

    def run(known: Technology, _: Callable[[int, int], None]) -> RoutedFit:
        found = read_runs(folder, known.name)
        return fit_runs(known, found.designs, found.left_out)

    return Fit(
        run, "runs", shown.as_tables, lambda fit: shown.as_json(fit, target),
        with_routed_section,
    )  # fmt: skip


def _page(stem: Path, residuals: str, page: Callable[[str], str]) -> Sequence[Path]:
    """Write a page and the residuals, whose file it links to by name."""
    from asicbnn.replacing import write_text

    table = write_text(stem.with_name(f"{stem.name}.csv"), residuals)
    return write_text(stem.with_name(f"{stem.name}.md"), page(table.name)), table


__all__ = ["AnyFit", "DatapathForm", "gates", "memories", "placed", "ranked", "routed"]
