"""Each component of the array: what it computes, and exactly what it is made of."""

from __future__ import annotations

from functools import cache
from math import floor, log2

import numpy as np
import pyrtl
import pytest
from hardware.circuit import Circuit, numbers_of, planes_of
from hypothesis import given
from hypothesis import strategies as st

from asicbnn.hardware.accelerator import elaborate
from asicbnn.hardware.array import PeArray, pad_counter
from asicbnn.hardware.component import Gates, census
from asicbnn.hardware.popcount import (
    Popcount,
    at_least,
    full_adder,
    half_adder,
    ripple,
    shifted,
)
from asicbnn.hardware.structure import COMPONENTS, logic_gates, pe_array
from asicbnn.hardware.wires import joined
from asicbnn.mapping.layout import layout
from asicbnn.spec.accelerator import Accelerator, with_changes
from asicbnn.verify.cases import accelerator as random_accelerator

STRUCTURES = ("sliced", "tree")
PES = 3
structures = st.sampled_from(STRUCTURES)


# ---------------------------------------------------------------------- adders
@pytest.mark.parametrize("inputs", range(8))
def test_full_and_half_adder_add_bits(inputs):
    a, b, c = inputs & 1, inputs >> 1 & 1, inputs >> 2
    build = {"a": 1, "b": 1, "c": 1}
    full = Circuit(lambda a, b, c: dict(zip("sc", full_adder(a, b, c), strict=True)), **build)
    half = Circuit(lambda a, b, c: dict(zip("sc", half_adder(a, b), strict=True)), **build)
    assert full(a=a, b=b, c=c) == {"s": (a + b + c) & 1, "c": (a + b + c) >> 1}
    assert half(a=a, b=b, c=c) == {"s": (a + b) & 1, "c": (a + b) >> 1}
    assert full.gates == Gates(full_adder=1).primitive()
    assert half.gates == Gates(half_adder=1).primitive()


def planes_circuit(build, **counts):
    """Circuit of operands given as that many planes of PES bits, named a0 a1 ..."""
    names = {name: [f"{name}{i}" for i in range(n)] for name, n in counts.items()}

    def whole(**wires):
        out = build(**{name: [wires[x] for x in each] for name, each in names.items()})
        return {f"{j}": plane for j, plane in enumerate(out)}

    widths = {x: PES for each in names.values() for x in each}
    circuit = Circuit(whole, **widths)

    def call(**numbers):
        values = {}
        for name, given_numbers in numbers.items():
            planes = planes_of(given_numbers, counts[name])
            values |= dict(zip(names[name], planes, strict=True))
        out = circuit(**values)
        return numbers_of([out[f"{j}"] for j in range(len(out))], PES)

    return call


numbers = st.lists(st.integers(0, 2**12), min_size=PES, max_size=PES)


@given(st.integers(1, 7), st.integers(1, 7), st.integers(1, 9), numbers, numbers)
def test_ripple_adds_planes_and_drops_what_does_not_fit(wide, short, planes, x, y):
    x, y = [n % 2**wide for n in x], [n % 2**short for n in y]
    call = planes_circuit(lambda a, b: ripple(a, b, planes), a=wide, b=short)
    assert call(a=x, b=y) == [(a + b) % 2**planes for a, b in zip(x, y, strict=True)]


@given(st.integers(1, 6), numbers, numbers)
def test_at_least_compares_unsigned_planes(planes, x, y):
    x, y = [n % 2**planes for n in x], [n % 2**planes for n in y]
    y[0] = x[0]
    call = planes_circuit(lambda a, b: [at_least(a, b)], a=planes, b=planes)
    assert call(a=x, b=y) == [int(a >= b) for a, b in zip(x, y, strict=True)]


@given(st.integers(1, 5), st.integers(0, 4), st.integers(1, 8), numbers, st.data())
def test_shifted_multiplies_by_a_power_of_two(planes, largest, width, x, data):
    x, amount = [n % 2**planes for n in x], data.draw(st.integers(0, largest))
    bits = max(1, largest.bit_length())

    def build(amount, **wires):
        out = shifted([wires[f"a{i}"] for i in range(planes)], amount, largest, width)
        return {f"{j}": plane for j, plane in enumerate(out)}

    circuit = Circuit(build, amount=bits, **{f"a{i}": PES for i in range(planes)})
    values = {f"a{i}": plane for i, plane in enumerate(planes_of(x, planes))}
    out = circuit(amount=amount, **values)
    expected = [(n << amount) % 2**width for n in x]
    assert numbers_of([out[f"{j}"] for j in range(len(out))], PES) == expected


