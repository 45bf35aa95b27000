import math
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asicbnn.errors import ModelError
from asicbnn.technology.break_even import break_even_table, break_even_words
from asicbnn.technology.factor_entries import CalibrationFactor, CellMemoryEntry, ReadFactors
from asicbnn.technology.library import load
from asicbnn.technology.memories import memory
from asicbnn.technology.row_memory import RowMemory, row_memory
from asicbnn.technology.row_read import ReadEnergy, price_in_order
from asicbnn.technology.standard_cell_memory import counted_costs

IHP, SKY, ASAP = load("ihp_sg13g2"), load("sky130hd"), load("asap7")
technologies = st.sampled_from([IHP, SKY, ASAP])
kinds = st.sampled_from(["sram", "latch", "register"])
cell_kinds = st.sampled_from(["latch", "register"])
ports = st.sampled_from(["1rw", "1r1w"])
BOUNDS = {"1rw": (0.093, 0.117, 0.107, 0.204), "1r1w": (0.016, 0.058, 0.010, 0.109)}


def ihp_macros(table):
    for row in table("sram_macros.csv"):
        if row["family"] == "ihp":
            yield row, ("1rw" if row["ports"] == "1rw" else "1r1w")


def test_fits_hold_for_every_macro_they_were_made_of(table):
    rows = list(ihp_macros(table))
    assert len(rows) == 28
    for row, port in rows:
        fitted = memory(IHP, "sram", int(row["words"]), int(row["bits"]), port)
        [use] = fitted.macros
        assert (use.count, use.words, use.word_bits) == (1, int(row["words"]), int(row["bits"]))
        assert fitted.flags == ()
        area, read, write, access = BOUNDS[port]
        assert fitted.area_um2 == pytest.approx(float(row["area_lib_um2"]), rel=area)
        assert fitted.read_energy_fj == pytest.approx(1000 * float(row["read_pJ"]), rel=read)
        assert fitted.write_energy_fj == pytest.approx(1000 * float(row["write_pJ"]), rel=write)
        assert fitted.access_ps == pytest.approx(1000 * float(row["access_ns"]), rel=access)
        assert fitted.leakage_nw == pytest.approx(1000 * float(row["leak_uW"]), rel=0.001)
        assert area >= fitted.area_error
        assert max(read, write) >= fitted.energy_error


def test_one_macro_by_hand():
    macro = memory(IHP, "sram", 256, 64)
    bits = 256 * 64
    assert macro.area_um2 == pytest.approx(3.321 * bits + 8.66 * 256 + 492 * 64 + 4845, rel=1e-3)
    assert macro.read_energy_fj == pytest.approx(
        1000 * (64 * (0.509 + 7.57e-4 * 256) + 4.54), rel=2e-3
    )


def test_scaled_areas_hold_for_sky130_macros_within_the_stated_factor(table):
    ratios = [
        float(row["area_lib_um2"])
        / memory(SKY, "sram", int(row["words"]), int(row["bits"]), "1r1w").area_um2
        for row in table("sram_macros.csv")
        if row["family"] == "sky130"
    ]
    assert len(ratios) == 8
    assert all(0.5 < ratio < 2 for ratio in ratios)


def test_scaling_goes_by_toggle_energy_and_stated_ratios():
    here, there = memory(IHP, "sram", 512, 32), memory(ASAP, "sram", 512, 32)
    energy = ASAP.inverter_toggle_energy_fj / IHP.inverter_toggle_energy_fj
    energy *= ASAP.sram.energy_ratio.value
    assert there.read_energy_fj == pytest.approx(here.read_energy_fj * energy)
    assert there.area_um2 == pytest.approx(here.area_um2 * 0.00899)
    assert there.access_ps == pytest.approx(54 * 19.599)
    assert (there.level, there.relative_error, there.access_error) == ("scaled", 0.66, 1.0)
    assert any("54 FO4" in flag for flag in there.flags)
    assert any("scaled from ihp_sg13g2" in flag for flag in there.flags)
    assert here.level == "fit"


