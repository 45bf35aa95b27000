import pickle
from pathlib import Path

import pytest
import yaml

from asicbnn.errors import ModelError, SpecError
from asicbnn.technology.cells import ROLES, Cells
from asicbnn.technology.library import LIBRARIES, load, names

DATA = Path(__file__).with_name("data")
ALL = ("asap7", "gt2n", "ihp_sg13g2", "sky130hd")
LIBRARY_OF = {
    "sky130hd": "sky130hd", "asap7": "asap7_rvt", "ihp_sg13g2": "ihp_sg13g2", "gt2n": "gt2n_svt",
}  # fmt: skip
ROLE_OF = {
    "INV": "inverter", "NAND2": "nand2", "NOR2": "nor2", "XOR2": "xor2", "XNOR2": "xnor2",
    "MUX2": "mux2", "FA": "full_adder", "HA": "half_adder", "DFF": "flop", "LATCH": "latch",
    "ICG": "clock_gate", "BUF": "buffer",
}  # fmt: skip


@pytest.fixture(params=ALL)
def technology(request):
    return load(request.param)


def test_four_technologies_are_shipped():
    assert names() == ALL


def inside_per_cycle_fj(row):
    """Energy inside a cell per cycle of its clock pin, as the table lists it by input pin."""
    by_pin = dict(part.split("=") for part in row["e_in_cycle_fJ"].split(";") if part)
    return float(by_pin.get("CLK", 0))


def test_measured_figures_equal_the_table_they_came_from(table):
    compared = 0
    for row in table("cells.csv"):
        name = next((n for n, library in LIBRARY_OF.items() if library == row["library"]), None)
        role = ROLE_OF.get(row["role"])
        if name is None or role is None or load(name).cell(role).composed:
            continue
        cell = load(name).cell(role)
        assert cell.composition == row["cell"]
        assert cell.area_um2 == float(row["area_um2"])
        assert cell.input_capacitance_ff == float(row["cin_mean_fF"])
        assert cell.delay_fo4_ps == float(row["delay_mean_ps"])
        leakage, internal = float(row["leak_nW"]), float(row["e_int_out_fJ"])
        toggle, clock = float(row["e_toggle_fo4_fJ"]), float(row["e_clk_cycle_fJ"] or 0)
        rel = 0.0
        if name == "asap7":  # the table averages over its supply pins, of which there are two
            leakage, toggle, rel = 2 * leakage, toggle + internal, 2e-3
            internal, clock = 2 * internal, clock + inside_per_cycle_fj(row)
        assert cell.leakage_nw == pytest.approx(leakage, rel=rel, abs=0)
        assert cell.internal_energy_fj == pytest.approx(internal, rel=rel, abs=0)
        assert cell.toggle_energy_fj == pytest.approx(toggle, rel=rel, abs=0)
        if clock:
            assert cell.clock_energy_fj == pytest.approx(clock, rel=rel, abs=0)
        compared += 1
    assert compared == 36


def test_library_figures_equal_the_table_they_came_from():
    libraries = yaml.safe_load((DATA / "libs.yaml").read_text())
    for name, key in LIBRARY_OF.items():
        technology, library = load(name), libraries[key]
        assert technology.voltage_v == library["vdd"]
        assert technology.fo4_delay_ps == library["fo4_delay_ps"]
        assert technology.inverter_capacitance_ff == library["c_inv_fF"]
        again = library["inv_int_fJ"] if name == "asap7" else 0  # the second supply pin's
        toggle_fj = library["inv_fo4_toggle_fJ"] + again
        assert technology.inverter_toggle_energy_fj == pytest.approx(toggle_fj, rel=1e-4)
        assert technology.gate_equivalent_um2 == library["nand2_um2"]


