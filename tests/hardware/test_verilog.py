"""The Verilog writer: any block, the same behaviour, the same text."""

from __future__ import annotations

import random
import re
import sys

import pyrtl
import pytest
from hardware.icarus import played
from pyrtl import Const, Input, MemBlock, Output, Register

from asicbnn.hardware.accelerator import elaborate
from asicbnn.hardware.buffer import SlicedMemory
from asicbnn.hardware.component import census
from asicbnn.hardware.gating import GatedGroup
from asicbnn.hardware.popcount import Popcount, at_least, full_adder, half_adder
from asicbnn.hardware.verilog import write_verilog
from asicbnn.hardware.wires import joined, spread
from asicbnn.spec import load


def built(build):
    block = pyrtl.Block()
    with pyrtl.set_working_block(block, no_sanity_check=True):
        build()
        block.sanity_check()
    return block


def output(wire, name):
    out = Output(len(wire), name)
    out <<= wire


def every_operation():
    a, b, s = Input(5, "a"), Input(5, "b"), Input(1, "select")
    for i, wire in enumerate(
        [
            a & b, a | b, a ^ b, ~a, a.nand(b), a + b, a - b, a < b, a > b, a == b, a * b,
            pyrtl.select(s, a, b), joined([a, b, s, s, s, a[3], a[1], a[1:4], b]), a[4], a[1:3],
            spread(s, 7), a + Const(3, 5), Const(9, 5) - a, Const(0xAB, 8)[2:6], s + s, s - s,
            a < Const(7, 5), s < a[0], s > a[0],
        ]
    ):  # fmt: skip
        output(wire, f"o{i}")


def adders():
    a, b, c = Input(6, "a"), Input(6, "b"), Input(6, "c")
    for i, wire in enumerate([*full_adder(a, b, c), *half_adder(a, b), at_least([a], [b])]):
        output(wire, f"o{i}")
    for structure in ("sliced", "tree"):
        planes = [a, b, c, ~a, a ^ b, b ^ c, a & c]
        for i, plane in enumerate(Popcount(7, structure).hardware(planes)):
            output(plane, f"{structure}{i}")


def arithmetic():
    a, b = Input(5, "a"), Input(5, "b")
    for i, wire in enumerate([a + b, a - b, a < b, a > b, a + Const(1, 5), a[0] + b[0]]):
        output(wire, f"o{i}")


def registers_and_memories():
    address, data = Input(3, "address"), Input(12, "data")
    enable, other = Input(3, "enable"), Input(3, "other")
    memory = SlicedMemory("word", 8, 12, 5)
    output(memory.read(address), "read")
    memory.write(address, [data[:5], data[5:10], data[10:]], [enable[0], enable[1], enable[2]])
    memory.write(~address, [~data[:5], ~data[5:10], ~data[10:]], [enable[1], enable[2], enable[0]])
    loose = MemBlock(7, 3, name="loose", asynchronous=True)
    loose[other] <<= data[:7]
    output(loose[address], "loose_read")
    table = pyrtl.RomBlock(6, 3, [5, 63, 0, 1, 2, 3, 4, 9], name="table", asynchronous=True)
    output(table[address], "table_read")
    count = Register(9, name="count", reset_value=300)
    count.next <<= (count + data).truncate(9)
    output(count, "counted")
    unnamed = Register(4)
    unnamed.next <<= count[:4] ^ unnamed
    output(unnamed, "folded")


BLOCKS = {f.__name__: f for f in (every_operation, adders, registers_and_memories)}


def stimuli_of(block, cycles, seed=1):
    rng = random.Random(seed)
    inputs = sorted(block.wirevector_subset(pyrtl.Input), key=lambda wire: wire.name)
    return [{wire.name: rng.getrandbits(len(wire)) for wire in inputs} for _ in range(cycles)]


def simulated(block, stimuli):
    simulation = pyrtl.Simulation(tracer=None, block=block)
    names = [wire.name for wire in block.wirevector_subset(pyrtl.Output)]
    rows = []
    for row in stimuli:
        simulation.step(row)
        rows.append({name: simulation.inspect(name) for name in names})
    return rows


@pytest.mark.parametrize("name", BLOCKS)
@pytest.mark.parametrize("resets", [False, True])
def test_icarus_plays_a_block_like_pyrtl(name, resets, tmp_path):
    block = built(BLOCKS[name])
    fills = [
        {"address": i, "other": i, "data": 0, "enable": 7} for i in range(8)
    ] if name == "registers_and_memories" else []  # memories start without contents  # fmt: skip
    stimuli = fills + stimuli_of(block, 200)
    written = write_verilog(block)
    got = played(written, block, stimuli, tmp_path, resets=resets, skip=len(fills))
    assert got == simulated(block, stimuli)[len(fills) :]


