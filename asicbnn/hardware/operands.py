"""L0 of the three operands: when their ports read, what their registers hold.

`Blocking` loads a word in the slots of the step that needs it; `Shadow` loads the next run's word
during the current run. Both give the same registers to the array.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyrtl
from pyrtl import Const, Register, WireVector

from asicbnn.hardware.configuration import bits_for
from asicbnn.hardware.fetch import (
    PieceRegister,
    ShadowTimer,
    Slot,
    WindowWalk,
    constant_by,
    ring_add,
)
from asicbnn.hardware.wires import (
    add,
    below,
    choose,
    either,
    equals,
    held,
    joined,
    picked,
    subtract,
)
from asicbnn.mapping.layout import Layout, ceil_log2
from asicbnn.spec.accelerator import Accelerator

if TYPE_CHECKING:
    from asicbnn.hardware.engine import Engine
    from asicbnn.hardware.sequencer import TileSequencer


class Window:
    """The pixel box of one step and its routing to PEs, for every stride of the spec."""

    def __init__(self, layout: Layout, strides: tuple[int, ...], index: WireVector | None) -> None:
        self.layout, self.strides, self.index = layout, strides, index
        self.rows = layout.window_y(max(strides))
        self.columns = layout.window_x(max(strides))
        self.word = WireVector(
            layout.unroll["B"] * self.rows * self.columns * layout.input_word_bits
        )

    def tap(self, out: int, kernel: int, flags: list[WireVector]) -> WireVector:
        """Flag of the row (column) that output `out` and kernel position `kernel` meet."""
        options = [flags[out * s + kernel] for s in self.strides]
        return options[0] if self.index is None else picked(self.index, options)

    def _bits(self, b: int, y: int, x: int) -> WireVector:
        width = self.layout.input_word_bits
        start = ((b * self.rows + y) * self.columns + x) * width
        return self.word[start : start + width]

    def pixel(self, b: int, oy: int, ox: int) -> list[WireVector]:
        """Activations of one output pixel: a word of s_C bits per kernel position."""
        u, words = self.layout.unroll, []
        for fy in range(u["FY"]):
            for fx in range(u["FX"]):
                options = [self._bits(b, oy * s + fy, ox * s + fx) for s in self.strides]
                word = options[0] if self.index is None else picked(self.index, options)
                words.append(word if len(word) == u["C"] else word[: u["C"]])
        return words


class Operands:
    """Loads of weight, activation and psum words into L0."""

    def __init__(
        self,
        engine: Engine,
        tiles: TileSequencer,
        input_start: WireVector,
        weight_start: WireVector,
    ) -> None:
        accelerator, lay = engine.accelerator, engine.layout
        self.engine, self.layout = engine, lay
        self.strides = tuple(accelerator.array.strides)
        self.stride_index = engine.fields.get("stride_index")
        self.is_shadow = accelerator.registers.shadow
        self.is_shared = accelerator.buffers.shared_port
        self.psum_offset = psum_offset(accelerator, lay)
        self.slot_counts = slot_counts(accelerator, lay)
        self.slot_bits = slot_bits(accelerator, lay)
        self.issue = WireVector(1)
        starts = {**tiles.current, "input": input_start, "weight": weight_start}
        slots = self._shadow(tiles, starts) if self.is_shadow else self._blocking()
        self.weight_word = self._weights(slots["weight"])
        self.window = Window(lay, self.strides, self.stride_index)
        self._pixels(slots["input"])
        self.psum_slot = slots["psum"]
        engine.stages.mark("registers", "control")

    def _slots(self, operand: str) -> WireVector:
        return constant_by(self.stride_index, self.slot_counts[operand], self.slot_bits)

    # ------------------------------------------------------------------ blocking L0
    def _blocking(self) -> dict[str, Slot]:
        engine, steps = self.engine, self.engine.steps
        active = engine.run & ~engine.frozen
        wait = Register(self.slot_bits, name="wait")
        loads = {x: steps.loads(x) for x in ("weight", "input", "psum")}
        last = self._cost_less_one(loads)
        self.issue <<= active & equals(wait, last)
        counted = choose(active, add(wait, 1, self.slot_bits), wait, self.slot_bits)
        wait.next <<= choose(self.issue | engine.swap, 0, counted, self.slot_bits)
        first = steps.reduction(steps.loops.zero) & engine.first_tile
        offsets = {
            "weight": Const(0, self.slot_bits),
            "input": choose(loads["weight"], self.layout.weight_slots, 0, self.slot_bits)
            if self.is_shared
            else Const(0, self.slot_bits),
            "psum": Const(self.psum_offset, self.slot_bits),
        }
        slots = {}
        for x, load in loads.items():
            index = wait  # of the pixels nobody asks: their walk counts for itself
            if x != "input":
                index = subtract(wait, offsets[x], self.slot_bits)
            end = add(offsets[x], self._word_slots(x), self.slot_bits)
            inside = below(wait, end) & ~below(wait, offsets[x])
            wanted = active & load & inside
            strobe = wanted & ~first if x == "psum" else wanted
            slots[x] = Slot(strobe, index, steps.current[x], self.issue & load)
        return slots

    def _word_slots(self, operand: str) -> WireVector:
        """Slots that move data: those of the read, without a single port's write slots."""
        if operand == "psum":
            return Const(self.layout.psum_slots, self.slot_bits)
        return self._slots(operand)

    def _cost_less_one(self, loads: dict[str, WireVector]) -> WireVector:
        """Slots of the step, less one: the busiest port of the operands it loads."""
        flags = joined([loads["weight"], loads["input"], loads["psum"]])
        rows = []
        for stride in range(len(self.strides)):
            weight, inputs, psum = (
                self.slot_counts[x][stride] for x in ("weight", "input", "psum")
            )
            costs: list[WireVector] = []
            for code in range(8):
                w, i, o = (
                    n if code >> bit & 1 else 0 for bit, n in enumerate((weight, inputs, psum))
                )
                front = w + i if self.is_shared else max(w, i)
                costs.append(Const(max(1, front, o) - 1, self.slot_bits))
            rows.append(picked(flags, costs))
        return rows[0] if self.stride_index is None else picked(self.stride_index, rows)

    # ------------------------------------------------------------------ shadow L0
    def _shadow(self, tiles: TileSequencer, starts: dict[str, WireVector]) -> dict[str, Slot]:
        engine, steps = self.engine, self.engine.steps
        longest = [
            max(self.slot_counts[x][i] for x in self.slot_counts) - 1
            for i in range(len(self.strides))
        ]
        prologue = Register(self.slot_bits, name="prologue")
        start = constant_by(self.stride_index, longest, self.slot_bits)
        waiting = ~equals(prologue, 0)
        counted = choose(waiting, add(prologue, -1, self.slot_bits), prologue, self.slot_bits)
        prologue.next <<= choose(engine.swap, start, counted, self.slot_bits)
        settled = (engine.swap & equals(start, 0)) | equals(prologue, 1)
        running = engine.run & ~waiting & ~engine.frozen
        timers = {x: ShadowTimer(x, self._slots(x)) for x in self.slot_counts}
        ends = {x: steps.run_ends(x) for x in timers}
        early = either(ends[x] & timers[x].too_early for x in timers)
        self.issue <<= running & ~early
        following = {x: steps.run_stop(x) for x in timers}
        first_here = steps.reduction(steps.loops.zero)
        slots = {}
        for x, timer in timers.items():
            timer.connect(engine.swap, settled, waiting | running, self.issue & ends[x])
            more = either(following[x])
            after = steps.quantities.following(following[x], engine.adder, (x,))[x]
            loading = timer.loading & (waiting | (running & more))
            index = choose(engine.swap, 0, timer.age, self.slot_bits)
            address = choose(waiting, steps.current[x], after, len(after))
            address = choose(engine.swap, starts[x], address, len(after))
            strobe = engine.swap | loading
            if x == "psum":
                tile_first = tiles.dimension("C", tiles.loops.zero)
                first = choose(
                    waiting,
                    first_here & engine.first_tile,
                    steps.first_after(following[x]) & engine.first_tile,
                    1,
                )
                first = choose(engine.swap, tile_first, first, 1)
                strobe = strobe & ~first & ~below(index, self.psum_offset)
                index = subtract(index, self.psum_offset, self.slot_bits)
            # the next word may overwrite the shadow from age 0 on, so the word moves there
            # then, even if the run's first step has to wait for another operand
            slots[x] = Slot(strobe, index, address, running & equals(timer.age, 0))
        return slots

    # ------------------------------------------------------------------ registers
    def _weights(self, slot: Slot) -> WireVector:
        lay = self.layout
        word = self.engine.memories.weight.read(slot.address)
        pieces = _cut(word, lay.weight_port_bits)
        register = PieceRegister("weight_register", [len(p) for p in pieces], self.is_shadow)
        enables = [slot.strobe & equals(slot.index, i) for i in range(len(pieces))]
        self.engine.stages.mark("registers", "control")
        register.connect(pieces, enables, slot.transfer, self.engine.gating)
        self.engine.stages.mark("registers", "weight register")
        if self.engine.probe:
            self.engine.probe.count("weight_buffer_reads", slot.strobe)
        return register.word

    def _pixels(self, slot: Slot) -> None:
        """Walk the window through the input port, one word piece per slot."""
        lay, cfg = self.layout, self.engine.fields
        width = self.engine.configuration.widths.input
        ring = cfg.get("ring_words")
        rows = [lay.window_y(s) - 1 for s in self.strides]
        columns = [lay.window_x(s) - 1 for s in self.strides]
        images, pieces = lay.unroll["B"] - 1, lay.input_word_slots - 1
        last = [
            Const(images, bits_for(images)),
            constant_by(self.stride_index, rows, bits_for(max(rows))),
            constant_by(self.stride_index, columns, bits_for(max(columns))),
            Const(pieces, bits_for(pieces)),
        ]
        walk = WindowWalk("window", last, width, lambda a, b: ring_add(a, b, ring, width))
        steps = [cfg["image_words"], cfg["row_words"], cfg["column_words"]]
        address = walk.connect(slot.strobe, slot.address, steps)
        piece = self._port_word(address, walk.counts[3])
        box = (lay.unroll["B"], self.window.rows, self.window.columns, lay.input_word_slots)
        hot = [
            [equals(count, i) for i in range(size)]
            for count, size in zip(walk.counts, box, strict=True)
        ]
        enables = [
            slot.strobe & b & y & x & p
            for b in hot[0]
            for y in hot[1]
            for x in hot[2]
            for p in hot[3]
        ]
        register = PieceRegister(
            "input_register", [lay.input_port_bits] * len(enables), self.is_shadow
        )
        self.engine.stages.mark("registers", "control")
        register.connect([piece] * len(enables), enables, slot.transfer, self.engine.gating)
        self.engine.stages.mark("registers", "input register")
        self.window.word <<= register.word
        if self.engine.probe:
            self.engine.probe.count("input_buffer_reads", slot.strobe)

    def _port_word(self, address: WireVector, piece: WireVector) -> WireVector:
        """The port word at a word address: buffer rows may hold several words."""
        lay = self.layout
        low = ceil_log2(lay.words_per_link)
        row = self.engine.memories.input.read(address[low:] if low else address)
        word = picked(address[:low], _cut(row, lay.input_word_bits)) if low else row
        return picked(piece, _cut(word, lay.input_port_bits))

    # ------------------------------------------------------------------ psums
    def psum_word(self, engine: Engine) -> WireVector:
        """The psum word the next run continues from, in time for S2."""
        lay, slot, later = self.layout, self.psum_slot, 1 + engine.depth
        strobe, index, address, transfer = (
            engine.later(w, later) for w in (slot.strobe, slot.index, slot.address, slot.transfer)
        )
        count = lay.psum_slots
        self.psum_writes = [
            (WireVector(1), WireVector(memory.bitwidth)) for memory in engine.memories.psum.slices
        ]
        self.psum_write_address = WireVector(len(address))
        read = engine.memories.psum.read(address)
        pieces = _cut(read, lay.psum_port_bits)
        if self.is_shadow:  # the run before last may be written in this very cycle
            same = equals(self.psum_write_address, address)
            pieces = [
                pyrtl.select(written & same, data, piece)
                for (written, data), piece in zip(self.psum_writes, pieces, strict=True)
            ]
        enables = [strobe & equals(index, i) for i in range(count)]
        register = PieceRegister("psum_register", [len(p) for p in pieces], self.is_shadow)
        engine.stages.mark("array", "control")
        register.connect(pieces, enables, transfer, engine.gating)
        engine.stages.mark("array", "psum register")
        if engine.probe:
            engine.probe.count("psum_buffer_reads", strobe)
        return register.word

    def write_psum(
        self,
        engine: Engine,
        write: WireVector,
        address: WireVector,
        word: WireVector,
        own_word: WireVector,
    ) -> None:
        """Write a run's sums back: the first piece at once, the rest in the following cycles.

        own_word  the accumulators: they keep the sums until a blocking L0's next run
        """
        lay = self.layout
        pieces = _cut(word, lay.psum_port_bits)
        count = len(pieces)
        if count == 1:
            at, enables, data = address, [write], pieces
        else:
            bits = count.bit_length()
            turn = Register(bits, name="psum_write_turn")
            busy = ~equals(turn, 0)
            after = choose(equals(turn, count - 1), 0, add(turn, 1, bits), bits)
            turn.next <<= choose(write, 1, choose(busy, after, turn, bits), bits)
            kept = held(write, address, "psum_write_address")
            kept_word = held(write, word, "psum_write_word") if self.is_shadow else own_word
            words = [kept_word] if isinstance(kept_word, Register) else []
            engine.gating.declare("psum_write_register", write, [kept, *words])
            at = choose(write, address, kept, len(address))
            enables = [write] + [equals(turn, i) for i in range(1, count)]
            data = [pieces[0], *_cut(kept_word, lay.psum_port_bits)[1:]]
        self.psum_write_address <<= at
        for (written, value), enable, piece in zip(self.psum_writes, enables, data, strict=True):
            written <<= enable
            value <<= piece
        engine.memories.psum.write(at, data, enables)
        if engine.probe:
            for enable in enables:
                engine.probe.count("psum_buffer_writes", enable)


