"""Points per second of the exact model: cycles by class and every access, on one core.

Every point is another layer: sizes, tiles, pads and strides are drawn per point; the loop orders
are those of one class.
"""

import sys
import time

import numpy as np
import pytest

from asicbnn.bnn.layer import DIMENSIONS, Layer
from asicbnn.mapping.dataflow import ORDERS
from asicbnn.mapping.points import OrderClass, Points
from asicbnn.model.choose import Prices, choose_network
from asicbnn.model.cycles import Machine, count_many
from asicbnn.spec.accelerator import Accelerator, with_changes

POINTS = 4 * 16384
FLOORS = {1: 3.0e6, 2: 3.0e6, 3: 3.0e6, 4: 3.0e6, 5: 1.5e6}
SPLIT = ("K", "OY", "OX", "C", "B")  # which loops get more than one tile, first ones first


def drawn_points(machine, split, rng):
    """Draw layers whose dimensions in `split` have two tiles or more, odd edges included."""
    unroll, draw = machine.layout.unroll, lambda low, high: rng.integers(low, high, POINTS) * 1.0
    size, tile = {}, {}
    for d in ("B", "K", "C", "OY", "OX"):
        tile[d] = unroll[d] * draw(2, 6)
        tiles = draw(2, 9) if d in split else np.ones(POINTS)
        size[d] = tiles * tile[d] - np.floor(rng.random(POINTS) * tile[d] * 0.9)
        if d not in split:
            tile[d] = np.ceil(size[d] / unroll[d]) * unroll[d]
    size |= {"FY": draw(2, 6), "FX": draw(2, 6), "BW": draw(2, 4), "BA": draw(2, 4)}
    stride, pad = draw(1, 3), draw(0, 2)
    ones = np.ones(POINTS)
    return Points(
        size=size, tile=tile, stride=stride,
        in_y=(size["OY"] - 1) * stride + size["FY"] - 2 * pad,
        in_x=(size["OX"] - 1) * stride + size["FX"] - 2 * pad,
        pad_top=pad, pad_left=pad,
        input_slots=ones * machine.layout.input_slots(1), output_slots=1.0,
        output_words=size["B"] * size["OY"] * size["OX"] * np.ceil(size["K"] / 32),
        pooled=np.zeros(POINTS),
    )  # fmt: skip


@pytest.mark.benchmark
@pytest.mark.parametrize("kind", ["blocking", "shadow"])
@pytest.mark.parametrize("loops", [1, 2, 3, 4, 5])
def test_points_per_second(loops, kind, capsys):
    changes = {"buffers.weight.port_bits": 1024, "registers.shadow": kind == "shadow"}
    accelerator = with_changes(Accelerator(name="rate"), changes)
    machine = Machine.of(accelerator, n_cfg=20)
    inner, outer = ORDERS["output_stationary"]
    split = SPLIT[:loops]
    order = OrderClass(
        inner=inner,
        moving=dict.fromkeys(DIMENSIONS, True),
        slots=tuple(d for d in outer if d in split),
    )
    points = drawn_points(machine, split, np.random.default_rng(loops))
    best = min(_seconds(machine, order, points) for _ in range(7))
    rate = POINTS / best
    with capsys.disabled():
        sys.stdout.write(f"\n{kind} registers, {loops} outer loops: {rate / 1e6:.2f} M points/s\n")
    if kind == "blocking":
        assert rate >= FLOORS[loops]


def _seconds(machine, order, points):
    start = time.process_time()
    count_many(machine, order, points, POINTS)
    return time.process_time() - start


def convolution(name, in_channels, out_channels, size, **more):
    return Layer(
        name=name, in_channels=in_channels, out_channels=out_channels, in_y=size, in_x=size,
        kernel_y=3, kernel_x=3, pad_top=1, pad_bottom=1, pad_left=1, pad_right=1,
        pad_value="zero", **more,
    )  # fmt: skip


BINARYNET = [
    convolution("conv1", 3, 128, 32, activation_bits=8, signed_input=True),
    convolution("conv2", 128, 128, 32, pool=2),
    convolution("conv3", 128, 256, 16),
    convolution("conv4", 256, 256, 16, pool=2),
    convolution("conv5", 256, 512, 8),
    convolution("conv6", 512, 512, 8, pool=2),
    Layer(name="fc1", in_channels=512, in_y=4, in_x=4, kernel_y=4, kernel_x=4, out_channels=1024),
    Layer(name="fc2", in_channels=1024, out_channels=1024),
    Layer(name="fc3", in_channels=1024, out_channels=10, output="argmax"),
]
PRICES = Prices(
    weight_buffer_reads=900, weight_buffer_writes=900, input_buffer_reads=50,
    input_buffer_writes=50, psum_buffer_reads=300, psum_buffer_writes=300,
    threshold_buffer_reads=100, store_weight_reads=2000, store_activation_reads=1500, steps=4000,
    cycles=800,
)  # fmt: skip


@pytest.mark.benchmark
@pytest.mark.parametrize("roomy", [False, True])
@pytest.mark.parametrize("objective", ["energy", "cycles", "edp"])
def test_the_best_mapping_of_binarynet_takes_less_than_a_second(objective, roomy, capsys):
    accelerator = with_changes(
        Accelerator(name="binarynet"),
        {
            "store.kib": {"weights": 1200.0, "activations": 128.0},
            "buffers.weight.words": 8192 if roomy else 256,
            "buffers.input.words": 32768 if roomy else 1024,
            "buffers.psum.words": 4096 if roomy else 64,
            "buffers.pool.words": 4096 if roomy else 1024,
        },
    )
    start = time.process_time()
    chosen = choose_network(accelerator, BINARYNET, PRICES, dataflow="best", objective=objective)
    seconds = time.process_time() - start
    candidates = sum(choice.candidates for choice in chosen)
    with capsys.disabled():
        sys.stdout.write(
            f"\nbest {objective} of {candidates} mappings of 9 layers: {seconds:.2f} s of CPU\n"
        )
    assert seconds < 1.0
