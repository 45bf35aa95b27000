"""Files appear whole or not at all: written beside their place, then renamed into it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EISDIR, ENOTDIR
from pathlib import Path

from asicbnn.errors import EnvironmentProblem


@contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """Yield a path to write to; it becomes `path` on success and is removed on any failure.

    Raises EnvironmentProblem where the folder cannot be made or written, or `path` is a folder.
    """
    final = Path(path)
    with _worded(final):
        beside = _new_file_beside(final)
        try:
            yield beside
            beside.chmod(0o666 & ~_umask())
            beside.replace(final)
        finally:
            beside.unlink(missing_ok=True)


def check_writable(path: Path | str) -> None:
    """Raise what `replacing` would, before a long run makes what is to be written.

    It writes beside the place and leaves nothing there, no new folder either.
    """
    final = Path(path)
    missing = [folder for folder in final.parents if not folder.exists()]
    try:
        with _worded(final):
            _new_file_beside(final).unlink()
    finally:
        for folder in missing:
            with suppress(OSError):  # one that could not be made, or that others write to by now
                folder.rmdir()


@contextmanager
def _worded(final: Path) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        reason = problem.strerror or problem
        raise EnvironmentProblem(f"{final}: cannot be written: {reason}") from problem


def _new_file_beside(final: Path) -> Path:
    if final.parent.is_file():
        raise NotADirectoryError(ENOTDIR, f"{final.parent} is a file, not a folder")
    final.parent.mkdir(parents=True, exist_ok=True)
    if final.is_dir():
        raise IsADirectoryError(EISDIR, os.strerror(EISDIR))
    handle, name = tempfile.mkstemp(dir=final.parent, prefix=f".{final.name}.", suffix=final.suffix)
    os.close(handle)
    return Path(name)


def write_text(path: Path | str, text: str) -> Path:
    """Write a text file whole or not at all; EnvironmentProblem as `replacing`."""
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8", newline="\n")
    return Path(path)


def _umask() -> int:
    """Return the process's umask; mkstemp makes files that nobody else may read."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


__all__ = ["check_writable", "replacing", "write_text"]