def test_roles_a_library_lacks_are_composed_and_said_to_be():
    composed = {name: {role for role in ROLES if load(name).cell(role).composed} for name in ALL}
    assert composed == {
        "sky130hd": set(),
        "asap7": {"mux2", "full_adder", "half_adder", "flop"},
        "ihp_sg13g2": {"full_adder", "half_adder", "flop"},
        "gt2n": {"and2", "or2", "full_adder", "half_adder", "flop", "latch", "clock_gate"},
    }
    for name, roles in composed.items():
        for role in roles:
            assert any(flag.startswith(f"{role} is composed of ") for flag in load(name).flags)


def test_composed_full_adder_of_ihp_is_the_sum_of_its_gates():
    technology = load("ihp_sg13g2")
    parts = Cells(xor2=2, nand2=3)
    adder = Cells(full_adder=1)
    assert technology.area_um2(adder) == pytest.approx(technology.area_um2(parts), rel=1e-12)
    assert technology.leakage_nw(adder) == pytest.approx(technology.leakage_nw(parts), rel=1e-12)


@pytest.mark.parametrize(("name", "tolerance"), [("sky130hd", 1e-9), ("asap7", 1e-6)])
def test_popcounts_kept_on_adder_cells_have_the_synthesised_area(table, name, tolerance):
    library = load(name)
    for row in table("synth_results.csv"):
        if (row["lib"], row["arch"], row["mode"], row["pe"]) == (name, "csa", "cell", "0"):
            lanes = int(row["N"])
            cells = Cells(xnor2=lanes, full_adder=int(row["fa"]), half_adder=int(row["ha"]))
            assert library.area_um2(cells) == pytest.approx(float(row["area_um2"]), rel=tolerance)


def test_popcounts_composed_of_ihp_gates_are_within_5_percent_of_synthesis(table):
    library = load("ihp_sg13g2")
    for row in table("synth_results.csv"):
        if (row["lib"], row["arch"], row["pe"]) == ("ihp", "csa", "0"):
            lanes = int(row["N"])
            cells = Cells(xnor2=lanes, full_adder=int(row["fa"]), half_adder=int(row["ha"]))
            assert library.area_um2(cells) == pytest.approx(float(row["area_um2"]), rel=0.05)


def test_costs_add_over_cells(technology):
    one, other = Cells(nand2=5, flop=3), Cells(full_adder=2, latch=7, clock_gate=1)
    for cost in (
        technology.area_um2,
        technology.leakage_nw,
        technology.clock_energy_fj_per_cycle,
        technology.clock_tree_area_um2,
        lambda cells: technology.switching_energy_fj(cells, 0.5),
    ):
        assert cost(one + other) == pytest.approx(cost(one) + cost(other))
        assert cost(one * 3) == pytest.approx(3 * cost(one))
        assert cost(Cells()) == 0


def test_switching_counts_both_outputs_of_an_adder(technology):
    adder = technology.cell("full_adder")
    energy = technology.switching_energy_fj(Cells(full_adder=4), 0.25)
    assert energy == pytest.approx(4 * 2 * 0.25 * adder.toggle_energy_fj)


def test_clock_energy_is_pins_plus_tree(technology):
    flop = technology.cell("flop")
    energy = technology.clock_energy_fj_per_cycle(Cells(flop=10, nand2=100))
    assert energy == pytest.approx(
        10 * (flop.clock_energy_fj + technology.clock_tree_energy_fj_per_sink)
    )
    assert 0.1 < technology.clock_tree_energy_fj_per_sink / flop.clock_energy_fj < 0.5


def test_the_clock_tree_by_hand():
    """Fan-out 16: 1/15 buffer per sink; every net rises and falls, C V^2 in a cycle."""
    charged_ff = 2.4 / 15 + 172 * 17.5e-3
    assert charged_ff == pytest.approx(3.17)
    energy_fj = 3.17 * 1.8**2 + 2 * 24.2627 / 15
    assert energy_fj == pytest.approx(13.5058, abs=1e-4)
    sky = load("sky130hd")
    assert sky.clock_tree_energy_fj_per_sink == pytest.approx(energy_fj, rel=1e-9)
    assert sky.clock_tree_area_um2_per_sink == pytest.approx(7.5072 / 15, rel=1e-9)


