"""What L0 of the three operands is made of: the closed form of `operands.Operands`."""

from __future__ import annotations

from asicbnn.hardware.component import Gates, summed
from asicbnn.hardware.configuration import Configuration, bits_for
from asicbnn.hardware.fetch import PieceRegister, ShadowTimer, WindowWalk, ring_add_gates
from asicbnn.hardware.gating import Sinks
from asicbnn.hardware.operands import psum_offset, slot_bits
from asicbnn.hardware.sequencer import Quantities, StepSequencer, TileSequencer
from asicbnn.hardware.step_adder import step_adder_gates
from asicbnn.hardware.wires import (
    add_gates,
    below_gates,
    equals_gates,
    held_gates,
    picked_gates,
    subtract_gates,
)
from asicbnn.mapping.layout import Layout, ceil_div
from asicbnn.mapping.loop_nest import OPERANDS
from asicbnn.spec.accelerator import Accelerator


def operand_gates(accelerator: Accelerator, c: Configuration) -> Gates:
    """Gates of the registers of weights and activations, and of the control of all loads."""
    loads = _shadow_gates if accelerator.registers.shadow else _blocking_gates
    return summed(
        loads(accelerator, c),
        _weight_gates(accelerator, c.layout),
        _pixel_gates(accelerator, c),
    )


def operand_sinks(accelerator: Accelerator, c: Configuration) -> list[Sinks]:
    """Flops of them behind clock gates."""
    lay, shadow = c.layout, accelerator.registers.shadow
    weights = _pieces(lay.weight_word_bits, lay.weight_port_bits)
    inputs = [lay.input_port_bits] * _box(accelerator, lay)
    return [
        *PieceRegister.sinks("weight_register", weights, shadow),
        *PieceRegister.sinks("input_register", inputs, shadow),
    ]


# ---------------------------------------------------------------------- loads
def _blocking_gates(accelerator: Accelerator, c: Configuration) -> Gates:
    s, strides = slot_bits(accelerator, c.layout), len(accelerator.array.strides)
    test = StepSequencer.test_gates(c)
    costs = Gates(mux2=7 * strides + strides - 1).times(s)
    issue = summed(Gates(inverter=1, and2=1), equals_gates(s), Gates(and2=1))
    wait = summed(add_gates(s), Gates(flop=s, mux2=2 * s, or2=1))
    first = summed(test, Gates(and2=1))
    shared = Gates(mux2=s if accelerator.buffers.shared_port else 0)
    inside = summed(add_gates(s), below_gates(s).times(2), Gates(inverter=1, and2=1))
    slot = summed(inside, Gates(and2=2 + 1))  # wanted, transfer
    return summed(
        test.times(3), costs, issue, wait, first, shared, slot.times(3),
        subtract_gates(s).times(2),  # indices of weights and psums
        picked_gates(strides, s).times(2),  # slots of weights and activations
        Gates(inverter=1, and2=1),  # psums are not read at first
    )  # fmt: skip


def _shadow_gates(accelerator: Accelerator, c: Configuration) -> Gates:
    s, strides = slot_bits(accelerator, c.layout), len(accelerator.array.strides)
    test = StepSequencer.test_gates(c)
    prologue = summed(
        picked_gates(strides, s), Gates(flop=s, mux2=2 * s), add_gates(s),
        equals_gates(s).times(3), Gates(inverter=1, and2=1, or2=1),
    )  # fmt: skip
    running = Gates(inverter=2, and2=2)
    slots = picked_gates(strides, s).times(3)
    ends = summed(test, Gates(and2=1)).times(3)
    issue = Gates(or2=2, inverter=1, and2=1)
    words = (_shadow_word_gates(accelerator, c, x, s) for x in OPERANDS)
    first = summed(
        test,
        TileSequencer.dimension_gates(c, "C"),
        StepSequencer.first_after_gates(c),
        Gates(and2=2, mux2=2),
    )
    strobe = summed(
        Gates(inverter=2, and2=2),
        below_gates(s) if psum_offset(accelerator, c.layout) else Gates(),
        subtract_gates(s),
    )
    return summed(prologue, running, slots, ends, issue, *words, first, strobe)