# ---------------------------------------------------------------------- popcount
@cache
def popcount_circuit(structure, lanes):
    part = Popcount(lanes, structure)

    def build(**wires):
        out = part.hardware([wires[f"lane{i}"] for i in range(lanes)])
        return {f"{j}": plane for j, plane in enumerate(out)}

    return Circuit(build, **{f"lane{i}": PES for i in range(lanes)})


def count(structure, lanes, words):
    circuit = popcount_circuit(structure, lanes)
    out = circuit(**{f"lane{i}": plane for i, plane in enumerate(planes_of(words, lanes))})
    assert len(out) == Popcount(lanes, structure).planes
    return numbers_of([out[f"{j}"] for j in range(len(out))], PES)


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("lanes", range(1, 8))
def test_popcount_of_every_word(structure, lanes):
    for word in range(2**lanes):
        words = [word, word ^ (2**lanes - 1), 2**lanes - 1]
        part = Popcount(lanes, structure)
        assert count(structure, lanes, words) == [part.reference(w) for w in words]


@given(structures, st.integers(1, 64), st.lists(st.integers(0, 2**64 - 1), min_size=3, max_size=3))
def test_popcount_of_random_words(structure, lanes, words):
    words = [word % 2**lanes for word in words]
    assert count(structure, lanes, words) == [word.bit_count() for word in words]


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("lanes", range(1, 65))
def test_popcount_gates_equal_the_census(structure, lanes):
    part = Popcount(lanes, structure)
    # a plane of PES bits holds one adder per PE
    assert popcount_circuit(structure, lanes).gates == part.gates().times(PES).primitive()


@pytest.mark.parametrize("lanes", range(1, 65))
def test_a_counter_tree_has_n_less_log_n_less_one_full_adders(lanes):
    gates = Popcount(lanes, "sliced").gates()
    assert gates["full_adder"] == lanes - floor(log2(lanes)) - 1


@pytest.mark.parametrize("exponent", range(7))
def test_adders_of_a_power_of_two(exponent):
    n = 2**exponent
    sliced, tree = Popcount(n, "sliced").gates(), Popcount(n, "tree").gates()
    assert sliced["full_adder"] == tree["full_adder"] == n - (exponent + 1)
    assert sliced["half_adder"] == exponent
    assert tree["half_adder"] == n - 1


@given(
    structures, st.integers(1, 24), st.integers(1, 4),
    st.lists(st.lists(st.integers(0, 2**24 - 1), min_size=PES, max_size=PES), min_size=8),
)  # fmt: skip
def test_a_cut_popcount_counts_a_word_per_cycle_some_cycles_later(structure, lanes, stages, words):
    part = Popcount(lanes, structure, stages)

    def build(**wires):
        out = part.hardware([wires[f"lane{i}"] for i in range(lanes)])
        return {f"{j}": plane for j, plane in enumerate(out)}

    circuit = Circuit(build, **{f"lane{i}": PES for i in range(lanes)})
    assert circuit.gates == (part.gates() + part.register_gates()).times(PES).primitive()
    words = [[word % 2**lanes for word in each] for each in words]
    counts = []
    for each in words:
        out = circuit(**{f"lane{i}": plane for i, plane in enumerate(planes_of(each, lanes))})
        counts.append(numbers_of([out[f"{j}"] for j in range(len(out))], PES))
    assert counts[:stages] == [[0] * PES] * stages
    assert counts[stages:] == [[w.bit_count() for w in each] for each in words[:-stages]]


# ---------------------------------------------------------------------- the array
ARRAYS = {
    "one PE": {"array.unroll": {"out_channels": 1, "in_channels": 1}},
    "lanes": {"array.unroll": {"out_channels": 2, "in_channels": 8}},
    "pixels": {"array.unroll": {"out_channels": 2, "in_channels": 4, "out_y": 2, "out_x": 3}},
    "kernel": {"array.unroll": {"in_channels": 2, "kernel_y": 2, "kernel_x": 3, "batch": 2}},
    "planes": {"limits": {"activation_bits": 3, "weight_bits": 2}},
    "tree": {"array.popcount": {"structure": "tree", "pipeline_stages": 2}},
    "cut": {"array.unroll": {"in_channels": 16}, "array.popcount": {"pipeline_stages": 1}},
    "wide count": {"array.unroll": {"in_channels": 16}, "limits.psum_bits": 4},
}
PLAIN = {
    "name": "plain",
    "array": {"unroll": {"out_channels": 2, "in_channels": 4}},
    "store": {"link": {"bits": 4}},
    "host": {"link_bits": 4},
    "post": ["threshold", "max_pool"],
    "limits": {"batch": 2, "activation_bits": 1, "psum_bits": 9},
}


