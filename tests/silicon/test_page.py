"""The page of the documentation says what the models say today."""

from __future__ import annotations

from pathlib import Path

import pytest

from asicbnn.report.validation import page

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/models/validation.md"


@pytest.mark.silicon
def test_the_page_is_what_the_command_writes(everything):
    assert page(everything) == PAGE.read_text("utf-8"), (
        "a predicted figure moved: write the page again with `asicbnn validate --output "
        "docs/models`, and say in CHANGELOG.md, under Model, why"
    )
