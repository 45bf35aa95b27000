"""Cells are known by what they do, and of several the plain one is taken."""

import dataclasses
import re

import pytest
from liberty_styles import PARTS, STYLE, Line, but, changed

from asicbnn.errors import SpecError
from asicbnn.technology.liberty.choice import choose, drive_of, threshold_of
from asicbnn.technology.liberty.importing import import_liberty
from asicbnn.technology.liberty.reader import read_file


@pytest.mark.parametrize(
    ("name", "drive"),
    [
        ("INV_X1", 1), ("INV_X16", 16), ("sky130_fd_sc_hd__inv_2", 2), ("INVx1_ASAP7_75t_R", 1),
        ("NAND2xp5_ASAP7_75t_R", 0.5), ("NAND2x1p5_ASAP7_75t_R", 1.5), ("INVD0BWP7T30P140", 0),
        ("ND2D1BWP", 1), ("MUX2X1", 1), ("MUX2_X2", 2), ("AND2D4", 4), ("BUF_X0P5M_A12TR", 0.5),
        ("gt2_6t_inv_x1_w13_svt", 1), ("AOI21", None), ("inverter", None), ("XOR2X1", 1),
    ],
)  # fmt: skip
def test_the_drive_a_name_ends_in(name, drive):
    assert drive_of(name) == drive


@pytest.mark.parametrize(
    ("function", "role"),
    [
        ("!(A&B)", "nand2"), ("!A|!B", "nand2"), ("A'+B'", "nand2"), ("!A&!B", "nor2"),
        ("(A' B')'", "or2"), ("A^B", "xor2"), ("A^B^1", "xnor2"),
        ("(A B)+(A' B')", "xnor2"), ("A&B&1", "and2"),
    ],
)  # fmt: skip
def test_a_gate_is_known_by_its_function_however_it_is_written(chosen, function, role):
    parts = {"INV": PARTS["INV"], "ODD": changed("NAND2", functions={"Y": function})}
    assert chosen(parts).get(role).cell.name == "vendor__ODD_1"


def test_the_inputs_of_a_multiplexer_in_any_order(chosen):
    swapped = changed("MUX2", functions={"Y": "(S&A)|(B&!A)"})
    match = chosen(but(MUX2=swapped)).get("mux2")
    assert match.clock == "A"  # the pin that selects


def test_a_gate_that_depends_on_one_input_alone_is_no_gate(chosen):
    assert chosen(but("NAND2", ODD=changed("NAND2", functions={"Y": "A"}))).get("nand2") is None


def test_the_smallest_of_several_then_unit_drive(chosen):
    smaller = changed("NAND2", area=1.2)
    assert "SMALL" in chosen(but(SMALL=smaller)).get("nand2").cell.name


@pytest.mark.parametrize(
    ("offered", "taken"),
    [("012", "1"), ("024", "0"), ("24", "2"), ("0", "0")],
)
def test_of_equal_cells_unit_drive_or_the_strongest_below_it(chosen, offered, taken):
    plain = dataclasses.replace(STYLE, cell_name=lambda n: n)
    parts = {f"INV_{drive}": PARTS["INV"] for drive in offered}
    assert chosen(parts, plain).get("inverter").cell.name == f"INV_{taken}"


def test_cells_marked_dont_use_only_where_nothing_else_fits(chosen):
    marked = dataclasses.replace(STYLE, around_cell="    dont_use : true;")
    text = marked.library({"ICG": PARTS["ICG"], "NAND2": changed("NAND2", area=0.1)})
    cells = text[text.index("  cell (") : text.rindex("}")]
    whole = STYLE.library(but("ICG", NAND=PARTS["NAND2"]))
    both = whole[: whole.rindex("}")] + cells.replace("NAND2", "LOW") + "}\n"

    class Both:
        def library(self, _):
            return both

    found = chosen({}, Both())
    assert "LOW" not in found.get("nand2").cell.name
    assert "ICG" in found.get("clock_gate").cell.name
    assert any("is marked dont_use; nothing else fits" in note for note in found.notes)


@pytest.mark.parametrize(
    "mark",
    [
        "is_level_shifter : true;", "is_isolation_cell : true;", "always_on : true;",
        "pad_cell : true;", "is_filler_cell : true;", "is_macro_cell : true;",
        'power_gating_cell : "ret_1";', 'retention_cell : "DRFF";', 'level_shifter_type : "HL";',
        "pin (P) { direction : output; is_pad : true; }",
        "pin (P) { direction : input; isolation_cell_enable_pin : true; }",
        "pin (P) { direction : input; level_shifter_data_pin : true; }",
        'pin (P) { direction : input; retention_pin (save_restore, "1"); }',
        "pin (P) { direction : output; driver_type : open_drain; }",
        'pin (P) { direction : output; driver_type : "pull_up"; }',
    ],
)  # fmt: skip
def test_cells_for_other_purposes_are_never_taken(chosen, mark):
    marked = dataclasses.replace(STYLE, around_cell=f"    {mark}")
    assert chosen({"NAND2": PARTS["NAND2"]}, marked).get("nand2") is None


