"""ROMs of cells, held against mapped gates."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shared_data import shared_data
from technology.synthesised_memory import measured, rom_verilog
from tools import needs

from asicbnn.errors import ModelError
from asicbnn.technology.cells import Cells
from asicbnn.technology.library import load
from asicbnn.technology.memories import memory

TECHNOLOGIES = {name: load(name) for name in ("sky130hd", "ihp_sg13g2", "asap7")}
SKY = TECHNOLOGIES["sky130hd"]


def register_fj(technology, bits):
    return technology.switching_energy_fj(Cells(flop=bits), 0.5)


def test_the_fit_holds_for_every_rom_it_was_made_of(table):
    rows = table("cell_rom.csv")
    assert len(rows) == 16
    for row in rows:
        technology = TECHNOLOGIES[row["technology"]]
        words, bits = int(row["words"]), int(row["word_bits"])
        rom = memory(technology, "rom", words, bits)
        gates = technology.area_um2(Cells(nand2=rom.cells.nand2))
        read_fj = rom.read_energy_fj - register_fj(technology, bits)
        rest_ps = technology.cell("flop").delay_fo4_ps + technology.setup_ps
        for value, measure, error in (
            (gates, "gates_um2", rom.area_error),
            (read_fj, "read_fj", rom.energy_error),
            (rom.access_ps - rest_ps, "settle_ps", rom.access_error),
        ):
            assert value == pytest.approx(float(row[measure]), rel=error + 0.005)


def test_a_rom_of_cells_is_far_smaller_than_what_can_be_written():
    rom, latch = memory(SKY, "rom", 256, 32), memory(SKY, "latch", 256, 32)
    assert rom.area_um2 < latch.area_um2 / 15
    assert (rom.write_energy_fj, rom.macros, rom.level) == (0.0, (), "cells")


def test_wide_and_deep_roms_are_several_of_which_one_bank_works():
    one, wide = memory(SKY, "rom", 256, 32), memory(SKY, "rom", 256, 64)
    assert wide.cells.nand2 == pytest.approx(2 * one.cells.nand2, abs=1)
    assert wide.read_energy_fj == pytest.approx(2 * one.read_energy_fj)
    full, four = memory(SKY, "rom", 512, 32), memory(SKY, "rom", 2048, 32)
    assert four.cells.nand2 == pytest.approx(4 * full.cells.nand2, abs=4)
    assert (four.cells.and2, four.cells.mux2) == (4 * 9, 3 * 32)
    assert full.read_energy_fj < four.read_energy_fj < 1.2 * full.read_energy_fj
    assert four.access_ps > full.access_ps


def test_below_the_range_it_is_refused_or_flagged():
    with pytest.raises(ModelError) as caught:
        memory(SKY, "rom", 8, 8)
    assert str(caught.value) == (
        "a ROM of 8 x 8 bit is below the range of the synthesised ones: from 16 words and 8 bit; "
        "make it larger or set extrapolate: true"
    )
    small = memory(SKY, "rom", 8, 8, extrapolate=True)
    assert (small.area_error, small.energy_error, small.access_error) == (1.0, 1.0, 1.0)
    assert "extrapolated, a factor 2 either way" in small.flags[1]


@given(st.sampled_from(list(TECHNOLOGIES.values())), st.integers(16, 5000), st.integers(8, 300))
def test_roms_grow_with_words_and_bits(technology, words, bits):
    one = memory(technology, "rom", words, bits)
    deeper = memory(technology, "rom", words + 1, bits)
    wider = memory(technology, "rom", words, bits + 1)
    assert one.area_um2 <= deeper.area_um2  # banks are equal in size
    assert one.area_um2 < wider.area_um2
    assert one.read_energy_fj > 0
    assert one.leakage_nw > 0


@pytest.mark.slow
@needs("yosys", "cc")
def test_a_row_of_the_measured_is_measured_again(table, tmp_path):
    [row] = [
        row
        for row in table("cell_rom.csv")
        if (row["technology"], row["words"], row["word_bits"]) == ("sky130hd", "64", "8")
    ]
    liberty = shared_data("liberty/sky130hd/sky130hd_tt_025C_1v80.lib.gz")
    found = measured(rom_verilog(64, 8), 64, liberty, tmp_path)
    assert found.gates_um2 == pytest.approx(float(row["gates_um2"]), rel=0.05)  # another Yosys
    assert found.read_fj == pytest.approx(float(row["read_fj"]), rel=0.1)
