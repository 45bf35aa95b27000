"""Where the paths inside a file lead: from the folder of that file."""

from __future__ import annotations

from pathlib import Path


def beside(file: Path | str, path: str) -> Path:
    """Return the file that ``path`` inside the spec ``file`` means: relative to its folder."""
    return Path(file).parent / path


def beside_or_here(file: Path | str, path: str) -> str:
    """Return ``path`` as found beside ``file`` if it is there, else as it is.

    For what may also be a name or a file in the working directory: a technology that was imported
    there, for accelerators of another folder.
    """
    found = beside(file, path)
    return str(found) if found.is_file() else path
