"""The operating section that an import fits to the corners of a library."""

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asicbnn.technology.liberty.operating_fit import Observed, fitted, process_of
from asicbnn.technology.operating_point import alpha_power_delay, kelvin, law_ratios

OWN = Observed("tt", 1.2, 25.0)
POINTS = [(1.2, 125.0), (1.2, -40.0), (1.08, 25.0), (1.32, 25.0), (1.0, 125.0), (1.35, -40.0)]


def seen(
    threshold, alpha, per_k, exponent, barrier, per_v, power=2.0, points=POINTS, floor=0, rises=0
):
    """Corners of one process that follow the laws exactly."""
    found = []
    for volts, degrees in points:
        here = threshold - per_k * (degrees - OWN.temperature_c)
        delay = alpha_power_delay(volts, here, alpha)
        delay /= alpha_power_delay(OWN.voltage_v, threshold, alpha)
        warm = kelvin(degrees) / kelvin(OWN.temperature_c)
        k = 8.617333e-5
        cold_kt, warm_kt = k * kelvin(OWN.temperature_c), k * kelvin(degrees)
        lowered = barrier - per_v * (volts - OWN.voltage_v)
        over = warm**2 * math.exp(barrier / cold_kt - lowered / warm_kt)
        through = math.exp(rises * (volts - OWN.voltage_v))
        leakage = volts / OWN.voltage_v * ((1 - floor) * over + floor * through)
        found.append(Observed(
            "tt", volts, degrees, delay * warm**exponent, (volts / OWN.voltage_v) ** power,
            (1 - 0.4 * threshold / volts) / (1 - 0.4 * threshold / OWN.voltage_v), leakage,
        ))  # fmt: skip
    return found


@given(
    threshold=st.floats(0.25, 0.6), alpha=st.floats(1.1, 1.9), per_k=st.floats(3e-4, 1.2e-3),
    exponent=st.floats(0.2, 1.5), barrier=st.floats(0.15, 0.7), per_v=st.floats(0.01, 0.08),
)  # fmt: skip
def test_corners_that_follow_the_laws_are_met(threshold, alpha, per_k, exponent, barrier, per_v):
    found = seen(threshold, alpha, per_k, exponent, barrier, per_v)
    entry = fitted(OWN, found).entry
    for corner in found:
        law = law_ratios(
            entry, OWN.voltage_v, OWN.temperature_c, corner.voltage_v, corner.temperature_c
        )
        assert law.delay == pytest.approx(corner.delay, rel=0.01)
        assert law.leakage == pytest.approx(corner.leakage, rel=0.01)
        assert law.internal == pytest.approx(corner.internal, rel=1e-3)
        assert law.capacitance == pytest.approx(corner.capacitance, rel=5e-3)


def test_parameters_come_back():
    entry = fitted(OWN, seen(0.45, 1.4, 8e-4, 0.9, 0.4, 0.04, power=1.9)).entry
    assert entry.threshold_voltage_v.value == pytest.approx(0.45, abs=5e-3)
    assert entry.alpha.value == pytest.approx(1.4, abs=0.02)
    assert entry.leakage_barrier_v.value == pytest.approx(0.4, rel=1e-3)
    assert entry.leakage_v_per_v.value == pytest.approx(0.04, rel=1e-3)
    assert entry.internal_energy_exponent.value == pytest.approx(1.9, rel=1e-3)
    assert not entry.alpha.assumed
    assert (entry.temperature_c.least, entry.temperature_c.most) == (-40, 125)
    assert entry.highest_voltage_v.value == 1.35


@given(
    barrier=st.floats(0.4, 0.8), per_v=st.floats(0.01, 0.08), floor=st.floats(0.05, 0.8),
    rises=st.floats(2, 10),
)  # fmt: skip
def test_a_floor_that_no_temperature_moves_is_found(barrier, per_v, floor, rises):
    """Two processes, of which each has its own leakage over the barrier, and both one floor."""
    points = [*POINTS, (1.08, -40.0)]
    found = seen(0.45, 1.4, 8e-4, 0.9, barrier, per_v, points=points, floor=floor, rises=rises)
    slow = [
        dataclasses.replace(c, process="ss", leakage=c.leakage - 0.8 * (1 - floor) * over.leakage)
        for c, over in zip(
            found, seen(0.45, 1.4, 8e-4, 0.9, barrier, per_v, points=points), strict=True
        )
    ]
    fit = fitted(OWN, [*found, *slow])
    assert dict(fit.residuals)["leakage"] < 0.1
    for corner in found:
        law = law_ratios(
            fit.entry, OWN.voltage_v, OWN.temperature_c, corner.voltage_v, corner.temperature_c
        )
        assert law.leakage == pytest.approx(corner.leakage, rel=0.1)