def test_wide_words_are_macros_side_by_side():
    narrow, wide = memory(IHP, "sram", 256, 64), memory(IHP, "sram", 256, 1024)
    [use] = wide.macros
    assert (use.count, use.words, use.word_bits, use.banks) == (16, 256, 64, 1)
    assert wide.read_energy_fj == pytest.approx(16 * narrow.read_energy_fj)
    assert wide.access_ps == narrow.access_ps
    assert wide.flags == ("SRAM of 256 x 1024 bit is 16 macros",)


def test_deep_memories_are_stacked_and_only_one_bank_is_read():
    macro, deep = memory(IHP, "sram", 4096, 64), memory(IHP, "sram", 4 * 4096, 64)
    [use] = deep.macros
    assert (use.count, use.words, use.banks) == (4, 4096, 4)
    assert deep.area_um2 > 4 * macro.area_um2
    assert deep.leakage_nw > 4 * macro.leakage_nw
    assert macro.read_energy_fj < deep.read_energy_fj < 1.02 * macro.read_energy_fj
    assert deep.access_ps > macro.access_ps


def test_an_sram_below_the_range_of_the_fit_is_refused_by_the_range():
    with pytest.raises(ModelError) as caught:
        memory(IHP, "sram", 5, 3)
    assert str(caught.value) == (
        "an SRAM of 5 x 3 bit (1rw) is outside the range of the fit to ihp_sg13g2: 64 to 8,192 "
        "words, 8 to 64 bit and 2,048 to 262,144 bit in all; make it larger, take latches or "
        "registers (kind), price the smallest macro that holds it (sram.macros: exact), or set "
        "extrapolate: true"
    )
    with pytest.raises(ModelError, match=r"63 x 33 bit \(1r1w\), 2 macros of 63 x 17, is outside"):
        memory(IHP, "sram", 63, 33, "1r1w")


@pytest.mark.parametrize(("words", "bits"), [(63, 64), (64, 31), (512, 7)])
def test_each_end_of_the_range_counts(words, bits):
    """The smallest macros are 64 words, 8 bits and 2,048 bits in all; one step less is outside."""
    with pytest.raises(ModelError, match="outside the range"):
        memory(IHP, "sram", words, bits)
    assert memory(IHP, "sram", 64, 32).flags == ()


def test_an_extrapolated_sram_follows_the_fit_and_says_so():
    small = memory(IHP, "sram", 16, 4, extrapolate=True)
    assert small.area_um2 == pytest.approx(3.321 * 64 + 8.66 * 16 + 492 * 4 + 4845, rel=1e-3)
    assert (small.area_error, small.energy_error, small.access_error) == (1.0, 1.0, 1.0)
    assert "extrapolated, a factor 2 either way" in small.flags[0]
    assert memory(IHP, "sram", 64, 32, extrapolate=True) == memory(IHP, "sram", 64, 32)


@given(technologies, kinds, ports, st.integers(1, 20000), st.integers(1, 600))
def test_costs_are_positive_and_cover_the_bits(technology, kind, port, words, bits):
    one = memory(technology, kind, words, bits, port, extrapolate=True)
    assert one.area_um2 > 0
    assert one.read_energy_fj > 0 or (one.cells is not None and words == 1)
    assert one.write_energy_fj > 0
    assert one.access_ps > 0
    assert one.leakage_nw > 0
    assert one.capacity_bits == words * bits
    if one.macros:
        [use] = one.macros
        assert use.capacity_bits >= words * bits
        assert use.count % use.banks == 0
        limits = {"1rw": (8192, 64, 262144), "1r1w": (1024, 32, 32768)}[port]
        assert use.words <= limits[0]
        assert use.word_bits <= limits[1]
        assert use.words * use.word_bits <= limits[2]
    else:
        assert one.cells is not None
        stored = one.cells.latch if kind == "latch" else one.cells.flop
        assert stored >= words * bits


