"""What files hold together, and what none of them does."""

import dataclasses
import shutil

import pytest
from liberty_styles import PARTS, STYLE, Part, but, changed

from asicbnn.errors import SpecError
from asicbnn.technology.cell_entries import CellEntry
from asicbnn.technology.liberty.importing import import_liberty


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
