"""Candidate tiles: legal, and the smallest of each number of cuts."""

import random

import pytest
from agreement.cases import legal_step, random_accelerator, random_layer

from asicbnn.bnn.layer import Layer
from asicbnn.mapping.layout import layout
from asicbnn.mapping.tiling import split_tiles, tile_step, tiles, whole_tile
from asicbnn.spec.accelerator import Accelerator, with_changes

WIDE = with_changes(
    Accelerator(name="wide"),
    {"array.unroll.in_channels": 16, "array.unroll.out_y": 3, "store.link.bits": 64},
)


def test_input_channels_are_cut_at_whole_link_words():
    layer = Layer(name="l", out_channels=8, in_channels=300)
    assert tile_step(layout(WIDE), layer, "C") == 64
    assert tiles(layout(WIDE), layer, "C") == (64, 128, 192, 304)


def test_rows_are_cut_at_whole_pooling_windows():
    layer = Layer(name="l", out_channels=8, in_channels=8, in_y=24, in_x=24, pool=2)
    assert tile_step(layout(WIDE), layer, "OY") == 6
    assert tiles(layout(WIDE), layer, "OY") == (6, 12, 24)
    assert split_tiles(layout(WIDE), layer, "OX", exhaustive=True) == tuple(range(2, 24, 2))


@pytest.mark.parametrize("seed", range(20))
def test_candidates_are_legal_and_least_for_their_number_of_cuts(seed):
    rng = random.Random(seed)
    lay, layer = layout(random_accelerator(rng)), random_layer(rng)
    for d in ("B", "K", "C", "OY", "OX"):
        size, step = layer.size(d), legal_step(lay, layer, d)
        every = list(range(step, size, step))
        assert split_tiles(lay, layer, d, exhaustive=True) == tuple(every)
        least = {}
        for tile in reversed(every):
            least[-(-size // tile)] = tile
        assert split_tiles(lay, layer, d) == tuple(sorted(least.values()))
        assert tiles(lay, layer, d)[-1] == whole_tile(lay, layer, d) >= size
