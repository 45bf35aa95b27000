"""What the reader makes of Liberty text, whatever way it is written."""

import gzip

import pytest

from asicbnn.errors import SpecError
from asicbnn.technology.liberty import read, read_file

from .liberty_text import HEADER, INVERTER, TEMPLATE, library


@pytest.fixture
def parsed(tmp_path):
    def parse(text, name="demo.lib"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_file(path)

    return parse


def delay(found, slew_ps, load_ff):
    return found.cells["INV"].pins["Y"].arcs[0].cell_rise.at(slew_ps, load_ff)


def test_a_table_between_on_and_beyond_its_axes(parsed):
    found = parsed(library())
    assert delay(found, 10, 1) == pytest.approx(1000)
    assert delay(found, 20, 1) == pytest.approx(2000)
    assert delay(found, 20, 3) == pytest.approx(4000)
    assert delay(found, 30, 8) == pytest.approx(10000)  # the last line goes on
    assert delay(found, 0, 1) == pytest.approx(0)


def test_axes_in_the_other_order_are_the_same_table(parsed):
    swapped = TEMPLATE.replace("variable_1", "x").replace("variable_2", "variable_1")
    swapped = swapped.replace("x :", "variable_2 :")
    swapped = (
        swapped.replace("index_1", "y").replace("index_2", "index_1").replace("y (", "index_2 (")
    )
    inverter = INVERTER.replace('"1, 2, 4", "3, 4, 6"', '"1, 3", "2, 4", "4, 6"')
    one, other = parsed(library()), parsed(library(inverter, templates=swapped))
    for slew_ps in (5, 10, 22, 40):
        for load_ff in (0.5, 1, 3, 9):
            assert delay(one, slew_ps, load_ff) == pytest.approx(delay(other, slew_ps, load_ff))


@pytest.mark.parametrize(
    ("given", "instead", "factor"),
    [
        ('time_unit : "1ns"', 'time_unit : "1 ps"', 1e-3),
        ('time_unit : "1ns"', "time_unit : 10ps", 1e-2),
        ('time_unit : "1ns"', 'time_unit : "1e-3 ns"', 1e-3),
    ],
)
def test_time_units(parsed, given, instead, factor):
    found = parsed(library(header=HEADER.replace(given, instead)))
    arc = found.cells["INV"].pins["Y"].arcs[0].cell_rise
    assert arc.slew_ps == pytest.approx((10 * factor, 30 * factor))
    assert arc.values[0, 0] == pytest.approx(1000 * factor)


@pytest.mark.parametrize(
    ("instead", "capacitance_ff"),
    [
        ("(1, pf)", 2.0),
        ('(1000.0, "ff")', 2.0),
        ('(1.0000, "pf")', 2.0),
        ("(1,ff)", 0.002),
        ('("1", "ff")', 0.002),
        ("(0.1, PF)", 0.2),
    ],
)
def test_capacitance_units(parsed, instead, capacitance_ff):
    found = parsed(library(header=HEADER.replace("(1, pf)", instead)))
    assert found.cells["INV"].pins["A"].capacitance_ff == pytest.approx(capacitance_ff)


@pytest.mark.parametrize(
    ("given", "instead"),
    [
        ("cell (INV)", 'cell ("INV")'),
        ("cell (INV)", "cell\\\n(INV) /* comment */ \\\n"),
        ("pin (A)", 'pin ( "A" )'),
        ("pin (Y) {", "pin(Y)\n\n{ // the output"),
        ("direction : input;", "direction:input ;"),
        ("area : 1.5;", 'area : "1.5"; /* um2 */ comment : "a { brace and a \\" quote";'),
        ("area : 1.5;", "area : 1.5 /* um2 */ ;"),
        ("area : 1.5;", "area : 1.5;;\n revision : .x.x\n voltage_map (vdd!, 1.55) ;;"),
        ('function : "!A";', "function : !A ;"),
        ('function : "!A";', "function : (A)' ;"),
        ('function : "!A";', r'function : "(A\')";'),
        (
            "nom_voltage : 1.0;",
            'receiver_capacitance_rise_threshold_pct\\\n ("0, 30.0"); nom_voltage : 1.0',
        ),
        ("(1, pf)", '("1.000000", \\\n "pf")'),
        ("pin (A) {", "pin (A) { input_voltage : default; vil : 0.3 * VDD ;"),
        ("timing ()", 'timing ("A_Y")'),
        ('related_pin : "A";', "related_pin : A ;"),
        ('"1, 2, 4", "3, 4, 6"', '\\\n "1, 2, 4", \\\n /* slow (worst) */ "3, 4, 6" \\\n'),
        ('"1, 2, 4", "3, 4, 6"', "1, 2, 4, 3, 4, 6"),
        ('"1, 2, 4", "3, 4, 6"', '"1 2 4" "3.0e0 +4 6."'),
        ("cell (INV)", "pg_pin (VDD) { pg_type : primary_power; } cell (INV)"),
        ("cell (INV)", 'wire_load ("s") { fanout_length (1, 2.0); } cell (INV)'),
        ("cell (INV)", "define_cell_area (pads, slots); cell (INV)"),
        ("}\n  }\n", "};\n  };\n"),
        ("\n", "\r\n"),
        ("library (demo)", "\ufefflibrary (demo)"),
        ("library (demo)", "/* head\n */\n// more\nlibrary\n  (demo)\n"),
        ("nom_voltage : 1.0;", "operating_conditions (typ) { voltage : 1.0; temperature : 25; }"),
    ],
)
def test_another_spelling_of_the_same_library(parsed, given, instead):
    text = library()
    assert given in text
    one, other = parsed(text), parsed(text.replace(given, instead))
    assert set(one.cells) == set(other.cells)
    assert (one.voltage_v, one.temperature_c) == (other.voltage_v, other.temperature_c)
    assert one.cells["INV"].area_um2 == other.cells["INV"].area_um2
    assert one.cells["INV"].pins.keys() == other.cells["INV"].pins.keys()
    assert delay(one, 17, 3) == delay(other, 17, 3)


def test_leakage_of_several_supplies_adds_up(parsed):
    states = "".join(
        f'leakage_power () {{ value : {value}; when : "{when}"; related_pg_pin : {supply}; }}'
        for when, supply, value in (
            ("A", "VDD", 3), ("A", "VSS", 1), ("!A", "VDD", 6), ("!A", "VSS", 0),
        )
    )  # fmt: skip
    inverter = INVERTER.replace("cell_leakage_power : 2.0;", states)
    cell = parsed(library(inverter)).cells["INV"]
    assert [(leakage.when, leakage.power_nw) for leakage in cell.leakages] == [("A", 4), ("!A", 6)]
    assert cell.leakage_nw == 5


def test_leakage_of_the_whole_cell_beside_that_of_its_supplies_counts_once(parsed):
    parts = "".join(
        f'leakage_power () {{ value : {value}; when : "A"; {supply} }}'
        for supply, value in (
            ("related_pg_pin : VDD;", 3), ("", 4), ("related_pg_pin : VSS;", 1),
        )
    )  # fmt: skip
    cell = parsed(library(INVERTER.replace("cell_leakage_power : 2.0;", parts))).cells["INV"]
    assert [leakage.power_nw for leakage in cell.leakages] == [4]


def test_power_levels_are_the_supplies_of_older_files(parsed):
    parts = "".join(
        f'leakage_power () {{ value : {value}; power_level : "{supply}"; }}'
        for supply, value in (("VDD1", 3), ("VDD2", 1))
    )
    cell = parsed(library(INVERTER.replace("cell_leakage_power : 2.0;", parts))).cells["INV"]
    assert cell.leakage_nw == 4


def test_leakage_by_density_where_nothing_else_is_stated(parsed):
    header = HEADER + "  default_leakage_power_density : 2.0;\n"
    bare = INVERTER.replace("cell_leakage_power : 2.0;", "")
    assert parsed(library(bare, header=header)).cells["INV"].leakage_nw == 3.0


def test_internal_power_of_several_supplies_adds_up(parsed):
    """Per cause and condition, over supplies; groups that name no supply stay apart."""

    def power(value, when="", supply=""):
        condition = f'when : "{when}"; ' * bool(when)
        pin = f"related_pg_pin : {supply}; " * bool(supply)
        return (
            f'internal_power () {{ related_pin : "A"; {condition}{pin}'
            f'power (scalar) {{ values ("{value}"); }} }}\n'
        )

    groups = [
        power(1, "B", "VDD"), power(2, "B", "VSS"), power(4, "!B", "VDD"), power(8, "!B", "VSS"),
        power(16), power(32),
    ]  # fmt: skip
    inverter = INVERTER.replace("timing ()", "".join(groups) + "timing ()")
    found = parsed(library(inverter)).cells["INV"].pins["Y"].powers
    energies = [(power.when, power.rise.at(1, 1)) for power in found]
    assert energies == [("B", 3000), ("!B", 12000), ("", 16000), ("", 32000)]


def test_a_bus_is_one_pin_of_its_width(parsed):
    macro = """
  type (bus8) { base_type : array; data_type : bit; bit_width : 8; bit_from : 7; bit_to : 0; }
  cell (RAM) {
    area : 900;
    memory () { type : ram; address_width : 6; word_width : 8; }
    bus (D) { bus_type : bus8; direction : input; capacitance : 0.003;
      pin (D[7:0]) { internal_power () { power (scalar) { values ("0.5"); } } } }
    bundle (Q) { members (Q0, Q1); direction : output; }
  }
"""
    cell = parsed(library(macro)).cells["RAM"]
    data = cell.pins["D"]
    assert (data.width, data.capacitance_ff) == (8, pytest.approx(3))
    assert data.powers[0].rise.at(10, 10) == data.powers[0].fall.at(1, 1) == pytest.approx(500)
    assert cell.pins["Q"].width == 2
    assert (cell.memory.address_bits, cell.memory.word_bits) == (6, 8)


def test_what_is_not_read_is_stepped_over_whatever_it_holds(parsed):
    strange = """
        output_current_rise () { vector (v) { values ("1, } 2, {"); } /* } */ }
        ocv_sigma_cell_rise (delay_2x3) { values ("nothing of use"); }
        related_pin : "A";"""
    found = parsed(library(INVERTER.replace('related_pin : "A";', strange)))
    assert delay(found, 17, 3) == delay(parsed(library()), 17, 3)


def test_a_cell_that_stands_twice_is_read_once_and_noted(parsed):
    found = parsed(library(INVERTER, INVERTER.replace("area : 1.5", "area : 9")))
    assert found.cells["INV"].area_um2 == 1.5
    (note,) = found.notes
    assert note.startswith("cell INV stands twice, again on line ")


def test_a_unit_that_is_not_stated_is_noted(parsed):
    header = HEADER.replace('leakage_power_unit : "1nW";', "")
    found = parsed(library(header=header))
    assert found.notes == ("leakage_power_unit is not stated; taken as 1nW, the usual one",)


def test_zipped_text_is_the_same_library(parsed):
    one, other = parsed(library()), parsed(gzip.compress(library().encode()), "demo.lib.gz")
    assert delay(one, 17, 3) == delay(other, 17, 3)
    assert one.files[0].sha256 != other.files[0].sha256


def test_several_files_of_one_corner_are_one_library(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).write_text(library(INVERTER.replace("INV", name.upper())))
    found = read([tmp_path / "one", tmp_path / "two"])
    assert set(found.cells) == {"ONE", "TWO"}
    assert [file.name for file in found.files] == ["one", "two"]


def test_files_of_different_corners_are_no_library(tmp_path):
    (tmp_path / "one").write_text(library())
    (tmp_path / "two").write_text(library().replace("nom_voltage : 1.0", "nom_voltage : 0.9"))
    with pytest.raises(SpecError, match=r"voltage_v 0.9 differs from 1.0 of one"):
        read([tmp_path / "one", tmp_path / "two"])
