"""Wires beyond 14 kbit, which Python will not spell in decimal, work in every back end."""

from __future__ import annotations

from random import Random
from typing import Any

import pyrtl
import pytest

from asicbnn.hardware.accelerator import elaborate
from asicbnn.hardware.popcount import at_least
from asicbnn.hardware.wires import constant
from asicbnn.simulation.backends import simulator
from asicbnn.simulation.backends.fast_simulation import MOST_TERMS
from asicbnn.simulation.backends.toolchain import c_compiler
from asicbnn.spec.accelerator import Accelerator
from asicbnn.spec.workload import Workload
from asicbnn.verify import verify

needs_compiler = pytest.mark.skipif(
    c_compiler.find_compiler() is None, reason="no C compiler on this machine"
)
BOTH = [pytest.param("compiled", marks=needs_compiler), "pyrtl"]
BITS = 20_000
TOP = (1 << BITS) - 1


def held(name: str, bits: int = BITS) -> Any:
    register = pyrtl.Register(bits, name)
    register.next <<= register
    return register


def result(name: str, value: Any) -> None:
    register = pyrtl.Register(value.bitwidth, name)
    register.next <<= value


def calculator() -> pyrtl.Block:
    block = pyrtl.Block()
    with pyrtl.set_working_block(block, no_sanity_check=True):
        a, b, choose = held("a"), held("b"), held("choose", 1)
        memory = pyrtl.MemBlock(BITS, 1, "memory", asynchronous=True)
        memory[choose] <<= a
        for name, value in {
            "not": ~a, "and": a & b, "or": a | b, "xor": a ^ b, "nand": a.nand(b),
            "sum": a + b, "difference": (a - b).truncate(BITS), "less": a < b, "equal": a == b,
            "chosen": pyrtl.select(choose, a, b), "joined": pyrtl.concat(a, b),
            "reversed": a[:200][::-1], "top": a[BITS - 1], "odd": a[1:200:2],
            "read": memory[choose], "mixed": a ^ constant(TOP // 3, BITS),
            "spread": choose.sign_extended(BITS),
        }.items():  # fmt: skip
            result(name, pyrtl.as_wires(value))
    return block


@pytest.mark.parametrize("backend", BOTH)
def test_operations_on_20_kbit_follow_integer_arithmetic(backend: str) -> None:
    unit = simulator(calculator(), backend)
    random = Random(1)
    for a, b in (
        (random.getrandbits(BITS), random.getrandbits(BITS)), (0, TOP), (TOP, TOP),
    ):  # fmt: skip
        for name, value in (("a", a), ("b", b), ("choose", 1)):
            unit.write_register(name, value)
        unit.run(2)
        text = f"{a:0{BITS}b}"
        expected = {
            "not": a ^ TOP, "and": a & b, "or": a | b, "xor": a ^ b, "nand": (a & b) ^ TOP,
            "sum": a + b, "difference": (a - b) % (TOP + 1), "less": a < b, "equal": a == b,
            "chosen": a, "joined": a << BITS | b, "reversed": int(text[: -201 : -1], 2),
            "top": a >> BITS - 1, "odd": int(text[-200::2], 2), "read": a, "mixed": a ^ TOP // 3,
            "spread": TOP,
        }  # fmt: skip
        for name, value in expected.items():
            assert unit.read_register(name) == value, name


@pytest.mark.parametrize("parts", [MOST_TERMS - 1, MOST_TERMS, MOST_TERMS + 1, 4 * MOST_TERMS + 7])
def test_a_concatenation_of_any_number_of_parts_is_simulated_by_pyrtl(parts: int) -> None:
    block = pyrtl.Block()
    with pyrtl.set_working_block(block, no_sanity_check=True):
        pieces = [held(f"p{i}", 2) for i in range(parts)]
        result("joined", pyrtl.concat_list(pieces))
        result("cut", pyrtl.concat_list([piece[1] for piece in pieces]))
    unit = simulator(block, "pyrtl")
    random = Random(parts)
    numbers = [random.randrange(4) for _ in pieces]
    for i, number in enumerate(numbers):
        unit.write_register(f"p{i}", number)
    unit.run(1)
    assert unit.read_register("joined") == sum(n << 2 * i for i, n in enumerate(numbers))
    assert unit.read_register("cut") == sum(n >> 1 << i for i, n in enumerate(numbers))


@pytest.mark.slow
def test_a_chain_of_80_000_nets_is_simulated_by_pyrtl() -> None:
    block = pyrtl.Block()
    with pyrtl.set_working_block(block, no_sanity_check=True):
        a = held("a", 8)
        wire = a
        for _ in range(40_000):
            wire = ~(wire ^ a)
        result("end", wire)
    unit = simulator(block, "pyrtl")
    unit.write_register("a", 0b1010_0110)
    unit.run(1)
    assert unit.read_register("end") == 0b1010_0110


def test_numbers_are_compared_at_more_positions_than_a_constant_has_digits() -> None:
    block = pyrtl.Block()
    with pyrtl.set_working_block(block, no_sanity_check=True):
        planes = [[held(f"{name}{i}", BITS) for i in range(2)] for name in "ab"]
        result("at_least", at_least(*planes))
    unit = simulator(block, "pyrtl")
    random = Random(2)
    values = {f"{name}{i}": random.getrandbits(BITS) for name in "ab" for i in range(2)}
    for name, value in values.items():
        unit.write_register(name, value)
    unit.run(1)
    a, b = ([values[f"{n}0"], values[f"{n}1"]] for n in "ab")
    greater = a[1] & ~b[1] | ~(a[1] ^ b[1]) & (a[0] | ~b[0])
    assert unit.read_register("at_least") == greater & TOP


def wide(out_channels: int, in_channels: int) -> Accelerator:
    """An accelerator whose weight word is as wide as the product of the two."""
    return Accelerator.model_validate({
        "name": "wide",
        "array": {"unroll": {"out_channels": out_channels, "in_channels": in_channels}},
        "buffers": {
            "weight": {"kind": "latch", "words": 4, "ping_pong": True}, "input": {"words": 32},
            "psum": {"words": 2}, "threshold": {"words": 4}, "pool": {"words": 4},
        },
        "store": {
            "kib": {"weights": 64, "activations": 2}, "link": {"bits": 1024}, "extrapolate": True,
        },
        "host": {"link_bits": 256, "latency_cycles": 3},
        "limits": {
            "out_channels": 2048, "in_channels": 2048, "map": 4, "kernel": 1, "activation_bits": 1,
        },
    })  # fmt: skip


def network(in_channels: int, out_channels: int) -> Workload:
    return Workload.model_validate({
        "name": "two_layers",
        "input": {"shape": [1, 1, in_channels], "bits": 1},
        "layers": [
            {"name": "fc1", "op": "dense", "out_channels": out_channels,
             "post": ["batch_norm", "sign"]},
            {"name": "fc2", "op": "dense", "out_channels": 10},
        ],
    })  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("backend", BOTH)
@pytest.mark.parametrize(("out_channels", "in_channels"), [(64, 512), (128, 256)])
def test_an_accelerator_with_wide_words_agrees_with_the_model_and_the_reference(
    out_channels: int, in_channels: int, backend: str
) -> None:
    accelerator = wide(out_channels, in_channels)
    block = elaborate(accelerator).block
    assert max(wire.bitwidth for wire in block.wirevector_set) >= out_channels * in_channels > 14e3
    found = verify(accelerator, network(in_channels, 2 * out_channels), images=2, backend=backend)
    assert found.agrees, found.verdict
