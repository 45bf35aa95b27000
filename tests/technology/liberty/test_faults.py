"""Broken Liberty files: a sentence with the line, never a hang and never a traceback."""

import gzip
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from liberty_styles import STYLES, Line

from asicbnn.errors import SpecError
from asicbnn.technology.liberty import read_file
from asicbnn.technology.liberty.figures import conditions_of
from asicbnn.technology.liberty.importing import import_liberty
from asicbnn.technology.liberty.statements import Kind, Statements

from .liberty_text import HEADER, INVERTER, TEMPLATE, library

WHOLE = library()
BEGIN = "this is no Liberty file: it must begin with 'library (NAME) {'"
UNIT = "expected a number and a unit such as"


@pytest.fixture
def complaint(tmp_path):
    """Return what is said about a text, without the folder it lies in."""

    def said(text, name="bad.lib"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(SpecError) as found:
            read_file(path)
        return str(found.value).replace(f"{tmp_path}/", "").split("\n")[0]

    return said


def line_of(text, part):
    return text[: text.index(part)].count("\n") + 1


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(SpecError, match=r"no.lib: the Liberty file cannot be read: no such file"):
        read_file(tmp_path / "no.lib")


@pytest.mark.parametrize("text", ["", "\n\n", "/* nothing */", "hello world"])
def test_what_is_no_liberty(complaint, text):
    assert re.match(
        r"bad\.lib:\d+: (this is no Liberty file|expected 'name : value;')", complaint(text)
    )


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"\xfd7zXZ\x00\x00", "this is no Liberty file as it is, but compressed with xz"),
        (b"BZh91AY", "this is no Liberty file as it is, but compressed with bzip2"),
        (b"PK\x03\x04\x14", "this is no Liberty file as it is, but a zip archive"),
        (WHOLE.encode("utf-16"), "this is no Liberty file as it is, but text in UTF-16"),
        (b"module top (input a); endmodule",
         f"{BEGIN}, and begins with 'module top (input a); endmodule'"),
        (b"VERSION 5.8 ;\nMACRO X", f"{BEGIN}, and begins with 'VERSION 5.8 ;'"),
        (b"<!DOCTYPE html>", f"{BEGIN}, and begins with '<!DOCTYPE html>'"),
        (b"cell (X) { area : 1; }", f"{BEGIN}, and begins with 'cell'"),
        (b"/* nothing */", f"{BEGIN}, and is empty"),
        (WHOLE.encode() + WHOLE.encode(), "a second library begins here"),
    ],
    ids=["xz", "bzip2", "zip", "utf16", "verilog", "lef", "html", "cell", "empty", "two"],
)  # fmt: skip
def test_a_file_of_another_kind(complaint, data, sentence):
    assert re.sub(r"^bad\.lib:\d+: ", "", complaint(data)) == sentence


def test_a_folder(tmp_path):
    with pytest.raises(SpecError, match=r"is a directory\n.*give the Liberty files in it"):
        read_file(tmp_path)


def test_binary_junk(complaint):
    assert complaint(bytes(range(256)) * 40) == (
        "bad.lib:1: this is no text: a Liberty file holds no zero bytes"
    )


def test_a_library_without_cells(complaint):
    assert complaint(f"library (x) {{{HEADER}}}") == "bad.lib:1: the library has no cells"


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
def test_a_file_cut_short(complaint, share):
    said = complaint(WHOLE[: int(len(WHOLE) * share)])
    assert re.match(r"bad\.lib:\d+: ", said)
    assert "line" in said or "expected" in said or "closed" in said


def test_the_place_where_a_file_was_cut_short(complaint):
    text = WHOLE[: WHOLE.index("timing ()")]
    begins = line_of(WHOLE, "pin (Y)")
    assert complaint(text) == (
        f"bad.lib:{text.count(chr(10)) + 1}: the file ends inside pin 'Y', which begins on line "
        f"{begins}: it was cut short, or a closing brace is missing"
    )


