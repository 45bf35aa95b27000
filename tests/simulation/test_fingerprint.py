"""The hash of a netlist is the same for the same hardware in any process, and for no other."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyrtl
import pytest

from asicbnn.errors import SimulationError
from asicbnn.simulation.backends import simulator
from asicbnn.simulation.backends.netlist import read_netlist
from asicbnn.simulation.backends.state_layout import StateLayout
from asicbnn.simulation.backends.toolchain import c_compiler
from asicbnn.simulation.backends.toolchain.fingerprint import fingerprint
from asicbnn.simulation.backends.word_level.c_source import generate
from asicbnn.simulation.backends.word_level.compiled import _key

ROOT = Path(__file__).parents[2]
PROGRAM = """\
import hashlib, sys
import pyrtl
for _ in range(int(sys.argv[1])):
    pyrtl.Register(3), pyrtl.MemBlock(3, 3)
from asicbnn.hardware.accelerator import elaborate
from asicbnn.model.arguments import accelerator_of
from asicbnn.hardware.declarations import declarations
from asicbnn.simulation.backends.word_level.c_product_count import is_supported
from asicbnn.simulation.backends.word_level.c_program import generate_scheduled
from asicbnn.simulation.backends.word_level.c_source import generate
from asicbnn.simulation.backends.word_level.count_ahead import read_counting_ahead
from asicbnn.simulation.backends.toolchain.fingerprint import fingerprint
from asicbnn.simulation.backends.netlist import read_netlist
from asicbnn.spec.accelerator import with_changes
tiny = accelerator_of("arch_specs/tiny.yaml")
block = elaborate(tiny).block
known = declarations(block)
every = read_netlist(block)
folded = read_netlist(block, list(filter(is_supported, known.functions)))
cut = {"array.unroll.out_channels": 8, "array.popcount.pipeline_stages": 1}
cut_block = elaborate(with_changes(tiny, cut)).block
ahead, added = read_counting_ahead(cut_block, declarations(cut_block).functions)
print(added.fingerprint())
for netlist, source in (
    (every, generate(every)),
    (folded, generate_scheduled(folded, frozenset(known.steady))),
    (ahead, generate_scheduled(ahead, frozenset(known.steady), added.replay)),
):
    names = [wire.name for wire in netlist.registers]
    print(fingerprint(netlist), source.layout.to_text(names, [m.id for m in netlist.memories]))
    print(hashlib.sha256("".join(source.files).encode()).hexdigest())
