"""The verb that fits a technology to what a user's own tools measured."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from asicbnn.cli import terminal
from asicbnn.cli.options import Json, examples, refuse


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
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="file to write; the technology's own if not given"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="replace a file that exists")] = False,
    as_json: Json = False,
) -> None:
    """Fit a technology to measurements and write the factors, with their spread, into its file."""
    if from_metrics is None:
        refuse("calibrate needs to know from what: --from-metrics DIR")
    _routed(technology, from_metrics, _target(technology, output, force=force), as_json=as_json)


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
            "calibrate my28nm.yaml --from-metrics runs",
            "calibrate sky130hd --from-metrics runs -o my_sky130.yaml",
        ),
    )(calibrate)


__all__ = ["calibrate", "register"]
