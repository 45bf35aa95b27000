"""Models and images that are too large or not ours to keep here: a folder `shared` above, if any.

It lies beside the project, or beside one of the folders the project lies in.
"""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def shared_data(name: str) -> Path:
    """Return a file or folder of the shared data; skip the test where there is none."""
    for parent in ROOT.parents:
        found = parent / "shared" / "data" / name
        if found.exists():
            return found
    pytest.skip(f"needs ../shared/data/{name}, which is not beside the project")
