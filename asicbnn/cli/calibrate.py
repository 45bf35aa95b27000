"""The verb that fits a technology to gates, and to what a user's own tools measured."""

from __future__ import annotations

import os
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asicbnn.cli import terminal
from asicbnn.cli.explore import Format
from asicbnn.cli.options import Json, examples, refuse

if TYPE_CHECKING:
    from asicbnn.calibration.calibrate import Calibration

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
    played instead, and their factors written.
    """
    if (from_metrics is None) == (not liberty):
        refuse("calibrate needs to know from what: --liberty LIB or --from-metrics DIR")
    if quick and subset is not None:
        refuse("--quick is --subset with a number of its own: give one of the two")
    if rank:
        if from_metrics is not None or output is not None:
            refuse("--rank takes --liberty and writes no file")
        _rank(technology, liberty or [], as_json=as_json)
        return
    if memories:
        if from_metrics is not None or form is DatapathForm.remapped:
            refuse("--memories takes --liberty, and no other form than adder_cells")
        target = None if dry_run else _target(technology, output, force=force)
        few = _QUICK if quick else subset
        _memories(technology, liberty or [], few, jobs, target, report, as_json=as_json)
        return
    if form is DatapathForm.remapped and from_metrics is None and not dry_run:
        refuse("--form remapped is not what is exported, so its factors are shown only: --dry-run")
    target = None if dry_run else _target(technology, output, force=force)
    if from_metrics is not None:
        if target is None:
            refuse("--dry-run is for --liberty")
        _routed(technology, from_metrics, target, as_json=as_json)
        return
    designs = _QUICK if quick else subset
    found = _gates(
        technology, liberty or [], form, designs, jobs, target, energy=energy, as_json=as_json
    )
    if report is not None:
        _report(found, report, [f.value for f in formats or [Format.svg]])


def _target(technology: str, output: Path | None, *, force: bool) -> Path:
    """Return the file to write: never a shipped one, never another that exists, unasked."""
    from asicbnn.technology.library import names

    if output is None:
        if technology in names():
            refuse(f"{technology} is shipped with the program; say where to write: -o my.yaml")
        return Path(technology)
    if output.suffix not in (".yaml", ".yml"):
        refuse(f"--output must end in .yaml, not '{output.name}'")
    if output.exists() and not force and output != Path(technology):
        refuse(f"{output} exists; --force replaces it")
    return output


def _gates(
    technology: str,
    liberty: Sequence[Path],
    form: DatapathForm,
    designs: int | None,
    jobs: int | None,
    target: Path | None,
    *,
    energy: bool,
    as_json: bool,
) -> Calibration:
    from asicbnn.calibration.calibrate import calibrate as run
    from asicbnn.calibration.gates_section import with_calibration
    from asicbnn.replacing import check_writable, write_text
    from asicbnn.report import calibration as shown
    from asicbnn.technology.library import load, text_of

    if target is not None:
        check_writable(target)
    known, text = load(technology), text_of(technology)
    with terminal.progress("accelerators") as progress:
        found = run(
            known, liberty, form=form.value, subset=designs, energy=energy,
            jobs=jobs or os.cpu_count() or 1, progress=progress,
        )  # fmt: skip
    if as_json:
        terminal.print_json(terminal.envelope("calibrate", **shown.as_json(found)))
    else:
        terminal.show(shown.calibration_tables(found))
    if target is not None:
        changed = with_calibration(text, technology, found.entries, found.source)
        terminal.wrote([write_text(target, changed)])
    return found


def _rank(technology: str, liberty: Sequence[Path], *, as_json: bool) -> None:
    from asicbnn.calibration.ranking import rank_all
    from asicbnn.report import ranking as shown
    from asicbnn.technology.library import load

    known = load(technology)
    with terminal.progress("accelerators") as progress:
        ranked = rank_all(known, liberty, progress)
    if as_json:
        terminal.print_json(terminal.envelope("calibrate", **shown.as_json(known.name, ranked)))
    else:
        terminal.show(shown.ranking_tables(known.name, ranked))


def _memories(
    technology: str,
    liberty: Sequence[Path],
    subset: int | None,
    jobs: int | None,
    target: Path | None,
    report: Path | None,
    *,
    as_json: bool,
) -> None:
    from asicbnn.calibration.gates_section import with_cell_memories
    from asicbnn.calibration.memory_factors import calibrate_memories
    from asicbnn.replacing import check_writable, write_text
    from asicbnn.report import memory_calibration as shown
    from asicbnn.technology.library import load, text_of

    if target is not None:
        check_writable(target)
    known, text = load(technology), text_of(technology)
    with terminal.progress("memories") as progress:
        found = calibrate_memories(
            known, liberty, subset=subset, jobs=jobs or os.cpu_count() or 1, progress=progress
        )
    if as_json:
        terminal.print_json(terminal.envelope("calibrate", **shown.as_json(found)))
    else:
        terminal.show(shown.memory_tables(found))
    if target is not None:
        changed = with_cell_memories(text, technology, found.entries(), found.source)
        terminal.wrote([write_text(target, changed)])
    if report is not None:
        stem = report / f"{found.technology}_memories"
        table = write_text(stem.with_suffix(".csv"), shown.residual_csv(found))
        page = shown.memory_page(found, table.name)
        terminal.wrote([write_text(stem.with_suffix(".md"), page), table])


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


def _routed(technology: str, folder: Path, target: Path, *, as_json: bool) -> None:
    from asicbnn.calibration.flow_metrics import read_runs
    from asicbnn.calibration.routed_section import fit_runs, with_routed_section
    from asicbnn.replacing import check_writable, write_text
    from asicbnn.report import routed_fit as report
    from asicbnn.technology.library import load, text_of

    known = load(technology)
    fit = fit_runs(known, read_runs(folder, known.name))
    changed = with_routed_section(text_of(technology), technology, fit)
    check_writable(target)
    write_text(target, changed)
    if as_json:
        content = report.as_json(fit, str(target))
        terminal.print_json(terminal.envelope("calibrate", **content))
    else:
        terminal.show(report.as_tables(fit))
    terminal.wrote([target])


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command(
        short_help="fit a technology to what your own tools measured",
        epilog=examples(
            "calibrate my28nm.yaml --liberty tt.lib.gz --jobs 8 --report reports/my28nm",
            "calibrate sky130hd --liberty sky130_fd_sc_hd__tt_025C_1v80.lib --quick --dry-run",
            "calibrate my28nm.yaml --liberty tt.lib.gz --memories",
            "calibrate my28nm.yaml --from-metrics runs",
            "calibrate sky130hd --from-metrics runs -o my_sky130.yaml",
        ),
    )(calibrate)


__all__ = ["calibrate", "register"]
