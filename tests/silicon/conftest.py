"""One validation of every chip, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from asicbnn.validate import validate


@pytest.fixture(scope="session")
def everything():
    return validate(project=Path(__file__).parents[2])
