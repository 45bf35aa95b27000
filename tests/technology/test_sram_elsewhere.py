"""What macros of other processes state, against the fitted ones scaled to their process.

Reads [pJ] from Liberty files: the clock pin's internal power under a read, rise and fall added,
of the supply and, where the file tells them apart, of the ground.
"""

import math
from dataclasses import replace

import pytest

from asicbnn.technology.library import load
from asicbnn.technology.sram_fit import fits, fitted_macro

OPENRAM = {  # design data sram_macros.csv; generated, not characterised
    (256, 32): (19.178932, 38.06614), (1024, 8): (18.778186,), (256, 128): (179.09732,),
    (64, 44): (20.70692,), (256, 64): (91.23668,), (64, 80): (33.55598,), (512, 32): (27.6168,),
}  # fmt: skip
SRAM22 = {  # github rahulk29/sram22_sky130_macros, tt_025C_1v80; both supply pins
    (64, 32): (4.43694 + 0.660709 + 4.74278 + 0.33315,),
    (1024, 32): (8.66547 + 0.704826 + 9.00957 + 0.278991,),
    (2048, 64): (28.5715 + 1.11862 + 29.0993 + 0.369496,),
}
ASAP7_VDD_PJ, ASAP7_VSS_PJ = 1.44236 + 0.373495, 2.11495 + 0.360267
"""1024 x 64, github The-OpenROAD-Project/asap7_sram_0p0, `!write`; files of all sizes repeat it."""
ASAP7_UM2 = {
    (256, 16): 9.612 * 25.92, (256, 64): 9.612 * 77.76,
    (1024, 16): 30.348 * 25.92, (1024, 64): 30.348 * 77.76,
}  # fmt: skip


def fitted_pj(name, words, bits):
    """Read energy of the fit at a size, macros side by side where a word is wider than any [pJ]."""
    technology = load(name)
    widest = fits("ihp_sg13g2").ports["1rw"].word_bits.most
    columns = -(-bits // widest)
    macro = fitted_macro(technology, words, -(-bits // columns), "1rw").macro
    return columns * macro.read_energy_fj / 1000


def test_the_band_of_sky130_holds_what_every_macro_states_and_no_more():
    found = [
        stated / fitted_pj("sky130hd", *size)
        for macros in (OPENRAM, SRAM22)
        for size, reads in macros.items()
        for stated in reads
    ]
    error = load("sky130hd").sram.energy_ratio.relative_error
    assert max(found) <= 1 + error
    assert min(found) >= 1 / (1 + error)
    assert math.sqrt(max(found) / min(found)) == pytest.approx(1 + error, rel=0.1)


def test_the_band_of_asap7_holds_its_macro_however_its_supply_pins_are_read():
    fitted, error = fitted_pj("asap7", 1024, 64), load("asap7").sram.energy_ratio.relative_error
    for stated in (ASAP7_VDD_PJ, ASAP7_VDD_PJ + ASAP7_VSS_PJ):
        assert 1 / (1 + error) <= stated / fitted <= 1 + error


def test_other_sizes_of_one_family_go_as_the_fit_does():
    """What is left of asap7's band once the reading of its one macro is known."""
    ratios = [stated / fitted_pj("sky130hd", *size) for size, (stated,) in SRAM22.items()]
    assert max(ratios) / min(ratios) < 1.31


def test_areas_of_asap7_are_those_of_its_macros():
    technology = load("asap7")
    error = technology.sram.area_ratio.relative_error
    for (words, bits), um2 in ASAP7_UM2.items():
        fitted = fitted_macro(technology, words, bits, "1rw")
        assert 1 / (1 + error) <= um2 / fitted.macro.area_um2 <= 1 + error
        assert fitted.area_error == error


def test_a_technology_that_states_no_ratio_is_within_a_factor_of_two():
    plain = load("sky130hd")
    bare = replace(
        plain, digest="no energy ratio", sram=plain.sram.model_copy(update={"energy_ratio": None})
    )
    fitted, stated = (fitted_macro(each, 256, 32, "1rw") for each in (bare, plain))
    assert fitted.energy_error == 1.0
    ratio = stated.macro.read_energy_fj / fitted.macro.read_energy_fj
    assert ratio == pytest.approx(plain.sram.energy_ratio.value)


def test_nodes_between_have_a_ratio_between():
    found = load("scaled:28").sram.energy_ratio.value
    known = [load(name).sram.energy_ratio.value for name in ("sky130hd", "asap7")]
    assert min(known) < found < 1.0