@given(
    technologies, st.sampled_from(["latch", "register"]), st.integers(1, 500), st.integers(1, 99)
)
def test_cell_memories_grow_with_words_and_bits(technology, kind, words, bits):
    one = memory(technology, kind, words, bits)
    for larger in (
        memory(technology, kind, words + 1, bits),
        memory(technology, kind, words, bits + 1),
    ):
        assert larger.area_um2 > one.area_um2
        assert larger.leakage_nw > one.leakage_nw
        assert larger.write_energy_fj >= one.write_energy_fj
        # a tree of buffers that takes another one has fewer pins on each
        assert larger.access_ps >= 0.9 * one.access_ps
    assert memory(technology, kind, words, bits + 1).read_energy_fj >= one.read_energy_fj
    assert memory(technology, kind, 2 * words + 8, bits).read_energy_fj > one.read_energy_fj


@given(technologies, ports, st.integers(128, 900), st.integers(32, 64))
def test_srams_grow_with_words_and_bits_within_a_macro(technology, port, words, bits):
    bits = bits if port == "1rw" else bits // 2
    one = memory(technology, "sram", words, bits, port)
    deeper = memory(technology, "sram", words + 1, bits, port)
    assert deeper.area_um2 > one.area_um2
    assert deeper.read_energy_fj > one.read_energy_fj
    assert deeper.access_ps >= one.access_ps


def test_two_ports_cost_more_area():
    assert (
        1.5
        < memory(IHP, "sram", 512, 32, "1r1w").area_um2 / memory(IHP, "sram", 512, 32).area_um2
        < 2.1
    )


def test_lines_take_less_area_than_the_multiplexers_of_flat_memories(table):
    """Five latch memories with a flat multiplexer and two registers, synthesised elsewhere."""
    for row in table("scm.csv"):
        words, bits = int(row["rows"]), int(row["cols"])
        built = row_memory("latch", words, bits)
        assert built.state.latch == int(row["latches"])
        register_um2 = bits * SKY.cell("flop").area_um2
        logic_um2 = SKY.cell_memories["latch"].area.factor * SKY.area_um2(built.logic)
        whole_um2 = SKY.area_um2(built.state) + logic_um2 + register_um2
        assert 0.9 < whole_um2 / float(row["area_um2"]) < 1.01


def test_a_memory_of_cells_is_its_counted_costs_times_the_factors_of_its_library():
    by, rows = IHP.cell_memories["latch"], row_memory("latch", 64, 32)
    counted, built = counted_costs(IHP, rows), memory(IHP, "latch", 64, 32)
    tree_fj = IHP.clock_tree_energy_fj_per_sink
    in_order, at_random = (
        price_in_order(by, order, 64, counted.reads[order]) for order in ("sequential", "random")
    )
    assert in_order.energy_fj < at_random.energy_fj
    mean_fj = (in_order.energy_fj + at_random.energy_fj) / 2
    assert built.read_energy_fj == pytest.approx(mean_fj)
    for own in (in_order, at_random):  # whichever a reader makes, its band is within the memory's
        most = own.energy_fj * (1 + own.relative_error)
        least = own.energy_fj / (1 + own.relative_error)
        assert built.read_energy_fj * (1 + built.read_error) >= most * (1 - 1e-9)
        assert built.read_energy_fj / (1 + built.read_error) <= least * (1 + 1e-9)
    assert built.write_energy_fj == pytest.approx(
        by.write_energy.factor * counted.write_fj
        + by.write_lines.factor * counted.lines_fj
        + counted.write_sinks * tree_fj
    )
    assert built.clock_energy_fj_per_cycle == pytest.approx(
        by.idle_energy.factor * counted.idle_fj + 2 * tree_fj
    )
    assert built.access_ps == pytest.approx(
        by.access.factor * counted.access_ps + by.access_levels.factor * counted.levels_ps
    )
    assert (built.level, built.cells) == ("gates", rows.cells)
    assert built.area_error == by.area.spread
    assert built.flags == ()


def test_a_library_nobody_calibrated_takes_the_factors_of_others_and_says_so():
    gt2n = memory(load("gt2n"), "latch", 64, 32)
    assert gt2n.level == "cells"
    assert "were not mapped in gt2n" in gt2n.flags[0]
    shipped = [load(name).cell_memories["latch"].area for name in ("ihp_sg13g2", "sky130hd")]
    assert gt2n.area_error > max(one.spread for one in shipped)


