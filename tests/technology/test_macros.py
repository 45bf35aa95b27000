"""Memories of macros that exist: lists, the smallest stack of them, what nobody states."""

import shutil
from dataclasses import replace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from shared_data import shared_data

from asicbnn.errors import ModelError, SpecError
from asicbnn.technology import library, macros
from asicbnn.technology.macro import MacroList, SramMacro
from asicbnn.technology.macro_csv import COLUMNS, read_csv
from asicbnn.technology.macro_stack import smallest_stack, stack_costs
from asicbnn.technology.memories import memory

IHP, SKY, ASAP = (library.load(name) for name in ("ihp_sg13g2", "sky130hd", "asap7"))
LIBERTY = "liberty/ihp_sg13g2"
HEAD = "name,words,word_bits,ports,area_um2"


def exact(technology, words, bits, ports="1rw", mask="none", listed=None):
    return memory(technology, "sram", words, bits, ports, mask, pricing="exact", macros=listed)


def of(*rows, head=HEAD):
    return read_csv("\n".join((head, *rows)).encode(), "mine.csv")


class TestShippedLists:
    def test_names(self):
        assert macros.names() == ("asap7", "ihp_sg13g2", "sky130hd")
        assert [t.macros.name for t in (ASAP, IHP, SKY)] == list(macros.names())

    @pytest.mark.parametrize(("technology", "family"), [(IHP, "ihp"), (SKY, "sky130")])
    def test_they_hold_the_published_figures(self, table, technology, family):
        listed = {macro.name: macro for macro in technology.macros.macros}
        rows = [row for row in table("sram_macros.csv") if row["family"] == family]
        assert len(listed) == len(rows)
        for row in rows:
            macro = listed[row["macro"]]
            assert (macro.words, macro.word_bits) == (int(row["words"]), int(row["bits"]))
            assert macro.area_um2 == pytest.approx(float(row["area_lib_um2"]))
            if family == "ihp":
                assert macro.read_energy_fj == pytest.approx(1000 * float(row["read_pJ"]))
                assert macro.write_energy_fj == pytest.approx(1000 * float(row["write_pJ"]))
                assert macro.leakage_nw == pytest.approx(1000 * float(row["leak_uW"]), rel=1e-5)
                assert macro.access_ps == pytest.approx(1000 * float(row["access_ns"]))

    def test_every_list_says_where_its_figures_are_from(self):
        for name in macros.names():
            assert "Liberty files of" in " ".join(macros.load([name]).sources)

    def test_rows_of_ihp_macros_never_exceed_512(self):
        rows = [m.words // m.column_mux for m in IHP.macros.macros]
        assert max(rows) == 512


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


class TestCsv:
    def test_columns_in_any_order_and_empty_cells(self):
        [one] = of(
            "# between the rows",
            " 40 ,macro_a, 32,64,1rw1r,,byte",
            "",
            head="area_um2,name,word_bits,words,ports,access_ps,write_mask",
        ).macros
        assert one == SramMacro("macro_a", 64, 32, "1rw1r", 40.0, write_mask="byte")
        assert one.unknown == ("read_energy_fj", "write_energy_fj", "leakage_nw", "access_ps")

    @pytest.mark.parametrize(
        ("row", "place", "words"),
        [
            ("a,sixty,8,1rw,1", "mine.csv:2:3: words: ", "expected a whole number from 1 to"),
            ("a,64,0,1rw,1", "mine.csv:2:6: word_bits: ", "got '0'"),
            ("a,64, 8.5,1rw,1", "mine.csv:2:7: word_bits: ", "got '8.5'"),
            ("a,64,8,3rw,1", "mine.csv:2:8: ports: ", "unknown ports '3rw'; did you mean"),
            ("a,64,8,1rw,nan", "mine.csv:2:12: area_um2: ", "expected a number >= 0, got 'nan'"),
            ("a,64,8,1rw,-1", "mine.csv:2:12: area_um2: ", "got '-1'"),
            ("a,64,8,1rw,0", "mine.csv:2:12: area_um2: ", "expected a number > 0"),
            ("a,64,8,1rw,1_0", "mine.csv:2:12: area_um2: ", "got '1_0'"),
            ("a,64,8,1rw,", "mine.csv:2:12: area_um2: ", "got ''"),
            ("a,64,8,1rw", "mine.csv:2:1: ", "expected 5 cells, one per heading, got 4"),
            ("a,64,8,1rw,1,1", "mine.csv:2:1: ", "got 6"),
        ],
    )
    def test_a_bad_cell_is_told_with_its_place(self, row, place, words):
        with pytest.raises(SpecError) as caught:
            of(row)
        assert str(caught.value).startswith(place)
        assert words in str(caught.value)
        assert row in str(caught.value)

    @pytest.mark.parametrize(
        ("column", "cell", "words"),
        [
            ("synthetic", "yes", "expected true or false, got 'yes'"),
            ("write_mask", "word", "unknown write mask 'word'"),
            ("read_energy_fj", "x", "expected a number >= 0, got 'x'"),
            ("access_ps", "0", "expected a number > 0, got '0'"),
            ("banks", "-2", "expected a whole number"),
        ],
    )
    def test_bad_cells_of_optional_columns(self, column, cell, words):
        with pytest.raises(SpecError, match=words):
            of(f"a,64,8,1rw,1,{cell}", head=f"{HEAD},{column}")

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            (b"", "expected a line of headings and a row per macro"),
            (b"# only a comment\n", "expected a line of headings"),
            (HEAD.encode(), "there are headings and no macro"),
            (b"name,words,ports\na,1,1rw\n", "the columns word_bits, area_um2 are missing"),
            (f"{HEAD},area\n".encode(), "unknown column 'area'; did you mean 'area_um2'?"),
            (f"{HEAD},words\n".encode(), "the column words is there twice"),
            (b"name,\xff", "the text is not UTF-8"),
        ],
    )
    def test_a_bad_file_is_told(self, text, words):
        with pytest.raises(SpecError) as caught:
            read_csv(text, "mine.csv")
        assert words in str(caught.value)

    def test_every_bad_cell_is_told_at_once(self):
        with pytest.raises(SpecError) as caught:
            of("a,x,8,1rw,1", "b,64,y,1rw,z")
        assert [(p.line, p.path) for p in caught.value.problems] == [
            (2, "words"),
            (3, "word_bits"),
            (3, "area_um2"),
        ]

    @given(st.text(max_size=300))
    def test_no_text_is_met_with_anything_but_a_complaint(self, text):
        try:
            found = read_csv(f"{HEAD}\n{text}".encode("utf-8", "surrogatepass"), "mine.csv").macros
        except SpecError as error:
            found = error.problems
        assert found

    def test_the_documented_columns_are_the_ones_there_are(self):
        assert COLUMNS[:5] == tuple(HEAD.split(","))


