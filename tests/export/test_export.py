"""The exported folder: its bench passes, and fails where it should."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
import yaml
from hardware.icarus import needed
from hardware.yosys import liberty

from asicbnn.export import export
from asicbnn.export.chip import module_name
from asicbnn.spec import load
from asicbnn.spec.accelerator import with_changes
from asicbnn.spec.workload import Workload
from asicbnn.verify.cases import accelerator as random_accelerator

TINY = "arch_specs/tiny.yaml"
NETWORK = Workload.model_validate({
    "name": "three_layers",
    "input": {"shape": [6, 6, 5], "bits": 1},
    "layers": [
        {"name": "conv", "op": "conv", "out_channels": 9, "kernel": [3, 3],
         "padding": [1, 1, 1, 1], "pad_value": "-1", "shape": [6, 6, 9]},
        {"name": "pool", "op": "max_pool", "kernel": [2, 2], "stride": 2,
         "order": "before_threshold", "post": ["batch_norm", "sign"], "shape": [3, 3, 9]},
        {"name": "hidden", "op": "dense", "out_channels": 12, "post": ["batch_norm", "sign"],
         "shape": [1, 1, 12]},
        {"name": "classes", "op": "dense", "out_channels": 7, "shape": [1, 1, 7]},
    ],
})  # fmt: skip


def made(target, at, *more):
    """Run make in an exported folder."""
    needed("make")
    done = subprocess.run(
        ["make", "-s", target, *more], cwd=at, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return export(TINY, tmp_path_factory.mktemp("export") / "tiny", workload=NETWORK)


@pytest.fixture
def copied(tiny, tmp_path):
    return shutil.copytree(tiny, tmp_path / "tiny")


@pytest.mark.parametrize("defines", ["", "-DSRAM_FALLING_EDGE", "-DSIMULATION"])
def test_the_bench_passes_in_icarus(copied, defines):
    needed("iverilog")
    code, said = made("icarus", copied, f"DEFINES={defines}")
    assert code == 0, said
    assert "PASS: " in said
    assert "FAIL" not in said
    assert "warning" not in said


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_bench_passes_in_verilator_and_fails_there_on_a_wrong_word(copied):
    needed("verilator")
    code, said = made("verilator", copied)
    assert code == 0, said
    assert "PASS: " in said
    wrong_word(copied)
    done = subprocess.run(
        [copied / "build/verilator/testbench"], cwd=copied, capture_output=True, check=False
    )
    assert done.returncode != 0
    assert b"FAIL" in done.stdout + done.stderr
    assert b"PASS" not in done.stdout


def wrong_word(at):
    """Change one bit that the mask looks at."""
    words = (at / "expected.hex").read_text().split()
    words[-1] = f"{int(words[-1], 16) ^ 1:0{len(words[-1])}x}"
    (at / "expected.hex").write_text("\n".join(words) + "\n")


def fewer_sent(at):
    words = (at / "sent.hex").read_text().split()
    (at / "sent.hex").write_text("\n".join(["0" * len(words[0])] * len(words)) + "\n")


@pytest.mark.parametrize("fault", [wrong_word, fewer_sent])
def test_the_bench_fails_in_icarus(copied, fault):
    needed("iverilog")
    fault(copied)
    code, said = made("icarus", copied)
    assert code != 0
    assert "FAIL" in said
    assert "PASS" not in said


def test_the_bench_fails_if_the_hardware_is_another(copied):
    needed("iverilog")
    text = (copied / "arithmetic_simulation.v").read_text()
    wrong = text.replace("assign carry = a & b;", "assign carry = a | b;")
    assert wrong != text
    (copied / "arithmetic_simulation.v").write_text(wrong)
    code, said = made("icarus", copied)
    assert code != 0
    assert "FAIL" in said


@pytest.mark.parametrize(
    "number", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 12))]
)
def test_macros_on_the_falling_edge_take_the_same_cycles(number, tmp_path):
    needed("iverilog")
    spec = random_accelerator(17, number)
    parts = ["weight", "input", "psum", "threshold", *(["pool"] * ("max_pool" in spec.post))]
    kinds = {f"buffers.{part}": {"kind": "sram", "extrapolate": True} for part in parts}
    at = export(with_changes(spec, kinds), tmp_path / "chip", seed=number)
    said = [made("icarus", at, f"DEFINES={d}")[1] for d in ("", "-DSRAM_FALLING_EDGE")]
    assert "PASS" in said[0]
    assert said[1] == said[0]


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (0, "latch"), (1, "register"),
        *(pytest.param(n, kind, marks=pytest.mark.slow)
          for n in range(2, 10) for kind in ("latch", "register")),
    ],
)  # fmt: skip
def test_memories_of_cells_take_the_same_cycles_and_bits(number, kind, tmp_path):
    needed("iverilog")
    spec = random_accelerator(17, number)
    parts = ["weight", "input", "psum", "threshold", *(["pool"] * ("max_pool" in spec.post))]
    at = export(
        with_changes(spec, {f"buffers.{part}.kind": kind for part in parts}),
        tmp_path / "chip", seed=number,
    )  # fmt: skip
    text = (at / "memories.v").read_text()
    assert ("latch #(" in text) == (kind == "latch")
    code, said = made("icarus", at)
    assert code == 0, said
    assert "PASS" in said


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_memories_of_latches_pass_in_verilator(tmp_path):
    needed("verilator")
    at = export("arch_specs/ihp_latch.yaml", tmp_path / "chip")
    code, said = made("verilator", at)
    assert code == 0, said
    assert "PASS: " in said


@pytest.mark.parametrize("defines", ["", "-DSRAM_FALLING_EDGE"])
def test_the_bench_passes_with_gated_clocks(tmp_path, defines):
    needed("iverilog")
    at = export(with_changes(load(TINY), {"clock_gating": "register"}), tmp_path / "tiny")
    assert "clock_gate clock_gate_" in (at / "tiny.v").read_text()
    code, said = made("icarus", at, f"DEFINES={defines}")
    assert code == 0, said
    assert "PASS" in said


def test_the_same_spec_gives_the_same_folder(tiny, tmp_path):
    again = export(TINY, tmp_path / "again", workload=NETWORK)
    assert {p.name: p.read_bytes() for p in tiny.iterdir() if p.is_file()} == {
        p.name: p.read_bytes() for p in again.iterdir()
    }


def test_librelane_reads_files_that_are_there(tiny):
    configuration = yaml.safe_load((tiny / "librelane.yaml").read_text())
    assert configuration["DESIGN_NAME"] == "tiny"
    assert configuration["CLOCK_PORT"] == "clock"
    named = [*configuration["VERILOG_FILES"], *configuration["EXTRA_VERILOG_MODELS"]]
    named += [configuration["PNR_SDC_FILE"], configuration["SIGNOFF_SDC_FILE"]]
    for name in named:
        assert (tiny / name.removeprefix("dir::")).exists()
    [period] = [
        float(line.split()[4])
        for line in (tiny / "constraints.sdc").read_text().splitlines()
        if line.startswith("create_clock")
    ]
    assert configuration["CLOCK_PERIOD"] == period > 0


def test_every_input_but_the_clock_has_a_delay(tiny):
    top = (tiny / "tiny.v").read_text()
    inputs = set(re.findall(r"^  input (?:\[\d+:0\] )?(\w+)", top, re.MULTILINE)) - {"clock"}
    [named] = re.findall(r"get_ports \{(.*)\}", (tiny / "constraints.sdc").read_text())
    assert {name.rstrip("*") for name in named.split()} == inputs
    outputs = re.findall(r"^  output (?:\[\d+:0\] )?(\w+)", top, re.MULTILINE)
    assert not [n for n in named.split() for out in outputs if out.startswith(n.rstrip("*"))]


def test_no_template_keeps_a_blank(tiny):
    for path in tiny.iterdir():
        if path.is_file() and path.name not in ("testbench.v",):
            assert not re.search(r"@[A-Z_]+@", path.read_text())
    assert "@NAME@" not in (tiny / "testbench.v").read_text()


def test_a_clock_that_is_asked_for_is_the_one_constrained(tmp_path):
    spec = with_changes(load(TINY), {"operating_point.clock_mhz": 10})
    at = export(spec, tmp_path / "slow")
    assert "create_clock -name clock -period 100.0000 " in (at / "constraints.sdc").read_text()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_yosys_script_counts_what_the_readme_says(copied):
    needed("yosys")  # synthesis.sh runs the program
    code, said = made("synthesis", copied, f"LIBERTY={liberty('sky130hd')}")
    assert code == 0, said
    cells = (copied / "build/cells.txt").read_text()
    readme = (copied / "README.md").read_text()
    for cell, kind in (("fa_1", "full adders"), ("ha_1", "half adders")):
        [count] = [line.split()[1] for line in cells.splitlines() if f"hd__{cell} " in line]
        assert f"{int(count):,} {kind}" in readme


def test_the_yosys_script_wants_a_liberty_file(copied):
    code, said = made("synthesis", copied, "LIBERTY=nowhere.lib")
    assert code != 0
    assert "name a Liberty file that can be read, not 'nowhere.lib'" in said


# ---------------------------------------------------------------------- names
@pytest.mark.parametrize(
    ("name", "top"),
    [
        ("arithmetic_simulation", "arithmetic_simulation_2"),
        ("cells_generic", "cells_generic_2"),
        ("macros", "macros_2"),
        ("TestBench", "TestBench_2"),  # testbench.v where file names ignore case
        ("ripple_adder", "ripple_adder_2"),
        ("half_adder_cell", "half_adder_cell_2"),
        ("sram_64x32_by8_1rw", "sram_64x32_by8_1rw_2"),
        ("sram_chip", "sram_chip"),
        ("8bit.chip", "chip_8bit_chip"),
        ("tiny", "tiny"),
    ],
)
def test_the_top_module_has_the_accelerators_name_unless_it_is_taken(name, top):
    assert module_name(name) == top


def named(name, at):
    """Export a small accelerator of that name."""
    return export(with_changes(load(TINY), {"name": name}), at / "chip")


@pytest.mark.parametrize("name", ["memories", "testbench", "clock_gate", "module"])
def test_the_bench_passes_under_a_name_that_is_taken(name, tmp_path):
    needed("iverilog")
    at = named(name, tmp_path)
    assert (at / f"{name}_2.v").read_text().startswith(f"// {name}: generated")
    assert f"DESIGN_NAME: {name}_2\n" in (at / "librelane.yaml").read_text()
    code, said = made("icarus", at)
    assert code == 0, said
    assert "PASS" in said


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("name", "tool"),
    [("chip", "iverilog"), ("clock", "iverilog"), ("sent", "iverilog"), ("sent", "verilator")],
)
def test_a_name_of_no_module_is_kept(name, tool, tmp_path):
    """The bench has an instance, a port and an array of these names."""
    needed(tool)
    at = named(name, tmp_path)
    code, said = made("icarus" if tool == "iverilog" else tool, at)
    assert code == 0, said
    assert "PASS" in said
    assert (at / f"{name}.v").exists()
