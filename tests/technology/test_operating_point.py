"""Figures away from a library's own voltage and temperature."""

import math
from dataclasses import fields

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError
from technology.shipped import ALL, ASAP, IHP, NAMES, SKY

from asicbnn.errors import ModelError, SpecError
from asicbnn.technology.corners import Ratios
from asicbnn.technology.library import load
from asicbnn.technology.memories import memory
from asicbnn.technology.operating_entry import OperatingEntry
from asicbnn.technology.operating_point import (
    alpha_power_delay,
    capacitance_ratio,
    delay_error,
    delay_ratio,
    leakage_ratio,
    lowest_voltage_v,
)
from asicbnn.technology.paths import logic_paths
from asicbnn.technology.popcount import popcount_delay, popcount_energy

technologies = st.sampled_from(ALL)
shares = st.integers(0, 1000).map(lambda part: part / 1000)

# FO4 delay [ps] of sky130_fd_sc_hd__inv_1, read from its JSON timing tables at a load of four
# inverters and their own slew: google/skywater-pdk-libs-sky130_fd_sc_hd, cells/inv.
# (process, temperature, voltage): delay. The fit has one threshold for each process.
SKY_FO4_PS = {
    ("tt", 25, 1.80): 80.53, ("tt", 100, 1.80): 81.76,
    ("ss", -40, 1.28): 354.62, ("ss", -40, 1.35): 262.50, ("ss", -40, 1.40): 225.46,
    ("ss", -40, 1.44): 213.75, ("ss", -40, 1.76): 110.88, ("ss", 100, 1.40): 187.43,
    ("ss", 100, 1.60): 137.38, ("ff", 100, 1.65): 67.76, ("ff", 100, 1.95): 56.57,
    ("ff", -40, 1.56): 77.94,
}  # fmt: skip
SKY_THRESHOLD_V = {"tt": 0.742, "ss": 0.894, "ff": 0.549}

# The same of sg13g2_inv_1: IHP-GmbH/IHP-Open-PDK, sg13g2_stdcell.
IHP_FO4_PS = {
    ("typ", 25, 1.2): 61.31, ("typ", 25, 1.5): 41.32, ("slow", 125, 1.08): 93.73,
    ("slow", 125, 1.35): 62.73, ("fast", -40, 1.32): 40.78, ("fast", -40, 1.65): 29.46,
}  # fmt: skip
IHP_THRESHOLD_V = {"typ": 0.521, "slow": 0.590, "fast": 0.465}


def least_v(technology, temperature_c):
    return lowest_voltage_v(technology.operating, technology.temperature_c, temperature_c)


def voltage(technology, share, temperature_c):
    """A voltage the laws are used at, from the lowest (0) to the highest (1)."""
    least, most = least_v(technology, temperature_c), technology.operating.highest_voltage_v.value
    return least + share * (most - least)


def temperature(technology, share):
    known = technology.operating.temperature_c
    return known.least + share * (known.most - known.least)


