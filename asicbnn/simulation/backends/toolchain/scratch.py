"""Scratch folders that a killed process leaves behind and a later one clears away.

Whoever works in a scratch folder holds a lock on it, which the operating system drops when the
process ends, however it ends: an old folder without a lock is rubbish.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

YOUNGEST_RUBBISH_S = 60.0
"""A younger folder may be one whose maker has not locked it yet."""


@contextmanager
def new_scratch(parent: Path, prefix: str) -> Iterator[Path]:
    """Make a private, locked folder in ``parent``; it is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _lock(descriptor)
        yield folder
    finally:
        os.close(descriptor)
        shutil.rmtree(folder, ignore_errors=True)


def sweep(parent: Path, prefix: str) -> None:
    """Remove scratch folders of ours whose makers are dead."""
    oldest_kept = time.time() - YOUNGEST_RUBBISH_S
    for folder in parent.glob(f"{prefix}*"):
        try:
            found = folder.lstat()
            if found.st_uid != os.geteuid() or found.st_mtime > oldest_kept:
                continue
            descriptor = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY)
        except OSError:
            continue
        try:
            if _lock(descriptor):
                shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Take the lock; False if somebody else has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
