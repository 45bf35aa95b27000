"""What a random case exercises, by name: counted over a run, so that nothing is never tested."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from asicbnn.bnn.layer import DIMENSIONS, Layer
from asicbnn.hardware.configuration import configuration
from asicbnn.mapping.layout import layout
from asicbnn.mapping.loop_nest import OUTER_DIMENSIONS, LoopNest
from asicbnn.simulation.program import place
from asicbnn.spec.accelerator import Accelerator


class DrawnCase(Protocol):
    """A network with mappings on an accelerator."""

    @property
    def accelerator(self) -> Accelerator: ...
    @property
    def layers(self) -> tuple[Layer, ...]: ...
    @property
    def nests(self) -> list[LoopNest]: ...


def block_words(nest: LoopNest) -> int:
    """Link words of a layer's thresholds and weights."""
    lay = nest.layout
    words = lay.links_per_weight
    for d in ("K", "C", "FY", "FX", "BW"):
        words *= nest.all_trips(d)
    return nest.all_trips("K") * lay.links_per_threshold + words


def features(case: DrawnCase) -> set[str]:
    """Names of everything in a case that is not the plainest possible."""
    found: set[str] = set()
    for nest in case.nests:
        found |= _layer_features(nest) | _mapping_features(nest, case.accelerator)
    return found | accelerator_features(case.accelerator) | _network_features(case)


def _layer_features(nest: LoopNest) -> set[str]:
    layer, unroll = nest.layer, nest.layout.unroll
    sides = (layer.pad_top, layer.pad_bottom, layer.pad_left, layer.pad_right)
    padded = any(sides)
    checks = {
        "odd sizes": any(layer.size(d) % unroll[d] for d in DIMENSIONS),
        "stride": layer.stride > 1,
        "zero padding": padded and layer.pad_value == "zero" and layer.is_bipolar,
        "+1 padding": padded and layer.pad_value == "+1",
        "-1 padding": padded and layer.pad_value == "-1",
        "multi-bit padding": padded and not layer.is_bipolar,
        "asymmetric padding": sides[0] != sides[1] or sides[2] != sides[3],
        "pool before threshold": layer.pool > 1 and layer.pool_order == "before_threshold",
        "pool after threshold": layer.pool > 1 and layer.pool_order == "after_threshold",
        "argmax": layer.output == "argmax",
        "batch": layer.batch > 1,
        "multi-bit inputs": layer.activation_bits > 1,
        "signed inputs": layer.signed_input,
        "multi-bit weights": layer.weight_bits > 1,
    }
    return {name for name, holds in checks.items() if holds}


def _mapping_features(nest: LoopNest, accelerator: Accelerator) -> set[str]:
    checks = {f"tiled {d}": nest.tiles(d) > 1 for d in OUTER_DIMENSIONS} | {
        "psum buffer": nest.psum_words > 0,
        "sliding rows": accelerator.buffers.input.circular_rows and nest.slides,
        "ring reload": accelerator.buffers.input.circular_rows
        and not nest.slides
        and nest.outer_reload("input") >= 0,
    }
    return {name for name, holds in checks.items() if holds}


def accelerator_features(accelerator: Accelerator) -> set[str]:
    """Names of an accelerator's structural choices that are not the plainest."""
    lay, buffers = layout(accelerator), accelerator.buffers
    hold = accelerator.registers.hold
    checks = {f"unroll {d}": n > 1 for d, n in lay.unroll.items() if d not in ("BW", "BA")} | {
        "shared port": buffers.shared_port,
        "shadow registers": accelerator.registers.shadow,
        "single weight buffer": not buffers.weight.ping_pong,
        "single input buffer": not buffers.input.ping_pong,
        "narrow link": lay.links_per_word > 1,
        "wide link": lay.words_per_link > 1,
        "narrow host link": lay.host_beats > 1,
        "class in beats": lay.class_beats > 1,
        "narrow weight port": lay.weight_slots > 1,
        "narrow input port": lay.input_word_slots > 1,
        "narrow psum port": lay.psum_slots > 1,
        "single psum port": buffers.psum.ports == "1rw",
        "weights not held": not hold.weight,
        "inputs not held": not hold.input,
        "psums not held": not hold.psum,
        "fixed order": accelerator.sequencer.order == "fixed",
        "external store": accelerator.store.kind == "external",
        "no pooling stage": "max_pool" not in accelerator.post,
        "no argmax stage": "argmax" not in accelerator.post,
        "one image at a time": accelerator.limits.batch == 1,
        "adder tree": accelerator.array.popcount.structure == "tree",
        "counter tree": accelerator.array.popcount.structure == "sliced",
        "pipelined popcount": accelerator.array.popcount.pipeline_stages > 0,
        "output in pieces": lay.output_pieces > 1,
        "output masks": lay.output_piece_bits < lay.link_bits,
        "gated clocks": accelerator.clock_gating == "register",
    }
    return {name for name, holds in checks.items() if holds}


def _network_features(case: DrawnCase) -> set[str]:
    lay = layout(case.accelerator)
    words = configuration(case.accelerator).words
    placements = place(lay, [words + block_words(n) for n in case.nests], case.layers)
    streamed = [p.streamed for p in placements]
    found = {f"{len(case.layers)} layer network"}
    found |= {"streamed weights"} if any(streamed) else set()
    return found | ({"resident weights"} if not all(streamed) else set())


ALL_FEATURES: Sequence[str] = (
    "odd sizes",
    "stride",
    "zero padding",
    "+1 padding",
    "-1 padding",
    "multi-bit padding",
    "asymmetric padding",
    "pool before threshold",
    "pool after threshold",
    "argmax",
    "batch",
    "multi-bit inputs",
    "signed inputs",
    "multi-bit weights",
    "tiled B",
    "tiled K",
    "tiled C",
    "tiled OY",
    "tiled OX",
    "psum buffer",
    "sliding rows",
    "ring reload",
    "unroll B",
    "unroll K",
    "unroll C",
    "unroll OY",
    "unroll OX",
    "unroll FY",
    "unroll FX",
    "shared port",
    "shadow registers",
    "single weight buffer",
    "single input buffer",
    "narrow link",
    "wide link",
    "narrow host link",
    "class in beats",
    "narrow weight port",
    "narrow input port",
    "narrow psum port",
    "single psum port",
    "weights not held",
    "inputs not held",
    "psums not held",
    "fixed order",
    "external store",
    "no pooling stage",
    "no argmax stage",
    "one image at a time",
    "adder tree",
    "counter tree",
    "pipelined popcount",
    "output in pieces",
    "output masks",
    "gated clocks",
    "1 layer network",
    "2 layer network",
    "3 layer network",
    "streamed weights",
    "resident weights",
)
