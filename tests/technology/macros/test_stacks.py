"""The smallest stack of macros that holds a memory, and what nobody states of it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from technology.macros.stated import ASAP, HEAD, IHP, SKY, exact, of

from asicbnn.errors import ModelError
from asicbnn.technology import library
from asicbnn.technology.macro import MacroList, SramMacro
from asicbnn.technology.macro_stack import MacroStack, smallest_stack, stack_costs
from asicbnn.technology.memories import memory


class TestStacks:
    def test_a_macro_of_the_size_is_taken_as_it_is(self):
        for macro in IHP.macros.macros:
            ports = "1rw" if macro.ports == "1rw" else "1r1w"
            mask = macro.write_mask
            one = exact(IHP, macro.words, macro.word_bits, ports, mask)
            [use] = one.macros
            assert use.count * use.word_bits == macro.word_bits
            assert one.area_um2 <= macro.area_um2
            assert (one.area_error, one.energy_error, one.level) == (0.0, 0.0, "macros")

    def test_the_list_says_name_count_banks_mux_latency_and_cycle(self):
        deep = exact(IHP, 3000, 64)
        [use] = deep.macros
        assert (use.name, use.count, use.banks) == ("RM_IHPSG13_1P_1024x64_c2_bm_bist", 3, 3)
        assert (use.column_mux, use.read_latency_cycles) == (4, 1)
        assert use.minimum_cycle_ps is None  # no Liberty file of these states one
        select_ps = 2 * IHP.cell("mux2").delay_fo4_ps
        assert deep.minimum_cycle_ps == deep.access_ps == pytest.approx(4430.6 + select_ps)

    def test_a_wide_word_lies_in_macros_of_several_widths(self):
        wide = exact(IHP, 256, 100)
        assert {use.name.split("_")[3]: use.count for use in wide.macros} == {
            "256x48": 2,
            "256x8": 1,
        }
        assert wide.area_um2 == pytest.approx(2 * 70849.8944 + 17546.88)
        assert wide.read_energy_fj == pytest.approx(2 * 37820 + 10205.9)
        assert wide.leakage_nw == pytest.approx(2 * 148.5116 + 24.7519)
        assert "1,024 bits of them unused" in wide.flags[0]

    def test_one_bank_works_and_all_leak(self):
        one, three = exact(IHP, 1024, 64), exact(IHP, 3 * 1024, 64)
        assert three.write_energy_fj == one.write_energy_fj
        assert one.read_energy_fj < three.read_energy_fj < 1.03 * one.read_energy_fj
        assert three.leakage_nw > 3 * one.leakage_nw

    @given(st.integers(1, 200), st.integers(1, 64))
    def test_halving_the_banks_until_one_is_left_takes_a_multiplexer_a_time(self, banks, bits):
        macro = SramMacro("m", 64, bits, "1rw", 100.0, access_ps=900.0, read_energy_fj=50.0)
        stack = MacroStack(((macro, 1),), banks)
        left, levels = banks, 0
        while left > 1:
            left, levels = left // 2 + left % 2, levels + 1
        mux2, found = IHP.cell("mux2"), stack_costs(IHP, stack, bits)
        assert found.access_ps == pytest.approx(900 + levels * mux2.delay_fo4_ps)
        switched = 0.5 * levels * bits  # half of the bits differ from the last word's
        assert found.read_energy_fj == pytest.approx(50 + switched * mux2.toggle_energy_fj)

    @given(
        st.lists(st.tuples(st.integers(1, 9), st.floats(1, 9)), min_size=1, max_size=4),
        st.integers(1, 30),
    )
    def test_no_other_choice_of_widths_is_smaller(self, kinds, bits):
        """Bit by bit: the last macro is one of them, and the rest is covered best."""
        listed = MacroList(
            "made up", repr((kinds, bits)),
            tuple(SramMacro(f"m{i}", 8, w, "1rw", a) for i, (w, a) in enumerate(kinds)),
        )  # fmt: skip
        found = smallest_stack(IHP, listed, 8, bits, "1rw", "none")
        assert found.word_bits >= bits
        least = {0: 0.0}
        for n in range(1, bits + 1):
            least[n] = min(area + least[max(n - width, 0)] for width, area in kinds)
        assert stack_costs(IHP, found, bits).area_um2 == pytest.approx(least[bits])

    @given(st.integers(1, 20000), st.integers(1, 300), st.sampled_from(["1rw", "1r1w"]))
    def test_what_is_compiled_holds_what_was_asked_for(self, words, bits, ports):
        one = exact(IHP, words, bits, ports)
        assert len({(use.words, use.banks) for use in one.macros}) == 1
        first = one.macros[0]
        assert first.words * first.banks >= words
        assert sum(use.count * use.word_bits for use in one.macros) >= first.banks * bits
        names = {macro.name for macro in IHP.macros.macros}
        assert {use.name for use in one.macros} <= names

    def test_a_macro_of_two_ports_serves_where_there_is_none_of_one(self):
        assert exact(SKY, 256, 32).macros[0].name == "sram_1rw1r_32_256_8_sky130"

    def test_masks_and_ports_that_do_not_exist_are_refused_with_what_does(self):
        with pytest.raises(ModelError) as caught:
            exact(SKY, 64, 32, mask="bit")
        assert str(caught.value) == (
            "no macro of sky130hd has ports 1rw and writes single bits (there are: 1rw1r, write "
            "mask byte)"
        )
        with pytest.raises(ModelError, match=r"^no macro of asap7 has ports 1r1w \(there are"):
            exact(ASAP, 64, 32, "1r1w")

    def test_macros_that_take_two_cycles_cannot_be_used(self):
        slow = of("a,64,8,1rw,100,2", head=f"{HEAD},read_latency_cycles")
        with pytest.raises(ModelError, match="take more than one cycle to read cannot be used"):
            exact(IHP, 64, 8, listed=slow)


class TestWhatNobodyStates:
    def test_energy_of_openram_is_taken_from_the_fit_and_flagged(self):
        one = exact(SKY, 256, 32)
        fit = memory(SKY, "sram", 256, 32)
        assert one.area_um2 == pytest.approx(167998.5528)
        assert one.read_energy_fj == pytest.approx(fit.read_energy_fj)
        assert (one.area_error, one.energy_error, one.access_error) == (0.0, 1.13, 1.0)
        assert any("states no read_energy_fj, write_energy_fj, leakage_nw" in f for f in one.flags)

    def test_placeholders_are_flagged_as_synthetic(self):
        one = exact(ASAP, 256, 32)
        assert one.macros[0].is_synthetic
        assert one.area_error == 1.0
        assert any("synthetic, an abstract without layout" in flag for flag in one.flags)

    def test_a_macro_outside_the_fit_has_no_energy_at_all(self):
        with pytest.raises(ModelError, match="64 x 20 bit is outside the range of the fit: 64 to"):
            exact(ASAP, 64, 20)

    def test_another_voltage_is_refused(self):
        other = MacroList("x", "x", (replace(IHP.macros.macros[0], voltage_v=1.5),))
        with pytest.raises(ModelError, match=r"was characterised at 1\.5 V, ihp_sg13g2 at 1\.2 V"):
            exact(IHP, 64, 64, listed=other)

    def test_a_technology_without_list_needs_one(self, tmp_path):
        text = (
            (library.LIBRARIES / "ihp_sg13g2.yaml").read_text().replace("macros: [", "macros: [] #")
        )
        (tmp_path / "bare.yaml").write_text(text)
        bare = library.load(tmp_path / "bare.yaml")
        with pytest.raises(
            ModelError, match=r"^exact pricing needs a list of macros, and ihp_sg13g2"
        ):
            exact(bare, 64, 64)


class TestRom:
    def test_a_rom_costs_what_the_list_says(self):
        listed = of(
            "r,1024,32,rom,9000,5000,200,2000", head=f"{HEAD},read_energy_fj,leakage_nw,access_ps"
        )
        rom = memory(IHP, "rom", 1024, 64, macros=listed)
        assert (rom.kind, rom.area_um2, rom.read_energy_fj) == ("rom", 18000, 10000)
        assert (rom.write_energy_fj, rom.leakage_nw, rom.access_ps) == (0.0, 400, 2000)
        assert rom.flags == ("ROM of 1024 x 64 bit is 2 r",)

    def test_nothing_stands_in_for_its_energy(self):
        with pytest.raises(ModelError, match=r"^r of mine states no read_energy_fj, leakage_nw"):
            memory(IHP, "rom", 64, 8, macros=of("r,64,8,rom,100"))
        with pytest.raises(ModelError, match=r"^no macro of ihp_sg13g2 has ports rom"):
            memory(IHP, "rom", 64, 8, pricing="exact")
