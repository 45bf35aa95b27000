"""The host words of the test bench: as many as the network has, each bit that means something."""

from __future__ import annotations

import pytest

from asicbnn.errors import MappingError, SpecError
from asicbnn.export.stimuli import stimuli
from asicbnn.mapping.layout import layout
from asicbnn.spec import load
from asicbnn.spec.accelerator import with_changes
from asicbnn.spec.workload import Workload, read_workload
from asicbnn.verify.cases import accelerator as random_accelerator

TINY = load("arch_specs/tiny.yaml")


def one_layer(channels_out, *, size=4, kernel=2):
    out = size - kernel + 1
    return Workload.model_validate({
        "name": "one", "input": {"shape": [size, size, 3], "bits": 1},
        "layers": [{"name": "conv", "op": "conv", "out_channels": channels_out,
                    "kernel": [kernel, kernel], "post": ["batch_norm", "sign"],
                    "shape": [out, out, channels_out]}],
    })  # fmt: skip


@pytest.mark.parametrize("channels", [1, 5, 8, 11])
def test_every_stored_bit_is_compared_and_no_other(channels):
    stimulus = stimuli(TINY, one_layer(channels))
    assert sum(word.bit_count() for word in stimulus.mask) == 9 * channels
    pairs = zip(stimulus.received, stimulus.mask, strict=True)
    assert all(word & ~mask == 0 for word, mask in pairs)
    assert len(stimulus.received) == 9 * -(-channels // 8)  # records of whole link words


def test_a_class_is_one_number():
    stimulus = stimuli(TINY, read_workload("workloads/digits_mlp_64_256_256_10.yaml"))
    lay = layout(TINY)
    assert len(stimulus.received) == lay.class_beats
    assert sum(word.bit_count() for word in stimulus.mask) == lay.class_bits
    flat = sum(word << (i * lay.host_bits) for i, word in enumerate(stimulus.received))
    lane, word = flat % lay.unroll["K"], flat // lay.unroll["K"]
    assert 0 <= word * lay.unroll["K"] + lane < 10
    assert stimulus.layers == 3


def test_every_block_comes_through_the_host_link():
    stimulus = stimuli(TINY, one_layer(8))
    assert stimulus.boot["boot_address"] == 0
    assert len(stimulus.sent) == sum(
        stimulus.boot[f"boot_{part}_words"] for part in ("image", "stream")
    )
    assert max(stimulus.sent) < 1 << layout(TINY).host_bits


@pytest.mark.parametrize("number", range(12))
def test_some_random_layer_fits_every_accelerator(number):
    stimulus = stimuli(random_accelerator(5, number), None)
    assert stimulus.workload == "random_layer"
    assert any(stimulus.mask)


def test_the_seed_chooses_what_is_drawn():
    first, again, other = (stimuli(TINY, None, seed).sent for seed in (1, 1, 2))
    assert first == again != other


def test_a_network_that_does_not_fit_is_refused():
    with pytest.raises(MappingError, match="layer conv"):
        stimuli(with_changes(TINY, {"limits.kernel": 1}), one_layer(4))
    with pytest.raises(SpecError, match="is not executed as a whole"):
        stimuli(TINY, read_workload("workloads/birealnet18.yaml"))
