"""The verb that fits a technology to gates, and to what a user's own tools measured."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from asicbnn.cli import fits, terminal
from asicbnn.cli.explore import Format
from asicbnn.cli.fits import DatapathForm
from asicbnn.cli.fitting import target_of
from asicbnn.cli.options import Json, examples, refuse

_QUICK = 8


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
    is_remapped = form is DatapathForm.remapped
    _check_kinds(
        rank=rank, memories=memories, placed=placed, is_remapped=is_remapped,
        has_metrics=from_metrics is not None, has_output=output is not None, dry_run=dry_run,
    )  # fmt: skip
    given = {
        "--subset": subset is not None, "--quick": quick, "--no-energy": not energy,
        "--form": is_remapped, "--report": report is not None, "--format": bool(formats),
        "--jobs": jobs is not None, "--memories": memories, "--placed": placed,
    }  # fmt: skip
    _check_used(from_metrics, given, rank=rank)
    target = None if dry_run or rank else target_of(technology, output, force=force)
    files, designs = tuple(liberty or ()), _QUICK if quick else subset
    at_once = jobs or os.cpu_count() or 1
    drawn = [f.value for f in formats or [Format.svg]]
    fit: fits.AnyFit
    if rank:
        fit = fits.ranked(files, drawn)
    elif from_metrics is not None:
        fit = fits.routed(from_metrics, target)
    elif memories:
        fit = fits.memories(files, designs, at_once)
    elif placed:
        fit = fits.placed(files, designs, at_once)
    else:
        fit = fits.gates(files, form, designs, at_once, drawn, energy=energy)
    fit.carry_out(technology, target, report, as_json=as_json)


def _check_kinds(
    *, rank: bool, memories: bool, placed: bool, is_remapped: bool, has_metrics: bool,
    has_output: bool, dry_run: bool,
) -> None:  # fmt: skip
    """Refuse kinds of fits that do not go together."""
    if rank and (has_metrics or has_output):
        refuse("--rank takes --liberty and writes no technology file")
    if memories and (has_metrics or is_remapped):
        refuse("--memories takes --liberty, and no other form than adder_cells")
    if placed and (memories or has_metrics or is_remapped):
        refuse("--placed takes --liberty, not --memories, and no other form than adder_cells")
    if is_remapped and not has_metrics and not dry_run:
        refuse("--form remapped is not what is exported, so its factors are shown only: --dry-run")


def _check_used(from_metrics: Path | None, given: Mapping[str, bool], *, rank: bool) -> None:
    """Refuse options that would be passed over in silence.

    given  whether each option of the grid was
    """
    used = set(given)
    mode = "--liberty"
    if rank:
        mode, used = "--rank", {"--report", "--format"}
    elif from_metrics is not None:
        mode, used = "--from-metrics", set()
    elif given["--memories"] or given["--placed"]:
        mode = "--memories" if given["--memories"] else "--placed"
        used -= {"--no-energy", "--format", "--form"}
    for option, is_given in given.items():
        if is_given and option not in used:
            refuse(f"{mode} has no use for {option}: leave it out")
    if given["--format"] and not given["--report"]:
        refuse("--format is of the figure that --report FOLDER draws")


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
