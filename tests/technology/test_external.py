import pytest

from asicbnn.errors import SpecError
from asicbnn.technology.external import external, standards


def test_energy_is_by_the_bit():
    memory = external("lpddr4")
    assert memory.energy_pj_per_bit == 8
    assert memory.energy_fj(64) == 64 * 8000
    assert "cacti" in memory.source
    assert "refresh" in memory.note


def test_the_known_standards():
    assert standards() == ("ddr3", "gddr5", "hbm2", "hmc", "lpddr", "lpddr4")


def test_an_unknown_standard_is_refused_with_the_known():
    sentence = (
        r"^store\.external\.standard: unknown external memory 'lpddr5'; did you mean 'lpddr"
        r"4?'\? \(known: ddr3, gddr5, hbm2, hmc, lpddr, lpddr4\)$"
    )
    with pytest.raises(SpecError, match=sentence):
        external("lpddr5")
