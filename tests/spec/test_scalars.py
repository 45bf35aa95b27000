"""What a scalar of a file means, and how to write the one that was meant."""

from __future__ import annotations

import pytest
from spec.small_spec import Spec, complaint, sentence

from asicbnn.spec.reader import read_text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("count: +5", 5),
        ("count: null", None),
        ("count: ~", None),
        ("count:", None),
    ],
)
def test_a_scalar_takes_the_type_its_field_wants(text: str, value: object) -> None:
    assert read_text(text, Spec).count == value


@pytest.mark.parametrize("text", ["010", "2e8", "on", "yes", "12:30", "1_000", "1234", "0x1F"])
def test_a_text_field_takes_a_scalar_as_written(text: str) -> None:
    assert read_text(f"name: {text}", Spec).name == text


def test_numbers_read_as_they_look() -> None:
    assert read_text("clock: 2e8", Spec).clock == 2e8
    assert read_text("clock: 12", Spec).clock == 12.0
    assert read_text("clock: .5", Spec).clock == 0.5


@pytest.mark.parametrize(
    ("text", "got", "cure"),
    [
        ("count: 010", "'010'", "a leading 0 means octal to some readers: write 10"),
        ("count: '010'", "'010'", "a leading 0 means octal to some readers: write 10"),
        ("count: 1_000", "'1_000'", "write it without separators: 1000"),
        ("count: 1,000", "'1,000'", "write it without separators: 1000"),
        ("count: 12:30", "'12:30'", "some readers take this for a base-60 number"),
        ("count: 0x10", "'0x10'", "write it in decimal: 16"),
        ("count: nan", "'nan'", "the number must be finite"),
        ("count: .inf", "'.inf'", "the number must be finite"),
        ("count: 1e999", "'1e999'", "the number must be finite"),
        ("count: '64'", "'64'", "quotes make it a text: write 64"),
        ('count: "2e8"', "'2e8'", "quotes make it a text: write 2e8"),
        ("count: on", "'on'", ""),
        ("count: true", "true", ""),
        ("count: 1.5", "1.5", ""),
        ("count: 2e8", "2e8", "an integer has no point and no exponent: write 200000000"),
        ("count: 64.0", "64.0", "an integer has no point and no exponent: write 64"),
        ("count: [1]", "a list of 1", ""),
    ],
)
def test_what_is_no_integer_is_refused_with_its_cure(text: str, got: str, cure: str) -> None:
    said = complaint(text)
    assert said.startswith(f"f.yaml:1:8: count: expected an integer or null, got {got}\n")
    assert cure in said


@pytest.mark.parametrize(
    ("word", "cure"),
    [
        ("on", "'on' is a text here: write true"),
        ("yes", "'yes' is a text here: write true"),
        ("no", "'no' is a text here: write false"),
        ("Off", "'Off' is a text here: write false"),
        ("'false'", "quotes make it a text: write false"),
        ("1", "two halves"),
    ],
)
def test_truth_values_are_true_and_false_alone(word: str, cure: str) -> None:
    said = complaint(f"memory: {{ping_pong: {word}}}")
    assert "memory.ping_pong: expected true or false, got" in said
    assert cure in said


@pytest.mark.parametrize(
    ("text", "path", "cure"),
    [
        ("memory: {size_kib: 64 kB}", "memory.size_kib",
         "the unit is part of the key and is [KiB]: write a bare number, such as 64"),
        ("memory: {size_kib: 1.5KiB}", "memory.size_kib",
         "the unit is part of the key and is [KiB]: write a bare number, such as 1.5"),
        ("clock: 1.8V", "clock", "numbers are written without a unit: write a bare number"),
    ],
)  # fmt: skip
def test_units_in_the_value_are_sent_to_the_key(text: str, path: str, cure: str) -> None:
    said = complaint(text)
    assert f": {path}: expected " in said
    assert cure in said


def test_a_union_says_all_it_takes_once() -> None:
    assert (
        sentence("clock: maximal")
        == "f.yaml:1:8: clock: expected max or a number > 0, got 'maximal'"
    )
    assert sentence("clock: -1") == "f.yaml:1:8: clock: expected max or a number > 0, got -1"


def test_an_integer_out_of_range_is_not_cured_by_its_spelling() -> None:
    said = complaint("layers: [{op: conv, kernel: 2e8}]")
    assert "expected an integer from 1 to 9, got 2e8" in said
    assert "as an integer it is 200,000,000, out of range" in said
    assert "write 3" in complaint("layers: [{op: conv, kernel: 3.0}]")


def test_long_lines_and_long_values_are_shortened() -> None:
    said = complaint("memory: {words: 2, " + " " * 5000 + "ping_pong: " + "x" * 5000 + "}")
    lines = said.splitlines()
    assert max(map(len, lines)) < 160
    start = lines[2].index("^")
    assert lines[1][start:].startswith("x")
    assert lines[1].startswith("    1 | ... ")
