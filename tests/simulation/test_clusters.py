"""Clusters and columns of the toggle build: what is skipped, and where everything lies."""

from __future__ import annotations

from random import Random

import pyrtl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulation.machines import build, held, needs_compiler, result
from simulation.random_block import RandomBlock, ones
from simulation.test_toggles import toggles_between, traces

from asicbnn.simulation.backends.netlist import read_netlist, wire_order
from asicbnn.simulation.backends.selection import counting_simulator
from asicbnn.simulation.backends.word_level.clusters import MOST_NETS, clusters
from asicbnn.simulation.backends.word_level.columns import (
    ALIGNMENT,
    CYCLES,
    bytes_per_cycle,
    columns_of,
    input_groups,
    lay_out,
)


def logic_and_inputs(seed, nets=120):
    block = RandomBlock(Random(seed), nets=nets).block
    watched = sorted((n.dests[0] for n in block.logic if n.op not in "r@"), key=wire_order)
    netlist = read_netlist(block, watched=watched)
    reads = [net.dests[0] for net in netlist.nets if net.op == "m"]
    logic = [net for net in netlist.nets if net.op != "m"]
    return logic, [*netlist.registers, *reads]


@given(seed=st.integers(0, 2**32 - 1))
def test_clusters_hold_every_net_once_behind_what_it_reads_with_all_it_depends_on(seed):
    logic, inputs = logic_and_inputs(seed)
    bits = {id(wire): 1 << number for number, wire in enumerate(inputs)}
    found = clusters(logic, bits, {})
    order = [net for cluster in found for net in cluster.nets]
    assert sorted(map(id, order)) == sorted(map(id, logic))
    assert all(len(cluster.nets) <= MOST_NETS for cluster in found)
    depends = dict(bits)
    for cluster in found:
        for net in cluster.nets:
            read = [wire for wire in net.args if not isinstance(wire, pyrtl.Const)]
            own = 0
            for wire in read:
                own |= depends[id(wire)]  # a KeyError here is a net before its argument
            depends[id(net.dests[0])] = own
            assert own & ~cluster.inputs == 0


@given(st.lists(st.lists(st.integers(1, 300), max_size=9), min_size=1, max_size=4))
def test_columns_do_not_overlap_and_spans_hold_those_of_their_cluster(widths):
    made = [[pyrtl.WireVector(bits) for bits in cluster] for cluster in widths]
    columns = lay_out(made, {})
    taken = set()
    for cluster, span in zip(made, columns.spans, strict=True):
        for wire in cluster:
            size = bytes_per_cycle(wire.bitwidth)
            first = columns.offsets[id(wire)]
            assert first % min(CYCLES * size, ALIGNMENT) == 0
            place = set(range(first, first + CYCLES * size * columns_of(wire.bitwidth)))
            assert not place & taken
            taken |= place
            own = range(columns.column(wire), columns.column(wire) + columns_of(wire.bitwidth))
            ends = {
                1: (4 * span.tiny, 4 * span.tiny_end), 4: (span.narrow, span.narrow_end),
                8: (4 * span.limbs, 4 * span.limbs_end),
            }  # fmt: skip
            low, high = ends[size]
            assert low <= own[0]
            assert own[-1] < high
    assert max(taken, default=0) < columns.total_bytes
    groups = [set(numbers) for _, numbers in input_groups(lay_out(made[:1], {}))]
    counted = columns.spans[0]
    total = counted.tiny_end + counted.narrow_end + counted.limbs_end
    assert set().union(*groups) == set(range(total))


@needs_compiler
@pytest.mark.parametrize("period", [1, 16, 40])
def test_what_rests_for_a_while_is_counted_when_it_moves_again(period):
    """A bank of long and short registers that load now and then, and what hangs on them."""

    def describe():
        phase = pyrtl.Register(8, "phase")
        moves = pyrtl.WireVector(1, "moves")
        moves <<= phase == 0
        phase.next <<= pyrtl.select(phase == period - 1, pyrtl.Const(0, 8), (phase + 1).truncate(8))
        for bits in (3, 20, 50, 150, 2500):
            register = pyrtl.Register(bits, f"r{bits}")
            with pyrtl.conditional_assignment, moves:
                register.next |= ~register ^ pyrtl.Const(ones(bits) // 3, bits)
            turned = pyrtl.concat(register[0], register[1:])
            result(turned ^ register, f"x{bits}")
            result(register[bits // 2 : bits // 2 + 1], f"s{bits}")
        held(9, "still")

    block = build(describe)
    backend = counting_simulator(block)
    traced = traces(block, backend, 230)
    done = 0
    for cycles in (5, 16, 100, 1, 108):
        backend.run(cycles)
        done += cycles
        expected = {name: toggles_between(v, 0, done - 1) for name, v in traced.items()}
        assert backend.toggle_counts() == expected


@needs_compiler
def test_parts_of_wide_wires_are_counted_across_their_limbs():
    """Selections and concatenations at every offset from a limb's end, and wide arithmetic."""

    def describe():
        a = pyrtl.Register(200, "a")
        a.next <<= pyrtl.concat(a[:199], a[199] ^ a[77]) ^ pyrtl.Const(5 << 120, 200)
        for low in (0, 1, 56, 63, 64, 65, 120, 127):
            for bits in (1, 3, 8, 17, 40, 64, 70):
                result(a[low : low + bits], f"s{low}_{bits}")
        result(pyrtl.concat(*[a[3]] * 130), "spread")
        result(pyrtl.concat(a[:61], a[60:130], a[5], a[130:]), "joined")
        result(a + a[::-1], "sum")
        result(a - a[::-1], "difference")
        result(a < a[::-1], "less")
        result(a == a[::-1], "equal")
        result(pyrtl.select(a[9], a, ~a)[:90], "chosen")
        result((a[:90] * a[100:190])[:150], "product")

    block = build(describe)
    backend = counting_simulator(block)
    traced = traces(block, backend, 60)
    backend.run(60)
    assert backend.toggle_counts() == {n: toggles_between(v, 0, 59) for n, v in traced.items()}