"""


def test_fingerprint_code_and_layout_are_equal_in_processes_with_other_histories() -> None:
    said = set()
    for seed, earlier in (("0", "0"), ("1", "94")):  # tmp99 sorts after tmp100 as text
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, earlier],
            cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True,
            check=True,
        )  # fmt: skip
        said.add(done.stdout)
    assert len(said) == 1
    (one,) = said
    assert len({line.split()[0] for line in one.splitlines()}) == 7


def variant(change: str) -> pyrtl.Block:
    """A small block; each change is another design."""
    block = pyrtl.Block()
    with pyrtl.set_working_block(block, no_sanity_check=True):
        wide = change == "width"
        a = pyrtl.Register(9 if wide else 8, "other" if change == "name" else "a")
        b = pyrtl.Register(len(a), "b")
        hidden = pyrtl.Register(len(a))
        memory = pyrtl.MemBlock(len(a), 5 if change == "depth" else 4, "memory")
        if change == "rom":
            memory = pyrtl.RomBlock(8, 4, range(16), "memory", asynchronous=True)
        second = pyrtl.MemBlock(len(a), memory.addrwidth, "second")
        total = (a - b if change == "operation" else a + b).truncate(len(a))
        order = (b, a) if change == "order of arguments" else (a, b)
        joined = pyrtl.concat(*order)
        constant = pyrtl.Const(4 if change == "constant" else 3, len(a))
        slices = joined[1:][: len(a)] if change == "slice" else joined[: len(a)]
        read_from = second if change == "memory read" else memory
        address = slices.zero_extended(max(len(slices), memory.addrwidth))[: memory.addrwidth]
        a.next <<= total ^ constant
        b.next <<= hidden if change == "next" else read_from[address]
        hidden.next <<= ~slices
        target = memory if change == "memory written" else second
        enable = a[1] if change == "enable" else a[0]
        target[address] <<= pyrtl.MemBlock.EnabledWrite(total, enable)
        copy, cut = pyrtl.Register(len(a), "copy"), pyrtl.WireVector(8 if change == "cut" else 9)
        copy.next <<= b if change == "copy" else a
        block.add_net(pyrtl.LogicNet("+", None, (a, b), (cut,)))
        pyrtl.Register(4, "low").next <<= cut[:4]
        if change == "dead logic":
            _ = a & b
    return block


SAME = ["", "", "dead logic"]
OTHER = [
    "width", "name", "depth", "operation", "order of arguments", "constant", "slice",
    "memory read", "next", "memory written", "enable", "rom", "copy", "cut",
]  # fmt: skip


def test_every_change_of_the_design_changes_the_fingerprint() -> None:
    same = {fingerprint(read_netlist(variant(change))) for change in SAME}
    other = {change: fingerprint(read_netlist(variant(change))) for change in OTHER}
    assert len(same) == 1
    assert len({*same, *other.values()}) == 1 + len(OTHER), other


def test_circumstances_change_the_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    netlist = read_netlist(variant(""))
    made = [fingerprint(netlist, *more) for more in ((), ("a",), ("b",), ("a", "b"), ("ab",))]
    first = _key(netlist, "")
    monkeypatch.setattr("asicbnn.simulation.backends.word_level.c_source.FUNCTION_WEIGHT", 10)
    made += [first, _key(netlist, ""), _key(netlist, "other")]
    assert len(set(made)) == len(made)


def test_a_constant_too_large_for_decimal_text_has_a_fingerprint() -> None:
    def block(value: int) -> pyrtl.Block:
        made = pyrtl.Block()
        with pyrtl.set_working_block(made, no_sanity_check=True):
            wide = pyrtl.Register(20_000, "wide")
            constant = pyrtl.Const(1, 20_000)
            constant.val = value
            wide.next <<= wide ^ constant
        return made

    top = 1 << 19_999
    prints = {fingerprint(read_netlist(block(value))) for value in (top, top, top | 1)}
    assert len(prints) == 2


def test_a_layout_survives_the_text_whatever_the_names_are_by_then() -> None:
    netlist = read_netlist(variant(""))
    layout = generate(netlist).layout
    registers = [register.name for register in netlist.registers]
    identities = [memory.id for memory in netlist.memories]
    text = layout.to_text(registers, identities)
    names = [f"n{index}" for index in range(len(registers))]
    read = StateLayout.from_text(text, names, range(7, 7 + len(identities)))
    assert list(read.registers) == names
    assert list(read.registers.values()) == [layout.registers[name] for name in registers]
    assert list(read.memories.values()) == [layout.memories[i] for i in identities]
    assert read.total_limbs == layout.total_limbs


@pytest.mark.skipif(c_compiler.find_compiler() is None, reason="no C compiler on this machine")
def test_a_design_built_again_is_found_and_works(monkeypatch: pytest.MonkeyPatch) -> None:
    first = simulator(variant(""), "compiled")
    room = "asicbnn.simulation.backends.word_level.compiled"
    for name in ("generate", "generate_scheduled", "check_block"):
        monkeypatch.setattr(f"{room}.{name}", _never)
    second = simulator(variant("dead logic"), "compiled")
    for unit in (first, second):
        unit.write_register("a", 200)
        unit.write_register("b", 77)
        unit.run(50)
    assert [first.read_register(n) for n in "ab"] == [second.read_register(n) for n in "ab"]
    assert (first.read_memory("second") == second.read_memory("second")).all()
    assert first.read_memory("second").any()


def _never(*_: Any) -> None:
    raise AssertionError("generated again")


def undriven_wire() -> None:
    pyrtl.Register(3, "r").next <<= pyrtl.WireVector(3, "nobody")


def undriven_register() -> None:
    pyrtl.Register(3, "r").next <<= pyrtl.Register(3, "nobody")


@pytest.mark.parametrize("describe", [undriven_wire, undriven_register])
@pytest.mark.parametrize("backend", ["compiled", "pyrtl"])
def test_logic_nobody_drives_is_refused(describe: Callable[[], None], backend: str) -> None:
    block = pyrtl.Block()
    with pyrtl.set_working_block(block, no_sanity_check=True):
        describe()
    with pytest.raises(SimulationError, match=r"^the block is malformed: .*nobody"):
        simulator(block, backend)
