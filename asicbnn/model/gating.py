"""How often gated registers are clocked: closed forms over the counts of a layer.

The clock edges of a family are linear in events that are counted anyway, so its energy is a rate
like any other. Widths come from the layout and the field table alone; what the hardware gates it
declares by itself (`hardware/gating.py`). Equations: docs/models/counts.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import ceil

from asicbnn.bnn.layer import Layer
from asicbnn.hardware.configuration import (
    configuration,
    configuration_words,
    frozen_order,
    level_quantities,
    slot_quantities,
)
from asicbnn.hardware.gating import CLOCKS, FAMILIES, MOST_SINKS
from asicbnn.mapping.layout import Layout, ceil_div, layout
from asicbnn.spec.accelerator import Accelerator

_POOLED = ("pool", "phase_y", "phase_x")
_SLOT_LEVELS = 4
"""Positions of the write channel in a finished word: image, row, column, piece."""


@dataclass(frozen=True)
class Clocked:
    """What an event clocks: so many flops, behind so many clock gates, on average.

    family  of `hardware.gating.FAMILIES`
    event   a count of `result.METRICS`, or one that `with_clocks` adds
    """

    family: str
    event: str
    flops: Fraction
    gates: Fraction


def with_clocks(
    accelerator: Accelerator, layer: Layer, counts: Mapping[str, int], n_cfg: int
) -> dict[str, int]:
    """Add to a layer's counts `gated_clocks`, the clock edges that flops behind gates receive.

    n_cfg  link words of one layer's configuration

    Where clocks are gated each family's edges stand beside their sum, and two events:
    configuration_words, the words that the configuration chain shifts in, and stored_slots, the
    slots of the write channel (an argmax stores nothing).
    """
    if accelerator.clock_gating == "none":
        return {**counts, "gated_clocks": 0}
    finished = counts["threshold_buffer_reads"]
    stored = 0 if layer.output == "argmax" else finished + counts["output_stall_cycles"]
    events = {**counts, "configuration_words": n_cfg, "stored_slots": stored}
    return {**events, **_edges(gated_registers(accelerator, layer.stride, n_cfg), events)}


def _edges(clocked: tuple[Clocked, ...], counts: Mapping[str, int]) -> dict[str, int]:
    totals = dict.fromkeys(CLOCKS, Fraction())
    for each in clocked:
        totals[f"{each.family}_clocks"] += counts[each.event] * each.flops
    if odd := [name for name, total in totals.items() if total.denominator != 1]:
        raise AssertionError(f"half a clock edge: {', '.join(odd)}")
    edges = {name: int(total) for name, total in totals.items()}
    return {"gated_clocks": sum(edges.values()), **edges}


@lru_cache(maxsize=1024)
def gated_registers(accelerator: Accelerator, stride: int, n_cfg: int) -> tuple[Clocked, ...]:
    """Return what is clocked by which event; nothing with `clock_gating: none`.

    stride  of the layer: a load of the input window takes fewer slots at a small one
    n_cfg   length of the configuration chain in link words
    """
    if accelerator.clock_gating == "none":
        return ()
    found: dict[tuple[str, str], Clocked] = {}
    for each in _clocked(accelerator, layout(accelerator), stride, n_cfg):
        key = each.family, each.event
        before = found.get(key, Clocked(*key, Fraction(), Fraction()))
        found[key] = Clocked(*key, before.flops + each.flops, before.gates + each.gates)
    return tuple(sorted(found.values(), key=lambda each: FAMILIES.index(each.family)))


def clocked_by_events(accelerator: Accelerator, stride: int) -> tuple[Clocked, ...]:
    """Return what each event clocks in an accelerator, for layers of one stride."""
    return gated_registers(accelerator, stride, configuration_words(accelerator))


def _clocked(accelerator: Accelerator, lay: Layout, stride: int, n_cfg: int) -> Iterator[Clocked]:
    yield from _operands(accelerator, lay, stride)
    c = configuration(accelerator, frozen_order(accelerator))
    w = c.widths
    yield _whole("accumulator", "steps", lay.psum_word_bits + w.psum)
    if lay.psum_slots > 1:  # the write of a sum lasts longer than the step that made it
        word = lay.psum_word_bits if accelerator.registers.shadow else 0
        share = Fraction(1, lay.psum_slots)
        yield _whole("psum_write_register", "psum_buffer_writes", w.psum + word, share)
    levels = level_quantities(accelerator)
    kept = ("store", *_POOLED, "image", "threshold")
    finished = lay.threshold_word_bits + sum(d in c.edges for d in ("B", "K", "OY", "OX"))
    finished += sum(w.of(q) for q in kept if q in levels)
    yield _whole("finished_register", "threshold_buffer_reads", finished)
    stepped = c.levels * (w.trips + sum(w.of(q) for q in levels))
    yield _whole("step_sequencer", "steps", stepped)
    yield _whole("step_sequencer", "swap_cycles", stepped)
    tiled = c.slots * (w.trips + sum(w.of(q) for q in slot_quantities(accelerator)))
    yield _whole("tile_sequencer", "swap_cycles", tiled)
    # it restarts in every cycle in which a link word of thresholds arrives
    links = Fraction(lay.links_per_threshold)
    yield _whole("tile_sequencer", "threshold_buffer_writes", tiled, links)
    flags = c.slots + sum(d in c.edges for d in ("B", "K", "C", "OY", "OX"))
    # first and last tile of the reduction, last tile of all, and which buffers reload
    yield _whole("tile_register", "swap_cycles", flags + 3 + 2)
    yield _whole("configuration_register", "configuration_words", n_cfg * lay.link_bits)
    walked = sum(w.of(q) for q in ("store", *_POOLED) if q in levels)
    yield _whole("output_address", "stored_slots", _SLOT_LEVELS * walked)
    if lay.host_beats > 1:  # the last beat passes straight through
        kept_beats = Fraction(lay.host_beats - 1, lay.host_beats)
        yield _whole("host_register", "host_words_in", lay.host_bits, kept_beats)


def _operands(accelerator: Accelerator, lay: Layout, stride: int) -> Iterator[Clocked]:
    """L0 registers: each read of a port loads a piece, each run takes the word from the shadow."""
    shadow = accelerator.registers.shadow
    s = lay.largest_stride
    box = lay.unroll["B"] * lay.window_y(s) * lay.window_x(s) * lay.input_word_bits
    slots = Fraction(1, lay.input_slots(stride))
    weight_slots, psum_slots = Fraction(1, lay.weight_slots), Fraction(1, lay.psum_slots)
    weight = ("weight_register", "weight_buffer_reads")
    pixels = ("input_register", "input_buffer_reads")
    psum = ("psum_register", "psum_buffer_reads")
    yield _pieces(*weight, lay.weight_word_bits, lay.weight_port_bits)
    yield _whole(*pixels, lay.input_port_bits)
    yield _pieces(*psum, lay.psum_word_bits, lay.psum_port_bits)
    if shadow:
        yield _whole(*weight, lay.weight_word_bits, weight_slots)
        yield _whole(*pixels, box, slots)
        yield _whole(*psum, lay.psum_word_bits, psum_slots)
        # a sum's first visit reads nothing, and passes on what the shadow holds all the same
        yield _whole("psum_register", "threshold_buffer_reads", lay.psum_word_bits)


def _whole(family: str, event: str, flops: int, share: Fraction = Fraction(1)) -> Clocked:
    """Flops that are clocked together, `share` times per event."""
    return Clocked(family, event, share * flops, share * ceil(flops / MOST_SINKS))


def _pieces(family: str, event: str, word_bits: int, port_bits: int) -> Clocked:
    """A word loaded in port trips: an event clocks one piece, the last is what is left."""
    pieces = ceil_div(word_bits, port_bits)
    last = word_bits - (pieces - 1) * port_bits
    gates = (pieces - 1) * ceil_div(port_bits, MOST_SINKS) + ceil_div(last, MOST_SINKS)
    return Clocked(family, event, Fraction(word_bits, pieces), Fraction(gates, pieces))


__all__ = ["Clocked", "clocked_by_events", "gated_registers", "with_clocks"]
