"""The exported folder: its bench passes, and fails where it should; nothing is half-written."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest
import yaml
from hardware.icarus import needed
from hardware.yosys import liberty, script_command

from asicbnn.errors import EnvironmentProblem, SpecError
from asicbnn.export import export, folder
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
    kinds = {f"buffers.{part}.kind": "sram" for part in ("weight", "input", "psum", "threshold")}
    spec = random_accelerator(17, number)
    if "max_pool" in spec.post:
        kinds["buffers.pool.kind"] = "sram"
    at = export(with_changes(spec, kinds), tmp_path / "chip", seed=number)
    said = [made("icarus", at, f"DEFINES={d}")[1] for d in ("", "-DSRAM_FALLING_EDGE")]
    assert "PASS" in said[0]
    assert said[1] == said[0]


@pytest.mark.parametrize("defines", ["", "-DSRAM_FALLING_EDGE"])
def test_the_bench_passes_with_gated_clocks(tmp_path, defines):
    pytest.importorskip("asicbnn.hardware.gating", reason="this version has no clock gating")
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
    command = script_command()
    if command[-1] != "-s":
        pytest.skip("synthesis.sh runs the program yosys")
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


# ---------------------------------------------------------------------- the folder
def test_an_export_replaces_an_export(copied):
    (copied / "left_over.txt").write_text("old")
    assert export(TINY, copied) == copied
    assert not (copied / "left_over.txt").exists()
    assert [p.name for p in copied.parent.iterdir()] == ["tiny"]


def test_other_things_are_not_replaced(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("years")
    with pytest.raises(SpecError, match=r"mine: this folder holds other things; name an empty"):
        export(TINY, tmp_path / "mine")
    with pytest.raises(SpecError, match=r"thesis.txt: a folder is wanted, and this is a file"):
        export(TINY, tmp_path / "mine/thesis.txt")
    assert (tmp_path / "mine/thesis.txt").read_text() == "years"


def test_a_failure_half_way_leaves_nothing(tmp_path, monkeypatch):
    def failing(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folder.Path, "write_text", failing)
    with pytest.raises(EnvironmentProblem, match=r"chip: cannot be written: No space left"):
        export(TINY, tmp_path / "chip")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_nobody_may_write_to(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(EnvironmentProblem, match=r"cannot be written: Permission denied"):
        export(TINY, tmp_path / "chip")


def test_a_file_in_the_way_of_the_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentProblem, match=r"chip: cannot be written: "):
        export(TINY, tmp_path / "file" / "chip")
