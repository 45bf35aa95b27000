"""L0: the registers that hold weights, activations and psums next to the PEs, and their loads.

Blocking L0 loads an operand in the slots of the step that needs it; shadow L0 loads the next run's
word while the current run uses the present one. Slots are unconditional: a gated load keeps its
time. `slots` is always a constant of the hardware (or of the layer's stride).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyrtl
from pyrtl import Const, Register, WireVector

from asicbnn.hardware.component import Gates, summed
from asicbnn.hardware.gating import Gating, Sinks
from asicbnn.hardware.wires import (
    add,
    add_gates,
    below,
    below_gates,
    choose,
    equals,
    equals_gates,
    held_gates,
    joined,
    picked,
    sized,
    subtract,
    subtract_gates,
)


@dataclass(frozen=True)
class Slot:
    """One operand's port in this cycle.

    strobe   the port reads (or, for a gated psum, only takes its slot: see `gated`)
    index    which slot of the word, from 0
    address  word address of the load's start
    transfer the loaded word moves to the operand's register
    """

    strobe: WireVector
    index: WireVector
    address: WireVector
    transfer: WireVector


class ShadowTimer:
    """Shadow L0 timing of one operand: a word loads while the run before it lasts.

    swap      a tile starts: the first word loads from this cycle on
    prologue  cycles left before the first step may issue
    slots     slots of a word, on a wire that would hold one more: the age runs up to them
    """

    def __init__(self, name: str, slots: WireVector) -> None:
        self.slots = slots
        self.age = Register(len(slots), name=f"{name}_age")

    def connect(
        self, swap: WireVector, settled: WireVector, advance: WireVector, run_end: WireVector
    ) -> None:
        """settled: the last cycle before the first step may issue; advance: the clock counts."""
        bits = len(self.age)
        counted = choose(below(self.age, self.slots), add(self.age, 1, bits), self.age, bits)
        moved = choose(advance, counted, self.age, bits)
        restarted = choose(run_end | settled, 0, moved, bits)
        self.age.next <<= choose(swap & ~settled, 1, restarted, bits)

    @property
    def loading(self) -> WireVector:
        return below(self.age, self.slots)

    @property
    def too_early(self) -> WireVector:
        """The next word cannot be complete if the run ended now."""
        return below(add(self.age, 1, len(self.age)), self.slots)

    @staticmethod
    def gates(bits: int) -> Gates:
        """Gates of a connected timer of `bits`, asked once each if it loads and is too early."""
        control = Gates(flop=bits, mux2=4 * bits, or2=1, and2=1, inverter=1)
        return summed(control, add_gates(bits).times(2), below_gates(bits).times(3))


class WindowWalk:
    """Addresses of the pixel box of one activation load: images, rows, columns, word pieces.

    The first slot uses the step's address; later slots walk from it. `adder` wraps addresses of
    a ring buffer.

    last  last position per level, outermost first: counters are as wide as these wires
    """

    def __init__(
        self,
        name: str,
        last: Sequence[WireVector],
        width: int,
        adder: Callable[[WireVector, WireVector], WireVector],
    ) -> None:
        self.adder = adder
        levels = zip(("b", "y", "x", "piece"), last, strict=True)
        self.counts = [Register(len(n), name=f"{name}_{level}") for level, n in levels]
        self.last = [equals(c, n) for c, n in zip(self.counts, last, strict=True)]
        self.bases = [Register(width, name=f"{name}_{level}_base") for level in ("b", "y", "x")]

    def connect(
        self, strobe: WireVector, address: WireVector, steps: Sequence[WireVector]
    ) -> WireVector:
        """Address of this slot; steps are strides of image, row and column."""
        counts, last = self.counts, self.last
        first = equals(joined(list(counts)), 0)
        width = len(self.bases[0])
        now = [choose(first, address, base, width) for base in self.bases]
        increments = [last[1] & last[2] & last[3], last[2] & last[3], last[3], Const(1, 1)]
        for count, increment, at_end in zip(counts, increments, last, strict=True):
            after = choose(at_end, 0, add(count, 1, len(count)), len(count))
            count.next <<= choose(strobe & increment, after, count, len(count))
        stop = [increments[i] & ~last[i] for i in range(3)]
        moved = [self.adder(n, s) for n, s in zip(now, steps, strict=True)]
        for level, base in enumerate(self.bases):
            value = now[level]
            for outer in range(level, -1, -1):
                value = choose(stop[outer], moved[outer], value, width)
            base.next <<= choose(strobe, value, base, width)
        return now[2]

    @staticmethod
    def gates(counters: Sequence[int], width: int, adder: Gates) -> Gates:
        """Gates of a connected walk.

        counters  widths of the counters, outermost first    width  of an address
        adder     what one call of the walk's adder is made of
        """
        now, passed_on = 3, 3 + 2 + 1
        positions = summed(held_gates(sum(counters)), Gates(mux2=sum(counters)))
        carries = Gates(and2=4 + 3 + 3, inverter=3)
        bases = summed(held_gates(3), Gates(mux2=now + passed_on)).times(width)
        tests = (equals_gates(bits) for bits in (*counters, sum(counters)))
        walk = summed(positions, carries, bases)
        return summed(walk, *tests, *map(add_gates, counters), adder.times(3))


class PieceRegister:
    """A wide register filled piece by piece, with or without a shadow copy.

    name    of its registers, and of the family they are gated as
    pieces  the piece of the word each slice takes, already read from its port
    """

    def __init__(self, name: str, widths: Sequence[int], shadow: bool) -> None:
        self.name = name
        self.active = [Register(w, name=f"{name}{i}") for i, w in enumerate(widths)]
        self.shadow = (
            [Register(w, name=f"{name}_shadow{i}") for i, w in enumerate(widths)] if shadow else []
        )

    def connect(
        self,
        pieces: Sequence[WireVector],
        enables: Sequence[WireVector],
        transfer: WireVector,
        gating: Gating,
    ) -> None:
        for i, (active, piece, enable) in enumerate(zip(self.active, pieces, enables, strict=True)):
            if not self.shadow:
                active.next <<= pyrtl.select(enable, piece, active)
                continue
            # the word after may start to load in the very cycle of the transfer
            self.shadow[i].next <<= pyrtl.select(enable, piece, self.shadow[i])
            active.next <<= pyrtl.select(transfer, self.shadow[i], active)
        for enable, register in zip(enables, self.shadow or self.active, strict=True):
            gating.declare(self.name, enable, [register])
        if self.shadow:
            gating.declare(self.name, transfer, self.active)

    @property
    def word(self) -> WireVector:
        return joined(list(self.active))

    @staticmethod
    def gates(bits: int, shadow: bool) -> Gates:
        """Gates of the connected pieces, `bits` of them together."""
        return held_gates(bits).times(2 if shadow else 1)

    @staticmethod
    def sinks(name: str, widths: Sequence[int], shadow: bool) -> list[Sinks]:
        """Flops behind the enable of each piece, and behind the transfer."""
        pieces = [Sinks(name, str(i), width) for i, width in enumerate(widths)]
        return [*pieces, *([Sinks(name, "transfer", sum(widths))] if shadow else [])]


def ring_add(at: WireVector, by: WireVector, ring: WireVector | None, width: int) -> WireVector:
    """At + by, minus the ring's words once if at its end or beyond; plain if there is no ring."""
    if ring is None:
        return add(at, by, width)
    total = sized(at, width + 1) + sized(by, width + 1)
    total = total.truncate(width + 1)
    wide = sized(ring, width + 1)
    wrapped = subtract(total, wide, width + 1)
    return pyrtl.select(total < wide, total, wrapped).truncate(width)


def ring_add_gates(width: int, has_ring: bool) -> Gates:
    """Gates of `ring_add` on numbers of `width` bits."""
    if not has_ring:
        return add_gates(width)
    wide = width + 1
    wrap = Gates(mux2=wide)
    return summed(add_gates(wide), subtract_gates(wide), below_gates(wide), wrap)


def ring_subtract(at: WireVector, by: WireVector, ring: WireVector, width: int) -> WireVector:
    """At - by, plus the ring's words once if below zero."""
    return pyrtl.select(
        at < sized(by, width),
        add(subtract(at, by, width), ring, width),
        subtract(at, by, width),
    )


def ring_subtract_gates(width: int) -> Gates:
    """Gates of `ring_subtract` on numbers of `width` bits."""
    wrap = Gates(mux2=width)
    return summed(below_gates(width), subtract_gates(width).times(2), add_gates(width), wrap)


def constant_by(index: WireVector | None, values: Sequence[int], bits: int) -> WireVector:
    """values[index] as a `bits`-wide wire; index None if there is one value."""
    options: list[WireVector] = [Const(v, bits) for v in values]
    return options[0] if index is None else picked(index, options)
