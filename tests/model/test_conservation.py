"""Nothing an estimate says breaks what must hold: dead bits one by one, traffic, area."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from agreement.cases import PLAIN, random_case
from agreement.walker import NEEDS, Walker, pieces

from asicbnn import estimate, load
from asicbnn.bnn.layer import DIMENSIONS, Layer
from asicbnn.errors import MappingError, ModelError
from asicbnn.mapping.layout import layout
from asicbnn.mapping.loop_nest import OUTER_DIMENSIONS, LoopNest, Mapping
from asicbnn.model.area import area
from asicbnn.model.bounds import Traffic
from asicbnn.model.conservation import check_area, check_traffic, consumers, written
from asicbnn.model.cycles import count_layer
from asicbnn.model.network import HostTraffic
from asicbnn.spec.accelerator import with_changes
from asicbnn.technology import library

N_CFG = 5
NO_HOST = HostTraffic(0, 0, 0, 0, 0, 0)


class BitWalker(Walker):
    """The walker, which also looks at every bit it writes: does anything depend on it?"""

    def __init__(self, *args):
        super().__init__(*args)
        self.bits, self.needed = Counter(), Counter()

    def _load_weights(self, at):
        before = self.count["weight_buffer_writes"]
        time = super()._load_weights(at)
        words = (self.count["weight_buffer_writes"] - before) // self.slots["weight"]
        self.bits["weight_buffer"] += words * self.lay.weight_word_bits
        inside = 1
        for d in NEEDS["weight"]:
            inside *= self.cuts[d][at.get(d, 0)]
        self.needed["weight_buffer"] += inside
        return time

    def _load_inputs(self, at, appends, live):
        first = self._span("OY", at)[0]
        if self.a.buffers.input.circular_rows and appends:
            first = self.bottom
        rows = {r for r in self._covered("OY", at) if r >= first}
        pixels = len(rows) * len(self._covered("OX", at))
        planes = self.cuts["B"][at["B"]] * self.layer.activation_bits
        self.needed["input_buffer"] += pixels * planes * self.cuts["C"][at["C"]]
        before = self.count["input_buffer_writes"]
        time = super()._load_inputs(at, appends, live)
        words = self.count["input_buffer_writes"] - before
        slots = len(pieces(self.lay.input_word_bits, self.lay.input_port_bits))
        self.bits["input_buffer"] += words // slots * self.lay.input_word_bits
        return time

    def _covered(self, d, at):
        """Rows or columns of a tile that lie in one of its windows, pads included."""
        kernel = self.layer.kernel_y if d == "OY" else self.layer.kernel_x
        first, count = self._span(d, at)[0], self.cuts[d][at[d]]
        return {first + i * self.layer.stride + tap for i in range(count) for tap in range(kernel)}

    def _close_visit(self):
        visit, before = self.visit, self.count["psum_buffer_writes"]
        super()._close_visit()
        if self.count["psum_buffer_writes"] == before:
            return
        inside = {
            d: pieces(self.cuts[d][tile], self.unroll[d])[trip]
            for d, (tile, trip) in zip(NEEDS["psum"], visit, strict=True)
        }
        pixels = inside["OY"] * inside["OX"]  # each with a counter of padded taps
        self.bits["psum_buffer"] += self.lay.psum_word_bits
        self.needed["psum_buffer"] += (
            (inside["B"] * inside["K"] + 1) * pixels * self.lay.psum_bits
        )

    def _pooled(self, pixel, channel):
        before = self.count["pool_buffer_writes"]
        final = super()._pooled(pixel, channel)
        if self.count["pool_buffer_writes"] > before:
            self.bits["pool_buffer"] += self.unroll["K"]
            self.needed["pool_buffer"] += min(self.unroll["K"], self.layer.out_channels - channel)
        return final

    def _store(self, start, at):
        before = self.count["store_activation_writes"]
        slots = super()._store(start, at)
        piece = min(self.unroll["K"], self.lay.link_bits)
        words = self.count["store_activation_writes"] - before
        self.bits["store_activation"] += words * piece
        channels = min(self.unroll["K"], self.layer.out_channels - start["K"])
        per_pixel = len(pieces(channels, piece))
        self.needed["store_activation"] += words // per_pixel * channels
        return slots

    def dead(self):
        """Bits written and dead bits by memory; thresholds are rows of sums and two bits more."""
        rows = self.count["threshold_buffer_writes"]
        self.bits["threshold_buffer"] = rows * self.lay.threshold_word_bits
        channels = self.layer.out_channels
        self.needed["threshold_buffer"] = channels * (self.lay.psum_bits + 2)
        return {name: (bits, bits - self.needed[name]) for name, bits in self.bits.items() if bits}


@pytest.mark.parametrize("seed", range(3))
def test_dead_bits_are_those_that_nothing_depends_on(seed):
    rng = random.Random(seed)
    seen = Counter()
    for _ in range(60):
        case = random_case(rng)
        walker = BitWalker(case.accelerator, case.layout, case.layer, case.mapping, N_CFG)
        walker.walk()
        counts = count_layer(case.accelerator, case.layer, case.mapping, N_CFG)
        found = written(case.nest, counts, NO_HOST, N_CFG, None)
        expected = walker.dead()
        assert {x.memory: (x.bits, x.dead) for x in found if x.bits} == expected, case
        seen.update(name for name, (_, dead) in expected.items() if dead)
    assert seen.keys() == {
        "weight_buffer", "input_buffer", "psum_buffer", "threshold_buffer", "pool_buffer",
        "store_activation",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "change", "sentence"),
    [
        ("psum_buffer_reads", -1, r"words are written to psum_buffer and "),
        ("weight_buffer_writes", -1, r"weight_buffer is written .* more than "),
        ("threshold_buffer_reads", -10_000, r"threshold_buffer is written .* and read only "),
        ("pool_buffer_reads", 1, r"words are written to pool_buffer and "),
        ("store_activation_writes", -10_000, r"bits written to store_activation are dead"),
        ("input_buffer_writes", 10**6 + 1, r"input_buffer would hold |bits written to input_"),
    ],
)
def test_a_count_that_is_wrong_is_found(name, change, sentence):
    rng = random.Random(7)
    while True:
        case = random_case(rng)
        counts = count_layer(case.accelerator, case.layer, case.mapping, N_CFG)
        needed = ("psum_buffer_writes", "pool_buffer_writes", "store_activation_writes")
        trips = case.nest.all_trips("K") * case.nest.all_trips("C")
        plain = case.layout.weight_slots == 1 and case.layer.weight_bits == 1
        if all(counts[x] for x in needed) and plain and trips > 1:
            break
    written(case.nest, counts, NO_HOST, N_CFG, None)
    changed = {**counts, name: max(0, counts[name] + change)}
    with pytest.raises(ModelError, match=sentence):
        written(case.nest, changed, NO_HOST, N_CFG, None)


def test_pixels_the_next_layer_skips_are_dead():
    """A kernel of 1 at stride 2 sees 4 x 4 of 7 x 7 pixels."""
    first = Layer(name="a", in_channels=8, out_channels=8, in_y=7, in_x=7)
    second = Layer(name="b", in_channels=8, out_channels=8, in_y=7, in_x=7, stride=2)
    machine = with_changes(PLAIN, {"array.unroll": {"out_channels": 4, "in_channels": 4}})
    whole = Mapping(tuple((d, 64) for d in OUTER_DIMENSIONS), DIMENSIONS)
    nest = LoopNest(first, layout(machine), whole)
    counts = count_layer(machine, first, whole, N_CFG)

    def dead(consumer):
        found = written(nest, counts, NO_HOST, N_CFG, consumer)
        return next(x.dead for x in found if x.memory == "store_activation")

    assert dead(None) == dead(first) == 0
    assert dead(second) == 8 * (49 - 16)


def test_only_a_layer_that_fits_reads_the_one_before():
    a = Layer(name="a", in_channels=4, out_channels=8, in_y=4, in_x=4)
    b = Layer(name="b", in_channels=8, out_channels=2, in_y=4, in_x=4)
    assert list(consumers([a, b], is_chain=True)) == [b, None]
    assert list(consumers([b, a], is_chain=True)) == [None, None]
    assert list(consumers([a, b], is_chain=False)) == [None, None]


def test_traffic_below_what_must_be_moved_is_refused():
    layer = Layer(name="fc", in_channels=4, out_channels=8)
    check_traffic(layer, Traffic(moved=40, compulsory=40, lower_bound=40.0))
    with pytest.raises(ModelError, match=r"^layer fc: 39 bits are moved and 40 must be"):
        check_traffic(layer, Traffic(moved=39, compulsory=40, lower_bound=40.0))
    with pytest.raises(ModelError, match=r"^layer fc: 50 bits are moved and 60 must be"):
        check_traffic(layer, Traffic(moved=50, compulsory=40, lower_bound=60.0))


@pytest.mark.parametrize("technology", library.names())
@pytest.mark.parametrize("name", ["tiny", "edge64", "ihp_latch", "asap7_large"])
def test_no_memory_is_smaller_than_its_bits(name, technology):
    priced = library.load(technology)
    built = area(load(f"arch_specs/{name}.yaml"), priced)
    check_area(built, priced)
    for macro, memory in built.memories:
        small = replace(memory, area_um2=memory.capacity_bits * 1e-3)
        with pytest.raises(ModelError, match=r"the densest SRAM cell at .* check node_nm"):
            check_area(replace(built, memories=((macro, small),)), priced)


def test_an_estimate_reports_what_is_dead():
    accelerator = load("arch_specs/tiny.yaml")
    result = estimate(accelerator, "workloads/digits_mlp_64_256_256_10.yaml")
    bits, dead = result.breakdowns["written_bits"], result.breakdowns["dead_bits"]
    assert bits.keys() == dead.keys()
    # 64 x 256 + 256 x 256 + 10 x 256 weights, each word loaded once
    assert bits["weight_buffer"] - dead["weight_buffer"] == 64 * 256 + 256 * 256 + 10 * 256
    # 10 classes on PEs of 4 channels: two rows of the last word are nobody's
    assert dead["weight_buffer"] == 2 * 256
    single = with_changes(accelerator, {"dataflow": "no_local_reuse"})
    again = estimate(single, "workloads/digits_mlp_64_256_256_10.yaml")
    assert again.breakdowns["dead_bits"].keys() == dead.keys() | {"psum_buffer"}


NETWORKS = sorted(Path("workloads").glob("*.yaml"))
ROOMY = {
    "store.kib": {"weights": 8192.0, "activations": 16384.0},
    "buffers.weight.words": 8192, "buffers.input.words": 2**16, "buffers.psum.words": 8192,
    "buffers.pool.words": 8192, "buffers.threshold.words": 512,
    "limits": {
        "batch": 2, "out_channels": 8192, "in_channels": 16384, "map": 512, "kernel": 16,
        "weight_bits": 2, "activation_bits": 8, "pool": 4,
    },
}  # fmt: skip
UNROLLS = (
    {"out_channels": 4, "in_channels": 32}, {"out_channels": 32, "in_channels": 8},
)  # fmt: skip


@pytest.mark.slow
def test_estimates_of_whole_networks_conserve():
    """Whatever network runs, in any dataflow; a broken identity would be a ModelError."""
    rng = random.Random(5)
    base, ran = load("arch_specs/edge64.yaml"), 0
    for path in NETWORKS:
        unroll = rng.choice(UNROLLS)  # few: each is built once to count its cells
        flow = rng.choice(["output_stationary", "weight_stationary", "input_stationary"])
        machine = with_changes(base, {**ROOMY, "array.unroll": unroll, "dataflow": flow})
        try:
            result = estimate(machine, path, batch=rng.randint(1, 2))
        except MappingError:  # layers this machine lacks
            continue
        bits, dead = result.breakdowns["written_bits"], result.breakdowns["dead_bits"]
        assert all(0 <= dead[name] <= bits[name] for name in bits)
        for layer, moved in result.breakdowns["store_traffic_bits"].items():
            assert moved >= result.breakdowns["compulsory_bits"][layer]
        ran += 1
    assert ran >= 15
