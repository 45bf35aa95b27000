"""What a library lacks is composed of what it has."""

import pytest
from liberty_styles import PARTS, STYLE, Line, but, changed

from asicbnn.technology.cell_entries import CellEntry


def area(*names):
    return sum(PARTS[name].area for name in names)


@pytest.mark.parametrize(
    ("role", "left_out", "made_of"),
    [
        ("half_adder", ["HA"], ["XOR2", "AND2"]),
        ("full_adder", ["FA"], ["XOR2", "XOR2", "NAND2", "NAND2", "NAND2"]),
        ("and2", ["AND2"], ["NAND2", "INV"]),
        ("or2", ["OR2"], ["NOR2", "INV"]),
        ("xor2", ["XOR2"], ["XNOR2", "INV"]),
        ("xnor2", ["XNOR2"], ["XOR2", "INV"]),
        ("xor2", ["XOR2", "XNOR2"], ["NAND2"] * 4),
        ("mux2", ["MUX2"], ["NAND2", "NAND2", "NAND2", "INV"]),
        ("latch", ["LATCH"], ["MUX2"]),
        ("latch", ["LATCH", "MUX2"], ["NAND2"] * 4),
        ("buffer", ["BUF"], ["INV", "INV"]),
        ("clock_gate", ["ICG"], ["LATCH", "AND2", "INV"]),
        ("clock_gate", ["ICG", "LATCH", "AND2"], ["MUX2", "NAND2", "INV", "INV"]),
        ("flop", ["DFF"], ["DFFR"]),
        ("flop_with_reset", ["DFFR"], ["DFF", "AND2"]),
        ("nor2", ["NOR2"], ["OR2", "INV"]),
        ("or2", ["OR2", "NOR2"], ["NAND2", "INV", "INV"]),
        ("nor2", ["OR2", "NOR2"], ["NAND2", "INV", "INV", "INV"]),
        ("nand2", ["AND2", "NAND2"], ["NOR2", "INV", "INV", "INV"]),
    ],
)
def test_a_role_that_is_missing_is_composed_of_the_least_area(entries, role, left_out, made_of):
    cells, file = entries(but(*left_out))
    assert not isinstance(file.cells[role], CellEntry)
    assert cells[role].composed
    assert cells[role].area_um2 == pytest.approx(area(*made_of))
    assert cells[role].note


def test_a_composed_and_by_hand(entries):
    """NAND2 and inverter: both switch, the inverter's pin is charged, the delays add."""
    cells, file = entries(but("AND2"))
    volts, pin_ff = file.voltage_v.value, file.inverter_capacitance_ff.value
    nand, inverter = cells["nand2"], cells["inverter"]
    inside = nand.internal_energy_fj + inverter.internal_energy_fj + 0.5 * pin_ff * volts**2
    assert cells["and2"].internal_energy_fj == pytest.approx(inside)
    assert cells["and2"].delay_fo4_ps == pytest.approx(nand.delay_fo4_ps + inverter.delay_fo4_ps)
    assert cells["and2"].input_capacitance_ff == pytest.approx(nand.input_capacitance_ff)
    assert cells["and2"].leakage_nw == pytest.approx(nand.leakage_nw + inverter.leakage_nw)


def test_parts_that_are_composed_themselves_are_opened_by_hand(entries):
    """A half adder whose AND2 is NAND2 and inverter: two outputs share what switches inside."""
    cells, file = entries(but("HA", "AND2"))
    volts, pin_ff = file.voltage_v.value, file.inverter_capacitance_ff.value
    parts_fj = sum(cells[part].internal_energy_fj for part in ("xor2", "nand2", "inverter"))
    inside_fj = parts_fj + 0.5 * pin_ff * volts**2
    assert cells["half_adder"].internal_energy_fj == pytest.approx(inside_fj / 2)
    path_ps = cells["nand2"].delay_fo4_ps + cells["inverter"].delay_fo4_ps
    assert cells["half_adder"].carry_delay_fo4_ps == pytest.approx(path_ps)


