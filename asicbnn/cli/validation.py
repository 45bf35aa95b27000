"""The verb that holds the models against published silicon: validate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from asicbnn.cli import terminal
from asicbnn.cli.explore import Format
from asicbnn.cli.options import Json, examples, refuse


@terminal.verb
def validate(
    chips: Annotated[
        list[str] | None,
        typer.Argument(metavar="CHIP", help="known chips or files of theirs; none means all"),
    ] = None,
    project: Annotated[
        Path, typer.Option(metavar="FOLDER", help="folder that holds arch_specs and workloads")
    ] = Path(),
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="folder for validation.md and its figure"),
    ] = None,
    formats: Annotated[
        list[Format] | None, typer.Option("--format", help="of the figure; default svg")
    ] = None,
    as_json: Json = False,
) -> int:
    """Predict the figures of published chips and set them beside what was published.

    Exit code 1 says that a count which should be equal is not.
    """
    from asicbnn.replacing import check_writable, write_text
    from asicbnn.report.validation import page, validation_tables
    from asicbnn.validate import validate as run

    if formats and output is None:
        refuse("--format is of the figure that --output FOLDER writes")
    if output is not None:
        check_writable(output / "validation.md")
    with terminal.progress("chips") as progress:
        found = run(chips or (), project=project, progress=progress)
    if as_json:
        terminal.print_json(found.to_json())
    else:
        terminal.show(validation_tables(found))
    if output is not None:
        from asicbnn.report.style import save
        from asicbnn.report.validation_plot import validation as draw

        wanted = [f.value for f in formats or [Format.svg]]
        written = save(draw(found), output / "validation", wanted)
        terminal.wrote([write_text(output / "validation.md", page(found)), *written])
    return 0 if found.is_equal else terminal.DIFFERENCE


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command(
        short_help="predicted against published silicon",
        epilog=examples(
            "validate", "validate laxor finn --json", "validate --output docs/models"
        ),
    )(validate)
