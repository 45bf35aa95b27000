"""The DMA: moves tiles from the store into the weight and input buffers, one link word per cycle.

A burst waits `latency` cycles, then moves a link word in every slot of the unclipped tile: a pad
pixel takes its slots, reads nothing and writes the pad word. The loop counters are set up in the
first waiting cycle, so the latency is at least 1.
"""

from __future__ import annotations

import pyrtl
from pyrtl import Const, Register, WireVector

from asicbnn.hardware.buffer import Probe, SlicedMemory
from asicbnn.hardware.component import Gates, summed
from asicbnn.hardware.configuration import Configuration, bits_for
from asicbnn.hardware.fetch import ring_add, ring_add_gates, ring_subtract, ring_subtract_gates
from asicbnn.hardware.gating import Gating, Sinks
from asicbnn.hardware.sequencer import (
    Fields,
    Loops,
    Quantities,
    TileSequencer,
    plain_adder,
    plain_adder_gates,
)
from asicbnn.hardware.wires import (
    add,
    add_gates,
    below_gates,
    choose,
    equals,
    equals_gates,
    held,
    held_gates,
    picked,
    picked_gates,
    sized,
    spread,
)
from asicbnn.mapping.layout import ceil_div, ceil_log2
from asicbnn.spec.accelerator import Accelerator


class Burst:
    """Which operand the channel serves, and the wait before its first word."""

    def __init__(self, latency: int, launch_weight: WireVector, launch_input: WireVector) -> None:
        bits = latency.bit_length()
        self.weight = Register(1, name="dma_weight")
        self.input = Register(1, name="dma_input")
        self.pending = Register(1, name="dma_pending")
        wait = Register(bits, name="dma_wait")
        ready = equals(wait, 0)
        on = self.weight | self.input
        self.setup = on & equals(wait, latency)
        self.moves_weight = self.weight & ready
        self.moves_input = self.input & ready
        self.weight_ends, self.input_ends = WireVector(1), WireVector(1)
        launch = launch_weight | launch_input
        chained = self.weight_ends & self.pending
        counted = choose(on & ~ready, add(wait, -1, bits), wait, bits)
        wait.next <<= choose(launch | chained, latency, counted, bits)
        self.weight.next <<= launch_weight | (self.weight & ~self.weight_ends)
        self.input.next <<= (
            (launch_input & ~launch_weight) | chained | (self.input & ~self.input_ends)
        )
        self.pending.next <<= (launch_weight & launch_input) | (self.pending & ~self.weight_ends)
        self.done_next = ~on | (self.weight_ends & ~self.pending) | self.input_ends

    @staticmethod
    def gates(latency: int) -> Gates:
        """Gates of the channel's control."""
        bits = latency.bit_length()
        wait = Gates(flop=bits, mux2=2 * bits)
        tests = equals_gates(bits).times(2)
        return summed(wait, add_gates(bits), tests, Gates(flop=3, and2=11, or2=9, inverter=7))