class TestLoading:
    def test_names_paths_and_twins(self, tmp_path):
        (tmp_path / "mine.csv").write_text(f"{HEAD}\na,64,8,1rw,1\n")
        joined = macros.load(["ihp_sg13g2", "mine.csv"], tmp_path)
        assert len(joined.macros) == 29
        assert joined.name == "ihp_sg13g2, mine"
        with pytest.raises(SpecError, match="there is more than one macro a"):
            macros.load(["mine.csv", "mine.csv"], tmp_path)

    def test_what_is_no_list(self, tmp_path):
        with pytest.raises(SpecError, match="unknown list of macros 'ihp_sg13'; did you mean"):
            macros.load(["ihp_sg13"])
        with pytest.raises(SpecError, match="cannot be read: no such file"):
            macros.load(["none.csv"], tmp_path)
        assert macros.load([]) is None

    def test_a_technology_file_names_lists_beside_it(self, tmp_path):
        text = (library.LIBRARIES / "ihp_sg13g2.yaml").read_text()
        tree = {**yaml.safe_load(text), "macros": ["mine.csv"]}
        (tmp_path / "mine.csv").write_text(f"{HEAD}\na,64,8,1rw,1\n")
        (tmp_path / "t.yaml").write_text(yaml.safe_dump(tree))
        first = library.load(tmp_path / "t.yaml")
        assert [macro.name for macro in first.macros.macros] == ["a"]
        (tmp_path / "mine.csv").write_text(f"{HEAD}\nb,64,8,1rw,1\n")
        second = library.load(tmp_path / "t.yaml")
        assert [macro.name for macro in second.macros.macros] == ["b"]
        assert first != second


class TestLiberty:
    def test_real_macros_are_read_as_they_are_listed(self, table):
        rows = {row["macro"]: row for row in table("sram_macros.csv")}
        listed = {macro.name: macro for macro in IHP.macros.macros}
        read = macros.load(map(str, sorted(shared_data(f"{LIBERTY}/sram").glob("*.lib.gz")))).macros
        assert len(read) == 5
        for macro in read:
            known, row = listed[macro.name], rows[macro.name]
            assert (macro.words, macro.word_bits) == (known.words, known.word_bits)
            assert (macro.ports, macro.write_mask) == (known.ports, known.write_mask)
            assert macro.voltage_v == 1.2
            for name in ("area_um2", "read_energy_fj", "write_energy_fj", "leakage_nw"):
                assert getattr(macro, name) == pytest.approx(getattr(known, name), rel=1e-5), name
            # their table is read elsewhere in it
            assert macro.access_ps == pytest.approx(1000 * float(row["access_ns"]), rel=0.02)

    def test_they_make_up_memories(self, tmp_path):
        shutil.copy(
            next(shared_data(f"{LIBERTY}/sram").glob("*1P_256x64*")), tmp_path / "macro.lib.gz"
        )
        listed = macros.load(["macro.lib.gz"], tmp_path)
        wide = exact(IHP, 512, 128, listed=listed)
        assert [(use.count, use.banks) for use in wide.macros] == [(4, 2)]

    def test_standard_cells_are_no_macros(self):
        cells = shared_data(f"{LIBERTY}/sg13g2_stdcell_typ_1p20V_25C.lib.gz")
        with pytest.raises(SpecError, match="no cell of this file has a memory group"):
            macros.load([str(cells)])


