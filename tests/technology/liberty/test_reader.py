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
