"""Liberty expressions against Python's own operators, row by row."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asicbnn.errors import SpecError
from asicbnn.technology.liberty.functions import forced_by, is_readable, truth_table, variables_of


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ("A&B", 0b1000), ("A * B", 0b1000), ("A B", 0b1000), ("A+B", 0b1110), ("A|B", 0b1110),
        ("A^B", 0b0110), ("!A", 0b0101), ("A'", 0b0101), ("(A B)'", 0b0111), ("!(A|B)", 0b0001),
        ("1", 0b1111), ("0", 0b0000), ("!A ^ B", 0b1001), ("A B' + A' B", 0b0110),
        ("A && B", 0b1000), ("A || B", 0b1110), ("~A", 0b0101), ("!(~A && ~B)", 0b1110),
        ("A B\\'", 0b0010), ("A \\\n & B", 0b1000), ("A\\\r\n+B\\\n", 0b1110),
        ("(A & \\\"B\\\")", 0b1000),
    ],
)  # fmt: skip
def test_every_spelling_of_an_operator(text, table):
    assert truth_table(text, ("A", "B")) == table


_TERMS = st.recursive(
    st.sampled_from(["A", "B", "C", "0", "1"]),
    lambda inner: st.one_of(
        inner.map(lambda term: f"(!({term}))"),
        st.tuples(inner, st.sampled_from("&|^"), inner).map(lambda t: f"({t[0]}{t[1]}{t[2]})"),
    ),
    max_leaves=12,
)


@given(_TERMS)
def test_a_table_says_what_python_says(text):
    table = truth_table(text, ("A", "B", "C"))
    said = text.replace("!", "1^")
    for row in range(8):
        values = {name: row >> i & 1 for i, name in enumerate("ABC")}
        assert table >> row & 1 == eval(said, {}, values)


@pytest.mark.parametrize("text", ["", "A &", "(A", "A) B", "A ? B", "D", "A | | B"])
def test_what_is_no_expression_is_refused(text):
    with pytest.raises(SpecError, match="is no expression over A, B"):
        truth_table(text, ("A", "B"))


def test_a_name_that_begins_with_a_digit_stands_in_escaped_quotes():
    assert variables_of(r"\"1A\" & !\"2B\" & C") == ("1A", "2B", "C")
    assert truth_table(r"\"1A\" !\"2B\"", ("1A", "2B")) == 0b0010


@pytest.mark.parametrize(
    ("text", "is_one"), [("A & B", True), ("A ? B : C", False), ("A &", False), ("+".join(
        f"A{i}" for i in range(30)), True), ("(A", False)]
)  # fmt: skip
def test_what_can_be_read(text, is_one):
    assert is_readable(text) == is_one


@pytest.mark.parametrize(
    ("text", "forced"),
    [
        ("", {}), ("A", {"A": True}), ("!A & B", {"A": False, "B": True}),
        ("A' B", {"A": False, "B": True}), ("(!CEN) & (GWEN)", {"CEN": False, "GWEN": True}),
        ("!A & (!W[0] | !W[1])", {"A": False}), ("A B + A !B", {"A": True}),
        ("!(A | B)", {"A": False, "B": False}), ("!(A & B)", {}), ("A ^ B", {}),
        ("A & 1", {"A": True}), ("A[3:0] && !B", {"A[3:0]": True, "B": False}),
    ],
)  # fmt: skip
def test_what_an_expression_leaves_no_choice(text, forced):
    assert forced_by(text) == forced


@given(_TERMS)
def test_what_is_forced_holds_in_every_row_that_is_true(text):
    forced = forced_by(text)
    table = truth_table(text, ("A", "B", "C"))
    for row in range(8):
        if table >> row & 1:
            values = {name: bool(row >> i & 1) for i, name in enumerate("ABC")}
            assert {name: values[name] for name in forced} == forced
