"""The verbs about files: check, schema, show."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from asicbnn.cli import terminal
from asicbnn.cli.options import Json, examples, refuse

if TYPE_CHECKING:
    from asicbnn.spec.check import Kind


class SchemaKind(StrEnum):
    """What a JSON Schema describes."""

    accelerator = "accelerator"
    workload = "workload"
    sweep = "sweep"
    mapping = "mapping"
    chip = "chip"
    result = "result"


@terminal.verb
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="any spec files")],
    as_json: Json = False,
) -> int:
    """Print every problem of spec files: where, what was wanted, what was given, the cure."""
    from asicbnn.check import check as problems_of
    from asicbnn.errors import listed

    found = {str(path): problems_of(path) for path in files}
    problems = [problem for some in found.values() for problem in some]
    if as_json:
        as_objects = [terminal.problem_json(problem) for problem in problems]
        terminal.print_json(terminal.envelope("check", files=list(found), problems=as_objects))
    else:
        for path in (path for path, some in found.items() if not some):
            terminal.say(f"{path}: no problems")
    if problems:
        terminal.complain(listed(problems))
    return terminal.INPUT if problems else 0


@terminal.verb
def schema(
    kind: Annotated[
        SchemaKind | None, typer.Argument(metavar="KIND", help=f"one of {', '.join(SchemaKind)}")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="folder to write KIND.schema.json to")
    ] = None,
) -> None:
    """Print the JSON Schema of a kind of file, or write all of them for an editor.

    Editors with yaml-language-server complete and check a YAML file whose first line is
    "# yaml-language-server: $schema=FOLDER/accelerator.schema.json".
    """
    import json

    from asicbnn.replacing import write_text

    if output is None:
        if kind is None:
            refuse(f"say which: {', '.join(SchemaKind)}; or --output FOLDER for all of them")
        terminal.print_json(_schema(kind))
        return
    for wanted in [kind] if kind else SchemaKind:
        text = json.dumps(_schema(wanted), indent=2) + "\n"
        terminal.wrote([write_text(output / f"{wanted}.schema.json", text)])


def _schema(kind: SchemaKind) -> dict[str, Any]:
    if kind is SchemaKind.result:
        from asicbnn.result import result_schema

        return result_schema()
    from asicbnn.spec import schema as specs

    if kind is SchemaKind.chip:
        from asicbnn.validate.facts import Chip

        return specs.schema_of(kind.value, Chip)
    return specs.schema(cast("Kind", kind.value))


@terminal.verb
def show(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="any spec file")],
    as_json: Json = False,
) -> None:
    """Show what a file means: every field with its default, and what follows from them."""
    from asicbnn.report import specs
    from asicbnn.spec import load

    spec = load(file)
    if as_json:
        terminal.print_json(terminal.envelope("show", **specs.as_json(spec)))
    else:
        terminal.show(specs.as_tables(spec))


def register(app: typer.Typer) -> None:
    """Add these verbs to the command line."""
    app.command(
        short_help="say what is wrong with files",
        epilog=examples(
            "check arch_specs/edge64.yaml workloads/*.yaml", "check --json my_accelerator.yaml"
        ),
    )(check)
    app.command(
        short_help="JSON Schema of files and results",
        epilog=examples("schema accelerator", "schema --output .schemas"),
    )(schema)
    app.command(
        short_help="show what a file means",
        epilog=examples(
            "show arch_specs/edge64.yaml", "show workloads/binarynet_cifar10.yaml --json"
        ),
    )(show)