def test_a_missing_brace_is_told_where_the_next_cell_begins(complaint):
    first = INVERTER.rstrip().removesuffix("}")
    text = library(first, INVERTER.replace("INV", "TWO"))
    assert complaint(text) == (
        f"bad.lib:{line_of(text, 'cell (TWO)')}: cell 'TWO' begins inside cell 'INV' (line "
        f"{line_of(text, 'cell (INV)')}): a closing brace is missing above"
    )


def test_a_brace_too_many(complaint):
    text = library(INVERTER + "}\n", INVERTER.replace("INV", "TWO"))
    said = complaint(text)
    assert said.startswith(f"bad.lib:{line_of(text, 'cell (TWO)')}: the library ended before")


@pytest.mark.parametrize("word", ["nan", "inf", "1e999", "x", "1..2", "0x10"])
def test_what_is_no_number_in_a_table(complaint, word):
    text = WHOLE.replace('"3, 4, 6"', f'"3, {word}, 6"', 1)
    line = line_of(WHOLE, "cell_rise")
    assert complaint(text) == f"bad.lib:{line}: values: expected a number, got '{word}'"


def test_a_bad_number_is_told_with_its_own_line(complaint):
    text = WHOLE.replace('"1, 2, 4", "3, 4, 6"', '"1, 2, 4", \\\n   "3, NaN, 6"', 1)
    assert (
        complaint(text) == f"bad.lib:{line_of(text, 'NaN')}: values: expected a number, got 'NaN'"
    )


@pytest.mark.parametrize(
    ("given", "instead", "sentence"),
    [
        ("area : 1.5", "area : wide", "area: expected a number, got 'wide'"),
        ("area : 1.5", "area : nan", "area: expected a number, got 'nan'"),
        ('"1, 2, 4", "3, 4, 6"', '"1, 2, 4", "3, 4"',
         "cell_rise: 5 values, where the axes ask for 2 x 3"),
        ('values ("1, 2, 4", "3, 4, 6");', "", "cell_rise: the table has no values"),
        ("cell_rise (delay_2x3)", "cell_rise (other)",
         "cell_rise: there is no table template 'other' above this line"),
        ("direction : input", "direction : inward",
         "pin 'A': direction must be input, output, inout or internal, not 'inward'"),
    ],
)  # fmt: skip
def test_a_fault_in_a_cell(complaint, given, instead, sentence):
    text = WHOLE.replace(given, instead, 1)
    assert complaint(text) == f"bad.lib:{line_of(WHOLE, given)}: {sentence}"


@pytest.mark.parametrize(
    ("given", "instead", "sentence"),
    [
        ('"1ns"', '"1parsec"', f"time_unit: {UNIT} \"1ns\", got '1parsec'"),
        ('"1V"', '"1e200V"', f"voltage_unit: {UNIT} \"1V\", got '1e200V'"),
        ('"1ns"', '"0ns"', f"time_unit: {UNIT} \"1ns\", got '0ns'"),
        ("(1, pf)", "(1, ohm)", f"capacitive_load_unit: {UNIT} (1, pf), got '1, ohm'"),
        ("(1, pf)", "()", f"capacitive_load_unit: {UNIT} (1, pf), got ''"),
        ('"1nW"', '"1nA"', f"leakage_power_unit: {UNIT} \"1nW\", got '1nA'"),
        ('index_1 ("0.01, 0.03")', 'index_1 ("0.03, 0.01")',
         "index_1: expected numbers that rise, got '\"0.03, 0.01\"'"),
        ('index_1 ("0.01, 0.03")', 'index_1 ("")',
         "index_1: expected numbers that rise, got '\"\"'"),
    ],
)  # fmt: skip
def test_a_fault_in_the_head(complaint, given, instead, sentence):
    text = WHOLE.replace(given, instead, 1)
    assert complaint(text) == f"bad.lib:{line_of(WHOLE, given)}: {sentence}"


