"""The PE array: XNOR, masks, popcount and accumulators of all PEs, as P-bit planes.

A PE computes one output at a time from `lanes` binary products per cycle. PE index
p = ((b * s_OY + oy) * s_OX + ox) * s_K + k; lane n = (fy * s_FX + fx) * s_C + c.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyrtl
from pyrtl import Const, Register, WireVector

from asicbnn.hardware.component import Gates, summed
from asicbnn.hardware.declarations import ProductCount, declarations
from asicbnn.hardware.popcount import Popcount, at_least, ripple, shifted
from asicbnn.hardware.wires import add_gates, joined, spread
from asicbnn.mapping.layout import Layout


@dataclass(frozen=True)
class PeArray:
    """P PEs of N lanes with accumulators and one padded-tap counter per output pixel.

    layout           unroll and widths
    structure        sliced | tree
    pipeline_stages  registers inside the popcount, before the one that holds the count
    largest_shift    largest weight of a bit plane, as a power of two
    """

    layout: Layout
    structure: str
    pipeline_stages: int
    largest_shift: int

    @property
    def popcount(self) -> Popcount:
        return Popcount(self.layout.lanes, self.structure, self.pipeline_stages)

    @property
    def accumulator_planes(self) -> int:
        return self.layout.psum_bits

    # ------------------------------------------------------------------ S1
    def products(
        self,
        pixels: dict[tuple[int, int, int], list[WireVector]],
        weights: WireVector,
        masks: dict[tuple[int, int], list[WireVector]],
        active: WireVector,
    ) -> list[WireVector]:
        """One plane per lane: xnor(x, w) where the lane counts, else 0.

        pixels  (b, oy, ox) -> activations, a word of s_C bits per kernel position
        masks   (oy, ox) -> mask bits, likewise
        weights N * s_K bits, lane by lane            active one bit per PE: edge PEs are 0
        """
        u = self.layout.unroll
        planes = []
        for n in range(self.layout.lanes):
            tap, c = divmod(n, u["C"])
            row = weights[n * u["K"] : (n + 1) * u["K"]]
            x = joined([spread(pixels[pixel][tap][c], u["K"]) for pixel in self._pixels])
            w = joined([row] * len(self._pixels))
            mask = joined([spread(masks[pixel[1:]][tap][c], u["K"]) for pixel in self._pixels])
            planes.append(~(x ^ w) & (mask & active))
        return planes

    @property
    def _pixels(self) -> list[tuple[int, int, int]]:
        """Output pixels in the order of their PEs."""
        u = self.layout.unroll
        return [(b, y, x) for b in range(u["B"]) for y in range(u["OY"]) for x in range(u["OX"])]

    def counted(
        self,
        pixels: dict[tuple[int, int, int], list[WireVector]],
        weights: WireVector,
        masks: dict[tuple[int, int], list[WireVector]],
        active: WireVector,
    ) -> list[WireVector]:
        """Popcount of the products, pipeline_stages cycles later, as planes."""
        planes = self.popcount.hardware(self.products(pixels, weights, masks, active))
        function = self._product_count(pixels, weights, masks, active, planes)
        declarations().functions.append(function)
        return planes

    def _product_count(
        self,
        pixels: dict[tuple[int, int, int], list[WireVector]],
        weights: WireVector,
        masks: dict[tuple[int, int], list[WireVector]],
        active: WireVector,
        planes: Sequence[WireVector],
    ) -> ProductCount:
        return ProductCount(
            channels=self.layout.unroll["K"],
            lanes=self.layout.lanes,
            weights=weights,
            pixels=tuple(tuple(pixels[pixel]) for pixel in self._pixels),
            masks=tuple(tuple(masks[pixel[1:]]) for pixel in self._pixels),
            active=active,
            counts=tuple(planes),
            stages=self.pipeline_stages,
        )

    def registered(self, planes: Sequence[WireVector]) -> list[Register]:
        """The count, a cycle later."""
        registers = []
        for plane in planes:
            register = Register(len(plane))
            register.next <<= plane
            registers.append(register)
        return registers

    # ------------------------------------------------------------------ S2
    def accumulate(
        self,
        base: Sequence[WireVector],
        count: Sequence[WireVector],
        shift: WireVector,
    ) -> list[WireVector]:
        """Base + count * 2**shift, as accumulator planes."""
        scaled = shifted(count, shift, self.largest_shift, self.accumulator_planes)
        return ripple(base, scaled, self.accumulator_planes)

    # ------------------------------------------------------------------ S3
    def doubled_sum(
        self, accumulators: Sequence[WireVector], pads: dict[tuple[int, int], WireVector]
    ) -> list[WireVector]:
        """2 acc + padded taps, per PE, as psum_bits + 1 planes.

        For +-1 operands this is the dot product plus the fan-in, a number that is never negative.
        """
        u = self.layout.unroll
        pixels = [(oy, ox) for _ in range(u["B"]) for oy in range(u["OY"]) for ox in range(u["OX"])]
        taps = [
            joined([spread(pads[pixel][j], u["K"]) for pixel in pixels])
            for j in range(self.layout.psum_bits)
        ]
        low = taps[0]  # adding to a 0: a wire, not an adder
        high = ripple(accumulators, taps[1:], self.layout.psum_bits)
        return [low, *high]

    def compare(
        self, doubled: Sequence[WireVector], thresholds: Sequence[WireVector]
    ) -> WireVector:
        """One bit per PE: 2 acc + padded taps >= threshold of its channel (s_K-bit planes)."""
        pixels = self.layout.pes // self.layout.unroll["K"]
        spread_out = [joined([plane] * pixels) for plane in thresholds]
        return at_least(doubled, spread_out)

    # ------------------------------------------------------------------ counts
    def gates(self) -> Gates:
        """Gates of all PEs: products, popcount, shift, accumulators' adders; no registers."""
        lanes, planes = self.layout.lanes, self.accumulator_planes
        per_pe = Gates(xnor2=lanes, and2=2 * lanes) + self.popcount.gates()
        scaled = self._scaled_planes()
        full = min(scaled, planes) - 1
        per_pe += Gates(half_adder=1 + planes - full - 1, full_adder=full)
        per_pe += self._shift_gates(self.popcount.planes)
        return per_pe.times(self.layout.pes) + self._shift_decoder_gates()

    def register_gates(self) -> Gates:
        """Registers inside the popcounts, and of the counts, of all PEs."""
        per_pe = self.popcount.register_gates() + Gates(flop=self.popcount.planes)
        return per_pe.times(self.layout.pes)

    def pad_counter_gates(self, taps: int, channel_bits: int) -> Gates:
        """Gates of one call of `pad_counter`; `channel_bits` of its number of channels."""
        total = summed(*(add_gates(channel_bits + i) for i in range(taps)))
        chosen = Gates(mux2=channel_bits * taps)
        width = self.accumulator_planes
        shift = self._shift_gates(channel_bits + taps)
        return summed(total, chosen, shift, self._shift_decoder_gates(), add_gates(width))

    def doubled_sum_gates(self) -> Gates:
        """Adders of `doubled_sum`, of all PEs."""
        planes = self.accumulator_planes
        if planes == 1:
            return Gates()
        return Gates(half_adder=2, full_adder=planes - 2).times(self.layout.pes)

    def compare_gates(self) -> Gates:
        """Gates of `compare`, of all PEs."""
        plane = Gates(inverter=1, xor2=1, and2=2, or2=1)
        return plane.times((self.accumulator_planes + 1) * self.layout.pes)

    def _scaled_planes(self) -> int:
        if self.largest_shift == 0:
            return min(self.popcount.planes, self.accumulator_planes)
        return min(self.accumulator_planes, self.popcount.planes + self.largest_shift)

    def _shift_gates(self, planes: int) -> Gates:
        """Gates per number of `planes` planes that is shifted, without the decoder."""
        if self.largest_shift == 0:
            return Gates()
        positions = min(self.accumulator_planes, planes + self.largest_shift)
        shifts = range(self.largest_shift + 1)
        terms = sum(0 <= position - s < planes for position in range(positions) for s in shifts)
        return Gates(and2=terms, or2=terms - positions)

    def _shift_decoder_gates(self) -> Gates:
        if self.largest_shift == 0:
            return Gates()
        bits = self.largest_shift.bit_length()
        compare = Gates(xor2=bits, or2=bits - 1, inverter=1)
        return compare.times(self.largest_shift + 1)


def pad_counter(
    seen: WireVector,
    padded: Sequence[WireVector],
    channels: WireVector,
    shift: WireVector,
    largest_shift: int,
) -> WireVector:
    """Seen + (padded taps x channels) * 2**shift: the taps of one pixel that add nothing."""
    width = len(seen)
    total: WireVector = Const(0, 1)
    for tap in padded:
        total = total + pyrtl.select(tap, channels, Const(0, len(channels)))
    planes = [total[i] for i in range(len(total))]
    scaled = shifted(planes, shift, largest_shift, width)
    addend = joined(scaled)
    addend = addend.truncate(width) if len(addend) > width else addend.zero_extended(width)
    return (seen + addend).truncate(width)
