"""What a real chip adds is asked for by name, has a source, and is in no other total."""

from pathlib import Path

import pytest

from asicbnn.errors import SpecError
from asicbnn.model.costs import costs
from asicbnn.model.estimate import estimate
from asicbnn.spec.accelerator import Accelerator, with_changes
from asicbnn.spec.reader import read
from asicbnn.spec.workload import read_workload
from asicbnn.technology.cells import Cells
from asicbnn.technology.extras import pad_area_um2, scan_figures, source_of
from asicbnn.technology.library import load, names

ROOT = Path(__file__).parents[2]
TINY = read(ROOT / "arch_specs/tiny.yaml", Accelerator)
DIGITS = read_workload(ROOT / "workloads/digits_mlp_64_256_256_10.yaml")
SKY = load("sky130hd")


def with_extras(technology="sky130hd", **extras):
    changes = {"technology": technology, **{f"extras.{k}": v for k, v in extras.items()}}
    return estimate(with_changes(TINY, changes), DIGITS)


def test_by_default_there_are_none():
    result = estimate(TINY, DIGITS)
    assert not {"area_with_extras_um2", "energy_with_extras_uj"} & result.totals.keys()
    assert not any(flag.startswith("extras:") for flag in result.flags)


def test_they_move_no_other_figure():
    plain = estimate(TINY, DIGITS).totals
    full = with_extras(
        scan={},
        pads={"count": 40},
        host_interface={"gate_equivalents": 5000, "source": "synthesis of our SPI slave"},
        regulator={"efficiency": 0.55, "source": "linear, 1.8 V from 3.3 V"},
    )
    asked = {"area_with_extras_um2", "energy_with_extras_uj"}
    assert {k: v for k, v in full.totals.items() if k not in asked} == plain
    areas, energies = full.breakdowns["extras_area_um2"], full.breakdowns["extras_energy_fj"]
    assert areas.keys() == {"scan", "host interface", "pads"}
    assert energies.keys() == {"scan", "host interface", "regulator loss"}
    more_um2 = full.totals["area_with_extras_um2"] - plain["area_um2"]
    assert more_um2 == pytest.approx(sum(areas.values()))
    more_uj = full.totals["energy_with_extras_uj"] - plain["energy_per_inference_uj"]
    assert more_uj == pytest.approx(sum(energies.values()) * 1e-9)
    assert sum(flag.startswith("extras:") for flag in full.flags) == 4
    assert full.levels["area_with_extras_um2"] == "assumed"


def test_scan_widens_every_flip_flop_those_of_memories_too():
    cost = costs(TINY, SKY)
    flops = cost.area.logic_cells.flop + sum(
        macro.count * memory.cells.flop for macro, memory in cost.area.memories if memory.cells
    )
    result = with_extras(scan={})
    area = result.breakdowns["extras_area_um2"]["scan"]
    assert area == pytest.approx(0.3125 * 20.0192 * flops, rel=1e-4)
    leaks_nw = 0.137 * SKY.leakage_nw(Cells(flop=flops))
    spent_fj = leaks_nw * result.totals["latency_ms"] * 1e3
    assert result.breakdowns["extras_energy_fj"]["scan"] == pytest.approx(spent_fj, rel=1e-3)
    own = with_extras(scan={"area_factor": 1.5, "leakage_factor": 1, "source": "ours"})
    assert own.breakdowns["extras_area_um2"]["scan"] == pytest.approx(0.5 * 20.0192 * flops)
    assert "scan" not in own.breakdowns["extras_energy_fj"]


def test_a_host_interface_has_its_size_and_its_bits():
    result = with_extras(
        host_interface={"gate_equivalents": 1000, "energy_pj_per_bit": 3, "source": "x"}
    )
    assert result.breakdowns["extras_area_um2"]["host interface"] == pytest.approx(3753.6)
    words = result.totals["host_words_in"] + result.totals["host_words_out"]
    leaks_fj = 1000 * SKY.cell("nand2").leakage_nw * result.totals["latency_ms"] * 1e3
    energy = result.breakdowns["extras_energy_fj"]["host interface"]
    assert energy == pytest.approx(words * 8 * 3000 + leaks_fj)


def test_a_regulator_loses_what_it_does_not_deliver():
    half = with_extras(regulator={"efficiency": 0.5, "source": "x"})
    lost = half.breakdowns["extras_energy_fj"]["regulator loss"]
    assert lost == pytest.approx(half.totals["onchip_energy_fj"])  # nothing outside the chip
    whole = with_extras(regulator={"efficiency": 1, "source": "x"})
    assert whole.breakdowns["extras_energy_fj"] == {}


def test_pads_are_the_technologys_or_yours():
    assert with_extras(pads={"count": 10}).breakdowns["extras_area_um2"]["pads"] == 168800
    ihp = with_extras("ihp_sg13g2", pads={"count": 10})
    assert ihp.breakdowns["extras_area_um2"]["pads"] == 144000
    own = with_extras("asap7", pads={"count": 2, "area_um2": 100, "source": "x"})
    assert own.breakdowns["extras_area_um2"]["pads"] == 200


def test_what_no_technology_states_is_refused_by_name():
    with pytest.raises(SpecError) as caught:
        with_extras("asap7", pads={"count": 10})
    [problem] = caught.value.problems
    assert (problem.path, problem.message) == ("extras.pads", "the pad cell of asap7 is not known")
    assert problem.help == "give area_um2 and source"


@pytest.mark.parametrize(
    ("extras", "words"),
    [
        ({"scan": {"area_factor": 1.2}}, "extras.scan.source: the source is empty"),
        ({"pads": {"count": 4, "area_um2": 5}}, "extras.pads.source: the source is empty"),
        ({"regulator": {"efficiency": 0.8, "source": ""}}, "extras.regulator.source: the source"),
        ({"regulator": {"efficiency": 0, "source": "x"}}, "extras.regulator.efficiency: expected"),
        ({"host_interface": {"gate_equivalents": 1}}, "extras.host_interface.source"),
        ({"pads": {}}, "extras.pads.count"),
    ],
)
def test_a_figure_of_your_own_needs_a_source(extras, words):
    with pytest.raises(SpecError) as caught:
        with_extras(**extras)
    assert words in str(caught.value)


def test_every_shipped_figure_has_a_source():
    for name in names():
        for figure in (pad_area_um2(name), *(dict(scan_figures(name) or {}).values())):
            assert figure is None or len(source_of(figure)) > 20
