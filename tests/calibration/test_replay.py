"""A network's run played on the gates of its accelerator: the same bits, and what they take."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from shared_data import shared_data

from asicbnn.calibration.annotation import annotated
from asicbnn.calibration.energy_measurement import layer_of, measure_energy
from asicbnn.calibration.energy_shares import SHARES
from asicbnn.calibration.gate_cells import GateCells
from asicbnn.calibration.grid import GridPoint
from asicbnn.calibration.network_energy import GateLevel, Sampling
from asicbnn.calibration.network_run import NetworkRun, RunningMachine
from asicbnn.calibration.ranking import candidates, networks, rank
from asicbnn.calibration.replay import Replay, gates_of
from asicbnn.calibration.synthesis import flow
from asicbnn.calibration.timed_circuit import TimedCircuit
from asicbnn.errors import SimulationError
from asicbnn.spec.accelerator import with_changes
from asicbnn.technology import library
from asicbnn.technology.calibration import CLOCK

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
POINT = GridPoint("sliced", 4, 16, 1)
FEW = Sampling(cycles=30, per_layer=4)


@pytest.fixture(scope="module", params=["sky130hd", "ihp_sg13g2"])
def mapping(request):
    """Flow of a library: its flip-flops have no reset, or one that is tied inactive."""
    files = shared_data(f"liberty/{request.param}").glob("*.lib.gz")
    return request.param, replace(flow(sorted(files)), keeps_names=True)


@pytest.fixture(scope="module", params=["none", "register"])
def running(request, mapping):
    technology, _ = mapping
    changes = {"technology": technology, "clock_gating": request.param}
    return RunningMachine(with_changes(POINT.accelerator, changes))


def test_gates_give_the_bits_of_the_hardware_in_every_window(mapping, running):
    run = NetworkRun(running, layer_of(POINT))
    level = GateLevel(mapping[1], running, "adder_cells", library.load(mapping[0]))
    samples = level.samples(run, FEW)  # which compares every wire that leaves the logic
    assert len(samples) == FEW.per_layer
    assert all(sample.gates_fj[CLOCK] > 0 for sample in samples)
    assert sum(sample.counts["steps"] for sample in samples) > 0


def test_bits_that_opened_adders_leave_unread_are_no_registers(mapping, running):
    """Adder cells keep the flip-flop of an address's top bit; opened ones leave its name alone."""
    gates = gates_of(mapping[1], running.machine, "remapped", ["dma"])
    whole = gates_of(mapping[1], running.machine, "adder_cells", ["dma"])
    assert set(gates.registers) < set(whole.registers)
    level = GateLevel(mapping[1], running, "remapped", library.load(mapping[0]), ["dma"])
    run = NetworkRun(running, layer_of(POINT))
    assert len(level.samples(run, FEW)) == FEW.per_layer  # each compared with the hardware


def test_transitions_that_stay_are_the_toggles_of_the_hardware(mapping, running):
    gates = gates_of(mapping[1], running.machine, "adder_cells")
    run = NetworkRun(running, layer_of(POINT))
    windows = run.windows(gates.wires, cycles=40, per_layer=3)
    played = player(gates, mapping[1].library)
    toggled = 0
    for window in windows:
        counted, wires = played.play(window.trace), window.trace.wires
        for (register, bit), net in gates.registers.items():
            values = [value >> bit & 1 for value in wires[register]]
            changes = sum(a != b for a, b in pairwise(values))
            assert counted.functional[net] == changes, register
            toggled += changes
    assert toggled > 100


def test_gates_that_differ_in_one_cell_are_noticed(mapping, running):
    cells = mapping[1].library
    gates = gates_of(mapping[1], running.machine, "adder_cells")
    run = NetworkRun(running, layer_of(POINT))
    windows = list(run.windows(gates.wires, cycles=30, per_layer=8))
    trace = max(windows, key=lambda window: window.counts["steps"]).trace
    seen = player(gates, cells).play(trace)
    gates = replace(gates, netlist=with_another_gate(gates.netlist, cells, seen.toggles))
    with pytest.raises(SimulationError, match="another value than the hardware on wire"):
        player(gates, cells).play(trace)


