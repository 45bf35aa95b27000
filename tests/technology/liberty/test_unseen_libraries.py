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
from pathlib import Path

import pytest
import yaml
from tools import needs
from typer.testing import CliRunner

import asicbnn
from asicbnn.cli import app
from asicbnn.technology.cells import ROLES as ROLES_OF_ALL
from asicbnn.technology.liberty.importing import import_liberty
from asicbnn.technology.library import load

from .second_reading import cell_text, delay_at_four_ps, number

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


@pytest.mark.parametrize("role", ROLES)
def test_areas_and_leakages_are_those_of_the_file(library, role):
    name, _, cells = library
    text, cell = cell_text(FILES[name], ROLES[role]), cells[role]
    assert cell["cell"] == ROLES[role]
    assert cell["area_um2"] == number(text, "area")
    assert cell["leakage_nw"] == pytest.approx(number(text, "cell_leakage_power"), rel=1e-4)


def test_energies_scaled_where_none_is_stated_are_near_those_that_are(library, tmp_path):
    """Its internal power taken from the file: without a substitute 0.17 to 0.79 were left."""
    name, _, cells = library
    mute = tmp_path / FILES[name].name
    mute.write_text(re.sub(r"\b(rise|fall)_power\b", "no_power", FILES[name].read_text()))
    scaled = import_liberty([mute], name).file.cells
    for role, entry in cells.items():
        if "composed" not in entry:
            share = scaled[role].toggle_energy_fj / entry["toggle_energy_fj"]
            assert 0.5 < share < 1.5 or role == "clock_buffer", role


def test_what_is_missing_is_composed_and_says_of_what(library):
    _, technology, cells = library
    area = {role: technology.cell(role).area_um2 for role in ROLES_OF_ALL}
    assert area["latch"] == 4 * area["nand2"]
    assert area["mux2"] == cells["mux2_inverting"]["area_um2"] + area["inverter"]
    assert area["clock_gate"] == 4 * area["nand2"] + area["inverter"] + area["and2"]
    assert cells["flop_with_reset"]["composed"] == {"flop_with_set_and_reset": 1}


@needs("sta")
def test_the_delay_of_an_inverter_at_four_is_what_opensta_says(library, tmp_path):
    name, technology, _ = library
    mean_ps = delay_at_four_ps(FILES[name], "INVX1", "Y", tmp_path)
    assert technology.fo4_delay_ps == pytest.approx(mean_ps, rel=0.01)


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