@pytest.mark.parametrize(
    "mark", ["scan", "retention_cell : ret;"], ids=["scan", "scan and retention"]
)
def test_a_scan_flop_stands_in_where_there_is_no_other_but_none_that_retains(chosen, mark):
    scan = "    test_cell () { }\n    " + mark.replace("scan", "")
    flop = chosen({}, marked_and_not({"DFF": PARTS["DFF"]}, scan, INV=PARTS["INV"])).get("flop")
    assert (flop is None) == ("retention" in mark)


def marked_and_not(marked, around, **named):
    """One library of two styles of cells: those named stand between ``around``."""
    one = STYLE.library(named)
    other = dataclasses.replace(STYLE, around_cell=around).library(marked)
    cells = other[other.index("  cell (") : other.rindex("}")]

    class Both:
        def library(self, _):
            return one[: one.rindex("}")] + cells + "}\n"

    return Both()


def test_a_cell_of_several_supplies_only_where_nothing_else_fits(chosen):
    two = "".join(
        f'    pg_pin ({pin}) {{ pg_type : "{kind}"; }}\n'
        for pin, kind in (("VDD", "primary_power"), ("VDDH", "primary_power"))
    )
    smaller = {"LOW": changed("NAND2", area=0.1), "ODD": PARTS["NOR2"]}
    found = chosen({}, marked_and_not(smaller, two, INV=PARTS["INV"], NAND2=PARTS["NAND2"]))
    assert "NAND2" in found.get("nand2").cell.name
    assert "ODD" in found.get("nor2").cell.name
    assert found.notes == ("nor2: vendor__ODD_1 is marked supplies; nothing else fits",)


def test_cells_of_one_threshold_voltage_where_a_file_tells(chosen):
    """Else of equal areas each role would go its own way, by the capacitance of its pins."""
    fast = {"QUICK": changed("NAND2", area=0.1), "OR2": PARTS["OR2"]}
    group = "    threshold_voltage_group : LVT;"
    found = chosen({}, marked_and_not(fast, group, INV=PARTS["INV"], NAND2=PARTS["NAND2"]))
    assert "NAND2" in found.get("nand2").cell.name
    assert "OR2" in found.get("or2").cell.name
    (note,) = found.notes
    assert note.startswith("cells of threshold_voltage_group '' are taken, those of 'LVT' only")


@pytest.mark.parametrize(
    ("name", "threshold"),
    [
        ("INVX1_HVT", "hvt"), ("LVT_INVX1", "lvt"), ("INVD1BWP30P140ULVT", "ulvt"),
        ("INVD1BWP30P140", ""), ("INV_X1M_A9TR", "r"), ("INV_X1N_A10P5TSL", "sl"),
        ("INVx1_ASAP7_75t_SL", "sl"), ("ND2LVTD1", "lvt"), ("INV_X1", ""), ("inv_1", ""),
    ],
)  # fmt: skip
def test_the_threshold_a_name_tells(name, threshold):
    assert threshold_of(name) == threshold


def test_cells_of_one_threshold_voltage_where_names_alone_tell(chosen):
    """All cells of a file of two; pins would have the roles go their own ways."""
    plain = dataclasses.replace(STYLE, cell_name="{}".format)
    parts = {}
    for name in ("INV", "NAND2", "NOR2", "BUF", "DFF"):
        parts |= {f"{name}X1_{threshold}": PARTS[name] for threshold in ("HVT", "LVT")}
    text = plain.library(parts)
    for name in ("INVX1_LVT", "NAND2X1_HVT", "BUFX1_HVT", "DFFX1_HVT"):
        start = text.index(f"  cell ({name})")
        text = text[:start] + text[start:].replace("capacitance : 0.002", "capacitance : 0.001", 1)

    class Both:
        def library(self, _):
            return text

    found = chosen({}, Both())
    assert {match.cell.name[-3:] for match in found.by_role.values()} == {"LVT"}
    (note,) = found.notes
    assert note.startswith("cells named 'lvt' are taken, those of 'hvt' only for roles it lacks")


SLOW = Line(500, 3, 0.1)


