"""Latches in the timed simulation; memories of cells as gates, and what their fit says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from calibration.cells import OUTPUT_FJ, PIN_FJ, circuit, netlist
from hardware.yosys import liberty
from tools import needs

from asicbnn.calibration.gate_energy import energies
from asicbnn.calibration.memory_factors import fitted, memory_grid
from asicbnn.calibration.memory_gates import MemoryAtGates, MemoryGates
from asicbnn.calibration.synthesis import flow
from asicbnn.calibration.timed_simulation import TimedSimulation
from asicbnn.errors import EnvironmentProblem, SimulationError
from asicbnn.hardware.verilog.cell_memories import CellMemory
from asicbnn.technology.library import load
from asicbnn.technology.row_memory import row_memory
from asicbnn.technology.standard_cell_memory import counted_costs

IHP = load("ihp_sg13g2")


def gated_latch(**more):
    """A latch that a clock gate opens, on a data pin of its own."""
    gate = ("ICG", (), {"C": "clock", "E": "enable"}, {"O": "gated"})
    latch = ("LATCH", (), {"D": "data", "G": "gated"}, {"Q": "q"})
    return circuit(netlist(["clock", "enable", "data"], ["q"], {"g": gate, "l": latch, **more}))


def test_a_latch_takes_what_comes_in_the_cycle_its_gate_lets_through():
    found = gated_latch()
    simulation = TimedSimulation(found, found.netlist.wires["q"])
    names = [name for name, _, _ in found.ports]

    def row(enable, data):
        return [{"enable": enable, "data": data}[name] for name in names]

    simulation.start(np.array(row(0, 0), np.uint8))
    rows = [row(1, 1), row(0, 1), row(0, 0), row(1, 0), row(0, 0)]
    seen = simulation.run(np.array(rows, np.uint8))
    # the enable of a cycle opens the next one, in which the latch follows its data
    assert seen[:, 0].tolist() == [0, 1, 1, 1, 0]
    [gated] = found.netlist.wires["gated"]
    counted = simulation.counted()
    assert counted.toggles[gated] == 4  # up and down in each of two cycles
    energy = energies(found, counted)
    assert energy.total.cells_fj >= 2 * OUTPUT_FJ["LATCH"]
    assert energy.total.nets_fj == pytest.approx(4 * PIN_FJ)


def test_a_net_that_opens_latches_drives_nothing_else():
    flop = ("DFF", (), {"D": "data", "C": "gated"}, {"Q": "r"})
    with pytest.raises(EnvironmentProblem, match="opens latches and drives other cells too"):
        gated_latch(f=flop)


@pytest.fixture(scope="module")
def at_gates():
    return MemoryAtGates(flow([liberty("ihp_sg13g2")]))


@needs("yosys", "cc")
@pytest.mark.parametrize("kind", ["latch", "register"])
def test_a_mapped_memory_reads_what_was_written_and_lies_within_its_band(at_gates, kind):
    rows = row_memory(kind, 8, 16)
    gates = at_gates.measured(CellMemory("memory", rows))
    counted, by = counted_costs(IHP, rows), IHP.cell_memories[kind]
    logic, state = IHP.area_um2(rows.logic), IHP.area_um2(rows.state)
    written = by.write_energy.factor * counted.write_fj + by.write_lines.factor * counted.lines_fj
    read_fj = {
        order: by.read_energy.factor * counted.read_fj + by.read_addresses.factor * address_fj
        for order, address_fj in counted.address_fj.items()
    }
    path = by.access.factor * counted.access_ps + by.access_levels.factor * counted.levels_ps
    for estimated, measured, spread in (
        (state + by.area.factor * logic, gates.area_um2, by.area.spread),
        (read_fj["random"], gates.energy_fj["random_reads"], by.read_energy.spread),
        (read_fj["sequential"], gates.energy_fj["sequential_reads"], by.read_energy.spread),
        (written, gates.energy_fj["sequential_writes"], by.write_energy.spread),
        (path, gates.period_ps, by.access.spread),
    ):
        assert measured / (1 + spread) <= estimated <= measured * (1 + spread)
    assert by.idle_energy.factor * counted.idle_fj == pytest.approx(gates.energy_fj["idle"], 0.01)


@needs("yosys", "cc")
def test_gates_that_read_another_word_are_refused(at_gates):
    memory = CellMemory("memory", row_memory("latch", 4, 8))
    right = at_gates.netlist(memory)
    data = right.outputs["read_data0"]
    wrong = replace(right, outputs={"read_data0": (*data[1:], data[0])})
    with pytest.raises(SimulationError, match="which holds"):
        at_gates.measured_netlist(wrong, memory, 16)


def test_a_fit_finds_the_factors_it_was_made_with():
    """Gates of exactly 0.6 times the counted logic, and of multiples of each term of accesses."""
    measured = []
    for rows in memory_grid("latch"):
        counted = counted_costs(IHP, rows)
        writes = len(rows.parts) if rows.is_shared else 1
        spent = (1.2 * counted.write_fj + 2.5 * counted.lines_fj) / writes
        energy = dict.fromkeys(("random_writes", "idle"), counted.idle_fj)
        for order, address_fj in counted.address_fj.items():
            energy[f"{order}_reads"] = 0.7 * counted.read_fj + 1.1 * address_fj
        area = IHP.area_um2(rows.state) + 0.6 * IHP.area_um2(rows.logic)
        period = 0.9 * counted.access_ps + 1.4 * counted.levels_ps
        energy = {**energy, "sequential_writes": spent}
        measured.append((rows, MemoryGates(area, 1.0, period, energy, 0.0)))
    for metric, factors in (
        ("area", (0.6,)), ("write_energy", (1.2, 2.5)), ("read_energy", (0.7, 1.1)),
        ("access", (0.9, 1.4)),
    ):  # fmt: skip
        found = fitted(IHP, "latch", metric, measured)
        assert found.factors == pytest.approx(factors)
        assert found.spread == 0.001
        assert max(map(abs, found.judged)) < 1e-6
        assert found.inside == 1


def test_half_of_the_grid_is_judged_at_every_size():
    for kind in ("latch", "register"):
        grid = memory_grid(kind)
        assert len(grid) >= 12
        for half in (grid[::2], grid[1::2]):
            assert {m.words for m in half} >= {4, 16, 64}
            assert len(half) >= 6
