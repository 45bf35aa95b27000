"""Random accelerators, layers and mappings that are legal together, small enough to walk."""

from __future__ import annotations

from dataclasses import dataclass

from asicbnn.bnn.layer import DIMENSIONS, Layer
from asicbnn.mapping.layout import Layout, layout
from asicbnn.mapping.loop_nest import LoopNest, Mapping
from asicbnn.spec.accelerator import Accelerator, with_changes

PLAIN = Accelerator(name="drawn")
INDEX_BITS = 8


@dataclass(frozen=True)
class Case:
    accelerator: Accelerator
    layer: Layer
    mapping: Mapping

    @property
    def layout(self) -> Layout:
        return layout(self.accelerator)

    @property
    def nest(self) -> LoopNest:
        return LoopNest(self.layer, self.layout, self.mapping)


def random_accelerator(rng):
    """Draw an accelerator with buffers that hold anything; odd unrolls nest by powers of two."""
    odd = rng.choice([1, 1, 1, 3])
    small = rng.random() < 0.3
    in_channels, out_channels = (odd * 2 ** rng.randint(0, 0 if small else 2) for _ in range(2))
    link = odd * 2 ** rng.randint(0, 1 if small else 4)
    spread = [1] if small else [1, 1, 2, 3]
    out = {"out_y": rng.choice(spread), "out_x": rng.choice(spread)}
    kernel = {"kernel_y": rng.choice([1, 1, 2, 3]), "kernel_x": rng.choice([1, 1, 2, 3])}
    word = in_channels * out_channels * kernel["kernel_y"] * kernel["kernel_x"]
    shadow = rng.random() < 0.4
    circular = rng.random() < 0.5
    least = min(link, in_channels)
    input_ports = [
        w for w in (in_channels // 2**k for k in range(4) if in_channels % 2**k == 0) if w >= least
    ]
    weight_ports = [None] + [w for w in range(1, word) if word % w == 0 and w >= min(link, word)]
    host = link if rng.random() < 0.7 else odd
    # a class index crosses the host link in one word
    post = ("threshold", "max_pool", *(["argmax"] if host >= INDEX_BITS else []))
    return with_changes(PLAIN, {
        "array.unroll": {
            "batch": rng.choice([1, 1, 2]), "out_channels": out_channels,
            "in_channels": in_channels, **out, **kernel,
        },
        "array.strides": (1, 2, 3),
        "array.popcount.pipeline_stages": rng.randint(0, 4),
        "registers.shadow": shadow,
        "registers.hold": {
            "weight": rng.random() < 0.85, "input": rng.random() < 0.85,
            "psum": rng.random() < 0.85,
        },
        "buffers.shared_port": not shadow and rng.random() < 0.3,
        "buffers.weight": {
            "words": 2**16, "port_bits": rng.choice(weight_ports),
            "ping_pong": rng.random() < 0.6,
        },
        "buffers.input": {
            "words": 2**16, "port_bits": rng.choice(input_ports), "circular_rows": circular,
            "ping_pong": rng.random() < 0.6, "ports": "1r1w",
        },
        "buffers.psum": {
            "words": 2**16, "port_bits": rng.choice([None, None, 4, 9, 30]),
            "ports": rng.choice(["1r1w", "1rw"]),
        },
        "buffers.threshold.words": 16,
        "buffers.pool.words": 2**12,
        "store.link": {"bits": link, "latency_cycles": rng.choice([1, 1, 3, 10])},
        "store.kib": {"weights": 512.0, "activations": 512.0},
        "host": {"link_bits": host, "latency_cycles": 7},
        "post": post,
        "limits": {
            "batch": 4, "out_channels": 64, "in_channels": 64, "map": 16, "kernel": 5,
            "weight_bits": 3, "activation_bits": 8, "pool": 3,
        },
    })  # fmt: skip


def random_layer(rng):
    """Draw a layer of at most a few hundred steps; bottom and right pads are their own."""
    while True:
        kernel_y, kernel_x = rng.choice([1, 2, 3, 3, 5]), rng.choice([1, 2, 3, 3])
        argmax = rng.random() < 0.2
        in_y, in_x = rng.randint(1, 9), rng.randint(1, 9)
        padded = not argmax and rng.random() < 0.6
        if argmax:
            kernel_y, kernel_x = min(kernel_y, in_y), min(kernel_x, in_x)
            in_y, in_x = kernel_y, kernel_x
        pad = (lambda kernel: rng.randint(0, kernel - 1)) if padded else (lambda kernel: 0)
        try:
            layer = Layer(
                name="drawn",
                batch=rng.choice([1, 2, 3]),
                out_channels=rng.randint(1, 9),
                in_channels=rng.randint(1, 13),
                in_y=in_y,
                in_x=in_x,
                kernel_y=kernel_y,
                kernel_x=kernel_x,
                stride=rng.choice([1, 1, 2, 3]),
                pad_top=pad(kernel_y),
                pad_bottom=pad(kernel_y),
                pad_left=pad(kernel_x),
                pad_right=pad(kernel_x),
                pad_value="zero" if padded else "none",
                weight_bits=rng.choice([1, 1, 1, 2]),
                activation_bits=rng.choice([1, 1, 2, 3]),
                pool=1 if argmax else rng.choice([1, 1, 2, 3]),
                output="argmax" if argmax else "bits",
            )
        except ValueError:
            continue
        return layer


def random_mapping(rng, lay, layer, hold=(True, True, True)):
    """Draw any orders and any legal tiles."""
    tiles, smallest = {}, rng.random() < 0.2
    for d in ("B", "K", "C", "OY", "OX"):
        unit = legal_step(lay, layer, d)
        most = -(-layer.size(d) // unit)
        tiles[d] = unit * (1 if smallest else rng.randint(1, most))
        if tiles[d] >= layer.size(d):
            tiles[d] = -(-layer.size(d) // lay.unroll[d]) * lay.unroll[d]
    outer = [*tiles]
    rng.shuffle(outer)
    inner = [*DIMENSIONS]
    rng.shuffle(inner)
    return Mapping(tuple((d, tiles[d]) for d in outer), tuple(inner), hold)


def legal_step(lay, layer, d):
    """Smallest legal tile where a dimension is split, found by trying."""
    tile = lay.unroll[d]
    while (d == "C" and tile // lay.unroll["C"] % lay.words_per_link) or (
        d in ("OY", "OX") and tile % layer.pool
    ):
        tile += lay.unroll[d]
    return tile


def random_case(rng, most_steps=400):
    """Draw until the layer under the array is small enough to walk."""
    accelerator = random_accelerator(rng)
    lay = layout(accelerator)
    flags = accelerator.registers.hold
    while True:
        layer = random_layer(rng)
        steps = 1
        for d in DIMENSIONS:
            steps *= -(-layer.size(d) // lay.unroll[d])
        argmax = layer.output == "argmax" and "argmax" not in accelerator.post
        if steps <= most_steps and not argmax:
            hold = (flags.weight, flags.input, flags.psum)
            return Case(accelerator, layer, random_mapping(rng, lay, layer, hold))
