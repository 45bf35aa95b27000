"""The accelerator: one PyRTL block that runs every layer of a network from its own registers."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyrtl
from pyrtl import Const, Register, WireVector

from asicbnn.hardware.buffer import Probe, SlicedMemory
from asicbnn.hardware.component import Gates, Stages, summed
from asicbnn.hardware.configuration import (
    Configuration,
    Order,
    bits_for,
    configuration,
    frozen_order,
    order_values,
    slot_quantities,
)
from asicbnn.hardware.controller_gates import result_gates
from asicbnn.hardware.declarations import declarations
from asicbnn.hardware.dma import Dma
from asicbnn.hardware.engine import Engine, Memories
from asicbnn.hardware.gating import GatedGroup, Gating
from asicbnn.hardware.network import Controller
from asicbnn.hardware.output import OutputStage
from asicbnn.hardware.sequencer import TileSequencer
from asicbnn.hardware.uncollected import uncollected
from asicbnn.hardware.wires import add_gates, choose, equals_gates, sized
from asicbnn.mapping.layout import Layout, ceil_div
from asicbnn.spec.accelerator import Accelerator

DIFFERS_BETWEEN_IMAGES = ("host_in0",)
"""Memories by which an image enters a simulated accelerator; what it reaches differs per image."""
SAME_FOR_ALL_IMAGES = ("store_weights0",)
"""Memories that never hold an image, though what is written into them comes from the host as well.
Nothing that reads them (weights, thresholds, configuration, hence all control) depends on images.
"""

_WORKING_BLOCK = threading.RLock()  # PyRTL's working block is one per process


@dataclass(frozen=True)
class Machine:
    """An elaborated accelerator.

    block          the PyRTL block; without ports it has no inputs: memories and boot registers
                   are its stimuli
    configuration  field table of its registers
    counters       names of the probe counters, in the order of the probe memory's slices
    stages         nets of each logic component
    parts          the same by (component, part); what only a probe needs is component `probe`
    gated          registers behind clock gates; none with `clock_gating: none`
    """

    accelerator: Accelerator
    configuration: Configuration
    block: pyrtl.Block
    counters: tuple[str, ...]
    stages: Mapping[str, Sequence[pyrtl.LogicNet]]
    parts: Mapping[tuple[str, str], Sequence[pyrtl.LogicNet]]
    gated: tuple[GatedGroup, ...]


def elaborate(
    accelerator: Accelerator,
    *,
    order: Order | None = None,
    probe: bool = True,
    ports: bool = False,
    host_words: int = 2**16,
    check: bool = True,
) -> Machine:
    """Build the hardware of an accelerator.

    order  loop order of a fixed sequencer (default: the spec's dataflow); ignored if programmable
    probe  count strobes and cycles per layer into memory `probe`; left out of cells and Verilog
    ports  give the chip its host port; without it host memories and boot registers take its place,
           so that a simulation needs nothing from outside
    host_words  host link words of each host memory
    check  let PyRTL check wires, nets and the whole block; half of the time, wasted on a mere count
    """
    if accelerator.sequencer.order == "programmable":
        order = None
    elif order is None:
        order = frozen_order(accelerator)
    c = configuration(accelerator, order)
    with _WORKING_BLOCK, uncollected():
        block = pyrtl.Block()
        if not check:
            block.sanity_check_net = block.sanity_check_wirevector = lambda _: None
        with pyrtl.set_working_block(block, no_sanity_check=True):
            stages = Stages(block)
            counting = Probe() if probe else None
            gating = Gating(accelerator, counting)
            _build(accelerator, c, counting, gating, stages, ports, host_words)
            if check:
                block.sanity_check()
                declarations(block).checked = len(block.logic)
    counters = tuple(counting.counters) if counting else ()
    return Machine(accelerator, c, block, counters, stages.nets, stages.parts, gating.groups)


def _buffers(accelerator: Accelerator, lay: Layout) -> Memories:
    buffers = accelerator.buffers
    row_bits = max(lay.link_bits, lay.input_word_bits)
    rows = ceil_div(buffers.input.words, lay.words_per_link)
    return Memories(
        weight=SlicedMemory(
            "weight_buffer", buffers.weight.words, lay.weight_word_bits, lay.link_bits
        ),
        input=SlicedMemory("input_buffer", rows, row_bits, min(lay.link_bits, lay.input_port_bits)),
        psum=SlicedMemory(
            "psum_buffer", max(1, buffers.psum.words), lay.psum_word_bits, lay.psum_port_bits
        ),
        threshold=SlicedMemory(
            "threshold_buffer", buffers.threshold.words, lay.threshold_word_bits, lay.link_bits
        ),
    )


def _constants(c: Configuration) -> dict[str, WireVector]:
    """Fields a fixed order turns into constants."""
    if c.order is None:
        return {}
    values = order_values(c, c.level_dimensions, c.slot_dimensions)
    widths = {"slot": c.slots, "reduction": 1, "edge": max(1, len(c.edges)), "dimension": 5}
    return {name: Const(value, widths[name.split("_")[1]]) for name, value in values.items()}


def _build(
    accelerator: Accelerator,
    c: Configuration,
    probe: Probe | None,
    gating: Gating,
    stages: Stages,
    ports: bool,
    host_words: int,
) -> None:
    lay = c.layout
    controller = Controller(accelerator, c, probe, gating, ports=ports, host_words=host_words)
    controller.fields.update(_constants(c))
    cfg, swap, restart = controller.fields, controller.swap, controller.restart
    stages.mark("controller")
    tiles = TileSequencer(c, cfg, c.widths.each(slot_quantities(accelerator)))
    tiles.connect(swap, restart, gating)
    memories = _buffers(accelerator, lay)
    stages.mark("sequencer")
    loads_first, phase_end = WireVector(1), WireVector(1)
    dma = Dma(accelerator, c, cfg, tiles, swap, restart, loads_first, phase_end, probe, gating)
    stages.mark("dma")
    engine = Engine(
        accelerator, c, cfg, tiles, memories, swap, dma.input_start, dma.weight_start, probe,
        stages, gating,
    )  # fmt: skip
    controller.connect(engine.idle_next, dma.burst.done_next, engine.is_last_tile, dma.single)
    loads_first <<= controller.loads_first
    phase_end <<= controller.phase_end
    pool = (
        SlicedMemory(
            "pool_buffer", accelerator.buffers.pool.words, lay.unroll["K"], lay.unroll["K"]
        )
        if "max_pool" in accelerator.post
        else None
    )
    classes = _class_memory(accelerator, c) if "argmax" in accelerator.post else None
    stages.mark("controller")
    output = OutputStage(accelerator, c, cfg, engine.finished, pool, classes, probe, gating)
    stages.mark("output")
    _weight_bank(controller, dma, memories)
    _activation_banks(accelerator, controller, dma, memories, output, classes)
    stages.mark("dma")
    _load_thresholds(controller, memories.threshold, probe)
    idle = ~(engine.run | engine.frozen)
    stages.mark("controller")
    controller.connect_probe(idle)
    stages.mark("probe" if probe else "controller")


def _class_memory(accelerator: Accelerator, c: Configuration) -> SlicedMemory:
    """Score and class index of each image of a batch."""
    lanes = max(1, (c.layout.unroll["K"] - 1).bit_length())
    bits = c.layout.psum_bits + 2 + lanes + c.widths.threshold
    return SlicedMemory("classes", max(accelerator.limits.batch, 1), bits, bits)


def _weight_bank(controller: Controller, dma: Dma, memories: Memories) -> None:
    """Weights, thresholds and configurations; one port: the controller's or the DMA's."""
    lay = controller.layout
    bank = SlicedMemory("store_weights", lay.weight_bank_words, lay.link_bits, lay.link_bits)
    data = WireVector(lay.link_bits)
    source = dma.connect_weights(data, memories.weight)
    front = controller.at["configure"] | controller.at["thresholds"]
    address = choose(front, controller.pointer, source, bank.address_bits)
    data <<= bank.read(address)
    controller.store_word <<= data
    target = sized(controller.pointer, bank.address_bits) + sized(
        controller.count, bank.address_bits
    )
    bank.write(target, [controller.host_word], [controller.stream_write])


def _activation_banks(
    accelerator: Accelerator,
    controller: Controller,
    dma: Dma,
    memories: Memories,
    output: OutputStage,
    classes: SlicedMemory | None,
) -> None:
    """Banks A and B: even layers read A and write B, odd ones the reverse."""
    lay, at = controller.layout, controller.at
    parity = Register(1, name="bank_parity")
    parity.next <<= choose(controller.begins, 0, parity ^ controller.drained, 1)
    words, bits = lay.activation_bank_words, lay.output_piece_bits
    banks = [SlicedMemory(f"store_{name}", words, lay.link_bits, bits) for name in ("a", "b")]
    data = WireVector(lay.link_bits)
    source = dma.connect_inputs(data, memories.input)
    address = choose(at["result"], controller.count, source, banks[0].address_bits)
    data <<= pyrtl.select(parity, banks[1].read(address), banks[0].read(address))
    slices = len(output.enables)
    host = [controller.host_word[i * bits : (i + 1) * bits] for i in range(slices)]
    for bank, writes in zip(banks, (parity, ~parity), strict=True):
        image = controller.image_write if bank is banks[0] else Const(0, 1)
        target = choose(image, controller.count, output.word, bank.address_bits)
        words_in = [pyrtl.select(image, h, sized(output.data, bits)) for h in host]
        bank.write(target, words_in, [(e & writes) | image for e in output.enables])
    index = None
    if classes is not None:
        start = lay.psum_bits + 2
        index = classes.read(controller.count)[start:]
    controller.connect_result(data, index)


def bank_gates(accelerator: Accelerator, c: Configuration) -> Gates:
    """Gates between the banks of the store, the host, the DMA and the output stage."""
    lay = c.layout
    weight_address = bits_for(lay.weight_bank_words - 1)
    address = bits_for(lay.activation_bank_words - 1)
    slices, bits = lay.link_bits // lay.output_piece_bits, lay.output_piece_bits
    weights = summed(Gates(or2=1, mux2=weight_address), add_gates(weight_address))
    parity = Gates(flop=1, xor2=1, mux2=1, inverter=1)
    bank = summed(Gates(mux2=address), Gates(mux2=bits, and2=1, or2=1).times(slices))
    reads = Gates(mux2=address + lay.link_bits)
    return summed(weights, parity, reads, bank.times(2), result_gates(accelerator, c))


def threshold_gates(c: Configuration) -> Gates:
    """Gates of the loads of thresholds, and of what says that nothing runs."""
    lay = c.layout
    row, piece = bits_for(lay.threshold_words - 1), bits_for(lay.links_per_threshold - 1)
    counters = Gates(flop=row + piece, mux2=2 * (row + piece), and2=1)
    last = equals_gates(piece)
    enable = summed(Gates(and2=1), equals_gates(piece))
    idle = Gates(or2=1, inverter=1)
    links = enable.times(lay.links_per_threshold)
    return summed(counters, add_gates(row), add_gates(piece), last, links, idle)


def _load_thresholds(controller: Controller, memory: SlicedMemory, probe: Probe | None) -> None:
    """Thresholds arrive link word by link word behind the configuration."""
    links = len(memory.slices)
    move = controller.at["thresholds"] & controller.ready
    bits = max(1, (links - 1).bit_length())
    piece = Register(bits, name="threshold_piece")
    row = Register(memory.address_bits, name="threshold_row")
    last = piece == Const(links - 1, bits)
    piece.next <<= choose(move, choose(last, 0, piece + 1, bits), 0, bits)
    after = choose(last, row + 1, row, memory.address_bits)
    row.next <<= choose(move, after, 0, memory.address_bits)
    enables = [move & (piece == Const(i, bits)) for i in range(links)]
    memory.write(row, [controller.store_word] * links, enables)
    if probe:
        probe.count("threshold_buffer_writes", enables[-1])
