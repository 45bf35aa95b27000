"""The verb about technologies: import Liberty files, show and list what there is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from asicbnn.cli import memory, terminal
from asicbnn.cli.options import Json, examples, refuse


@terminal.verb
def technology_import(
    libraries: Annotated[
        list[Path], typer.Argument(metavar="LIB...", help="Liberty files, plain or gzip")
    ],
    name: Annotated[str, typer.Option(help="what to call the technology")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="file to write; NAME.yaml if not given")
    ] = None,
    node_nm: Annotated[
        float | None,
        typer.Option("--node", min=0.1, help="process node [nm], which no Liberty file states"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="replace a file that exists")] = False,
    as_json: Json = False,
) -> None:
    """Make a technology of a standard-cell library: YAML that accelerators can name.

    Files of the first one's voltage and temperature are read as one library; those of other
    corners give ratios of delay, energy and leakage.
    """
    from asicbnn.replacing import check_writable, write_text
    from asicbnn.report import technology as report
    from asicbnn.technology.liberty.importing import import_liberty

    target = output or Path(f"{name}.yaml")
    if not name.strip() or "/" in name:
        refuse(f"--name must be a word such as my28nm, not '{name}'")
    if target.suffix not in (".yaml", ".yml"):
        refuse(f"--output must end in .yaml, not '{target.name}'")
    if target.exists() and not force:
        refuse(f"{target} exists; --force replaces it")
    check_writable(target)
    with terminal.progress("reading Liberty files") as progress:
        imported = import_liberty(libraries, name, node_nm=node_nm, progress=progress)
    write_text(target, imported.text)
    for note in imported.notes:
        terminal.complain(f"note: {note}")
    if as_json:
        content = report.as_json(imported.file, str(target))
        terminal.print_json(terminal.envelope("technology_import", **content))
    else:
        terminal.show(report.as_tables(imported.file))
    terminal.wrote([target])


@terminal.verb
def technology_show(
    technology: Annotated[
        str, typer.Argument(metavar="TECHNOLOGY", help="a shipped name, or a YAML file")
    ],
    as_json: Json = False,
) -> None:
    """Show the cells of a technology, what is composed or missing, and where figures are from."""
    from asicbnn.report import technology as report
    from asicbnn.technology.library import file_of

    file = file_of(technology)
    if as_json:
        content = report.as_json(file, technology)
        terminal.print_json(terminal.envelope("technology_show", **content))
    else:
        terminal.show(report.as_tables(file))


@terminal.verb
def technology_list(as_json: Json = False) -> None:
    """List the technologies shipped with the program."""
    from asicbnn.report import technology as report
    from asicbnn.technology.library import file_of, names

    files = [(name, file_of(name)) for name in names()]
    if as_json:
        terminal.print_json(terminal.envelope("technology_list", **report.listing_json(files)))
    else:
        terminal.show(report.listing(files))


def register(app: typer.Typer) -> None:
    """Add the verb and its commands to the command line."""
    verbs = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    importing = (
        "technology import my_lib_tt.lib.gz --name my28nm --node 28",
        "technology import tt_0p9v.lib ss_0p8v.lib ff_1p0v.lib --name my28nm -o my28nm.yaml",
    )
    showing = ("technology show sky130hd", "technology show my28nm.yaml --json")
    verbs.command(
        name="import", short_help="make a technology of Liberty files", epilog=examples(*importing)
    )(technology_import)
    verbs.command(
        name="show",
        short_help="show a technology's figures and their sources",
        epilog=examples(*showing),
    )(technology_show)
    verbs.command(
        name="list",
        short_help="list the shipped technologies",
        epilog=examples("technology list"),
    )(technology_list)
    memory.register(verbs)
    app.add_typer(
        verbs,
        name="technology",
        help="Standard-cell libraries: import, show, list; the memories of one.",
        short_help="import, show and list standard-cell libraries; price memories",
        epilog=examples(*importing, *showing, "technology list", *memory.EXAMPLES[:2]),
    )
