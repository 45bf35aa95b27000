"""The frame of every fit to measurements: load a technology, run, show, write its file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from asicbnn.cli import terminal
from asicbnn.cli.options import refuse

if TYPE_CHECKING:
    from rich.console import RenderableType

    from asicbnn.technology.library import Technology

Found = TypeVar("Found")


@dataclass(frozen=True)
class Fit(Generic[Found]):
    """How one kind of factor is found, shown and written.

    run      finds it for a technology; its second argument is told how many are done, and of all
    counted  what the progress bar counts
    written  returns the technology file with the factors, from the file and what it is called
    """

    run: Callable[[Technology, Callable[[int, int], None]], Found]
    counted: str
    tables: Callable[[Found], RenderableType]
    content: Callable[[Found], dict[str, Any]]
    written: Callable[[str, str, Found], str]


def carry_out(fit: Fit[Found], technology: str, target: Path | None, *, as_json: bool) -> Found:
    """Find the factors, write them to `target` if there is one, and show them.

    Written first: a reader that closes the pipe early loses no file.
    """
    from asicbnn.replacing import check_writable, write_text
    from asicbnn.technology.library import load, text_of

    if target is not None:
        check_writable(target)
    known, text = load(technology), text_of(technology)
    with terminal.progress(fit.counted) as progress:
        found = fit.run(known, progress)
    if target is not None:
        write_text(target, fit.written(text, technology, found))
    if as_json:
        terminal.print_json(terminal.envelope("calibrate", **fit.content(found)))
    else:
        terminal.show(fit.tables(found))
    if target is not None:
        terminal.wrote([target])
    return found


def target_of(technology: str, output: Path | None, *, force: bool) -> Path:
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


__all__ = ["Fit", "carry_out", "target_of"]