def test_the_clock_of_a_composed_clock_gate_by_hand(entries):
    """The latch's own, and in every cycle two edges on the AND's pin and on an inverter."""
    cells, file = entries(but("ICG"))
    volts = file.voltage_v.value
    latch, gate, inverter = cells["latch"], cells["and2"], cells["inverter"]
    pins_fj = (gate.input_capacitance_ff + inverter.input_capacitance_ff) * volts**2
    wanted = latch.clock_energy_fj + pins_fj + 2 * inverter.internal_energy_fj
    assert cells["clock_gate"].clock_energy_fj == pytest.approx(wanted)


def test_the_gate_equivalent_is_the_nand2_that_there_is_or_is_composed(entries):
    assert entries(PARTS)[1].gate_equivalent_um2.value == area("NAND2")
    composed = entries(but("NAND2"))[1].gate_equivalent_um2.value
    assert composed == pytest.approx(area("AND2", "INV"))


def test_a_flop_of_inverted_output_takes_an_inverter(entries):
    cells, file = entries(but("DFF", "DFFR", DFF=changed("DFF", functions={"Q": "!IQ"})))
    assert cells["flop"].area_um2 == pytest.approx(area("DFF", "INV"))
    assert file.cells["flop"].clocked_by == "flop_inverting"
    assert "inverted output" in cells["flop"].note


def test_a_flop_with_a_second_output_costs_what_both_do_and_is_as_fast_as_the_one_used(entries):
    """The state's complement switches with it, though nothing hangs there; it is the faster one."""
    both = changed("DFF", functions={"Q": "IQ", "QN": "IQN"})
    text = STYLE.library({"DFF": both})
    slower = text.index("pin (Q)"), text.index("pin (QN)")
    fast = STYLE.library({"DFF": changed("DFF", functions={"Q": "IQ"}, delay=Line(90, 2, 0.1))})
    used = fast[fast.index("    pin (Q)") : fast.rindex("  }\n}")]
    cell = text[: slower[0] - 4] + used + text[slower[1] - 4 :]

    class Both:
        def library(self, _):
            cells = cell[cell.index("  cell (") : cell.rindex("}")]
            whole = STYLE.library(but("DFF"))
            return whole[: whole.rindex("}")] + cells + "}\n"

    cells, _ = entries({}, Both())
    (alone, _), flop = entries(PARTS), cells["flop"]
    assert flop.internal_energy_fj == pytest.approx(2 * alone["flop"].internal_energy_fj)
    assert flop.delay_fo4_ps == pytest.approx(alone["flop"].delay_fo4_ps + 40)
    charge_fj = alone["flop"].toggle_energy_fj - alone["flop"].internal_energy_fj
    assert flop.toggle_energy_fj - flop.internal_energy_fj == pytest.approx(charge_fj)


def test_energy_that_one_table_holds_for_both_outputs_counts_once(entries):
    """Older files name the other output in the group, and may have the group at both of them."""
    both = changed("DFF", functions={"Q": "IQ", "QN": "IQN"})
    text = STYLE.library(but(DFF=both))
    start = text.index("pin (Q)", text.index("vendor__DFF_1"))
    end = text.index("vendor__DFFR_1")
    middle = text.index("pin (QN)", start)
    power = 'internal_power () {\n        equal_or_opposite_output : "'
    told = text[start:middle].replace("internal_power () {", f'{power}QN";')
    told += text[middle:end].replace("internal_power () {", f'{power}Q";')

    class Told:
        def library(self, _):
            return text[:start] + told + text[end:]

    (alone, _), (cells, _) = entries(PARTS), entries({}, Told())
    wanted_fj = alone["flop"].internal_energy_fj
    assert cells["flop"].internal_energy_fj == pytest.approx(wanted_fj)


def test_an_adder_of_inverted_outputs_takes_two_inverters(entries):
    inverted = changed("FA", functions={"S": "!(A^B^C)", "CO": "!((A&B)|(A&C)|(B&C))"})
    cells, _ = entries(but(FA=inverted))
    assert cells["full_adder"].area_um2 == pytest.approx(area("FA", "INV", "INV"))
