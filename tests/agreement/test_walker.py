"""Closed forms against the walker: every count and every class of cycles, with ==."""

import random
from collections import Counter

import pytest
from agreement.cases import random_case
from agreement.walker import Walker, useful_products

from asicbnn.hardware.gating import CLOCKS
from asicbnn.model.cycles import count_layer

CASES_PER_SEED = 200


def features(case):
    """Name what a case exercises, so that a run can show that nothing was left out."""
    a, layer, nest = case.accelerator, case.layer, case.nest
    u = case.layout.unroll
    splits = [d for d in ("B", "K", "C", "OY", "OX") if nest.tiles(d) > 1]
    return {
        "shadow": a.registers.shadow,
        "shared port": a.buffers.shared_port,
        "single psum port": a.buffers.psum.ports == "1rw",
        "single weight buffer": not a.buffers.weight.ping_pong,
        "single input buffer": not a.buffers.input.ping_pong,
        "sliding rows": a.buffers.input.circular_rows and nest.slides,
        "narrow weight port": case.layout.weight_slots > 1,
        "narrow input port": case.layout.input_word_slots > 1,
        "psum spills": nest.psum_words > 0,
        "channels split": nest.tiles("C") > 1,
        "four outer loops": len(splits) >= 4,
        "asymmetric pads": layer.pad_top != layer.pad_bottom,
        "kernel below stride": layer.kernel_y < layer.stride,
        "weight planes": layer.weight_bits > 1,
        "activation planes": layer.activation_bits > 1,
        "pooling": layer.pool > 1,
        "pooling, rows split": layer.pool > 1 and nest.tiles("OY") > 1,
        "argmax": layer.output == "argmax",
        "held output": case.layout.output_slots(layer) > 1,
        "held under shadow": a.registers.shadow and case.layout.output_slots(layer) > 1,
        "link words of several input words": case.layout.words_per_link > 1,
        "input words of several link words": case.layout.links_per_word > 1,
        "hold off": not all(case.mapping.hold),
        **{f"unroll {d}": u[d] > 1 for d in ("B", "K", "C", "OY", "OX", "FY", "FX")},
        **{f"edge {d}": nest.last_size(d) < nest.full_size(d) for d in splits},
    }


def compare(case, n_cfg):
    gated = case.accelerator.model_copy(update={"clock_gating": "register"})
    walker = Walker(gated, case.layout, case.layer, case.mapping, n_cfg)
    walked = walker.walk()
    counted = count_layer(gated, case.layer, case.mapping, n_cfg)
    assert {name: counted[name] for name in walked} == walked, case
    clocked = {name for name in CLOCKS if counted[name]}
    assert clocked == {name for name in walked if name in CLOCKS and walked[name]}
    ungated = count_layer(case.accelerator, case.layer, case.mapping, n_cfg)
    assert ungated == {**{name: counted[name] for name in ungated}, "gated_clocks": 0}
    assert counted["useful_binary_macs"] == useful_products(case.layer)
    nest = case.nest
    assert nest.weight_tile_words == walker.peak["weight"]
    assert nest.row_words == walker.peak["row"]
    assert nest.rows() == walker.peak["rows"]
    assert nest.psum_words == walker.peak["psum"], case
    assert nest.pool_words >= walker.peak["pool"]


@pytest.mark.parametrize("seed", range(10))
def test_every_count_and_cycle_equals_the_walk(seed):
    rng = random.Random(seed)
    for _ in range(CASES_PER_SEED):
        compare(random_case(rng), n_cfg=rng.randint(1, 9))


def test_the_random_cases_exercise_every_feature():
    seen = Counter()
    for seed in range(10):
        rng = random.Random(seed)
        for _ in range(CASES_PER_SEED):
            case = random_case(rng)
            rng.randint(1, 9)
            seen.update({name: int(value) for name, value in features(case).items()})
    assert min(seen.values()) >= 10, seen


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 150))
def test_many_more_counts_equal_the_walk(seed):
    rng = random.Random(seed)
    for _ in range(CASES_PER_SEED):
        compare(random_case(rng, most_steps=1500), n_cfg=rng.randint(1, 9))