def test_wires_and_clock_sinks_by_hand():
    sky = load("sky130hd")
    assert sky.wire_energy_fj(1000) == pytest.approx(0.5 * 172 * 1.8**2)
    sinks = Cells(flop=3, latch=5, clock_gate=7, nand2=100)
    assert sky.clock_tree_area_um2(sinks) == pytest.approx((3 + 5 + 7) * 7.5072 / 15)


def test_toggle_energy_of_the_inverter_is_internal_plus_four_inverters(technology):
    inverter = technology.cell("inverter")
    load_fj = 0.5 * 4 * technology.inverter_capacitance_ff * technology.voltage_v**2
    assert inverter.toggle_energy_fj == pytest.approx(
        inverter.internal_energy_fj + load_fj, rel=1e-3
    )


def test_every_figure_names_a_source_of_its_file():
    for name in ALL:
        technology = load(name)
        assert all(technology.cell(role).source in technology.sources for role in ROLES)


def test_technologies_survive_pickling_and_compare_by_content(technology, tmp_path):
    assert pickle.loads(pickle.dumps(technology)) == technology
    copy = tmp_path / "mine.yaml"
    copy.write_bytes((LIBRARIES / f"{technology.name}.yaml").read_bytes())
    assert load(copy) == technology
    assert hash(load(str(copy))) == hash(technology)


def test_an_unknown_technology_is_refused_with_a_suggestion():
    sentence = (
        r"^technology: unknown technology 'sky13hd'; did you mean 'sky130hd'\? "
        r"\(known: asap7, gt2n, ihp_sg13g2, sky130hd\)"
    )
    with pytest.raises(SpecError, match=sentence):
        load("sky13hd")


def test_a_missing_file_is_refused():
    with pytest.raises(SpecError, match="the technology cannot be read: no such file"):
        load("nowhere/mine.yaml")
    for liberty in ("tt.lib", "nowhere/tt.lib.gz"):
        with pytest.raises(SpecError, match=r"this is a Liberty file[^`]*`asicbnn technology imp"):
            load(liberty)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda t: t.replace("area_um2: 3.7536", "area_um2: -1"),
         "cells.inverter.area_um2: expected a number > 0, got -1\n"),
        (lambda t: t.replace("voltage_v:", "voltage:", 1), "voltage: unknown key\n"),
        (lambda t: t.replace("voltage_v:", "voltage:", 1), "did you mean 'voltage_v'?"),
        (lambda t: t + "\nname: other\n", "the key 'name' is given twice"),
        (lambda t: t.replace("value: 80.532", "value: .nan"), "the number must be finite"),
        (lambda t: t.replace("  buffer:", "  buffet:"), "cells lacks buffer"),
        (lambda t: t.replace(", clock_energy_fj: 45.59", ""), "cells.flop needs clock_energy_fj"),
        (
            lambda t: t.replace("{value: 80.532, source: cells", "{value: 80.532, source: rumour"),
            "fo4_delay_ps: its source 'rumour' is not among the file's sources",
        ),
        (lambda t: t + "\n\t- broken: [", "a tab; YAML is laid out with spaces"),
        (lambda _: "", "broken.yaml: the file is empty"),
        (lambda _: "root:x:0:0", "expected keys with values, got 'root:x:0:0'"),
        (lambda _: "- a\n", "expected keys with values, got a list of 1"),
    ],
)
def test_a_broken_technology_file_is_refused_by_place(tmp_path, change, sentence):
    path = tmp_path / "broken.yaml"
    path.write_text(change((LIBRARIES / "sky130hd.yaml").read_text()))
    with pytest.raises(SpecError) as caught:
        load(path)
    assert sentence in str(caught.value)


def test_an_unknown_role_is_refused(technology):
    with pytest.raises(ModelError, match=r"^unknown cell role 'nand3'; did you mean 'nand2'\?"):
        technology.cell("nand3")


def test_negative_activity_is_refused(technology):
    with pytest.raises(ModelError, match=r"^activity must be >= 0 .*, not -0\.5$"):
        technology.switching_energy_fj(Cells(), -0.5)
