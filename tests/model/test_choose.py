"""The search against counting every candidate of the same set, one by one."""

import itertools
import random

import pytest
from agreement.cases import random_accelerator, random_layer

from asicbnn.bnn.layer import Layer
from asicbnn.errors import MappingError
from asicbnn.mapping.capacity import check_mapping
from asicbnn.mapping.dataflow import DATAFLOWS, ORDERS
from asicbnn.mapping.layout import layout
from asicbnn.mapping.loop_nest import LoopNest, Mapping
from asicbnn.model.choose import Choice, Prices, choose_layer, choose_network
from asicbnn.model.cycles import count_layer
from asicbnn.spec.accelerator import Accelerator, with_changes

OUTER = ("B", "K", "C", "OY", "OX")
FREE = ("output_stationary", "weight_stationary", "input_stationary", "row_stationary")
N_CFG = 5


def conv(name="conv", **changes):
    shape = {
        "out_channels": 128, "in_channels": 128, "in_y": 16, "in_x": 16, "kernel_y": 3,
        "kernel_x": 3, "pad_top": 1, "pad_bottom": 1, "pad_left": 1, "pad_right": 1,
        "pad_value": "zero",
    }  # fmt: skip
    return Layer(name=name, **{**shape, **changes})


def edge(**changes):
    return with_changes(
        Accelerator(name="edge"), {"store.kib": {"weights": 512.0, "activations": 64.0}, **changes}
    )


PRICES = Prices(
    weight_buffer_reads=900, weight_buffer_writes=950, input_buffer_reads=50,
    input_buffer_writes=60, psum_buffer_reads=300, psum_buffer_writes=310,
    threshold_buffer_reads=100, store_weight_reads=2000, store_activation_reads=1500, steps=4000,
    cycles=800,
)  # fmt: skip


def small_case(rng, exhaustive):
    """Draw a layer and an accelerator whose buffers hold some of its tiles but not all."""
    while True:
        accelerator, layer, sets = random_accelerator(rng), random_layer(rng), 1
        for d in OUTER:
            sets *= len(candidate_tiles(layout(accelerator), layer, d, exhaustive))
        if 6 <= sets <= 50 and (layer.output == "bits" or "argmax" in accelerator.post):
            break
    return with_changes(accelerator, {
        "buffers.weight.words": 2 * rng.randint(4, 80),
        "buffers.input.words": 32 * rng.randint(2, 40),
        "buffers.psum.words": rng.randint(1, 50),
        "buffers.pool.words": rng.randint(1, 30),
    }), layer  # fmt: skip


