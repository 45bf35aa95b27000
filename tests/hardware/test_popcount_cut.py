"""Where registers cut a popcount: stages as short as they can be, and no register too many."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asicbnn.hardware.counters import Counters, counters
from asicbnn.hardware.popcount_cut import popcount_cut

structures = st.sampled_from(["sliced", "tree"])
lanes = st.integers(1, 300)
registers = st.integers(0, 4)
DELAYS = {3: (4, 3), 2: (3, 2)}
PRODUCT = 4


def lengths(known: Counters, stages: tuple[int, ...]) -> list[int] | None:
    """Each stage's longest path; None if an adder stands before a bit it reads."""
    made = [(0, PRODUCT)] * known.lanes
    for stage, addends in zip(stages, known.adders, strict=True):
        read = [made[bit] for bit in addends]
        if any(where > stage for where, _ in read):
            return None
        start = max(at if where == stage else 0 for where, at in read)
        made += [(stage, start + delay) for delay in DELAYS[len(addends)]]
    return [
        max((at for where, at in made if where == stage), default=0)
        for stage in range(max(where for where, _ in made) + 1)
    ]


def flops(known: Counters, stages: tuple[int, ...], depth: int) -> int:
    """Registers that bits pass until they are read, or leave."""
    made = [0] * known.lanes + [stage for stage in stages for _ in range(2)]
    read = sum(
        stage - made[bit]
        for stage, addends in zip(stages, known.adders, strict=True)
        for bit in addends
    )
    return read + sum(depth - made[bit] for bit in known.planes)


@given(structures, lanes, registers)
def test_a_cut_is_what_it_says(structure: str, lanes: int, registers: int) -> None:
    known, cut = counters(structure, lanes), popcount_cut(structure, lanes, registers)
    found = lengths(known, cut.adders)
    assert found is not None
    assert len(found) <= registers + 1
    assert cut.longest == max(found)
    assert cut.flops == flops(known, cut.adders, registers)
    assert cut.bits == (*[0] * lanes, *(stage for stage in cut.adders for _ in range(2)))
    if not registers:
        assert (cut.longest, cut.flops) == (cut.whole, 0)


@given(structures, lanes, st.integers(1, 4))
def test_stages_are_balanced(structure: str, lanes: int, registers: int) -> None:
    """None is longer than an equal share by more than an adder at each end."""
    cut = popcount_cut(structure, lanes, registers)
    assert cut.whole / (registers + 1) <= cut.longest <= cut.whole / (registers + 1) + 7
    assert cut.longest <= popcount_cut(structure, lanes, registers - 1).longest


def placements(known: Counters, depth: int) -> Iterator[tuple[int, ...]]:
    """Every choice of stages in which no adder stands before what it reads."""
    for stages in product(range(depth + 1), repeat=len(known.adders)):
        if lengths(known, stages) is not None:
            yield stages


@pytest.mark.parametrize("structure", ["sliced", "tree"])
@pytest.mark.parametrize(
    ("lanes", "registers"), [*((n, 1) for n in range(1, 10)), *((n, 2) for n in range(1, 7))]
)
def test_no_choice_of_stages_is_shorter_or_has_fewer_registers(
    structure: str, lanes: int, registers: int
) -> None:
    known, cut = counters(structure, lanes), popcount_cut(structure, lanes, registers)
    every = [
        (max(lengths(known, stages) or [0]), flops(known, stages, registers))
        for stages in placements(known, registers)
    ]
    assert (cut.longest, cut.flops) == min(every)


def test_a_cut_by_hand() -> None:
    """Eight lanes: products 4; full adders to 8 and 12; the half adder on the last sum is 15."""
    whole = popcount_cut("sliced", 8, 0)
    assert whole.adders == (0,) * 7
    assert whole.whole == 4 + 4 + 3 + 4 + 2 + 3  # carry, sum, carry: of the bits that come last
    cut = popcount_cut("sliced", 8, 1)
    assert cut.adders == (0, 0, 0, 1, 1, 1, 1)
    assert cut.longest == 4 + 4 + 4
    assert cut.flops == 5  # two sums and three carries
