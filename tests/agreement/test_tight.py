"""Accelerators with no room to spare: every limit, buffer and bank exactly what the case needs.

Registers are as wide as limits and capacities ask; a value that is one too large for its register
shows only where nothing is larger than it must be.
"""

from __future__ import annotations

import numpy as np
import pytest

from asicbnn.bnn.reference import random_activations, random_parameters
from asicbnn.errors import SpecError
from asicbnn.hardware.accelerator import elaborate
from asicbnn.hardware.configuration import configuration_words
from asicbnn.mapping.capacity import activation_words, check, weight_block_words
from asicbnn.mapping.layout import ceil_div, layout
from asicbnn.simulation.backends import simulator
from asicbnn.simulation.program import shared_order
from asicbnn.spec.accelerator import with_changes
from asicbnn.verify.agreement import Subject
from asicbnn.verify.cases import accelerator, case


def tight_limits(drawn):
    layers, unroll = drawn.layers, drawn.accelerator.array.unroll

    def most(*values):
        return max(values)

    bits = most(*(layer.largest_sum.bit_length() for layer in layers))
    return {
        "batch": most(unroll.batch, *(x.batch for x in layers)),
        "out_channels": most(unroll.out_channels, *(x.out_channels for x in layers)),
        "in_channels": most(unroll.in_channels, *(x.in_channels for x in layers)),
        "map": most(
            unroll.out_y, unroll.out_x,
            *(n for x in layers for n in (x.in_y, x.in_x, x.full_out_y, x.full_out_x)),
        ),
        "kernel": most(
            unroll.kernel_y, unroll.kernel_x,
            *(n for x in layers for n in (x.kernel_y, x.kernel_x)),
        ),
        "weight_bits": most(*(x.weight_bits for x in layers)),
        "activation_bits": most(*(x.activation_bits for x in layers)),
        "pool": most(*(x.pool for x in layers)),
        "psum_bits": bits,
    }  # fmt: skip


def tight(drawn):
    """Return the case's accelerator shrunk until nothing is left over."""
    before, nests = drawn.accelerator, drawn.nests
    lay, buffers = layout(before), before.buffers
    halves = {"weight": buffers.weight.ping_pong, "input": buffers.input.ping_pong}
    words = {
        "weight": max(n.weight_tile_words for n in nests) * (2 if halves["weight"] else 1),
        "input": max(n.input_tile_words for n in nests) * (2 if halves["input"] else 1),
    }
    psums = max(n.psum_words for n in nests)
    changes = {
        "limits": tight_limits(drawn),
        "buffers.weight.words": words["weight"],
        "buffers.input.words": words["input"],
        "buffers.psum.words": psums if before.registers.hold.psum else max(1, psums),
        "buffers.threshold.words": max(n.all_trips("K") for n in nests),
        "buffers.pool.words": max(1, *(n.pool_words for n in nests)),
    }
    records = [activation_words(lay, layer) for layer in drawn.layers]
    bank = max(1, *(n for pair in records for n in pair))
    changes["store.kib.activations"] = bank * lay.link_bits / 4096
    shrunk = with_changes(before, changes)
    for _ in range(4):  # the configuration's length depends on the bank, and it lies in the bank
        n_cfg = configuration_words(shrunk)
        blocks = [weight_block_words(layout(shrunk), layer, n_cfg) for layer in drawn.layers]
        kib = max(blocks) * lay.link_bits / 8192
        shrunk = with_changes(shrunk, {"store.kib.weights": kib})
    return shrunk


def check_tight(seed, index):
    drawn = case(seed, index, accelerator(seed, index // 20))
    try:
        spec = tight(drawn)
    except SpecError:  # a class index wider than the host link and the like
        return False
    n_cfg = configuration_words(spec)
    for layer, mapping in zip(drawn.layers, drawn.mappings, strict=True):
        check(spec, layer, mapping, n_cfg)
    machine = elaborate(spec, order=shared_order(spec, drawn.mappings))
    rng = np.random.default_rng([seed, index])
    parameters = [random_parameters(layer, rng) for layer in drawn.layers]
    images = random_activations(drawn.layers[0], rng)
    backend = simulator(machine.block)
    subject = Subject(
        machine, backend, drawn.layers, parameters, drawn.mappings, cycle_limit=1_000_000
    )  # fmt: skip
    assert [row for row in subject.rows(images) if not row.agrees] == []
    return True


@pytest.mark.parametrize("index", [0, 20, 40])
def test_a_case_that_fits_exactly(index):
    assert check_tight(21, index)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(22, 26))
def test_many_cases_that_fit_exactly(seed):
    assert sum(check_tight(seed, index) for index in range(0, 200, 7)) > 20


def test_link_words_fill_whole_buffer_rows():
    """Where a link word holds several input words, tiles are whole rows of the buffer already."""
    for index in range(0, 200, 20):
        drawn = case(21, index, accelerator(21, index // 20))
        lay = layout(drawn.accelerator)
        for nest in drawn.nests:
            assert nest.input_tile_words % lay.words_per_link == 0
            assert ceil_div(nest.trips("C"), lay.words_per_link) * lay.words_per_link == (
                lay.channel_words_padded(nest.trips("C"))
            )
