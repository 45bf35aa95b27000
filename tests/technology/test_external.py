"""Memories beside the chip: published figures, held against data-sheet currents by hand."""

import pytest

from asicbnn.errors import SpecError
from asicbnn.technology.external import Interface, external, source_of, standards
from asicbnn.technology.form import Figure

DRAM = ("ddr3", "gddr5", "hbm2", "hmc", "lpddr", "lpddr4")


def figures(part):
    for value in dict(part).values():
        if isinstance(value, Figure):
            yield value
        elif isinstance(value, dict):
            yield from value.values()
        elif isinstance(value, Interface):
            yield from figures(value)


def test_the_known_devices():
    assert standards() == tuple(sorted((*DRAM, "hyperram", "qspi_flash")))
    assert [name for name in standards() if external(name).is_read_only] == ["qspi_flash"]


@pytest.mark.parametrize("name", standards())
def test_every_figure_has_a_source(name):
    found = list(figures(external(name)))
    assert found
    assert all(len(source_of(figure)) > 20 for figure in found)


@pytest.mark.parametrize(
    ("name", "amperes_volts", "gbit_per_s"),
    [
        ("lpddr4", [(2.25, 1.8), (275, 1.1), (150, 1.1)], 2 * 1.6 * 16),
        ("lpddr", [(115, 1.8)], 2 * 0.166 * 16),
        ("hyperram", [(60, 1.8)], 0.333 * 8),
        ("qspi_flash", [(4, 3.3)], 0.080 * 4),
    ],
)
def test_energy_per_bit_lies_within_its_band_of_data_sheet_currents(
    name, amperes_volts, gbit_per_s
):
    """Supply current while it streams, times voltage, over the bits that stream [mW / Gbit/s]."""
    by_current = sum(ma * volts for ma, volts in amperes_volts) / gbit_per_s
    figure = external(name).energy_pj_per_bit
    band = 1 + figure.relative_error
    assert figure.value / band <= by_current <= figure.value * band
    if external(name).interface == "apart":  # there the currents are the figure
        assert figure.value == pytest.approx(by_current, rel=0.01)


def test_bandwidth_is_clock_times_width():
    for name, mbit_per_s in (
        ("lpddr4", 1600 * 2 * 16),
        ("lpddr", 166 * 2 * 16),
        ("ddr3", 800 * 2 * 16),
        ("hbm2", 8 * 128 * 2 * 1000),
        ("hyperram", 333 * 8),
        ("qspi_flash", 166 * 4),
    ):
        assert external(name).bandwidth_mbit_per_s.value == mbit_per_s


def test_background_and_wake_up_follow_from_currents_and_cycles():
    ddr3 = external("ddr3")
    assert ddr3.background_mw["standby"].value == pytest.approx(42 * 1.5)
    assert ddr3.wake_us.value == pytest.approx(512 / 800)
    lpddr4 = external("lpddr4")
    standby = 2 * 1.8 + 27 * 1.1 + 0.75 * 1.1
    assert lpddr4.background_mw["standby"].value == pytest.approx(standby, rel=1e-3)
    assert lpddr4.wake_us.value == pytest.approx(458 / 1600, rel=1e-2)
    hyperram = external("hyperram")
    assert hyperram.wake_uj.value == pytest.approx(50 * 1.8 * 150e-3)
    assert hyperram.background_mw["power_down"].value == pytest.approx(0.020 * 1.8)


def test_what_nobody_published_is_not_there():
    assert external("hbm2").background_mw == {}
    assert external("gddr5").wake_us is None
    assert external("hmc").bandwidth_mbit_per_s is None
    assert external("qspi_flash").wake_us is None


def test_an_interface_charges_its_wires():
    """A random bit switches half the time; a clock wire twice per clock, shared by its bits."""
    flash = external("qspi_flash").io
    per_transition_pj = 0.5 * 10 * 3.3**2
    assert flash.energy_pj_per_bit(10) == pytest.approx(per_transition_pj * (0.5 + 2 * 1 / 4))
    hyperram = external("hyperram").io
    assert hyperram.energy_pj_per_bit(10) == pytest.approx(0.5 * 10 * 1.8**2 * (0.5 + 2 * 3 / 16))
    assert flash.energy_pj_per_bit(0) == 0


def test_an_unknown_standard_is_refused_with_the_known():
    sentence = (
        r"^store\.external\.standard: unknown external memory 'lpddr5'; did you mean 'lpddr"
        r"4?'\? \(known: ddr3, gddr5, hbm2, hmc, hyperram, lpddr, lpddr4, qspi_flash\)$"
    )
    with pytest.raises(SpecError, match=sentence):
        external("lpddr5")
