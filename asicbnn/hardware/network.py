"""The main controller: image in, layer after layer, result out, without help from outside.

Per layer: configuration registers and thresholds from the weight bank, then tiles. A layer whose
weights are not resident is streamed from the host into the weight bank first. Bursts over host
link and store link wait their latency, then move one word per cycle.
"""

from __future__ import annotations

import pyrtl
from pyrtl import Const, Input, Output, Register, WireVector

from asicbnn.hardware.buffer import Probe, SlicedMemory
from asicbnn.hardware.configuration import Configuration, bits_for
from asicbnn.hardware.declarations import declarations
from asicbnn.hardware.gating import Gating
from asicbnn.hardware.wires import (
    add,
    both,
    choose,
    either,
    equals,
    held,
    joined,
    picked,
    sized,
)
from asicbnn.spec.accelerator import Accelerator

STATES = (
    "idle",
    "image",
    "stream",
    "configure",
    "thresholds",
    "load",
    "swap",
    "run",
    "single",
    "drain",
    "result",
    "done",
)


class Controller:
    """State machine of the accelerator; `connect` closes it once the datapath exists."""

    def __init__(
        self,
        accelerator: Accelerator,
        c: Configuration,
        probe: Probe | None,
        gating: Gating,
        *,
        ports: bool,
        host_words: int,
    ) -> None:
        self.ports, self.host_words = ports, host_words
        self.host_address_bits = max(1, (host_words - 1).bit_length())
        self.accelerator, self.configuration, self.layout = accelerator, c, c.layout
        self.probe, self.gating = probe, gating
        self.state = Register(4, name="state")
        self.at = {name: equals(self.state, i) for i, name in enumerate(STATES)}
        self.swap, self.restart = self.at["swap"], self.at["thresholds"]
        w = c.widths
        self.boot = {
            "image_words": Register(w.activation_bank, name="boot_image_words"),
            "stream_words": Register(w.weight_bank, name="boot_stream_words"),
            "address": Register(w.weight_bank, name="boot_address"),
        }
        self.start_port = Input(1, "start_in") if ports else None
        for name, register in self.boot.items():
            value: WireVector = register
            if self.start_port is not None:
                given = Input(len(register), f"boot_{name}_in")
                value = pyrtl.select(self.start_port, given, register)
            register.next <<= value
        self._bursts()
        self.fields = self._configuration_registers()

    # ------------------------------------------------------------------ bursts
    def _bursts(self) -> None:
        """The shared wait, word and beat counters of everything that is not the DMA."""
        w = self.configuration.widths
        self.wait_bits = wait_bits(self.accelerator)
        self.wait = Register(self.wait_bits, name="wait_cycles")
        self.ready = equals(self.wait, 0)
        self.count = Register(count_bits(self.configuration), name="word_count")
        self.beats = self.layout.host_beats
        self.beat = Register(beat_bits(self.configuration), name="host_beat")
        self.last_class_beat = equals(self.beat, self.layout.class_beats - 1)
        self.last_beat = equals(self.beat, self.beats - 1)
        self.store_word = WireVector(self.layout.link_bits)
        self.pointer = Register(w.weight_bank, name="weight_pointer")

    def _configuration_registers(self) -> dict[str, WireVector]:
        """A chain of link words, filled from its far end, and the fields cut from it by name.

        A chain needs no address decoder. Its fields pass through other values while it fills, when
        nothing but this controller moves, and the controller does not read them.
        """
        c, link = self.configuration, self.layout.link_bits
        load = self.at["configure"] & self.ready
        words = [Register(link, name=f"configuration{i}") for i in range(c.words)]
        declarations().steady |= {word.name for word in words}
        sources = [*words[1:], self.store_word]
        for register, source in zip(words, sources, strict=True):
            register.next <<= pyrtl.select(load, source, register)
        self.gating.declare("configuration_register", load, words)
        flat = joined(list(words))
        fields, position = {}, 0
        for name, bits in c.fields:
            fields[name] = flat[position : position + bits]
            position += bits
        return fields

    # ------------------------------------------------------------------ states
    def connect(
        self,
        idle_next: WireVector,
        dma_done: WireVector,
        is_last_tile: WireVector,
        single: WireVector,
    ) -> None:
        cfg, at = self.fields, self.at
        hosted = at["image"] | at["stream"]
        argmax = cfg.get("is_argmax", Const(0, 1))
        word_ends = choose(at["result"] & argmax, self.last_class_beat, self.last_beat, 1)
        moves = self.ready & (hosted | at["configure"] | at["thresholds"] | at["result"])
        moves = moves & choose(hosted | at["result"], word_ends, 1, 1)
        last_word = equals(add(self.count, 1, len(self.count)), self._words())
        burst_ends = moves & last_word
        phase = at["run"] & idle_next & dma_done
        self.phase_end = phase & ~is_last_tile
        drained = at["drain"] & equals(self.wait, 1)
        self.layer_end = (drained & ~cfg["is_last"]) | (at["result"] & burst_ends)
        start = Register(1, name="start")
        start.next <<= Const(0, 1) if self.start_port is None else self.start_port
        begins = at["idle"] & start
        self._advance(begins, burst_ends, phase, drained, dma_done, is_last_tile, single)
        self._count(moves, burst_ends, begins, drained)
        self._host(begins, hosted, word_ends)
        self.drained, self.begins = drained, begins

    def _words(self) -> WireVector:
        """Words of the burst under way."""
        bits, cfg = len(self.count), self.fields
        options = {
            "image": self.boot["image_words"],
            "stream": self.stream_words(),
            "configure": Const(self.configuration.words, bits),
            "thresholds": cfg["threshold_links"],
            "result": cfg["result_words"],
        }
        total: WireVector = Const(0, bits)
        for name, words in options.items():
            total = choose(self.at[name], words, total, bits)
        return total

    def stream_words(self) -> WireVector:
        """Words to stream before the next layer: the boot register's before the first one."""
        return pyrtl.select(self.is_first, self.boot["stream_words"], self.fields["next_stream"])

    @property
    def is_first(self) -> WireVector:
        """No layer has been configured yet."""
        if not hasattr(self, "_first"):
            self._first = Register(1, name="before_first_layer")
        return self._first

    def _advance(
        self,
        begins: WireVector,
        burst_ends: WireVector,
        phase: WireVector,
        drained: WireVector,
        dma_done: WireVector,
        is_last_tile: WireVector,
        single: WireVector,
    ) -> None:
        at, cfg, number = self.at, self.fields, {n: i for i, n in enumerate(STATES)}
        streams = ~equals(self.stream_words(), 0)
        after_image = choose(streams, number["stream"], number["configure"], 4)
        next_streams = ~equals(cfg["next_stream"], 0)
        after_layer = choose(next_streams, number["stream"], number["configure"], 4)
        tile = choose(
            is_last_tile, number["drain"], choose(single, number["single"], number["swap"], 4), 4
        )
        moves: list[tuple[WireVector, WireVector | int]] = [
            (begins, number["image"]),
            (at["image"] & burst_ends, after_image),
            (at["stream"] & burst_ends, number["configure"]),
            (at["configure"] & burst_ends, number["thresholds"]),
            (at["thresholds"] & burst_ends, number["load"]),
            ((at["load"] | at["single"]) & dma_done, number["swap"]),
            (at["swap"], number["run"]),
            (phase, tile),
            (drained, choose(cfg["is_last"], number["result"], after_layer, 4)),
            (at["result"] & burst_ends, number["idle" if self.ports else "done"]),
        ]
        following: WireVector = self.state
        for condition, target in moves:
            following = choose(condition, target, following, 4)
        self.state.next <<= following
        self.loads_first = at["thresholds"] & burst_ends
        first = self.is_first
        assert isinstance(first, Register)
        first.next <<= choose(begins, 1, choose(at["configure"], 0, first, 1), 1)
        self._wait(following)
        done = Register(1, name="done")
        done.next <<= (done | (at["result"] & burst_ends)) & ~at["image"]
        if self.ports:
            connected(Output(1, "done_out"), done)

    def _wait(self, following: WireVector) -> None:
        """Load the wait on entering a state that has one, else count it down."""
        number = {n: i for i, n in enumerate(STATES)}
        host = self.accelerator.host.latency_cycles
        link = self.accelerator.store.link.latency_cycles
        drain = 3 + self.accelerator.array.popcount.pipeline_stages
        bits = self.wait_bits
        entry: WireVector = choose(self.ready, 0, add(self.wait, -1, bits), bits)
        for name, cycles in (
            ("image", host),
            ("stream", host),
            ("configure", link),
            ("drain", drain),
            ("result", host),
        ):
            enters = equals(following, number[name]) & ~self.at[name]
            entry = choose(enters, cycles, entry, bits)
        self.wait.next <<= entry

    def _count(
        self, moves: WireVector, burst_ends: WireVector, begins: WireVector, drained: WireVector
    ) -> None:
        bits, at, cfg = len(self.count), self.at, self.fields
        counted = choose(moves, add(self.count, 1, bits), self.count, bits)
        self.count.next <<= choose(burst_ends | begins, 0, counted, bits)
        reads = self.ready & (at["configure"] | at["thresholds"])
        moved = choose(
            reads, add(self.pointer, 1, len(self.pointer)), self.pointer, len(self.pointer)
        )
        moved = choose(drained, cfg["next_address"], moved, len(self.pointer))
        self.pointer.next <<= choose(begins, self.boot["address"], moved, len(self.pointer))
        self.configuration_read = reads

    # ------------------------------------------------------------------ host link
    def _host(self, begins: WireVector, hosted: WireVector, word_ends: WireVector) -> None:
        at, host_bits = self.at, self.layout.host_bits
        moves = self.ready & hosted
        if self.ports:
            word: WireVector = Input(host_bits, "host_in_data")
            connected(Output(1, "host_in_read"), moves)
        else:
            incoming = SlicedMemory("host_in", self.host_words, host_bits, host_bits)
            address = Register(self.host_address_bits, name="host_in_address")
            after = choose(moves, add(address, 1, len(address)), address, len(address))
            address.next <<= choose(begins, 0, after, len(address))
            word = incoming.read(address)
        turns = [moves & equals(self.beat, i) for i in range(self.beats - 1)]
        parts = [held(turn, word) for turn in turns]
        for turn, part in zip(turns, parts, strict=True):
            self.gating.declare("host_register", turn, [part])
        self.host_word = sized(joined([*parts, word]), self.layout.link_bits)
        going = moves | (self.ready & at["result"])
        bits = len(self.beat)
        following = choose(word_ends, 0, add(self.beat, 1, bits), bits)
        self.beat.next <<= choose(going, following, self.beat, bits)
        self.image_write = self.ready & at["image"] & self.last_beat
        self.stream_write = self.ready & at["stream"] & self.last_beat
        if self.probe:
            self.probe.count("host_words_in", moves)
            self.probe.count("store_weight_writes", self.stream_write)
            self.probe.count("store_activation_writes", self.image_write)

    def connect_result(self, store: WireVector, classes: WireVector | None) -> None:
        """Send the stored result (or the classes) to the host."""
        at, host_bits = self.at, self.layout.host_bits
        moves = self.ready & at["result"]
        beats = [
            sized(store[i * host_bits : (i + 1) * host_bits], host_bits) for i in range(self.beats)
        ]
        data: WireVector = picked(self.beat, beats)
        argmax = self.fields.get("is_argmax")
        if classes is not None and argmax is not None:
            whole = sized(classes, self.layout.class_beats * host_bits)
            parts = [
                whole[i * host_bits : (i + 1) * host_bits] for i in range(self.layout.class_beats)
            ]
            data = pyrtl.select(argmax, picked(self.beat, parts), data)
            stored = moves & ~argmax & self.last_beat
        else:
            stored = moves & self.last_beat
        self._send(data, moves)
        if self.probe:
            self.probe.count("host_words_out", moves)
            self.probe.count("store_activation_reads", stored)

    def _send(self, data: WireVector, moves: WireVector) -> None:
        if self.ports:
            connected(Output(len(data), "host_out_data"), data)
            connected(Output(1, "host_out_valid"), moves)
            return
        outgoing = SlicedMemory("host_out", self.host_words, len(data), len(data))
        address = Register(self.host_address_bits, name="host_out_address")
        address.next <<= choose(moves, add(address, 1, len(address)), address, len(address))
        outgoing.write(address, [data], [moves])

    def connect_probe(self, idle: WireVector) -> None:
        """Cycle classes, counted from the states the hardware is in."""
        if not self.probe:
            return
        at = self.at
        self.probe.count("io_cycles", either([at["image"], at["stream"], at["result"]]))
        self.probe.count("configuration_cycles", at["configure"] | at["thresholds"])
        self.probe.count("prologue_cycles", at["load"])
        self.probe.count("swap_cycles", at["swap"])
        self.probe.count("drain_cycles", at["drain"])
        self.probe.count("dma_stall_cycles", at["single"] | both([at["run"], idle]))
        self.probe.count("store_weight_reads", self.configuration_read)
        self.probe.connect(self.layer_end, self.begins)


def wait_bits(accelerator: Accelerator) -> int:
    """Bits of the wait of everything that is not the DMA."""
    return max(
        accelerator.host.latency_cycles,
        accelerator.store.link.latency_cycles,
        3 + accelerator.array.popcount.pipeline_stages,
    ).bit_length()


def count_bits(c: Configuration) -> int:
    """Bits of the word counter."""
    w = c.widths
    return max(w.weight_bank, w.activation_bank, w.image, len_of_thresholds(c)) + 1


def beat_bits(c: Configuration) -> int:
    """Bits of the counter of host link words."""
    return bits_for(max(c.layout.host_beats, c.layout.class_beats) - 1)


def connected(port: Output, source: WireVector) -> None:
    """Drive an output port."""
    port <<= source


def len_of_thresholds(c: Configuration) -> int:
    """Bits of the threshold link count."""
    return dict(c.fields)["threshold_links"]
