"""A test may skip for want of a program on a desk, but not in continuous integration."""

from __future__ import annotations

import shutil

import pytest
from hardware.icarus import needed
from tools import needs

THERE, MISSING = "sh", "a-program-nobody-has"


@pytest.mark.parametrize(
    ("ci", "programs", "skips"),
    [
        ("", (THERE, MISSING), True),
        ("", (THERE,), False),
        ("true", (THERE, MISSING), False),
    ],
)
def test_a_mark_skips_for_a_missing_program_except_in_ci(
    ci: str, programs: tuple[str, ...], skips: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", ci)
    mark = needs(*programs).mark
    assert mark.args == (skips,)
    assert (MISSING in mark.kwargs["reason"]) == (MISSING in programs)


def test_a_tool_asked_for_within_a_test_skips_it_except_in_ci_where_it_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert needed(THERE) == shutil.which(THERE)
    monkeypatch.setenv("CI", "")
    with pytest.raises(pytest.skip.Exception, match=MISSING):
        needed(MISSING)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=MISSING):
        needed(MISSING)
