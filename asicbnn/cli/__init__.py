"""The command line: every verb reads files, calls the function of the same name, and prints.

Anything slow to import is imported by the verb that needs it, so that help comes at once.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from asicbnn.cli import explore, files, run
from asicbnn.cli.terminal import print_version

app = typer.Typer(
    name="asicbnn",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich would double the time to the help
    context_settings={"help_option_names": ["-h", "--help"]},
)
for room in (files, run, explore):
    room.register(app)


@app.callback()
def asicbnn(
    version: Annotated[
        bool,
        typer.Option("--version", callback=print_version, is_eager=True, help="print the version"),
    ] = False,
) -> None:
    """Which accelerator to build for a binary neural network, what it costs, and proof of it.

    Exit codes: 0 done, 1 a difference was found, 2 the input, 3 the environment, 130 interrupted.
    """


def main() -> None:
    """Run the command line and leave with its exit code."""
    try:
        app(prog_name="asicbnn")
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
