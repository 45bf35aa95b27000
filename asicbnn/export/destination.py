"""Where an export goes: a new folder, or the place of an earlier export nobody has touched since.

An export lists its files with their checksums. Only a folder that holds the listed files, and
besides them nothing but what its own Makefile builds, is replaced.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from asicbnn.errors import EnvironmentProblem, SpecError

MANIFEST = "SHA256SUMS"
"""The list, as `sha256sum --check` reads it."""

_BUILT = frozenset({"build", "testbench.vcd"})
"""What `make` leaves in an export, and `make clean` removes."""


def manifest(texts: Mapping[str, str]) -> str:
    """Return the list of files given by name and text."""
    sums = {name: _sum(text.encode("utf-8")) for name, text in texts.items()}
    return "".join(f"{sums[name]}  {name}\n" for name in sorted(sums))


def destination(folder: Path | str) -> Path:
    """Return the folder an export to `folder` takes the place of, links followed.

    Raises SpecError for a file, and for a folder that holds anything an export did not write.
    """
    named, final = Path(folder), Path(os.path.realpath(folder))
    if final.is_file():
        raise SpecError(f"{named}: a folder is wanted, and this is a file; name another")
    try:
        if final.is_dir() and any(final.iterdir()):
            _check_untouched(named, final)
    except OSError as problem:
        raise EnvironmentProblem(f"{named}: cannot be read: {problem.strerror}") from problem
    return final


def write_whole(final: Path, texts: Mapping[str, str]) -> None:
    """Write files by name and text to a folder in the place of `final`: all of them, or none.

    Raises EnvironmentProblem where that cannot be done; `final` is then as it was.
    """
    with _replacing(final) as beside:
        for name, text in texts.items():
            (beside / name).write_text(text, encoding="utf-8", newline="\n")


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _check_untouched(named: Path, final: Path) -> None:
    """Refuse a folder whose loss would be the loss of somebody's work."""
    listed = _listed(final / MANIFEST)
    if listed is None:
        raise SpecError(
            f"{named}: this folder holds other things than an export (there is no list "
            f"{MANIFEST} of its files); name an empty or a new one"
        )
    for path in sorted(final.iterdir()):
        if path.name in _BUILT or path.name == MANIFEST:
            continue
        if path.name not in listed:
            what = "is not of the export in this folder"
        elif (
            path.is_symlink() or not path.is_file() or _sum(path.read_bytes()) != listed[path.name]
        ):
            what = "was changed since it was exported"
        else:
            continue
        raise SpecError(
            f"{named}: {path.name} {what}, and would be lost; move it away, or name another folder"
        )


def _listed(path: Path) -> dict[str, str] | None:
    """Return the checksums of a list by file name; None if there is none, or it is no list."""
    if not path.is_file():
        return None
    listed = {}
    for line in path.read_text("utf-8", errors="replace").splitlines():
        checksum, _, name = line.partition("  ")
        if len(checksum) != 64 or not name:
            return None
        listed[name] = checksum
    return listed or None


@contextmanager
def _replacing(final: Path) -> Iterator[Path]:
    """Yield a folder to write to; it takes the place of `final`, or vanishes on any failure."""
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(dir=final.parent, prefix=f".{final.name}."))
    except OSError as problem:
        raise EnvironmentProblem(f"{final}: cannot be written: {problem.strerror}") from problem
    try:
        yield beside
        beside.chmod(0o755)
        _exchange(beside, final)
    except OSError as problem:
        raise EnvironmentProblem(f"{final}: cannot be written: {problem.strerror}") from problem
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _exchange(beside: Path, final: Path) -> None:
    """Move a folder to the place of another, which is back in its place if that fails."""
    if not final.exists():
        beside.rename(final)
        return
    old = beside.with_name(f"{beside.name}.old")
    final.rename(old)
    try:
        beside.rename(final)
    except BaseException:
        old.rename(final)
        raise
    shutil.rmtree(old, ignore_errors=True)
