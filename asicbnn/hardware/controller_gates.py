"""What the main controller is made of: the closed form of `network.Controller`."""

from __future__ import annotations

from asicbnn.hardware.component import Gates, summed
from asicbnn.hardware.configuration import Configuration, Widths
from asicbnn.hardware.gating import Sinks
from asicbnn.hardware.network import STATES, beat_bits, count_bits, wait_bits
from asicbnn.hardware.wires import add_gates, equals_gates, held_gates, picked_gates
from asicbnn.spec.accelerator import Accelerator


def controller_gates(accelerator: Accelerator, c: Configuration) -> Gates:
    """Gates of a controller with ports, but for its answer to the host: `result_gates`."""
    w, wait = c.widths, wait_bits(accelerator)
    count, beat = count_bits(c), beat_bits(c)
    boot = held_gates(w.activation_bank + 2 * w.weight_bank)
    state = summed(Gates(flop=4), equals_gates(4).times(len(STATES)))
    bursts = Gates(flop=wait + count + w.weight_bank)
    registers = summed(Gates(and2=1), held_gates(c.words * c.layout.link_bits))
    return summed(
        boot, state, bursts, equals_gates(wait), equals_gates(beat).times(2), registers,
        _connect_gates(w, wait, count),
        _advance_gates(w),
        _wait_gates(wait),
        _count_gates(w, count),
        _host_gates(c, beat),
    )  # fmt: skip


def controller_sinks(c: Configuration) -> list[Sinks]:
    """Flops behind clock gates."""
    lay = c.layout
    words = Sinks("configuration_register", "load", c.words * lay.link_bits)
    parts = (Sinks("host_register", str(i), lay.host_bits) for i in range(lay.host_beats - 1))
    return [words, *parts]


def _connect_gates(w: Widths, wait: int, count: int) -> Gates:
    """The words of a burst, and when it, a phase and a layer end."""
    word_ends = Gates(or2=1, and2=1, mux2=1)
    moves = Gates(or2=3 + 1, and2=1 + 1, mux2=1)
    words = Gates(flop=1, mux2=5 * count + w.weight_bank)
    phase_ends = Gates(and2=2 + 1, inverter=1)
    layer_ends = Gates(and2=2, or2=1, inverter=1)
    starts = Gates(flop=1, and2=1)
    tests = (add_gates(count), equals_gates(count), equals_gates(wait))
    burst_and_drain_end = Gates(and2=2)
    return summed(
        word_ends, moves, words, *tests, burst_and_drain_end, phase_ends, layer_ends, starts
    )


def _advance_gates(w: Widths) -> Gates:
    """The next state."""
    streams = summed(equals_gates(w.weight_bank).times(2), Gates(inverter=2))
    targets, moves = 2 + 2 + 1, 10
    state = Gates(mux2=targets + moves).times(4)
    ends = Gates(and2=4 + 1 + 1, or2=1)
    flags = Gates(and2=1 + 2, or2=1, inverter=1, mux2=2, flop=1)
    return summed(streams, Gates(mux2=w.weight_bank), state, ends, flags)


def _wait_gates(wait: int) -> Gates:
    enters = summed(equals_gates(4), Gates(inverter=1, and2=1, mux2=wait))
    return summed(add_gates(wait), Gates(mux2=wait), enters.times(5))


def _count_gates(w: Widths, count: int) -> Gates:
    pointer = summed(add_gates(w.weight_bank), Gates(mux2=3 * w.weight_bank))
    return summed(add_gates(count), Gates(mux2=2 * count, or2=1 + 1, and2=1), pointer)


def _host_gates(c: Configuration, beat: int) -> Gates:
    lay = c.layout
    turn = summed(Gates(and2=1), equals_gates(beat), held_gates(lay.host_bits))
    beats = summed(held_gates(beat), add_gates(beat), Gates(mux2=beat, and2=1, or2=1))
    return summed(Gates(and2=1), turn.times(lay.host_beats - 1), beats, Gates(and2=2 + 2))


def result_gates(accelerator: Accelerator, c: Configuration) -> Gates:
    """Gates of `connect_result`."""
    lay = c.layout
    data = picked_gates(lay.host_beats, lay.host_bits)
    if "argmax" not in accelerator.post:
        return summed(data, Gates(and2=2))
    classes = picked_gates(lay.class_beats, lay.host_bits)
    return summed(data, classes, Gates(mux2=lay.host_bits, and2=1 + 2, inverter=1))
