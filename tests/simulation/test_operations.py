"""Operations on words of every width do what integers do."""

from __future__ import annotations

from random import Random

import pyrtl
import pytest
from simulation.machines import BOTH, OPERATIONS, RESULT_BITS, build, held, needs_compiler, result
from simulation.random_block import ones

from asicbnn.simulation.backends import Backend, simulator

SOME_WIDTHS = [1, 63, 64, 65, 127, 128, 129, 192, 300]


def corner_pairs(bits: int) -> list[tuple[int, int]]:
    top, random = 1 << (bits - 1), Random(bits)
    a, b = random.getrandbits(bits), random.getrandbits(bits)
    return [(0, ones(bits)), (ones(bits), ones(bits)), (top, top ^ 1), (a, b), (b, a), (a, a)]


@pytest.fixture(scope="module", params=BOTH)
def calculator(request: pytest.FixtureRequest) -> Backend:
    """Every operation on two registers of each width."""

    def describe() -> None:
        block = pyrtl.working_block()
        for bits in SOME_WIDTHS:
            a, b = held(bits, f"a{bits}"), held(bits, f"b{bits}")
            for op in OPERATIONS:
                natural = 1 if op in "<>=" else RESULT_BITS.get(op, lambda n: n)(bits)
                for cut in {natural, max(1, natural - 1)}:  # and a result cut by one bit
                    dest = pyrtl.WireVector(cut)
                    args = (a,) if op in "w~" else (a, b)
                    block.add_net(pyrtl.LogicNet(op, None, args, (dest,)))
                    result(dest, f"{op} {bits} {cut}")

    return simulator(build(describe), request.param)


@pytest.mark.parametrize("op", OPERATIONS)
def test_operations_follow_integer_arithmetic_at_every_limb_boundary(
    calculator: Backend, op: str
) -> None:
    for corner in range(len(corner_pairs(1))):
        for bits in SOME_WIDTHS:
            a, b = corner_pairs(bits)[corner]
            calculator.write_register(f"a{bits}", a)
            calculator.write_register(f"b{bits}", b)
        calculator.run(1)
        for name in calculator.shape.registers:
            if name.startswith(f"{op} "):
                bits, cut = (int(part) for part in name.split()[1:])
                a, b = corner_pairs(bits)[corner]
                assert calculator.read_register(name) == OPERATIONS[op](a, b, bits) & ones(cut), (
                    name
                )


@pytest.mark.parametrize("backend", BOTH)
def test_concatenation_puts_its_first_argument_on_top_and_slices_count_from_the_bottom(
    backend: str,
) -> None:
    def describe() -> None:
        a, b = held(70, "a"), held(130, "b")
        result(pyrtl.concat(a, b), "joined")
        result(b[3], "bit")
        result(b[60:70], "across_limbs")
        result(b[64:130], "upper_limbs")
        result(b[1:129:2], "odd_bits")
        result(b[::-1], "reversed")
        result(pyrtl.select(b[0], pyrtl.concat(b, a), pyrtl.concat(a, b)), "chosen")
        result(pyrtl.concat_list([a[5]] * 100), "spread")
        result(a.sign_extended(200), "sign_extended")
        result(a.zero_extended(200), "zero_extended")

    a, b = Random(1).getrandbits(70) | 1 << 69, Random(2).getrandbits(130) | 1
    unit = simulator(build(describe), backend)
    unit.write_register("a", a)
    unit.write_register("b", b)
    unit.run(1)
    expected = {
        "joined": a << 130 | b,
        "bit": b >> 3 & 1,
        "across_limbs": b >> 60 & ones(10),
        "upper_limbs": b >> 64,
        "odd_bits": int(f"{b:0130b}"[::-1][1:129:2][::-1], 2),
        "reversed": int(f"{b:0130b}"[::-1], 2),
        "chosen": b << 70 | a,
        "spread": (a >> 5 & 1) * ones(100),
        "sign_extended": a | ones(130) << 70,
        "zero_extended": a,
    }
    assert {name: unit.read_register(name) for name in expected} == expected


@needs_compiler
def test_selections_concatenations_and_choices_may_be_cut() -> None:
    def describe() -> None:
        a = held(200, "a")
        for bits in (3, 64, 100, 190):
            for op, parameter, args in (
                ("s", tuple(reversed(range(200))), (a,)),
                ("c", None, (a, a)),
                ("x", None, (a[0], ~a, a)),
            ):
                dest = pyrtl.WireVector(bits)
                pyrtl.working_block().add_net(pyrtl.LogicNet(op, parameter, args, (dest,)))
                result(dest, f"{op}{bits}")

    unit, a = simulator(build(describe), "compiled"), Random(3).getrandbits(200) & ~1
    unit.write_register("a", a)
    unit.run(1)
    for bits in (3, 64, 100, 190):
        backwards = int(f"{a:0200b}"[::-1], 2)
        assert unit.read_register(f"s{bits}") == backwards & ones(bits)
        assert unit.read_register(f"c{bits}") == a & ones(bits)
        assert unit.read_register(f"x{bits}") == (a ^ ones(200)) & ones(bits)
