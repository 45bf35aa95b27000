from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asicbnn.errors import ModelError
from asicbnn.technology.library import load
from asicbnn.technology.paths import logic_paths, popcount_path, ripple_path
from asicbnn.technology.popcount import popcount_delay, popcount_energy

ALL = [load(name) for name in ("asap7", "ihp_sg13g2", "sky130hd")]
IHP, SKY = ALL[1], ALL[2]
technologies = st.sampled_from(ALL)
structures = st.sampled_from(["sliced", "tree"])
ARCHITECTURE = {"sliced": "csa_cell", "tree": "tree_cell"}


@pytest.mark.parametrize("name", ["sky130hd", "asap7"])
@pytest.mark.parametrize("structure", ["sliced", "tree"])
def test_measured_energies_equal_the_table_they_came_from(table, name, structure):
    rows = table("popcount_energy_sky.csv") + table("popcount_energy_asap7.csv")
    for row in rows:
        if row["lib"] == name and row["arch"] == ARCHITECTURE[structure] and row["mode"] == "both":
            lanes = int(row["N"])
            total = (float(row["E_total_fJ"]) + float(row["E_in_fJ"])) / lanes
            if name == "asap7":  # inside cells the table averages over the two supply pins
                total += float(row["E_int_fJ"]) / lanes
            energy = popcount_energy(load(name), structure, lanes)
            assert energy.per_lane_fj() == pytest.approx(total, rel=1e-3)
            assert energy.transitions == pytest.approx(float(row["toggles"]) / lanes, abs=1e-3)


def test_unstated_transitions_are_energy_over_that_of_an_adder_output():
    entry = SKY.popcount_energies["sliced"].model_copy(update={"transitions": None})
    bare = replace(SKY, digest="bare", popcount_energies={"sliced": entry})
    energy = popcount_energy(bare, "sliced", 64)
    output = SKY.cell("full_adder").toggle_energy_fj
    assert energy.transitions == pytest.approx(energy.per_lane_fj(0) / output)


def test_held_weights_leave_the_tree_and_halve_the_pins(table):
    for row in table("popcount_energy_sky.csv"):
        if row["arch"] == "csa_cell" and row["mode"] == "ws":
            total = (float(row["E_total_fJ"]) + float(row["E_in_fJ"])) / int(row["N"])
            energy = popcount_energy(SKY, "sliced", int(row["N"]))
            assert energy.per_lane_fj(changing_operands=1) == pytest.approx(total, rel=0.02)


def test_ihp_energies_are_the_gate_mapped_ones_scaled_by_toggle_energy(table):
    ratio = IHP.inverter_toggle_energy_fj / SKY.inverter_toggle_energy_fj
    for row in table("popcount_energy_sky.csv"):
        if row["arch"] == "csa_abc" and row["mode"] == "both":
            lanes = int(row["N"])
            energy = popcount_energy(IHP, "sliced", lanes)
            expected = ratio * float(row["E_total_fJ"]) / lanes
            assert energy.per_lane_fj(0) == pytest.approx(expected, rel=1e-3)
            assert energy.scaled
            assert energy.relative_error == 0.5
            assert energy.transitions == pytest.approx(float(row["toggles"]) / lanes, abs=1e-3)
    tree = popcount_energy(IHP, "tree", 64).per_lane_fj(0)
    both = [popcount_energy(SKY, structure, 64).per_lane_fj(0) for structure in ("tree", "sliced")]
    sliced = popcount_energy(IHP, "sliced", 64).per_lane_fj(0)
    assert tree == pytest.approx(sliced * both[0] / both[1], rel=1e-3)


