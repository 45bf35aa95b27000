"""What the model calls idle does not toggle: PEs and lanes outside the layer, step by step."""

from __future__ import annotations

from math import prod

import numpy as np
import pyrtl
import pytest
from agreement.subject import nest_of, small

from asicbnn.bnn.layer import DIMENSIONS, Layer
from asicbnn.bnn.reference import random_activations, random_parameters
from asicbnn.hardware.accelerator import elaborate
from asicbnn.hardware.array import PeArray
from asicbnn.hardware.popcount import Popcount
from asicbnn.mapping.layout import layout
from asicbnn.simulation.backends.interface import numbers_of_words
from asicbnn.simulation.packing import host_words, map_words
from asicbnn.simulation.program import build_program

EDGES = {
    "out_channels": Layer(name="edge", out_channels=3, in_channels=8, in_x=3),
    "in_channels": Layer(name="edge", out_channels=4, in_channels=6, in_x=3),
    "out_x": Layer(name="edge", out_channels=2, in_channels=4, in_x=5),
    "kernel_x": Layer(name="edge", out_channels=2, in_channels=4, in_x=6, kernel_x=3),
    "batch": Layer(name="edge", out_channels=2, in_channels=4, in_x=3, batch=3),
}
UNROLL = {
    "out_channels": {"out_channels": 2, "in_channels": 4},
    "in_channels": {"out_channels": 2, "in_channels": 4},
    "out_x": {"out_channels": 2, "in_channels": 4, "out_x": 2},
    "kernel_x": {"out_channels": 2, "in_channels": 4, "kernel_x": 2},
    "batch": {"out_channels": 2, "in_channels": 4, "batch": 2},
}


class Watched:
    """A machine whose popcount inputs and adders are watched cycle by cycle."""

    def __init__(self, accelerator, layer, monkeypatch):
        self.layout = layout(accelerator)
        seen = {}
        products, popcount = PeArray.products, Popcount.hardware

        def watched_products(array, *arguments):
            seen["products"] = products(array, *arguments)
            return seen["products"]

        def watched_count(component, planes):
            block = pyrtl.working_block()
            before = set(block.logic)
            counted = popcount(component, planes)
            adders = [net for net in block.logic - before if net.op in "&|^"]
            seen["adders"] = [net.dests[0] for net in adders]
            return counted

        monkeypatch.setattr(PeArray, "products", watched_products)
        monkeypatch.setattr(Popcount, "hardware", watched_count)
        machine = elaborate(accelerator)
        self.products = [wire.name for wire in seen["products"]]
        self.adders = [wire.name for wire in seen["adders"]]
        wires = [*seen["products"], *seen["adders"]]
        self.simulation = pyrtl.FastSimulation(
            tracer=pyrtl.SimulationTrace(wires_to_track=wires, block=machine.block),
            memory_value_map=self._memories(accelerator, layer, machine),
            register_value_map=self._registers(machine),
            block=machine.block,
        )

    def _memories(self, accelerator, layer, machine):
        rng = np.random.default_rng(1)
        parameters = [random_parameters(layer, rng)]
        mapping = nest_of(accelerator, layer)
        self.program = build_program(accelerator, [layer], parameters, [mapping])
        image = map_words(self.layout, layer, random_activations(layer, rng))
        contents = {
            "store_weights0": numbers_of_words(self.program.blocks[0]),
            "host_in0": numbers_of_words(host_words(self.layout, image)),
        }
        memories = {net.op_param[1] for net in machine.block.logic_subset("m")}
        return {m: dict(enumerate(contents[m.name])) for m in memories if m.name in contents}

    def _registers(self, machine):
        values = {**self.program.boot, "start": 1}
        named = machine.block.wirevector_subset(pyrtl.Register)
        return {wire: values[wire.name] for wire in named if wire.name in values}

    def trace(self):
        for _ in range(5000):
            self.simulation.step({})
            if self.simulation.regs["done"]:
                return {name: list(v) for name, v in self.simulation.tracer.trace.items()}
        raise AssertionError("not done")


@pytest.mark.parametrize(
    ("edge", "structure"), [*((edge, "sliced") for edge in EDGES), ("out_channels", "tree")]
)
def test_pes_and_lanes_beyond_the_edge_hold_still(edge, structure, monkeypatch):
    layer = EDGES[edge]
    accelerator = small(
        array__unroll=UNROLL[edge], array__strides=(1,), array__popcount__structure=structure
    )
    watched = Watched(accelerator, layer, monkeypatch)
    trace = watched.trace()
    lay = watched.layout
    planes = np.array([trace[name] for name in watched.products])  # [lane, cycle]
    steps = edge_steps(watched.program.nests[0], edge)
    bits = (planes[:, :, np.newaxis] >> np.arange(lay.pes)) & 1  # [lane, cycle, PE]
    ones = bits.any(axis=0)
    assert bits.any()
    if edge in ("in_channels", "kernel_x"):
        # in the cycles of an edge step some lanes are silent while the others work
        outside = idle_lanes(lay, layer)
        working = [n for n in range(lay.lanes) if n not in outside]
        silent = ~bits[outside].any(axis=(0, 2))
        active = bits[working].any(axis=(0, 2))
        assert (silent & active).sum() > steps // 2
        # nothing but the edge steps silences them: there are other cycles in which they work
        assert (~silent).any()
        return
    outside = idle_pes(lay, layer)
    working = [p for p in range(lay.pes) if p not in outside]
    edge_cycles = ~ones[:, outside].any(axis=1) & ones[:, working].any(axis=1)
    assert edge_cycles.sum() > steps // 2
    toggles = toggled(watched, trace, outside, edge_cycles)
    assert toggles == 0
    assert toggled(watched, trace, working, edge_cycles) > 0


def edge_steps(nest, edge):
    """Steps in the last trip of the unrolled dimension; its other steps are full."""
    letters = {"out_channels": "K", "in_channels": "C", "out_x": "OX", "kernel_x": "FX"}
    d = letters.get(edge, "B")
    return prod(nest.all_trips(x) for x in DIMENSIONS if x != d)


def idle_lanes(lay, layer):
    u = lay.unroll
    channels = layer.in_channels % u["C"] or u["C"]
    columns = layer.kernel_x % u["FX"] or u["FX"]
    return [
        n for n in range(lay.lanes) if n % u["C"] >= channels or n // u["C"] % u["FX"] >= columns
    ]


def idle_pes(lay, layer):
    u = lay.unroll
    channels = layer.out_channels % u["K"] or u["K"]
    columns = layer.out_x % u["OX"] or u["OX"]
    images = layer.batch % u["B"] or u["B"]
    return [
        p
        for p in range(lay.pes)
        if p % u["K"] >= channels
        or p // u["K"] % u["OX"] >= columns
        or p // (u["K"] * u["OX"] * u["OY"]) >= images
    ]


def toggled(watched, trace, pes, cycles):
    """Changes of the products and adder bits of these PEs between neighbouring edge cycles."""
    mask = sum(1 << p for p in pes)
    total = 0
    for name in (*watched.products, *watched.adders):
        values = trace[name]
        for now in np.flatnonzero(cycles[1:] & cycles[:-1]) + 1:
            total += bin((values[now] ^ values[now - 1]) & mask).count("1")
    return total
