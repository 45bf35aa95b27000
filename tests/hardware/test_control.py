"""Loops, address generators and ring arithmetic against plain Python."""

from __future__ import annotations

from itertools import product

import pytest
from hardware.circuit import Circuit
from hypothesis import given
from hypothesis import strategies as st
from pyrtl import Const

from asicbnn.hardware.fetch import ShadowTimer, WindowWalk, ring_add, ring_subtract
from asicbnn.hardware.sequencer import Loops, Quantities, plain_adder
from asicbnn.hardware.step_adder import phase_add
from asicbnn.hardware.wires import (
    add,
    below,
    choose,
    delayed,
    equals,
    held,
    one_of,
    picked,
    spread,
    subtract,
)

small = st.integers(0, 15)


# ---------------------------------------------------------------------- wires
@given(small, small, st.integers(-20, 20), st.integers(1, 6))
def test_wire_arithmetic_is_modular_and_compares_beyond_the_width(a, b, constant, bits):
    circuit = Circuit(
        lambda a, b: {
            "sum": add(a, b, bits), "difference": subtract(a, b, bits),
            "more": add(a, constant, bits), "less": subtract(a, constant, bits),
            "equal": equals(a, b), "is": equals(a, constant), "below": below(a, b),
            "under": below(a, constant), "chosen": choose(a < b, constant, b, bits),
        },
        a=4, b=4,
    )  # fmt: skip
    top = 2**bits
    assert circuit(a=a, b=b) == {
        "sum": (a + b) % top, "difference": (a - b) % top, "more": (a + constant) % top,
        "less": (a - constant) % top, "equal": a == b, "is": a == constant, "below": a < b,
        "under": a < constant, "chosen": (constant if a < b else b) % top,
    }  # fmt: skip


@given(st.lists(st.integers(0, 255), min_size=1, max_size=9), st.data())
def test_picked_selects_by_index(options, data):
    bits = max(1, (len(options) - 1).bit_length())
    index = data.draw(st.integers(0, len(options) - 1))
    circuit = Circuit(
        lambda index: {"out": picked(index, [Const(n, 8) for n in options])}, index=bits
    )
    assert circuit(index=index) == {"out": options[index]}


@given(st.integers(0, 7), st.lists(st.integers(0, 31), min_size=3, max_size=3))
def test_one_of_is_the_or_of_the_selected(hot, values):
    circuit = Circuit(
        lambda hot: {
            "out": one_of([(hot[i], Const(v, 5)) for i, v in enumerate(values)]),
            "wide": spread(hot[0], 3),
        },
        hot=3,
    )
    expected = 0
    for i, value in enumerate(values):
        expected |= value if hot >> i & 1 else 0
    assert circuit(hot=hot) == {"out": expected, "wide": 7 * (hot & 1)}


@given(st.lists(small, min_size=6, max_size=12), st.integers(0, 3))
def test_delayed_and_held_remember(values, cycles):
    circuit = Circuit(lambda a: {"late": delayed(a, cycles), "kept": held(a[0], a)}, a=4)
    kept = 0
    for i, value in enumerate(values):
        out = circuit(a=value)
        assert out["late"] == (values[i - cycles] if i >= cycles else 0)
        assert out["kept"] == kept
        kept = value if value & 1 else kept


# ---------------------------------------------------------------------- rings and phases
@given(st.integers(2, 15), st.data())
def test_ring_addresses_wrap_once(ring, data):
    at = data.draw(st.integers(0, ring - 1))
    by = data.draw(st.integers(0, ring))
    circuit = Circuit(
        lambda at, by, ring: {
            "more": ring_add(at, by, ring, 4), "less": ring_subtract(at, by, ring, 4),
            "plain": ring_add(at, by, None, 4),
        },
        at=4, by=4, ring=4,
    )  # fmt: skip
    expected = {"more": (at + by) % ring, "less": (at - by) % ring, "plain": (at + by) % 16}
    if by == ring:  # a whole ring back is the same row
        expected["less"] = at
    assert circuit(at=at, by=by, ring=ring) == expected


