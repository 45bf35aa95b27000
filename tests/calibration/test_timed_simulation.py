"""Transitions, glitches and energies one can work out by hand; then netlists nobody worked out."""

from __future__ import annotations

import numpy as np
import pytest
from calibration.cells import (
    CLOCK_FJ,
    DELAY_PS,
    GATE_OUT_FJ,
    OUTPUT_FJ,
    OWN_FJ,
    PIN_FF,
    PIN_FJ,
    VOLTAGE_V,
    circuit,
    netlist,
)
from hypothesis import given
from hypothesis import strategies as st

from asicbnn.calibration.gate_energy import energies
from asicbnn.calibration.timed_simulation import TimedSimulation
from asicbnn.errors import EnvironmentProblem, SimulationError

NO_SCOPE = ()


def inverter(source, target, scope=NO_SCOPE):
    return "INV", scope, {"A": source}, {"Y": target}


def two(kind, a, b, target, scope=NO_SCOPE):
    return kind, scope, {"A": a, "B": b}, {"Y": target}


def simulated(found, rows, *, stored=None, seen=()):
    """Run rows of inputs, the first one at rest; returns what was counted and seen."""
    nets = tuple(found.netlist.wires[name][0] for name in seen)
    simulation = TimedSimulation(found, nets)
    rows = np.array(rows, np.uint8)
    simulation.start(rows[0], stored)
    observed = simulation.run(rows[1:])
    return simulation.counted(), observed.tolist()


def toggles(counted, found, name):
    [net] = found.netlist.wires[name]
    return int(counted.toggles[net]), int(counted.functional[net])


# ---------------------------------------------------------------------- by hand
def test_a_chain_takes_the_sum_of_its_delays_and_energies():
    found = circuit(netlist(["a"], ["c"], {"u": inverter("a", "b"), "v": inverter("b", "c")}))
    counted, seen = simulated(found, [[0], [1], [1], [0]], seen=["c"])
    assert seen == [[1], [1], [0]]
    assert counted.settle_ps == pytest.approx(1 + 2 * DELAY_PS["INV"], abs=1.5)  # inputs: a tick
    energy = energies(found, counted)
    assert energy.total.cells_fj == pytest.approx(4 * OUTPUT_FJ["INV"])
    assert energy.total.nets_fj == pytest.approx(2 * PIN_FJ)  # b has a load, c has none
    assert energy.inputs_fj == pytest.approx(2 * PIN_FJ)
    assert energy.total.glitches_fj == 0


def hazard(*delay):
    """a ^ a, once through inverters: what it is at rest never changes."""
    wires = ["a", *(f"w{i}" for i in range(len(delay)))]
    cells = {f"u{i}": inverter(wires[i], wires[i + 1]) for i in range(len(delay))}
    return circuit(netlist(["a"], ["y"], {**cells, "x": two("XOR", "a", wires[-1], "y")}))


def test_a_pulse_longer_than_the_gate_is_counted_as_a_glitch():
    found = hazard(*range(4))  # 40 ps apart, and the XOR takes 30
    counted, _ = simulated(found, [[0], [1]])
    assert toggles(counted, found, "y") == (2, 0)
    assert counted.swallowed == 0
    assert counted.glitch_share == pytest.approx(2 / 7)
    assert energies(found, counted).total.glitches_fj == pytest.approx(2 * OUTPUT_FJ["XOR"])


def test_a_shorter_pulse_is_swallowed_and_costs_nothing():
    found = hazard(*range(2))  # 20 ps apart
    counted, _ = simulated(found, [[0], [1]])
    assert toggles(counted, found, "y") == (0, 0)
    assert counted.swallowed == 1
    assert energies(found, counted).total.cells_fj == pytest.approx(2 * OUTPUT_FJ["INV"])


def test_an_input_that_changes_nothing_costs_its_own_energy_alone():
    found = circuit(netlist(["a", "b"], ["y"], {"u": two("NAND", "a", "b", "y")}))
    counted, _ = simulated(found, [[0, 0], [1, 0], [0, 0]])
    assert energies(found, counted).total.cells_fj == pytest.approx(2 * OWN_FJ)
    counted, _ = simulated(found, [[0, 1], [1, 1], [0, 1]])
    assert energies(found, counted).total.cells_fj == pytest.approx(2 * OUTPUT_FJ["NAND"])


