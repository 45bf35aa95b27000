"""Cells are known by what they do, and what a library lacks is composed of what it has."""

import dataclasses
import re
import shutil
from statistics import geometric_mean

import pytest
from liberty_styles import PARTS, STYLES, Line, Part

from asicbnn.errors import SpecError
from asicbnn.technology.cell_entries import CellEntry
from asicbnn.technology.composition import resolve
from asicbnn.technology.liberty.anchors import anchors
from asicbnn.technology.liberty.choice import choose, drive_of, threshold_of
from asicbnn.technology.liberty.importing import import_liberty
from asicbnn.technology.liberty.reader import read_file

STYLE = STYLES["skywater"]


def but(*left_out, **others):
    """The parts of the test library without some, and with others instead."""
    parts = {name: part for name, part in PARTS.items() if name not in left_out}
    return parts | others


@pytest.fixture
def chosen(tmp_path):
    """Return the choice among parts."""

    def of(parts, style=STYLE):
        path = tmp_path / "some.lib"
        path.write_text(style.library(parts))
        return choose(read_file(path))

    return of


@pytest.fixture
def entries(tmp_path):
    """Return the cells of the technology that parts make, resolved, and the file."""

    def of(parts, style=STYLE):
        path = tmp_path / "some.lib"
        path.write_text(style.library(parts))
        file = import_liberty([path], "some").file
        volts, inverter_ff = file.voltage_v.value, file.inverter_capacitance_ff.value
        return resolve(file.cells, volts, inverter_ff), file

    return of


def changed(name, **changes):
    return dataclasses.replace(PARTS[name], **changes)


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


def test_corners_of_one_name_voltage_and_temperature_have_sources_of_their_own(tmp_path):
    """Processes whose files say the same of themselves are told apart by process, else by file."""
    paths = []
    for name, scale in (("cells_tt", 1.0), ("cells_ss", 1.5), ("cells_ff", 0.7), ("more", 1.2)):
        paths.append(tmp_path / f"{name}.lib")
        paths[-1].write_text(dataclasses.replace(STYLE, ps=scale * STYLE.ps).library())
    file = import_liberty([*paths, shutil.copy(paths[-1], tmp_path / "again.lib")], "many").file
    assert [corner.delay_ratio for corner in file.corners] == pytest.approx(
        [1.5, 0.7, 1.2, 1.2], rel=1e-3
    )
    assert len({corner.name for corner in file.corners}) == 4
    for corner, own in zip(file.corners, ("ss", "ff", "more", "again"), strict=True):
        assert own in corner.name
        assert f"{own}.lib" in file.sources[corner.source]


@pytest.mark.parametrize("order", [("R", "L"), ("L", "R")])
def test_of_equal_cells_those_of_the_file_given_first(tmp_path, order):
    """Two threshold voltages that no attribute tells apart: pins alone would mix them."""
    for name in order:
        style = dataclasses.replace(STYLE, cell_name=f"{{}}x1_{name}".format, ff=STYLE.ff)
        text = style.library()
        lighter = "NAND2" if name == "R" else "NOR2"
        start = text.index(f"  cell ({lighter}x1_{name})")
        changed_cell = text[start:].replace("capacitance : 0.002", "capacitance : 0.001", 2)
        (tmp_path / f"{name}.lib").write_text(text[:start] + changed_cell)
    cells = import_liberty([tmp_path / f"{name}.lib" for name in order], "two").file.cells
    assert {cell.cell[-1] for cell in cells.values() if isinstance(cell, CellEntry)} == {order[0]}


def test_a_cell_marked_for_clocks_is_a_clock_buffer_whatever_its_name(chosen):
    clock = {"TREE": PARTS["BUF"]}
    found = chosen({}, marked_and_not(clock, "    is_clock_cell : true;", **PARTS))
    assert "TREE" in found.get("clock_buffer").cell.name
    assert "BUF" in found.get("buffer").cell.name


