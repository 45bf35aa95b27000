"""Mapped netlists: as many adders and clock gates as counted, and equal to the written Verilog."""

from __future__ import annotations

import re
from functools import cache

import pyrtl
import pytest
from hardware.circuit import Circuit
from hardware.test_components import array_circuit, compare_circuit
from hardware.test_verilog import arithmetic, built, every_operation, gated_registers
from hardware.yosys import EQUIVALENCE, ran, unpacked

from asicbnn.hardware.accelerator import elaborate
from asicbnn.hardware.array import pad_counter
from asicbnn.hardware.popcount import Popcount, ripple
from asicbnn.hardware.structure import logic_gates
from asicbnn.hardware.verilog import library, write_verilog
from asicbnn.hardware.verilog.memories import ports_of
from asicbnn.spec import load
from asicbnn.spec.accelerator import with_changes
from asicbnn.verify.cases import accelerator as random_accelerator

CELLS = {
    "sky130hd": {
        "full_adder": "sky130_fd_sc_hd__fa_1",
        "half_adder": "sky130_fd_sc_hd__ha_1",
        "clock_gate": "sky130_fd_sc_hd__dlclkp_1",
    },
    "ihp_sg13g2": {
        "full_adder": "full_adder_cell",
        "half_adder": "half_adder_cell",
        "clock_gate": "sg13g2_lgcp_1",
    },
}
_SYNTHESIS = """
read_liberty -lib -ignore_miss_func {library}.lib
read_verilog -DKEEP_ADDERS synthesis.v
hierarchy -check -top toplevel
synth -flatten -noabc -top toplevel
dfflibmap -liberty {library}.lib
{abc}
opt_clean -purge
write_verilog -noattr netlist.v
"""
_ABC = "abc -liberty {library}.lib"
_PROOF = """
read_verilog simulation.v
hierarchy -check -top toplevel
proc
flatten
opt_clean
rename toplevel gold
design -stash gold
read_liberty -ignore_miss_func {library}.lib
read_verilog netlist.v
hierarchy -check -top toplevel
flatten
opt_clean
async2sync
rename toplevel gate
design -stash gate
"""


def synthesised(written, name, folder, *, abc=True):
    """Map a written block; return the cell counts of its netlist, hierarchy opened."""
    unpacked(name, folder)
    boxes = "".join(
        f"(* blackbox *) module {m.module} ({', '.join(ports_of(m.view))});\nendmodule\n"
        for m in written.memories
    )
    parts = [written.top, boxes, library("arithmetic_synthesis.v"), library(f"cells_{name}.v")]
    (folder / "synthesis.v").write_text("".join(parts))
    (folder / "simulation.v").write_text(written.text())
    mapping = _ABC.format(library=name) if abc else ""
    code, said = ran(_SYNTHESIS.format(library=name, abc=mapping), folder)
    assert code == 0, said
    netlist = (folder / "netlist.v").read_text()
    [top] = re.findall(r"^module toplevel\b.*?^endmodule", netlist, re.MULTILINE | re.DOTALL)
    return {kind: len(re.findall(rf"\b{cell} ", top)) for kind, cell in CELLS[name].items()}


def proof(name, folder):
    return ran(_PROOF.format(library=name) + EQUIVALENCE, folder)


def popcount(structure):
    def build(lanes):
        planes = [lanes[2 * i : 2 * i + 2] for i in range(7)]
        return {f"count{i}": p for i, p in enumerate(Popcount(7, structure).hardware(planes))}

    return Circuit(build, lanes=14).block


def accumulator():
    def build(count, **base):
        planes = [count[2 * i : 2 * i + 2] for i in range(3)]
        sums = ripple(list(base.values()), planes, 5)
        registers = [pyrtl.Register(2, name=f"sum{i}") for i in range(5)]
        for register, total in zip(registers, sums, strict=True):
            register.next <<= total
        return {f"total{i}": register for i, register in enumerate(registers)}

    return Circuit(build, count=6, **{f"base{i}": 2 for i in range(5)}).block


def padding():
    def build(seen, channels, shift, **taps):
        return {"n": pad_counter(seen, list(taps.values()), channels, shift, 2)}

    return Circuit(build, seen=7, channels=4, shift=2, tap0=1, tap1=1, tap2=1).block


COMPONENTS = {
    "popcount of counters": lambda: popcount("sliced"),
    "popcount of ripple adders": lambda: popcount("tree"),
    "products, count, shift, accumulate": lambda: array_circuit("planes").block,
    "products, ripple count, accumulate": lambda: array_circuit("tree").block,
    "accumulator": accumulator,
    "padding and comparison": lambda: compare_circuit().block,
    "pad counter": padding,
    "control arithmetic": lambda: built(arithmetic),
    "every operation": lambda: built(every_operation),
}


@cache
def component(name):
    return write_verilog(COMPONENTS[name]())


@pytest.mark.parametrize(
    "library_name", ["ihp_sg13g2", pytest.param("sky130hd", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("name", COMPONENTS)
def test_a_mapped_component_equals_what_was_written(name, library_name, tmp_path):
    written = component(name)
    counts = synthesised(written, library_name, tmp_path)
    assert {kind: n for kind, n in counts.items() if n} == written.counts
    code, said = proof(library_name, tmp_path)
    assert code == 0, said


@pytest.mark.parametrize("name", ["popcount of counters", "accumulator", "pad counter"])
def test_the_proof_fails_if_one_gate_is_another(name, tmp_path):
    written = component(name)
    synthesised(written, "ihp_sg13g2", tmp_path)
    netlist = tmp_path / "netlist.v"
    text = netlist.read_text()
    changed = re.sub(r"\bsg13g2_x(n?)or2_1 ", other_gate, text, count=1)
    assert changed != text
    netlist.write_text(changed)
    code, said = proof("ihp_sg13g2", tmp_path)
    assert code != 0
    assert "unproven $equiv cells" in said


def other_gate(match):
    return "sg13g2_or2_1 " if match[1] == "" else "sg13g2_nor2_1 "


def test_clock_gates_are_cells_of_the_library(tmp_path):
    groups = []
    block = built(lambda: groups.append(gated_registers()))
    written = write_verilog(block, gated=groups)
    assert synthesised(written, "sky130hd", tmp_path)["clock_gate"] == 3


def counted_and_written(spec):
    """Cells the model counts, and the accelerator's Verilog."""
    parts = logic_gates(spec).values()
    counted = {kind: sum(part[kind] for part in parts) for kind in CELLS["sky130hd"]}
    machine = elaborate(spec, probe=False, ports=True, check=False)
    return counted, write_verilog(machine.block, gated=machine.gated)


@pytest.mark.parametrize("number", [None, *range(6)])
def test_an_accelerator_is_written_with_the_cells_its_model_counts(number):
    spec = load("arch_specs/tiny.yaml") if number is None else random_accelerator(11, number)
    counted, written = counted_and_written(spec)
    assert written.counts == {kind: n for kind, n in counted.items() if n}


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("gating", ["none", "register"])
@pytest.mark.parametrize("number", [None, 0, 1])
def test_a_mapped_accelerator_has_the_cells_its_model_counts(number, gating, tmp_path):
    spec = load("arch_specs/tiny.yaml") if number is None else random_accelerator(11, number)
    spec = with_changes(spec, {"clock_gating": gating})
    counted, written = counted_and_written(spec)
    assert synthesised(written, "sky130hd", tmp_path) == counted
    assert (counted["clock_gate"] > 0) == (gating == "register")