def psum_offset(accelerator: Accelerator, lay: Layout) -> int:
    """Slots of a step in which a psum buffer of one port writes before it reads."""
    return lay.psum_slots if accelerator.buffers.psum.ports == "1rw" else 0


def slot_counts(accelerator: Accelerator, lay: Layout) -> dict[str, list[int]]:
    """Slots of an operand's word, per stride."""
    strides = accelerator.array.strides
    return {
        "weight": [lay.weight_slots] * len(strides),
        "input": [lay.input_slots(s) for s in strides],
        "psum": [lay.psum_slots + psum_offset(accelerator, lay)] * len(strides),
    }


def slot_bits(accelerator: Accelerator, lay: Layout) -> int:
    """Width of slot counters: they reach the busiest port's slots, and one more."""
    counts = slot_counts(accelerator, lay)
    front = (
        counts["weight"][0] + max(counts["input"])
        if accelerator.buffers.shared_port
        else max(counts["weight"] + counts["input"])
    )
    return bits_for(max(front, *counts["psum"]) + 1)


def _cut(word: WireVector, bits: int) -> list[WireVector]:
    """The word in pieces of `bits`, the last one what is left."""
    if bits >= len(word):
        return [word]
    return [word[i : i + bits] for i in range(0, len(word), bits)]