@pytest.mark.parametrize("technology", ALL, ids=lambda t: t.name)
@pytest.mark.parametrize("structure", ["sliced", "tree"])
def test_between_two_measured_numbers_of_lanes_each_doubling_adds_as_much(technology, structure):
    lanes = technology.popcount_energies[structure].lanes
    assert len(lanes) > 1
    for low, high in pairwise(lanes):
        doublings = [low * 2**n for n in range((high // low).bit_length())]
        assert doublings[-1] == high
        energies = [popcount_energy(technology, structure, n).per_lane_fj() for n in doublings]
        steps = [after - before for before, after in pairwise(energies)]
        assert steps == pytest.approx([steps[0]] * len(steps), abs=1e-9 * energies[0])


@given(technologies, structures, st.integers(1, 4096))
def test_energy_splits_into_positive_parts(technology, structure, lanes):
    energy = popcount_energy(technology, structure, lanes)
    assert energy.xnor_fj > 0
    assert energy.counters_fj > 0
    assert energy.input_pin_fj > 0
    assert energy.per_lane_fj() == pytest.approx(
        energy.xnor_fj + energy.counters_fj + 2 * energy.input_pin_fj
    )
    low, high = (16, 64) if (technology, structure) == (IHP, "sliced") else (16, 256)
    outside = any("nearest measured" in flag for flag in energy.flags)
    assert outside == (not low <= lanes <= high)


def test_delays_are_those_of_the_synthesised_popcounts(table):
    for row in table("synth_results.csv"):
        structure = {"csa": "sliced", "tree": "tree"}.get(row["arch"])
        if row["pe"] != "0" or structure is None:
            continue
        if row["lib"] == "ihp" or row["mode"] == "cell":
            technology = load({"ihp": "ihp_sg13g2"}.get(row["lib"], row["lib"]))
            delay = popcount_delay(technology, structure, int(row["N"]))
            bound = delay.relative_error + 1e-3
            assert delay.delay_ps == pytest.approx(1000 * float(row["delay_ns"]), rel=bound)
            assert delay.flags == ()


@given(technologies, structures, st.integers(1, 2048), st.floats(0.01, 1), st.integers(1, 32))
def test_paths_lengthen_with_lanes_and_bits_and_shorten_with_stages(
    technology, structure, lanes, share, bits
):
    here = popcount_path(technology, lanes, structure, share).delay_ps
    assert here > 0
    assert (
        popcount_delay(technology, structure, lanes + 1).delay_ps
        > popcount_delay(technology, structure, lanes).delay_ps
    )
    assert popcount_path(technology, 2 * lanes, structure, share).delay_ps > here
    assert popcount_path(technology, lanes, structure, share / 2).delay_ps < here
    assert ripple_path(technology, bits + 1).delay_ps > ripple_path(technology, bits).delay_ps
    paths = logic_paths(technology, lanes, structure, share, bits)
    assert set(paths) == {"popcount", "accumulate", "threshold"}
    assert paths["popcount"].delay_ps == here


def test_a_ripple_sum_by_hand():
    # clock to output 338.37, multiplexer 266.59, 15 carries of 325.0, a sum 392.72, setup 122.6
    assert ripple_path(SKY, 16).delay_ps == pytest.approx(
        338.37 + 266.59 + 15 * 325 + 392.72 + 122.6
    )


def test_what_was_not_fitted_is_flagged():
    assert popcount_delay(SKY, "sliced", 2048).flags == (
        "popcount delay of 2048 lanes lies outside the fitted 8 to 1024",
    )
    assert "is derived" in popcount_delay(IHP, "tree", 64).flags[0]
    assert popcount_delay(IHP, "sliced", 64).flags == ()


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: popcount_energy(SKY, "slice", 64),
            r"^unknown popcount structure 'slice'",
        ),
        (lambda: popcount_delay(SKY, "tree", 0), r"^lanes must be an integer >= 1, not 0$"),
        (
            lambda: popcount_path(SKY, 8, "tree", 1.5),
            r"^longest_share must be above 0 and at most 1, not 1.5$",
        ),
        (lambda: ripple_path(SKY, 0), r"^bits must be an integer >= 1 \[bit\], not 0$"),
        (lambda: ripple_path(SKY, 4, 1), r"^operands must be an integer >= 2, not 1$"),
    ],
)
def test_questions_outside_the_models_are_refused(call, sentence):
    with pytest.raises(ModelError, match=sentence):
        call()