@cache
def array_of(name):
    return pe_array(with_changes(Accelerator.model_validate(PLAIN), ARRAYS[name]))


def pixels_of(part):
    u = part.layout.unroll
    return [(b, y, x) for b in range(u["B"]) for y in range(u["OY"]) for x in range(u["OX"])]


def taps(part, word):
    """A word of s_C bits per kernel position."""
    size = part.layout.unroll["C"]
    return [word[i : i + size] for i in range(0, len(word), size)]


@cache
def array_circuit(name):
    """Products, registered count and accumulation of one array, as the engine wires them."""
    part = array_of(name)
    n, boxes = part.layout.lanes, pixels_of(part)
    widths = {f"x{b}_{y}_{x}": n for b, y, x in boxes}
    widths |= {f"m{y}_{x}": n for y, x in sorted({box[1:] for box in boxes})}
    widths |= {"weights": n * part.layout.unroll["K"], "active": part.layout.pes}
    widths |= {f"base{j}": part.layout.pes for j in range(part.accumulator_planes)}
    widths["shift"] = max(1, part.largest_shift.bit_length())

    def build(weights, active, shift, **wires):
        pixels = {box: taps(part, wires["x{}_{}_{}".format(*box)]) for box in boxes}
        masks = {box[1:]: taps(part, wires["m{}_{}".format(*box[1:])]) for box in boxes}
        counted = part.registered(part.counted(pixels, weights, masks, active))
        base = [wires[f"base{j}"] for j in range(part.accumulator_planes)]
        sums = part.accumulate(base, counted, shift)
        return {"sum" + str(j): plane for j, plane in enumerate(sums)}

    return Circuit(build, **widths)


@pytest.mark.parametrize("name", ARRAYS)
def test_array_gates_equal_the_census(name):
    part = array_of(name)
    expected = (part.gates() + part.register_gates()).primitive()
    assert array_circuit(name).gates == expected


