"""A netlist in JSON becomes cells on nets, whatever the hierarchy they were written in."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from asicbnn.calibration.mapped_netlist import ONE, ZERO, read_netlist
from asicbnn.errors import EnvironmentProblem

YES = "00000000000000000000000000000001"
GATE = {"A": "input", "B": "input", "Y": "output"}


def cell(kind, directions=None, **pins):
    """A cell; every pin that is not a list is one bit."""
    connections = {pin: bits if isinstance(bits, list) else [bits] for pin, bits in pins.items()}
    return {
        "type": kind, "port_directions": directions or GATE, "connections": connections,
        "hide_name": 0,
    }  # fmt: skip


def port(direction, *bits):
    return {"direction": direction, "bits": list(bits)}


def wire(*bits, hide_name=0):
    return {"bits": list(bits), "hide_name": hide_name}


NAND = {"attributes": {"blackbox": YES}, "ports": {}, "cells": {}}
PAIR = {  # y = nand(nand(a, b), 1), z = a, low = 0
    "attributes": {"keep_hierarchy": YES},
    "ports": {
        "a": port("input", 2), "b": port("input", 3), "y": port("output", 5),
        "z": port("output", 2), "low": port("output", "0"),
    },
    "cells": {"first": cell("NAND", A=2, B=3, Y=4), "second": cell("NAND", A=4, B="1", Y=5)},
    "netnames": {"half": wire(4), "$made": wire(5, hide_name=1)},
}  # fmt: skip
PINS = dict.fromkeys("ab", "input") | dict.fromkeys(("y", "z", "low"), "output")
RAM = {"address": "input", "data": "output"}
TOP = {
    "attributes": {"top": YES},
    "ports": {"x": port("input", 2, 3), "out": port("output", 8, 9, 10)},
    "cells": {
        "left": cell("PAIR", PINS, a=2, b=3, y=6, z=7, low=9),
        "right": cell("PAIR", PINS, a=6, b=7, y=8, z=11, low=12),
        "ram": cell("RAM", RAM, address=[11, 12], data=[10, 13]),
    },
    "netnames": {"x": wire(2, 3), "middle": wire(6, 7)},
}
DESIGN = {"NAND": NAND, "RAM": NAND, "PAIR": PAIR, "TOP": TOP}


@pytest.fixture
def written(tmp_path):
    def write(modules):
        path = tmp_path / "netlist.json"
        path.write_text(json.dumps({"modules": modules}))
        return path

    return write


@pytest.fixture
def netlist(written):
    return read_netlist(written(DESIGN))


def test_the_hierarchy_is_opened_and_remembered(netlist):
    assert netlist.census() == Counter(NAND=4, RAM=1)
    assert [x.name for x in netlist.instances] == [
        "left.first", "left.second", "right.first", "right.second", "ram",
    ]  # fmt: skip
    assert [x.component({"left"}) for x in netlist.instances] == ["left", "left", "", "", ""]


def test_nets_that_ports_join_are_one(netlist):
    x0, x1 = netlist.inputs["x"]
    by_name = {x.name: x for x in netlist.instances}
    left, right = by_name["left.first"], by_name["right.first"]
    assert left.inputs == {"A": x0, "B": x1}
    assert right.inputs["A"] == by_name["left.second"].outputs["Y"]
    assert right.inputs["B"] == x0  # through the port z of the left pair
    assert by_name["ram"].inputs == {"address[0]": right.inputs["A"], "address[1]": ZERO}
    assert by_name["left.second"].inputs["B"] == ONE
    assert netlist.outputs["out"][1] == ZERO
    named = {net for nets in netlist.wires.values() for net in nets}
    assert netlist.nets == len(named | {ZERO, ONE} | {n for x in netlist.instances
                               for n in (*x.inputs.values(), *x.outputs.values())})  # fmt: skip


def test_wires_keep_their_names_and_hidden_ones_have_none(netlist):
    assert set(netlist.wires) == {"x", "middle", "left.half", "right.half"}
    assert netlist.wires["middle"][1] == netlist.inputs["x"][0]


def test_each_net_knows_who_drives_and_who_reads_it(netlist):
    names = [x.name for x in netlist.instances]
    for net, (index, pin) in netlist.driver.items():
        assert netlist.instances[index].outputs[pin] == net
    x0 = netlist.inputs["x"][0]
    assert {(names[i], pin) for i, pin in netlist.loads[x0]} == {
        ("left.first", "A"), ("right.first", "B"),
    }  # fmt: skip


def test_black_boxes_are_cut_out_into_ports(netlist):
    open_ = netlist.without({"RAM"})
    assert open_.census() == Counter(NAND=4)
    assert open_.inputs["ram.data[0]"] == (netlist.outputs["out"][2],)
    assert set(open_.outputs) == {"out", "ram.address[0]", "ram.address[1]"}


def test_a_net_with_two_drivers_is_refused(written):
    clash = TOP["cells"] | {"other": cell("NAND", A=2, B=3, Y=8)}
    found = read_netlist(written(DESIGN | {"TOP": TOP | {"cells": clash}}))
    with pytest.raises(EnvironmentProblem, match=r"driven by other\.Y"):
        _ = found.driver


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"modules": {}}'])
def test_what_is_no_netlist_is_refused(text, tmp_path):
    (tmp_path / "netlist.json").write_text(text)
    with pytest.raises(EnvironmentProblem, match=r"netlist\.json"):
        read_netlist(tmp_path / "netlist.json")


def test_cells_without_directions_are_refused_with_the_cure(written):
    bare = {key: value for key, value in cell("NAND", A=2, B=3, Y=8).items()
            if key != "port_directions"}  # fmt: skip
    with pytest.raises(EnvironmentProblem, match=r"left\.first: .* read its library"):
        read_netlist(written(DESIGN | {"PAIR": PAIR | {"cells": {"first": bare}}}))
