"""What the datapath is made of, stage by stage: the closed form of `engine.Engine`.

Stages ask for wires of earlier cycles; delay lines are shared, so a wire is as many flops as the
longest wait for it takes.
"""

from __future__ import annotations

from asicbnn.hardware.array import PeArray
from asicbnn.hardware.component import Gates, summed
from asicbnn.hardware.configuration import Configuration, bits_for, level_quantities
from asicbnn.hardware.engine import (
    FINISHED_EDGES,
    FINISHED_QUANTITIES,
    TILE_EDGES,
    masks_after,
)
from asicbnn.hardware.gating import Gating, Sinks
from asicbnn.hardware.operand_gates import psum_delay_bits, psum_gates, psum_sinks
from asicbnn.hardware.sequencer import StepSequencer, TileSequencer
from asicbnn.hardware.step_adder import step_adder_gates
from asicbnn.hardware.wires import (
    add_gates,
    below_gates,
    equals_gates,
    held_gates,
    picked_gates,
)
from asicbnn.spec.accelerator import Accelerator


# ---------------------------------------------------------------------- S0
def issue_gates(accelerator: Accelerator, c: Configuration) -> Gates:
    """Gates of the step sequencer, of the registers of the tile and of the hold."""
    widths = c.widths.each(level_quantities(accelerator))
    adder = step_adder_gates(accelerator, c, widths)
    test = StepSequencer.test_gates(c)
    runs = Gates(flop=1, inverter=1, and2=2, or2=1)
    tests = summed(test.times(3), Gates(and2=2 + 1 + 1))  # first, final, end of a run, finishing
    busy = Gates(inverter=3, and2=2, or2=2)
    edge = summed(test, Gates(and2=1))
    return summed(
        _tile_gates(c),
        StepSequencer.gates(c, widths, adder, accelerator.clock_gating == "register"),
        _hold_gates(accelerator, c),
        runs, tests, busy, edge.times(len(c.edges)),
    )  # fmt: skip


def issue_sinks(accelerator: Accelerator, c: Configuration) -> list[Sinks]:
    """Flops of them behind clock gates."""
    steps = StepSequencer.flops(c, c.widths.each(level_quantities(accelerator)))
    return [
        Sinks("tile_register", "swap", _tile_flags(c)),
        Sinks("step_sequencer", "issue or swap", steps),
    ]


def _tile_edges(c: Configuration) -> list[str]:
    return [d for d in TILE_EDGES if d in c.edges]


def _tile_flags(c: Configuration) -> int:
    """Registers of the tile in the array: its lasts, first, final, last of all, and edges."""
    return c.slots + 3 + len(_tile_edges(c))


def _tile_gates(c: Configuration) -> Gates:
    edges = _tile_edges(c)
    return summed(held_gates(_tile_flags(c)), TileSequencer.dimension_gates(c, "C", "C", *edges))


def _hold_gates(accelerator: Accelerator, c: Configuration) -> Gates:
    u = c.layout.unroll
    bits_hold = u["B"] * u["OY"] * u["OX"] * c.layout.output_pieces - 1
    width = bits_for(max(bits_hold, u["B"] * u["K"] - 1))
    extra = width if "argmax" in accelerator.post else 0
    return summed(
        Gates(flop=width, mux2=2 * width + extra, inverter=2, and2=2),
        add_gates(width),
        equals_gates(width).times(3),
    )


# ---------------------------------------------------------------------- S1 to S3
def datapath_gates(accelerator: Accelerator, c: Configuration, array: PeArray) -> Gates:
    """Gates of the stages behind the issue, psum registers included."""
    return summed(
        _mask_gates(accelerator, c),
        array.gates(),
        array.register_gates(),
        Gates(flop=_delay_flops(accelerator, c)),
        psum_gates(accelerator, c),
        _accumulator_gates(accelerator, c),
        _padded_gates(c, array),
        _finished_gates(accelerator, c, array),
    )


def datapath_sinks(accelerator: Accelerator, c: Configuration) -> list[Sinks]:
    """Flops of them behind clock gates."""
    return [
        *psum_sinks(accelerator, c),
        Sinks("accumulator", "valid", c.layout.psum_word_bits + c.widths.psum),
        Sinks("finished_register", "finish", _finished_bits(accelerator, c)),
    ]