def test_a_floor_needs_more_corners_than_it_has_parameters():
    few = seen(0.45, 1.4, 8e-4, 0.9, 0.6, 0.04, points=POINTS[:4], floor=0.4, rises=7)
    many = seen(0.45, 1.4, 8e-4, 0.9, 0.6, 0.04, floor=0.4, rises=7)
    assert fitted(OWN, few).entry.leakage_floor_fraction is None
    entry = fitted(OWN, many).entry
    assert entry.leakage_floor_fraction.value == pytest.approx(0.4, rel=1e-3)
    assert entry.leakage_floor_per_v.value == pytest.approx(7, rel=1e-3)
    none = fitted(OWN, seen(0.45, 1.4, 8e-4, 0.9, 0.6, 0.04)).entry
    assert none.leakage_floor_fraction is None


def test_few_corners_leave_the_shape_of_the_law_assumed():
    entry = fitted(OWN, seen(0.45, 1.63, 7.79e-4, 0.33, 0.4, 0.04, points=POINTS[:3])).entry
    assert entry.alpha.assumed
    assert entry.threshold_v_per_k.assumed
    assert "leave it open" in entry.alpha.note


def test_gates_that_are_faster_hot_have_a_threshold_that_falls():
    """Near the threshold heat helps; a negative power of the temperature would be no mobility's."""
    inverted = seen(0.6, 1.6, 2.0e-3, 0.334, 0.4, 0.04, points=POINTS[:3])
    entry = fitted(OWN, inverted).entry
    assert inverted[0].delay < 1
    assert entry.threshold_v_per_k.value == pytest.approx(2.0e-3, rel=0.05)
    assert not entry.threshold_v_per_k.assumed


@given(
    delays=st.lists(st.floats(1e-3, 1e3), min_size=4, max_size=4),
    leakages=st.lists(st.floats(1e-12, 1e12), min_size=4, max_size=4),
    energies=st.lists(st.floats(1e-3, 1e3), min_size=4, max_size=4),
)
def test_whatever_corners_say_the_section_is_one_or_says_what_is_missing(
    delays, leakages, energies
):
    corners = [
        Observed("tt", volts, degrees, *those)
        for (volts, degrees), those in zip(
            POINTS[:4], zip(delays, energies, energies, leakages, strict=True), strict=True
        )
    ]
    entry = fitted(OWN, corners).entry
    assert entry is None or entry.leakage_error_per_k.value > 0


def test_a_slope_that_heat_or_voltage_cannot_have_is_none_and_its_deviation_is_told():
    """Less leakage hot: the barrier stays at zero, and the largest deviation says so."""
    cold = [
        dataclasses.replace(c, leakage=0.1 if c.temperature_c > 25 else 1.0)
        for c in seen(0.45, 1.5, 8e-4, 0.9, 0.4, 0.04)
    ]
    fit = fitted(OWN, cold)
    assert fit.entry.leakage_barrier_v.value == pytest.approx(0)
    assert dict(fit.residuals)["leakage"] > 1


def test_other_processes_have_thresholds_and_leakage_levels_of_their_own():
    typical = seen(0.45, 1.5, 8e-4, 0.9, 0.4, 0.04)
    slow = [
        Observed("ss", c.voltage_v, c.temperature_c, 1.3 * c.delay, c.internal, c.capacitance,
                 c.leakage / 7)
        for c in typical
    ]  # fmt: skip
    found = fitted(OWN, [*typical, *slow])
    assert dict(found.residuals)["leakage"] < 1e-6
    assert found.entry.leakage_barrier_v.value == pytest.approx(0.4, rel=1e-3)
    assert dict(found.residuals)["delay"] < 0.1


def test_what_fits_badly_has_a_wide_band():
    good = seen(0.45, 1.5, 8e-4, 0.9, 0.4, 0.04)
    bad = [
        Observed(c.process, c.voltage_v, c.temperature_c, c.delay, c.internal, c.capacitance,
                 c.leakage * (40 if c.voltage_v < 1.05 else 1))
        for c in good
    ]  # fmt: skip
    narrow, wide = (fitted(OWN, some).entry for some in (good, bad))
    assert wide.leakage_error_per_k.value < narrow.leakage_error_per_k.value / 5


@pytest.mark.parametrize(
    ("corners", "missing"),
    [
        ([Observed("tt", 1.08, 25.0, 1.2, 0.8, 1.0, 0.9)], "that differ in temperature"),
        ([Observed("tt", 1.2, 125.0, 1.2, 1.0, 1.0, 50.0)], "that differ in voltage"),
        ([Observed("ss", 1.08, 125.0), Observed("ff", 1.32, -40.0)], "in voltage and two corners"),
    ],
)
def test_what_is_missing_is_said(corners, missing):
    found = fitted(OWN, corners)
    assert found.entry is None
    assert missing in found.note
    assert "give the Liberty files of further corners" in found.note


@pytest.mark.parametrize(
    ("name", "process"),
    [
        ("tt_025C_1v80", "tt"), ("typical_1p2V_25C", "tt"), ("sky130_fd_sc_hd__ss_n40C", "ss"),
        ("PVT_0P7V_25C", ""), ("slow_1p08V", "ss"), ("fast", "ff"), ("offset", ""),
    ],
)  # fmt: skip
def test_a_process_is_known_by_the_words_for_it(name, process):
    assert process_of(name) == process