@pytest.mark.parametrize(
    ("first", "second", "sentence"),
    [
        ("input_voltage", "total_output_net_capacitance", "has the variable 'input_voltage'"),
        ("input_net_transition", "input_net_transition", "has one variable twice"),
    ],
)
def test_templates_that_make_no_delay_table(complaint, first, second, sentence):
    variables = f"variable_1 : {first}; variable_2 : {second};"
    start, end = TEMPLATE.index("variable_1"), TEMPLATE.index("index_1")
    said = complaint(library(templates=TEMPLATE[:start] + variables + TEMPLATE[end:]))
    assert sentence in said


def test_a_slew_that_swings_about_its_fixed_point_settles(tmp_path):
    """Tables of a noisy characterisation fall steeply in places; there is a slew all the same."""
    path = tmp_path / "noisy.lib"
    falls = WHOLE.replace('"1, 2, 4", "3, 4, 6"', '"0.03, 0.03, 0.03", "0.005, 0.005, 0.005"')
    path.write_text(falls)
    library = read_file(path)
    slew_ps = conditions_of(library, library.cells["INV"]).slew_ps
    line_ps = 30 - (slew_ps - 10) * 25 / 20
    assert slew_ps == pytest.approx(line_ps)


def test_delays_that_are_no_tables_are_named(tmp_path):
    path = tmp_path / "linear.lib"
    text = STYLES["nangate"].library().replace("table_lookup", "generic_cmos")
    path.write_text(re.sub(r"(cell_rise|cell_fall|rise_transition|fall_transition) ", "u ", text))
    with pytest.raises(SpecError) as caught:
        import_liberty([path], "linear")
    assert "it has no rise_transition and fall_transition tables" in str(caught.value)
    assert "delay_model is generic_cmos, and only lookup tables are read" in str(caught.value)


def test_a_polynomial_is_named(tmp_path):
    path = tmp_path / "polynomial.lib"
    path.write_text(WHOLE.replace('values ("1, 2, 4", "3, 4, 6")', 'coefs ("1, 2")', 1))
    with pytest.raises(SpecError) as caught:
        read_file(path)
    assert "cell_rise: the table has no values" in str(caught.value)
    assert "polynomials are not read: give the library's file of lookup tables" in str(caught.value)


@pytest.mark.parametrize(
    "comment", ["// of 2 (x 3); \"unread\" }\n", "/* of 2; x 3 */", "/* of\n2 */ // and 3\n"]
)
def test_comments_between_the_rows_of_a_table(tmp_path, comment):
    path = tmp_path / "told.lib"
    path.write_text(WHOLE.replace('"1, 2, 4", "3', f'"1, 2, 4", {comment} "3'))
    table = read_file(path).cells["INV"].pins["Y"].arcs[0].cell_rise
    assert table.values.ravel().tolist() == pytest.approx([1000, 2000, 4000, 3000, 4000, 6000])


def test_what_looks_like_a_comment_inside_quotes_is_none(tmp_path):
    path = tmp_path / "address.lib"
    path.write_text(WHOLE.replace("cell (INV)", 'cell ("INV//A/*B*/")'))
    assert list(read_file(path).cells) == ["INV//A/*B*/"]


def test_slews_of_the_wrong_sign_are_refused(tmp_path, monkeypatch):
    """A characterisation that takes the end of an edge from its beginning, as one found did."""
    monkeypatch.setattr("liberty_styles.SLEW", Line(-20, -5, -0.2))
    path = tmp_path / "backwards.lib"
    path.write_text(STYLES["nangate"].library())
    line = line_of(path.read_text(), "cell (INV_X1)")
    with pytest.raises(SpecError, match=rf":{line}: cell 'INV_X1': its mean slew at .* is -"):
        import_liberty([path], "backwards")


def test_a_library_that_states_no_voltage(complaint):
    text = WHOLE.replace("nom_voltage : 1.0;", "")
    assert complaint(text).startswith("bad.lib:1: the library states no voltage or no temperature")


@pytest.mark.parametrize(
    ("given", "instead", "sentence"),
    [("nom_voltage : 1.0", "nom_voltage : -1.2", "a voltage of -1.2, below 0"),
     ("nom_temperature : 25.0", "nom_temperature : -300", "a temperature of -300, below -273")],
)  # fmt: skip
def test_a_point_that_no_law_holds_at(complaint, given, instead, sentence):
    assert complaint(WHOLE.replace(given, instead)).endswith(f"the library states {sentence}")


