"""Placed accelerators: what the placer says, the fit of their wires, and what an estimate takes."""

from __future__ import annotations

import json
import math
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

import asicbnn
from asicbnn.calibration.gates_section import with_placed_wires
from asicbnn.calibration.mapped_netlist import Instance, MappedNetlist
from asicbnn.calibration.placement import is_installed, place, version
from asicbnn.calibration.wire_factors import WireCalibration, fit_wires, wire_grid
from asicbnn.calibration.wire_measurement import WireMeasurement
from asicbnn.cli import app
from asicbnn.errors import EnvironmentProblem
from asicbnn.model.costs import costs
from asicbnn.model.energy import WIRES
from asicbnn.model.wires import BROADCAST
from asicbnn.report.wire_calibration import as_json, residual_csv, wire_page
from asicbnn.technology.factor_entries import PlacedWires
from asicbnn.technology.library import load, text_of
from asicbnn.technology.placed_wires import PARTS, is_placed, placed_factor, wires_key
from asicbnn.technology.routing import between_flows_error, fitted

ROOT = Path(__file__).parents[2]
TINY = asicbnn.load(ROOT / "arch_specs/tiny.yaml")
SKY = load("sky130hd")
BARE = replace(SKY, placed_wires={}, digest=f"{SKY.digest} without placed wires")
LIBERTY = ROOT.parent / "shared/data/liberty"

needs_placer = pytest.mark.skipif(
    not is_installed() and not os.environ.get("CI"), reason="Coloquinte is not installed"
)


def chain(length):
    """Inverters in a row between an input and an output."""
    return MappedNetlist(
        "chain", {"clock": (2,), "in": (3,)}, {"out": (3 + length,)},
        tuple(
            Instance(f"u{k}", "INV", (), {"A": 3 + k}, {"Y": 4 + k}) for k in range(length)
        ),
        4 + length, {},
    )  # fmt: skip


# ---------------------------------------------------------------------- the placer
@needs_placer
def test_a_chain_lies_in_the_core_and_its_neighbours_are_near():
    found = place(chain(200), {"INV": 4.0}, gate_um2=4.0, density=0.5)
    assert found.cells == 200
    assert found.core_um2 == pytest.approx(200 * 4.0 / 0.5, rel=0.1)
    assert len(found.lengths_um) == 199  # the nets of the two ports are left out
    side = math.sqrt(found.core_um2)
    assert max(found.lengths_um.values()) < 2 * side
    mean = sum(found.lengths_um.values()) / 199
    assert 0.5 * math.sqrt(4.0) < mean < 0.3 * side


@needs_placer
def test_one_net_through_all_cells_has_the_length_of_a_tree_over_points_spread_in_the_core():
    """0.74 sqrt(n A), the law of docs/models/floorplan.md; the spanning tree here is shortened."""
    number = 300
    cells = [Instance("u0", "INV", (), {"A": 0}, {"Y": 2})]
    cells += [Instance(f"u{k}", "INV", (), {"A": 2}, {"Y": 2 + k}) for k in range(1, number)]
    star = MappedNetlist("star", {}, {}, tuple(cells), 2 + number, {})
    found = place(star, {"INV": 4.0}, gate_um2=4.0, density=0.8)
    law = 0.74 * math.sqrt(number * found.core_um2)
    assert found.lengths_um[2] == pytest.approx(law, rel=0.1)


@needs_placer
def test_a_placement_repeats_and_says_nothing(capfd):
    lengths = [
        place(chain(60), {"INV": 4.0}, gate_um2=4.0, density=0.4).lengths_um for _ in range(2)
    ]
    assert lengths[0] == lengths[1]
    assert capfd.readouterr().out == ""


@needs_placer
def test_a_looser_core_takes_longer_wires():
    tight, loose = (
        sum(place(chain(200), {"INV": 4.0}, gate_um2=4.0, density=d).lengths_um.values())
        for d in (0.8, 0.2)
    )
    assert 1.2 < loose / tight < 4


def test_without_a_placer_the_cure_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "coloquinte", None)
    with pytest.raises(EnvironmentProblem, match=r"pip install 'asicbnn\[place\]'"):
        version()


# ---------------------------------------------------------------------- the fit
def measured(point, factors, law_fj=100.0):
    return WireMeasurement(
        point,
        {share: law_fj * factors[share] for share in PARTS},
        dict.fromkeys(PARTS, law_fj),
        dict.fromkeys(PARTS, 10), dict.fromkeys(PARTS, 100.0), 1e4, 50,
    )  # fmt: skip


