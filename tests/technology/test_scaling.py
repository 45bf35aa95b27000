"""Technologies of nodes between those of libraries."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from shared_data import shared_data

from asicbnn.errors import SpecError
from asicbnn.technology.library import load, names
from asicbnn.technology.memories import memory
from asicbnn.technology.paths import logic_paths
from asicbnn.technology.popcount import popcount_delay, popcount_energy
from asicbnn.technology.scaling import anchors, bit_cell_ratio, interpolated, scaled

ASAP, GT2N, IHP, SKY = (load(name) for name in ("asap7", "gt2n", "ihp_sg13g2", "sky130hd"))
nodes = st.integers(2, 130)

FIGURES = {
    "voltage": lambda t: t.voltage_v,
    "FO4 delay": lambda t: t.fo4_delay_ps,
    "toggle energy": lambda t: t.inverter_toggle_energy_fj,
    "gate equivalent": lambda t: t.gate_equivalent_um2,
    "area of a flop": lambda t: t.cell("flop").area_um2,
    "energy of a full adder": lambda t: t.cell("full_adder").toggle_energy_fj,
    "clock energy of a flop": lambda t: t.cell("flop").clock_energy_fj,
    "popcount energy": lambda t: popcount_energy(t, "sliced", 64).per_lane_fj(),
    "popcount delay": lambda t: popcount_delay(t, "tree", 64).delay_ps,
    "wire": lambda t: t.wire_energy_fj(100),
}

# published NAND2 areas [um2]; design data nodes.yaml: UMC 65, Nangate45, a 28 nm bulk, 22FDX
PUBLISHED_GE_UM2 = {65: 1.44, 45: 0.798, 28: 0.49, 22: 0.199}


@given(nodes)
def test_every_figure_lies_between_those_of_the_libraries(node):
    between = scaled(node)
    for name, of in FIGURES.items():
        known = [of(library) for library in (ASAP, GT2N, IHP, SKY)]
        assert min(known) * (1 - 1e-9) <= of(between) <= max(known) * (1 + 1e-9), name


@pytest.mark.parametrize("name", FIGURES)
def test_figures_fall_from_node_to_node(name):
    of = FIGURES[name]
    for coarse, fine in pairwise((130, 90, 65, 45, 28, 16, 10, 7)):
        assert of(scaled(fine)) < of(scaled(coarse))


def test_on_an_anchor_the_libraries_count_alone():
    seven, coarse = scaled(7), scaled(130)
    for name, of in FIGURES.items():
        assert of(seven) == pytest.approx(of(ASAP), rel=0.02 if "popcount" in name else 1e-12)
    assert coarse.gate_equivalent_um2 == pytest.approx(math.sqrt(3.7536 * 7.2576))
    assert coarse.fo4_delay_ps == pytest.approx(math.sqrt(80.532 * IHP.fo4_delay_ps))


def test_a_middle_by_hand():
    """The node in the middle of 130 and 7 nm has the root of the product of their figures."""
    middle = scaled(math.sqrt(130 * 7))
    coarse = math.sqrt(SKY.inverter_toggle_energy_fj * IHP.inverter_toggle_energy_fj)
    assert middle.inverter_toggle_energy_fj == pytest.approx(
        math.sqrt(coarse * ASAP.inverter_toggle_energy_fj)
    )


@pytest.mark.parametrize(("node", "um2"), PUBLISHED_GE_UM2.items())
def test_published_gate_areas_lie_within_the_band(node, um2):
    assert 1 / 2 < scaled(node).gate_equivalent_um2 / um2 < 2


@pytest.mark.parametrize(("node", "key"), [(65, "65"), (32, "32HP"), (16, "16HP"), (10, "10HP")])
def test_stillmaker_s_shape_is_within_what_it_is_known_to_miss(node, key):
    """Published polynomials, at the scaled voltage, over the 7 nm ones: within a factor of 5."""
    tables = yaml.safe_load(shared_data("technology/stillmaker.yaml").read_text())["coef"]

    def at(which, what, volts):
        powers = tables[which][what]
        return sum(c * volts ** (len(powers) - 1 - i) for i, c in enumerate(powers))

    here, volts = scaled(node), scaled(node).voltage_v
    volts = min(volts, 0.9) if "HP" in key else volts  # where the polynomials were fitted
    for what, of in (
        ("delay", lambda t: t.fo4_delay_ps),
        ("energy", lambda t: t.inverter_toggle_energy_fj),
    ):
        theirs = at(key, what, volts) / at("7HP", what, ASAP.voltage_v)
        ours = of(here) / of(ASAP)
        assert 1 / 5.1 < ours / theirs < 2.5


@given(nodes)
def test_a_scaled_technology_prices_what_a_library_does(node):
    there = scaled(node)
    assert memory(there, "latch", 16, 32).area_um2 > 0
    assert memory(there, "sram", 256, 32).read_energy_fj > 0
    assert all(path.delay_ps > 0 for path in logic_paths(there, 64, "sliced", 0.5, 16).values())
    assert there.node_error == 1
    assert "a factor of 2 either way" in there.flags[0]


def test_a_scaled_technology_moves_with_its_voltage():
    nominal = scaled(65)
    low = nominal.at(0.7)
    assert low.fo4_delay_ps > nominal.fo4_delay_ps
    assert low.at() == nominal
    with pytest.raises(SpecError, match=r"within 100 mV of the threshold of scaled:65"):
        nominal.at(0.5)


def test_bit_cells_are_interpolated_between_published_ones():
    assert bit_cell_ratio(28) == pytest.approx(0.127 / 2.43)
    assert 0.346 / 2.43 < bit_cell_ratio(55) < 0.525 / 2.43


@given(st.floats(0.1, 2), st.floats(0.1, 1))
def test_below_the_finest_published_bit_cell_both_sides_shrink_with_the_node(node, times):
    """A cell of a width and a height; each goes by the node."""
    assert bit_cell_ratio(2) == pytest.approx(0.0175 / 2.43)
    shrunk, whole = bit_cell_ratio(times * node), bit_cell_ratio(node)
    assert math.sqrt(shrunk) == pytest.approx(times * math.sqrt(whole))


def test_nothing_is_interpolated_outside_its_points():
    with pytest.raises(ValueError, match=r"^5 nm is not within 7 to 130 nm$"):
        interpolated(5, [(130, 1.0), (7, 0.1)])


def test_anchors_are_shipped_libraries():
    assert {name for some in anchors().values() for name in some} <= set(names())


def test_a_node_is_named_in_place_of_a_technology(tmp_path):
    assert load("scaled:28") == scaled(28)
    assert load("scaled:28nm") == scaled(28)
    path = tmp_path / "mine.yaml"
    path.write_text("kind: scaled\nname: mine\nnode_nm: 28\n")
    named = load(path)
    assert named.name == "mine"
    assert named == scaled(28)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("scaled:180", r"^technology: 180 nm lies outside the nodes there are libraries of, \d"),
        ("scaled:1", r"nothing is extrapolated\n.*set scaled:\d to scaled:130, or import a Lib"),
        ("scaled:", r"^technology: expected scaled:NODE with a node in nm, such as scaled:28"),
        ("scaled:nan", r"^technology: expected scaled:NODE"),
        ("scaled:-5", r"^technology: expected scaled:NODE"),
    ],
)
def test_other_nodes_are_refused(name, sentence):
    with pytest.raises(SpecError, match=sentence):
        load(name)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("kind: scaled\nname: mine\nnode_nm: 500\n", r"mine\.yaml: node_nm: 500 nm lies outside"),
        ("kind: scaled\nname: mine\n", r"node_nm: missing key: expected a number"),
        ("kind: scaled\nname: mine\nnode_nm: -1\n", r"node_nm: expected a number > 0.*, got -1"),
        ("kind: scaled\nname: mine\nnode_nm: 28\ncells: {}\n", r"cells: unknown key"),
    ],
)
def test_mistakes_of_a_file_are_told(tmp_path, text, sentence):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(SpecError, match=sentence):
        load(path)


LEAKING = """kind: scaled
name: mine
node_nm: 28
sources: {foundry: a data sheet}
off_current_na_per_um: {value: 0.5, source: foundry, relative_error: 0.3}
"""


def test_a_stated_off_current_moves_leakage_and_nothing_else(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(LEAKING)
    plain, mine = load("scaled:28"), load(path)
    assert mine.off_current_na_per_um == pytest.approx(0.5)
    by = 0.5 / plain.off_current_na_per_um
    for role, cell in plain.cells.items():
        assert mine.cells[role].leakage_nw == pytest.approx(cell.leakage_nw * by)
        assert replace(mine.cells[role], leakage_nw=cell.leakage_nw) == cell
    assert mine.sram.leakage_ratio.value == pytest.approx(plain.sram.leakage_ratio.value * by)
    assert mine.leakage_error == 0.3
    assert mine != plain
    assert any("0.5 nA/um" in flag for flag in mine.flags)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("node_nm: 5\noff_current_na_per_um: {value: 1, source: x}\n", r"states no width"),
        ("node_nm: 28\noff_current_na_per_um: {value: 0, source: x}\n", r"expected a current > 0"),
    ],
)
def test_an_off_current_that_cannot_be_used_is_refused_with_its_line(tmp_path, lines, message):
    path = tmp_path / "mine.yaml"
    path.write_text(f"kind: scaled\nname: mine\n{lines}")
    with pytest.raises(SpecError, match=message):
        load(path)


def test_off_currents_are_leakage_over_voltage_and_width():
    sky = load("sky130hd")
    width = (0.65 + 1.0) / 2
    assert sky.off_current_na_per_um == pytest.approx(0.00533 / 1.8 / width)
    assert sky.at(1.7).off_current_na_per_um == sky.off_current_na_per_um
    assert load("gt2n").off_current_na_per_um is None


def test_leakage_between_libraries_is_as_uncertain_as_two_of_one_node_differ():
    sky, ihp = (load(name).off_current_na_per_um for name in ("sky130hd", "ihp_sg13g2"))
    assert 1 + load("scaled:28").leakage_error == pytest.approx(ihp / sky, rel=0.02)