def test_a_read_is_priced_by_its_parts_and_the_number_of_words():
    """By hand: lines of 32 bits, decoder and columns of 64 words; of 48 between 32 and 64."""
    entry = IHP.cell_memories["latch"]
    by = ReadFactors(
        lines=0.5, words=(32, 64), addresses=(2.0, 3.0), columns=(0.25, 0.75), spread=0.1,
        points=9, source="here",
    )  # fmt: skip
    entry = entry.model_copy(update={"reads": {"sequential": by, "random": by}})
    counted = ReadEnergy(100.0, 10.0, 1000.0)
    assert price_in_order(entry, "random", 64, counted).energy_fj == 50 + 30 + 750
    share = math.log2(1.5)
    between = 50 + 10 * (2 + share) + 1000 * (0.25 + 0.5 * share)
    assert price_in_order(entry, "random", 48, counted).energy_fj == pytest.approx(between)
    for words, same in ((2, 32), (1024, 64)):  # beyond the measured ones the nearest
        assert price_in_order(entry, "random", words, counted) == price_in_order(
            entry, "random", same, counted
        )


def test_sizes_beyond_the_measured_ones_are_flagged():
    assert memory(IHP, "latch", 2, 16).flags == ()
    assert "not at 512:" in memory(IHP, "latch", 512, 16).flags[0]
    assert "not at 1,024:" in memory(IHP, "register", 16, 1024).flags[0]


def test_one_read_of_cells_by_hand():
    """Two words of a bit: an inverter's line; two drivers, NAND and NOR, the output."""
    nand_pin, nor_pin = IHP.pin_energy_fj("nand2"), IHP.pin_energy_fj("nor2")
    buffer = 5.7409 + 0.5 * 2.2634 * 1.44
    inverter = 1.6758 + 0.5 * 2.8675 * 1.44
    opened, other = 2.5713 + nor_pin, 2.6379 + nand_pin
    for read in counted_costs(IHP, row_memory("latch", 2, 1)).reads.values():
        assert read.lines_fj == pytest.approx(2 * (nand_pin + buffer))
        assert read.addresses_fj == pytest.approx(inverter)
        assert read.columns_fj == pytest.approx(opened + (opened + other) / 2)
    lone = counted_costs(IHP, row_memory("latch", 1, 9))
    assert {read.parts for read in lone.reads.values()} == {(0, 0, 0)}


@pytest.mark.parametrize(("bits", "buffers"), [(16, 1), (17, 3), (64, 5), (256, 17), (257, 20)])
def test_a_line_has_a_driver_and_a_tree_of_buffers_of_sixteen_pins(bits, buffers):
    """257 pins take 17 buffers, these take 2."""
    lines_fj = counted_costs(IHP, row_memory("latch", 4, bits)).reads["random"].lines_fj
    pins_fj = bits * IHP.pin_energy_fj("nand2")
    assert lines_fj == pytest.approx(2 * (pins_fj + buffers * (5.7409 + 0.5 * 2.2634 * 1.44)))


def test_files_that_were_calibrated_before_reads_had_factors_by_order_are_priced_by_two():
    entry = IHP.cell_memories["latch"]
    factor = CalibrationFactor(factor=0.7, spread=0.2, points=9, source="here")
    older = entry.model_copy(update={"reads": {}, "read_energy": factor})
    newer = older.model_copy(
        update={"read_addresses": factor.model_copy(update={"factor": 0.9})}
    )
    counted = ReadEnergy(100.0, 10.0, 1000.0)
    assert price_in_order(older, "random", 64, counted).energy_fj == pytest.approx(0.7 * 1110)
    assert price_in_order(newer, "random", 64, counted).energy_fj == pytest.approx(779)
    with pytest.raises(ValueError, match="or there must be read_energy"):
        CellMemoryEntry(**{**dict(older), "read_energy": None})


