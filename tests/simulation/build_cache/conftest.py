"""A cache of its own for each test."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, not yet made."""
    chosen = tmp_path / "cache"
    monkeypatch.setenv("ASICBNN_CACHE", str(chosen))
    monkeypatch.delenv("ASICBNN_CACHE_MIB", raising=False)
    return chosen
