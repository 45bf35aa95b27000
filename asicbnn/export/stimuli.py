"""What the test bench sends to the chip's host port, and what must come back.

Every layer's block is streamed through the host link, so the bench needs nothing but the pins: it
runs as well on a mapped netlist, and with real memory macros. The expected words come from the
integer reference, which shares nothing with the hardware.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asicbnn.bnn import reference
from asicbnn.bnn.layer import Layer
from asicbnn.errors import MappingError
from asicbnn.hardware.configuration import Order, configuration_words
from asicbnn.mapping.capacity import check_layer
from asicbnn.mapping.layout import Layout, ceil_div, ceil_log2, layout
from asicbnn.model.costs import technology_of
from asicbnn.model.estimate import estimate
from asicbnn.model.mappings import Request, mappings
from asicbnn.simulation.backends.interface import numbers_of_words
from asicbnn.simulation.packing import Words, bits_of_words, host_words, map_words, words_of_bits
from asicbnn.simulation.program import build_program
from asicbnn.spec.accelerator import Accelerator
from asicbnn.spec.lowering import lower
from asicbnn.spec.parameters import load_images, load_parameters
from asicbnn.spec.workload import Workload


@dataclass(frozen=True, eq=False)
class Stimuli:
    """One image through a network, word by word of the host link.

    boot       values of the boot_*_in ports      order  loop order of a fixed sequencer
    sent       words the chip reads                received, mask  words it sends, bits that count
    cycle_limit  cycles after which something is wrong
    """

    workload: str
    layers: int
    boot: dict[str, int]
    order: Order | None
    sent: list[int]
    received: list[int]
    mask: list[int]
    cycle_limit: int


def stimuli(accelerator: Accelerator, workload: Workload | None, seed: int = 0) -> Stimuli:
    """Run one image of a workload in integers (default: of a small random layer that fits).

    Raises SpecError for a network that is not executed as a whole, MappingError for one that does
    not fit.
    """
    if workload is not None:
        return _of(accelerator, workload, seed)
    for candidate in _random_layers(accelerator):
        try:
            return _of(accelerator, candidate, seed)
        except MappingError as refusal:
            refused = refusal
    raise refused


def _random_layers(accelerator: Accelerator) -> Iterator[Workload]:
    """Single layers, each smaller than the one before, beyond the unroll where there is room."""
    limits, unroll = accelerator.limits, accelerator.array.unroll
    stride = min(accelerator.array.strides)
    kernel = min(3, limits.kernel)
    for rows in (6, 4, 3, 1):
        size = min(rows, limits.map)
        k = min(kernel, size)
        out = (size - k) // stride + 1
        for more in (2, 1):
            channels_in = min(limits.in_channels, more * unroll.in_channels)
            channels_out = min(limits.out_channels, more * unroll.out_channels)
            yield Workload.model_validate({
                "name": "random_layer",
                "input": {"shape": [size, size, channels_in], "bits": 1},
                "layers": [{
                    "name": "conv", "op": "conv", "out_channels": channels_out,
                    "kernel": [k, k], "stride": stride, "post": ["batch_norm", "sign"],
                    "shape": [out, out, channels_out],
                }],
            })  # fmt: skip


def _of(accelerator: Accelerator, workload: Workload, seed: int) -> Stimuli:
    lay = layout(accelerator)
    images = load_images(workload, 1, seed).activations
    parameters = load_parameters(workload, seed)
    layers = lower(workload).layers
    n_cfg = configuration_words(accelerator)
    for layer in layers:
        check_layer(accelerator, layer, n_cfg)
    technology = technology_of(accelerator)
    request = Request(accelerator.dataflow)
    chosen = mappings(accelerator, technology, layers, request, n_cfg)
    program = build_program(accelerator, layers, parameters, chosen, all_streamed=True)
    sent = np.concatenate([map_words(lay, layers[0], images), *program.blocks])
    output = reference.run_network(layers, parameters, images)[-1]
    expected, mask = _expected(lay, layers[-1], output)
    return Stimuli(
        workload.name, len(layers), program.boot, program.order,
        numbers_of_words(host_words(lay, sent)), numbers_of_words(expected),
        numbers_of_words(mask),
        _cycle_limit(accelerator, workload, len(sent) + len(expected)),
    )  # fmt: skip


def _cycle_limit(accelerator: Accelerator, workload: Workload, words: int) -> int:
    """Twice what the model says, and the host words that travel beside it."""
    cycles = estimate(accelerator, workload).totals["cycles"]
    return 2 * int(cycles) + 2 * words * layout(accelerator).host_beats + 1000


def _expected(lay: Layout, layer: Layer, output: reference.LayerOutput) -> tuple[Words, Words]:
    """Host words of a layer's output, and a mask of the bits that mean something."""
    if output.classes is not None:
        return _class_words(lay, output.classes)
    assert output.bits is not None
    links = lay.record_links(ceil_div(layer.out_channels, lay.unroll["C"]))
    pixels = output.bits.reshape(-1, layer.out_channels)
    words = []
    for bits in (pixels, np.ones_like(pixels)):
        padded = np.zeros((len(pixels), links * lay.link_bits), bool)
        padded[:, : layer.out_channels] = bits
        words.append(host_words(lay, words_of_bits(padded.reshape(-1, lay.link_bits))))
    return words[0], words[1]


def _class_words(lay: Layout, classes: NDArray[np.integer[Any]]) -> tuple[Words, Words]:
    """Class as the chip sends it: lane in the low bits, channel word above."""
    lanes = max(1, ceil_log2(lay.unroll["K"]))
    word, lane = np.divmod(classes, lay.unroll["K"])
    values = (word << lanes | lane).astype(np.uint64)[:, np.newaxis]
    bits = np.zeros((len(classes), lay.class_beats * lay.host_bits), bool)
    bits[:, : lay.class_bits] = bits_of_words(values, lay.class_bits)
    mask = np.zeros_like(bits)
    mask[:, : lay.class_bits] = True
    sent, compared = (words_of_bits(x.reshape(-1, lay.host_bits)) for x in (bits, mask))
    return sent, compared