def test_the_earlier_of_two_causes_decides_when():
    cells = {"u": inverter("b", "c"), "v": two("NAND", "a", "c", "y")}
    found = circuit(netlist(["a", "b"], ["y"], cells))
    counted, _ = simulated(found, [[1, 0], [0, 1]])  # a falls at once, c 10 ps later
    assert counted.settle_ps == pytest.approx(DELAY_PS["NAND"], abs=1.5)
    assert counted.events == 4


# ---------------------------------------------------------------------- state
def flop(data, target, clock="clock", kind="DFF", scope=NO_SCOPE, **more):
    pin = "QN" if kind == "DFFN" else "Q"
    return kind, scope, {"C": clock, "D": data, **more}, {pin: target}


def toggler(**cells):
    return circuit(netlist(["clock"], ["q"], {
        "f": flop("d", "q"), "i": inverter("q", "d"), **cells,
    }))  # fmt: skip


def test_a_flip_flop_takes_what_was_there_before_the_edge():
    counted, seen = simulated(toggler(), np.zeros((6, 0)), seen=["q"])
    assert seen == [[1], [0], [1], [0], [1]]
    assert counted.settle_ps == pytest.approx(DELAY_PS["DFF"] + DELAY_PS["INV"], abs=1.5)


def test_the_clock_costs_two_edges_and_its_pins_charge_each_cycle():
    found = toggler()
    counted, _ = simulated(found, np.zeros((6, 0)))
    cycle = 2 * CLOCK_FJ + PIN_FF * VOLTAGE_V**2
    energy = energies(found, counted).total
    assert energy.clock_fj == pytest.approx(5 * cycle)
    assert energy.cells_fj == pytest.approx(5 * (OUTPUT_FJ["DFF"] + OUTPUT_FJ["INV"]))
    assert energy.leakage_nw == pytest.approx(2 * 0.25)


def test_an_inverse_output_shows_the_inverse():
    shifted = {"f": flop("a", "p", kind="DFFN"), "g": flop("p", "q")}
    found = circuit(netlist(["clock", "a"], ["q"], shifted))
    _, seen = simulated(found, [[1], [1], [0], [0], [0]], seen=["p", "q"])
    assert seen == [[0, 1], [0, 0], [1, 0], [1, 1]]


def test_a_closed_clock_gate_stops_flip_flops_and_their_energy():
    gated = {
        "g": ("ICG", NO_SCOPE, {"C": "clock", "E": "e"}, {"O": "gclk"}),
        "f": flop("d", "q", clock="gclk"), "i": inverter("q", "d"),
    }  # fmt: skip
    found = circuit(netlist(["clock", "e"], ["q"], gated))
    counted, seen = simulated(found, [[1], [0], [0], [0], [1], [1]], seen=["q"])
    assert seen == [[1], [1], [1], [1], [0]]  # the enable before an edge decides on it
    assert counted.edges.tolist() == [5, 2]
    pin = PIN_FF * VOLTAGE_V**2
    at_gate = 5 * (2 * CLOCK_FJ + pin) + 2 * (2 * GATE_OUT_FJ)
    at_flop = 2 * (2 * CLOCK_FJ + pin)
    assert energies(found, counted).total.clock_fj == pytest.approx(at_gate + at_flop)


def test_a_latch_lets_through_or_holds():
    latch = {"l": ("LATCH", NO_SCOPE, {"D": "d", "G": "g"}, {"Q": "q"})}
    found = circuit(netlist(["d", "g"], ["q"], latch))
    _, seen = simulated(found, [[0, 1], [1, 1], [1, 0], [0, 0], [0, 1]], seen=["q"])
    assert seen == [[1], [1], [1], [0]]


# ---------------------------------------------------------------------- by component
def test_energy_goes_to_the_component_that_drives_a_net():
    cells = {"u": inverter("a", "b", ("left",)), "v": inverter("b", "c", ("right", "deeper"))}
    found = circuit(netlist(["a"], ["c"], cells))
    counted, _ = simulated(found, [[0], [1]])
    parts = energies(found, counted, {"left", "right"}).components
    assert parts["left"].logic_fj == pytest.approx(OUTPUT_FJ["INV"] + PIN_FJ)
    assert parts["right"].logic_fj == pytest.approx(OUTPUT_FJ["INV"])
    whole = energies(found, counted).components[""]
    assert whole.logic_fj == pytest.approx(sum(part.logic_fj for part in parts.values()))