def test_functions_that_cannot_be_read_are_told(tmp_path):
    path = tmp_path / "odd.lib"
    path.write_text(STYLE.library(but(NAND2=changed("NAND2", functions={"Y": "A nand B ?"}))))
    line = path.read_text()[: path.read_text().index("vendor__NAND2")].count("\n") + 1
    said = (
        "functions that cannot be read: 1 cell is passed over, 'A nand B ?' of vendor__NAND2_1 "
        f"(line {line}) the first"
    )
    assert said in import_liberty([path], "odd").notes
    path.write_text(STYLE.library({"INV": changed("INV", functions={"Y": "not(A"})}))
    with pytest.raises(SpecError, match=r"no inverter(.|\n)*functions that cannot be read"):
        import_liberty([path], "odd")


def test_a_state_table_alone_is_no_flop_and_told(tmp_path):
    path = tmp_path / "tables.lib"
    text = STYLE.library(but("DFFR"))
    table = 'statetable ("D CK", "IQ") { table : "H R : - : H, L R : - : L, - ~R : - : N"; }'
    path.write_text(re.sub(r"ff \([^)]*\) \{[^}]*\}", table, text))
    line = path.read_text()[: path.read_text().index("vendor__DFF")].count("\n") + 1
    said = rf"the statetable of vendor__DFF_1 \(line {line}\) the first"
    with pytest.raises(SpecError, match=rf"no flop(.|\n)*{said}"):
        import_liberty([path], "tables")


def test_energy_that_only_inputs_state_is_that_of_the_outputs_they_move(entries):
    """Of a gate: a flip-flop's clock and data have energies of their own."""
    of_outputs, _ = entries(PARTS)
    text = STYLE.library()
    power = r"      internal_power \(\) \{(?:[^{}]|\{[^{}]*\})*\}\n?"
    for name in ("NAND2", "XOR2", "DFF"):
        start = text.index(f'  cell ("vendor__{name}_1")')
        end = text.index("  cell (", start + 8) if "  cell (" in text[start + 8 :] else len(text)
        cell = text[start:end]
        at_output = cell.index("direction : output")
        moved = re.findall(power, cell[at_output:])[0].replace('related_pin : "A";', "")
        cell = cell[:at_output] + re.sub(power, "", cell[at_output:])
        if name != "DFF":
            for pin in "AB":
                cell = cell.replace(f"pin ({pin}) {{", f"pin ({pin}) {{\n{moved}")
        text = text[:start] + cell + text[end:]

    class Moved:
        def library(self, _):
            return text

    of_inputs, file = entries(PARTS, Moved())
    for role in ("nand2", "xor2"):
        expected = of_outputs[role].internal_energy_fj
        assert of_inputs[role].internal_energy_fj == pytest.approx(expected)
    assert "scaled" in file.cells["flop"].note


def test_rise_and_fall_of_a_clock_in_groups_of_their_own_are_both_of_a_cycle(entries):
    together, _ = entries(PARTS)
    text = STYLE.library().replace(
        " fall_power (passive)", " } internal_power () { fall_power (passive)"
    )
    assert text != STYLE.library()

    class Apart:
        def library(self, _):
            return text

    apart, _ = entries(PARTS, Apart())
    assert apart["flop"].clock_energy_fj == pytest.approx(together["flop"].clock_energy_fj)


@pytest.mark.parametrize(
    ("what", "so"),
    [
        ("internal power", "it is scaled from sky130hd, asap7, ihp_sg13g2 by the load of four in"),
        ("leakage", "it is taken as none, and too low"),
    ],
)
def test_figures_of_power_that_a_file_lacks_are_told(tmp_path, what, so):
    path = tmp_path / "mute.lib"
    text = STYLE.library()
    if what == "leakage":
        text = text.replace("cell_leakage_power : 0.02", "cell_leakage_power : 0")
    else:
        text = re.sub(r"(rise|fall)_power \(", "no_power (", text)
    path.write_text(text)
    (note,) = import_liberty([path], "mute").notes
    assert note.startswith(f"no {what} is stated for 15 of the 15 cells taken, vendor__INV_1 the")
    assert f"the first: {so}" in note