@given(technologies, shares, shares)
def test_an_error_of_the_threshold_moves_delay_by_the_slope_of_the_law(technology, low, warm):
    """The error is the law's own slope, in logarithms, times how far the threshold may be off."""
    here_c = temperature(technology, warm)
    point = (technology.voltage_v, technology.temperature_c)
    here = (voltage(technology, low, here_c), here_c)
    entry, step_v = technology.operating, 1e-6
    middle_v = entry.threshold_voltage_v.value

    def logarithm(threshold_v):
        moved = entry.threshold_voltage_v.model_copy(update={"value": threshold_v})
        return math.log(
            delay_ratio(entry.model_copy(update={"threshold_voltage_v": moved}), *point, *here)
        )

    slope = (logarithm(middle_v + step_v) - logarithm(middle_v - step_v)) / (2 * step_v)
    expected = math.expm1(abs(slope) * entry.threshold_error_v.value)
    assert delay_error(entry, *point, *here) == pytest.approx(expected, rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("technology", ALL, ids=NAMES)
def test_at_its_own_point_a_library_is_itself(technology):
    own = technology.at(technology.voltage_v, technology.temperature_c)
    assert own is technology
    assert technology.at() is technology
    assert own.moved_by == Ratios()
    moved = technology.at(technology.voltage_v, temperature(technology, 0.9))
    assert moved.at() is technology
    assert moved.nominal is technology


@pytest.mark.parametrize("technology", ALL, ids=NAMES)
def test_at_its_own_point_the_laws_are_exactly_one(technology):
    point = (technology.operating, technology.voltage_v, technology.temperature_c)
    own = (technology.voltage_v, technology.temperature_c)
    assert delay_ratio(*point, *own) == 1
    assert leakage_ratio(*point, *own) == 1


@pytest.mark.parametrize(
    ("technology", "delays", "thresholds", "worst"),
    [(SKY, SKY_FO4_PS, SKY_THRESHOLD_V, 0.04), (IHP, IHP_FO4_PS, IHP_THRESHOLD_V, 0.02)],
    ids=["sky130hd", "ihp_sg13g2"],
)
def test_delay_follows_the_library_s_corners(technology, delays, thresholds, worst):
    """Published: with a threshold for each process the law gives all corners."""
    entry = technology.operating
    assert thresholds[next(iter(delays))[0]] == entry.threshold_voltage_v.value

    def law(process, temperature_c, voltage_v):
        shifted = entry.threshold_voltage_v.model_copy(update={"value": thresholds[process]})
        there = entry.model_copy(update={"threshold_voltage_v": shifted})
        # relative to one volt above a threshold of nothing, so that processes compare
        own = alpha_power_delay(technology.voltage_v, thresholds[process], entry.alpha.value)
        return own * delay_ratio(
            there, technology.voltage_v, technology.temperature_c, voltage_v, temperature_c
        )

    logs = [math.log(ps / law(*corner)) for corner, ps in delays.items()]
    middle = sum(logs) / len(logs)
    assert max(abs(each - middle) for each in logs) < worst
    for (process, *_), ps in delays.items():
        if process in ("tt", "typ"):
            assert ps > 0


SKY_LEAKAGE_NW = {
    ("tt", 25, 1.8): (0.005327, 0.008438635), ("tt", 100, 1.8): (1.158223, 2.687687),
    ("ss", -40, 1.28): (1.70178e-5, 1.495061e-4), ("ss", -40, 1.76): (9.102172e-4, 4.30447e-3),
    ("ff", -40, 1.56): (1.947585e-4, 1.007233e-3), ("ss", 100, 1.6): (4.02642, 14.65205),
}  # fmt: skip
"""Published: cell_leakage_power of inv_1 and dfxtp_1, skywater-pdk-libs-sky130_fd_sc_hd."""


def test_leakage_of_sky130hd_follows_two_cells_in_the_cold_and_in_the_heat():
    """Cold it is the floor, which all processes share; hot each has its own level."""
    own = math.prod(SKY_LEAKAGE_NW["tt", 25, 1.8])
    for (process, degrees, volts), cells in SKY_LEAKAGE_NW.items():
        ratio = math.sqrt(math.prod(cells) / own)
        if process == "tt" or degrees < 0:
            close = 0.005 if process == "tt" else 0.2
            moved = SKY.at(volts, degrees).moved_by
            assert moved.leakage == pytest.approx(ratio, rel=close), (process, degrees, volts)
            assert abs(moved.leakage / ratio - 1) <= moved.leakage_error


def test_the_band_of_leakage_holds_either_cell():
    for (process, degrees, volts), cells in SKY_LEAKAGE_NW.items():
        for nw, own in zip(cells, SKY_LEAKAGE_NW["tt", 25, 1.8], strict=True):
            if process == "tt" or degrees < 0:
                moved = SKY.at(volts, degrees).moved_by
                most = 1 + moved.leakage_error
                assert 1 / most <= moved.leakage / (nw / own) <= most


def test_a_floor_has_a_part_and_a_slope():
    entry = SKY.operating.model_dump(exclude={"leakage_floor_per_v"})
    with pytest.raises(ValidationError, match="leakage_floor_per_v go together"):
        OperatingEntry.model_validate(entry)
    whole = SKY.operating.model_dump()
    whole["leakage_floor_fraction"]["value"] = 1.0
    with pytest.raises(ValidationError, match="leakage_floor_fraction must be below 1"):
        OperatingEntry.model_validate(whole)


def test_a_node_between_libraries_has_no_floor_of_its_own():
    assert load("scaled:28").operating.leakage_floor_fraction is None


def test_leakage_follows_the_pairs_of_corners_it_was_fitted_to():
    """Published: inverter leakage of IHP at 1.2 and 1.5 V, of asap7 in TT and SS [nW]."""
    assert IHP.at(1.5, 25).moved_by.leakage == pytest.approx(0.167818 / 0.0630032, rel=0.02)
    assert ASAP.at(0.63, 100).moved_by.leakage == pytest.approx(0.707158 / 0.051159, rel=0.02)


def test_toggle_energy_follows_ihp_s_second_typical_corner():
    """Published: 16.27 fJ at 1.5 V where 9.93 fJ at 1.2 V, sg13g2_stdcell_typ_1p50V_25C."""
    moved = IHP.at(1.5)
    assert moved.inverter_toggle_energy_fj == pytest.approx(16.27, rel=0.01)
    assert moved.inverter_capacitance_ff == pytest.approx(3.00479, rel=0.01)


def test_pins_lose_capacitance_towards_the_threshold_as_in_the_library():
    """Published: input capacitance of sky130_fd_sc_hd__inv_1 in ss at -40 C, over the voltage."""
    entry = SKY.operating
    cold_v = SKY_THRESHOLD_V["ss"] + entry.threshold_v_per_k.value * 65
    shifted = entry.threshold_voltage_v.model_copy(update={"value": cold_v})
    slow = entry.model_copy(update={"threshold_voltage_v": shifted})
    for volts, ff in {
        1.28: 1.893, 1.35: 1.910, 1.40: 1.949, 1.44: 2.027, 1.60: 2.073, 1.76: 2.138,
    }.items():  # fmt: skip
        assert 2.138 * capacitance_ratio(slow, 1.76, volts) == pytest.approx(ff, rel=0.025)


def test_the_highest_voltage_is_within_its_range_however_it_was_rounded():
    """A sweep that ends at 1.95 V may end at the next number above it."""
    most = SKY.operating.highest_voltage_v.value
    assert SKY.at(math.nextafter(most, 9.9), 30).fo4_delay_ps < SKY.fo4_delay_ps
    with pytest.raises(SpecError, match="is above what"):
        SKY.at(most + 1e-3, 30)


@given(technologies, shares, shares, shares)
def test_less_voltage_is_slower_and_cheaper_and_leaks_less(technology, one, other, warm):
    low, high = sorted((one, other))
    degrees = temperature(technology, warm)
    below = technology.at(voltage(technology, low, degrees), degrees)
    above = technology.at(voltage(technology, high, degrees), degrees)
    assume(below.voltage_v < above.voltage_v)
    assert below.fo4_delay_ps > above.fo4_delay_ps
    for role, cell in below.cells.items():
        there = above.cells[role]
        assert cell.delay_fo4_ps > there.delay_fo4_ps
        assert cell.toggle_energy_fj < there.toggle_energy_fj
        assert cell.leakage_nw < there.leakage_nw
        assert cell.input_capacitance_ff <= there.input_capacitance_ff
        assert cell.area_um2 == there.area_um2
        if cell.clock_energy_fj is not None:
            assert cell.clock_energy_fj < there.clock_energy_fj
    assert below.wire_energy_fj(100) < above.wire_energy_fj(100)
    assert below.clock_tree_energy_fj_per_sink < above.clock_tree_energy_fj_per_sink
    low_heart, high_heart = (popcount_energy(t, "sliced", 64) for t in (below, above))
    assert low_heart.per_lane_fj() < high_heart.per_lane_fj()
    slow, fast = (logic_paths(t, 64, "tree", 0.5, 16) for t in (below, above))
    assert all(slow[path].delay_ps > fast[path].delay_ps for path in fast)


@given(technologies, shares, shares, shares)
def test_warmer_leaks_more(technology, one, other, supply):
    cold, warm = sorted((one, other))
    volts = voltage(technology, supply, temperature(technology, 0))
    below = technology.at(volts, temperature(technology, cold))
    above = technology.at(volts, temperature(technology, warm))
    assume(below.temperature_c < above.temperature_c)
    assert below.cell("nand2").leakage_nw < above.cell("nand2").leakage_nw
    assert below.cell("nand2").toggle_energy_fj == above.cell("nand2").toggle_energy_fj


def test_near_the_threshold_gates_are_faster_hot_and_far_from_it_slower():
    assert IHP.at(0.65, 100).fo4_delay_ps < IHP.at(0.65, 25).fo4_delay_ps
    assert IHP.at(1.2, 100).fo4_delay_ps > IHP.at(1.2, 25).fo4_delay_ps


@given(technologies, shares, shares)
def test_errors_grow_away_from_nominal(technology, one, other):
    near, far = sorted((one, other))
    entry, own = technology.operating, technology.voltage_v
    span = own - least_v(technology, technology.temperature_c)
    close, distant = (technology.at(own - share * span).moved_by for share in (near, far))
    assert close.delay_error <= distant.delay_error
    assert close.energy_error <= distant.energy_error
    assert close.leakage_error <= distant.leakage_error
    assert entry.energy_error.value > 0


def test_an_alpha_power_ratio_by_hand():
    # sky130hd at 1.2 V: 1.2 / 0.458^1.631 over 1.8 / 1.058^1.631
    expected = (1.2 / 1.8) * (1.058 / 0.458) ** 1.631
    assert SKY.at(1.2).moved_by.delay == pytest.approx(expected, rel=1e-12)
    assert SKY.at(1.2).fo4_delay_ps == pytest.approx(80.532 * expected, rel=1e-12)


def test_a_leakage_ratio_by_hand():
    # 100 C over 25 C at one voltage: (T/T0)^2 exp(0.720 V / k (1/T0 - 1/T)), and the floor
    warmer = (373.15 / 298.15) ** 2 * math.exp(0.720 / 8.617333e-5 * (1 / 298.15 - 1 / 373.15))
    assert SKY.at(1.8, 100).moved_by.leakage == pytest.approx(0.6 * warmer + 0.4, rel=1e-9)
    # 1.6 V over 1.8 V at 25 C: V/V0, exp(0.042 (V - V0) / kT), and the floor's own slope
    over, through = math.exp(0.042 * -0.2 / (8.617333e-5 * 298.15)), math.exp(7.04 * -0.2)
    lower = 1.6 / 1.8 * (0.6 * over + 0.4 * through)
    assert SKY.at(1.6).moved_by.leakage == pytest.approx(lower, rel=1e-9)


def test_a_delay_at_or_below_the_threshold_is_no_delay():
    with pytest.raises(ValueError, match=r"^0\.3 V is not above the threshold of 0\.3 V$"):
        alpha_power_delay(0.3, 0.3, 1.5)


def test_every_energy_and_delay_of_the_popcount_moves():
    low, by = SKY.at(1.2), SKY.at(1.2).moved_by
    own = popcount_delay(SKY, "tree", 64)
    assert popcount_delay(low, "tree", 64).delay_ps == pytest.approx(own.delay_ps * by.delay)
    assert popcount_delay(low, "tree", 64).relative_error > own.relative_error
    pins = popcount_energy(SKY, "tree", 64).input_pin_fj
    assert popcount_energy(low, "tree", 64).input_pin_fj == pytest.approx(pins * by.pin_energy)
    assert low.setup_ps == pytest.approx(SKY.setup_ps * by.delay)
    assert low.flags[0].startswith("sky130hd is moved from 1.8 V and 25 C to 1.2 V and 25 C by alp")


@pytest.mark.parametrize("technology", ALL, ids=NAMES)
def test_no_energy_and_no_delay_is_left_behind(technology):
    """Whatever figure a technology gains, it moves: its unit says that it has to."""
    low = technology.at(0.95 * technology.voltage_v)
    moving = [
        (owner, field.name, getattr(own, field.name), getattr(moved, field.name))
        for owner, own, moved in (
            ("technology", technology, low),
            ("clock buffer", technology.clock_buffer, low.clock_buffer),
            *((role, technology.cells[role], low.cells[role]) for role in technology.cells),
        )
        for field in fields(own)
        if any(unit in field.name for unit in ("_fj", "_ps", "_nw"))
    ]
    assert len(moving) > 50
    for owner, name, own, moved in moving:
        assert own is None or own == 0 or moved != own, f"{owner}: {name}"


def test_macros_move_with_the_voltage_of_the_logic():
    own, low = memory(IHP, "sram", 256, 32), memory(IHP.at(1.1), "sram", 256, 32)
    assert low.read_energy_fj == pytest.approx(own.read_energy_fj * (1.1 / 1.2) ** 2)
    assert low.access_ps == pytest.approx(own.access_ps * IHP.at(1.1).moved_by.delay)
    assert low.leakage_nw == pytest.approx(own.leakage_nw * IHP.at(1.1).moved_by.leakage)
    assert low.area_um2 == own.area_um2
    assert low.access_error > own.access_error


def test_macros_may_not_go_below_the_voltage_they_are_known_at():
    sentence = (
        r"^SRAM macros of ihp_sg13g2 are known down to 1\.08 V, not at 0\.9 V; build the memory of "
        r"latches \(kind: latch\) or raise operating_point\.voltage_v$"
    )
    with pytest.raises(ModelError, match=sentence):
        memory(IHP.at(0.9), "sram", 256, 32)
    assert memory(IHP.at(0.9), "latch", 16, 32).read_energy_fj > 0


@pytest.mark.parametrize(
    ("voltage_v", "temperature_c", "sentence"),
    [
        (
            0.8,
            25,
            (
                r"^operating_point\.voltage_v: 0\.8 V is within 100 mV of the threshold of "
                r"sky130hd, 0\.742 V at 25 C, or below it, where the delay law fails\n"
                r" +. set 0\.842 to 1\.95, or import the Liberty file of a corner that low$"
            ),
        ),
        (
            2.5,
            25,
            r"^operating_point\.voltage_v: 2\.5 V is above what sky130hd is known at, 1\.95 V\n",
        ),
        (
            1.8,
            125,
            (
                r"^operating_point\.temperature_c: 125 C is beyond what sky130hd is known at, -40 "
                r"to 100 C\n +. set -40 to 100$"
            ),
        ),
    ],
)
def test_what_is_out_of_reach_is_refused_with_the_range(voltage_v, temperature_c, sentence):
    with pytest.raises(SpecError, match=sentence):
        SKY.at(voltage_v, temperature_c)


def test_moved_technologies_are_told_apart_and_kept():
    low = SKY.at(1.5)
    assert low != SKY
    assert low is SKY.at(1.5, 25.0)
    assert low.at(1.8) is SKY
    assert {field.name for field in fields(low)} == {field.name for field in fields(SKY)}


def test_yodann_s_voltage_curve_lies_within_the_stated_band():
    """Published: 6.2 times the efficiency and 1/27 of the clock at 0.6 V of that at 1.2 V, 65 nm.

    480 MHz and 153 mW, 17.5 MHz and 0.895 mW: IEEE TCAD 37(1) 2018. Nothing is fitted to it.
    """
    node = load("scaled:65")
    high, low = node.at(1.2), node.at(0.6)
    gain = high.inverter_toggle_energy_fj / low.inverter_toggle_energy_fj
    assert gain < 6.2 < gain * (1 + low.moved_by.energy_error)
    slower = low.fo4_delay_ps / high.fo4_delay_ps
    assert slower < 27.4 < slower * (1 + low.moved_by.delay_error) * (1 + low.node_error)
