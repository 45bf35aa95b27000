"""Cells found in a netlist by their pattern are those that were built, each counted once."""

from __future__ import annotations

from collections import Counter

import pyrtl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asicbnn.hardware.accelerator import elaborate
from asicbnn.hardware.component import census
from asicbnn.hardware.popcount import Popcount, full_adder, half_adder
from asicbnn.hardware.structure import pe_array
from asicbnn.hardware.switching import product_gates, switching
from asicbnn.mapping.layout import layout
from asicbnn.model.arguments import accelerator_of
from asicbnn.spec.accelerator import with_changes
from asicbnn.technology.cells import OUTPUTS


def cells_of(found) -> dict[str, int]:
    counted: Counter[str] = Counter()
    for one in found:
        counted[one.role] += one.cells
    return dict(counted)


def built(describe) -> set[pyrtl.LogicNet]:
    block = pyrtl.Block()
    with pyrtl.set_working_block(block, no_sanity_check=True):
        describe()
    return block.logic


@given(
    lanes=st.integers(1, 70), pes=st.integers(1, 5), structure=st.sampled_from(["sliced", "tree"])
)
def test_every_adder_of_a_popcount_is_found_and_nothing_else(lanes, pes, structure) -> None:
    popcount = Popcount(lanes, structure)
    nets = built(lambda: popcount.hardware([pyrtl.Input(pes) for _ in range(lanes)]))
    assert cells_of(switching(nets)) == dict(+popcount.gates().times(pes))


def test_levels_count_the_adders_before_one() -> None:
    found = switching(
        built(lambda: Popcount(27, "sliced").hardware([pyrtl.Input(1) for _ in range(27)]))
    )
    by_level = Counter(one.level for one in found)
    assert by_level[0] == 9  # nine groups of three lanes
    assert sorted(by_level) == list(range(max(by_level) + 1))
    assert max(by_level) >= 5  # a column of 27 takes three levels, its carries more


def test_an_adders_transitions_are_those_of_its_sum_and_carry() -> None:
    def describe() -> None:
        a, b, c = (pyrtl.Input(4, name) for name in "abc")
        total, carry = full_adder(a, b, c)
        total.name, carry.name = "total", "carry"
        total, carry = half_adder(a, c)
        total.name, carry.name = "half", "overflow"

    full, half = sorted(switching(built(describe)), key=lambda one: one.role)
    assert (full.role, full.cells, full.outputs, full.bits) == ("full_adder", 4, 8, 8)
    assert full.transitions({"total": 5, "carry": 2, "half": 100}) == 7
    assert (half.role, half.cells, half.outputs) == ("half_adder", 4, 8)
    assert half.transitions({"half": 3, "overflow": 1, "total": 100}) == 4


def test_word_operations_switch_like_the_wires_that_are_seen() -> None:
    def describe() -> None:
        a, b = pyrtl.Input(6, "a"), pyrtl.Input(6, "b")
        total = a + b
        total.name = "total"
        less = a < b
        less.name = "less"

    found = {(one.role, one.wires): one for one in switching(built(describe))}
    total = found["full_adder", ("total",)]
    assert (total.cells, total.outputs, total.bits) == (5, 10, 7)
    assert total.transitions({"total": 14}) == 20  # two a bit, on ten outputs
    compare = found["full_adder", ("a", "b")]
    assert compare.transitions({"a": 3, "b": 9, "less": 50}) == 12 * (12 / 6)


@pytest.mark.parametrize("name", ["tiny", "edge64", "ihp_latch"])
def test_cells_of_the_array_are_those_of_its_closed_form(name: str) -> None:
    machine = elaborate(accelerator_of(f"arch_specs/{name}.yaml"))
    array = pe_array(machine.accelerator)
    lay = layout(machine.accelerator)
    found = product_gates(machine.parts["array", "products and popcount"])
    gates = lay.pes * lay.lanes
    assert cells_of(found.popcount) == dict(array.popcount.gates().times(lay.pes))
    assert cells_of(found.xnor) == {"xnor2": gates}
    assert cells_of(found.mask) == cells_of(found.masks) == {"and2": gates}
    registers = switching(machine.parts["array", "popcount register"])
    assert cells_of(registers) == dict(array.register_gates())


def test_registers_inside_the_popcount_change_no_level() -> None:
    def levels(stages: int) -> Counter[tuple[str, int]]:
        tiny = accelerator_of("arch_specs/tiny.yaml")
        spec = with_changes(tiny, {
            "array.unroll.in_channels": 16, "array.popcount.pipeline_stages": stages,
        })  # fmt: skip
        parts = elaborate(spec).parts
        found = product_gates(
            parts["array", "products and popcount"], parts["array", "popcount register"]
        )
        return Counter((one.role, one.level) for one in found.popcount)

    assert levels(0) == levels(1) == levels(2)
    assert max(level for _, level in levels(0)) > 3


@pytest.mark.parametrize("name", ["tiny", "edge64"])
def test_cells_are_those_of_the_census_with_adders_put_together(name: str) -> None:
    machine = elaborate(accelerator_of(f"arch_specs/{name}.yaml"))
    for (component, part), nets in machine.parts.items():
        found = switching(nets)
        if component != "array":
            assert cells_of(found) == dict(census(nets)), part
        assert all(one.outputs == one.cells * OUTPUTS[one.role] for one in found)


@pytest.mark.parametrize("name", ["tiny", "edge64"])
def test_every_net_of_a_component_is_in_one_of_its_parts(name: str) -> None:
    machine = elaborate(accelerator_of(f"arch_specs/{name}.yaml"))
    for component, nets in machine.stages.items():
        mine = [some for (owner, _), some in machine.parts.items() if owner == component]
        parts = [net for some in mine for net in some]
        assert len(parts) == len(nets)
        assert set(map(id, parts)) == set(map(id, nets))


def test_what_only_the_probe_needs_is_apart() -> None:
    accelerator = accelerator_of("arch_specs/tiny.yaml")
    flops = [
        sum(census(nets)["flop"] for name, nets in machine.stages.items() if name != "probe")
        for machine in (elaborate(accelerator), elaborate(accelerator, probe=False))
    ]
    assert flops[0] == flops[1]
