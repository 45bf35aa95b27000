"""Random cases: small accelerators, and networks with mappings that are legal on them.

A case is reproducible from (seed, index) and the steps its layers may take. About twenty cases
share an accelerator, since building hardware costs more than running it.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from asicbnn.bnn.layer import DIMENSIONS, Layer, PadValue
from asicbnn.errors import MappingError
from asicbnn.hardware.configuration import configuration
from asicbnn.mapping.capacity import check
from asicbnn.mapping.dataflow import DATAFLOWS, ORDERS, hold_flags
from asicbnn.mapping.layout import Layout, ceil_div, layout
from asicbnn.mapping.loop_nest import OUTER_DIMENSIONS, LoopNest, Mapping
from asicbnn.simulation.program import place
from asicbnn.spec.accelerator import Accelerator
from asicbnn.verify.features import accelerator_features, block_words

CASES_PER_ACCELERATOR = 20
MOST_STEPS = 1500
FEWER_STEPS = 200
"""Of layers for simulators that run some thousand cycles per second."""
MOST_LANES = 160
SRAM: dict[str, Any] = {"kind": "sram"}
EXTERNAL: dict[str, Any] = {"kind": "external", "external": {"standard": "lpddr4"}}


@dataclass(frozen=True)
class Case:
    """A network of 1-3 layers with mappings on an accelerator."""

    accelerator: Accelerator
    layers: tuple[Layer, ...]
    mappings: tuple[Mapping, ...]

    @property
    def nests(self) -> list[LoopNest]:
        lay = layout(self.accelerator)
        return [LoopNest(x, lay, m) for x, m in zip(self.layers, self.mappings, strict=True)]


# ---------------------------------------------------------------------- accelerators
def draw_unroll(rng: Random) -> dict[str, int]:
    """Unroll of at most MOST_LANES lanes in all; K, C nest by powers of two."""
    while True:
        odd = rng.choice((1, 1, 1, 3, 5))
        unroll = {
            "out_channels": odd << rng.randint(0, 2),
            "in_channels": odd << rng.randint(0, 3),
            "out_y": rng.choice((1, 1, 1, 2, 3)),
            "out_x": rng.choice((1, 1, 2, 3)),
            "kernel_y": rng.choice((1, 1, 2, 3)),
            "kernel_x": rng.choice((1, 1, 2, 3)),
            "batch": rng.choice((1, 1, 1, 2)),
        }
        lanes = 1
        for size in unroll.values():
            lanes *= size
        if lanes <= MOST_LANES:
            return unroll


def draw_accelerator(rng: Random, name: str) -> Accelerator:
    """Draw an accelerator with every structural choice open."""
    unroll = draw_unroll(rng)
    odd = unroll["in_channels"]
    while odd % 2 == 0:
        odd //= 2
    link = odd << rng.randint(1, 5)
    host = link >> rng.choice([i for i in (0, 0, 1, 2) if link % (1 << i) == 0])
    is_shadow = rng.random() < 0.4
    structure = rng.choice(("sliced", "tree"))
    hold = {x: rng.random() < 0.85 for x in ("weight", "input", "psum")}
    kib = rng.choice((0.4, 0.6, 0.8, 1.2, 2, 4)) * (odd + 1) / 2
    return Accelerator.model_validate(
        {
            "name": name,
            "array": {
                "unroll": unroll,
                "strides": rng.choice(((1,), (1, 2), (1, 2, 3), (2,), (1, 3))),
                "popcount": {
                    "structure": structure,
                    "pipeline_stages": rng.choice((0, 0, 1, 2)),
                },
            },
            "registers": {"shadow": is_shadow, "hold": hold},
            "buffers": draw_buffers(rng, unroll, link, is_shadow=is_shadow),
            "store": {
                **rng.choice((SRAM, SRAM, EXTERNAL)),
                "kib": {"weights": kib, "activations": 4.0},
                "link": {"bits": link, "latency_cycles": rng.choice((1, 1, 2, 5, 9))},
                "extrapolate": True,
            },
            "host": {"link_bits": host, "latency_cycles": rng.choice((1, 3, 7))},
            "sequencer": {"order": "fixed" if rng.random() < 0.15 else "programmable"},
            "dataflow": rng.choice(DATAFLOWS),
            "limits": draw_limits(rng, unroll),
            "post": ["threshold", *(x for x in ("max_pool", "argmax") if rng.random() < 0.85)],
            # of a generator of its own: cases of a seed stay what they were without it
            "clock_gating": Random(f"clock gating {name}").choice(("none", "register")),
        }
    )


def draw_buffers(
    rng: Random, unroll: dict[str, int], link: int, *, is_shadow: bool
) -> dict[str, Any]:
    """Draw buffers with ports of every width that is legal for the unroll and the link."""
    s_c, s_k = unroll["in_channels"], unroll["out_channels"]
    word = s_k * s_c * unroll["kernel_y"] * unroll["kernel_x"]
    weight_ports = [p for p in range(min(link, word), word + 1) if word % p == 0]
    input_ports = [s_c >> i for i in range(4) if s_c % (1 << i) == 0 and s_c >> i >= min(link, s_c)]
    per_link = max(1, link // s_c)
    return {
        "weight": {
            "kind": "sram",
            "extrapolate": True,  # sizes no macro has: these machines are run, and never sold
            "words": 2 * rng.randint(20, 200),
            "port_bits": rng.choice(weight_ports),
            "ping_pong": rng.random() < 0.6,
        },
        "input": {
            "kind": "sram",
            "extrapolate": True,
            "words": 2 * per_link * rng.randint(max(1, 60 // per_link), 400 // per_link),
            "port_bits": rng.choice(input_ports),
            "ping_pong": rng.random() < 0.6,
            "circular_rows": rng.random() < 0.5,
            "ports": "1r1w",
        },
        "psum": {
            "kind": "register",
            "words": rng.randint(1, 60),
            "port_bits": rng.choice((None, None, 40, rng.randint(7, 40))),
            "ports": rng.choice(("1rw", "1r1w")),
        },
        "threshold": {"kind": "latch", "words": 16},
        "pool": {"kind": "latch", "words": 64},
        "shared_port": not is_shadow and rng.random() < 0.35,
    }


def draw_limits(rng: Random, unroll: dict[str, int]) -> dict[str, int]:
    """Draw limits: small ones leave loops, planes and image counters out of the hardware."""
    return {
        "batch": 1 if unroll["batch"] == 1 and rng.random() < 0.3 else 3,
        "out_channels": 24,
        "in_channels": 24,
        "map": 10,
        "kernel": 5,
        "weight_bits": rng.choice((1, 1, 2)),
        "activation_bits": rng.choice((1, 3)),
        "pool": 3,
        "psum_bits": rng.choice((10, 12)),
    }


# ---------------------------------------------------------------------- networks
def draw_padding(rng: Random, kernel_y: int, kernel_x: int) -> dict[str, int]:
    """Pads smaller than the kernel, each side its own."""
    return {
        "pad_top": rng.randint(0, kernel_y - 1),
        "pad_bottom": rng.randint(0, kernel_y - 1),
        "pad_left": rng.randint(0, kernel_x - 1),
        "pad_right": rng.randint(0, kernel_x - 1),
    }


def draw_layer(
    rng: Random,
    accelerator: Accelerator,
    name: str,
    source: tuple[int, int, int, int] | None,
    *,
    is_last: bool,
) -> Layer | None:
    """A layer on a map (batch, rows, columns, channels), or on an image of its own."""
    limits = accelerator.limits
    is_first = source is None
    if source is None:
        source = (
            rng.choice((1, 1, 2, 3)) if limits.batch > 1 else 1,
            rng.randint(1, 9),
            rng.randint(1, 9),
            rng.randint(1, 14),
        )
    batch, rows, columns, channels = source
    planes = limits.activation_bits if is_first and rng.random() < 0.4 else 1
    is_dense = is_last and rng.random() < 0.4
    kernel_y = rows if is_dense else rng.choice((1, 1, 2, 3, 3, 4))
    kernel_x = columns if is_dense else rng.choice((1, 1, 2, 3, 3, 5))
    pad_values: tuple[PadValue, ...] = ("none", "zero", "zero", "+1", "-1")
    pad: PadValue = "none" if is_dense else rng.choice(pad_values[: 3 if planes > 1 else 5])
    pools = (1, 1, 2, 3) if "max_pool" in accelerator.post else (1,)
    is_argmax = is_dense and "argmax" in accelerator.post and rng.random() < 0.7
    try:
        return Layer(
            name=name,
            batch=batch,
            out_channels=rng.randint(1, 13),
            in_channels=channels,
            in_y=rows,
            in_x=columns,
            kernel_y=kernel_y,
            kernel_x=kernel_x,
            stride=rng.choice(accelerator.array.strides),
            pad_value=pad,
            weight_bits=rng.randint(1, limits.weight_bits),
            activation_bits=planes,
            signed_input=planes > 1 and rng.random() < 0.5,
            pool=1 if is_argmax else rng.choice(pools),
            pool_order=rng.choice(("before_threshold", "after_threshold")),
            output="argmax" if is_argmax else "bits",
            **(draw_padding(rng, kernel_y, kernel_x) if pad != "none" else {}),
        )
    except ValueError:
        return None


def draw_mapping(rng: Random, accelerator: Accelerator, layer: Layer) -> Mapping:
    """Tiles and orders drawn at random; a fixed sequencer keeps its own order."""
    lay = layout(accelerator)
    tiles = {}
    for d in OUTER_DIMENSIONS:
        trips = ceil_div(layer.size(d), lay.unroll[d])
        share = trips if rng.random() < 0.4 else rng.randint(1, trips)
        tiles[d] = share * lay.unroll[d]
    hold = hold_flags(accelerator, accelerator.dataflow)
    if accelerator.sequencer.order == "fixed" or rng.random() < 0.1:
        inner, outer = ORDERS[accelerator.dataflow]
    elif rng.random() < 0.2:
        inner, outer = ORDERS[rng.choice(DATAFLOWS)]
    else:
        inner = tuple(rng.sample(DIMENSIONS, len(DIMENSIONS)))
        outer = tuple(rng.sample(OUTER_DIMENSIONS, len(OUTER_DIMENSIONS)))
    return Mapping(tuple((d, tiles[d]) for d in outer), inner, hold)


def steps(lay: Layout, layer: Layer) -> int:
    """Issue slots of a layer: a bound on how long a case runs."""
    total = 1
    for d in DIMENSIONS:
        total *= ceil_div(layer.size(d), lay.unroll[d])
    return total


def legal_mapping(rng: Random, accelerator: Accelerator, layer: Layer) -> Mapping | None:
    """A mapping that fits, None if a few draws find none."""
    for _ in range(12):
        mapping = draw_mapping(rng, accelerator, layer)
        try:
            check(accelerator, layer, mapping)
        except MappingError:
            continue
        return mapping
    return None


def draw_network(rng: Random, accelerator: Accelerator) -> Case | None:
    """A chain of layers with mappings, None if this draw cannot be run."""
    lay = layout(accelerator)
    count = rng.choice((1, 1, 2, 2, 3))
    layers: list[Layer] = []
    mappings: list[Mapping] = []
    source = None
    for i in range(count):
        layer = draw_layer(rng, accelerator, f"layer{i + 1}", source, is_last=i == count - 1)
        if layer is None or steps(lay, layer) > MOST_STEPS:
            return None
        mapping = legal_mapping(rng, accelerator, layer)
        if mapping is None:
            return None
        layers.append(layer)
        mappings.append(mapping)
        source = (layer.batch, layer.stored_y, layer.stored_x, layer.out_channels)
    case = Case(accelerator, tuple(layers), tuple(mappings))
    return case if _blocks_fit(case) else None


def _blocks_fit(case: Case) -> bool:
    lay = layout(case.accelerator)
    words = configuration(case.accelerator).words + 1  # one more than any frozen order takes
    try:
        place(lay, [words + block_words(n) for n in case.nests], case.layers)
    except MappingError:
        return False
    return True


def case(seed: int, index: int, accelerator: Accelerator, most_steps: int = MOST_STEPS) -> Case:
    """Case `index` of a seed on its accelerator: the first drawn that is legal and small enough."""
    rng, lay = Random(f"network {seed} {index}"), layout(accelerator)
    while True:
        drawn = draw_network(rng, accelerator)
        if drawn is not None and all(steps(lay, x) <= most_steps for x in drawn.layers):
            return drawn


RARE = (
    "narrow input port",
    "output in pieces",
    "narrow link",
    "unroll B",
    "fixed order",
    "class in beats",
    "shared port",
    "psums not held",
    "single psum port",
    "inputs not held",
    "no pooling stage",
    "no argmax stage",
    "one image at a time",
)
"""Choices few accelerators make; group after group must make one of them."""


def accelerator(seed: int, group: int) -> Accelerator:
    """Draw the accelerator that cases group*20 .. group*20+19 share."""
    rng = Random(f"accelerator {seed} {group}")
    while True:
        drawn = draw_accelerator(rng, f"random_{seed}_{group}")
        if RARE[(group + 3 * seed) % len(RARE)] in accelerator_features(drawn):
            return drawn
