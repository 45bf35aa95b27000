"""Libraries nothing here was made with: Oklahoma State University's of 0.5, 0.35 and 0.18 um.

Debian packages `qflow-tech-osu050`, `-osu035` and `-osu018`. Their figures are read a second time,
by regular expressions and by OpenSTA. They have no clock gate, no latch with an area, no flip-flop
with a reset alone, and their multiplexer inverts.
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from tools import needs
from typer.testing import CliRunner

import asicbnn
from asicbnn.cli import app
from asicbnn.technology.cells import ROLES as ROLES_OF_ALL
from asicbnn.technology.library import load

FOLDER = Path("/usr/share/qflow/tech")
FILES = {
    "osu050": FOLDER / "osu050/osu05_stdcells.lib",
    "osu035": FOLDER / "osu035/osu035_stdcells.lib",
    "osu018": FOLDER / "osu018/osu018_stdcells.lib",
}
ROLES = {
    "inverter": "INVX1", "nand2": "NAND2X1", "nor2": "NOR2X1", "and2": "AND2X1", "or2": "OR2X1",
    "xor2": "XOR2X1", "xnor2": "XNOR2X1", "mux2_inverting": "MUX2X1", "full_adder": "FAX1",
    "half_adder": "HAX1", "flop": "DFFPOSX1", "flop_with_set_and_reset": "DFFSR",
    "buffer": "BUFX2",
}  # fmt: skip
REPOSITORY = Path(__file__).parents[3]

pytestmark = pytest.mark.skipif(
    not all(file.exists() for file in FILES.values()) and not os.environ.get("CI"),
    reason="the Debian packages qflow-tech-osu018, -osu035, -osu050 are not installed",
)


def imported(name: str, folder: Path) -> Path:
    target = folder / f"{name}.yaml"
    arguments = ["technology", "import", FILES[name], "--name", f"my_{name}", "-o", target]
    done = CliRunner().invoke(app, list(map(str, arguments)))
    assert done.exit_code == 0, done.output
    return target


@pytest.fixture(scope="module", params=FILES)
def library(request, tmp_path_factory):
    """Name of a library, the technology made of it, and the cells that its file names."""
    target = imported(request.param, tmp_path_factory.mktemp("osu"))
    return request.param, load(target), yaml.safe_load(target.read_text())["cells"]


def cell_text(name: str, cell: str) -> str:
    whole = FILES[name].read_text()
    start = re.search(rf"^\s*cell \({cell}\)", whole, re.MULTILINE)
    assert start, cell
    rest = whole[start.end() :]
    following = re.search(r"^\s*cell \(", rest, re.MULTILINE)
    return rest[: following.start()] if following else rest


def number(text: str, attribute: str) -> float:
    found = re.search(rf"^\s*{attribute}\s*:\s*([-+.\deE]+)\s*;", text, re.MULTILINE)
    assert found, attribute
    return float(found[1])


@pytest.mark.parametrize("role", ROLES)
def test_areas_and_leakages_are_those_of_the_file(library, role):
    name, _, cells = library
    text, cell = cell_text(name, ROLES[role]), cells[role]
    assert cell["cell"] == ROLES[role]
    assert cell["area_um2"] == number(text, "area")
    assert cell["leakage_nw"] == pytest.approx(number(text, "cell_leakage_power"), rel=1e-4)


def test_what_is_missing_is_composed_and_says_of_what(library):
    _, technology, cells = library
    area = {role: technology.cell(role).area_um2 for role in ROLES_OF_ALL}
    assert area["latch"] == 4 * area["nand2"]
    assert area["mux2"] == cells["mux2_inverting"]["area_um2"] + area["inverter"]
    assert area["clock_gate"] == 4 * area["nand2"] + area["inverter"] + area["and2"]
    assert cells["flop_with_reset"]["composed"] == {"flop_with_set_and_reset": 1}


@needs("sta")
def test_the_delay_of_an_inverter_at_four_is_what_opensta_says(library, tmp_path):
    """The slew is that of an inverter driving four, found by feeding OpenSTA its own answer."""
    name, technology, _ = library
    shutil.copy(FILES[name], tmp_path / "cells.lib")
    loads = "\n".join(f"  INVX1 u{i} (.A(y), .Y());" for i in range(4))
    (tmp_path / "design.v").write_text(
        f"module top (input a, output y);\n  INVX1 u (.A(a), .Y(y));\n{loads}\nendmodule\n"
    )
    slews = {"rise": 0.1, "fall": 0.1}
    for _ in range(8):
        delays, slews = timed(tmp_path, sum(slews.values()) / 2)
    mean_ps = 1e3 * sum(delays.values()) / 2
    assert technology.fo4_delay_ps == pytest.approx(mean_ps, rel=0.01)


def timed(folder: Path, slew_ns: float) -> tuple[dict[str, float], dict[str, float]]:
    """Return delays and slews of the output's edges [ns], by OpenSTA."""
    script = [
        "read_liberty cells.lib", "read_verilog design.v", "link_design top",
        "set_cmd_units -time ns",
        "create_clock -name v -period 100", "set_input_delay 0 -clock v [get_ports a]",
        "set_output_delay 0 -clock v [get_ports y]",
        f"set_input_transition {slew_ns:.6f} [get_ports a]",
    ]  # fmt: skip
    script += [f"report_checks -{edge}_to y -fields {{slew}} -digits 6" for edge in EDGES]
    (folder / "script.tcl").write_text("\n".join([*script, "exit\n"]))
    said = subprocess.run(
        ["sta", "-no_splash", "-exit", "script.tcl"],
        cwd=folder, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    lines = re.findall(r"^\s*([\d.]+)\s+([\d.]+)\s+[\d.]+ [v^] u/Y \(INVX1\)", said, re.MULTILINE)
    assert len(lines) == 2, said
    slews, delays = zip(*((float(slew), float(delay)) for slew, delay in lines), strict=True)
    return dict(zip(EDGES, delays, strict=True)), dict(zip(EDGES, slews, strict=True))


EDGES = ("rise", "fall")


def test_a_network_is_estimated_in_each_and_the_finer_is_better(tmp_path):
    """Every figure is finite and has a band; energy and area fall from 0.5 to 0.18 um."""
    accelerator = (REPOSITORY / "arch_specs/tiny.yaml").read_text()
    energies, areas = [], []
    for name in FILES:
        imported(name, tmp_path)
        text = re.sub(r"^technology:.*$", f"technology: {name}.yaml", accelerator, flags=re.M)
        (tmp_path / "accelerator.yaml").write_text(text)
        result = asicbnn.estimate(
            tmp_path / "accelerator.yaml",
            REPOSITORY / "workloads/digits_mlp_64_256_256_10.yaml",
        )
        said = result.to_json()
        energies.append(said["totals"]["energy_fj"])
        areas.append(said["totals"]["area_um2"])
        assert all(map(math.isfinite, said["totals"].values()))
        assert 0 < said["errors"]["energy_fj"] < math.inf
    assert energies == sorted(energies, reverse=True)
    assert areas == sorted(areas, reverse=True)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_small_calibration_meets_its_goals(tmp_path):
    """Nothing in the mapping or the fit was made for this library."""
    target = imported("osu018", tmp_path)
    done = CliRunner().invoke(app, [
        "calibrate", str(target), "--liberty", str(FILES["osu018"]), "--quick", "--jobs", "2",
        "--dry-run", "--json",
    ])  # fmt: skip
    assert done.exit_code == 0, done.output
    judged = [row for row in json.loads(done.stdout)["residuals"] if row["half"] == "judged"]
    for metric, goal in (("area", 0.03), ("delay", 0.15)):
        errors = [abs(row["relative_error"]) for row in judged if row["metric"] == metric]
        assert errors
        assert max(errors) <= goal
    whole = [
        abs(row["relative_error"]) for row in judged
        if row["metric"] == "energy" and row["structure"].startswith("accelerator")
    ]  # fmt: skip
    assert whole
    assert max(whole) <= 0.15