def player(gates, cells):
    return Replay(gates, TimedCircuit(annotated(gates.netlist, GateCells(cells))))


def with_another_gate(netlist, cells, toggles):
    """Put a NOR in the place of the NAND of the array that switches most, or the reverse."""
    nand, nor = (next(n for n in cells.cells if n.endswith(x)) for x in ("_nand2_1", "_nor2_1"))
    instances = list(netlist.instances)
    place = max(
        (i for i, x in enumerate(instances) if x.cell in (nand, nor) and x.scope[0] == "array"),
        key=lambda i: toggles[instances[i].outputs["Y"]],
    )
    assert toggles[instances[place].outputs["Y"]] > 0
    other = nor if instances[place].cell == nand else nand
    instances[place] = replace(instances[place], cell=other)
    return replace(netlist, instances=tuple(instances))


def test_energy_of_an_image_is_extrapolated_from_windows(mapping, running):
    run = NetworkRun(running, layer_of(POINT))
    level = GateLevel(mapping[1], running, "adder_cells", library.load(mapping[0]))
    few, many = (level.energy(run, replace(FEW, per_layer=n, seed=n)) for n in (4, 12))
    few_cycles, many_cycles = (sum(s.counts["cycles"] for s in e.samples) for e in (few, many))
    assert many_cycles == 3 * few_cycles
    for share in ("popcount", "sums", "registers", CLOCK):
        assert few.gates_fj[share] == pytest.approx(many.gates_fj[share], rel=0.25)
    assert few.model_fj == many.model_fj
    assert 0 < many.unplayed_fj < sum(many.model_fj.values())
    assert 0.05 < many.glitch_share < 0.5


def test_the_grids_energy_per_operation_is_near_the_models(mapping):
    technology, made = mapping
    found = measure_energy(made, POINT, library.load(technology), "adder_cells")
    assert not found.composed
    assert found.operations == 2 * 4 * 16
    assert set(found.gates_fj) == set(SHARES)
    gates_fj, model_fj = (sum(each.values()) for each in (found.gates_fj, found.model_fj))
    assert model_fj == pytest.approx(gates_fj, rel=0.15)
    assert found.model_fj[CLOCK] == pytest.approx(found.gates_fj[CLOCK], rel=0.2)


def test_a_composed_measurement_says_so_and_is_near_the_direct_one(mapping, monkeypatch):
    technology, made = mapping
    point = GridPoint("sliced", 8, 16, 1)
    direct = measure_energy(made, point, library.load(technology), "adder_cells")
    monkeypatch.setattr("asicbnn.calibration.energy_measurement.PLAYED_LANES", 64)
    composed = measure_energy(made, point, library.load(technology), "adder_cells")
    assert composed.composed == ("array and registers from 4 and 2 PEs",)
    for share in ("popcount", "sums", "registers", CLOCK):
        assert composed.gates_fj[share] == pytest.approx(direct.gates_fj[share], rel=0.15)


def test_accelerators_of_one_hardware_are_ranked_on_the_same_gates(mapping):
    technology, made = mapping
    two = list(candidates())[:2]
    told = []
    narrow, few = {"narrow": networks()["narrow"]}, replace(FEW, per_layer=2)
    found = rank(made, two, narrow, library.load(technology), few, told.append)
    assert found == told
    assert [x.accelerator for x in found] == [accelerator.name for accelerator in two]
    latches, registers = found
    assert latches.gates_uj < registers.gates_uj  # what differs is what the memories are made of
    assert latches.gates_logic_uj == pytest.approx(registers.gates_logic_uj, rel=0.1)
    for each in found:
        assert each.gates_uj == pytest.approx(each.estimated_uj, rel=0.1)
        assert 0 < each.gates_logic_uj < each.gates_uj
