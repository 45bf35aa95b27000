"""Longest paths: by hand on netlists of a few cells, and against OpenSTA."""

from __future__ import annotations

import pytest
from calibration.cells import netlist
from calibration.small_library import delay_ps, slew_ps, written
from tools import needs

from asicbnn.calibration import opensta
from asicbnn.calibration.fanout import buffered
from asicbnn.calibration.mapping_cells import mapping_cells
from asicbnn.calibration.static_timing import longest_path
from asicbnn.errors import EnvironmentProblem
from asicbnn.hardware.fanout import MOST_PINS


@pytest.fixture(name="small")
def _small(tmp_path):
    return written(tmp_path)


def flop(d, q, kind="DFF"):
    return kind, (), {"D": d, "CK": "clock"}, {"Q": q}


def gate(kind, out, **pins):
    return kind, (), pins, {"Y": out}


def setup_ps(slew):
    """Of the small library: 5 at 10 ps, 7 at 100 ps of the data; the clock's slew is 0."""
    return 5 + 2 * (slew - 10) / 90 - 10 * (6 - 5) / 90


def test_a_chain_by_hand(small):
    """Q drives an inverter (2 fF) and the inverter a flop (1.5 fF); falls are 1.2 times slower."""
    library, _ = small
    chain = netlist(
        ["clock"], [],
        {"a": flop("0", "q"), "i": gate("INV", "n", A="q"), "b": flop("n", "z")},
    )  # fmt: skip
    found = longest_path(chain, library)
    q_slew = slew_ps(30, 0, 2)
    risen = delay_ps(30, 0, 2) + delay_ps(1.2 * 8, q_slew, 1.5)  # Q rises, n falls
    fallen = delay_ps(1.2 * 30, 0, 2) + delay_ps(8, q_slew, 1.5)
    assert found.period_ps == pytest.approx(
        max(risen, fallen) + setup_ps(slew_ps(8, q_slew, 1.5)), rel=1e-9
    )
    assert found.pins == (("a", "Q"), ("i", "Y"), ("b", "D"))
    assert found.levels == 2


def test_a_wire_slows_every_net(small):
    library, _ = small
    chain = netlist(
        ["clock"], [],
        {"a": flop("0", "q"), "i": gate("INV", "n", A="q"), "b": flop("n", "z")},
    )  # fmt: skip
    bare, wired = longest_path(chain, library), longest_path(chain, library, 10.0)
    assert wired.period_ps - bare.period_ps > 2 * 0.5 * 10


def test_ports_start_and_end_no_path(small):
    library, _ = small
    through = netlist(
        ["clock", "x"], ["y"],
        {"i": gate("INV", "n", A="x"), "b": flop("n", "q"), "o": gate("INV", "y", A="q")},
    )  # fmt: skip
    assert longest_path(through, library) is None


def test_a_loop_is_told(small):
    library, _ = small
    loop = netlist(
        [], [], {"a": gate("NAND2", "p", A="q", B="1"), "b": gate("INV", "q", A="p")}
    )
    with pytest.raises(EnvironmentProblem, match="a loop of combinational cells through"):
        longest_path(loop, library)


def random_netlist(seed):
    """Layers of random gates between two rows of flops."""
    import random

    draw = random.Random(seed)
    kinds = ["INV", "BUF", "NAND2", "NOR2", "AND2", "XOR2", "NAND3", "FA"]
    nets = [f"q{i}" for i in range(8)]
    cells = {f"f{i}": flop(f"d{i}", f"q{i}") for i in range(8)}
    for i in range(60):
        kind = draw.choice(kinds)
        pins = {"INV": "A", "BUF": "A", "NAND3": "ABC", "FA": "ABC"}.get(kind, "AB")
        read = {pin: draw.choice(nets) for pin in pins}
        driven = {"S": f"s{i}", "CO": f"c{i}"} if kind == "FA" else {"Y": f"y{i}"}
        cells[f"g{i}"] = kind, (), read, driven
        nets += driven.values()
    for i in range(8):
        cells[f"e{i}"] = gate("BUF", f"d{i}", A=nets[-1 - i])
    return netlist(["clock"], [], cells)


@needs("sta")
@pytest.mark.parametrize("seed", range(4))
def test_opensta_finds_the_same_period(seed, small):
    library, path = small
    cells = mapping_cells(library, [path])
    made = random_netlist(seed)
    assert opensta.longest_period_ps(made, cells) == pytest.approx(
        longest_path(made, library).period_ps, rel=1e-4
    )


@needs("sta")
def test_opensta_finds_no_path_where_there_is_none(small):
    library, path = small
    lone = netlist(["clock", "x"], [], {"b": flop("x", "q")})
    assert opensta.longest_period_ps(lone, mapping_cells(library, [path])) is None


@pytest.mark.parametrize("sinks", [MOST_PINS, MOST_PINS + 1, 100, 300])
def test_large_nets_are_buffered_in_a_tree(sinks, small):
    library, path = small
    cells = {"a": flop("0", "q"), **{f"b{i}": flop("q", f"z{i}") for i in range(sinks)}}
    wide = netlist(["clock"], [], cells)
    grown = buffered(wide, library, mapping_cells(library, [path]).names)
    pins = [len(p) for net, p in grown.loads.items() if net != wide.inputs["clock"][0] and net > 1]
    assert max(pins) <= MOST_PINS
    assert grown.census()["DFF"] == sinks + 1
    assert (grown.census()["BUF"] > 0) == (sinks > MOST_PINS)
    assert set(grown.loads[wide.inputs["clock"][0]]) == set(wide.loads[wide.inputs["clock"][0]])
    reached = set()
    for index, instance in enumerate(grown.instances[1 : sinks + 1]):
        net = instance.inputs["D"]
        while net in grown.driver and grown.instances[grown.driver[net][0]].cell == "BUF":
            net = grown.instances[grown.driver[net][0]].inputs["A"]
        reached.add((index, net))
    assert {net for _, net in reached} == {wide.instances[0].outputs["Q"]}
