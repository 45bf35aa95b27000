"""What reaches the terminal: results on stdout, everything else on stderr, an exit code.

The only module that prints.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec

import typer

from asicbnn import __version__
from asicbnn.errors import (
    AsicbnnError,
    EnvironmentProblem,
    NothingCoveredError,
    Problem,
    SpecError,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

P = ParamSpec("P")

DIFFERENCE, INPUT, INTERRUPTED = 1, 2, 130
TRACEBACK = "ASICBNN_TRACEBACK"
"""Environment variable: if set to anything but 0, a defect ends with its traceback."""
_COLUMNS = 10_000  # tables take what they need: cut to a terminal they would lose digits


def verb(function: Callable[P, int | None]) -> Callable[P, None]:
    """Turn a verb's errors into sentences on stderr, and its answer into an exit code."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        is_json = bool(kwargs.get("as_json"))
        try:
            code = function(*args, **kwargs)
        except AsicbnnError as problem:
            placed = _placed(problem, kwargs.get("accelerator"))
            code = _fail(function.__name__, placed, is_json=is_json)
        except KeyboardInterrupt:
            complain("interrupted; no half-written file is left behind")
            code = INTERRUPTED
        except (BrokenPipeError, typer.Exit):
            raise
        except Exception as accident:  # noqa: BLE001  (the last resort: whatever nobody foresaw)
            code = _fail(function.__name__, _accident(accident), is_json=is_json)
        if code:
            raise typer.Exit(code)

    return run


def _placed(problem: AsicbnnError, accelerator: object) -> AsicbnnError:
    """Return what a technology refuses of an accelerator, with the line of its file."""
    if not isinstance(problem, SpecError) or not isinstance(accelerator, Path):
        return problem
    from asicbnn.model.arguments import placed

    return placed(problem, accelerator)


def _accident(problem: Exception) -> EnvironmentProblem:
    """Return what to say of an error that nobody raised on purpose."""
    name = getattr(problem, "name", None) or ""
    if isinstance(problem, ModuleNotFoundError) and not name.startswith("asicbnn"):
        return EnvironmentProblem(f"{name} is not installed; pip install {name}")
    if isinstance(problem, OSError) and problem.filename is not None:
        return EnvironmentProblem(f"{problem.filename}: {problem.strerror}")
    if isinstance(problem, MemoryError):
        return EnvironmentProblem("out of memory")
    if os.environ.get(TRACEBACK, "0") not in ("", "0"):
        import traceback

        complain("".join(traceback.format_exception(problem)).rstrip())
    said = " ".join(f"{type(problem).__name__} {problem}".split())
    return EnvironmentProblem(
        f"internal error ({said}). This is a defect of asicbnn, not of your files: please report "
        f"it, with the command, the files it names and what {TRACEBACK}=1 makes it print."
    )


def _fail(name: str, problem: AsicbnnError, *, is_json: bool) -> int:
    if is_json:
        problems = [{"message": line} for line in str(problem).splitlines()]
        if isinstance(problem, SpecError):
            problems = [problem_json(p) for p in problem.problems]
        content: dict[str, Any] = {"problems": problems}
        if isinstance(problem, NothingCoveredError):
            from asicbnn.result import uncovered_json

            content["not_covered"] = [uncovered_json(layer) for layer in problem.not_covered]
        print_json(envelope(name, **content))
    complain(str(problem))
    if isinstance(problem, NothingCoveredError):
        for x in problem.not_covered:
            complain(f"  {x.name} ({x.op}): {x.macs:,} MACs, {x.weights:,} weights: {x.reason}")
    return problem.exit_code


def envelope(name: str, **content: Any) -> dict[str, Any]:
    """Return a `--json` object of a verb that has no design point."""
    return {"schema": f"asicbnn.{name}/1", "version": __version__, "problems": [], **content}


def problem_json(problem: Problem) -> dict[str, Any]:
    """Return what is known of a problem."""
    names = ("file", "line", "column", "path", "message", "help")
    return {name: value for name in names if (value := getattr(problem, name))}


def complain(text: str) -> None:
    """Print a line for the reader, not for the next program."""
    print(text, file=sys.stderr)


def wrote(paths: Sequence[Path]) -> None:
    """Say which files were written."""
    for path in paths:
        complain(f"wrote {path}")


def say(text: str) -> None:
    """Print a line of the result."""
    print(text)


def print_json(value: Mapping[str, Any]) -> None:
    """Print the one object of `--json`."""
    import json

    print(json.dumps(value, indent=2, allow_nan=False))


def print_version(is_asked: bool) -> None:
    """Print the version and leave, if asked for it."""
    if is_asked:
        print(f"asicbnn {__version__}")
        raise typer.Exit


def show(*tables: RenderableType) -> None:
    """Print tables as wide as they are; a narrow terminal breaks lines, but no number is cut."""
    from rich.console import Console

    console = Console(highlight=False, width=_COLUMNS)
    for table in tables:
        console.print(table)


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Yield a callback (done, of all) that draws a bar on stderr, if that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
