"""What no Liberty file says: scaled figures and the band they claim."""

import math

import pytest

from asicbnn.technology.liberty import anchors
from asicbnn.technology.liberty.anchors import ANCHORS, predicted, units_of
from asicbnn.technology.library import load

FILES = anchors.anchors()


def test_the_band_is_the_worst_prediction_of_one_from_the_others():
    """2, 4 and 8: from 4 and 8 (mean 5.66) to 2 it is a factor 2.83, the largest of the three."""
    found = predicted({"a": 2.0, "b": 4.0, "c": 8.0})
    assert found.value == pytest.approx(4)
    assert found.relative_error == pytest.approx(math.sqrt(32) / 2 - 1)


def test_a_single_anchor_is_worth_a_factor_of_two():
    assert predicted({"a": 3.0}) == anchors.Predicted(3.0, 1.0)


@pytest.mark.parametrize("name", ANCHORS)
def test_every_anchor_lies_inside_the_bands_claimed_for_it(name):
    """The mean includes the anchor itself, so this holds with room to spare."""
    file, units = FILES[name], units_of(FILES[name])
    xnor = load(name).cell("xnor2").input_capacitance_ff
    volts = file.voltage_v.value
    energies = anchors.popcount_energies(units, xnor, volts)
    delays = anchors.popcount_delays(units)
    for structure in ("sliced", "tree"):
        own, scaled = file.popcount_energy[structure], energies[structure]
        for mine, its in zip(own.compute_fj, scaled.compute_fj, strict=False):
            assert max(mine / its, its / mine) <= 1 + scaled.relative_error
        delay = delays[structure]
        for lanes in (8, 64, 256):
            actual = load(name).popcount_delays[structure]
            ratio = (delay.per_level_ps * math.log2(lanes) + delay.offset_ps) / (
                actual.per_level_ps * math.log2(lanes) + actual.offset_ps
            )
            assert max(ratio, 1 / ratio) <= 1 + delay.relative_error + actual.relative_error
    area = anchors.sram_entry(units).area_ratio
    ratio = area.value / file.sram.area_ratio.value
    assert max(ratio, 1 / ratio) <= 1 + area.relative_error


@pytest.mark.parametrize("name", ANCHORS)
def test_input_pins_of_xnor_are_those_that_were_simulated(name):
    """Half of a random operand's bits change: C V^2 / 4 per lane, within 2 percent."""
    file = FILES[name]
    xnor = load(name).cell("xnor2").input_capacitance_ff
    entry = anchors.popcount_energies(units_of(file), xnor, file.voltage_v.value)["sliced"]
    assert entry.input_pins_fj[1] == pytest.approx(
        file.popcount_energy["sliced"].input_pins_fj[1], rel=0.02
    )


def test_energy_follows_the_toggle_energy_and_delay_the_adder():
    units = units_of(FILES["sky130hd"])
    twice = anchors.Units(
        **{f: getattr(units, f) for f in units.__dataclass_fields__}
        | {"fo4_energy_fj": 2 * units.fo4_energy_fj, "adder_delay_ps": 3 * units.adder_delay_ps}
    )
    one, other = (anchors.popcount_energies(u, 1.0, 1.0)["tree"] for u in (units, twice))
    assert other.compute_fj == pytest.approx([2 * x for x in one.compute_fj], rel=1e-4)
    slow, fast = (anchors.popcount_delays(u)["sliced"] for u in (twice, units))
    assert slow.per_level_ps == pytest.approx(3 * fast.per_level_ps, rel=1e-4)


def test_a_library_without_adder_cells_is_scaled_from_one_without():
    units = units_of(FILES["ihp_sg13g2"])
    entry = anchors.popcount_energies(units, 1.0, 1.0)["sliced"]
    assert "ihp_sg13g2" in entry.note
    assert entry.compute_fj == pytest.approx(
        FILES["ihp_sg13g2"].popcount_energy["sliced"].compute_fj
    )
    assert entry.relative_error == 1.0


@pytest.mark.parametrize(
    ("gate_um2", "low", "high"), [(0.798, 30, 60), (10.976, 120, 260), (3.7536, 90, 160)]
)
def test_the_guessed_node_of_nangate45_gf180_and_sky130(gate_um2, low, high):
    assert low < anchors.node_nm(gate_um2).value < high


def test_wires_of_open_platforms_and_their_spread():
    figure = anchors.wire_figure("signal")
    assert 104 < figure.value < 173
    assert figure.value / (1 + figure.relative_error) < 104
    assert figure.assumed
