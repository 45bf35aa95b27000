"""The frame of every fit to measurements: load a technology, run, show, write its file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from asicbnn.cli import terminal
from asicbnn.cli.options import refuse

if TYPE_CHECKING:
    from rich.console import RenderableType

    from asicbnn.technology.library import Technology

Found = TypeVar("Found")


def _no_page(_: object, __: Path) -> Sequence[Path]:
    return ()


@dataclass(frozen=True)
class Fit(Generic[Found]):
    """How one kind of factor is found, shown and written.

    run       finds it for a technology; its second argument is told how many are done, and of all
    counted   what the progress bar counts
    written   returns the technology file with the factors, from the file and what it is called
    reported  writes a page into a folder, and what it links to; returns the files
    """

    run: Callable[[Technology, Callable[[int, int], None]], Found]
    counted: str
    tables: Callable[[Found], RenderableType]
    content: Callable[[Found], dict[str, Any]]
    written: Callable[[str, str, Found], str]
    reported: Callable[[Found, Path], Sequence[Path]] = _no_page

    def carry_out(
        self, technology: str, target: Path | None, report: Path | None = None, *, as_json: bool
    ) -> None:
        """Find the factors, write them to `target` and a page to `report`, and show them.

        Neither is written where it is None. The target comes first: a reader that closes the pipe
        early loses no file.
        """
        from asicbnn.replacing import check_writable, write_text
        from asicbnn.technology.library import load, text_of

        for place in (target, report and report / "page.md"):
            if place is not None:
                check_writable(place)
        known, text = load(technology), text_of(technology)
        with terminal.progress(self.counted) as progress:
            found = self.run(known, progress)
        if target is not None:
            write_text(target, self.written(text, technology, found))
        if as_json:
            terminal.print_json(terminal.envelope("calibrate", **self.content(found)))
        else:
            terminal.show(self.tables(found))
        if target is not None:
            terminal.wrote([target])
        if report is not None:
            terminal.wrote(self.reported(found, report))


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


__all__ = ["Fit", "target_of"]
