"""Points per second of the exact model: cycles by class and every access, on one core.

Every point is another layer: sizes, tiles, pads and strides are drawn per point; the loop orders
are those of one class.
"""

import sys
import time

import numpy as np
import pytest

from asicbnn.bnn.layer import DIMENSIONS
from asicbnn.mapping.dataflow import ORDERS
from asicbnn.mapping.points import OrderClass, Points
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