def test_the_text_is_the_same_however_much_was_built_before():
    first = write_verilog(built(registers_and_memories)).text()
    built(adders)
    assert write_verilog(built(registers_and_memories)).text() == first


def test_an_accelerator_has_the_same_text_again():
    spec = load("arch_specs/tiny.yaml")
    texts = {write_verilog(elaborate(spec, probe=False, ports=True).block).text() for _ in range(2)}
    assert len(texts) == 1


def test_names_lead_from_the_block_to_its_verilog():
    def build():
        for name in ("wire", "reset", "a.b", "a_b"):
            register = Register(2, name=name)
            register.next <<= register
        memory = MemBlock(3, 2, name="reg", asynchronous=True)
        memory[Const(1, 2)] <<= Const(2, 3)

    written = write_verilog(built(build), name="top")
    assert written.registers == {
        "wire": "wire_2", "reset": "reset_2", "a.b": "a_b", "a_b": "a_b_2",
    }  # fmt: skip
    [memory] = written.memories
    assert (memory.module, memory.instance) == ("top_reg_2", "reg_2")
    assert memory.arrays == {"reg": "reg_2"}


def test_deep_chains_and_wide_words_are_no_problem(tmp_path):
    depth, width = sys.getrecursionlimit() + 100, 15_000

    def build():
        a, wire = Input(1, "a"), None
        for _ in range(depth):
            wire = ~(a if wire is None else wire)
        output(wire, "chain")
        wide = joined([Const(3, 3), spread(Const(1, 1), width - 3)]) ^ spread(a, width)
        output(wide, "wide")

    block = built(build)
    rows = played(write_verilog(block), block, [{"a": 0}, {"a": 1}], tmp_path)
    assert [row["chain"] for row in rows] == [depth % 2, 1 - depth % 2]
    assert [row["wide"] for row in rows] == [(1 << width) - 5, 4]


def test_adders_are_instances_and_are_counted_as_the_census_does():
    written = write_verilog(built(adders))
    parts = [Popcount(7, structure).gates() for structure in ("sliced", "tree")]
    for kind in ("full_adder", "half_adder"):
        assert written.counts[kind] == 6 * (1 + sum(part[kind] for part in parts))
        assert written.top.count(f"{kind} #(.WIDTH(6))") * 6 == written.counts[kind]
    block = built(arithmetic)
    assert write_verilog(block).counts == {
        kind: n for kind, n in census(block.logic).items() if kind.endswith("adder")
    }


def gated_registers():
    load, data = Input(1, "load"), Input(80, "data")
    wide = Register(70, name="wide", reset_value=(1 << 69) + 5)
    narrow = Register(10, name="narrow", reset_value=3)
    free = Register(4, name="free")
    enable = load & ~free[0]  # 0 during a reset, whatever the registers hold
    wide.next <<= pyrtl.select(enable, data[10:], wide)
    narrow.next <<= pyrtl.select(enable, data[:10] ^ wide[:10], narrow)
    free.next <<= (free + 3).truncate(4)
    output(wide, "wide_out")
    output(narrow, "narrow_out")
    return GatedGroup("words", enable, (wide, narrow))


@pytest.mark.parametrize("reset", [None, ("free",), ("free", "narrow")])
def test_gated_registers_behave_like_held_ones(reset, tmp_path):
    groups = []
    block = built(lambda: groups.append(gated_registers()))
    written = write_verilog(block, gated=groups, reset=reset)
    assert written.counts["clock_gate"] == 3  # 80 flops
    assert written.top.count("clock_gate clock_gate_words_") == 3
    stimuli = stimuli_of(block, 100)
    expected = simulated(block, stimuli)
    assert played(written, block, stimuli, tmp_path) == expected
    if reset is None:
        assert played(written, block, stimuli, tmp_path, resets=True) == expected


@pytest.mark.parametrize("fault", ["counts", "holds on another enable", "holds another register"])
def test_a_register_that_does_not_hold_cannot_be_gated(fault):
    def build():
        enable, data, register = Input(1, "enable"), Input(3, "data"), Register(3, name="counter")
        register.next <<= {
            "counts": lambda: (register + 1).truncate(3),
            "holds on another enable": lambda: pyrtl.select(~enable, data, register),
            "holds another register": lambda: pyrtl.select(enable, register, data),
        }[fault]()
        return GatedGroup("g", enable, (register,))

    groups = []
    block = built(lambda: groups.append(build()))
    with pytest.raises(ValueError, match=r"^g: counter does not hold on its enable"):
        write_verilog(block, gated=groups)


def test_every_line_of_an_accelerator_fits_a_reader():
    text = write_verilog(elaborate(load("arch_specs/tiny.yaml"), probe=False, ports=True).block)
    assert max(map(len, text.top.splitlines())) < 1000
    assert not re.search(r"\btmp\d", text.text())
