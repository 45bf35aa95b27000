"""Latches in the timed simulation; memories of cells as gates, and what their fit says."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from calibration.cells import OUTPUT_FJ, PIN_FJ, circuit, netlist
from hardware.yosys import liberty
from tools import needs

import asicbnn
from asicbnn.calibration.gate_energy import energies
from asicbnn.calibration.gates_section import with_cell_memories
from asicbnn.calibration.memory_factors import (
    KINDS,
    MemoryCalibration,
    fits_of,
    fitted,
    fitted_half,
    memory_grid,
)
from asicbnn.calibration.memory_gates import MemoryAtGates, MemoryGates
from asicbnn.calibration.read_parts import read_parts
from asicbnn.calibration.residuals import expected_spread
from asicbnn.calibration.synthesis import flow
from asicbnn.calibration.timed_simulation import TimedSimulation
from asicbnn.errors import EnvironmentProblem, SimulationError
from asicbnn.hardware.verilog.cell_memories import CellMemory
from asicbnn.report.memory_calibration import memory_page, residual_csv
from asicbnn.technology.form import read_form
from asicbnn.technology.library import load
from asicbnn.technology.row_memory import row_memory
from asicbnn.technology.row_read import ReadEnergy, price_in_order
from asicbnn.technology.schema import TechnologyFile
from asicbnn.technology.standard_cell_memory import counted_costs

IHP = load("ihp_sg13g2")
LIBRARIES = Path(asicbnn.__file__).parent / "technology" / "libraries"


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
    read = {
        order: price_in_order(by, order, rows.words, energy)
        for order, energy in counted.reads.items()
    }
    path = by.access.factor * counted.access_ps + by.access_levels.factor * counted.levels_ps
    for estimated, measured, spread in (
        (state + by.area.factor * logic, gates.area_um2, by.area.spread),
        *(
            (price.energy_fj, gates.energy_fj[f"{order}_reads"], price.relative_error)
            for order, price in read.items()
        ),
        (written, gates.energy_fj["sequential_writes"], by.write_energy.spread),
        (path, gates.period_ps, by.access.spread),
    ):
        assert measured / (1 + spread) <= estimated <= measured * (1 + spread)
    assert by.idle_energy.factor * counted.idle_fj == pytest.approx(gates.energy_fj["idle"], 0.01)
    for order, energy in gates.reads.items():
        assert min(energy.parts) > 0
        assert math.fsum(energy.parts) == pytest.approx(gates.energy_fj[f"{order}_reads"])


@needs("yosys", "cc")
def test_the_gates_of_a_read_are_told_by_what_they_follow(at_gates):
    """Two buffers drive the lines of two words; a bit is seen through gates of its own."""
    memory = CellMemory("memory", row_memory("latch", 2, 8))
    mapped = at_gates.netlist(memory)
    found = read_parts(mapped, at_gates.cells)
    lines = [i.name for i, part in zip(mapped.instances, found, strict=True) if part == "lines"]
    assert sorted(lines) == ["drivers0.bits[0].cell_i", "drivers0.bits[1].cell_i"]
    for net in mapped.outputs["read_data0"]:
        assert found[mapped.driver[net][0]] == "columns"
    [address] = mapped.inputs["read_address0"]
    for reader, _ in mapped.loads[address]:
        assert found[reader] in ("addresses", "lines")


@needs("yosys", "cc")
def test_gates_that_read_another_word_are_refused(at_gates):
    memory = CellMemory("memory", row_memory("latch", 4, 8))
    right = at_gates.netlist(memory)
    data = right.outputs["read_data0"]
    wrong = replace(right, outputs={"read_data0": (*data[1:], data[0])})
    with pytest.raises(SimulationError, match="which holds"):
        at_gates.measured_netlist(wrong, memory, 16)


def made(kind, column):
    """Gates of exactly 0.6 times the counted logic, and of multiples of each term of accesses.

    column  factor of the columns of a read, by the number of words
    """
    for rows in memory_grid(kind):
        counted = counted_costs(IHP, rows)
        writes = len(rows.parts) if rows.is_shared else 1
        spent = (1.2 * counted.write_fj + 2.5 * counted.lines_fj) / writes
        energy = dict.fromkeys(("random_writes", "idle"), counted.idle_fj)
        reads = {
            order: ReadEnergy(
                0.9 * read.lines_fj, 1.1 * read.addresses_fj, column(rows.words) * read.columns_fj
            )
            for order, read in counted.reads.items()
        }
        area = IHP.area_um2(rows.state) + 0.6 * IHP.area_um2(rows.logic)
        period = 0.9 * counted.access_ps + 1.4 * counted.levels_ps
        energy = {**energy, "sequential_writes": spent}
        yield rows, MemoryGates(area, 1.0, period, energy, reads, 0.0)


def test_a_fit_finds_the_factors_it_was_made_with():
    measured = list(made("latch", lambda words: 0.7))
    for metric, factors in (
        ("area", (0.6,)), ("write_energy", (1.2, 2.5)), ("access", (0.9, 1.4)),
        ("sequential_reads", (0.9,)), ("random_reads", (0.9,)),
    ):  # fmt: skip
        found = fitted(IHP, "latch", metric, measured, measured)
        assert found.multiples.factors == pytest.approx(factors)
        for each, factor in zip(found.multiples.by_words, (1.1, 0.7), strict=False):
            assert each == pytest.approx([factor] * len(each))
        assert found.spread == 0.001
        assert max(map(abs, found.judged)) < 1e-6
        assert found.inside == 1


def test_columns_have_a_factor_for_each_number_of_words_and_reads_of_both_rows_share_it():
    """Four words take twice as much as eight, as of the one cell that a mapper makes of them."""

    def column(words):
        return 1.2 if words == 4 else 0.6

    latches, flops = (list(made(kind, column)) for kind in KINDS)
    both = {f.metric: f for f in fits_of(IHP, [*latches, *flops]) if f.kind == "register"}
    fit = both["random_reads"]
    columns = dict(zip(fit.multiples.words, fit.multiples.by_words[-1], strict=True))
    assert columns[4] == pytest.approx(1.2)
    assert columns[8] == pytest.approx(0.6)
    assert fit.points == len(fitted_half(m for m, _ in latches))
    assert {s.memory.kind for s in fit.samples} == {"register"}
    assert max(map(abs, fit.judged)) < 1e-6


def test_a_spread_is_of_memories_that_were_left_out():
    """One memory in ten off by a tenth: its own fit hides some of it, the others see it all."""
    measured = list(made("register", lambda words: 0.7))
    off = [
        (rows, replace(gates, area_um2=gates.area_um2 * (1.1 if i == 4 else 1.0)))
        for i, (rows, gates) in enumerate(measured)
    ]
    found = fitted(IHP, "register", "area", off, off)
    half = [s for s in found.samples if s.is_fitted]
    own = [math.log(s.measured / s.estimated(found.multiples)) for s in half]
    assert found.spread > expected_spread(own)


def test_half_of_the_grid_is_judged_at_every_size():
    for kind in KINDS:
        grid = memory_grid(kind)
        fitted_on = fitted_half(grid)
        assert len(set(grid)) == len(grid) >= 12
        for half in (fitted_on, set(grid) - fitted_on):
            assert {m.words for m in half} >= {4, 16, 64}
            assert len(half) >= 6


def test_a_factor_by_words_rests_on_two_widths_but_for_the_words_between():
    """A memory that is left out is estimated from others of its words, or from between them."""
    words = Counter(m.words for m in fitted_half(memory_grid("latch")))
    alone = {n for n, memories in words.items() if memories == 1}
    assert {n for n in words if n & (n - 1) == 0} & alone == set()
    assert len(alone) >= 4


def test_what_is_written_of_reads_is_read_back_and_shown():
    measured = [each for kind in KINDS for each in made(kind, lambda words: 0.5 + 1 / words)]
    found = MemoryCalibration(
        "here", tuple(fits_of(IHP, measured)), len(measured), 1.0, "tools", ("a.lib",)
    )
    text = (LIBRARIES / "ihp_sg13g2.yaml").read_text("utf-8")
    written = with_cell_memories(text, "here.yaml", found.entries(), found.source)
    entry = read_form(TechnologyFile, written.encode(), "here.yaml").cell_memories["register"]
    for by in entry.reads.values():
        assert by.lines == pytest.approx(0.9)
        assert by.columns == pytest.approx([0.5 + 1 / n for n in by.words], rel=1e-4)
        assert by.addresses == pytest.approx([1.1] * len(by.words))
    assert entry.read_energy is None
    page = memory_page(found, "here.csv")
    assert "| latch | sequential reads | 58 |" in page
    assert "| random reads: columns | 1.000 | 0.833 | 0.750 |" in page
    assert residual_csv(found).count("\n") == 1 + 8 * len(measured)
