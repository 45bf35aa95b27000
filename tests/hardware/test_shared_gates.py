"""Gates that are never built twice: they compute what was asked, with no more than it takes."""

from __future__ import annotations

import operator
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asicbnn.hardware.shared_gates import FALSE, TRUE, SharedGates

VARIABLES = 3
FUNCTIONS = {
    "both": (SharedGates.both, operator.and_, 2),
    "either": (SharedGates.either, operator.or_, 2),
    "differ": (SharedGates.differ, operator.xor, 2),
    "choose": (SharedGates.choose, lambda c, a, b: a if c else b, 3),
    "inverter": (SharedGates.inverter, lambda a: not a, 1),
}
GATES = {
    "and": operator.and_,
    "xor": operator.xor,
    "mux": lambda c, a, b: a if c else b,
    "inverter": lambda a: not a,
}


def value(gates, literal, inputs):
    """Value of a literal; inputs by their even literal."""
    gate = gates._gates[literal >> 1]
    if literal <= TRUE:
        own = False
    elif gate is None:
        own = inputs[literal & ~1]
    else:
        own = GATES[gate[0]](*(value(gates, each, inputs) for each in gate[1]))
    return bool(own) ^ bool(literal & 1)


steps = st.lists(
    st.tuples(st.sampled_from(sorted(FUNCTIONS)), st.lists(st.integers(0, 99), min_size=3)),
    max_size=12,
)


@given(steps)
def test_a_gate_computes_what_it_was_asked_for(asked):
    gates = SharedGates()
    variables = [gates.fresh() for _ in range(VARIABLES)]
    for inputs in product((False, True), repeat=VARIABLES):
        given_inputs = dict(zip(variables, inputs, strict=True))
        pool = [(FALSE, False), (TRUE, True), *zip(variables, inputs, strict=True)]
        for name, chosen in asked:
            build, function, arity = FUNCTIONS[name]
            taken = [pool[i % len(pool)] for i in chosen[:arity]]
            literal = build(gates, *(each for each, _ in taken))
            pool.append((literal, bool(function(*(each for _, each in taken)))))
        for literal, expected in pool:
            assert value(gates, literal, given_inputs) == expected


@given(steps)
def test_nothing_is_built_twice_or_for_nothing(asked):
    gates = SharedGates()
    pool = [FALSE, TRUE, *(gates.fresh() for _ in range(VARIABLES))]
    for name, chosen in asked:
        build, _, arity = FUNCTIONS[name]
        pool.append(build(gates, *(pool[i % len(pool)] for i in chosen[:arity])))
    built = [gate for gate in gates._gates if gate is not None]
    assert len(built) == len(set(built))
    for kind, inputs in built:
        nets = [literal & ~1 for literal in inputs]
        assert kind == "mux" or len(set(nets)) == len(nets)
        assert all(literal > TRUE for literal in inputs)
    kinds, pins = gates.needed(pool[-1:])
    assert kinds.total() <= len(built)
    assert FALSE not in pins


def test_only_what_is_read_is_needed_and_pins_are_counted():
    gates = SharedGates()
    a, b, c = (gates.fresh() for _ in range(3))
    both = gates.both(a, b)
    gates.differ(a, c)  # nobody reads it
    kinds, pins = gates.needed([both, both ^ 1, gates.either(both, c)])
    assert dict(kinds) == {"and": 2}
    assert pins[both] == 3
    assert pins[a] == pins[b] == pins[c] == 1


@pytest.mark.parametrize("bits", [1, 5, 8])
def test_all_numbers_are_decoded_with_shared_halves(bits):
    """2 to the power of n outputs, and what a tree of half as many bits takes twice over."""
    gates = SharedGates()
    number = [gates.fresh() for _ in range(bits)]
    hot = [
        gates.all_of(bit ^ 1 ^ (value >> i & 1) for i, bit in enumerate(number))
        for value in range(1 << bits)
    ]
    kinds, _ = gates.needed(hot)

    def expected(n):
        if n == 1:
            return 0
        low = 1 << (n - 1).bit_length() - 1  # a balanced tree leaves the odd ones to the end
        return (1 << n) + expected(low) + expected(n - low)

    assert len(set(hot)) == 1 << bits
    assert kinds.total() == expected(bits)


def test_inverters_are_built_where_a_pin_must_have_them():
    gates = SharedGates()
    a = gates.fresh()
    assert gates.inverter(FALSE) == TRUE
    assert gates.inverter(a) == gates.inverter(a) != a ^ 1
