"""What is said about options that cannot be taken: in the words of the files' complaints."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from asicbnn.cli import app, in_our_words


def test_a_choice_there_is_not() -> None:
    done = CliRunner().invoke(app, ["schema", "accelerater"])
    assert done.exit_code == 2
    assert (
        "expected accelerator, workload, sweep, mapping, chip or result, got 'accelerater'; "
        "did you mean 'accelerator'?"
    ) in done.stderr
    assert "Value error" not in done.stderr


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("'x' is not one of 'auto', 'pyrtl'.", "expected auto or pyrtl, got 'x'"),
        ("Value error, 'x' is not one of 'a'.", "expected a, got 'x'"),
        ("Input should be greater than or equal to 1", "expected a number >= 1"),
        ("Input should be less than or equal to 8", "expected a number <= 8"),
        ("Input should be a valid integer, unable to parse string as an integer",
         "expected an integer"),
        ("No such option: --frob", "No such option: --frob"),
    ],
)  # fmt: skip
def test_typer_s_sentences_in_ours(theirs: str, ours: str) -> None:
    assert in_our_words(theirs) == ours