@pytest.mark.parametrize("gone", ["tables", "groups"])
def test_internal_energy_that_no_file_states_is_scaled_by_the_load(entries, gone):
    """By the geometric mean of what three processes have, each over its own load."""
    pattern = {
        "tables": (r"(rise|fall)_power \(", "no_power ("),
        "groups": (r"internal_power \(\) \{(?:[^{}]|\{[^{}]*\})*\}", ""),
    }[gone]

    class Mute:
        def library(self, _):
            return re.sub(*pattern, STYLE.library())

    cells, file = entries(PARTS, Mute())
    load_fj = load_energy_fj(file)
    for role in ("inverter", "nand2", "mux2", "flop", "clock_tree_buffer"):
        alike = [(entry_of_kind(its, role), load_energy_fj(its)) for its in anchors().values()]
        found = [(entry, its_load_fj) for entry, its_load_fj in alike if entry is not None]
        inside = geometric_mean(entry.internal_energy_fj / its_load for entry, its_load in found)
        assert cells[role].internal_energy_fj == pytest.approx(inside * load_fj, rel=1e-3)
        assert cells[role].toggle_energy_fj == pytest.approx((inside + 1) * load_fj, rel=1e-3)
        assert "scaled by the load" in file.cells[role].note
    clocks = [entry_of_kind(its, "flop").clock_energy_fj / load_energy_fj(its) for its in
              anchors().values()]  # fmt: skip
    expected_fj = geometric_mean(clocks) * load_fj
    assert cells["flop"].clock_energy_fj == pytest.approx(expected_fj, rel=1e-3)


def load_energy_fj(file):
    return 2 * file.inverter_capacitance_ff.value * file.voltage_v.value**2


def entry_of_kind(file, role):
    """The measured cell of a role, or of one that stands in for it."""
    measured = {key: entry for key, entry in file.cells.items() if isinstance(entry, CellEntry)}
    return measured.get(role) or next((measured[k] for k in measured if k.startswith(role)), None)


def test_scaled_energy_moves_with_the_corner_as_the_load_does(tmp_path):
    slow = dataclasses.replace(STYLE, ps=2 * STYLE.ps)
    paths = [tmp_path / "tt.lib", tmp_path / "ss.lib"]
    for path, style in zip(paths, (STYLE, slow), strict=True):
        text = re.sub(r"(rise|fall)_power \(", "no_power (", style.library())
        path.write_text(text)
    (corner,) = import_liberty(paths, "mute").file.corners
    assert corner.energy_ratio == pytest.approx(1)


def test_files_of_one_voltage_and_two_processes_are_told_apart_in_any_order(tmp_path):
    """Half of each library in a file: the halves of a process find each other."""
    halves = {"a": list(PARTS)[:8], "b": list(PARTS)[8:]}
    paths = {}
    for process, scale in (("tt", 1.0), ("ss", 1.5)):
        style = dataclasses.replace(STYLE, ps=scale * STYLE.ps)
        for half, names in halves.items():
            paths[process + half] = tmp_path / f"cells_{half}_{process}_025C.lib"
            text = style.library({name: PARTS[name] for name in names})
            paths[process + half].write_text(text)
    order = [paths[name] for name in ("tta", "ssa", "ssb", "ttb")]
    (corner,) = import_liberty(order, "two").file.corners
    assert corner.delay_ratio == pytest.approx(1.5, rel=1e-3)


def test_a_cell_without_area_is_passed_over_and_named(chosen):
    found = chosen(but(LATCH=changed("LATCH", area=0)))
    assert found.get("latch") is None
    assert found.notes == ("latch: vendor__LATCH_1 has no area and is passed over",)


def area(*names):
    return sum(PARTS[name].area for name in names)


