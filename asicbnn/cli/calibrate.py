"""The verb that fits a technology to gates, and to what a user's own tools measured."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asicbnn.cli import terminal
from asicbnn.cli.explore import Format
from asicbnn.cli.fitting import Fit, carry_out, target_of
from asicbnn.cli.options import Json, examples, refuse

if TYPE_CHECKING:
    from asicbnn.calibration.calibrate import Calibration
    from asicbnn.calibration.memory_factors import MemoryCalibration
    from asicbnn.calibration.ranking import Ranked
    from asicbnn.calibration.routed_section import RoutedFit
    from asicbnn.calibration.wire_factors import WireCalibration
    from asicbnn.technology.library import Technology

_QUICK = 8


class DatapathForm(StrEnum):
    """How the datapath is mapped."""

    adder_cells = "adder_cells"
    remapped = "remapped"


@terminal.verb
def calibrate(
    technology: Annotated[
        str, typer.Argument(metavar="TECHNOLOGY", help="a technology file, or a shipped name")
    ],
    from_metrics: Annotated[
        Path | None,
        typer.Option(
            "--from-metrics",
            metavar="DIR",
            help="fit placement and routing to the finished LibreLane or OpenROAD runs in DIR",
        ),
    ] = None,
    liberty: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="LIB", help="map the grid to these Liberty files; once for each of them"
        ),
    ] = None,
    form: Annotated[
        DatapathForm, typer.Option(help="adders kept as cells, or taken apart by abc")
    ] = DatapathForm.adder_cells,
    subset: Annotated[
        int | None,
        typer.Option(min=4, metavar="N", help="the N smallest designs of the grid only"),
    ] = None,
    energy: Annotated[
        bool,
        typer.Option(help="play runs on the gates of every second design mapped as it is"),
    ] = True,
    rank: Annotated[
        bool,
        typer.Option("--rank", help="rank 40 accelerators by estimates and by gates; fit nothing"),
    ] = False,
    memories: Annotated[
        bool,
        typer.Option("--memories", help="latch and flip-flop memories in place of accelerators"),
    ] = False,
    placed: Annotated[
        bool,
        typer.Option("--placed", help="wires of placed accelerators in place of gates"),
    ] = False,
    quick: Annotated[bool, typer.Option("--quick", help=f"the same as --subset {_QUICK}")] = False,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="designs at once; one per core if not given")
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="folder for the page, the residuals and the figure"),
    ] = None,
    formats: Annotated[
        list[Format] | None, typer.Option("--format", help="of the figure; default svg")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="file to write; the technology's own if not given"),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="show the factors and write no technology file")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="replace a file that exists")] = False,
    as_json: Json = False,
) -> None:
    """Fit a technology to measurements and write the factors, with their spread, into its file.

    From Liberty files: accelerators are synthesised, and areas, longest paths and the energy of
    runs played on the gates held against the estimates; factors are fitted on every second design
    and judged on the others. A technology with such factors is estimated at level gate. From
    metrics: placement and routing. With --memories, those of latches and flip-flops are mapped and
    played instead, and their factors written. With --placed, accelerators are placed by Coloquinte,
    and the wires inside their blocks have the lengths and the transitions found there.
    """
    if (from_metrics is None) == (not liberty):
        refuse("calibrate needs to know from what: --liberty LIB or --from-metrics DIR")
    if quick and subset is not None:
        refuse("--quick is --subset with a number of its own: give one of the two")
    files, designs = tuple(liberty or ()), _QUICK if quick else subset
    at_once = jobs or os.cpu_count() or 1
    if rank and (from_metrics is not None or output is not None):
        refuse("--rank takes --liberty and writes no file")
    if memories and (from_metrics is not None or form is DatapathForm.remapped):
        refuse("--memories takes --liberty, and no other form than adder_cells")
    if placed and (memories or from_metrics is not None or form is DatapathForm.remapped):
        refuse("--placed takes --liberty, not --memories, and no other form than adder_cells")
    if form is DatapathForm.remapped and from_metrics is None and not dry_run:
        refuse("--form remapped is not what is exported, so its factors are shown only: --dry-run")
    given = {
        "--subset": subset is not None, "--quick": quick, "--no-energy": not energy,
        "--form": form is DatapathForm.remapped, "--report": report is not None,
        "--format": bool(formats), "--jobs": jobs is not None, "--memories": memories,
        "--placed": placed,
    }  # fmt: skip
    _check_used(from_metrics, given, rank=rank)
    if rank:
        carry_out(_rank(files), technology, None, as_json=as_json)
        return
    target = None if dry_run else target_of(technology, output, force=force)
    if from_metrics is not None:
        carry_out(_routed(from_metrics, target), technology, target, as_json=as_json)
        return
    if memories:
        kept = carry_out(_memories(files, designs, at_once), technology, target, as_json=as_json)
        if report is not None:
            _report_memories(kept, report)
        return
    if placed:
        wires = carry_out(_placed(files, designs, at_once), technology, target, as_json=as_json)
        if report is not None:
            _report_placed(wires, report)
        return
    gates = _gates(files, form, designs, at_once, energy=energy)
    found = carry_out(gates, technology, target, as_json=as_json)
    if report is not None:
        _report(found, report, [f.value for f in formats or [Format.svg]])


def _check_used(from_metrics: Path | None, given: Mapping[str, bool], *, rank: bool) -> None:
    """Refuse options that would be passed over in silence.

    given  whether each option of the grid was
    """
    used = set(given)
    mode = "--liberty"
    if rank or from_metrics is not None:
        mode, used = "--rank" if rank else "--from-metrics", set()
    elif given["--memories"] or given["--placed"]:
        mode = "--memories" if given["--memories"] else "--placed"
        used -= {"--no-energy", "--format", "--form"}
    for option, is_given in given.items():
        if is_given and option not in used:
            refuse(f"{mode} has no use for {option}: leave it out")
    if given["--format"] and not given["--report"]:
        refuse("--format is of the figure that --report FOLDER draws")


def _gates(
    liberty: Sequence[Path], form: DatapathForm, subset: int | None, jobs: int, *, energy: bool
) -> Fit[Calibration]:
    from asicbnn.calibration.calibrate import calibrate as run
    from asicbnn.calibration.gates_section import with_calibration
    from asicbnn.report import calibration as shown

    return Fit(
        lambda known, progress: run(
            known, liberty, form=form.value, subset=subset, energy=energy, jobs=jobs,
            progress=progress,
        ),
        "accelerators",
        shown.calibration_tables,
        shown.as_json,
        lambda text, path, found: with_calibration(text, path, found.entries, found.source),
    )  # fmt: skip


def _memories(liberty: Sequence[Path], subset: int | None, jobs: int) -> Fit[MemoryCalibration]:
    from asicbnn.calibration.gates_section import with_cell_memories
    from asicbnn.calibration.memory_factors import calibrate_memories as run
    from asicbnn.report import memory_calibration as shown

    return Fit(
        lambda known, progress: run(known, liberty, subset=subset, jobs=jobs, progress=progress),
        "memories",
        shown.memory_tables,
        shown.as_json,
        lambda text, path, found: with_cell_memories(text, path, found.entries(), found.source),
    )


def _placed(liberty: Sequence[Path], subset: int | None, jobs: int) -> Fit[WireCalibration]:
    from asicbnn.calibration.gates_section import with_placed_wires
    from asicbnn.calibration.wire_factors import calibrate_wires as run
    from asicbnn.report import wire_calibration as shown

    return Fit(
        lambda known, progress: run(known, liberty, subset=subset, jobs=jobs, progress=progress),
        "placed accelerators",
        shown.wire_tables,
        shown.as_json,
        lambda text, path, found: with_placed_wires(text, path, found.entries(), found.source),
    )


def _rank(liberty: Sequence[Path]) -> Fit[tuple[str, Sequence[Ranked]]]:
    from asicbnn.calibration.ranking import rank_all
    from asicbnn.report import ranking as shown

    return Fit(
        lambda known, progress: (known.name, rank_all(known, liberty, progress)),
        "accelerators",
        lambda ranked: shown.ranking_tables(*ranked),
        lambda ranked: shown.as_json(*ranked),
        lambda text, _, __: text,  # nothing is fitted
    )


def _routed(folder: Path, target: Path | None) -> Fit[RoutedFit]:
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


def _report(found: Calibration, folder: Path, formats: Sequence[str]) -> None:
    from asicbnn.replacing import write_text
    from asicbnn.report import calibration as shown
    from asicbnn.report.calibration_plot import calibration as draw
    from asicbnn.report.style import save

    stem = f"{found.technology}_{found.form}"
    drawn = save(draw(found), folder / stem, formats)
    table = write_text(folder / f"{stem}.csv", shown.residual_csv(found))
    page = shown.calibration_page(found, drawn[0].name, table.name)
    terminal.wrote([write_text(folder / f"{stem}.md", page), table, *drawn])


def _report_memories(found: MemoryCalibration, folder: Path) -> None:
    from asicbnn.report import memory_calibration as shown

    stem = folder / f"{found.technology}_memories"
    _write_page(stem, shown.residual_csv(found), lambda table: shown.memory_page(found, table))


def _report_placed(found: WireCalibration, folder: Path) -> None:
    from asicbnn.report import wire_calibration as shown

    stem = folder / f"{found.technology}_placed"
    _write_page(stem, shown.residual_csv(found), lambda table: shown.wire_page(found, table))


def _write_page(stem: Path, residuals: str, page: Callable[[str], str]) -> None:
    """Write residuals and the page that links to them by their file's name."""
    from asicbnn.replacing import write_text

    table = write_text(stem.with_name(f"{stem.name}.csv"), residuals)
    written = write_text(stem.with_name(f"{stem.name}.md"), page(table.name))
    terminal.wrote([written, table])


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command(
        short_help="fit a technology to what your own tools measured",
        epilog=examples(
            "calibrate my28nm.yaml --liberty tt.lib.gz --jobs 8 --report reports/my28nm",
            "calibrate sky130hd --liberty sky130_fd_sc_hd__tt_025C_1v80.lib --quick --dry-run",
            "calibrate my28nm.yaml --liberty tt.lib.gz --memories",
            "calibrate my28nm.yaml --liberty tt.lib.gz --placed",
            "calibrate my28nm.yaml --from-metrics runs",
            "calibrate sky130hd --from-metrics runs -o my_sky130.yaml",
            "calibrate sky130hd --from-metrics runs --dry-run",
        ),
    )(calibrate)


__all__ = ["calibrate", "register"]