def test_one_write_of_cells_by_hand():
    """Two words of a bit: the register, gates of data, part and two rows, the row itself."""
    counted = counted_costs(IHP, row_memory("latch", 2, 1))
    stored = 26.328 + 0.5 * (14.0579 + IHP.pin_energy_fj("nand2"))
    clocked = 2 * 22.914 + 2 * 3 * 7.0364
    assert counted.write_fj == pytest.approx(30.279 + 0.5 * 16.8998 + clocked + stored)
    assert counted.lines_fj == pytest.approx(0.5 * 2 * IHP.pin_energy_fj("latch"))
    assert counted.write_sinks == 1 + 2 + 1
    assert counted.idle_fj == pytest.approx(2 * 22.914)


def test_a_word_written_in_parts_takes_a_narrow_register_and_several_writes():
    whole, parts = (row_memory("latch", 16, 64, write_bits=bits) for bits in (None, 16))
    assert (whole.registered.flop, parts.registered.flop) == (66, 18)
    assert (whole.idle_gates.clock_gate, parts.idle_gates.clock_gate) == (2, 5)
    once, often = counted_costs(IHP, whole), counted_costs(IHP, parts)
    assert often.lines_fj == pytest.approx(once.lines_fj * 4)  # rows see all four words of 16
    assert often.reads == once.reads


def test_write_masks_cost_gates_in_cells_and_nothing_in_srams():
    assert row_memory("latch", 8, 64, "byte").state.clock_gate == 8 * 8 + 8 + 1
    assert row_memory("register", 8, 64, "bit").state.clock_gate == 8 * 64 + 64
    assert RowMemory("latch", 8, (64,)).state.clock_gate == 8 * 2 + 1 + 1
    plain, masked = memory(IHP, "sram", 64, 64), memory(IHP, "sram", 64, 64, write_mask="bit")
    assert plain.area_um2 == masked.area_um2


def test_a_memory_of_cells_at_rest_clocks_a_gate_per_part_and_register():
    latch, register = memory(SKY, "latch", 32, 64), memory(SKY, "register", 32, 64)
    gate_fj = SKY.clock_energy_fj_per_cycle(row_memory("latch", 1, 1).idle_gates) / 2
    assert latch.clock_energy_fj_per_cycle == pytest.approx(2 * gate_fj, rel=0.01)
    assert register.clock_energy_fj_per_cycle == pytest.approx(gate_fj, rel=0.01)
    assert memory(SKY, "sram", 64, 64).clock_energy_fj_per_cycle == 0


def test_latches_beat_ihp_srams_below_about_18_words():
    points = {bits: break_even_words(IHP, bits) for bits in (32, 64, 128, 256)}
    assert points == {32: 19, 64: 18, 128: 18, 256: 18}


def test_the_page_prints_where_srams_pay():
    page = (Path(__file__).parents[2] / "docs/models/technology.md").read_text("utf-8")
    [table] = re.findall(r"\| bits \| ihp_sg13g2 \| asap7 \| .*?\n\n", page, re.DOTALL)
    rows = [line.strip("| ").split(" | ") for line in table.strip().splitlines()[2:]]
    assert len(rows) == 4
    for bits, *words in rows:
        for technology, area in zip((IHP, ASAP, SKY), words, strict=True):
            [found] = break_even_table(technology, (int(bits),))
            assert found.words["area_um2"] == int(area)
            assert found.words["read_energy_fj"] is None


@pytest.mark.benchmark
def test_a_size_is_compiled_in_well_under_a_millisecond():
    start = time.process_time()
    for words in range(1000, 1500):
        memory(SKY, "sram", words, 61)
        memory(SKY, "latch", words, 61)
    assert (time.process_time() - start) / 1000 < 1e-3


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("srams", 4, 4), r"^unknown kind of memory 'srams'; did you mean 'sram'\?"),
        (("sram", 0, 4), r"^a memory's words must be an integer >= 1, not 0$"),
        (("latch", 4, -1), r"^a memory's word_bits must be an integer >= 1 \[bit\], not -1$"),
        (("sram", 4, 4, "2rw"), r"^unknown ports of a memory '2rw'; did you mean '1rw'\?"),
        (("sram", 4, 4, "1rw", "word"), r"^unknown write mask 'word'"),
    ],
)
def test_memories_that_do_not_exist_are_refused(arguments, sentence):
    with pytest.raises(ModelError, match=sentence):
        memory(IHP, *arguments)