def test_included_files_are_refused(complaint):
    text = library(header=HEADER + "include_file (more.lib);")
    assert "include_file (more.lib) is not followed" in complaint(text)


def test_a_unit_behind_the_figures_it_holds_for(complaint):
    text = library(
        INVERTER + '\n  time_unit : "1ps";\n', header=HEADER.replace('time_unit : "1ns";', "")
    )
    assert complaint(text) == (
        f"bad.lib:{line_of(text, 'time_unit')}: time_unit must stand before the tables and cells"
    )


@pytest.mark.parametrize("kept", [40, 200])
def test_a_zipped_file_cut_short(complaint, kept):
    data = gzip.compress(WHOLE.encode())
    assert re.match(r"bad\.lib\.gz:\d+: the file is damaged", complaint(data[:kept], "bad.lib.gz"))


def test_a_zipped_file_with_wrong_bits(complaint):
    data = bytearray(gzip.compress(WHOLE.encode() * 20))
    data[60:70] = b"\xff" * 10
    assert re.match(r"bad\.lib\.gz:\d+: ", complaint(bytes(data), "bad.lib.gz"))


@pytest.mark.parametrize(
    "text",
    [
        'library (x) { date : "' + "a" * 4_000_000,
        "library (x) { values (" + "1, " * 1_500_000,
        "library (x) { " + "/* " * 1_300_000,
        "library (x) " + " " * 4_000_000,
        "library (x) { unknown () " + "{" * 4_000_000,
        "library (x) { " + "(" * 4_000_000,
        'library (x) { a : "' + '\\"' * 2_000_000,
        "library (x) { cell " + "\\\n" * 2_000_000,
    ],
    ids=["quote", "arguments", "comments", "blanks", "braces", "brackets", "escapes", "continued"],
)
def test_lines_of_megabytes_take_no_more_than_seconds(complaint, text):
    start = time.process_time()
    assert re.match(r"bad\.lib:\d+: ", complaint(text))
    assert time.process_time() - start < 10


def test_a_table_on_one_line_of_a_megabyte_is_read(tmp_path):
    axis = ", ".join(str(x) for x in range(1, 401))
    values = ", ".join("1.5" for _ in range(400 * 400))
    template = TEMPLATE.replace("0.01, 0.03", axis).replace("0.001, 0.002, 0.004", axis)
    text = library(INVERTER.replace('"1, 2, 4", "3, 4, 6"', f'"{values}"'), templates=template)
    path = tmp_path / "long.lib"
    path.write_text(text)
    table = read_file(path).cells["INV"].pins["Y"].arcs[0].cell_rise
    assert table.values.shape == (400, 400)


SMALL = STYLES["foundry"].library()


PUT = ("", "{", "}", '"', "(", ")", ";", "\\", "/*", "NaN", "-", "\0")
MUTATION = st.tuples(st.floats(0, 1), st.integers(0, 40), st.sampled_from(PUT))


@given(st.lists(MUTATION, min_size=1, max_size=4))
def test_a_mutated_file_is_read_or_refused_by_name(tmp_path_factory, mutations):
    """Characters cut, replaced or put in anywhere: a technology, or a SpecError with the file."""
    text = SMALL
    for share, cut, put in mutations:
        at = int(share * len(text))
        text = text[:at] + put + text[at + cut :]
    path = tmp_path_factory.getbasetemp() / "mutated.lib"
    path.write_bytes(text.encode())
    said = "mutated.lib"
    try:
        import_liberty([path], "mutated")
    except SpecError as refused:
        said = str(refused)
    assert "mutated.lib" in said


@given(st.binary(max_size=400))
def test_statements_of_anything_end(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any.lib"
    path.write_bytes(data)
    try:
        with Statements(path) as statements:
            for _ in range(len(data) + 2):
                if statements.take().kind is Kind.END:
                    return
    except SpecError:
        return
    pytest.fail("more statements than characters")
