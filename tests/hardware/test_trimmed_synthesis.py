"""Gates without constants and duplicates, counted a second way: by Yosys on the written Verilog."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hardware.yosys import ran

from asicbnn.hardware.accelerator import elaborate
from asicbnn.hardware.cutting import cut
from asicbnn.hardware.trimmed import trimmed_cells
from asicbnn.hardware.verilog import library, write_verilog
from asicbnn.spec import load
from asicbnn.spec.accelerator import with_changes

TINY = load("arch_specs/tiny.yaml")
_ADDERS = """
(* blackbox *) module full_adder_cell (input a, input b, input c, output sum, output carry);
endmodule
(* blackbox *) module half_adder_cell (input a, input b, output sum, output carry);
endmodule
"""
_SCRIPT = """\
read_verilog design.v
hierarchy -check -top toplevel
proc
flatten
opt_clean -purge
opt -full
techmap
opt -full
opt_clean -purge
tee -o stat.txt stat
"""


def by_yosys(spec, component, folder):
    """Cells that Yosys finds in a component, by kind."""
    machine = elaborate(spec, probe=False, ports=True, check=False)
    block, _ = cut(machine, *(part for part in machine.parts if part[0] == component))
    top = write_verilog(block).top
    (folder / "design.v").write_text("\n".join([top, library("arithmetic_synthesis.v"), _ADDERS]))
    code, said = ran(_SCRIPT, folder)
    assert code == 0, said
    text = (folder / "stat.txt").read_text()
    found = Counter()
    for first, second in re.findall(r"^\s+(\S+)\s+(\S+)\s*$", text, re.MULTILINE):
        kind, number = (first, second) if second.isdigit() else (second, first)
        if kind.startswith("$_") and number.isdigit():
            found[kind.strip("$_")] += int(number)
    return found


@pytest.mark.parametrize(("structure", "pes", "lanes"), [("sliced", 4, 16), ("tree", 2, 32)])
def test_arrays_have_the_gates_that_yosys_finds(structure, pes, lanes, tmp_path):
    spec = with_changes(TINY, {
        "array.unroll": {"out_channels": pes, "in_channels": lanes},
        "array.popcount": {"structure": structure},
    })  # fmt: skip
    own, found = trimmed_cells(spec)["array"].shared, by_yosys(spec, "array", tmp_path)
    assert own.xor2 == found["XOR"] + found["XNOR"]
    others = sum(found[kind] for kind in ("AND", "OR", "NAND", "NOR", "ANDNOT", "ORNOT", "MUX"))
    assert own.nand2 + own.mux2 == pytest.approx(others, rel=0.01)


def test_the_output_stage_has_them_too(tmp_path):
    spec = with_changes(TINY, {"array.unroll": {"out_channels": 8, "in_channels": 16}})
    own, found = trimmed_cells(spec)["output"], by_yosys(spec, "output", tmp_path)
    gates = sum(found[k] for k in ("AND", "OR", "NAND", "NOR", "XOR", "XNOR", "MUX"))
    assert own.shared.total - own.shared.inverter == pytest.approx(gates, rel=0.03)
