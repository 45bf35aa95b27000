"""The datapath pipeline: S0 issue and operand loads, S1 popcount, S2 accumulate, S3 handover.

Initiation interval 1. A tile's steps start the cycle after `swap`; `idle_next` is 1 in the last
cycle the tile occupies, holds included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyrtl
from pyrtl import Const, Register, WireVector

from asicbnn.hardware.array import PeArray, pad_counter
from asicbnn.hardware.buffer import Probe, SlicedMemory
from asicbnn.hardware.component import Stages
from asicbnn.hardware.configuration import Configuration, level_quantities
from asicbnn.hardware.gating import Gating
from asicbnn.hardware.operands import Operands
from asicbnn.hardware.sequencer import (
    Fields,
    StepSequencer,
    TileSequencer,
)
from asicbnn.hardware.step_adder import step_adder
from asicbnn.hardware.wires import (
    add,
    below,
    choose,
    delayed,
    equals,
    held,
    joined,
    sized,
    spread,
)
from asicbnn.spec.accelerator import Accelerator

TILE_EDGES = ("B", "K", "C", "OY", "OX")
"""Unrolled dimensions that tiles cut."""
FINISHED_EDGES = ("B", "K", "OY", "OX")
"""Unrolled dimensions of a finished word."""
FINISHED_QUANTITIES = ("store", "pool", "phase_y", "phase_x", "image", "threshold")
"""What the steps generate for a finished word."""


@dataclass(frozen=True)
class Memories:
    """The buffers the engine reads and writes."""

    weight: SlicedMemory
    input: SlicedMemory
    psum: SlicedMemory
    threshold: SlicedMemory


@dataclass(frozen=True)
class Finished:
    """What S3 hands to the output stage in the first cycle of a finished word.

    valid      a finished word is here       bits     P comparisons, before the flip
    doubled    2 acc + padded taps, planes   threshold  planes of the channels, then their flips
    edges      last-trip flags of B K OY OX  quantities store, pool, phases, image, threshold
    """

    valid: WireVector
    bits: WireVector
    doubled: list[WireVector]
    threshold: list[WireVector]
    edges: dict[str, WireVector]
    quantities: dict[str, WireVector]


def masks_after(pipeline_stages: int) -> int:
    """Cycles after a step's issue in which the masks of its operands are made.

    Where registers shorten the popcount they would be the longest of its first stage: they are
    made in the cycle before and registered.
    """
    return 0 if pipeline_stages else 1


class Engine:
    """Steps of one tile through the array."""

    def __init__(
        self,
        accelerator: Accelerator,
        c: Configuration,
        cfg: Fields,
        tiles: TileSequencer,
        memories: Memories,
        swap: WireVector,
        input_start: WireVector,
        weight_start: WireVector,
        probe: Probe | None,
        stages: Stages,
        gating: Gating,
    ) -> None:
        self.accelerator, self.configuration, self.fields = accelerator, c, cfg
        self.layout, self.memories, self.probe, self.gating = c.layout, memories, probe, gating
        self.stages = stages
        self.depth = accelerator.array.popcount.pipeline_stages
        self.masks_after = masks_after(self.depth)
        self.swap = swap
        self._lines: dict[WireVector, list[WireVector]] = {}
        limits = accelerator.limits
        self.array = PeArray(
            c.layout,
            accelerator.array.popcount.structure,
            self.depth,
            limits.weight_bits + limits.activation_bits - 2,
        )
        self._take_tile(tiles)
        widths = c.widths.each(level_quantities(accelerator))
        self.steps = StepSequencer(c, cfg, widths, self.tile_lasts)
        self.finishing = WireVector(1)
        self.run = Register(1, name="run")
        self._holding()
        stages.mark("sequencer")
        self.operands = Operands(self, tiles, input_start, weight_start)
        self.issue = self.operands.issue
        self._connect_steps(tiles, input_start, weight_start)
        stages.mark("sequencer")
        self._stage_1()
        self._stage_2()
        self.finished = self._stage_3()
        stages.mark("array", "control")

    def later(self, wire: WireVector, cycles: int) -> WireVector:
        """The wire some cycles later; stages are shared by all who ask."""
        line = self._lines.setdefault(wire, [wire])
        while len(line) <= cycles:
            line.append(delayed(line[-1], 1))
        return line[cycles]

    # ------------------------------------------------------------------ S0
    def _take_tile(self, tiles: TileSequencer) -> None:
        """Registers of the tile in the array, loaded from the tile sequencer at swap."""
        self.tile_lasts = [held(self.swap, last) for last in tiles.loops.last]
        self.first_tile = held(self.swap, tiles.dimension("C", tiles.loops.zero))
        self.final_tile = held(self.swap, tiles.dimension("C", tiles.loops.last))
        self.is_last_tile = held(self.swap, tiles.loops.end, "is_last_tile")
        self.tile_edges = {
            d: held(self.swap, tiles.dimension(d, tiles.loops.last))
            if d in TILE_EDGES
            else Const(1, 1)
            for d in self.configuration.edges
        }
        edges = [wire for wire in self.tile_edges.values() if isinstance(wire, Register)]
        flags = [*self.tile_lasts, self.first_tile, self.final_tile, self.is_last_tile, *edges]
        self.gating.declare("tile_register", self.swap, flags)

    def _holding(self) -> None:
        """The write channel stores a finished word pixel by pixel: issue stands meanwhile."""
        u = self.layout.unroll
        bits_hold = u["B"] * u["OY"] * u["OX"] * self.layout.output_pieces - 1
        argmax_hold = u["B"] * u["K"] - 1
        width = max(1, max(bits_hold, argmax_hold).bit_length())
        if "argmax" in self.accelerator.post:
            extra = choose(self.fields["is_argmax"], argmax_hold, bits_hold, width)
        else:
            extra = Const(bits_hold, width)
        hold = Register(width, name="hold")
        self.frozen = ~equals(hold, 0)
        counted = choose(self.frozen, add(hold, -1, width), hold, width)
        hold.next <<= choose(self.finishing, extra, counted, width)
        self.hold_ends = self.frozen & equals(hold, 1)
        self.will_hold = self.finishing & ~equals(extra, 0)

    def adder(self, at: dict[str, WireVector], by: dict[str, WireVector]) -> dict[str, WireVector]:
        """Base plus stride of what the steps advance."""
        return step_adder(self.fields, at, by)

    def _connect_steps(
        self, tiles: TileSequencer, input_start: WireVector, weight_start: WireVector
    ) -> None:
        initial = {**tiles.current, "input": input_start, "weight": weight_start}
        self.steps.connect(self.issue, self.swap, initial, self.adder, self.gating)
        ends = self.issue & self.steps.loops.end
        self.run.next <<= self.swap | (self.run & ~ends)
        self.first = self.steps.reduction(self.steps.loops.zero) & self.first_tile
        final = self.steps.reduction(self.steps.loops.last) & self.final_tile
        self.run_end = self.steps.run_ends("psum")
        self.final = final & self.run_end
        self.finishing <<= self.issue & self.final
        busy_next = (self.run & ~ends) | self.will_hold | (self.frozen & ~self.hold_ends)
        self.idle_next = ~busy_next
        self.edges = {d: self.steps.edge(d, self.tile_edges[d]) for d in self.configuration.edges}
        if self.probe:
            self.probe.count("steps", self.issue)
            self.probe.count("output_stall_cycles", self.frozen)
            self.probe.count("l0_stall_cycles", self.run & ~self.issue & ~self.frozen)

    # ------------------------------------------------------------------ S1
    def _mask(self, d: str, flag: WireVector | None) -> WireVector:
        """One bit per position of an unrolled dimension: 0 beyond the layer's edge."""
        size = self.layout.unroll[d]
        if flag is None:
            return Const((1 << size) - 1, size)
        valid = self.fields[f"edge_{d}"]
        beyond = joined([below(valid, i + 1) for i in range(size)])
        return ~spread(flag, size) | ~beyond

    def _masks(self, cycles: int, dimensions: Sequence[str]) -> dict[str, WireVector]:
        return {
            d: self._mask(d, self.later(self.edges[d], cycles) if d in self.edges else None)
            for d in dimensions
        }

    def _active(self, masks: dict[str, WireVector]) -> WireVector:
        """One bit per PE: its output exists."""
        u = self.layout.unroll
        channels = masks["K"]
        pixels = [
            masks["B"][b] & masks["OY"][y] & masks["OX"][x]
            for b in range(u["B"])
            for y in range(u["OY"])
            for x in range(u["OX"])
        ]
        return joined([spread(ok, u["K"]) & channels for ok in pixels])

    def _tap_valid(self, offset: int, axis: str) -> WireVector:
        """1 if row (column) `offset` of the window lies inside the input."""
        cfg = self.fields
        position = self.later(self.steps.current[axis], self.masks_after)
        width = len(position)
        at = add(position, offset, width)
        size = cfg["input_rows"] if axis == "y" else cfg["input_columns"]
        return ~at[width - 1] & (at < sized(size, width))

    def _taps_valid(self, count: int, axis: str) -> list[WireVector]:
        """Flag of each row (column) of the window; 0 for those that all strides skip."""
        u, strides = self.layout.unroll, self.accelerator.array.strides
        outs, kernels = (u["OY"], u["FY"]) if axis == "y" else (u["OX"], u["FX"])
        met = {o * s + k for o in range(outs) for k in range(kernels) for s in strides}
        return [self._tap_valid(i, axis) if i in met else Const(0, 1) for i in range(count)]

    def _stage_1(self) -> None:
        u, cfg = self.layout.unroll, self.fields
        early = 1 - self.masks_after
        made = self._masks(self.masks_after, ("B", "K", "C", "OY", "OX", "FY", "FX"))
        masks = {d: self.later(made[d], early) if d in self.edges else made[d] for d in TILE_EDGES}
        window = self.operands.window
        rows = self._taps_valid(window.rows, "y")
        columns = self._taps_valid(window.columns, "x")
        lane_masks, padded = {}, {}
        for oy in range(u["OY"]):
            for ox in range(u["OX"]):
                lanes, taps = [], []
                for fy in range(u["FY"]):
                    for fx in range(u["FX"]):
                        inside = window.tap(oy, fy, rows) & window.tap(ox, fx, columns)
                        exists = made["FY"][fy] & made["FX"][fx]
                        outside = exists & cfg["masks_pads"] & ~inside
                        counts = self.later(exists & ~outside, early)
                        lanes.append(spread(counts, u["C"]) & masks["C"])
                        taps.append(outside)
                lane_masks[oy, ox], padded[oy, ox] = lanes, taps
        pixels = {
            (b, oy, ox): window.pixel(b, oy, ox)
            for b in range(u["B"])
            for oy in range(u["OY"])
            for ox in range(u["OX"])
        }
        active = self._active(masks)
        mark = self.stages.mark
        mark("array", "lane masks")
        counted = self.array.counted(pixels, self.operands.weight_word, lane_masks, active)
        mark("array", "products and popcount", without="r")
        self.count = self.array.registered(counted)
        mark("array", "popcount register")
        later = 1 + self.depth
        self.padded = {
            pixel: [self.later(tap, early + later) for tap in taps]
            for pixel, taps in padded.items()
        }
        self.active = self.later(active, later)
        mark("array", "padded taps")

    # ------------------------------------------------------------------ S2
    def _stage_2(self) -> None:
        lay, later = self.layout, 2 + self.depth
        self.valid_2 = self.later(self.issue, later)
        load = self.later(self.steps.loads("psum"), later)
        first = self.later(self.first, later)
        address = self.later(self.steps.current["psum"], later)
        run_end = self.later(self.run_end, later)
        final = self.later(self.final, later)
        planes = lay.psum_bits
        accumulators = [Register(lay.pes, name=f"accumulator{j}") for j in range(planes)]
        pixels = list(self.padded)
        counters = [Register(planes, name=f"padded_taps{i}") for i in range(len(pixels))]
        mark = self.stages.mark
        loaded = self.operands.psum_word(self)
        previous = held(self.valid_2, address)
        same = equals(address, previous)
        use_own = ~load | (~first & same)
        use_loaded = load & ~first & ~same
        mark("array", "control")
        base = []
        for j, own in enumerate(accumulators):
            word = loaded[j * lay.pes : (j + 1) * lay.pes]
            base.append((own & spread(use_own, lay.pes)) | (word & spread(use_loaded, lay.pes)))
        shift = (
            self.later(self.steps.current["shift"], later)
            if "shift" in self.steps.current
            else Const(0, 1)
        )
        sums = self.array.accumulate(base, self.count, shift)
        self.gating.masked(self.valid_2, self.active, accumulators, sums)
        mark("array", "accumulate")
        channels = self._channels(later)
        seen = []
        for i, pixel in enumerate(pixels):
            start = lay.pes * planes + i * planes
            word = loaded[start : start + planes]
            before = (counters[i] & spread(use_own, planes)) | (word & spread(use_loaded, planes))
            after = pad_counter(
                before, self.padded[pixel], channels, shift, self.array.largest_shift
            )
            counters[i].next <<= pyrtl.select(self.valid_2, after, counters[i])
            seen.append(after)
        self.gating.declare("accumulator", self.valid_2, [*accumulators, *counters, previous])
        self.accumulators, self.counters, self.pixels = accumulators, counters, pixels
        write = self.valid_2 & run_end & ~final
        own_word = joined([*accumulators, *counters])
        self.operands.write_psum(self, write, address, joined([*sums, *seen]), own_word)
        self.finish_2 = self.valid_2 & final
        mark("array", "padded taps")

    def _channels(self, later: int) -> WireVector:
        """Channels of the step's word: all of s_C, or what is left at the channel edge."""
        size = self.layout.unroll["C"]
        bits = size.bit_length()
        if "C" not in self.edges:
            return Const(size, bits)
        return choose(self.later(self.edges["C"], later), self.fields["edge_C"], size, bits)

    # ------------------------------------------------------------------ S3
    def _stage_3(self) -> Finished:
        lay = self.layout
        row = self.later(self.steps.current["threshold"], 2 + self.depth)
        word = held(self.finish_2, self.memories.threshold.read(row))
        self.stages.mark("array", "threshold register")
        s_k = lay.unroll["K"]
        threshold = [word[j * s_k : (j + 1) * s_k] for j in range(lay.psum_bits + 2)]
        pads = dict(zip(self.pixels, self.counters, strict=True))
        doubled = self.array.doubled_sum(self.accumulators, pads)
        bits = self.array.compare(doubled, threshold[:-1])
        self.stages.mark("array", "compare")
        if self.probe:
            self.probe.count("threshold_buffer_reads", self.finish_2)
        kept = [q for q in FINISHED_QUANTITIES if q in self.steps.current]
        later = 2 + self.depth
        edges: dict[str, Register] = {
            d: held(self.finish_2, self.later(self.edges[d], later))
            for d in FINISHED_EDGES
            if d in self.edges
        }
        quantities: dict[str, Register] = {
            q: held(self.finish_2, self.later(self.steps.current[q], later)) for q in kept
        }
        kept_registers = [word, *edges.values(), *quantities.values()]
        self.gating.declare("finished_register", self.finish_2, kept_registers)
        return Finished(
            valid=self.later(self.finish_2, 1),
            bits=bits,
            doubled=doubled,
            threshold=threshold,
            edges={**edges},
            quantities={**quantities},
        )