def test_a_factor_is_the_geometric_mean_of_the_first_of_each_pair():
    points = wire_grid()
    ones = dict.fromkeys(PARTS, 1.0)
    found = fit_wires([
        measured(p, ones if k % 2 else {**ones, "dma": 2.0 ** (1 + k // 2)})
        for k, p in enumerate(points[:8])
    ])  # fmt: skip
    by = {fit.structure: fit for fit in found}
    assert by["dma"].factor == pytest.approx(2.0**2.5)  # 2, 4, 8, 16
    assert by["dma"].spread == fitted([2.0, 4.0, 8.0, 16.0]).relative_error
    assert len(by["dma"].judged) == 4
    assert by["dma"].judged[0] == pytest.approx(2.0**2.5 - 1)
    assert by["control"].factor == 1.0
    assert by["control"].inside == 1.0
    assert {"array_sliced", "array_tree"} <= by.keys()
    assert {s.point.structure for s in by["array_tree"].samples} == {"tree"}


def test_arrays_of_both_popcounts_scatter_alike_about_means_of_their_own():
    by_structure = {"sliced": [1.0, 2.0, 1.5, 1.2], "tree": [3.0, 3.0, 3.0, 3.0]}
    left = {name: list(values) for name, values in by_structure.items()}
    ones = dict.fromkeys(PARTS, 1.0)
    found = fit_wires([
        measured(p, {**ones, "array": left[p.structure].pop() if k % 2 == 0 else 1.0})
        for k, p in enumerate(wire_grid())
    ])  # fmt: skip
    by = {fit.structure: fit for fit in found}
    expected = fitted(by_structure["tree"], [by_structure["sliced"]])
    assert by["array_tree"].factor == pytest.approx(3.0)
    assert by["array_tree"].spread == pytest.approx(expected.relative_error)
    assert by["array_tree"].spread == pytest.approx(by["array_sliced"].spread)


def test_the_grid_has_no_design_twice_and_both_structures_in_both_halves():
    points = wire_grid()
    assert len(set(points)) == len(points) == 16
    for half in (points[::2], points[1::2]):
        assert {p.structure for p in half} == {"sliced", "tree"}
        assert {p.pipeline_stages for p in half} == {0, 1, 2}
    assert all(p.pes * p.lanes <= 512 for p in points)


def made_up():
    ones = dict.fromkeys(PARTS, 1.0)
    some = [measured(p, {**ones, "dma": 1.0 + k / 8}) for k, p in enumerate(wire_grid())]
    return WireCalibration("mine", tuple(some), fit_wires(some), 60.0, "tools", ("mine.lib (abc)",))


def test_page_and_json_say_the_same():
    found = made_up()
    text, told = wire_page(found, "mine.csv"), as_json(found)
    assert "# Wires of placed accelerators in mine" in text
    assert "| dma | 16 | 1.78 | " in text  # geometric mean of 1, 1.25 ... 2.75
    assert "| sliced 4x16 stages 0 | 50 | 0.01 | 40 | 10 | 0.6 |" in text
    [dma] = [row for row in told["factors"] if row["structure"] == "dma"]
    assert dma["factor"] == pytest.approx(math.prod(1 + k / 4 for k in range(8)) ** (1 / 8))
    rows = residual_csv(found).splitlines()
    assert len(rows) == 1 + 4 * 16 == 1 + len(told["residuals"])
    assert rows[0].startswith("structure,design,raw_fj,estimated_fj,placed_fj")


# ---------------------------------------------------------------------- what an estimate takes
ENTRY = PlacedWires(factor=2.0, spread=0.3, points=8, source="placed_accelerators")


def placed_in(technology, **entries):
    digest = f"{technology.digest} {sorted((k, e.factor) for k, e in entries.items())}"
    return replace(technology, placed_wires=entries, digest=digest)


def wires_of(technology):
    rates = costs(TINY, technology, "routed").rates_of[1]
    return {(r.part, r.term): r for r in rates if r.term.endswith(WIRES) or r.level == "routed"}


def test_wires_of_a_part_take_its_factor_and_its_error():
    keys = [wires_key(part, "tree") for part in PARTS]
    one = wires_of(placed_in(BARE, **dict.fromkeys(keys, ENTRY.model_copy(update={"factor": 1.0}))))
    two = wires_of(placed_in(BARE, **dict.fromkeys(keys, ENTRY)))
    scaled = {key for key in one if two[key].energy_fj != one[key].energy_fj}
    own = {
        key for key in one
        if key == BROADCAST or (key[1].endswith(WIRES) and key[0] in PARTS)
    }  # fmt: skip
    assert scaled == {key for key in own if one[key].energy_fj}
    assert {part for part, _ in scaled} == {"array", "control", "dma", "post"}
    for key in scaled:
        assert two[key].energy_fj == pytest.approx(2 * one[key].energy_fj)
        assert two[key].relative_error == pytest.approx(math.hypot(0.3, between_flows_error()))
        assert two[key].origin == "wire per net"


def test_a_technology_nothing_was_placed_in_has_the_mean_of_those_it_was():
    shipped = [load(name) for name in ("sky130hd", "ihp_sg13g2", "asap7")]
    assert all(is_placed(technology) for technology in shipped)
    own = [technology.placed_wires["control"] for technology in shipped]
    found = placed_factor(BARE, "control")
    assert found.value == pytest.approx(math.prod(entry.factor for entry in own) ** (1 / 3))
    assert found.relative_error > max(entry.spread for entry in own)
    assert placed_factor(SKY, "control").value == own[0].factor
    assert placed_factor(SKY, "no such structure") is None
    said = [
        [flag for flag in costs(TINY, each, "routed").flags if "was placed in" in flag]
        for each in (SKY, BARE)
    ]
    assert said[0] == []
    assert said[1][0].startswith("no accelerator was placed in sky130hd: ")


def test_wires_of_the_output_stage_are_counted_beside_its_register_of_classes():
    """The argmax register once took the place of all nets of the output stage."""
    laid_out = costs(TINY, SKY, "routed").routed
    assert laid_out.inside["post"].count == laid_out.mapped.cells["output"].outputs > 500


def test_the_section_replaces_itself_and_leaves_all_other_lines_alone():
    text = text_of("asap7")
    again = with_placed_wires(text, "asap7", {"control": ENTRY}, "made up")
    tree, before = yaml.safe_load(again), yaml.safe_load(text)
    assert tree["placed_wires"] == {
        "control": {"factor": 2.0, "spread": 0.3, "points": 8, "source": "placed_accelerators"}
    }
    assert tree["sources"]["placed_accelerators"] == "made up"
    rest = {k: v for k, v in tree.items() if k not in ("placed_wires", "sources")}
    assert rest == {k: v for k, v in before.items() if k not in ("placed_wires", "sources")}


# ---------------------------------------------------------------------- the verb
def run(*arguments):
    return CliRunner().invoke(app, ["calibrate", *map(str, arguments)])


@pytest.mark.parametrize(
    "extra",
    [["--memories"], ["--form", "remapped", "--dry-run"]],
)
def test_what_does_not_go_with_placed_is_refused(tmp_path, extra):
    (tmp_path / "x.lib").write_text("")
    arguments = ("--liberty", tmp_path / "x.lib", "--placed", "-o", tmp_path / "t.yaml")
    done = run("sky130hd", *arguments, *extra)
    assert done.exit_code == 2
    assert "--placed takes --liberty" in done.stderr
    assert not (tmp_path / "t.yaml").exists()


@pytest.mark.slow
@pytest.mark.timeout(600)
@needs_placer
@pytest.mark.skipif(not LIBERTY.exists(), reason="the Liberty files are not here")
def test_four_designs_are_placed_fitted_and_written(tmp_path):
    liberty = LIBERTY / "sky130hd/sky130hd_tt_025C_1v80.lib.gz"
    target = tmp_path / "t.yaml"
    done = run(
        "sky130hd", "--liberty", liberty, "--placed", "--subset", 4, "-o", target,
        "--report", tmp_path, "--json",
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert {row["half"] for row in found["residuals"]} == {"fitted", "judged"}
    written, shipped = load(target), SKY
    for structure, entry in written.placed_wires.items():
        # two of the eight designs the shipped factors were fitted on; the law is the same, though
        # the model that it is read from has these factors already
        assert entry.factor == pytest.approx(shipped.placed_wires[structure].factor, rel=0.5)
    assert (tmp_path / "sky130hd_placed.md").read_text().startswith("# Wires of placed")
    assert len((tmp_path / "sky130hd_placed.csv").read_text().splitlines()) == 1 + 4 * 4
