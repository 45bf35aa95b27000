"""A network on one accelerator: which weights stay in the store, and what the host link adds.

Weights are resident in layer order while words last; the rest is streamed from the host before its
layer, once per run of the network. The image in, the result out and streamed weights take cycles
of their own, overlapped with nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Mapping as MappingView
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from asicbnn.bnn.layer import Layer
from asicbnn.errors import MappingError
from asicbnn.mapping.capacity import activation_words, weight_block_words
from asicbnn.mapping.layout import Layout, ceil_div, layout
from asicbnn.mapping.loop_nest import LoopNest, Mapping
from asicbnn.model.cycles import Machine, count_nest
from asicbnn.model.gating import with_clocks
from asicbnn.technology.external import external

if TYPE_CHECKING:
    from asicbnn.spec.accelerator import Accelerator

_BITS_PER_KIB = 8192
KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT", int, float)


@dataclass(frozen=True)
class HostTraffic:
    """What crosses the host link around one layer.

    words_in, words_out   host link words
    weight_words          store link words streamed into the weight bank
    image_words           store link words of the image
    result_words          store link words of the result, 0 for an argmax
    """

    cycles: int
    words_in: int
    words_out: int
    weight_words: int
    image_words: int
    result_words: int


def residency(blocks: Sequence[int], bank_words: int) -> int:
    """Return how many layers, from the first on, keep their weights in the bank.

    blocks      link words of each layer: configuration, thresholds, weights
    bank_words  link words of the weight bank

    The longest prefix that leaves room for the largest of the streamed rest. Raises MappingError
    naming the words missing if a layer does not even fit alone.
    """
    largest = max(blocks, default=0)
    if largest > bank_words:
        worst = blocks.index(largest)
        raise MappingError(
            f"layer number {worst + 1} takes {largest} link words of weights, the weight bank has "
            f"{bank_words}: {largest - bank_words} words missing"
        )
    for kept in range(len(blocks), -1, -1):
        if sum(blocks[:kept]) + max(blocks[kept:], default=0) <= bank_words:
            return kept
    raise AssertionError("the largest block alone fits")


def host_traffic(
    accelerator: Accelerator, layers: Sequence[Layer], n_cfg: int
) -> tuple[HostTraffic, ...]:
    """Return the host link's part of each layer of a network."""
    lay, host = layout(accelerator), accelerator.host
    blocks = [weight_block_words(lay, layer, n_cfg) for layer in layers]
    resident = residency(blocks, lay.weight_bank_words)
    if is_weight_bank_read_only(accelerator) and resident < len(blocks):
        raise MappingError(_streamed_to_read_only(accelerator, lay, blocks, resident))
    traffic = []
    for i, layer in enumerate(layers):
        streamed = blocks[i] if i >= resident else 0
        image = activation_words(lay, layer)[0] if i == 0 else 0
        is_last = i == len(layers) - 1
        result, beats_out = _result(lay, layer) if is_last else (0, 0)
        beats_in = (streamed + image) * lay.host_beats
        bursts = (streamed > 0) + (image > 0) + is_last
        traffic.append(
            HostTraffic(
                cycles=bursts * host.latency_cycles + beats_in + beats_out,
                words_in=beats_in,
                words_out=beats_out,
                weight_words=streamed,
                image_words=image,
                result_words=result,
            )
        )
    return tuple(traffic)


def is_weight_bank_read_only(accelerator: Accelerator) -> bool:
    """Return whether a running machine cannot write its weights: a ROM, or a flash outside."""
    store = accelerator.store
    if store.external is not None:
        return external(store.external.standard).is_read_only
    return store.kind == "rom"


def _streamed_to_read_only(
    accelerator: Accelerator, lay: Layout, blocks: Sequence[int], resident: int
) -> str:
    store = accelerator.store
    what = store.external.standard if store.external else "ROM"
    kib = ceil_div(sum(blocks) * lay.link_bits, _BITS_PER_KIB)
    return (
        f"the weights of {len(blocks) - resident} layers do not stay in the weight bank and would "
        f"be streamed into it, but it is a {what}; set store.kib.weights to {kib} or more"
    )


def _result(lay: Layout, layer: Layer) -> tuple[int, int]:
    """Store link words and host link words of a network's result."""
    if layer.output == "argmax":
        return 0, layer.batch * lay.class_beats
    words = activation_words(lay, layer)[1]
    return words, words * lay.host_beats


def count_network(
    accelerator: Accelerator,
    layers: Sequence[Layer],
    mappings: Sequence[Mapping],
    n_cfg: int | None = None,
) -> tuple[dict[str, int], ...]:
    """Count every layer of a network, host traffic included, as exact integers.

    n_cfg  link words of one layer's configuration, by default the accelerator's own
    """
    if n_cfg is None:
        from asicbnn.hardware.configuration import configuration_words

        n_cfg = configuration_words(accelerator)
    machine = Machine.of(accelerator, n_cfg)
    traffic = host_traffic(accelerator, layers, n_cfg)
    counted = []
    for layer, mapping, host in zip(layers, mappings, traffic, strict=True):
        inner = count_nest(machine, LoopNest(layer, machine.layout, mapping))
        counted.append(with_clocks(accelerator, layer, with_host(inner, host), n_cfg))
    return tuple(counted)


def with_host(counts: MappingView[str, int], host: HostTraffic) -> dict[str, int]:
    """Add a layer's host traffic to its counts."""
    result = dict(counts)
    result["io_cycles"] += host.cycles
    result["cycles"] += host.cycles
    result["host_words_in"] += host.words_in
    result["host_words_out"] += host.words_out
    result["store_weight_writes"] += host.weight_words
    result["store_activation_writes"] += host.image_words
    result["store_activation_reads"] += host.result_words
    return result


def totals(layers: Iterable[MappingView[KeyT, ValueT]]) -> dict[KeyT, ValueT]:
    """Sum every count, or every energy, over the layers of a network."""
    result: dict[KeyT, ValueT] = {}
    for counts in layers:
        for name, value in counts.items():
            result[name] = result[name] + value if name in result else value
    return result


__all__ = [
    "HostTraffic",
    "count_network",
    "host_traffic",
    "is_weight_bank_read_only",
    "residency",
    "totals",
    "with_host",
]