@pytest.mark.parametrize("name", ARRAYS)
@given(seed=st.integers(0, 2**32))
def test_array_multiplies_counts_and_accumulates(name, seed):
    rng = np.random.default_rng(seed)
    part, circuit = array_of(name), array_circuit(name)
    lay, boxes = part.layout, pixels_of(part)
    n, s_k, pes = lay.lanes, lay.unroll["K"], lay.pes
    x = {box: rng.integers(0, 2, n) for box in boxes}
    mask = {box[1:]: rng.integers(0, 4, n) > 0 for box in boxes}
    weights = rng.integers(0, 2, (n, s_k))
    active = rng.integers(0, 4, pes) > 0
    base = [int(v) for v in rng.integers(0, 2**part.accumulator_planes, pes)]
    shift = int(rng.integers(0, part.largest_shift + 1))
    values = {"x{}_{}_{}".format(*box): word(bits) for box, bits in x.items()}
    values |= {"m{}_{}".format(*at): word(bits) for at, bits in mask.items()}
    values |= {"weights": word(weights.reshape(-1)), "active": word(active), "shift": shift}
    planes = planes_of(base, part.accumulator_planes)
    values |= {f"base{j}": plane for j, plane in enumerate(planes)}
    for _ in range(1 + part.pipeline_stages):
        circuit(**values)
    out = circuit(**values)
    sums = numbers_of([out[f"sum{j}"] for j in range(len(out))], pes)
    expected = []
    for p in range(pes):
        box, k = boxes[p // s_k], p % s_k
        agree = (x[box] == weights[:, k]) & mask[box[1:]] & active[p]
        total = base[p] + (int(agree.sum()) << shift)
        expected.append(total % 2**part.accumulator_planes)
    assert sums == expected


def word(bits):
    return sum(int(bit) << i for i, bit in enumerate(bits))


@given(st.integers(0, 2**32))
def test_doubled_sum_and_comparison(seed):
    rng = np.random.default_rng(seed)
    part = array_of("pixels")
    lay, planes = part.layout, part.layout.psum_bits
    pixels = sorted({box[1:] for box in pixels_of(part)})
    sums = [int(n) for n in rng.integers(0, 2 ** (planes - 1), lay.pes)]
    taps = {pixel: int(rng.integers(0, 2 ** (planes - 1))) for pixel in pixels}
    thresholds = [int(n) for n in rng.integers(0, 2 ** (planes + 1), lay.unroll["K"])]
    thresholds[0] = 2 * sums[0] + taps[pixels[0]]  # a tie: reached
    circuit = compare_circuit()
    values = {f"a{j}": plane for j, plane in enumerate(planes_of(sums, planes))}
    values |= {f"t{j}": plane for j, plane in enumerate(planes_of(thresholds, planes + 1))}
    values |= {"pad{}_{}".format(*pixel): n for pixel, n in taps.items()}
    got = circuit(**values)
    boxes, s_k = pixels_of(part), lay.unroll["K"]
    totals = [2 * n + taps[boxes[p // s_k][1:]] for p, n in enumerate(sums)]
    doubled = numbers_of([got[f"d{j}"] for j in range(planes + 1)], lay.pes)
    assert doubled == totals
    assert got["bits"] == word(t >= thresholds[p % s_k] for p, t in enumerate(totals))


@cache
def compare_circuit():
    part = array_of("pixels")
    lay, planes = part.layout, part.layout.psum_bits
    pixels = sorted({box[1:] for box in pixels_of(part)})

    def build(**wires):
        pads = {pixel: wires["pad{}_{}".format(*pixel)] for pixel in pixels}
        doubled = part.doubled_sum([wires[f"a{j}"] for j in range(planes)], pads)
        bits = part.compare(doubled, [wires[f"t{j}"] for j in range(planes + 1)])
        return {"bits": bits} | {f"d{j}": plane for j, plane in enumerate(doubled)}

    widths = {f"a{j}": lay.pes for j in range(planes)}
    widths |= {f"t{j}": lay.unroll["K"] for j in range(planes + 1)}
    return Circuit(build, **widths, **{"pad{}_{}".format(*pixel): planes for pixel in pixels})


@given(
    st.integers(0, 2**7 - 1), st.lists(st.booleans(), min_size=1, max_size=6), st.integers(0, 8),
    st.integers(0, 2),
)  # fmt: skip
def test_padded_taps_count_channels_times_the_plane_weight(seen, padded, channels, shift):
    def build(seen, channels, shift, **taps):
        wires = [taps[f"tap{i}"] for i in range(len(padded))]
        return {"n": pad_counter(seen, wires, channels, shift, 2)}

    taps = {f"tap{i}": int(tap) for i, tap in enumerate(padded)}
    circuit = Circuit(build, seen=7, channels=4, shift=2, **dict.fromkeys(taps, 1))
    got = circuit(seen=seen, channels=channels, shift=shift, **taps)
    assert got == {"n": (seen + (sum(padded) * channels << shift)) % 2**7}


# ---------------------------------------------------------------------- whole accelerators
@pytest.mark.parametrize("group", range(4))
def test_components_of_a_whole_accelerator_are_all_of_its_gates(group):
    accelerator = with_changes(random_accelerator(11, group), {"clock_gating": "none"})
    gates = logic_gates(accelerator)
    assert tuple(gates) == COMPONENTS
    assert all(n > 0 for part in gates.values() for n in part.values())
    block = elaborate(accelerator, probe=False, ports=True).block
    registers = block.wirevector_subset(pyrtl.Register)
    assert sum(part["flop"] for part in gates.values()) == sum(map(len, registers))
    everything = sum((part.primitive() for part in gates.values()), Gates())
    assert everything == census(block.logic).primitive()


def test_the_array_of_an_accelerator_contains_its_closed_form():
    accelerator = random_accelerator(11, 1)
    part = pe_array(accelerator)
    array = logic_gates(accelerator)["array"]
    for kind, n in part.gates().items():
        assert array[kind] >= n
    assert array["flop"] >= part.register_gates()["flop"]
    lay = layout(accelerator)
    assert array["flop"] >= lay.psum_bits * lay.pes  # the accumulators are there too


def test_the_census_knows_every_operation():
    block = pyrtl.Block()
    with pyrtl.set_working_block(block, no_sanity_check=True):
        a, b, s = pyrtl.Input(4, "a"), pyrtl.Input(4, "b"), pyrtl.Input(1, "s")
        outs = [
            a & b, a | b, a ^ b, ~a, a.nand(b), a + b, a - b, a < b, a > b, a == b,
            pyrtl.select(s, a, b), joined([a, b]),
        ]  # fmt: skip
        assert census(block.logic) == Gates(
            and2=4, or2=4 + 3, xor2=4 + 4, inverter=4 + 4 + 4 + 4 + 1, nand2=4, half_adder=1,
            full_adder=3 + 4 + 4 + 4, mux2=4,
        )  # fmt: skip
        product = a * b
    assert len(outs) == 12
    assert len(product) == 8
    with pytest.raises(ValueError, match=r"^the census has no rule for operation '\*'$"):
        census(block.logic)


def test_pe_array_is_frozen():
    part = array_of("lanes")
    assert isinstance(part, PeArray)
    with pytest.raises(AttributeError):
        part.structure = "tree"