def _shadow_word_gates(accelerator: Accelerator, c: Configuration, x: str, s: int) -> Gates:
    """Timer of an operand, and the address of its next word."""
    widths = c.widths.each((x,))
    adder = step_adder_gates(accelerator, c, widths)
    return summed(
        ShadowTimer.gates(s), Gates(or2=1, and2=1),
        StepSequencer.run_stop_gates(c), Gates(or2=c.levels - 1),
        Quantities.following_gates(widths, c.levels, adder),
        Gates(and2=2, or2=1),  # loading
        Gates(mux2=s + 2 * widths[x], or2=1),  # index, address, strobe
        equals_gates(s), Gates(and2=1),  # transfer
    )  # fmt: skip


# ---------------------------------------------------------------------- registers
def _pieces(word: int, port: int) -> list[int]:
    """Bits of the pieces in which a word comes through a port."""
    return [min(port, word - low) for low in range(0, word, port)]


def _enable_gates(index: int, pieces: int) -> Gates:
    return summed(Gates(and2=1), equals_gates(index)).times(pieces)


def _weight_gates(accelerator: Accelerator, lay: Layout) -> Gates:
    register = PieceRegister.gates(lay.weight_word_bits, accelerator.registers.shadow)
    return summed(_enable_gates(slot_bits(accelerator, lay), lay.weight_slots), register)


def _box(accelerator: Accelerator, lay: Layout) -> int:
    """Port words of the largest pixel box."""
    return lay.input_slots(max(accelerator.array.strides))


def _pixel_gates(accelerator: Accelerator, c: Configuration) -> Gates:
    lay, width, strides = c.layout, c.widths.input, accelerator.array.strides
    largest = max(strides)
    box = (lay.unroll["B"], lay.window_y(largest), lay.window_x(largest), lay.input_word_slots)
    counters = [bits_for(size - 1) for size in box]
    adder = ring_add_gates(width, accelerator.buffers.input.circular_rows)
    hot = (equals_gates(bits).times(size) for bits, size in zip(counters, box, strict=True))
    pieces = _box(accelerator, lay)
    words = ceil_div(max(lay.link_bits, lay.input_word_bits), lay.input_word_bits)
    return summed(
        picked_gates(len(strides), counters[1] + counters[2]),
        WindowWalk.gates(counters, width, adder),
        picked_gates(words, lay.input_word_bits),
        picked_gates(lay.input_word_slots, lay.input_port_bits),
        *hot,
        Gates(and2=4 * pieces),
        PieceRegister.gates(lay.input_port_bits * pieces, accelerator.registers.shadow),
    )


# ---------------------------------------------------------------------- psums
def psum_gates(accelerator: Accelerator, c: Configuration) -> Gates:
    """Gates of the psum register, and of the port the array reads and writes psums by."""
    lay, s, address = c.layout, slot_bits(accelerator, c.layout), c.widths.psum
    shadow, pieces, word = accelerator.registers.shadow, lay.psum_slots, lay.psum_word_bits
    bypass = summed(equals_gates(address), Gates(and2=pieces, mux2=word))
    return summed(
        bypass if shadow else Gates(),
        _enable_gates(s, pieces),
        PieceRegister.gates(word, shadow),
        _turn_gates(pieces, address, word if shadow else 0) if pieces > 1 else Gates(),
    )


def _turn_gates(pieces: int, address: int, kept_word: int) -> Gates:
    """Pieces after the first are written in the following cycles."""
    bits = pieces.bit_length()
    turn = summed(Gates(flop=bits, mux2=3 * bits), add_gates(bits), equals_gates(bits).times(2))
    kept = held_gates(address + kept_word)
    enables = equals_gates(bits).times(pieces - 1)
    return summed(turn, Gates(inverter=1), kept, Gates(mux2=address), enables)


def psum_sinks(accelerator: Accelerator, c: Configuration) -> list[Sinks]:
    """Flops of the psum registers behind clock gates."""
    lay, shadow = c.layout, accelerator.registers.shadow
    pieces = _pieces(lay.psum_word_bits, lay.psum_port_bits)
    sinks = PieceRegister.sinks("psum_register", pieces, shadow)
    if len(pieces) > 1:
        kept = c.widths.psum + (lay.psum_word_bits if shadow else 0)
        sinks.append(Sinks("psum_write_register", "write", kept))
    return sinks


def psum_delay_bits(accelerator: Accelerator, c: Configuration) -> int:
    """Bits of the psum port that wait for the array: strobe, index, transfer and own address."""
    own_address = c.widths.psum if accelerator.registers.shadow else 0
    return 1 + slot_bits(accelerator, c.layout) + 1 + own_address
