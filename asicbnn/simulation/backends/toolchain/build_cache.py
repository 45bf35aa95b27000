"""Compiled simulators kept on disk between runs, in a folder nobody else can write.

An entry is a folder named by its key: the shared object, and a manifest with a checksum over key,
attachment and object. It appears whole, by one rename, or not at all, and is loaded only if it is
ours, nobody else can change it, and the checksum is right; anything else is as if it were not
there, and is replaced. Whatever goes wrong with the disk costs the cache, never the run.

``ASICBNN_CACHE``      another folder, or ``off``  (default: ~/.cache/asicbnn, XDG_CACHE_HOME)
``ASICBNN_CACHE_MIB``  what all entries together may take [MiB]; those used longest ago go first
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asicbnn.errors import SpecError
from asicbnn.simulation.backends.toolchain.scratch import new_scratch, sweep

FOLDER_VARIABLE = "ASICBNN_CACHE"
SIZE_VARIABLE = "ASICBNN_CACHE_MIB"
DEFAULT_MIB = 512
_OFF = "off"
_OBJECT, _MANIFEST = "simulator.so", "manifest.json"
_KEY_LENGTH = 64
_SCRATCH = "unfinished-"
_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


class CacheUnusableError(Exception):
    """Why nothing can be kept: the end of a sentence."""


@dataclass(frozen=True)
class Entry:
    """A shared object to load, and the text that was kept with it."""

    library: Path
    attachment: str


def cache_folder() -> Path | None:
    """Where compiled simulators are kept; None if the user wants none."""
    chosen = os.environ.get(FOLDER_VARIABLE, "")
    if chosen == _OFF:
        return None
    if chosen:
        return Path(chosen).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification has relative paths ignored.
    return (Path(base) if Path(base).is_absolute() else Path("~/.cache").expanduser()) / "asicbnn"


def size_limit_bytes() -> int:
    """Return what all entries together may take [byte].

    Raises SpecError if the environment variable is not a whole number of MiB.
    """
    text = os.environ.get(SIZE_VARIABLE, "") or str(DEFAULT_MIB)
    if not re.fullmatch(r"0*[1-9][0-9]{0,8}", text):
        raise SpecError(f"{SIZE_VARIABLE}: expected a whole number of MiB >= 1, got '{text[:40]}'")
    return int(text) << 20


class BuildCache:
    """The entries of one folder, for the user who runs this process.

    folder       made, private, when the first entry is kept
    limit_bytes  what all entries together may take
    """

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self.folder, self.limit_bytes = folder, limit_bytes

    def find(self, key: str) -> Entry | None:
        """Return the entry of a key, verified and marked as used; None if there is none."""
        try:
            self._check_folder()
            entry = self._verified(key)
        except (CacheUnusableError, OSError):
            return None
        if entry is not None:
            with suppress(OSError):  # a cache that cannot be written still serves
                os.utime(self.folder / key)
        return entry

    def keep(self, key: str, library: Path, attachment: str, about: dict[str, str]) -> Entry:
        """Keep a shared object under a key; of two that are kept at once the first one stays.

        about  for people who look into the folder: compiler, flags, version
        Raises CacheUnusableError.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._check_folder()
            sweep(self.folder, _SCRATCH)
            size = library.stat().st_size + len(attachment)
            if size > self.limit_bytes:
                raise CacheUnusableError(
                    f"one build takes {size >> 20} MiB, more than {SIZE_VARIABLE} allows"
                )
            with new_scratch(self.folder, _SCRATCH) as scratch:
                made = scratch / "entry"
                _write_entry(made, key, library, attachment, about)
                self._publish(made, key, scratch / "replaced")
            self._evict(spared=key)
            entry = self._verified(key)
        except OSError as error:
            raise CacheUnusableError(f"{self.folder}: {error.strerror or error}") from error
        if entry is None:
            raise CacheUnusableError(f"{self.folder}: the entry just written does not read back")
        return entry

    def _check_folder(self) -> None:
        """Refuse a folder into which somebody else may have put something."""
        found = self.folder.stat()
        if found.st_uid != os.geteuid():
            raise CacheUnusableError(f"{self.folder} belongs to another user")
        if found.st_mode & _OTHERS_MAY_WRITE:
            raise CacheUnusableError(f"{self.folder} can be written by other users")

    def _verified(self, key: str) -> Entry | None:
        """Return the entry if every part of it is ours and intact."""
        place = self.folder / key
        library, manifest = place / _OBJECT, place / _MANIFEST
        if not all(map(_is_ours_alone, (place, library, manifest))):
            return None
        try:
            stored: Any = json.loads(manifest.read_bytes())
            attachment, checksum = str(stored["attachment"]), stored["checksum"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return None
        if checksum != _checksum(key, attachment, library):
            return None
        return Entry(library, attachment)

    def _publish(self, made: Path, key: str, replaced: Path) -> None:
        """Let a finished entry appear under its key, unless a good one is there already."""
        place = self.folder / key
        if os.path.lexists(place) and self._verified(key) is None:
            place.rename(replaced)
        try:
            made.rename(place)
        except OSError:
            if self._verified(key) is None:  # else another process was faster
                raise

    def _evict(self, spared: str) -> None:
        """Delete what was used longest ago until the rest fits."""
        used: list[tuple[float, int, Path]] = []
        for place in self.folder.iterdir():
            if len(place.name) == _KEY_LENGTH and place.is_dir() and not place.is_symlink():
                with suppress(OSError):  # another process may be evicting too
                    size = sum(part.stat().st_size for part in place.iterdir())
                    used.append((place.stat().st_mtime, size, place))
        total = sum(size for _, size, _ in used)
        if total <= self.limit_bytes:
            return
        with new_scratch(self.folder, _SCRATCH) as scratch:
            for _, size, place in sorted(used):
                if total > self.limit_bytes and place.name != spared:
                    total -= size
                    with suppress(OSError):
                        place.rename(scratch / place.name)  # whole or not at all


def _write_entry(
    made: Path, key: str, library: Path, attachment: str, about: dict[str, str]
) -> None:
    made.mkdir(mode=0o700)
    target = made / _OBJECT
    shutil.copyfile(library, target)
    target.chmod(0o700)
    checksum = _checksum(key, attachment, target)
    manifest = {"about": about, "checksum": checksum, "attachment": attachment}
    (made / _MANIFEST).write_text(json.dumps(manifest), encoding="ascii")
    (made / _MANIFEST).chmod(0o600)


def _checksum(key: str, attachment: str, library: Path) -> str:
    digest = hashlib.sha256(f"{key}\0{len(attachment)}\0{attachment}\0".encode())
    digest.update(library.read_bytes())
    return digest.hexdigest()


def _is_ours_alone(path: Path) -> bool:
    try:
        found = path.lstat()
    except OSError:
        return False
    is_link = stat.S_ISLNK(found.st_mode)
    return not is_link and found.st_uid == os.geteuid() and not found.st_mode & _OTHERS_MAY_WRITE