def candidate_tiles(lay, layer, d, exhaustive):
    """List the tiles again, from the definition: the smallest legal one for each number of cuts."""
    size, unroll = layer.size(d), lay.unroll[d]
    legal = [
        t
        for t in range(unroll, size, unroll)
        if (d != "C" or t // unroll % lay.words_per_link == 0)
        and (d not in ("OY", "OX") or t % layer.pool == 0)
    ]
    if not exhaustive:
        by_cuts = {}
        for tile in reversed(legal):
            by_cuts[-(-size // tile)] = tile
        legal = sorted(by_cuts.values())
    return [*legal, -(-size // unroll) * unroll]


def every_mapping(accelerator, layer, inners, outers, hold, exhaustive):
    lay = layout(accelerator)
    columns = [candidate_tiles(lay, layer, d, exhaustive) for d in OUTER]
    for tile in itertools.product(*columns):
        tiles = dict(zip(OUTER, tile, strict=True))
        split = tuple(d for d in OUTER if tiles[d] < layer.size(d))
        rest = tuple(d for d in OUTER if d not in split)
        orders = [(*rest, *slots) for slots in itertools.permutations(split)]
        for outer in outers or orders:
            for inner in inners:
                mapping = Mapping(tuple((d, tiles[d]) for d in outer), inner, hold)
                try:
                    check_mapping(accelerator, layer, mapping)
                except MappingError:
                    continue
                yield mapping


def key_of(accelerator, layer, mapping, prices, objective):
    counted = count_layer(accelerator, layer, mapping, N_CFG)
    names = [f for f in prices.__dataclass_fields__ if f not in ("steps", "cycles")]
    energy = sum(getattr(prices, name) * counted[name] for name in names)
    energy += prices.steps * counted["steps"] + prices.cycles * counted["cycles"]
    lay = layout(accelerator)
    nest = LoopNest(layer, lay, mapping)
    bits = (
        nest.weight_tile_words * lay.weight_word_bits
        + nest.input_tile_words * lay.input_word_bits
        + nest.psum_words * lay.psum_word_bits
    )
    value = {
        "energy": energy,
        "cycles": counted["cycles"],
        "edp": energy * counted["cycles"],
    }[objective]
    return float(value), float(counted["cycles"]), float(bits)


def random_prices(rng):
    draw = lambda: float(rng.choice([0, 1, 7, 50, 900]))  # noqa: E731
    return Prices(**{name: draw() for name in Prices.__dataclass_fields__})


def compare_with_brute_force(rng, exhaustive):
    accelerator, layer = small_case(rng, exhaustive)
    prices, objective = random_prices(rng), rng.choice(["energy", "cycles", "edp"])
    dataflow = rng.choice(["best", "best", "best", *DATAFLOWS])
    held = accelerator.registers.hold
    hold = (held.weight, held.input, held.psum)
    if dataflow == "best":
        inners, outers = [ORDERS[name][0] for name in FREE], None
    else:
        inners, outers, objective = [ORDERS[dataflow][0]], [ORDERS[dataflow][1]], "energy"
        hold = (False, False, False) if dataflow == "no_local_reuse" else hold
    keys = [
        key_of(accelerator, layer, mapping, prices, objective)
        for mapping in every_mapping(accelerator, layer, inners, outers, hold, exhaustive)
    ]
    arguments = {"dataflow": dataflow, "objective": objective, "exhaustive": exhaustive}
    if not keys:
        with pytest.raises(MappingError):
            choose_layer(accelerator, layer, prices, **arguments, n_cfg=N_CFG)
        return 0
    choice = choose_layer(accelerator, layer, prices, **arguments, n_cfg=N_CFG)
    check_mapping(accelerator, layer, choice.mapping)
    assert choice.candidates == len(keys)
    assert choice.key == min(keys)
    assert choice.key == key_of(accelerator, layer, choice.mapping, prices, objective)
    assert choice.exhaustive == exhaustive
    return len(keys)


@pytest.mark.parametrize("exhaustive", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_the_choice_is_the_best_of_all_candidates(seed, exhaustive):
    rng = random.Random(seed)
    fitting = [compare_with_brute_force(rng, exhaustive) for _ in range(10)]
    assert max(fitting) > 20


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 130))
def test_the_choice_is_the_best_of_many_more_candidates(seed):
    rng = random.Random(seed)
    for _ in range(10):
        compare_with_brute_force(rng, exhaustive=rng.random() < 0.5)


def test_orders_of_unsplit_dimensions_change_nothing():
    layer = conv(out_channels=64, in_channels=128, in_y=4, in_x=4)
    tiles = {"B": 1, "K": 32, "C": 64, "OY": 4, "OX": 4}
    inner, _ = ORDERS["output_stationary"]
    counted = {}
    for outer in itertools.permutations(OUTER):
        mapping = Mapping(tuple((d, tiles[d]) for d in outer), inner)
        counts = count_layer(edge(), layer, mapping, N_CFG)
        counted.setdefault(outer.index("K") < outer.index("C"), []).append(counts)
    for same in counted.values():
        assert len(same) == 60
        assert all(counts == same[0] for counts in same)


def test_best_is_never_worse_than_a_named_dataflow():
    layers = [conv("a"), conv("b", stride=2), conv("c", in_channels=16, pool=2)]
    best = choose_network(edge(), layers, PRICES, dataflow="best")
    for name in DATAFLOWS:
        named = choose_network(edge(), layers, PRICES, dataflow=name)
        for ours, theirs in zip(best, named, strict=True):
            assert ours.energy_fj <= theirs.energy_fj
            assert theirs.mapping.inner == ORDERS[name][0]


def test_a_fixed_sequencer_gets_one_order_for_all_layers():
    layers = [conv("a"), conv("b", out_channels=256), conv("c", in_y=32, in_x=32, in_channels=64)]
    fixed = edge(**{"sequencer.order": "fixed"})
    chosen = choose_network(fixed, layers, PRICES, dataflow="best", n_cfg=N_CFG)
    orders = {(c.mapping.inner, tuple(d for d, _ in c.mapping.outer)) for c in chosen}
    assert len(orders) == 1
    free = choose_network(edge(), layers, PRICES, dataflow="best", n_cfg=N_CFG)
    assert sum(c.energy_fj for c in free) <= sum(c.energy_fj for c in chosen)
    by_hand = min(
        sum(best_in_order(fixed, layer, ORDERS[name][0], outer).energy_fj for layer in layers)
        for name in FREE
        for outer in {tuple(d for d, _ in c.mapping.outer) for c in (*free, *chosen)}
    )
    assert sum(c.energy_fj for c in chosen) <= by_hand


def best_in_order(accelerator, layer, inner, outer) -> Choice:
    from asicbnn.model.candidates import Orders
    from asicbnn.model.choose import _choice
    from asicbnn.model.cycles import Machine
    from asicbnn.model.layer_search import LayerSearch

    machine = Machine.of(accelerator, N_CFG)
    orders = Orders((inner,), (outer,), (True, True, True))
    search = LayerSearch(accelerator, machine, layer, PRICES, orders, "energy", False)
    return _choice(search, search.best(), outer, False)


def test_the_objective_is_named_and_kept():
    choice = choose_layer(edge(), conv(), PRICES, dataflow="best", objective="cycles")
    quick = choose_layer(edge(), conv(), PRICES, dataflow="best", objective="energy")
    assert choice.objective == "cycles"
    assert choice.cycles <= quick.cycles
    assert quick.energy_fj <= choice.energy_fj


def test_a_layer_that_fits_no_way_says_what_is_missing():
    accelerator = edge(**{"buffers.weight.words": 16})
    with pytest.raises(MappingError, match=(
        r"^layer big: a weight tile takes 9 words, buffers\.weight\.words holds 8 \(half of 16, "
        r"ping-pong\); no smaller tile of one dimension fits; the smallest tiles take 9 words$"
    )):  # fmt: skip
        choose_layer(accelerator, conv("big"), PRICES)


def test_prices_are_finite_and_not_negative():
    with pytest.raises(ValueError, match=r"^cycles: a price is a finite number >= 0 \[fJ\]$"):
        Prices(cycles=-1.0)
    with pytest.raises(ValueError, match=r"^steps: a price"):
        Prices(steps=float("nan"))