@pytest.mark.parametrize(
    ("role", "left_out", "made_of"),
    [
        ("half_adder", ["HA"], ["XOR2", "AND2"]),
        ("full_adder", ["FA"], ["XOR2", "XOR2", "NAND2", "NAND2", "NAND2"]),
        ("and2", ["AND2"], ["NAND2", "INV"]),
        ("or2", ["OR2"], ["NOR2", "INV"]),
        ("xor2", ["XOR2"], ["XNOR2", "INV"]),
        ("xnor2", ["XNOR2"], ["XOR2", "INV"]),
        ("xor2", ["XOR2", "XNOR2"], ["NAND2"] * 4),
        ("mux2", ["MUX2"], ["NAND2", "NAND2", "NAND2", "INV"]),
        ("latch", ["LATCH"], ["MUX2"]),
        ("latch", ["LATCH", "MUX2"], ["NAND2"] * 4),
        ("buffer", ["BUF"], ["INV", "INV"]),
        ("clock_gate", ["ICG"], ["LATCH", "AND2", "INV"]),
        ("clock_gate", ["ICG", "LATCH", "AND2"], ["MUX2", "NAND2", "INV", "INV"]),
        ("flop", ["DFF"], ["DFFR"]),
        ("flop_with_reset", ["DFFR"], ["DFF", "AND2"]),
        ("nor2", ["NOR2"], ["OR2", "INV"]),
        ("or2", ["OR2", "NOR2"], ["NAND2", "INV", "INV"]),
        ("nor2", ["OR2", "NOR2"], ["NAND2", "INV", "INV", "INV"]),
        ("nand2", ["AND2", "NAND2"], ["NOR2", "INV", "INV", "INV"]),
    ],
)
def test_a_role_that_is_missing_is_composed_of_the_least_area(entries, role, left_out, made_of):
    cells, file = entries(but(*left_out))
    assert not isinstance(file.cells[role], CellEntry)
    assert cells[role].composed
    assert cells[role].area_um2 == pytest.approx(area(*made_of))
    assert cells[role].note


def test_a_composed_and_by_hand(entries):
    """NAND2 and inverter: both switch, the inverter's pin is charged, the delays add."""
    cells, file = entries(but("AND2"))
    volts, pin_ff = file.voltage_v.value, file.inverter_capacitance_ff.value
    nand, inverter = cells["nand2"], cells["inverter"]
    inside = nand.internal_energy_fj + inverter.internal_energy_fj + 0.5 * pin_ff * volts**2
    assert cells["and2"].internal_energy_fj == pytest.approx(inside)
    assert cells["and2"].delay_fo4_ps == pytest.approx(nand.delay_fo4_ps + inverter.delay_fo4_ps)
    assert cells["and2"].input_capacitance_ff == pytest.approx(nand.input_capacitance_ff)
    assert cells["and2"].leakage_nw == pytest.approx(nand.leakage_nw + inverter.leakage_nw)


def test_parts_that_are_composed_themselves_are_opened_by_hand(entries):
    """A half adder whose AND2 is NAND2 and inverter: two outputs share what switches inside."""
    cells, file = entries(but("HA", "AND2"))
    volts, pin_ff = file.voltage_v.value, file.inverter_capacitance_ff.value
    parts_fj = sum(cells[part].internal_energy_fj for part in ("xor2", "nand2", "inverter"))
    inside_fj = parts_fj + 0.5 * pin_ff * volts**2
    assert cells["half_adder"].internal_energy_fj == pytest.approx(inside_fj / 2)
    path_ps = cells["nand2"].delay_fo4_ps + cells["inverter"].delay_fo4_ps
    assert cells["half_adder"].carry_delay_fo4_ps == pytest.approx(path_ps)


