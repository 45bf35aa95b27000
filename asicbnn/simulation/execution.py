"""Run a program on the hardware, layer by layer, and bring back counters and bits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asicbnn.bnn.arithmetic import activation_range
from asicbnn.errors import CycleLimitError, SimulationError
from asicbnn.hardware.accelerator import Machine
from asicbnn.hardware.gating import CLOCKS
from asicbnn.mapping.layout import ceil_div
from asicbnn.result import METRICS
from asicbnn.simulation.backends.interface import Backend
from asicbnn.simulation.packing import (
    Words,
    bits_of_words,
    host_words,
    joined_words,
    map_words,
    store_words,
    stored_bits,
)
from asicbnn.simulation.program import Program
from asicbnn.simulation.state_dump import describe_state

CYCLE_LIMIT = 50_000_000
CYCLE_CLASSES = (
    "io_cycles",
    "configuration_cycles",
    "prologue_cycles",
    "compute_cycles",
    "l0_stall_cycles",
    "output_stall_cycles",
    "dma_stall_cycles",
    "swap_cycles",
    "drain_cycles",
)
_OPTIONAL = ("pool_buffer_reads", "pool_buffer_writes")
"""Accesses of memories that `post` may leave out: a machine without them makes none. Likewise
families of registers that are not gated."""


@dataclass(frozen=True, eq=False)
class LayerRun:
    """One layer as the hardware executed it.

    counts   strobes and cycles the probe counted, by metric name, `cycles` their sum
    bits     stored bits [B, OY, OX, K] of a layer that stores bits, if they were read, else None
    classes  class per image [B] of an argmax layer, else None
    """

    name: str
    counts: dict[str, int]
    bits: NDArray[np.bool_] | None
    classes: NDArray[np.int64] | None

    @property
    def metrics(self) -> dict[str, int]:
        """The counts that are metrics of a result."""
        return {name: count for name, count in self.counts.items() if name in METRICS}


class Executor:
    """A simulated accelerator with its weights loaded, ready for image batches.

    Everything but the images is packed and written once: resident blocks into the weight bank,
    streamed ones into the host's memory behind the image, which the hardware only reads.

    cycle_limit  cycles a layer may take before it counts as hanging
    """

    def __init__(
        self,
        machine: Machine,
        backend: Backend,
        program: Program,
        cycle_limit: int = CYCLE_LIMIT,
    ) -> None:
        self.machine, self.backend, self.program = machine, backend, program
        self.layout = machine.configuration.layout
        self.cycle_limit = cycle_limit
        self.read = backend.read_memory

    def on(self, backend: Backend) -> Executor:
        """Return this executor on another back end, such as a fork of its own."""
        return type(self)(self.machine, backend, self.program, self.cycle_limit)

    def _load(self, images: NDArray[np.integer[Any]]) -> None:
        """Reset, and write the image; the program too, unless it is there from the last run."""
        backend = self.backend
        is_loaded = backend.loaded_by is self  # another executor may have used it in between
        backend.reset(keep_memories=is_loaded)
        image_words = self._load_images(images)
        if not is_loaded:
            self._load_program(image_words)
        for name, value in self.program.boot.items():
            backend.write_register(name, value)
        backend.write_register("start", 1)
        backend.loaded_by = self

    def _load_images(self, images: NDArray[np.integer[Any]]) -> int:
        """Write a batch to where the host sends it from; return its host link words."""
        image = self._image_words(images)
        self.backend.write_memory("host_in0", image)
        return len(image)

    def _image_words(self, images: NDArray[np.integer[Any]]) -> Words:
        return host_words(self.layout, map_words(self.layout, self.program.layers[0], images))

    def _load_program(self, image_words: int) -> None:
        """Write every layer's block to where it stays while images come and go.

        image_words  host link words of the image, which streamed blocks follow
        """
        start = image_words
        for placement, block in zip(self.program.placements, self.program.blocks, strict=True):
            if not placement.streamed:
                self.backend.write_memory("store_weights0", block, placement.address)
                continue
            words = host_words(self.layout, block)
            self.backend.write_memory("host_in0", words, start)
            start += len(words)

    def load(self, images: NDArray[np.integer[Any]]) -> None:
        """Prepare one batch of images [B, IY, IX, C]; the next cycle is the first of its run."""
        self._check_images(images)
        self._load(images)

    def _check_images(self, images: NDArray[np.integer[Any]]) -> None:
        first = self.program.layers[0]
        wanted = (first.batch, first.in_y, first.in_x, first.in_channels)
        if images.shape != wanted:
            raise SimulationError(
                f"images must be [batch, rows, columns, channels] = {list(wanted)}, "
                f"not {list(images.shape)}"
            )
        low, high = activation_range(first.activation_bits, signed=first.signed_input)
        allowed = "-1 or 1" if first.is_bipolar else f"in {low}..{high}"
        lowest, highest = images.min(), images.max()
        is_allowed = images.dtype.kind in "iu" and low <= lowest <= highest <= high
        if not is_allowed or (first.is_bipolar and not images.all()):
            raise SimulationError(
                f"images must be integers {allowed}, not {images.dtype} in {lowest}..{highest}"
            )

    def _to_end_of(self, layer: str) -> int:
        try:
            return self.backend.run_until("layer_ended", self.cycle_limit)
        except CycleLimitError as error:
            run = f"layer {layer} did not end within {self.cycle_limit} cycles"
            where = describe_state(self.machine, self.backend, run)
            raise CycleLimitError(f"{run}: {where}; --cycle-limit allows more") from error

    def layer_lengths(self) -> Iterator[int]:
        """Run what is loaded, yielding the cycles of each layer as it ends."""
        for layer in self.program.layers:
            yield self._to_end_of(layer.name)

    def run(
        self, images: NDArray[np.integer[Any]], *, reads_bits: bool = True
    ) -> Iterator[LayerRun]:
        """Execute one batch of images [B, IY, IX, C], yielding each layer as it ends.

        reads_bits  read every stored map back; without it, the result alone

        Raises CycleLimitError if a layer takes more than the cycle limit; it names a file with
        the state as it then is.
        """
        self.load(images)
        for index, layer in enumerate(self.program.layers):
            self._to_end_of(layer.name)
            yield self._layer_run(index, self._counts(index), reads_bits=reads_bits)

    # ------------------------------------------------------------------ what came out
    def _layer_run(self, index: int, counts: dict[str, int], *, reads_bits: bool) -> LayerRun:
        """Layer `index`, which has just ended."""
        layer = self.program.layers[index]
        is_last = index == len(self.program.layers) - 1
        bits, classes = None, None
        if layer.output == "argmax":
            classes = self._classes()
        elif reads_bits or is_last:
            bits = self._stored(index)
            if is_last and not np.array_equal(bits, self._result()):
                raise SimulationError("the host read other bits than the store holds")
        return LayerRun(layer.name, counts, bits, classes)

    def _counts(self, index: int) -> dict[str, int]:
        counts = dict.fromkeys((*_OPTIONAL, *CLOCKS), 0)
        for i, name in enumerate(self.machine.counters):
            counts[name] = int(self.read(f"probe{i}", index, 1)[0, 0])
        counts["compute_cycles"] = counts["steps"]
        counts["gated_clocks"] = sum(counts[name] for name in CLOCKS)
        counts["cycles"] = sum(counts[name] for name in CYCLE_CLASSES)
        return counts

    def _stored(self, index: int) -> NDArray[np.bool_]:
        """The map layer `index` wrote, from its activation bank."""
        lay, layer = self.layout, self.program.layers[index]
        bank = "a" if index % 2 else "b"
        links = lay.record_links(ceil_div(layer.out_channels, lay.unroll["C"]))
        count = layer.batch * layer.stored_y * layer.stored_x * links
        slices = lay.link_bits // lay.output_piece_bits
        parts = [self.read(f"store_{bank}{i}", 0, count) for i in range(slices)]
        return stored_bits(lay, layer, joined_words(parts, lay.output_piece_bits))

    def _result(self) -> NDArray[np.bool_]:
        """The last map as the host received it."""
        lay, layer = self.layout, self.program.layers[-1]
        links = lay.record_links(ceil_div(layer.out_channels, lay.unroll["C"]))
        count = layer.batch * layer.stored_y * layer.stored_x * links
        beats: Words = self.read("host_out0", 0, count * lay.host_beats)
        return stored_bits(lay, layer, store_words(lay, beats))

    def _classes(self) -> NDArray[np.int64]:
        """Class per image as the host received it: lane in the low bits, channel word above."""
        lay, layer = self.layout, self.program.layers[-1]
        beats = self.read("host_out0", 0, layer.batch * lay.class_beats)
        bits = bits_of_words(beats, lay.host_bits).reshape(layer.batch, -1)[:, : lay.class_bits]
        words = bits @ (1 << np.arange(lay.class_bits, dtype=np.int64))
        lanes = max(1, (lay.unroll["K"] - 1).bit_length())
        lane, word = words & ((1 << lanes) - 1), words >> lanes
        return word * lay.unroll["K"] + lane
