"""The bytes of a user's file: found, small enough, and UTF-8."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from asicbnn.errors import Problem, SpecError

LARGEST_BYTES = 4 * 1024 * 1024
"""Size of the largest file that is read [byte]."""


def read_bytes(path: Path, name: str) -> bytes:
    """Return the bytes of a user's file, or say in a SpecError why they cannot be had."""
    try:
        if path.is_dir():
            raise SpecError(Problem("this is a folder; name a YAML file inside it", name))
        with path.open("rb") as file:
            data = file.read(LARGEST_BYTES + 1)
    except FileNotFoundError:
        near = _similar_file(path)
        raise SpecError(Problem("no such file", name, help=near)) from None
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise SpecError(Problem(f"cannot be read: {reason}", name)) from None
    if len(data) > LARGEST_BYTES:
        message = f"larger than {LARGEST_BYTES // 1024**2} MiB, the largest file that is read"
        raise SpecError(
            Problem(message, name, help="specs are a few kilobytes: is it the right file?")
        )
    return data


def _similar_file(path: Path) -> str:
    """Return the nearest name beside a file that is not there; `.yaml` alone is no likeness."""
    if path.is_symlink():
        return f"it is a link to {path.readlink()}, which is not there"
    try:
        names = sorted(entry.name for entry in path.parent.iterdir() if entry.exists())
    except OSError:
        return f"the folder {path.parent} is not there either"
    stems = {name.removesuffix(path.suffix): name for name in names}
    near = get_close_matches(path.stem, stems, 1, 0.6)
    return f"did you mean '{path.with_name(stems[near[0]])}'?" if near else ""


def decode(data: bytes, name: str) -> str:
    """Return a file's text; it must be UTF-8, with or without a byte order mark."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SpecError(Problem("the file is UTF-16; save it as UTF-8", name))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", "replace")
        line = before.count("\n") + 1
        column = len(before) - (before.rfind("\n") + 1) + 1
        byte = data[error.start]
        message = f"the byte 0x{byte:02x} is not UTF-8"
        help = "save the file as UTF-8"
        text = data.decode("utf-8", "replace").split("\n")[line - 1]
        problem = Problem(message, name, line, column, "", text, 1, help)
        raise SpecError(problem) from None
