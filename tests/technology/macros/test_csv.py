"""Lists of macros as CSV, and every mistake in one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from technology.macros.stated import HEAD, of

from asicbnn.errors import SpecError
from asicbnn.technology.macro import SramMacro
from asicbnn.technology.macro_csv import COLUMNS, read_csv


class TestCsv:
    def test_columns_in_any_order_and_empty_cells(self):
        [one] = of(
            "# between the rows",
            " 40 ,macro_a, 32,64,1rw1r,,byte",
            "",
            head="area_um2,name,word_bits,words,ports,access_ps,write_mask",
        ).macros
        assert one == SramMacro("macro_a", 64, 32, "1rw1r", 40.0, write_mask="byte")
        assert one.unknown == ("read_energy_fj", "write_energy_fj", "leakage_nw", "access_ps")

    @pytest.mark.parametrize(
        ("row", "place", "words"),
        [
            ("a,sixty,8,1rw,1", "mine.csv:2:3: words: ", "expected a whole number from 1 to"),
            ("a,64,0,1rw,1", "mine.csv:2:6: word_bits: ", "got '0'"),
            ("a,64, 8.5,1rw,1", "mine.csv:2:7: word_bits: ", "got '8.5'"),
            ("a,64,8,3rw,1", "mine.csv:2:8: ports: ", "unknown ports '3rw'; did you mean"),
            ("a,64,8,1rw,nan", "mine.csv:2:12: area_um2: ", "expected a number >= 0, got 'nan'"),
            ("a,64,8,1rw,-1", "mine.csv:2:12: area_um2: ", "got '-1'"),
            ("a,64,8,1rw,0", "mine.csv:2:12: area_um2: ", "expected a number > 0"),
            ("a,64,8,1rw,1_0", "mine.csv:2:12: area_um2: ", "got '1_0'"),
            ("a,64,8,1rw,", "mine.csv:2:12: area_um2: ", "got ''"),
            ("a,64,8,1rw", "mine.csv:2:1: ", "expected 5 cells, one per heading, got 4"),
            ("a,64,8,1rw,1,1", "mine.csv:2:1: ", "got 6"),
        ],
    )
    def test_a_bad_cell_is_told_with_its_place(self, row, place, words):
        with pytest.raises(SpecError) as caught:
            of(row)
        assert str(caught.value).startswith(place)
        assert words in str(caught.value)
        assert row in str(caught.value)

    @pytest.mark.parametrize(
        ("column", "cell", "words"),
        [
            ("synthetic", "yes", "expected true or false, got 'yes'"),
            ("write_mask", "word", "unknown write mask 'word'"),
            ("read_energy_fj", "x", "expected a number >= 0, got 'x'"),
            ("access_ps", "0", "expected a number > 0, got '0'"),
            ("banks", "-2", "expected a whole number"),
        ],
    )
    def test_bad_cells_of_optional_columns(self, column, cell, words):
        with pytest.raises(SpecError, match=words):
            of(f"a,64,8,1rw,1,{cell}", head=f"{HEAD},{column}")

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            (b"", "expected a line of headings and a row per macro"),
            (b"# only a comment\n", "expected a line of headings"),
            (HEAD.encode(), "there are headings and no macro"),
            (b"name,words,ports\na,1,1rw\n", "the columns word_bits, area_um2 are missing"),
            (f"{HEAD},area\n".encode(), "unknown column 'area'; did you mean 'area_um2'?"),
            (f"{HEAD},words\n".encode(), "the column words is there twice"),
            (b"name,\xff", "the text is not UTF-8"),
        ],
    )
    def test_a_bad_file_is_told(self, text, words):
        with pytest.raises(SpecError) as caught:
            read_csv(text, "mine.csv")
        assert words in str(caught.value)

    def test_every_bad_cell_is_told_at_once(self):
        with pytest.raises(SpecError) as caught:
            of("a,x,8,1rw,1", "b,64,y,1rw,z")
        assert [(p.line, p.path) for p in caught.value.problems] == [
            (2, "words"),
            (3, "word_bits"),
            (3, "area_um2"),
        ]

    @given(st.text(max_size=300))
    def test_no_text_is_met_with_anything_but_a_complaint(self, text):
        try:
            found = read_csv(f"{HEAD}\n{text}".encode("utf-8", "surrogatepass"), "mine.csv").macros
        except SpecError as error:
            found = error.problems
        assert found

    def test_the_documented_columns_are_the_ones_there_are(self):
        assert COLUMNS[:5] == tuple(HEAD.split(","))
