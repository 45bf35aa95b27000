"""Area: memories as they are built, logic as it is counted, kept apart."""

from pathlib import Path

import pytest

from asicbnn.hardware.structure import COMPONENTS, logic_gates
from asicbnn.model import area as model
from asicbnn.result import PARTS
from asicbnn.spec.accelerator import Accelerator, with_changes
from asicbnn.spec.reader import read
from asicbnn.technology.cells import Cells
from asicbnn.technology.library import load
from asicbnn.technology.routing import clock_buffers_um2

SPECS = Path(__file__).parents[2] / "arch_specs"
TINY = read(SPECS / "tiny.yaml", Accelerator)
EDGE = read(SPECS / "edge64.yaml", Accelerator)
SKY = load("sky130hd")


def built(accelerator):
    return {
        m.part: (m.kind, m.words, m.word_bits, m.count, m.ports, m.write_mask)
        for m in model.macros(accelerator)
    }


def test_memories_of_edge64_are_as_wide_as_their_ports_and_deeper_for_it():
    lay = model.layout(EDGE)
    assert built(EDGE) == {
        # 256 words of 2048 bit behind 1024 bit, in two halves
        "weight_buffer": ("sram", 256, 1024, 2, "1rw", "none"),
        # a ring is one memory
        "input_buffer": ("sram", 1024, 64, 1, "1r1w", "none"),
        # 32 sums and one counter of padded taps
        "psum_buffer": ("latch", 64, 33 * lay.psum_bits, 1, "1r1w", "none"),
        "threshold_buffer": ("latch", 32, 32 * (lay.psum_bits + 2), 1, "1rw", "none"),
        "pool_buffer": ("latch", 64, 32, 1, "1r1w", "none"),
        "store_weight": ("sram", 1100 * 8192 // 64, 64, 1, "1rw", "none"),
        # 32 channels are written into words of 64
        "store_activation": ("sram", 128 * 4096 // 64, 64, 2, "1rw", "byte"),
        "post": ("register", 1, lay.psum_bits + 2 + 5 + 5, 1, "1r1w", "none"),
    }


@pytest.mark.parametrize(
    ("changes", "part", "expected"),
    [
        ({"buffers.weight.ping_pong": False}, "weight_buffer", (512, 1024, 1)),
        ({"buffers.weight.port_bits": None}, "weight_buffer", (128, 2048, 2)),
        ({"buffers.input.kind": "latch"}, "input_buffer", (1024, 64, 1)),
        ({"buffers.input.circular_rows": False}, "input_buffer", (512, 64, 2)),
        ({"buffers.input": {"kind": "latch", "circular_rows": False}}, "input_buffer",
         (1024, 64, 1)),
        ({"buffers.psum.port_bits": 100}, "psum_buffer", (64 * 6, 100, 1)),
    ],
)  # fmt: skip
def test_ports_and_halves_shape_a_memory(changes, part, expected):
    _, words, bits, count, *_ = built(with_changes(EDGE, changes))[part]
    assert (words, bits, count) == expected


@pytest.mark.parametrize(
    ("changes", "absent"),
    [
        ({"buffers.psum.words": 0}, {"psum_buffer"}),
        ({"post": ("threshold", "argmax")}, {"pool_buffer"}),
        ({"post": ("threshold", "max_pool")}, {"post"}),
        ({"store.kind": "external", "store.external": {"standard": "lpddr4"}},
         {"store_weight", "store_activation"}),
    ],
)  # fmt: skip
def test_what_is_not_asked_for_is_not_built(changes, absent):
    assert built(EDGE).keys() - built(with_changes(EDGE, changes)).keys() == absent


def test_a_channel_word_that_fills_the_link_needs_no_mask():
    wide = with_changes(EDGE, {"array.unroll.out_channels": 64})
    assert built(wide)["store_activation"][-1] == "none"


def test_parts_sum_to_logic_and_memory_which_stay_apart():
    found = model.area(TINY, SKY, "cell")
    gates = logic_gates(model.structural(TINY))
    assert set(model.PART_OF_COMPONENT) == set(COMPONENTS)
    assert {name: counted.cells() for name, counted in gates.items()} == dict(found.cells)
    [(_, classes)] = [(m, p) for m, p in found.memories if m.part == "post"]
    cells = sum(found.cells.values(), Cells())
    tree = clock_buffers_um2(SKY, model.tree_sinks(cells, found.gated_flops))
    logic = SKY.area_um2(cells) + tree + classes.area_um2
    assert found.logic_area_um2 == pytest.approx(logic, rel=1e-12)
    memory = sum(m.count * p.area_um2 for m, p in found.memories) - classes.area_um2
    assert found.memory_area_um2 == pytest.approx(memory, rel=1e-12)
    metrics = found.metrics()
    assert metrics["area_um2"] == metrics["logic_area_um2"] + metrics["memory_area_um2"]
    for kind in ("logic", "memory"):
        parts = [metrics[f"{n}_area_um2"] for n, p in PARTS.items() if p.kind == kind]
        assert metrics[f"{kind}_area_um2"] == sum(parts)
    assert metrics["clock_area_um2"] > 0


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "other", "technology": "asap7"},
        {"operating_point.clock_mhz": 10},
        {"dataflow": "weight_stationary"},
        {"buffers.weight.kind": "sram", "buffers.pool.kind": "latch"},
        {"store.kind": "external", "store.external": {"standard": "ddr3"}},
        {"host.energy_pj_per_bit": 9},
    ],
)
def test_designs_that_differ_in_no_gate_are_built_once(changes):
    other = with_changes(TINY, changes)
    assert model.structural(other) == model.structural(TINY)
    assert logic_gates(other) == logic_gates(model.structural(TINY))


def test_a_fixed_order_is_built_per_dataflow():
    fixed = with_changes(TINY, {"sequencer.order": "fixed"})
    other = with_changes(fixed, {"dataflow": "weight_stationary"})
    assert model.structural(other) != model.structural(fixed)


def test_more_lanes_and_more_pes_take_more_logic():
    sizes = [
        model.area(with_changes(TINY, {"array.unroll": unroll}), SKY).logic_area_um2
        for unroll in ({}, {"kernel_x": 2}, {"kernel_x": 2, "out_x": 2})
    ]
    assert sizes == sorted(set(sizes))