def test_the_clock_of_a_composed_clock_gate_by_hand(entries):
    """The latch's own, and in every cycle two edges on the AND's pin and on an inverter."""
    cells, file = entries(but("ICG"))
    volts = file.voltage_v.value
    latch, gate, inverter = cells["latch"], cells["and2"], cells["inverter"]
    pins_fj = (gate.input_capacitance_ff + inverter.input_capacitance_ff) * volts**2
    wanted = latch.clock_energy_fj + pins_fj + 2 * inverter.internal_energy_fj
    assert cells["clock_gate"].clock_energy_fj == pytest.approx(wanted)


def test_the_gate_equivalent_is_the_nand2_that_there_is_or_is_composed(entries):
    assert entries(PARTS)[1].gate_equivalent_um2.value == area("NAND2")
    composed = entries(but("NAND2"))[1].gate_equivalent_um2.value
    assert composed == pytest.approx(area("AND2", "INV"))


def test_a_flop_of_inverted_output_takes_an_inverter(entries):
    cells, file = entries(but("DFF", "DFFR", DFF=changed("DFF", functions={"Q": "!IQ"})))
    assert cells["flop"].area_um2 == pytest.approx(area("DFF", "INV"))
    assert file.cells["flop"].clocked_by == "flop_inverting"
    assert "inverted output" in cells["flop"].note


def test_a_flop_with_a_second_output_costs_what_both_do_and_is_as_fast_as_the_one_used(entries):
    """The state's complement switches with it, though nothing hangs there; it is the faster one."""
    both = changed("DFF", functions={"Q": "IQ", "QN": "IQN"})
    text = STYLE.library({"DFF": both})
    slower = text.index("pin (Q)"), text.index("pin (QN)")
    fast = STYLE.library({"DFF": changed("DFF", functions={"Q": "IQ"}, delay=Line(90, 2, 0.1))})
    used = fast[fast.index("    pin (Q)") : fast.rindex("  }\n}")]
    cell = text[: slower[0] - 4] + used + text[slower[1] - 4 :]

    class Both:
        def library(self, _):
            cells = cell[cell.index("  cell (") : cell.rindex("}")]
            whole = STYLE.library(but("DFF"))
            return whole[: whole.rindex("}")] + cells + "}\n"

    cells, _ = entries({}, Both())
    (alone, _), flop = entries(PARTS), cells["flop"]
    assert flop.internal_energy_fj == pytest.approx(2 * alone["flop"].internal_energy_fj)
    assert flop.delay_fo4_ps == pytest.approx(alone["flop"].delay_fo4_ps + 40)
    charge_fj = alone["flop"].toggle_energy_fj - alone["flop"].internal_energy_fj
    assert flop.toggle_energy_fj - flop.internal_energy_fj == pytest.approx(charge_fj)


def test_energy_that_one_table_holds_for_both_outputs_counts_once(entries):
    """Older files name the other output in the group, and may have the group at both of them."""
    both = changed("DFF", functions={"Q": "IQ", "QN": "IQN"})
    text = STYLE.library(but(DFF=both))
    start = text.index("pin (Q)", text.index("vendor__DFF_1"))
    end = text.index("vendor__DFFR_1")
    middle = text.index("pin (QN)", start)
    power = 'internal_power () {\n        equal_or_opposite_output : "'
    told = text[start:middle].replace("internal_power () {", f'{power}QN";')
    told += text[middle:end].replace("internal_power () {", f'{power}Q";')

    class Told:
        def library(self, _):
            return text[:start] + told + text[end:]

    (alone, _), (cells, _) = entries(PARTS), entries({}, Told())
    wanted_fj = alone["flop"].internal_energy_fj
    assert cells["flop"].internal_energy_fj == pytest.approx(wanted_fj)


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


def test_an_adder_of_inverted_outputs_takes_two_inverters(entries):
    inverted = changed("FA", functions={"S": "!(A^B^C)", "CO": "!((A&B)|(A&C)|(B&C))"})
    cells, _ = entries(but(FA=inverted))
    assert cells["full_adder"].area_um2 == pytest.approx(area("FA", "INV", "INV"))


