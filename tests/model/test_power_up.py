"""Weights that stay in the store are loaded once: what it takes, from where, spread over what."""

from math import ceil
from pathlib import Path

import pytest

from asicbnn.errors import SpecError
from asicbnn.hardware.configuration import configuration_words
from asicbnn.mapping.capacity import weight_block_words
from asicbnn.mapping.layout import layout
from asicbnn.model.costs import costs
from asicbnn.model.estimate import estimate
from asicbnn.spec.accelerator import Accelerator, with_changes
from asicbnn.spec.lowering import lower
from asicbnn.spec.reader import read
from asicbnn.spec.workload import read_workload
from asicbnn.technology.library import load

ROOT = Path(__file__).parents[2]
TINY = read(ROOT / "arch_specs/tiny.yaml", Accelerator)
DIGITS = read_workload(ROOT / "workloads/digits_mlp_64_256_256_10.yaml")
SKY = load("sky130hd")
LAY = layout(TINY)
BLOCKS = [
    weight_block_words(LAY, layer, configuration_words(TINY)) for layer in lower(DIGITS).layers
]
FLASH = {"standard": "qspi_flash"}


def changed(**changes):
    return with_changes(TINY, {key.replace("__", "."): value for key, value in changes.items()})


def test_the_load_from_the_host_by_hand():
    """Every resident block is a burst over the host link and is written word by word."""
    result = estimate(TINY, DIGITS)
    words = sum(BLOCKS)
    cost = costs(TINY, SKY, SKY.best_level)
    cycles = 3 * TINY.host.latency_cycles + words * LAY.host_beats
    assert result.totals["power_up_ms"] == pytest.approx(cycles * cost.timing.period_ps * 1e-9)
    events = {
        "store_weight_writes": words,
        "host_words_in": words * LAY.host_beats,
        "cycles": cycles,
    }
    fj = sum(events.get(rate.event, 0) * rate.energy_fj for rate in cost.rates_of[1])
    assert result.totals["power_up_energy_uj"] == pytest.approx(fj * 1e-9)
    split = result.breakdowns["power_up_fj"]
    assert split["io words in"] == pytest.approx(words * 8 * 2000)  # 2 pJ a bit
    assert sum(split.values()) == pytest.approx(fj)


def test_nothing_of_it_is_in_the_energy_of_a_run():
    plain = estimate(TINY, DIGITS)
    spread = estimate(changed(power_up__amortise_images=1000), DIGITS)
    assert "amortised_energy_uj" not in plain.totals
    assert plain.totals["energy_fj"] == spread.totals["energy_fj"]
    assert spread.totals["amortised_energy_uj"] == pytest.approx(
        plain.totals["energy_per_inference_uj"] + plain.totals["power_up_energy_uj"] / 1000
    )
    assert any("spread over 1,000 images" in flag for flag in spread.flags)
    assert any("in no other total" in flag for flag in plain.flags)


def test_only_what_stays_is_loaded():
    """With room for less than everything, later layers are streamed in every run instead."""
    small = with_changes(TINY, {"store.kib.weights": 11.5})
    result = estimate(small, DIGITS)
    assert result.totals["host_words_in"] > estimate(TINY, DIGITS).totals["host_words_in"]
    assert result.totals["power_up_ms"] < estimate(TINY, DIGITS).totals["power_up_ms"]
    assert any("the first 1 of 3 layers" in flag for flag in result.flags)
    none = estimate(with_changes(TINY, {"store.kib.weights": 9}), DIGITS)
    assert none.totals["power_up_energy_uj"] == none.totals["power_up_ms"] == 0
    assert "power-up: no weights stay in the store; all are streamed in every run" in none.flags


def test_a_flash_slower_than_the_host_link_sets_the_time():
    from_flash = changed(power_up__device=FLASH, power_up__wake="none")
    result = estimate(from_flash, DIGITS)
    bits = sum(BLOCKS) * LAY.link_bits
    period_ps = costs(TINY, SKY, SKY.best_level).timing.period_ps
    cycles = ceil(bits / 664e6 * 1e12 / period_ps)
    assert cycles > 3 * 10 + sum(BLOCKS) * LAY.host_beats
    assert result.totals["power_up_ms"] == pytest.approx(cycles * period_ps * 1e-9)
    split = result.breakdowns["power_up_fj"]
    assert "io words in" not in split
    assert split["external device"] == pytest.approx(bits * 41.3e3)
    wires_pj = 0.5 * 30 * 3.3**2 * (0.5 + 0.5)
    assert split["external device interface"] == pytest.approx(bits * wires_pj * 1e3)
    idle = 0.033 * cycles * period_ps
    assert split["external device background"] == pytest.approx(idle)


def test_waking_takes_time_and_energy():
    hyper = {"standard": "hyperram", "load_pf": 0}
    asleep = estimate(changed(power_up__device=hyper), DIGITS)
    awake = estimate(changed(power_up__device=hyper, power_up__wake="none"), DIGITS)
    ms = asleep.totals["power_up_ms"] - awake.totals["power_up_ms"]
    assert ms == pytest.approx(0.150, rel=1e-3)
    assert asleep.breakdowns["power_up_fj"]["external wake-up of hyperram"] == pytest.approx(13.5e9)
    # the chip is clocked and leaks meanwhile
    more = asleep.totals["power_up_energy_uj"] - awake.totals["power_up_energy_uj"]
    assert more > 13.5


def test_a_volatile_store_outside_is_woken_and_loaded_too():
    far = changed(store__kind="external", store__external={"standard": "lpddr4"})
    split = estimate(far, DIGITS).breakdowns["power_up_fj"]
    assert split["external weight writes"] == pytest.approx(sum(BLOCKS) * 8 * 8000)
    # standby power while it wakes: 34.1 mW over 0.286 us
    assert split["external wake-up of lpddr4"] == pytest.approx(34.1 * 0.286 * 1e6)


def test_the_band_is_that_of_its_terms():
    result = estimate(changed(power_up__device=FLASH, power_up__wake="none"), DIGITS)
    assert 0 < result.errors["power_up_energy_uj"] <= 1
    assert result.levels["power_up_energy_uj"] == "assumed"
    assert result.errors["power_up_ms"] == result.errors["latency_ms"]


def test_a_wake_up_nobody_published_is_refused_by_name():
    with pytest.raises(SpecError) as caught:
        estimate(changed(power_up__device=FLASH), DIGITS)
    [problem] = caught.value.problems
    assert problem.path == "power_up.device"
    assert problem.message == "no published wake-up of qspi_flash is known"
    assert "power_up.wake: none" in problem.help


def test_images_are_counted():
    with pytest.raises(SpecError, match=r"power_up\.amortise_images: expected an integer"):
        changed(power_up__amortise_images=0)
