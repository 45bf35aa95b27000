"""Energy of cells as files state it, in groups of any kind, or do not."""

import dataclasses
import re
from statistics import geometric_mean

import pytest
from liberty_styles import PARTS, STYLE

from asicbnn.technology.cell_entries import CellEntry
from asicbnn.technology.liberty.anchors import anchors
from asicbnn.technology.liberty.importing import import_liberty


def test_energy_that_only_inputs_state_is_that_of_the_outputs_they_move(entries):
    """Of a gate: a flip-flop's clock and data have energies of their own."""
    of_outputs, _ = entries(PARTS)
    text = STYLE.library()
    power = r"      internal_power \(\) \{(?:[^{}]|\{[^{}]*\})*\}\n?"
    for name in ("NAND2", "XOR2", "DFF"):
        start = text.index(f'  cell ("vendor__{name}_1")')
        end = text.index("  cell (", start + 8) if "  cell (" in text[start + 8 :] else len(text)
        cell = text[start:end]
        at_output = cell.index("direction : output")
        moved = re.findall(power, cell[at_output:])[0].replace('related_pin : "A";', "")
        cell = cell[:at_output] + re.sub(power, "", cell[at_output:])
        if name != "DFF":
            for pin in "AB":
                cell = cell.replace(f"pin ({pin}) {{", f"pin ({pin}) {{\n{moved}")
        text = text[:start] + cell + text[end:]

    class Moved:
        def library(self, _):
            return text

    of_inputs, file = entries(PARTS, Moved())
    for role in ("nand2", "xor2"):
        expected = of_outputs[role].internal_energy_fj
        assert of_inputs[role].internal_energy_fj == pytest.approx(expected)
    assert "scaled" in file.cells["flop"].note


def test_rise_and_fall_of_a_clock_in_groups_of_their_own_are_both_of_a_cycle(entries):
    together, _ = entries(PARTS)
    text = STYLE.library().replace(
        " fall_power (passive)", " } internal_power () { fall_power (passive)"
    )
    assert text != STYLE.library()

    class Apart:
        def library(self, _):
            return text

    apart, _ = entries(PARTS, Apart())
    assert apart["flop"].clock_energy_fj == pytest.approx(together["flop"].clock_energy_fj)


@pytest.mark.parametrize(
    ("what", "so"),
    [
        ("internal power", "it is scaled from sky130hd, asap7, ihp_sg13g2 by the load of four in"),
        ("leakage", "it is taken as none, and too low"),
    ],
)
def test_figures_of_power_that_a_file_lacks_are_told(tmp_path, what, so):
    path = tmp_path / "mute.lib"
    text = STYLE.library()
    if what == "leakage":
        text = text.replace("cell_leakage_power : 0.02", "cell_leakage_power : 0")
    else:
        text = re.sub(r"(rise|fall)_power \(", "no_power (", text)
    path.write_text(text)
    (note,) = import_liberty([path], "mute").notes
    assert note.startswith(f"no {what} is stated for 15 of the 15 cells taken, vendor__INV_1 the")
    assert f"the first: {so}" in note


@pytest.mark.parametrize("gone", ["tables", "groups"])
def test_internal_energy_that_no_file_states_is_scaled_by_the_load(entries, gone):
    """By the geometric mean of what three processes have, each over its own load."""
    pattern = {
        "tables": (r"(rise|fall)_power \(", "no_power ("),
        "groups": (r"internal_power \(\) \{(?:[^{}]|\{[^{}]*\})*\}", ""),
    }[gone]

    class Mute:
        def library(self, _):
            return re.sub(*pattern, STYLE.library())

    cells, file = entries(PARTS, Mute())
    load_fj = load_energy_fj(file)
    for role in ("inverter", "nand2", "mux2", "flop", "clock_tree_buffer"):
        alike = [(entry_of_kind(its, role), load_energy_fj(its)) for its in anchors().values()]
        found = [(entry, its_load_fj) for entry, its_load_fj in alike if entry is not None]
        inside = geometric_mean(entry.internal_energy_fj / its_load for entry, its_load in found)
        assert cells[role].internal_energy_fj == pytest.approx(inside * load_fj, rel=1e-3)
        assert cells[role].toggle_energy_fj == pytest.approx((inside + 1) * load_fj, rel=1e-3)
        assert "scaled by the load" in file.cells[role].note
    clocks = [entry_of_kind(its, "flop").clock_energy_fj / load_energy_fj(its) for its in
              anchors().values()]  # fmt: skip
    expected_fj = geometric_mean(clocks) * load_fj
    assert cells["flop"].clock_energy_fj == pytest.approx(expected_fj, rel=1e-3)


def load_energy_fj(file):
    return 2 * file.inverter_capacitance_ff.value * file.voltage_v.value**2


def entry_of_kind(file, role):
    """The measured cell of a role, or of one that stands in for it."""
    measured = {key: entry for key, entry in file.cells.items() if isinstance(entry, CellEntry)}
    return measured.get(role) or next((measured[k] for k in measured if k.startswith(role)), None)


def test_scaled_energy_moves_with_the_corner_as_the_load_does(tmp_path):
    slow = dataclasses.replace(STYLE, ps=2 * STYLE.ps)
    paths = [tmp_path / "tt.lib", tmp_path / "ss.lib"]
    for path, style in zip(paths, (STYLE, slow), strict=True):
        text = re.sub(r"(rise|fall)_power \(", "no_power (", style.library())
        path.write_text(text)
    (corner,) = import_liberty(paths, "mute").file.corners
    assert corner.energy_ratio == pytest.approx(1)
