"""The period is the slowest path or memory, and a clock beyond it is refused by name."""

import re
from pathlib import Path

import pytest

from asicbnn.errors import ModelError, SpecError
from asicbnn.hardware.configuration import configuration
from asicbnn.model.area import area
from asicbnn.model.costs import costs
from asicbnn.model.timing import timing
from asicbnn.model.wire_delay import WireDelays
from asicbnn.spec.accelerator import Accelerator, with_changes
from asicbnn.spec.reader import read
from asicbnn.technology.library import load
from asicbnn.technology.paths import logic_paths, ripple_path

SPECS = Path(__file__).parents[2] / "arch_specs"
TINY = read(SPECS / "tiny.yaml", Accelerator)
SKY = load("sky130hd")


def timed(changes, technology=SKY):
    accelerator = with_changes(TINY, changes)
    return timing(accelerator, technology, area(accelerator, technology, "cell"))


def test_the_period_is_the_slowest_of_paths_and_memories():
    found = timed({})
    paths = {**logic_paths(SKY, 8, "tree", 1.0, TINY.psum_bits)}
    widths = configuration(TINY).widths
    paths["address"] = ripple_path(SKY, max(vars(widths).values()))
    memories = {m.part: p.access_ps for m, p in area(TINY, SKY).memories if m.part != "post"}
    expected = {**{name: path.delay_ps for name, path in paths.items()}, **memories}
    assert dict(found.paths_ps) == expected
    assert found.period_ps == found.limit_ps == max(expected.values())
    assert expected[found.limiter] == found.period_ps
    assert found.clock_mhz == pytest.approx(1e6 / found.period_ps)


def test_the_band_of_a_path_with_wires_ends_where_each_of_its_delays_has_its_own_error():
    built, path = area(TINY, SKY, "cell"), "accumulate"
    wires = WireDelays({path: 1.5}, {path: 40_000.0}, factor_error=0.2, added_error=0.7)
    gates_ps = timed({}).paths_ps[path]
    found = timing(TINY, SKY, built, wires)
    assert found.limiter == path
    assert found.period_ps == pytest.approx(1.5 * gates_ps + 40_000)
    upper_ps = (1 + SKY.path_relative_error) * gates_ps + 1.2 * 0.5 * gates_ps + 1.7 * 40_000
    assert found.relative_error == pytest.approx(upper_ps / found.period_ps - 1)


def test_a_slow_memory_limits_and_its_band_is_stated():
    asap7 = load("asap7")
    found = timed({"limits.psum_bits": 10}, asap7)
    assert found.limiter == "store_weight"
    assert found.flags[0] == (
        f"the clock period is limited by the access of store_weight: {found.limit_ps:.0f} ps, "
        "a factor of 2 either way"
    )
    assert any("54 FO4" in flag for flag in costs(TINY, asap7).flags)


def test_a_clock_below_the_limit_is_taken_as_asked():
    found = timed({"operating_point.clock_mhz": 50})
    assert found.period_ps == 20_000
    assert found.limit_ps < found.period_ps
    assert found.flags[0].startswith("the clock period is slower than the ")


def test_a_clock_above_the_limit_is_refused_naming_the_limiter():
    limit = timed({}).limit_ps
    most = int(1e6 / limit * 10) / 10
    sentence = (
        f"operating_point.clock_mhz: 5000 MHz is 200 ps, but the {timed({}).limiter} path takes "
        f"{limit:.0f} ps; ask for {most:g} MHz or less, or max"
    )
    with pytest.raises(ModelError, match=f"^{re.escape(sentence)}$"):
        timed({"operating_point.clock_mhz": 5000})
    assert timed({"operating_point.clock_mhz": most}).period_ps >= limit


def test_stages_shorten_the_popcount_alone():
    wide = {"array.unroll.kernel_x": 4}
    before = timed(wide).paths_ps
    after = timed({**wide, "array.popcount.pipeline_stages": 2}).paths_ps
    assert after["popcount"] < before["popcount"]
    assert after["accumulate"] == before["accumulate"]


def test_a_ring_adds_and_subtracts_its_addresses():
    deep = {"buffers.input": {"words": 2**17, "ping_pong": False}}
    ring = {"buffers.input": {"words": 2**17, "ping_pong": False, "circular_rows": True}}
    assert configuration(with_changes(TINY, deep)).widths.input == 18  # the widest of all
    plain, wrapped = timed(deep).paths_ps["address"], timed(ring).paths_ps["address"]
    assert wrapped - plain == pytest.approx(SKY.cell("full_adder").delay_fo4_ps)
    short = {"buffers.input": {"words": 8, "ping_pong": False, "circular_rows": True}}
    assert timed(short).paths_ps["address"] == timed({}).paths_ps["address"]


def test_an_external_store_limits_no_clock():
    found = timed({"store.kind": "external", "store.external": {"standard": "ddr3"}})
    assert not any(name.startswith("store_") for name in found.paths_ps)


def test_a_voltage_without_figures_is_refused():
    low = with_changes(TINY, {"operating_point.voltage_v": 0.6})
    with pytest.raises(SpecError, match=r"0\.6 V is within 100 mV of the threshold of sky130hd"):
        costs(low, SKY)


def test_macros_are_refused_below_their_lowest_voltage_and_latches_are_not():
    low = with_changes(TINY, {"operating_point.voltage_v": 1.2})
    with pytest.raises(ModelError, match=r"^store\.kib\.weights: SRAM macros of sky130hd are"):
        costs(low, SKY)
    latches = {f"buffers.{name}.kind": "latch" for name in ("weight", "input", "psum")}
    outside = {"store.kind": "external", "store.external": {"standard": "lpddr4"}}
    slower = costs(with_changes(low, {**latches, **outside}), SKY).timing
    own = costs(with_changes(TINY, {**latches, **outside}), SKY).timing
    assert slower.limiter == own.limiter
    assert slower.period_ps / own.period_ps == pytest.approx(SKY.at(1.2).moved_by.delay)


def test_stages_of_the_popcount_move_the_fastest_clock():
    wide = {"array.unroll.kernel_x": 16, "limits.kernel": 16, "limits.psum_bits": 10}
    clocks = [
        timed({**wide, "array.popcount.pipeline_stages": stages}).clock_mhz for stages in (0, 1)
    ]
    assert timed({**wide}).limiter == "popcount"
    assert clocks[1] > clocks[0]
