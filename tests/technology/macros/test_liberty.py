"""Macros read from Liberty files, shipped ones and those of others."""

import shutil

import pytest
from shared_data import shared_data
from technology.macros.stated import IHP, LIBERTY, exact

from asicbnn.errors import SpecError
from asicbnn.technology import macros


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


def _pin(name):
    return f"pin({name}) {{ direction : input; }}"


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

    def test_a_condition_with_a_choice_says_what_it_leaves_none_of(self, tmp_path):
        """One write enable for all, and one for each bit, any of which makes a write."""
        bits = " | ".join(f"!WEN[{bit}]" for bit in range(8))
        macro = _read(
            tmp_path,
            _clock(
                "CLK",
                _power(f'when : "!CEN & !GWEN & ({bits})";', 3.0),
                _power('when : "CEN";', 0.001),
                _power('when : "!CEN & GWEN";', 1.0),
            ),
            _pin("CEN"),
            _pin("GWEN"),
            _bus("WEN", "input", "CLK", "setup_rising"),
            _bus("D", "input", "CLK", "setup_rising"),
            _bus("Q", "output", "CLK", "rising_edge", 'when : "((!CEN) & (GWEN))";'),
        )
        assert (macro.read_energy_fj, macro.write_energy_fj) == pytest.approx((1000, 3000))
        assert (macro.ports, macro.write_mask) == ("1rw", "bit")

    @pytest.mark.parametrize(
        ("enable", "at_low", "at_high"),
        [
            ("web0", "write", "read"), ("wen", "write", "read"), ("we_n", "write", "read"),
            ("GWEN", "write", "read"), ("we", "read", "write"), ("we_in", "read", "write"),
            ("wr_en", "read", "write"),
        ],
    )  # fmt: skip
    def test_where_no_pin_says_when_it_is_sampled_the_name_of_the_enable_does(
        self, tmp_path, enable, at_low, at_high
    ):
        """Energy of a clock at rest stands beside: an action is the most that its level takes."""
        macro = _read(
            tmp_path,
            _clock(
                "clk0",
                _power(f'when : "!csb0 & !{enable}";', 4.0),
                _power(f'when : "csb0 & !{enable}";', 2.5),
                _power(f'when : "!csb0 & {enable}";', 3.0),
                _power(f'when : "csb0 & {enable}";', 2.0),
            ),
            _pin("csb0"),
            _pin(enable),
            _bus("din0", "input", "clk0", "setup_rising"),
            _bus("dout0", "output", "clk0", "rising_edge"),
        )
        of = {"read": macro.read_energy_fj, "write": macro.write_energy_fj}
        assert (of[at_low], of[at_high]) == pytest.approx((4000, 3000))

    @pytest.mark.parametrize("stated", ["attribute", "timing"])
    def test_data_behind_the_falling_clock_come_half_a_cycle_later(self, tmp_path, stated):
        period = {
            "attribute": "min_period : 6;",
            "timing": 'timing() { related_pin : "ck"; timing_type : minimum_period; '
            'rise_constraint(scalar) { values("6"); } }',
        }[stated]
        pins = [
            _clock("ck", _power("", 1.5), period),
            _bus("d", "input", "ck", "setup_rising"),
        ]
        late = _read(tmp_path, *pins, _bus("q", "output", "ck", "falling_edge"))
        early = _read(tmp_path, *pins, _bus("q", "output", "ck", "rising_edge"))
        assert (late.minimum_cycle_ps, early.minimum_cycle_ps) == pytest.approx((6000, 6000))
        assert (late.access_ps, early.access_ps) == pytest.approx((5500, 2500))

    def test_a_macro_that_does_not_tell_its_words(self, tmp_path):
        text = _MACRO.replace("memory ()", "is_macro_cell : true; other ()")
        (tmp_path / "m.lib").write_text(text.format(kind="", pins=""))
        with pytest.raises(SpecError, match="no macro that tells its words; m is only marked as"):
            macros.load(["m.lib"], tmp_path)

    def test_a_macro_without_area_is_no_part_of_a_chip(self, tmp_path):
        text = _MACRO.replace("area : 100", "area : 0")
        pins = (_clock("ck", _power("", 1.0)), _bus("q", "output", "ck", "rising_edge"))
        (tmp_path / "m.lib").write_text(text.format(kind="rom", pins="\n    ".join(pins)))
        with pytest.raises(SpecError, match=r"m\.lib:5:1: macro m: it has no area"):
            macros.load(["m.lib"], tmp_path)

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
                    _clock("ck", _power('when : "a ? b";', 1.0), _power('when : "!a";', 2.0)),
                    _bus("q", "output", "ck", "rising_edge"),
                ],
                "the condition 'a ? b' of its energy is no expression",
            ),
        ],
    )
    def test_what_cannot_be_told_is_asked_for_as_csv(self, tmp_path, pins, words):
        with pytest.raises(SpecError) as caught:
            _read(tmp_path, *pins)
        assert words in str(caught.value)
        assert "m.lib:5:1: macro m: " in str(caught.value)
        assert "give this macro as a row of a CSV" in str(caught.value)
