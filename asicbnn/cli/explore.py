"""The verbs about many points and about what leaves the program: sweep, plot, report, verilog."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from asicbnn.cli import terminal
from asicbnn.cli.options import (
    AcceleratorFile,
    AtLevel,
    Json,
    Seed,
    examples,
    read_accelerator,
    refuse,
)
from asicbnn.errors import SpecError

_MOST_ROWS, _MOST_NOTES = 30, 8


class PlotKind(StrEnum):
    """The figures."""

    pareto = "pareto"
    energy = "energy"
    area = "area"
    latency = "latency"
    dataflows = "dataflows"
    roofline = "roofline"
    floorplan = "floorplan"


class Format(StrEnum):
    """Formats of a figure."""

    svg = "svg"
    pdf = "pdf"
    png = "png"


@terminal.verb
def sweep(
    file: Annotated[Path, typer.Argument(metavar="SWEEP", help="sweep YAML")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="folder to write the table of points to")
    ] = None,
    objective: Annotated[
        list[str] | None,
        typer.Option(help="metric of the Pareto front; give it once per metric"),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="processes, one per core if not given")
    ] = None,
    level: AtLevel = None,
    as_json: Json = False,
) -> None:
    """Evaluate every point of a design space and mark the Pareto front."""
    from asicbnn.report import tables
    from asicbnn.sweep.run import sweep as run

    with terminal.progress("design points") as progress:
        found = run(
            file, objectives=objective or None, workers=workers, progress=progress,
            level=level.value if level else None,
        )  # fmt: skip
    if as_json:
        terminal.print_json(found.to_json())
    else:
        headline = f"{found.headline}, per workload and technology"
        words, columns = len(found.naming_columns), found.front_columns
        terminal.show(
            tables.front(found.front_rows, columns, headline, words=words, most=_MOST_ROWS)
        )
        if found.refused:
            terminal.show("", tables.reasons(found.refused, "refused points"))
        if found.flags:
            terminal.show("", tables.notes(found.flags, most=_MOST_NOTES))
    if output is not None:
        terminal.wrote(found.write(output))


@terminal.verb
def plot(
    table: Annotated[
        Path,
        typer.Argument(
            metavar="TABLE", help="table of a sweep, comparison...; for floorplan an accelerator"
        ),
    ],
    kind: Annotated[PlotKind, typer.Option(help="which figure")] = PlotKind.pareto,
    x: Annotated[str, typer.Option("-x", help="pareto: metric along x")] = "area_um2",
    y: Annotated[str, typer.Option("-y", help="pareto: metric along y")] = (
        "energy_per_inference_uj"
    ),
    by: Annotated[str, typer.Option(help="pareto: column that makes the series")] = "technology",
    label: Annotated[
        str | None, typer.Option(help="energy, area: column that names the bars")
    ] = None,
    technology: Annotated[
        str | None, typer.Option(help="floorplan: in place of the accelerator's")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="folder, or path without ending; default beside TABLE"),
    ] = None,
    formats: Annotated[
        list[Format] | None, typer.Option("--format", help="once per format; default all three")
    ] = None,
) -> None:
    """Draw a figure from a table, or an accelerator's floorplan, as SVG, PDF and PNG."""
    from asicbnn.report import compose, style
    from asicbnn.sweep.files import read_table

    if kind is PlotKind.floorplan:
        from asicbnn.report.floorplan_plot import floorplan_figure

        figure = floorplan_figure(read_accelerator(table), technology)
    else:
        rows = read_table(table)
        try:
            if kind is PlotKind.pareto:
                _check_numbers(rows, x, y)
            figure = compose.draw(kind.value, rows, x=x, y=y, by=by, label=label)
        except SpecError as error:  # what draws knows the table and not its file
            raise SpecError(replace(p, file=str(table)) for p in error.problems) from None
    own = table.with_name(f"{table.stem}-{kind}")
    target = output or own
    if target.is_dir():
        target /= own.name
    if target.suffix.lstrip(".") in set(Format):
        if formats:
            refuse(f"--output {target} names a format, and --format does too; give one of them")
        formats, target = [Format(target.suffix.lstrip("."))], target.with_suffix("")
    terminal.wrote(style.save(figure, target, [f.value for f in formats or Format]))


def _check_numbers(rows: Any, *asked: str) -> None:
    """Refuse a column of the table that cannot be an axis of the Pareto front."""
    from asicbnn.result import METRICS

    numbers = set(rows.select_dtypes("number").columns)
    drawn = ", ".join(name for name in METRICS if name in numbers)
    for name in asked:
        if name in rows and name not in METRICS:
            fault = "not a metric" if name in numbers else "not a number"
            refuse(f"{name} is {fault}; columns that are: {drawn}")
        if name in rows and name not in numbers:
            refuse(f"{name} should be numbers, and this table has other values in it")


@terminal.verb
def report(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="folder of tables")],
    title: Annotated[str | None, typer.Option(help="heading of the page")] = None,
    formats: Annotated[
        list[Format] | None,
        typer.Option("--format", help="write the figures as files too; once per format"),
    ] = None,
) -> None:
    """Write one self-contained HTML page from the tables in a folder."""
    from asicbnn.report import compose

    written = compose.report(folder, title=title, formats=[f.value for f in formats or ()])
    terminal.say(str(written))


@terminal.verb
def verilog(
    accelerator: AcceleratorFile,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="folder to write, or one file NAME.v; default stdout"),
    ] = None,
    workload: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="network of the test bench; default a random layer"),
    ] = None,
    seed: Seed = 0,
) -> None:
    """Write the hardware as Verilog: a folder with test bench and scripts, or one file."""
    spec = read_accelerator(accelerator)
    if output is not None and output.suffix != ".v":
        from asicbnn.export import export

        terminal.wrote([export(spec, output, workload=workload, seed=seed)])
        return
    if workload is not None:
        refuse("--workload is for the test bench of a folder; name one with --output")
    from asicbnn.hardware.verilog import verilog as text_of

    text = text_of(spec)
    if output is None:
        terminal.say(text)
        return
    from asicbnn.replacing import write_text

    terminal.wrote([write_text(output, text)])


def register(app: typer.Typer) -> None:
    """Add these verbs to the command line."""
    app.command(
        short_help="every point of a design space, and its Pareto front",
        epilog=examples(
            "sweep arch_specs/digits_sweep.yaml --output reports/digits",
            "sweep arch_specs/digits_sweep.yaml --objective area_um2 --objective latency_ms",
        ),
    )(sweep)
    app.command(
        short_help="figures from a table",
        epilog=examples(
            "plot reports/digits/digits_sweep.parquet",
            "plot reports/digits/digits_sweep.csv -x latency_ms -y efficiency_tops_per_w",
            "plot reports/flows/dataflows.parquet --kind dataflows --format pdf",
            "plot arch_specs/edge64.yaml --kind floorplan -o edge64-floorplan",
        ),
    )(plot)
    app.command(
        short_help="one HTML page from a folder of tables",
        epilog=examples(
            "report reports/digits", "report reports/digits --title 'Digits at 130 nm'"
        ),
    )(report)
    app.command(
        short_help="the hardware as Verilog",
        epilog=examples(
            "verilog arch_specs/tiny.yaml --output tiny.v",
            "verilog arch_specs/tiny.yaml --output tiny",
            "verilog arch_specs/edge64.yaml -o edge64 --workload workloads/mnist_cnn_tiny.yaml",
        ),
    )(verilog)
