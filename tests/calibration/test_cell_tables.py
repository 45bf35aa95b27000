"""Figures of cells read for many instances at once: interpolation, conditions, states."""

from __future__ import annotations

import numpy as np
import pytest
from calibration.cells import CELLS, cell, constant, entering
from hypothesis import given
from hypothesis import strategies as st

from asicbnn.calibration.cell_tables import gates_of, interpolated, truth
from asicbnn.calibration.sequential_cells import sequential
from asicbnn.errors import EnvironmentProblem
from asicbnn.technology.liberty.library import InternalPower, Pin, Storage, Table, TimingArc

AXIS = st.lists(st.floats(0.1, 50), min_size=1, max_size=4, unique=True).map(sorted)


@given(
    slews=AXIS, loads=AXIS, seed=st.integers(0, 99),
    points=st.lists(st.tuples(st.floats(0, 80), st.floats(0, 80)), min_size=1, max_size=5),
)  # fmt: skip
def test_many_values_are_those_of_the_table_one_by_one(slews, loads, seed, points):
    values = np.random.default_rng(seed).uniform(-5, 5, (len(slews), len(loads)))
    table = Table(tuple(slews), tuple(loads), values)
    found = interpolated(table, *(np.array(axis) for axis in zip(*points, strict=True)))
    wanted = [table.at(slew, load) for slew, load in points]
    assert found == pytest.approx(wanted, rel=1e-6, abs=1e-6 * np.abs(wanted).max())


def test_a_truth_table_counts_its_first_name_as_the_lowest_bit():
    assert truth("A & !B", ("A", "B")).tolist() == [False, True, False, False]


def with_conditions():
    """A XOR whose delay and energy depend on the other input, and an input nothing is said of."""
    delays = {("A", "B"): 7.0, ("A", "!B"): 5.0, ("B", ""): 11.0}
    arcs = tuple(
        TimingArc(pin, "non_unate", "combinational", when, *[constant(delay)] * 4)
        for (pin, when), delay in delays.items()
    )
    powers = tuple(
        InternalPower(pin, when, constant(delay / 10), constant(-delay / 10))
        for (pin, when), delay in delays.items()
    )
    out = Pin("Y", "output", 1, 0.0, 0.0, 0.0, "A ^ B", "", False, "", arcs, powers)
    return cell("XOR", entering("A"), entering("B"), out)


def test_conditions_choose_the_arc_and_the_edge_the_table():
    [gate] = gates_of(with_conditions())
    delays = gate.delays_ps(np.ones((1, 2, 2)), np.ones(1))[0]
    assert delays[0].tolist() == [5, 5, 7, 7]  # A changes: B is 0 in states 0 and 1
    assert delays[1].tolist() == [11] * 4
    energies = gate.energies_fj(np.ones((1, 2, 2)), np.ones(1))[0]
    assert energies[0].tolist() == pytest.approx([-0.5, 0.5, 0.7, -0.7])  # 1 in states 1 and 2


def test_a_latch_reads_its_own_output():
    [gate] = gates_of(next(one for one in CELLS if one.name == "LATCH"))
    assert gate.inputs == ("D", "G", "Q")
    for state in range(8):
        d, g, q = (state >> i & 1 for i in range(3))
        assert gate.values[state] == (d if g else q)


def test_a_flip_flops_clock_energy_goes_by_what_it_holds_and_takes():
    conditions = {"D & Q": 1.0, "D & !Q": 2.0, "!D & Q": 4.0, "!D & !Q": 8.0}
    powers = tuple(
        InternalPower("", when, constant(fj), constant(10 * fj)) for when, fj in conditions.items()
    )
    clock = Pin("C", "input", 1, 1.0, 1.0, 1.0, "", "", True, "", (), powers)
    out = Pin("Q", "output", 1, 0.0, 0.0, 0.0, "IQ", "", False, "", (), ())
    storage = Storage("flop", ("IQ", "IQN"), 1, "C", "D", "", "")
    flop = sequential(cell("DFF", clock, entering("D"), out, storages=[storage]))
    # state: D, and above it what is stored; the edge that falls finds D stored
    assert flop.clock_energy_fj(1.0).tolist() == [8 + 80, 2 + 10, 4 + 80, 1 + 10]


def test_a_clock_gate_takes_another_energy_closed_than_open():
    powers = tuple(
        InternalPower("", when, constant(fj), constant(2 * fj))
        for when, fj in (("E", 1.0), ("!E", 10.0))
    )
    role = "gate_clock"
    clock = Pin("C", "input", 1, 1.0, 1.0, 1.0, "", "", True, role, (), powers)
    through = (InternalPower("C", "", constant(0.25), constant(0.5)),)
    out = Pin("G", "output", 1, 0, 0, 0, "", "", False, "gate_out", (), through)
    enable = entering("E", role="gate_enable")
    gate = sequential(cell("ICG", clock, enable, out, clock_gate="latch_posedge"))
    assert gate.closed_fj(1.0) == 10 + 20
    assert gate.open_fj(1.0, np.ones(1)) == pytest.approx([1 + 2 + 0.25 + 0.5])


def test_cells_that_cannot_be_simulated_say_so():
    many = [entering(f"A{i}") for i in range(11)]
    wide = Pin("Y", "output", 1, 0, 0, 0, "A0", "", False, "", (), ())
    with pytest.raises(EnvironmentProblem, match="more than 10 inputs"):
        gates_of(cell("WIDE", *many, wide))
    storage = Storage("flop", ("IQ", "IQN"), 1, "!C", "D", "", "")
    with pytest.raises(EnvironmentProblem, match="not clocked by the rising edge"):
        sequential(cell("FALLING", entering("C"), entering("D"), storages=[storage]))
    with pytest.raises(EnvironmentProblem, match="no clock gate of rising edges"):
        sequential(cell("ICGN", entering("C"), clock_gate="latch_negedge"))