class Dma:
    """Both channels' loops, and the bookkeeping of buffer halves and ring rows."""

    def __init__(
        self,
        accelerator: Accelerator,
        c: Configuration,
        cfg: Fields,
        tiles: TileSequencer,
        swap: WireVector,
        restart: WireVector,
        loads_first: WireVector,
        phase_end: WireVector,
        probe: Probe | None,
        gating: Gating,
    ) -> None:
        self.accelerator, self.configuration, self.fields = accelerator, c, cfg
        self.layout, self.tiles, self.probe = c.layout, tiles, probe
        self.swap, self.restart = swap, restart
        weight_pair = accelerator.buffers.weight.ping_pong
        input_pair = accelerator.buffers.input.ping_pong
        reload_weight, reload_input = tiles.carries("reload", 0), tiles.carries("reload", 1)
        self.need_weight = held(swap, reload_weight)
        self.need_input = held(swap, reload_input)
        gating.declare("tile_register", swap, [self.need_weight, self.need_input])
        single_weight = Const(0, 1) if weight_pair else self.need_weight
        single_input = Const(0, 1) if input_pair else self.need_input
        self.single = single_weight | single_input
        paired_weight = reload_weight if weight_pair else Const(0, 1)
        paired_input = reload_input if input_pair else Const(0, 1)
        self.burst = Burst(
            accelerator.store.link.latency_cycles,
            loads_first | (swap & paired_weight) | (phase_end & single_weight),
            loads_first | (swap & paired_input) | (phase_end & single_input),
        )
        self.reload_weight, self.reload_input = reload_weight, reload_input
        slides = accelerator.buffers.input.circular_rows
        slide = tiles.carries("slide", 0) if slides else Const(0, 1)
        self.slide_next = slide
        register = Register(1, name="slide")
        register.next <<= choose(restart, 0, choose(swap, slide, register, 1), 1)
        self.slide = register
        self._targets(weight_pair, input_pair)

    # ------------------------------------------------------------------ where tiles go
    def _targets(self, weight_pair: bool, input_pair: bool) -> None:
        cfg, w = self.fields, self.configuration.widths
        self.weight_start: WireVector = Const(0, w.weight)
        if weight_pair:
            half = Register(1, name="weight_half")
            toggled = half ^ (self.swap & self.reload_weight)
            half.next <<= choose(self.restart, 0, toggled, 1)
            self.weight_start = choose(half, self.layout.weight_words // 2, 0, w.weight)
        self.row = Register(w.input, name="buffer_row")
        moves = self.swap & self.reload_input
        if "ring_words" in cfg:
            start = Register(w.input, name="window_start")
            back = ring_subtract(self.row, cfg["slide_words"], cfg["ring_words"], w.input)
            after = choose(self.slide_next, back, self.row, w.input)
            start.next <<= choose(self.restart, 0, choose(moves, after, start, w.input), w.input)
            self.input_start: WireVector = start
        elif input_pair:
            half = Register(1, name="input_half")
            half.next <<= choose(self.restart, 0, half ^ moves, 1)
            self.input_start = choose(half, self.layout.input_words // 2, 0, w.input)
        else:
            self.input_start = Const(0, w.input)

    def _bound(self, name: str, d: str) -> WireVector:
        """Trips of the tile being loaded: its last-tile value where d's tile is the last."""
        last = self.tiles.dimension(d, self.tiles.loops.last)
        full, edge = self.fields[f"{name}_full"], self.fields[f"{name}_last"]
        return pyrtl.select(last, edge, full)

    # ------------------------------------------------------------------ weights
    def connect_weights(self, store: WireVector, memory: SlicedMemory) -> WireVector:
        """Wire the weight channel; returns the store address it reads."""
        lay, w, burst = self.layout, self.configuration.widths, self.burst
        links = lay.links_per_weight
        bounds = [
            self._bound("tile_k", "K"),
            self._bound("tile_weights", "C"),
            Const(links - 1, max(1, (links - 1).bit_length())),
        ]
        loops = Loops("dma_weight", bounds)
        bank, buffer = w.weight_bank, w.weight
        quantities = Quantities(
            "dma_weight",
            {"source": bank, "target": buffer},
            loops.stop,
            {
                "source": [self.fields["weight_source_row"], Const(links, bank), Const(1, bank)],
                "target": [self.fields["weight_row"], Const(1, buffer), Const(0, buffer)],
            },
        )
        move, setup = burst.moves_weight, burst.setup & burst.weight
        initial = {"source": self.tiles.current["weight_source"], "target": self.weight_start}
        loops.connect(move, setup)
        quantities.connect(move, setup, initial, plain_adder)
        burst.weight_ends <<= move & loops.end
        enables = [move & equals(loops.counts[2], i) for i in range(links)]
        memory.write(quantities.current["target"], [store] * links, enables)
        if self.probe:
            for port_word in range(lay.weight_slots):
                end = min((port_word + 1) * lay.weight_port_bits, lay.weight_word_bits)
                arrival = ceil_div(end, lay.link_bits) - 1
                self.probe.count("weight_buffer_writes", enables[arrival])
            self.probe.count("store_weight_reads", move)
        return quantities.current["source"]

    # ------------------------------------------------------------------ activations
    def connect_inputs(self, store: WireVector, memory: SlicedMemory) -> WireVector:
        """Wire the activation channel; returns the store address it reads."""
        cfg, w, lay, burst = self.fields, self.configuration.widths, self.layout, self.burst
        pieces = lay.links_per_word
        rows = pyrtl.select(self.slide, self._bound("slide_rows", "OY"), self._bound("rows", "OY"))
        bounds = [
            rows,
            self._bound("images", "B"),
            cfg["planes"],
            self._bound("columns", "OX"),
            self._bound("channels", "C"),
            Const(pieces - 1, max(1, (pieces - 1).bit_length())),
        ]
        loops = Loops("dma_input", bounds)
        quantities = self._input_quantities(loops)
        move, setup = burst.moves_input, burst.setup & burst.input
        tile = self.tiles.current
        source, y = tile["input_source"], tile["y"]
        initial = {
            "source": choose(
                self.slide,
                add(source, cfg["slide_source"], w.activation_bank),
                source,
                w.activation_bank,
            ),
            "y": choose(self.slide, add(y, cfg["slide_y"], w.coordinate), y, w.coordinate),
            "x": tile["x"],
        }
        loops.connect(move, setup)
        quantities.connect(move, setup, initial, plain_adder)
        burst.input_ends <<= move & loops.end
        self._advance_row(move & (loops.stop[0] | loops.end), setup)
        inside = self._inside(quantities.current)
        pad = picked(loops.counts[2], [cfg["pad_planes"][i] for i in range(len(cfg["pad_planes"]))])
        data = pyrtl.select(inside, store, spread(pad, lay.link_bits))
        address = add(self.row, quantities.current["target"], w.input)
        self._write_input(memory, address, data, move, loops.counts[5])
        if self.probe:
            self.probe.count("store_activation_reads", move & inside)
        return quantities.current["source"]

    def _input_quantities(self, loops: Loops) -> Quantities:
        cfg, w, lay = self.fields, self.configuration.widths, self.layout
        bank, buffer, coordinate = w.activation_bank, w.input, w.coordinate
        zero, one = Const(0, coordinate), Const(1, coordinate)
        none = Const(0, buffer)
        return Quantities(
            "dma_input",
            {"source": bank, "target": buffer, "y": coordinate, "x": coordinate},
            loops.stop,
            {
                "source": [
                    cfg["source_row"],
                    cfg["source_image"],
                    cfg["source_plane"],
                    cfg["source_column"],
                    Const(lay.links_per_word, bank),
                    Const(1, bank),
                ],
                "target": [
                    none,
                    cfg["image_words"],
                    cfg["plane_words"],
                    cfg["column_words"],
                    Const(lay.words_per_link, buffer),
                    none,
                ],
                "y": [one, zero, zero, zero, zero, zero],
                "x": [zero, zero, zero, one, zero, zero],
            },
        )

    def _advance_row(self, row_ends: WireVector, setup: WireVector) -> None:
        cfg, width = self.fields, self.configuration.widths.input
        ring = cfg.get("ring_words")
        after = ring_add(self.row, cfg["row_words"], ring, width)
        moved = choose(row_ends, after, self.row, width)
        if ring is None:  # every load starts at its half
            self.row.next <<= choose(setup, self.input_start, moved, width)
        else:  # loads append; a layer starts at row 0
            self.row.next <<= choose(self.restart, 0, moved, width)

    def _inside(self, position: dict[str, WireVector]) -> WireVector:
        cfg, width = self.fields, self.configuration.widths.coordinate
        y, x = position["y"], position["x"]
        in_rows = ~y[width - 1] & (y < sized(cfg["input_rows"], width))
        return in_rows & ~x[width - 1] & (x < sized(cfg["input_columns"], width))

    def _write_input(
        self,
        memory: SlicedMemory,
        address: WireVector,
        data: WireVector,
        move: WireVector,
        piece: WireVector,
    ) -> None:
        lay = self.layout
        count = len(memory.slices)
        if lay.links_per_word > 1:
            enables = [move & equals(piece, i) for i in range(count)]
            memory.write(address, [data] * count, enables)
            for port_word in range(lay.input_word_slots):
                arrival = (port_word + 1) * lay.input_port_bits // lay.link_bits - 1
                self._count_write(enables[arrival], 1)
            return
        low = ceil_log2(lay.words_per_link)
        bits = memory.slice_bits
        parts = [data[i * bits : (i + 1) * bits] for i in range(count)]
        memory.write(address[low:] if low else address, parts, [move] * count)
        self._count_write(move, lay.words_per_link * lay.input_word_slots)

    def _count_write(self, event: WireVector, port_words: int) -> None:
        if self.probe:
            self.probe.count("input_buffer_writes", event, port_words)

    # ------------------------------------------------------------------ counts
    @staticmethod
    def gates(accelerator: Accelerator, c: Configuration) -> Gates:
        """Gates of both channels, without the store's and the buffers' memories."""
        latency = accelerator.store.link.latency_cycles
        reloads = summed(TileSequencer.carries_gates(c), held_gates(1)).times(2)
        launches = Gates(and2=4, or2=4 + 1)
        slides = accelerator.buffers.input.circular_rows
        return summed(
            reloads,
            launches,
            Burst.gates(latency),
            TileSequencer.carries_gates(c) if slides else Gates(),
            Gates(flop=1, mux2=2),  # slide
            Dma._targets_gates(accelerator, c),
            Dma._weight_gates(c),
            Dma._input_gates(accelerator, c),
        )

    @staticmethod
    def sinks() -> list[Sinks]:
        """Flops behind clock gates."""
        return [Sinks("tile_register", "swap", 2)]

    @staticmethod
    def _targets_gates(accelerator: Accelerator, c: Configuration) -> Gates:
        buffers, width = accelerator.buffers, c.widths.input
        parts = [Gates(flop=width, and2=1)]
        toggle = Gates(flop=1, xor2=1, mux2=1)
        if buffers.weight.ping_pong:
            parts.append(summed(toggle, Gates(and2=1, mux2=c.widths.weight)))
        if buffers.input.circular_rows:
            parts += [ring_subtract_gates(width), Gates(flop=width, mux2=3 * width)]
        elif buffers.input.ping_pong:
            parts.append(summed(toggle, Gates(mux2=width)))
        return summed(*parts)

    @staticmethod
    def _bound_gates(c: Configuration, bits: int, d: str) -> Gates:
        return summed(TileSequencer.dimension_gates(c, d), Gates(mux2=bits))

    @staticmethod
    def _weight_gates(c: Configuration) -> Gates:
        w, links = c.widths, c.layout.links_per_weight
        counters = [w.trips, w.weight, bits_for(links - 1)]
        widths = {"source": w.weight_bank, "target": w.weight}
        enable = summed(Gates(and2=1), equals_gates(counters[2]))
        return summed(
            Dma._bound_gates(c, w.trips, "K"),
            Dma._bound_gates(c, w.weight, "C"),
            Loops.gates(counters),
            Quantities.gates(widths, 3, plain_adder_gates(widths)),
            Gates(and2=2),  # set up, end
            enable.times(links),
        )

    @staticmethod
    def _input_gates(accelerator: Accelerator, c: Configuration) -> Gates:
        w, lay = c.widths, c.layout
        bank, buffer, coordinate = w.activation_bank, w.input, w.coordinate
        planes = accelerator.limits.activation_bits
        piece = bits_for(lay.links_per_word - 1)
        counters = [coordinate, w.image, bits_for(planes - 1), coordinate, w.record, piece]
        widths = {"source": bank, "target": buffer, "y": coordinate, "x": coordinate}
        bounds = ((coordinate, "OY"), (w.image, "B"), (coordinate, "OX"), (w.record, "C"))
        enable = summed(Gates(and2=1), equals_gates(piece))
        row = ring_add_gates(buffer, accelerator.buffers.input.circular_rows)
        return summed(
            *(Dma._bound_gates(c, bits, d) for bits, d in bounds),
            summed(Dma._bound_gates(c, coordinate, "OY"), Gates(mux2=coordinate)),  # slides
            Loops.gates(counters),
            Quantities.gates(widths, 6, plain_adder_gates(widths)),
            Gates(and2=3, or2=1),  # set up, end, end of a row
            add_gates(bank), add_gates(coordinate), Gates(mux2=bank + coordinate),  # starts
            row, Gates(mux2=2 * buffer),
            Gates(inverter=2, and2=3), below_gates(coordinate).times(2),  # inside
            picked_gates(planes, 1), Gates(mux2=lay.link_bits),
            add_gates(buffer),
            enable.times(lay.links_per_word) if lay.links_per_word > 1 else Gates(),
        )  # fmt: skip
