"""One library in the hands of five vendors is one technology, and its figures follow by hand."""

import pytest
from liberty_styles import (
    CLOCK_ENERGY,
    CLOCK_PIN_FF,
    LEAKAGE_NW,
    PARTS,
    PIN_FF,
    SETUP_PS,
    SLEW,
    STYLES,
    VOLTAGE_V,
    at_another_voltage,
)

from asicbnn.technology.cell_entries import CellEntry
from asicbnn.technology.liberty.importing import import_liberty
from asicbnn.technology.library import load

ROLES = {
    "INV": "inverter", "NAND2": "nand2", "NOR2": "nor2", "AND2": "and2", "OR2": "or2",
    "XOR2": "xor2", "XNOR2": "xnor2", "MUX2": "mux2", "HA": "half_adder", "FA": "full_adder",
    "BUF": "buffer", "DFF": "flop", "DFFR": "flop_with_reset", "LATCH": "latch",
    "ICG": "clock_gate",
}  # fmt: skip
LOAD_FF = 4 * PIN_FF
FO4_SLEW_PS = (SLEW.offset + SLEW.per_ff * LOAD_FF) / (1 - SLEW.per_ps)
LOAD_FJ = 0.5 * LOAD_FF * VOLTAGE_V**2


@pytest.fixture(scope="module", params=STYLES)
def imported(request, tmp_path_factory):
    path = tmp_path_factory.mktemp(request.param) / "vendor.lib"
    path.write_bytes(STYLES[request.param].library().encode())
    return import_liberty([path], request.param)


def test_the_slew_of_a_chain_of_inverters_is_its_fixed_point():
    assert SLEW.at(FO4_SLEW_PS, LOAD_FF) == pytest.approx(FO4_SLEW_PS)
    assert abs(FO4_SLEW_PS - 75) < 1e-9


def test_every_figure_by_hand(imported):
    for name, role in ROLES.items():
        part, entry = PARTS[name], imported.file.cells[role]
        assert isinstance(entry, CellEntry), role
        assert name in entry.cell
        internal_fj = part.energy.at(FO4_SLEW_PS, LOAD_FF)
        assert entry.area_um2 == pytest.approx(part.area)
        assert entry.leakage_nw == pytest.approx(LEAKAGE_NW)
        assert entry.internal_energy_fj == pytest.approx(internal_fj, rel=1e-4)
        assert entry.toggle_energy_fj == pytest.approx(internal_fj + LOAD_FJ, rel=1e-4)
        assert entry.delay_fo4_ps == pytest.approx(part.delay.at(FO4_SLEW_PS, LOAD_FF), rel=1e-4)
        pins_ff = [PIN_FF] * len(part.inputs.split()) + [CLOCK_PIN_FF] * bool(part.clock)
        assert entry.input_capacitance_ff == pytest.approx(sum(pins_ff) / len(pins_ff), rel=1e-4)
        if part.clock:
            inside_fj = CLOCK_ENERGY.at(FO4_SLEW_PS, 0)
            clock_fj = inside_fj + CLOCK_PIN_FF * VOLTAGE_V**2
            assert entry.clock_energy_fj == pytest.approx(clock_fj, rel=1e-4)


def test_figures_of_the_library(imported):
    file = imported.file
    assert (file.voltage_v.value, file.temperature_c.value) == pytest.approx((VOLTAGE_V, 25))
    assert file.fo4_delay_ps.value == pytest.approx(5 + 2 * LOAD_FF + 0.1 * FO4_SLEW_PS)
    assert file.setup_ps.value == pytest.approx(SETUP_PS)
    assert file.gate_equivalent_um2.value == PARTS["NAND2"].area


def test_what_is_written_is_what_was_derived(imported, tmp_path):
    path = tmp_path / "out.yaml"
    path.write_text(imported.text, encoding="utf-8")
    technology = load(path)
    for role, entry in imported.file.cells.items():
        if isinstance(entry, CellEntry) and role in technology.cells:
            assert technology.cell(role).delay_fo4_ps == entry.delay_fo4_ps
    assert "vendor.lib (sha256 " in technology.sources["cells"]


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)
def test_a_second_corner_becomes_ratios(style, tmp_path):
    """Twice the time at 0.9 V: delay doubles; energy falls with what V^2 there is in it."""
    slow = at_another_voltage(style).library()
    slow = slow.replace(
        f"nom_voltage : {VOLTAGE_V / style.v:g}", f"nom_voltage : {0.9 / style.v:g}"
    )
    slow = slow.replace(f"voltage : {VOLTAGE_V};", "voltage : 0.9;")
    for name, text in (("nominal.lib", style.library()), ("slow.lib", slow)):
        (tmp_path / name).write_bytes(text.encode())
    found = import_liberty([tmp_path / "nominal.lib", tmp_path / "slow.lib"], "two")
    (corner,) = found.file.corners
    assert corner.voltage_v == pytest.approx(0.9)
    assert corner.delay_ratio == pytest.approx(2.0, rel=1e-3)
    assert corner.leakage_ratio == pytest.approx(1.0)
    assert (0.9 / VOLTAGE_V) ** 2 < corner.energy_ratio < 1
    assert "slow.lib" in found.file.sources[corner.source]
