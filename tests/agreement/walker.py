"""The machine walked step by step: no closed form, no counting formula of the model.

Outer tiles, inner steps, link words, row slots and output slots are loops here. What the walker
needs to know of a tile it finds by looking (has this operand's tile changed?), and it checks on
the way that what the static rules leave in registers and buffers is what the step needs.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import product

from asicbnn.hardware.configuration import configuration, level_quantities, slot_quantities

OUTER = ("B", "K", "C", "OY", "OX")
NEEDS = {
    "weight": ("K", "C", "FY", "FX", "BW"),
    "input": ("B", "C", "OY", "OX", "FY", "FX", "BA"),
    "psum": ("B", "K", "OY", "OX"),
}
REDUCED = ("C", "FY", "FX", "BW", "BA")


def pieces(size, chunk):
    """Sizes of the chunks a size is cut into."""
    return [min(chunk, size - start) for start in range(0, size, chunk)]


@dataclass
class Ring:
    """Row slots of the input buffer; a load appends, the window is what was appended last."""

    slots: int
    rows: dict = field(default_factory=dict)
    head: int = 0

    def append(self, row, forbidden):
        assert self.head not in forbidden, "a live row is overwritten"
        self.rows[self.head] = row
        written, self.head = self.head, (self.head + 1) % self.slots
        return written

    def window(self, count):
        return [(self.head - count + i) % self.slots for i in range(count)]


class Walker:
    def __init__(self, accelerator, lay, layer, mapping, n_cfg):
        self.a, self.lay, self.layer, self.mapping, self.n_cfg = (
            accelerator,
            lay,
            layer,
            mapping,
            n_cfg,
        )
        self.unroll = lay.unroll
        self.tile = dict(mapping.outer)
        self.cuts = {
            d: pieces(layer.size(d), self.tile[d] if d in OUTER else layer.size(d))
            for d in NEEDS["weight"] + NEEDS["input"]
        }
        self.full_trips = {d: len(pieces(cut[0], self.unroll[d])) for d, cut in self.cuts.items()}
        self.total_reduction = 1
        for d in REDUCED:
            self.total_reduction *= sum(len(pieces(t, self.unroll[d])) for t in self.cuts[d])
        self.count = Counter()
        self.clocks = Counter()  # clock edges by family of gated registers, flop by flop
        self.cycles = Counter()
        self.progress = Counter()  # steps done per output word
        self.spilled = set()  # output words waiting in the psum buffer
        self.register = {}  # what each L0 register holds
        self.visit = None  # output word in the accumulator
        self.pool = {}  # pooling windows under way: taps seen
        self.peak = Counter()
        self.ring = None
        self.loaded = {}
        self.slots = self._slots()
        self.flops = self._flops()
        self.j = self._static_positions()

    # ------------------------------------------------------------ what the ports cost
    def _slots(self):
        u, s = self.unroll, self.layer.stride
        rows = {oy * s + fy for oy in range(u["OY"]) for fy in range(u["FY"])}
        columns = {ox * s + fx for ox in range(u["OX"]) for fx in range(u["FX"])}
        box = (max(rows) + 1) * (max(columns) + 1)
        word = len(pieces(self.lay.input_word_bits, self.lay.input_port_bits))
        return {
            "weight": len(pieces(self.lay.weight_word_bits, self.lay.weight_port_bits)),
            "input": u["B"] * box * word,
            "psum": len(pieces(self.lay.psum_word_bits, self.lay.psum_port_bits)),
        }

    def _flops(self):
        """Bits of the registers beside L0 that load together, from the table of fields."""
        table, lay = configuration(self.a), self.lay
        post, limits = self.a.post, self.a.limits
        walked = ["store", *(["pool", "phase_y", "phase_x"] if "max_pool" in post else [])]
        kept = [*walked, "threshold"]
        kept += ["image"] if "argmax" in post and limits.batch > 1 else []
        edges = [d for d in ("B", "K", "OY", "OX") if self.unroll[d] > 1]
        tile_edges = edges + ["C"] * (self.unroll["C"] > 1)
        pes = self.unroll["B"] * self.unroll["K"] * self.unroll["OY"] * self.unroll["OX"]
        counters = self.unroll["OY"] * self.unroll["OX"]
        return {
            "accumulator": (pes + counters) * lay.psum_bits + table.widths.of("psum"),
            "finished_register": lay.threshold_word_bits
            + len(edges)
            + sum(table.widths.of(q) for q in kept),
            # a counter and the bases of each loop
            "step_sequencer": len(table.level_dimensions)
            * (table.widths.trips + sum(map(table.widths.of, level_quantities(self.a)))),
            "tile_sequencer": len(table.slot_dimensions)
            * (table.widths.trips + sum(map(table.widths.of, slot_quantities(self.a)))),
            # last flag per outer loop, first and last of the channels, the end, two reloads
            "tile_register": len(table.slot_dimensions) + 2 + 1 + 2 + len(tile_edges),
            "output_address": sum(4 * table.widths.of(q) for q in walked),
            "psum_write_register": table.widths.of("psum"),
        }

    def _clock(self, family, flops=None):
        self.clocks[family] += self.flops[family] if flops is None else flops

    def port_time(self):
        single = self.a.buffers.psum.ports == "1rw"
        return {**self.slots, "psum": self.slots["psum"] * (2 if single else 1)}

    def _static_positions(self):
        positions = {}
        for operand, hold in zip(NEEDS, self.mapping.hold, strict=True):
            positions[operand] = -1
            for i, d in enumerate(self.mapping.inner):
                if not hold or (d in NEEDS[operand] and self.full_trips[d] > 1):
                    positions[operand] = i
        return positions

    # ------------------------------------------------------------ the layer
    def walk(self):
        self._configure()
        order = [d for d, _ in self.mapping.outer]
        tiles = [
            dict(zip(order, at, strict=True))
            for at in product(*(range(len(self.cuts[d])) for d in order))
        ]
        self.cycles["prologue"] = self._load("weight", tiles[0]) + self._load("input", tiles[0])
        ping_pong = {
            "weight": self.a.buffers.weight.ping_pong,
            "input": self.a.buffers.input.ping_pong,
        }
        for at, following in zip(tiles, [*tiles[1:], None], strict=True):
            busy = self._compute(at)
            if following is not None:
                hidden = exposed = 0
                for operand in ("weight", "input"):
                    if self._key(operand, following) != self.loaded[operand]:
                        time = self._load(operand, following, live=ping_pong[operand])
                        hidden += time * ping_pong[operand]
                        exposed += time * (not ping_pong[operand])
                self.cycles["dma_stall"] += max(0, hidden - busy) + exposed
            self.cycles["swap"] += 1
            for family in ("tile_register", "tile_sequencer", "step_sequencer"):
                self._clock(family)
        self.cycles["drain"] = 3 + self.a.array.popcount.pipeline_stages
        self._close_visit()
        assert not self.spilled
        assert not self.pool
        assert set(self.progress.values()) == {self.total_reduction}
        return self._result()

    def _configure(self):
        self.cycles["configuration"] = self.a.store.link.latency_cycles
        for _ in range(self.n_cfg):
            self.cycles["configuration"] += 1
            self.count["store_weight_reads"] += 1
            for _ in range(self.n_cfg):  # a chain: every word moves on
                self._clock("configuration_register", self.lay.link_bits)
        for _ in pieces(self.layer.out_channels, self.unroll["K"]):
            self.count["threshold_buffer_writes"] += 1
            for _ in pieces(self.lay.threshold_word_bits, self.lay.link_bits):
                self.cycles["configuration"] += 1
                self.count["store_weight_reads"] += 1
                self._clock("tile_sequencer")

    # ------------------------------------------------------------ the DMA
    def _key(self, operand, at):
        return {d: at[d] for d in OUTER if d in NEEDS[operand]}

    def _load(self, operand, at, live=False):
        old, new = self.loaded.get(operand), self._key(operand, at)
        self.loaded[operand] = new
        time = self.a.store.link.latency_cycles
        if operand == "weight":
            return time + self._load_weights(at)
        appends = (
            self.a.buffers.input.circular_rows
            and old is not None
            and self.layer.kernel_y >= self.layer.stride
            and {**old, "OY": old["OY"] + 1} == new
        )
        return time + self._load_inputs(at, appends, live)

    def _load_weights(self, at):
        time = 0
        words = 0
        trips = [len(pieces(self.cuts[d][at.get(d, 0)], self.unroll[d])) for d in NEEDS["weight"]]
        for _ in product(*map(range, trips)):
            words += 1
            self.count["weight_buffer_writes"] += self.slots["weight"]
            for _ in pieces(self.lay.weight_word_bits, self.lay.link_bits):
                time += 1
                self.count["store_weight_reads"] += 1
        self.peak["weight"] = max(self.peak["weight"], words)
        return time

    def _span(self, d, at):
        """First and one-past-last input row (column) of a tile, pads included."""
        layer = self.layer
        pad, kernel = (
            (layer.pad_top, layer.kernel_y) if d == "OY" else (layer.pad_left, layer.kernel_x)
        )
        first = at[d] * self.tile[d] * layer.stride - pad
        return first, first + (self.cuts[d][at[d]] - 1) * layer.stride + kernel

    def _load_inputs(self, at, appends, live):
        layer, time = self.layer, 0
        top, bottom = self._span("OY", at)
        left, right = self._span("OX", at)
        height = (self.cuts["OY"][0] - 1) * layer.stride + layer.kernel_y
        if self.ring is None:
            self.ring = Ring(height * (2 if self.a.buffers.input.ping_pong else 1))
        window, first = [], top
        if self.a.buffers.input.circular_rows:
            window = self.window if live else []
            if appends:
                first = self.bottom
                kept = self.ring.window(self.bottom - top)
                window = {*window, *kept}
        for row in range(first, bottom):
            if self.a.buffers.input.circular_rows:
                self.ring.append(row, window)
            words = 0
            for _image, _plane, column in product(
                range(self.cuts["B"][at["B"]]), range(layer.activation_bits), range(left, right)
            ):
                links, taken = self._pixel(at)
                words += taken
                self.count["input_buffer_writes"] += taken * len(
                    pieces(self.lay.input_word_bits, self.lay.input_port_bits)
                )
                for _ in range(links):
                    time += 1
                    if 0 <= row < layer.in_y and 0 <= column < layer.in_x:
                        self.count["store_activation_reads"] += 1
            self.peak["row"] = max(self.peak["row"], words)
        self.peak["rows"] = max(self.peak["rows"], bottom - top)
        if self.a.buffers.input.circular_rows:
            self.window, self.bottom = self.ring.window(bottom - top), bottom
            assert [self.ring.rows[i] for i in self.window] == list(range(top, bottom))
        return time

    def _pixel(self, at):
        """Link words of one plane of a pixel's channels, and buffer words they fill."""
        words = len(pieces(self.cuts["C"][at["C"]], self.unroll["C"]))
        word, link = self.lay.input_word_bits, self.lay.link_bits
        if word > link:
            return words * (word // link), words
        links = len(pieces(words * word, link))
        return links, links * (link // word)

    # ------------------------------------------------------------ the array
    def _compute(self, at):
        """Walk one tile; return the cycles it keeps the array."""
        inner = self.mapping.inner
        trips = [len(pieces(self.cuts[d][at.get(d, 0)], self.unroll[d])) for d in inner]
        before = self.cycles["compute"] + self.cycles["l0_stall"] + self.cycles["output_stall"]
        cost, shadow = self.port_time(), self.a.registers.shadow
        busy = dict.fromkeys(cost, 0)
        if shadow:
            self.cycles["l0_stall"] += max(cost.values()) - 1
        previous = None
        for step in product(*map(range, trips)):
            carry = -1
            if previous is not None:
                carry = next(i for i in range(9) if step[i] != previous[i])
            previous = step
            place = self._place(at, dict(zip(inner, step, strict=True)))
            load = [x for x in NEEDS if carry == -1 or carry <= self.j[x]]
            if shadow:
                while any(busy[x] for x in load):
                    self._tick(busy)
                    self.cycles["l0_stall"] += 1
                for x in load:
                    busy[x] = cost[x]
                self._tick(busy)
            else:
                self.cycles["l0_stall"] += self._blocked(load, cost) - 1
            self.cycles["compute"] += 1
            for x in load:
                self._fill_register(x, place)
            self._step(place, at, dict(zip(inner, step, strict=True)))
        while any(busy.values()):
            self._tick(busy)
            self.cycles["l0_stall"] += 1
        after = self.cycles["compute"] + self.cycles["l0_stall"] + self.cycles["output_stall"]
        return after - before

    @staticmethod
    def _tick(busy):
        for x in busy:
            busy[x] = max(0, busy[x] - 1)

    def _blocked(self, load, cost):
        """Cycles until every port has served its loads, one slot a cycle."""
        port = {"weight": 0, "input": 0 if self.a.buffers.shared_port else 1, "psum": 2}
        queue = Counter()
        for x in load:
            for _ in range(cost[x]):
                queue[port[x]] += 1
        return max([1, *queue.values()])

    def _place(self, at, step):
        """Return the indices of a step over the whole layer, in trips."""
        return {d: (at[d], step[d]) if d in at else step[d] for d in step}

    def _load_clocks(self, operand):
        """A piece of the register, or of its shadow, per read of the port."""
        word, port = {
            "weight": (self.lay.weight_word_bits, self.lay.weight_port_bits),
            "psum": (self.lay.psum_word_bits, self.lay.psum_port_bits),
            "input": (self.slots["input"] * self.lay.input_port_bits, self.lay.input_port_bits),
        }[operand]
        for piece in pieces(word, port):
            self._clock(f"{operand}_register", piece)

    def _transfer_clocks(self, operand):
        """Shadow registers pass a whole word on, and the widest window there is."""
        if not self.a.registers.shadow:
            return
        u, s = self.unroll, max(self.a.array.strides)
        rows = {oy * s + fy for oy in range(u["OY"]) for fy in range(u["FY"])}
        columns = {ox * s + fx for ox in range(u["OX"]) for fx in range(u["FX"])}
        box = u["B"] * (max(rows) + 1) * (max(columns) + 1) * self.lay.input_word_bits
        word = {"weight": self.lay.weight_word_bits, "psum": self.lay.psum_word_bits, "input": box}
        self._clock(f"{operand}_register", word[operand])

    def _fill_register(self, operand, place):
        self._transfer_clocks(operand)
        if operand == "psum":
            self._close_visit()
            self.visit = tuple(place[d] for d in NEEDS["psum"])
            if self.progress[self.visit]:
                assert self.visit in self.spilled
                self.spilled.remove(self.visit)
                self.count["psum_buffer_reads"] += self.slots["psum"]
                self._load_clocks("psum")
        else:
            self.count[f"{operand}_buffer_reads"] += self.slots[operand]
            self._load_clocks(operand)
            self.register[operand] = tuple(place[d] for d in NEEDS[operand])

    def _close_visit(self):
        if self.visit is not None and self.progress[self.visit] < self.total_reduction:
            self.spilled.add(self.visit)
            self.peak["psum"] = max(self.peak["psum"], len(self.spilled))
            self.count["psum_buffer_writes"] += self.slots["psum"]
            if self.slots["psum"] > 1:  # the rest of the word waits for its turns
                self._clock("psum_write_register")
                if self.a.registers.shadow:
                    self._clock("psum_write_register", self.lay.psum_word_bits)
        self.visit = None

    def _step(self, place, at, step):
        for operand in ("weight", "input"):
            assert self.register[operand] == tuple(place[d] for d in NEEDS[operand])
        word = tuple(place[d] for d in NEEDS["psum"])
        assert word == self.visit
        self.progress[word] += 1
        self._clock("accumulator")
        self._clock("step_sequencer")
        if self.progress[word] == self.total_reduction:
            self.count["threshold_buffer_reads"] += 1
            self._clock("finished_register")
            starts = {d: at[d] * self.tile[d] + step[d] * self.unroll[d] for d in NEEDS["psum"]}
            self.cycles["output_stall"] += self._store(starts, at) - 1

    # ------------------------------------------------------------ the write channel
    def _store(self, start, at):
        """Store one finished word pixel after pixel; return its slots."""
        u, slots = self.unroll, 0
        if self.layer.output == "argmax":
            return sum(1 for _ in product(range(u["B"]), range(u["K"])))
        end = {d: at[d] * self.tile[d] + self.cuts[d][at[d]] for d in start}
        for image, row, column in product(range(u["B"]), range(u["OY"]), range(u["OX"])):
            pixel = (start["B"] + image, start["OY"] + row, start["OX"] + column)
            valid = all(i < end[d] for i, d in zip(pixel, ("B", "OY", "OX"), strict=True))
            final = valid and self._pooled(pixel, start["K"])
            for first in range(0, u["K"], self.lay.link_bits):
                slots += 1
                self._clock("output_address")
                if final and start["K"] + first < self.layer.out_channels:
                    self.count["store_activation_writes"] += 1
        return slots

    def _pooled(self, pixel, channel):
        """Put one tap into its pooling window; True if it was the last."""
        z = self.layer.pool
        image, row, column = pixel
        if z == 1:
            return True
        window = (image, row // z, column // z, channel)
        first, last = row % z == column % z == 0, row % z == column % z == z - 1
        assert (window not in self.pool) == first
        seen = self.pool.pop(window, 0)
        self.count["pool_buffer_reads"] += not first
        assert (seen + 1 == z * z) == last
        if not last:
            self.pool[window] = seen + 1
            self.peak["pool"] = max(self.peak["pool"], len(self.pool))
            self.count["pool_buffer_writes"] += 1
        return last

    # ------------------------------------------------------------ what came of it
    def _result(self):
        counts = {
            name: self.count[name]
            for name in (
                "weight_buffer_reads",
                "weight_buffer_writes",
                "input_buffer_reads",
                "input_buffer_writes",
                "psum_buffer_reads",
                "psum_buffer_writes",
                "threshold_buffer_reads",
                "threshold_buffer_writes",
                "pool_buffer_reads",
                "pool_buffer_writes",
                "store_weight_reads",
                "store_weight_writes",
                "store_activation_reads",
                "store_activation_writes",
            )
        }
        cycles = {
            f"{name}_cycles": self.cycles[name]
            for name in (
                "prologue",
                "compute",
                "l0_stall",
                "output_stall",
                "dma_stall",
                "swap",
                "drain",
                "configuration",
            )
        }
        return {
            "steps": sum(self.progress.values()),
            "cycles": sum(cycles.values()),
            **cycles,
            **counts,
            **{f"{family}_clocks": edges for family, edges in self.clocks.items()},
            "gated_clocks": sum(self.clocks.values()),
        }


def useful_products(layer):
    """Products whose tap lies on the map, one by one."""
    total = 0
    for oy, ox, fy, fx in product(
        range(layer.out_y), range(layer.out_x), range(layer.kernel_y), range(layer.kernel_x)
    ):
        row = oy * layer.stride + fy - layer.pad_top
        column = ox * layer.stride + fx - layer.pad_left
        total += 0 <= row < layer.in_y and 0 <= column < layer.in_x
    planes = layer.weight_bits * layer.activation_bits
    return total * layer.batch * layer.out_channels * layer.in_channels * planes
