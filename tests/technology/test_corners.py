"""Figures at and between the corners of a library, and corners in a technology file."""

import math
from dataclasses import replace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from technology.shipped import SKY

from asicbnn.errors import SpecError
from asicbnn.technology.library import LIBRARIES, load
from asicbnn.technology.schema import CornerEntry


def corner(name, voltage_v, temperature_c, delay, energy=1.0, leakage=1.0):
    return CornerEntry(
        name=name, voltage_v=voltage_v, temperature_c=temperature_c, delay_ratio=delay,
        energy_ratio=energy, leakage_ratio=leakage, source="corners",
    )  # fmt: skip


LOW, HIGH, HOT = (
    corner("low", 0.7, 25, 4.0, 0.25, 0.3),
    corner("high", 1.95, 25, 0.9, 1.2, 1.5),
    corner("hot", 1.8, 125, 1.1, 1.02, 200.0),
)
CORNERED = replace(SKY, digest="with corners", corners=(LOW, HIGH, HOT))
ALONE = replace(SKY, digest="corners alone", corners=(LOW, HIGH), operating=None)


def test_a_corner_is_taken_as_it_is():
    by = CORNERED.at(0.7).moved_by
    assert (by.delay, by.internal, by.leakage) == (4.0, 0.25, 0.3)
    assert by.corners == ("low",)
    assert CORNERED.at(0.7).inverter_toggle_energy_fj == pytest.approx(
        SKY.inverter_toggle_energy_fj * 0.25
    )
    assert "as in the library corner low" in CORNERED.at(0.7).flags[0]


def test_a_corner_covers_what_the_law_does_not():
    with pytest.raises(SpecError, match=r"within 100 mV"):
        SKY.at(0.75)
    assert 1 < CORNERED.at(0.75).moved_by.delay < 4


def test_between_corners_the_logarithms_are_straight():
    middle = CORNERED.at((0.7 + 1.8) / 2).moved_by  # between low and nominal
    assert middle.delay == pytest.approx(2.0)
    assert middle.internal == pytest.approx(0.5)
    assert middle.leakage == pytest.approx(math.sqrt(0.3))
    assert set(middle.corners) == {"low", "nominal"}


def test_among_three_corners_the_weights_are_barycentric():
    by = CORNERED.at((0.7 + 1.8 + 1.8) / 3, (25 + 25 + 125) / 3).moved_by
    assert by.delay == pytest.approx((4.0 * 1.0 * 1.1) ** (1 / 3))
    assert set(by.corners) == {"low", "nominal", "hot"}


@given(st.floats(0.7, 1.95))
def test_between_corners_nothing_leaves_their_range(volts):
    by = CORNERED.at(volts).moved_by
    assert 0.9 - 1e-9 <= by.delay <= 4.0 + 1e-9
    assert 0.25 - 1e-9 <= by.internal <= 1.2 + 1e-9


def test_corners_are_never_extrapolated():
    sentence = (
        r"^operating_point\.voltage_v: 2 V is beyond the figures of sky130hd, which hold at 1\.8 "
        r"V and 25 C, and it lies outside its corners \(low, high\); its file has no operating sec"
    )
    with pytest.raises(SpecError, match=sentence):
        ALONE.at(2.0)
    with pytest.raises(SpecError, match=r"^operating_point\.temperature_c: 60 C is beyond the"):
        ALONE.at(1.8, 60)
    assert ALONE.at(1.0).moved_by.corners == ("nominal", "low")


@pytest.fixture
def written(tmp_path):
    """The file of a shipped technology with something changed."""

    def write(change):
        tree = yaml.safe_load((LIBRARIES / "ihp_sg13g2.yaml").read_text())
        tree.pop("macros", None)
        change(tree)
        path = tmp_path / "mine.yaml"
        path.write_text(yaml.safe_dump(tree))
        return path

    return write


def corners_of(tree, **changes):
    entry = {
        "name": "low", "voltage_v": 0.5, "temperature_c": 25, "delay_ratio": 20.0,
        "energy_ratio": 0.16, "leakage_ratio": 0.3, "source": "corners",
    }  # fmt: skip
    tree["corners"] = [{**entry, **changes}]


def test_corners_of_a_file_reach_below_the_threshold(written):
    mine = load(written(corners_of))
    assert mine.at(0.5).moved_by.delay == 20.0
    assert mine.at(0.5).fo4_delay_ps == pytest.approx(20 * mine.fo4_delay_ps)
    assert 1 < mine.at(0.55).moved_by.delay < 20
    with pytest.raises(SpecError, match=r"lies outside its corners \(low\)"):
        mine.at(0.45)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            lambda t: corners_of(t, delay_ratio=0),
            r"corners\[0\]\.delay_ratio: expected a number > 0",
        ),
        (lambda t: corners_of(t, source="hearsay"), r"source 'hearsay' is not among the file's"),
        (lambda t: t["operating"].pop("alpha"), r"operating\.alpha: missing key: expected"),
        (lambda t: t["operating"].update(beta=1), r"operating\.beta: unknown key"),
        (
            lambda t: t["operating"]["threshold_voltage_v"].update(value=1.3),
            r"operating: voltage_v, 1\.2, must lie above threshold_voltage_v, 1\.3, and not above",
        ),
        (
            lambda t: t["operating"]["temperature_c"].update(least=50),
            r"operating\.temperature_c: the library's own, 25, must lie within 50 to 125",
        ),
        (
            lambda t: t["operating"]["temperature_c"].update(least=500),
            r"least, 500, must not be above most, 125",
        ),
    ],
)
def test_mistakes_in_a_file_are_told(written, change, sentence):
    with pytest.raises(SpecError, match=sentence):
        load(written(change))