# ---------------------------------------------------------------------- what is refused
def refused(inputs, cells, reason):
    with pytest.raises(EnvironmentProblem, match=reason):
        _ = circuit(netlist(inputs, [], cells)).order


def test_what_cannot_be_simulated_is_refused():
    refused(["a"], {"u": inverter("a", "b"), "v": ("NOR", (), {}, {})}, "has no cell NOR")
    refused(["clock"], {"u": inverter("clock", "b")}, "the clock reaches pin A of u")
    refused(["clock", "a"], {"f": flop("a", "q", clock="a")}, "the clock does not reach f")
    refused(["clock", "a", "r"], {"f": flop("a", "q", kind="DFFR", R="r")}, "asynchronous reset")
    refused(["clock", "a"], {"f": flop("a", "q", kind="DFFR", R="0")}, "asynchronous reset")
    refused(["a"], {"u": two("NAND", "a", "y", "y")}, "in a loop")


def test_a_reset_that_is_tied_inactive_is_none():
    found = circuit(netlist(["clock", "a"], ["q"], {"f": flop("a", "q", kind="DFFR", R="1")}))
    assert simulated(found, [[1], [1]], seen=["q"])[1] == [[1]]


def test_rows_of_another_length_are_refused():
    with pytest.raises(SimulationError, match="row of 1 inputs"):
        simulated(hazard(0), [[0, 1], [1, 1]])


# ---------------------------------------------------------------------- netlists nobody worked out
@st.composite
def networks(draw):
    """Gates on gates, with a flip-flop here and there, and random inputs."""
    wires = ["a", "b", "c"]
    cells = {}
    for i in range(draw(st.integers(1, 25))):
        kind = draw(st.sampled_from(["INV", "NAND", "XOR", "DFF"]))
        read = [draw(st.sampled_from(wires)) for _ in range(2)]
        if kind == "DFF":
            cells[f"u{i}"] = flop(read[0], f"w{i}")
        else:
            made = inverter(read[0], f"w{i}") if kind == "INV" else two(kind, *read, f"w{i}")
            cells[f"u{i}"] = made
        wires.append(f"w{i}")
    rows = draw(st.lists(st.tuples(*[st.integers(0, 1)] * 3), min_size=2, max_size=12))
    return netlist(["clock", "a", "b", "c"], wires[3:], cells), rows


def at_rest(found, row, state):
    """Value of each net from inputs and flip-flops, gate by gate in their order."""
    value = dict(zip((found.inputs[name][0] for name in "abc"), row, strict=True)) | {0: 0, 1: 1}
    for x in found.instances:
        [target] = x.outputs.values()
        read = [value[net] for pin, net in x.inputs.items() if pin != "C"]
        compute = {
            "DFF": lambda name=x.name, read=read: state.get(name, 0),
            "INV": lambda read=read: 1 - read[0],
            "NAND": lambda read=read: 1 - (read[0] & read[1]),
            "XOR": lambda read=read: read[0] ^ read[1],
        }  # fmt: skip
        value[target] = compute[x.cell]()
    return value


@given(networks())
def test_at_rest_nets_are_what_they_are_without_delays(made):
    found, rows = made
    names = tuple(found.outputs)
    counted, seen = simulated(circuit(found), rows, seen=names)
    state: dict[str, int] = {}
    before = at_rest(found, rows[0], state)
    changes = dict.fromkeys(before, 0)
    for row, observed in zip(rows[1:], seen, strict=True):
        state = {x.name: before[x.inputs["D"]] for x in found.instances if x.cell == "DFF"}
        now = at_rest(found, row, state)
        assert observed == [now[found.outputs[name][0]] for name in names]
        changes = {net: changes[net] + (now[net] != before[net]) for net in now}
        before = now
    assert all(counted.functional[net] == count for net, count in changes.items())
    assert ((counted.toggles - counted.functional) % 2 == 0).all()  # there and back again
