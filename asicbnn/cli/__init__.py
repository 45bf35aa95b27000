"""The command line: every verb reads files, calls the function of the same name, and prints.

Anything slow to import is imported by the verb that needs it, so that help comes at once.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from asicbnn.cli import (
    bring,
    calibrate,
    explore,
    files,
    run,
    technology,
    validation,
    voltage,
)
from asicbnn.cli.terminal import envelope, print_json, print_version

_WRONG_USAGE: Any = typer.BadParameter.__mro__[1]
"""click's UsageError; newer typers carry a click of their own, so it cannot be imported."""


_NO_CHOICE = re.compile(r"(?:Value error, )?'(.*)' is not one of (.*?)\.?", re.DOTALL)
_OUR_WORDS = (
    (re.compile(r"Input should be greater than or equal to (\S+)"), r"expected a number >= \1"),
    (re.compile(r"Input should be less than or equal to (\S+)"), r"expected a number <= \1"),
    (re.compile(r"Input should be a valid integer.*"), "expected an integer"),
)


def in_our_words(message: str) -> str:
    """Return in our words what typer says about an option: the choices there are, the range."""
    for theirs, ours in _OUR_WORDS:
        if match := theirs.fullmatch(message):
            return match.expand(ours)
    if not (match := _NO_CHOICE.fullmatch(message)):
        return message
    word, choices = match.group(1), re.findall(r"'([^']*)'", match.group(2))
    from asicbnn.spec.wording import either, suggest

    near = suggest(word, choices)
    return f"expected {either(choices)}, got '{word}'" + (f"; {near}" if near else "")


class _Verbs(TyperGroup):
    """The verbs; a wrong use of one that was asked for JSON is told in JSON too."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> Any:
        given = list(args)  # parsing takes them out of the list
        with self._told(given):
            context = super().make_context(info_name, args, parent, **extra)
        context.meta[__name__] = given
        return context

    def invoke(self, ctx: Any) -> Any:
        with self._told(ctx.meta[__name__]):
            return super().invoke(ctx)

    @contextmanager
    def _told(self, arguments: Sequence[str]) -> Iterator[None]:
        try:
            yield
        except _WRONG_USAGE as wrong:
            wrong.message = in_our_words(wrong.message)
            if "--json" in arguments:
                name = arguments[0] if arguments[0] in self.commands else "usage"
                print_json(envelope(name, problems=[{"message": wrong.format_message()}]))
            raise


app = typer.Typer(
    name="asicbnn",
    cls=_Verbs,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich would double the time to the help
    context_settings={"help_option_names": ["-h", "--help"]},
)
for room in (files, run, voltage, validation, explore, bring, technology, calibrate):
    room.register(app)


@app.callback()
def asicbnn(
    version: Annotated[
        bool,
        typer.Option("--version", callback=print_version, is_eager=True, help="print the version"),
    ] = False,
) -> None:
    """Which accelerator to build for a binary neural network, what it costs, and proof of it.

    Exit codes: 0 done, 1 a difference or a run beyond its cycle limit, 2 the input, 3 the
    environment (a missing tool, a place that cannot be written), 130 interrupted.
    """


def main() -> None:
    """Run the command line and leave with its exit code."""
    try:
        app(prog_name="asicbnn")
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
