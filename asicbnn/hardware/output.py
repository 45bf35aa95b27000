"""The output stage: flips, pooling on the way, the write channel to the store, argmax.

A finished word is stored pixel by pixel, one slot per stored piece, slots unconditional: a pixel
or channel beyond the edge takes its slot and writes nothing. Pooling ORs pixel after pixel into a
pool buffer; the last tap of a window goes to the store. Argmax keeps the best class per image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyrtl
from pyrtl import Const, Register, WireVector

from asicbnn.hardware.buffer import Probe, SlicedMemory
from asicbnn.hardware.component import Gates, summed
from asicbnn.hardware.configuration import Configuration, bits_for
from asicbnn.hardware.declarations import NumberOfPe, declarations
from asicbnn.hardware.engine import Finished
from asicbnn.hardware.gating import Gating, Sinks
from asicbnn.hardware.sequencer import Fields
from asicbnn.hardware.wires import (
    add,
    add_gates,
    below,
    below_gates,
    choose,
    equals,
    equals_gates,
    held,
    held_gates,
    joined,
    one_of,
    one_of_gates,
    picked,
    picked_gates,
    sized,
    spread,
    subtract,
    subtract_gates,
)
from asicbnn.mapping.layout import Layout, ceil_log2
from asicbnn.spec.accelerator import Accelerator

_LEVELS = 4
"""Positions of the write channel in a finished word, outermost first: see `SlotCounter`."""
_PHASES = (("y", 1), ("x", 2))
"""Axes of a pooling window, and the level that moves along each."""


class SlotCounter:
    """Position of the write channel in a finished word: image, row, column, piece."""

    def __init__(
        self, sizes: tuple[int, int, int, int], start: WireVector, blocked: WireVector
    ) -> None:
        bits = [max(1, (n - 1).bit_length()) for n in sizes]
        names = ("image", "row", "column", "piece")
        self.counts = [
            Register(b, name=f"output_{name}") for b, name in zip(bits, names, strict=True)
        ]
        going = Register(1, name="output_going")
        self.active = (start & ~blocked) | going
        last = [equals(c, n - 1) for c, n in zip(self.counts, sizes, strict=True)]
        carry: WireVector = Const(1, 1)
        increments: list[WireVector] = []
        for at_end in reversed(last):
            increments.insert(0, carry)
            carry = carry & at_end
        self.stop = [i & ~at_end for i, at_end in zip(increments, last, strict=True)]
        going.next <<= self.active & ~carry
        for count, increment, at_end, width in zip(
            self.counts, increments, last, bits, strict=True
        ):
            after = choose(at_end, 0, add(count, 1, width), width)
            count.next <<= choose(self.active & increment, after, count, width)
        self.pixel_ends = last[3]

    @staticmethod
    def gates(widths: Sequence[int]) -> Gates:
        """Gates of the counter; widths of its positions [bit]."""
        bits, n = sum(widths), len(widths)
        control = Gates(flop=1, and2=1 + 2 * n + 1, or2=1, inverter=1 + n + 1)
        positions = summed(held_gates(bits), Gates(mux2=bits, and2=n))
        return summed(control, positions, *map(add_gates, widths), *map(equals_gates, widths))


class OutputStage:
    """From P comparisons to stored bits or a class per image."""

    def __init__(
        self,
        accelerator: Accelerator,
        c: Configuration,
        cfg: Fields,
        finished: Finished,
        pool: SlicedMemory | None,
        classes: SlicedMemory | None,
        probe: Probe | None,
        gating: Gating,
    ) -> None:
        self.configuration, self.fields, self.layout = c, cfg, c.layout
        self.finished, self.probe, self.gating = finished, probe, gating
        u = c.layout.unroll
        is_argmax = cfg.get("is_argmax", Const(0, 1))
        sizes = (u["B"], u["OY"], u["OX"], c.layout.output_pieces)
        self.slot = SlotCounter(sizes, finished.valid, is_argmax)
        self._walk()
        self._pixel()
        stored = self._pool(pool)
        self._store(stored)
        if classes is not None:
            self._argmax(classes, is_argmax)

    # ------------------------------------------------------------------ addresses
    def _walk(self) -> None:
        """Store and pool addresses and pooling phases of this slot's pixel."""
        now, first = self.finished.quantities, self.finished.valid
        pooled = "pool_last" in self.fields
        kept = ["store", *(["pool", "phase_y", "phase_x"] if pooled else [])]
        registers = {q: [Register(len(now[q])) for _ in range(_LEVELS)] for q in kept}
        here = {q: [pyrtl.select(first, now[q], r) for r in registers[q]] for q in kept}
        last = self.fields.get("pool_last", Const(0, 1))
        wraps = {
            axis: equals(here[f"phase_{axis}"][level], last) if pooled else Const(1, 1)
            for axis, level in _PHASES
        }
        moved = {q: list(here[q]) for q in kept}
        moves = [Const(1, 1), wraps["y"], wraps["x"], Const(1, 1)]
        self._move_store(here["store"], moves, moved["store"])
        if pooled:
            self._move_pool(here, moves, wraps, moved)
        for q in kept:
            self._keep(registers[q], here[q], moved[q])
        walks = [register for levels_of in registers.values() for register in levels_of]
        self.gating.declare("output_address", self.slot.active, walks)
        self.address = here["store"][-1]
        self.here = {q: here[q][-1] for q in kept}

    def _move_store(
        self, here: Sequence[WireVector], moves: Sequence[WireVector], moved: list[WireVector]
    ) -> None:
        """Set where the store's address moves to at each level."""
        cfg, width = self.fields, self.configuration.widths.store
        steps = [cfg["image_step"], cfg["row_step"], cfg["record_step"], Const(1, width)]
        for level in range(_LEVELS):
            step = choose(moves[level], steps[level], 0, width)
            moved[level] = add(here[level], step, width)

    def _move_pool(
        self,
        here: Mapping[str, Sequence[WireVector]],
        moves: Sequence[WireVector],
        wraps: Mapping[str, WireVector],
        moved: Mapping[str, list[WireVector]],
    ) -> None:
        """Set where the pool's address moves to at each level, and the phases at theirs."""
        cfg, width = self.fields, len(here["pool"][0])
        steps = [cfg["pool_image"], cfg["pool_row"], Const(1, width), Const(0, width)]
        for level in range(_LEVELS):
            step = choose(moves[level], steps[level], 0, width)
            moved["pool"][level] = add(here["pool"][level], step, width)
        for axis, level in _PHASES:
            phase = here[f"phase_{axis}"][level]
            bits = len(phase)
            moved[f"phase_{axis}"][level] = choose(wraps[axis], 0, add(phase, 1, bits), bits)

    def _keep(
        self,
        registers: Sequence[Register],
        here: Sequence[WireVector],
        moved: Sequence[WireVector],
    ) -> None:
        """Hold the place at each level, moved where that level or one outside it ends."""
        for level, register in enumerate(registers):
            value = here[level]
            for outer in range(level, -1, -1):
                value = pyrtl.select(self.slot.stop[outer], moved[outer], value)
            register.next <<= pyrtl.select(self.slot.active, value, register)

    def _exists(self, d: str, position: WireVector | int) -> WireVector:
        """The position along an unrolled dimension is inside the layer."""
        if d not in self.finished.edges:
            return Const(1, 1)
        limit = self.fields[f"edge_{d}"]
        at = Const(position, len(limit)) if isinstance(position, int) else position
        return ~self.finished.edges[d] | below(at, limit)

    # ------------------------------------------------------------------ bits
    def _pixel(self) -> None:
        """The s_K bits of this slot's pixel, before the flip unless the layer flips first."""
        s_k, finished = self.layout.unroll["K"], self.finished
        width = len(finished.bits)
        rest = Register(width, name="output_bits")
        word = pyrtl.select(finished.valid, finished.bits, rest)
        below_word = word[s_k:].zero_extended(width) if width > s_k else word
        rest.next <<= pyrtl.select(self.slot.pixel_ends, below_word, word)
        flips = finished.threshold[-1]
        first = spread(self.fields["flips_first"], s_k)
        self.bits = word[:s_k] ^ (flips & first)
        self.late_flips = flips & ~first
        counts = self.slot.counts
        self.valid = (
            self._exists("B", counts[0])
            & self._exists("OY", counts[1])
            & self._exists("OX", counts[2])
        )

    def _pool(self, pool: SlicedMemory | None) -> WireVector:
        """OR the pixel into its window; returns 1 if this slot stores, sets the stored bits."""
        if pool is None:
            self.result = self.bits ^ self.late_flips
            return Const(1, 1)
        last = self.fields["pool_last"]
        y, x = self.here["phase_y"], self.here["phase_x"]
        first_tap = equals(y, 0) & equals(x, 0)
        last_tap = equals(y, last) & equals(x, last)
        address = self.here["pool"]
        before = pool.read(address) & spread(~first_tap, len(self.bits))
        window = before | self.bits
        first_piece = equals(self.slot.counts[3], 0)
        access = self.slot.active & self.valid & first_piece
        pool.write(address, [window], [access & ~last_tap])
        kept = held(first_piece, window, "pooled_bits")
        self.result = pyrtl.select(first_piece, window, kept) ^ self.late_flips
        if self.probe:
            self.probe.count("pool_buffer_reads", access & ~first_tap)
            self.probe.count("pool_buffer_writes", access & ~last_tap)
        return last_tap

    def _store(self, stored: WireVector) -> None:
        """Strobe, word address, data and slice enables of the activation bank write."""
        lay = self.layout
        piece = self.slot.counts[3]
        bits = lay.output_piece_bits
        pieces = [self.result[i * bits : (i + 1) * bits] for i in range(lay.output_pieces)]
        self.data = picked(piece, pieces)
        first_channel = picked(
            piece, [Const(i * bits, lay.unroll["K"].bit_length()) for i in range(len(pieces))]
        )
        exists = self._exists("K", first_channel)
        self.strobe = self.slot.active & self.valid & exists & stored
        slices = lay.link_bits // bits
        low = ceil_log2(slices)
        self.word = self.address[low:] if low else self.address
        part = self.address[:low] if low else Const(0, 1)
        self.enables = [self.strobe & equals(part, i) for i in range(slices)]
        if self.probe:
            self.probe.count("store_activation_writes", self.strobe)

    # ------------------------------------------------------------------ argmax
    def _argmax(self, classes: SlicedMemory, is_argmax: WireVector) -> None:
        """Score channel after channel, image after image; the first best wins."""
        lay, finished = self.layout, self.finished
        u = lay.unroll
        image = Register(max(1, (u["B"] - 1).bit_length()), name="argmax_image")
        lane = Register(max(1, (u["K"] - 1).bit_length()), name="argmax_lane")
        going = Register(1, name="argmax_going")
        active = (finished.valid & is_argmax) | going
        lane_ends, image_ends = equals(lane, u["K"] - 1), equals(image, u["B"] - 1)
        going.next <<= active & ~(lane_ends & image_ends)
        lane_after = choose(lane_ends, 0, add(lane, 1, len(lane)), len(lane))
        lane.next <<= choose(active, lane_after, lane, len(lane))
        image_after = choose(image_ends, 0, add(image, 1, len(image)), len(image))
        image.next <<= choose(active & lane_ends, image_after, image, len(image))
        score = self._score(image, lane)
        word = finished.quantities["threshold"]
        base = finished.quantities.get("image", Const(0, 1))
        address = add(base, image, classes.address_bits)
        width = len(score)
        best = classes.read(address)
        better = self._greater(score, best[:width])
        starts = equals(word, 0) & equals(lane, 0)
        exists = self._exists("K", lane) & self._exists("B", image)
        write = active & exists & (starts | better)
        index = joined([lane, word])
        classes.write(address, [joined([score, index])], [write])

    def _score(self, image: WireVector, lane: WireVector) -> WireVector:
        """2 acc + padded taps - threshold of one PE, two's complement."""
        lay, finished = self.layout, self.finished
        u = lay.unroll
        pes = [(b * u["OY"] * u["OX"]) * u["K"] + k for b in range(u["B"]) for k in range(u["K"])]
        hot = [equals(image, b) & equals(lane, k) for b in range(u["B"]) for k in range(u["K"])]
        total = joined(
            [
                one_of([(h, plane[pe]) for h, pe in zip(hot, pes, strict=True)])
                for plane in finished.doubled
            ]
        )
        planes = finished.threshold[:-1]
        threshold = joined([picked(lane, [plane[k] for k in range(u["K"])]) for plane in planes])
        self._declare(NumberOfPe(
            tuple(finished.doubled),
            ((image, u["B"], u["OY"] * u["OX"] * u["K"]), (lane, u["K"], 1)),
            total,
        ))  # fmt: skip
        if u["K"] == 1 << len(lane):  # an index beyond the end would pick any of them
            self._declare(NumberOfPe(tuple(planes), ((lane, u["K"], 1),), threshold))
        width = len(total) + 1
        return subtract(sized(total, width), sized(threshold, width), width)

    def _declare(self, number: NumberOfPe) -> None:
        if len(number.number) <= 64:
            declarations().functions.append(number)

    @staticmethod
    def _greater(a: WireVector, b: WireVector) -> WireVector:
        """A > b for two's complement words: compare with the sign bit inverted."""
        top = len(a) - 1
        flip_a = joined([a[:top], ~a[top]])
        flip_b = joined([b[:top], ~b[top]])
        return flip_a > flip_b

    # ------------------------------------------------------------------ counts
    @staticmethod
    def gates(accelerator: Accelerator, c: Configuration) -> Gates:
        """Gates of the stage, without the memories of pooling and of classes."""
        return summed(
            SlotCounter.gates(OutputStage._slot_widths(c)),
            OutputStage._walk_gates(accelerator, c),
            OutputStage._pixel_gates(c),
            OutputStage._pool_gates(accelerator, c),
            OutputStage._store_gates(c),
            OutputStage._argmax_gates(accelerator, c) if "argmax" in accelerator.post else Gates(),
        )

    @staticmethod
    def sinks(accelerator: Accelerator, c: Configuration) -> list[Sinks]:
        """Flops behind clock gates."""
        walks = _LEVELS * sum(OutputStage._walked(accelerator, c).values())
        return [Sinks("output_address", "active", walks)]

    @staticmethod
    def _slot_widths(c: Configuration) -> list[int]:
        u = c.layout.unroll
        sizes = (u["B"], u["OY"], u["OX"], c.layout.output_pieces)
        return [bits_for(size - 1) for size in sizes]

    @staticmethod
    def _walked(accelerator: Accelerator, c: Configuration) -> dict[str, int]:
        pooled = ("pool", "phase_y", "phase_x") if "max_pool" in accelerator.post else ()
        return c.widths.each(("store", *pooled))

    @staticmethod
    def _walk_gates(accelerator: Accelerator, c: Configuration) -> Gates:
        widths = OutputStage._walked(accelerator, c)
        here, passed_on = _LEVELS, _LEVELS * (_LEVELS + 1) // 2
        walk = summed(held_gates(_LEVELS), Gates(mux2=here + passed_on))
        parts = [walk.times(sum(widths.values()))]
        for q, bits in widths.items():
            step = summed(add_gates(bits), Gates(mux2=bits))
            is_phase = q.startswith("phase")
            parts.append(summed(step, equals_gates(bits)) if is_phase else step.times(_LEVELS))
        return summed(*parts)

    @staticmethod
    def _exists_gates(c: Configuration, d: str) -> Gates:
        if d not in c.edges:
            return Gates()
        return summed(Gates(inverter=1, or2=1), below_gates(bits_for(c.layout.unroll[d])))

    @staticmethod
    def _pixel_gates(c: Configuration) -> Gates:
        pes, s_k = c.layout.pes, c.layout.unroll["K"]
        rest = Gates(flop=pes, mux2=2 * pes)
        flips = Gates(xor2=1, and2=2, inverter=1).times(s_k)
        exists = (OutputStage._exists_gates(c, d) for d in ("B", "OY", "OX"))
        return summed(rest, flips, *exists, Gates(and2=2))

    @staticmethod
    def _pool_gates(accelerator: Accelerator, c: Configuration) -> Gates:
        s_k = c.layout.unroll["K"]
        if "max_pool" not in accelerator.post:
            return Gates(xor2=s_k)
        taps = summed(equals_gates(c.widths.phase).times(4), Gates(and2=2))
        window = summed(Gates(and2=1, or2=1, mux2=1, xor2=1).times(s_k), held_gates(s_k))
        access = Gates(and2=2 + 1, inverter=1 + 1)
        piece = equals_gates(OutputStage._slot_widths(c)[3])
        return summed(taps, window, access, piece)

    @staticmethod
    def _store_gates(c: Configuration) -> Gates:
        lay = c.layout
        slices = lay.link_bits // lay.output_piece_bits
        enable = summed(Gates(and2=1), equals_gates(bits_for(slices - 1)))
        return summed(
            picked_gates(lay.output_pieces, lay.output_piece_bits),
            picked_gates(lay.output_pieces, lay.unroll["K"].bit_length()),
            OutputStage._exists_gates(c, "K"),
            Gates(and2=3),
            enable.times(slices),
        )

    @staticmethod
    def _argmax_gates(accelerator: Accelerator, c: Configuration) -> Gates:
        lay, u = c.layout, c.layout.unroll
        image, lane = bits_for(u["B"] - 1), bits_for(u["K"] - 1)
        counters = summed(held_gates(image + lane), Gates(mux2=image + lane))
        control = Gates(flop=1, and2=1 + 2 + 1, or2=1, inverter=1)
        score = lay.psum_bits + 2
        better = summed(Gates(inverter=2), below_gates(score))
        write = Gates(and2=1 + 1 + 2, or2=1)
        return summed(
            counters, control,
            add_gates(image), add_gates(lane), equals_gates(image), equals_gates(lane),
            OutputStage._score_gates(lay, image, lane),
            add_gates(bits_for(accelerator.limits.batch - 1)),
            better,
            equals_gates(c.widths.threshold), equals_gates(lane),
            OutputStage._exists_gates(c, "K"), OutputStage._exists_gates(c, "B"),
            write,
        )  # fmt: skip

    @staticmethod
    def _score_gates(lay: Layout, image: int, lane: int) -> Gates:
        u, planes = lay.unroll, lay.psum_bits + 1
        choices = u["B"] * u["K"]
        hot = summed(equals_gates(image), equals_gates(lane), Gates(and2=1))
        of_pe = summed(one_of_gates(choices, 1), picked_gates(u["K"], 1))
        return summed(hot.times(choices), of_pe.times(planes), subtract_gates(planes + 1))
