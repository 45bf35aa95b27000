"""A library cut down to what synthesis may use, and the adders it is given."""

from __future__ import annotations

import re

import pytest
from calibration.small_library import adder, text, written

from asicbnn.calibration.adder_cells import adder_cells
from asicbnn.calibration.mapping_cells import mapping_cells
from asicbnn.errors import SpecError
from asicbnn.technology.liberty import read


def cut(folder, *left_out, **replaced):
    library, path = written(folder, *left_out, **replaced)
    return library, mapping_cells(library, [path])


def test_cells_with_drawbacks_enables_and_large_drives_are_left_out(tmp_path):
    _, cells = cut(tmp_path)
    assert {"ISO", "NEVER", "DFFE", "NAND2_X4"}.isdisjoint(cells.names)
    assert {"INV", "BUF", "NAND2", "NAND2_X2", "NOR2", "XOR2", "FA", "HA", "DFF"} <= cells.names


def test_what_is_cut_reads_as_the_same_cells_without_energies(tmp_path):
    library, cells = cut(tmp_path)
    again = tmp_path / "again.lib"
    again.write_text(cells.text)
    found = read([again])
    assert set(found.cells) == set(cells.names)
    assert "internal_power" not in cells.text
    for name, cell in found.cells.items():
        assert cell.area_um2 == library.cells[name].area_um2
        for pin in cell.pins.values():
            before = library.cells[name].pins[pin.name]
            assert pin.capacitance_ff == before.capacitance_ff
            assert len(pin.arcs) == len(before.arcs)


def test_files_of_one_library_are_joined(tmp_path):
    whole = text()
    at = whole.index("  cell (FA)")
    head = whole[: whole.index("  cell (")]
    (tmp_path / "a.lib").write_text(whole[:at] + "}\n")
    (tmp_path / "b.lib").write_text(head + whole[at:])
    paths = [tmp_path / "a.lib", tmp_path / "b.lib"]
    joined = mapping_cells(read(paths), paths)
    _, one = cut(tmp_path)
    assert joined.names == one.names
    assert joined.text.count("lu_table_template (delay)") == 1


def test_a_library_without_flip_flops_is_refused(tmp_path):
    with pytest.raises(SpecError, match=r"small\.lib: no flip-flop") as refused:
        cut(tmp_path, "DFF", "DFFE")
    assert "give all files of the library" in str(refused.value)


@pytest.mark.parametrize("lost", [("INV",), ("NAND2", "NAND2_X2", "NAND2_X4", "NOR2")])
def test_a_library_without_gates_is_refused(lost, tmp_path):
    with pytest.raises(SpecError, match="so no logic can be mapped"):
        cut(tmp_path, *lost)


def instance(verilog, module):
    return re.search(rf"module {module} .*?endmodule", verilog, re.DOTALL)[0]


def test_adders_are_found_by_function(tmp_path):
    found = adder_cells(*cut(tmp_path))
    assert found.composed == ()
    assert ".A(a), .B(b), .C(c), .S(sum), .CO(carry)" in instance(found.text, "full_adder_cell")
    assert ".A(a), .B(b), .S(sum), .CO(carry)" in instance(found.text, "half_adder_cell")


def test_inverted_outputs_of_an_adder_are_inverted_back(tmp_path):
    inverted = adder("FA", 3, "!(A^B^C)", "(!A&!B)|(!C&!(A&B))")
    full = instance(adder_cells(*cut(tmp_path, FA=inverted)).text, "full_adder_cell")
    assert ".S(sum_n), .CO(carry_n)" in full
    assert "assign sum = ~sum_n;" in full
    assert "assign carry = ~carry_n;" in full


def test_adders_a_library_lacks_are_composed_of_its_gates(tmp_path):
    found = adder_cells(*cut(tmp_path, "FA", "HA"))
    assert found.composed == ("full_adder", "half_adder")
    full = instance(found.text, "full_adder_cell")
    assert len(re.findall(r"\bXOR2 gate", full)) == 2
    assert len(re.findall(r"\bNAND2 gate", full)) == 3
    half = instance(found.text, "half_adder_cell")
    assert len(re.findall(r"\b(XOR2|AND2) gate", half)) == 2


def test_an_adder_of_another_function_is_none(tmp_path):
    wrong = adder("FA", 3, "A^B^C", "A&B&C")
    assert "full_adder" in adder_cells(*cut(tmp_path, FA=wrong)).composed


def test_a_clock_gate_is_there_though_mapping_may_not_use_it(tmp_path):
    gate = """
  cell (ICG) {
    area : 4; dont_use : true; clock_gating_integrated_cell : "latch_posedge";
    pin (C) { direction : input; clock_gate_clock_pin : true; }
    pin (E) { direction : input; clock_gate_enable_pin : true; }
    pin (G) { direction : output; clock_gate_out_pin : true; state_function : "C*E"; }
  }
"""
    library, cells = cut(tmp_path, ICG=gate)
    assert library.cells["ICG"].drawbacks == {"dont_use"}
    text = adder_cells(library, cells).text
    assert "ICG cell_i (.C(clock), .E(enable), .G(gated_clock));" in text
