"""The importer against figures of three real libraries that were read from Liberty before."""

import csv
import dataclasses
from pathlib import Path

import pytest
from shared_data import shared_data

from asicbnn.technology.liberty import read
from asicbnn.technology.liberty.choice import choose
from asicbnn.technology.liberty.figures import conditions_of, figures_of
from asicbnn.technology.liberty.importing import import_libraries
from asicbnn.technology.library import load

FILES = {
    "sky130hd": ["sky130hd/sky130hd_tt_025C_1v80.lib.gz"],
    "asap7": [
        "asap7/asap7sc7p5t_SIMPLE_RVT_TT_nldm_211120.lib.gz",
        "asap7/asap7sc7p5t_INVBUF_RVT_TT_nldm_220122.lib.gz",
        "asap7/asap7sc7p5t_SEQ_RVT_TT_nldm_220123.lib.gz",
    ],
    "ihp_sg13g2": ["ihp_sg13g2/sg13g2_stdcell_typ_1p20V_25C.lib.gz"],
}
TABLE_NAMES = {"sky130hd": "sky130hd", "asap7_rvt": "asap7", "ihp_sg13g2": "ihp_sg13g2"}
ROLES = {
    "INV": "inverter", "NAND2": "nand2", "NOR2": "nor2", "XOR2": "xor2", "XNOR2": "xnor2",
    "MUX2": "mux2", "FA": "full_adder", "HA": "half_adder", "DFF": "flop", "LATCH": "latch",
    "DFFR": "flop_with_reset", "ICG": "clock_gate", "BUF": "buffer", "BUF4": "clock_tree_buffer",
    "CLKBUF": "clock_buffer",
}  # fmt: skip
FIGURES = {
    "area_um2": "area_um2", "leak_nW": "leakage_nw", "cin_mean_fF": "input_capacitance_ff",
    "delay_mean_ps": "delay_fo4_ps", "e_int_out_fJ": "internal_energy_fj",
    "e_toggle_fo4_fJ": "toggle_energy_fj", "e_clk_cycle_fJ": "clock_energy_fj",
}  # fmt: skip
LAST_DIGIT = 6e-5


def library_files(name):
    return [shared_data(f"liberty/{file}") for file in FILES[name]]


@pytest.fixture(scope="module", params=FILES)
def real(request):
    """One library as it was read."""
    return request.param, read(library_files(request.param))


@pytest.fixture(scope="module")
def chosen(real):
    """One library, the cells chosen, and where figures are read."""
    name, library = real
    choices = choose(library)
    return name, choices, conditions_of(library, choices.get("inverter").cell)


def table_rows(name):
    path = Path(__file__).parents[1] / "data/cells.csv"
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            if TABLE_NAMES.get(row["library"]) == name and row["role"] in ROLES:
                yield row


def in_the_tables_words(name, match, figures):
    """Return figures as the table has them: where a file tells supply pins apart, their mean.

    Energy and power of a cell are the sum over its supply pins, as OpenSTA has them too; the table
    averages over the two pins of asap7 and so holds half.
    """
    if name != "asap7":
        return figures
    half = figures.internal_energy_fj / 2
    clock_fj = figures.clock_energy_fj
    if clock_fj is not None:
        pin_fj = match.cell.pins[match.clock].capacitance_ff * 0.7**2
        clock_fj = pin_fj + (clock_fj - pin_fj) / 2
    return dataclasses.replace(
        figures,
        leakage_nw=figures.leakage_nw / 2,
        internal_energy_fj=half,
        toggle_energy_fj=figures.toggle_energy_fj - half,
        clock_energy_fj=clock_fj,
    )


def test_every_figure_of_every_role_within_1_percent_of_the_table(chosen):
    name, choices, at = chosen
    compared = 0
    for row in table_rows(name):
        match = choices.get(ROLES[row["role"]])
        assert match.cell.name == row["cell"], row["role"]
        figures = in_the_tables_words(name, match, figures_of(match, at))
        for column, field in FIGURES.items():
            if row[column]:
                wanted, got = float(row[column]), getattr(figures, field)
                assert got == pytest.approx(wanted, rel=0.01, abs=LAST_DIGIT), (row["role"], column)
                compared += 1
    assert compared >= 60


def test_energy_of_an_inverter_with_two_supply_pins_is_what_a_timing_tool_says():
    """OpenSTA 2.0.17, report_power: INVx1 at slew 24.332 ps and 2.4796 fF, one transition per ns.

    93.9 nW inside the cell and 607.5 nW on its output.
    """
    library = read(shared_data(f"liberty/{FILES['asap7'][1]}"))
    (power,) = library.cells["INVx1_ASAP7_75t_R"].pins["Y"].powers
    inside_fj = (power.rise.at(24.332, 2.4796) + power.fall.at(24.332, 2.4796)) / 2
    assert inside_fj == pytest.approx(0.0939, rel=0.015)


def test_the_library_figures_are_those_of_the_shipped_file(chosen):
    name, choices, at = chosen
    shipped = load(name)
    inverter = figures_of(choices.get("inverter"), at)
    assert inverter.delay_fo4_ps == pytest.approx(shipped.fo4_delay_ps, rel=1e-3)
    assert inverter.toggle_energy_fj == pytest.approx(shipped.inverter_toggle_energy_fj, rel=1e-3)
    assert inverter.input_capacitance_ff == pytest.approx(shipped.inverter_capacitance_ff, rel=1e-3)


def test_an_imported_library_is_the_shipped_one(real, tmp_path):
    """Whatever a component counts, composed roles included, within 1 percent."""
    name, library = real
    imported = import_libraries([library], "again")
    path = tmp_path / "again.yaml"
    path.write_text(imported.text, encoding="utf-8")
    again, shipped = load(path), load(name)
    for role, cell in shipped.cells.items():
        for field in ("area_um2", "leakage_nw", "input_capacitance_ff", "internal_energy_fj",
                      "toggle_energy_fj", "delay_fo4_ps", "carry_delay_fo4_ps"):  # fmt: skip
            wanted = getattr(cell, field)
            assert getattr(again.cell(role), field) == pytest.approx(wanted, rel=0.01), (
                role,
                field,
            )
        if cell.clock_energy_fj is not None:
            assert again.cell(role).clock_energy_fj == pytest.approx(cell.clock_energy_fj, rel=0.01)