def test_the_carry_of_an_adder_is_told_from_its_sum(entries):
    cells, file = entries(PARTS)
    assert file.cells["full_adder"].carry_delay_fo4_ps == cells["full_adder"].carry_delay_fo4_ps
    swapped = changed("HA", functions={"P": "A&B", "Q": "A^B"})
    cells, _ = entries(but(HA=swapped))
    assert not cells["half_adder"].composed


@pytest.mark.parametrize(
    ("left_out", "sentence"),
    [
        (["INV"], "some.lib: the library has no inverter"),
        (["DFF", "DFFR"], "some.lib: the library has no flop and no flop_with_reset, nor cells"),
        (["NAND2", "AND2", "NOR2", "OR2"], "some.lib: the library has no nand2 and no nor2 and no"),
    ],
)
def test_a_library_that_lacks_too_much(entries, left_out, sentence):
    with pytest.raises(SpecError) as found:
        entries(but(*left_out))
    assert str(found.value).startswith(sentence)


def test_a_cell_without_tables_is_refused_with_its_line(tmp_path):
    text = STYLE.library({"INV": PARTS["INV"], "NAND2": PARTS["NAND2"]})
    start = text.index("vendor__NAND2_1")
    bare = text[:start] + text[start:].replace("cell_rise", "no_rise").replace(
        "cell_fall", "no_fall"
    )
    path = tmp_path / "bare.lib"
    path.write_text(bare)
    with pytest.raises(SpecError) as found:
        import_liberty([path], "bare")
    line = bare[:start].count("\n") + 1
    assert str(found.value) == (
        f"{path}:{line}: cell 'vendor__NAND2_1': no output has a cell_rise or cell_fall table"
    )


def test_a_file_that_holds_nothing_of_use_is_passed_over(tmp_path):
    """Pads, or a macro that no memory group tells of, of another voltage than the cells."""
    cells, macro = tmp_path / "cells.lib", tmp_path / "macro.lib"
    cells.write_text(STYLE.library())
    macro.write_text(
        STYLE.library({"RAM": PARTS["FA"]}).replace('"A^B^C"', '""').replace("1.2;", "1.1;")
    )
    for order in ([cells, macro], [macro, cells]):
        done = import_liberty(order, "both")
        assert not done.file.corners
        assert "macro.lib holds no cell that plays a role and is passed over" in done.notes
    with pytest.raises(SpecError, match=r"macro\.lib: the library has no inverter"):
        import_liberty([macro], "alone")


def test_a_file_of_gates_without_a_role_is_part_of_the_library_it_is_of(tmp_path):
    """Such as a file of AND-OR gates: it is of the cells' corner, and a source like the others."""
    cells, gates = tmp_path / "cells.lib", tmp_path / "gates.lib"
    cells.write_text(STYLE.library())
    wide = changed("FA", functions={"S": "A&B|C", "CO": "!(A&B|C)"})
    gates.write_text(STYLE.library({"AO21": wide}))
    done = import_liberty([gates, cells], "both")
    assert not done.notes
    assert not done.file.corners
    assert all(name in done.file.sources["cells"] for name in ("gates.lib", "cells.lib"))


def test_memory_macros_beside_the_cells_are_passed_over(tmp_path):
    cells, macro = tmp_path / "cells.lib", tmp_path / "macro.lib"
    cells.write_text(STYLE.library())
    marked = dataclasses.replace(
        STYLE, around_cell="    memory () { type : ram; address_width : 4; }"
    )
    macro.write_text(marked.library({"RAM": Part({"Q": ""}, 900, *[PARTS["INV"].delay] * 2, "A")}))
    found = import_liberty([cells, macro], "both")
    (note,) = found.notes
    assert note.startswith("macro.lib holds memory macros alone and is passed over")
    with pytest.raises(SpecError, match=r"^the files hold memory macros alone"):
        import_liberty([macro], "macro")
