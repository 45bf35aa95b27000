"""The command that prices one memory of a technology, and says where an SRAM begins to pay."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from asicbnn.cli import terminal
from asicbnn.cli.options import Json, examples, refuse


class PortKind(StrEnum):
    """What a memory does in a cycle."""

    one = "1rw"
    two = "1r1w"


class Mask(StrEnum):
    """The smallest part of a word written on its own."""

    none = "none"
    byte = "byte"
    bit = "bit"


@terminal.verb
def technology_memory(
    technology: Annotated[
        str, typer.Argument(metavar="TECHNOLOGY", help="a shipped name, or a YAML file")
    ],
    words: Annotated[int | None, typer.Option(min=1, max=2**24, help="depth of the memory")] = None,
    bits: Annotated[
        int | None, typer.Option(min=1, max=2**20, help="width of a word [bit]")
    ] = None,
    ports: Annotated[
        PortKind, typer.Option(help="1rw: one access per cycle; 1r1w: a read and a write")
    ] = PortKind.one,
    write_mask: Annotated[
        Mask, typer.Option(help="smallest part of a word written on its own")
    ] = Mask.none,
    lists: Annotated[
        list[str] | None,
        typer.Option(
            "--list", metavar="FILE", help="macros of your memory compiler, CSV or Liberty"
        ),
    ] = None,
    extrapolate: Annotated[
        bool, typer.Option("--extrapolate", help="price SRAMs below the range of the fit too")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show every way to build one memory; without --words and --bits, where an SRAM pays.

    SRAMs of macros that exist and of the fitted model, latches and registers side by side, with
    the macros (count, banks, column multiplexer, latency, minimum cycle) and their bands.
    """
    from asicbnn.report import memories as report
    from asicbnn.technology import macros
    from asicbnn.technology.library import load

    if (words is None) != (bits is None):
        refuse("--words and --bits go together: say both, or neither for the break-even")
    priced, listed = load(technology), macros.load(lists or ())
    if words is None or bits is None:
        if listed is not None:
            refuse("--list prices one memory: say --words and --bits")
        even = report.break_even(priced)
        if as_json:
            content = report.break_even_json(priced, even)
            terminal.print_json(terminal.envelope("technology_memory", **content))
        else:
            terminal.show(report.break_even_tables(priced, even))
        return
    asked = report.Asked(words, bits, ports.value, write_mask.value, extrapolate)
    found = report.ways(priced, asked, listed)
    if as_json:
        content = report.memory_json(priced, asked, found)
        terminal.print_json(terminal.envelope("technology_memory", **content))
    else:
        terminal.show(report.memory_tables(priced, asked, found))


EXAMPLES = (
    "technology memory ihp_sg13g2",
    "technology memory ihp_sg13g2 --words 1024 --bits 96",
    "technology memory my28nm.yaml --words 4096 --bits 64 --list my_macros.csv --json",
)


def register(verbs: typer.Typer) -> None:
    """Add the command to the verb technology."""
    verbs.command(
        name="memory",
        short_help="price a memory, or show where an SRAM begins to pay",
        epilog=examples(*EXAMPLES),
    )(technology_memory)