@given(st.integers(1, 7), st.data())
def test_pooling_phases_carry_at_the_window(pool, data):
    at = data.draw(st.integers(0, pool - 1))
    by = data.draw(st.integers(0, pool - 1))

    def build(at, by, last):
        phase, carry = phase_add(at, by, last)
        return {"phase": phase, "carry": carry}

    circuit = Circuit(build, at=3, by=3, last=3)
    expected = {"phase": (at + by) % pool, "carry": (at + by) // pool}
    assert circuit(at=at, by=by, last=pool - 1) == expected


# ---------------------------------------------------------------------- loops
trips = st.lists(st.integers(1, 4), min_size=1, max_size=4)


@given(trips, st.lists(st.booleans(), min_size=30, max_size=30), st.data())
def test_loops_and_quantities_walk_a_nest(nest, steps, data):
    strides = data.draw(st.lists(st.integers(0, 63), min_size=len(nest), max_size=len(nest)))
    start = data.draw(st.integers(0, 63))

    def build(step, restart):
        loops = Loops("loop", [Const(n - 1, 2) for n in nest])
        quantities = Quantities(
            "loop", {"q": 6, "r": 6}, loops.stop,
            {"q": [Const(s, 6) for s in strides], "r": [Const(1, 6)] * len(nest)},
        )  # fmt: skip
        loops.connect(step, restart)
        quantities.connect(step, restart, {"q": Const(start, 6)}, plain_adder)
        following = quantities.following(loops.stop, plain_adder, ("q",))
        flags = {f"zero{i}": z for i, z in enumerate(loops.zero)}
        flags |= {f"last{i}": z for i, z in enumerate(loops.last)}
        flags |= {f"stop{i}": z for i, z in enumerate(loops.stop)}
        counts = {f"count{i}": c for i, c in enumerate(loops.counts)}
        return {**quantities.current, "next": following["q"], "end": loops.end, **flags, **counts}

    circuit = Circuit(build, step=1, restart=1)
    circuit(step=0, restart=1)
    points = list(product(*(range(n) for n in nest)))
    # loops whose trips are one never add: their stride must not show
    values = [start + sum(i * s for i, s in zip(p, strides, strict=True)) for p in points]
    position = 0
    for step in steps:
        out = circuit(step=int(step), restart=0)
        point = points[position]
        assert [out[f"count{i}"] for i in range(len(nest))] == list(point)
        assert [out[f"zero{i}"] for i in range(len(nest))] == [c == 0 for c in point]
        lasts = [c == n - 1 for c, n in zip(point, nest, strict=True)]
        assert [out[f"last{i}"] for i in range(len(nest))] == lasts
        assert out["end"] == all(lasts)
        assert out["q"] == values[position] % 64
        stops = [out[f"stop{i}"] for i in range(len(nest))]
        assert sum(stops) == (not all(lasts))
        if not all(lasts):
            after = points[position + 1]
            assert stops.index(1) == next(i for i, c in enumerate(point) if after[i] != c)
            assert out["next"] == values[position + 1] % 64
        if step:
            if all(lasts):
                break
            position += 1


@pytest.mark.parametrize(
    ("images", "rows", "columns", "pieces"),
    [(1, 1, 1, 1), (2, 3, 2, 1), (1, 2, 3, 4), (3, 1, 1, 2)],
)
def test_window_walk_visits_the_box_of_a_load_and_wraps_at_the_ring(images, rows, columns, pieces):
    ring, image_words, row_words, column_words = 50, 17, 8, 2

    def build(strobe, address):
        last = [Const(n - 1, 3) for n in (images, rows, columns, pieces)]
        walk = WindowWalk("w", last, 6, lambda a, b: ring_add(a, b, Const(ring, 6), 6))
        steps = [Const(n, 6) for n in (image_words, row_words, column_words)]
        here = walk.connect(strobe, address, steps)
        return {"address": here, "piece": walk.counts[3]}

    circuit = Circuit(build, strobe=1, address=6)
    for start in (0, 45, 31):
        expected = [
            {"address": (start + b * image_words + y * row_words + x * column_words) % ring,
             "piece": p}
            for b in range(images) for y in range(rows) for x in range(columns)
            for p in range(pieces)
        ]  # fmt: skip
        for i, slot in enumerate(expected):
            given_address = start if i == 0 else 63  # only the first slot looks at it
            circuit(strobe=0, address=start)  # a slot without a strobe changes nothing
            assert circuit(strobe=1, address=given_address) == slot


def test_shadow_timer_says_when_the_next_word_is_complete():
    slots = 3

    def build(swap, settled, advance, run_end):
        timer = ShadowTimer("t", Const(slots, 3))
        timer.connect(swap, settled, advance, run_end)
        return {"age": timer.age, "loading": timer.loading, "early": timer.too_early}

    circuit = Circuit(build, swap=1, settled=1, advance=1, run_end=1)
    idle = {"swap": 0, "settled": 0, "advance": 0, "run_end": 0}
    circuit(**{**idle, "swap": 1})
    ages = [circuit(**{**idle, "advance": 1}) for _ in range(4)]
    assert [a["age"] for a in ages] == [1, 2, 3, 3]  # it stops when the word is there
    assert [a["loading"] for a in ages] == [1, 1, 0, 0]
    assert [a["early"] for a in ages] == [1, 0, 0, 0]
    circuit(**{**idle, "advance": 1, "run_end": 1})
    assert circuit(**idle)["age"] == 0
