"""Every part of the datapath as it stands in an accelerator: its netlist equals what was written.

Parts with registers behind clock gates are held against the same part without: there the registers
keep their value by a multiplexer. So the clock gate itself is proven, as synthesis placed it.
"""

from __future__ import annotations

import re
from functools import cache

import pytest
from hardware.test_gating import GATED, PLAIN, machine_of
from hardware.test_synthesis import CELLS, other_gate, proof, synthesised
from hardware.yosys import EQUIVALENCE, ran

from asicbnn.hardware.component import census
from asicbnn.hardware.cutting import cut
from asicbnn.hardware.verilog import write_verilog
from asicbnn.spec.accelerator import with_changes

SHADOW = {"registers.shadow": True}
SLOW = pytest.mark.slow
PARTS = (
    ("registers", "weight register"),
    ("registers", "input register"),
    ("array", "psum register"),
    ("array", "threshold register"),
    ("array", "lane masks"),
    ("array", "products and popcount"),
    ("array", "popcount register"),
    ("array", "padded taps"),
    ("array", "control"),
    ("array", "accumulate"),
    ("array", "compare"),
    ("output", ""),  # flips, max pooling, the write channel, argmax
)
UNGATED = {("array", part) for part in (
    "lane masks", "products and popcount", "popcount register", "compare",
)}  # fmt: skip
LIBRARIES = ["ihp_sg13g2", pytest.param("sky130hd", marks=SLOW)]
_CLOCK_GATE = """
module {cell} (input GATE, input CLK, output GCLK);
  reg open;
  always @(CLK or GATE) {loads} open = GATE;
  assign GCLK = CLK & open;
endmodule
"""
_GATED_PROOF = """
read_verilog held.v
hierarchy -check -top toplevel
proc
flatten
opt_clean
clk2fflogic
rename toplevel gold
design -stash gold
read_liberty -ignore_miss_func {library}.lib
read_verilog -overwrite clock_gate_cell.v netlist.v
hierarchy -check -top toplevel
proc
flatten
opt_clean
clk2fflogic
rename toplevel gate
design -stash gate
"""


def parameters(parts):
    """Parts as parameters of a test; the output stage takes its time."""
    return [
        pytest.param(part, marks=[SLOW] if part[0] == "output" else [], id=" ".join(part).strip())
        for part in parts
    ]


@cache
def plain(part, shadow=False):
    block, groups = cut(machine_of(with_changes(PLAIN, SHADOW if shadow else {})), part)
    assert not groups
    return write_verilog(block)


@cache
def gated(part, shadow=False):
    """A part with clock gates, and with multiplexers in their place."""
    block, groups = cut(machine_of(with_changes(GATED, SHADOW if shadow else {})), part)
    return write_verilog(block, gated=groups), write_verilog(block)


def mapped(written, library, folder):
    counts = synthesised(written, library, folder)
    assert {kind: n for kind, n in counts.items() if n} == written.counts


def gated_proof(held, library, folder, *, loads="if (!CLK)"):
    """Prove a netlist against the registers that hold; `loads` is when the gate's latch is open."""
    # wires without a name of their own are numbered, and the two texts count them differently
    (folder / "held.v").write_text(re.sub(r"\bn(\d+)\b", r"held_n\1", held.text()))
    cell = _CLOCK_GATE.format(cell=CELLS[library]["clock_gate"], loads=loads)
    (folder / "clock_gate_cell.v").write_text(cell)
    return ran(_GATED_PROOF.format(library=library) + EQUIVALENCE, folder)


def test_the_parts_are_all_of_the_datapath():
    assert {"max_pool", "argmax"} <= set(PLAIN.post)
    machine = machine_of(PLAIN)
    datapath = {part for part in machine.parts if part[0] in ("registers", "array", "output")}
    assert datapath - {("registers", "control")} == set(PARTS)
    behind_gates = {part for part in PARTS if cut(machine_of(GATED), part)[1]}
    assert behind_gates == set(PARTS) - UNGATED


@pytest.mark.parametrize("part", parameters(PARTS))
def test_a_part_that_is_cut_out_is_the_same_gates(part):
    machine = machine_of(PLAIN)
    assert census(cut(machine, part)[0].logic) == census(machine.parts[part])


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("part", parameters(PARTS))
def test_a_mapped_part_equals_what_was_written(part, library, tmp_path):
    mapped(plain(part), library, tmp_path)
    code, said = proof(library, tmp_path)
    assert code == 0, said


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("part", parameters(part for part in PARTS if part not in UNGATED))
def test_a_mapped_part_with_gated_clocks_equals_one_that_holds(part, library, tmp_path):
    written, held = gated(part)
    assert written.counts["clock_gate"] > 0
    assert "clock_gate" not in held.counts
    mapped(written, library, tmp_path)
    code, said = gated_proof(held, library, tmp_path)
    assert code == 0, said


@pytest.mark.parametrize("part", parameters(PARTS[:3]))
def test_operand_registers_with_a_shadow_are_mapped_as_well(part, tmp_path):
    mapped(plain(part, shadow=True), "ihp_sg13g2", tmp_path)
    code, said = proof("ihp_sg13g2", tmp_path)
    assert code == 0, said
    written, held = gated(part, shadow=True)
    mapped(written, "ihp_sg13g2", tmp_path)
    code, said = gated_proof(held, "ihp_sg13g2", tmp_path)
    assert code == 0, said


@pytest.mark.parametrize("part", parameters([("array", "compare"), ("output", "")]))
def test_the_proof_fails_if_one_gate_of_a_part_is_another(part, tmp_path):
    synthesised(plain(part), "ihp_sg13g2", tmp_path)
    netlist = tmp_path / "netlist.v"
    text = netlist.read_text()
    changed = re.sub(r"\bsg13g2_x(n?)or2_1 ", other_gate, text, count=1)
    assert changed != text
    netlist.write_text(changed)
    code, said = proof("ihp_sg13g2", tmp_path)
    assert code != 0
    assert "unproven $equiv cells" in said


@pytest.mark.parametrize("loads", ["", "if (CLK)"], ids=["no latch", "latch open too late"])
def test_the_proof_fails_if_the_clock_gate_is_none(loads, tmp_path):
    written, held = gated(("registers", "weight register"))
    synthesised(written, "ihp_sg13g2", tmp_path)
    code, said = gated_proof(held, "ihp_sg13g2", tmp_path, loads=loads)
    assert code != 0
    assert "unproven $equiv cells" in said


def test_the_proof_fails_if_two_enables_are_exchanged(tmp_path):
    written, held = gated(("registers", "weight register"))
    synthesised(written, "ihp_sg13g2", tmp_path)
    netlist = tmp_path / "netlist.v"
    text = netlist.read_text()
    first, second = re.findall(r"\.GATE\((.*?)\)", text)
    swapped = {first: second, second: first}
    changed = re.sub(r"\.GATE\((.*?)\)", lambda match: f".GATE({swapped[match[1]]})", text)
    assert changed != text
    netlist.write_text(changed)
    code, said = gated_proof(held, "ihp_sg13g2", tmp_path)
    assert code != 0
    assert "unproven $equiv cells" in said