def _delay_flops(accelerator: Accelerator, c: Configuration) -> int:
    """Flops of all delay lines: bits times the cycles they wait."""
    lay, depth = c.layout, accelerator.array.popcount.pipeline_stages
    u, used = lay.unroll, level_quantities(accelerator)
    flags = 5  # issue, load, first, end of a run, final
    late = sum(c.widths.of(q) for q in ("psum", "shift", *FINISHED_QUANTITIES) if q in used)
    masks = masks_after(depth)
    edges = {d: 2 + depth if d in TILE_EDGES else masks for d in c.edges}
    positions = 2 * c.widths.coordinate
    taps = lay.pes // (u["B"] * u["K"]) * u["FY"] * u["FX"]
    early = 2 * taps + sum(u[d] for d in TILE_EDGES if d in c.edges)
    port = psum_delay_bits(accelerator, c)
    return (
        (flags + late) * (2 + depth)
        + sum(edges.values())
        + positions * masks
        + early * (1 - masks)
        + (taps + lay.pes + port) * (1 + depth)
        + 1  # a finished word is here
    )


def _mask_gates(accelerator: Accelerator, c: Configuration) -> Gates:
    """What counts: lanes within the layer's edges and the input, and PEs with an output."""
    u, strides = c.layout.unroll, accelerator.array.strides
    edges = []
    for d in c.edges:
        beyond = below_gates(bits_for(u[d])).times(u[d])
        edges.append(summed(beyond, Gates(inverter=2, or2=1).times(u[d])))
    coordinate = c.widths.coordinate
    valid = summed(add_gates(coordinate), below_gates(coordinate), Gates(inverter=1, and2=1))
    met = _met(u["OY"], u["FY"], strides) + _met(u["OX"], u["FX"], strides)
    pixels = u["OY"] * u["OX"]
    tap = Gates(mux2=2 * (len(strides) - 1), and2=1 + 1 + 2 + 1 + u["C"], inverter=2)
    routing = picked_gates(len(strides), u["C"]).times(u["B"] * pixels * u["FY"] * u["FX"])
    active = Gates(and2=(2 + u["K"]) * u["B"] * pixels)
    return summed(*edges, valid.times(met), tap.times(pixels * u["FY"] * u["FX"]), routing, active)


def _met(outs: int, kernels: int, strides: tuple[int, ...]) -> int:
    """Rows (columns) of the window that some output, kernel position and stride meet."""
    return len({o * s + k for o in range(outs) for k in range(kernels) for s in strides})


def _accumulator_gates(accelerator: Accelerator, c: Configuration) -> Gates:
    """Where accumulators go on from, and what holds them; their adders are the array's."""
    lay, address = c.layout, c.widths.psum
    planes, pes = lay.psum_bits, lay.pes
    control = summed(
        StepSequencer.test_gates(c),  # load
        held_gates(address), equals_gates(address),
        Gates(inverter=2 + 2, and2=1 + 2, or2=1),
    )  # fmt: skip
    base = Gates(and2=2, or2=1).times(planes * pes)
    masked = Gating.masked_gates(accelerator.clock_gating == "register", pes, planes)
    write = Gates(inverter=1, and2=2 + 1)
    return summed(control, base, Gates(flop=planes * pes), masked, write)


def _padded_gates(c: Configuration, array: PeArray) -> Gates:
    """Counters of padded taps, one per output pixel."""
    lay, u = c.layout, c.layout.unroll
    planes, channels = lay.psum_bits, u["C"].bit_length()
    before = Gates(and2=2 * planes, or2=planes)
    counter = summed(
        before,
        array.pad_counter_gates(u["FY"] * u["FX"], channels),
        held_gates(planes),
    )
    chosen = Gates(mux2=channels if "C" in c.edges else 0)
    return summed(counter.times(u["OY"] * u["OX"]), chosen)


# ---------------------------------------------------------------------- S3
def _finished_bits(accelerator: Accelerator, c: Configuration) -> int:
    """Bits of the registers of a finished word: thresholds, edges, quantities."""
    used = level_quantities(accelerator)
    quantities = sum(c.widths.of(q) for q in FINISHED_QUANTITIES if q in used)
    edges = sum(d in c.edges for d in FINISHED_EDGES)
    return c.layout.threshold_word_bits + edges + quantities


def _finished_gates(accelerator: Accelerator, c: Configuration, array: PeArray) -> Gates:
    return summed(
        held_gates(_finished_bits(accelerator, c)),
        array.doubled_sum_gates(),
        array.compare_gates(),
    )