@pytest.mark.parametrize("name", ["DLYINV", "CLKINV", "CKN", "INVHOLD"])
def test_a_gate_made_for_clocks_or_delay_is_taken_where_there_is_no_other(chosen, name):
    plain = dataclasses.replace(STYLE, cell_name="{}X1".format)
    small = {name: changed("INV", area=0.5)}
    assert chosen(small | {"INV": PARTS["INV"]}, plain).get("inverter").cell.name == "INVX1"
    assert chosen(small, plain).get("inverter").cell.name == f"{name}X1"


@pytest.mark.parametrize(("role", "part"), [("inverter", "INV"), ("buffer", "BUF")])
def test_a_delay_cell_is_known_by_its_delay_whatever_its_name(chosen, role, part):
    parts = {"HUSH": changed(part, area=0.5, delay=SLOW), part: PARTS[part]}
    assert part in chosen(parts).get(role).cell.name


def test_a_strong_cell_does_not_make_a_weak_one_slow(chosen):
    """Ten times less per load, and nearly the same without any."""
    strong = changed("INV", area=4.0, delay=Line(5, 0.2, 0.1))
    found = chosen({"BIG": strong, "LARGE": strong, "INV": PARTS["INV"]})
    assert "INV" in found.get("inverter").cell.name


@pytest.mark.parametrize(
    ("part", "plain", "second"),
    [
        ("DFF", 'clocked_on : "CK";', ' clocked_on_also : "!CK";'),
        ("LATCH", 'enable : "G";', ' enable_also : "!G";'),
    ],
)
def test_a_cell_whose_halves_have_clocks_of_their_own_is_none_of_one(tmp_path, part, plain, second):
    path = tmp_path / "some.lib"
    text = STYLE.library({part: PARTS[part]})
    assert plain in text
    path.write_text(text.replace(plain, plain + second))
    assert not choose(read_file(path)).by_role


def test_a_cell_marked_for_clocks_is_a_clock_buffer_whatever_its_name(chosen):
    clock = {"TREE": PARTS["BUF"]}
    found = chosen({}, marked_and_not(clock, "    is_clock_cell : true;", **PARTS))
    assert "TREE" in found.get("clock_buffer").cell.name
    assert "BUF" in found.get("buffer").cell.name


def test_a_state_table_alone_is_no_flop_and_told(tmp_path):
    path = tmp_path / "tables.lib"
    text = STYLE.library(but("DFFR"))
    table = 'statetable ("D CK", "IQ") { table : "H R : - : H, L R : - : L, - ~R : - : N"; }'
    path.write_text(re.sub(r"ff \([^)]*\) \{[^}]*\}", table, text))
    line = path.read_text()[: path.read_text().index("vendor__DFF")].count("\n") + 1
    said = rf"the statetable of vendor__DFF_1 \(line {line}\) the first"
    with pytest.raises(SpecError, match=rf"no flop(.|\n)*{said}"):
        import_liberty([path], "tables")


def test_a_cell_without_area_is_passed_over_and_named(chosen):
    found = chosen(but(LATCH=changed("LATCH", area=0)))
    assert found.get("latch") is None
    assert found.notes == ("latch: vendor__LATCH_1 has no area and is passed over",)


def test_the_clock_of_a_clock_gate_that_nothing_marks_is_what_its_output_follows(chosen):
    class Unmarked:
        def library(self, _):
            return re.sub(r"clock : true;| clock_gate_\w+ : true;", "", STYLE.library())

    assert chosen({}, Unmarked()).get("clock_gate").clock == "CK"


def test_a_clock_gate_whose_arcs_begin_at_no_pin_of_it_is_none(chosen):
    class Lost:
        def library(self, _):
            text = re.sub(r"clock : true;| clock_gate_\w+ : true;", "", STYLE.library())
            start = text.index("vendor__ICG_1")
            lost = text[start:].replace('related_pin : "CK"', 'related_pin : "CKX"')
            return text[:start] + lost

    assert chosen({}, Lost()).get("clock_gate") is None


def test_an_output_that_is_no_state_does_not_hide_the_one_that_is(chosen):
    odd = changed("DFF", functions={"X": "IQ & D", "Q": "IQ"})
    assert chosen(but(DFF=odd)).get("flop").output == "Q"


def test_the_carry_of_an_adder_is_told_from_its_sum(entries):
    cells, file = entries(PARTS)
    assert file.cells["full_adder"].carry_delay_fo4_ps == cells["full_adder"].carry_delay_fo4_ps
    swapped = changed("HA", functions={"P": "A&B", "Q": "A^B"})
    cells, _ = entries(but(HA=swapped))
    assert not cells["half_adder"].composed