_MACRO = """library (l) {{
  time_unit : "1ns"; capacitive_load_unit (1,pf); voltage_unit : "1V"; nom_voltage : 1.2;
  leakage_power_unit : "1nW"; nom_temperature : 25;
  type (word) {{ base_type : array; data_type : bit; bit_width : 8; bit_from : 7; bit_to : 0; }}
  cell (m) {{
    area : 100; cell_leakage_power : 3;
    memory () {{ type : {kind}; address_width : 4; word_width : 8; }}
    {pins}
  }}
}}
"""


def _power(when, rise):
    return f'internal_power() {{ {when} rise_power(scalar) {{ values("{rise}"); }} }}'


def _bus(name, direction, clock, kind, when=""):
    edge = "cell_rise" if direction == "output" else "rise_constraint"
    return (
        f"bus({name}) {{ bus_type : word; direction : {direction}; timing() {{ related_pin : "
        f'"{clock}"; timing_type : {kind}; {when} {edge}(scalar) {{ values("2.5"); }} }} }}'
    )


def _clock(name, *powers):
    return f"pin({name}) {{ direction : input; clock : true; {' '.join(powers)} }}"


def _read(tmp_path, *pins, kind="ram"):
    (tmp_path / "m.lib").write_text(_MACRO.format(kind=kind, pins="\n    ".join(pins)))
    [macro] = macros.load(["m.lib"], tmp_path).macros
    return macro


class TestLibertyOfOthers:
    """Macros of other makers: enables that are low, ports of their own, one energy for all."""

    def test_one_energy_for_everything(self, tmp_path):
        macro = _read(
            tmp_path,
            _clock("ck", _power("", 1.5)),
            _bus("d", "input", "ck", "setup_rising"),
            _bus("q", "output", "ck", "rising_edge"),
        )
        assert (macro.ports, macro.words, macro.word_bits) == ("1rw", 16, 8)
        # 1.5 of a pF and the square of a volt, pJ
        assert (macro.read_energy_fj, macro.write_energy_fj) == (1500, 1500)
        assert (macro.access_ps, macro.leakage_nw) == pytest.approx((2500, 3))

    def test_low_enables_of_the_conditions(self, tmp_path):
        macro = _read(
            tmp_path,
            _clock(
                "ck",
                _power('when : "!cs_n & we_n";', 1.0),
                _power('when : "!cs_n & !we_n";', 2.0),
                _power('when : "cs_n";', 0.001),
            ),
            _bus("d", "input", "ck", "setup_rising", 'when : "!cs_n & !we_n";'),
            _bus("q", "output", "ck", "rising_edge"),
        )
        assert macro.write_energy_fj == pytest.approx(2 * macro.read_energy_fj)

    def test_a_port_to_read_and_one_to_write(self, tmp_path):
        macro = _read(
            tmp_path,
            _clock("wck", _power("", 3.0)),
            _clock("rck", _power("", 1.0)),
            _bus("d", "input", "wck", "setup_rising"),
            _bus("q", "output", "rck", "rising_edge"),
        )
        assert macro.ports == "1r1w"
        assert macro.write_energy_fj == pytest.approx(3 * macro.read_energy_fj)

    def test_a_rom_has_no_way_in(self, tmp_path):
        pins = (_clock("ck", _power("", 1.0)), _bus("q", "output", "ck", "rising_edge"))
        macro = _read(tmp_path, *pins, kind="rom")
        assert (macro.ports, macro.write_energy_fj, macro.unknown) == ("rom", None, ())

    @pytest.mark.parametrize(
        ("pins", "words"),
        [
            (
                [_clock("ck"), _bus("q", "output", "ck", "rising_edge")],
                "its clock ck has no internal power: no energy is stated",
            ),
            ([_clock("ck", _power("", 1.0))], "no output of 8 bit follows a clock"),
            (
                [
                    _clock("ck", _power('when : "a";', 1.0), _power('when : "!a";', 2.0)),
                    _bus("d", "input", "ck", "setup_rising"),
                    _bus("q", "output", "ck", "rising_edge"),
                ],
                "which energy of ck is that of a read is not said",
            ),
            (
                [
                    _clock("ck", _power('when : "a | b";', 1.0), _power('when : "!a";', 2.0)),
                    _bus("q", "output", "ck", "rising_edge"),
                ],
                "the condition 'a | b' of its energy is no plain product",
            ),
        ],
    )
    def test_what_cannot_be_told_is_asked_for_as_csv(self, tmp_path, pins, words):
        with pytest.raises(SpecError) as caught:
            _read(tmp_path, *pins)
        assert words in str(caught.value)
        assert "m.lib:5:1: macro m: " in str(caught.value)
        assert "give this macro as a row of a CSV" in str(caught.value)
