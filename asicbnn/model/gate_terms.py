"""What gates spend that no sum over cells shows: rates that level gate adds to those of level cell.

Each is a rate of the cells times a number the structure gives; how much of it is spent a
calibration says (`CalibrationFactor.terms`), so that without one there is nothing of it. Measured
and discussed in docs/models/gate_energy.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from asicbnn.hardware.fanout import buffer_levels
from asicbnn.mapping.layout import Layout, layout
from asicbnn.model.assumptions import summed_planes
from asicbnn.model.energy import COMPARING_ADDERS, Rate
from asicbnn.spec.accelerator import Accelerator

_SHALLOW_LEVELS = 2
"""Levels of counters between registers (lanes in log2) from which deeper ones are told apart."""
_FEW_PINS = 4
"""Pins of an operand's net up to which it settles as soon as the nets of one pin do."""

BEFORE_COUNTERS = frozenset({"products apart", "popcount buffered", "lane edges"})
"""Terms of what leads to the counters of a popcount, the same gates in both of its structures."""


@dataclass(frozen=True, slots=True)
class GateRate:
    """A rate at level cell, and by what name its factor goes.

    added  it is none of level cell's: its factor is nought unless a calibration says otherwise; it
           switches as many more nets of the rate it is added to as it takes of its energy
    """

    name: str
    rate: Rate
    added: bool = False


def gate_rates(table: Iterable[Rate], accelerator: Accelerator) -> Iterator[GateRate]:
    """Yield the rates of a table, each followed by what gates add to it.

    popcount depth    glitches grow from level to level, and end at a register: popcount x
                      (log2(lanes) / (1 + pipeline stages) - 2)
    popcount joint    operands that change in one step arrive apart, and products of old and new
                      are counted: products and popcount of `joint_lane_steps`
    popcount shared   the more so the more PEs share a net, times 1 - 4 / PEs that do
    popcount buffered  and by one buffer more at every level of the tree its pins are driven through
    products apart    where masks come out of registers, product and mask stay an XNOR and an AND;
                      else mapping makes two gates of them both, which read either operand:
                      xnor and mask
    lane edges        while a configuration is shifted in, numbers of lanes and PEs run through the
                      comparisons of them all: a full adder per bit of each
    input moves       glitches of an address that goes on to the next word of inputs: the bits of a
                      link word, once for each word (or link word of several)
    finished moves    the write channel walks on when a word is finished: addresses of a step
    """
    lay, xnor_fj = layout(accelerator), 0.0
    stages = accelerator.array.popcount.pipeline_stages
    for rate in table:
        yield GateRate(rate.term, rate)
        if rate.part == "array" and rate.term in ("xnor", "mask") and stages:
            apart = _added("products apart", rate, rate.energy_fj, rate.event)
            yield replace(apart, rate=replace(apart.rate, transitions=0.0))  # cells, not nets
        if (rate.part, rate.term) == ("array", "xnor"):
            xnor_fj = rate.energy_fj / (lay.pes * lay.lanes)
        elif (rate.part, rate.term) == ("array", "popcount"):
            yield from _popcount(rate, xnor_fj, lay, stages)
        elif (rate.part, rate.term) == ("array", "compare"):
            yield _lane_edges(rate, lay, stages)
        elif (rate.part, rate.term) == ("dma", "input words"):
            words = lay.link_bits / (lay.words_per_link * lay.input_word_bits)
            yield _added("input moves", rate, rate.energy_fj * words, rate.event)
        elif (rate.part, rate.term) == ("post", "output"):
            yield _added("finished moves", rate, rate.energy_fj, "threshold_buffer_reads")


def _popcount(rate: Rate, xnor_fj: float, lay: Layout, stages: int) -> Iterator[GateRate]:
    levels = max(0.0, math.log2(lay.lanes) / (1 + stages) - _SHALLOW_LEVELS)
    yield _added("popcount depth", rate, rate.energy_fj * levels, rate.event)
    counted = xnor_fj + rate.energy_fj
    shared = max(0.0, 1.0 - _FEW_PINS / _sharing(lay))
    yield _added("popcount joint", rate, counted, "joint_lane_steps")
    yield _added("popcount shared", rate, counted * shared, "joint_lane_steps")
    through = buffer_levels(_sharing(lay) * _operand_pins(stages))
    yield _added("popcount buffered", rate, counted * through, "joint_lane_steps")


def _lane_edges(compare: Rate, lay: Layout, stages: int) -> GateRate:
    """Return the comparisons with edges: gates of the products, unless registers lie between."""
    adders = sum(size * size.bit_length() for size in lay.unroll.values() if size > 1)
    adder_fj = compare.energy_fj / (COMPARING_ADDERS * summed_planes(lay))
    rate = compare if stages else replace(compare, term="popcount")
    return _added("lane edges", rate, adder_fj * adders, "configuration_words")


def _operand_pins(stages: int) -> int:
    """Pins of a product's gates on the net of one of its operands."""
    return 1 if stages else 2


def _sharing(lay: Layout) -> int:
    """PEs on one net of the operand that more of them share."""
    channels = lay.unroll["K"]
    return max(channels, lay.pes // channels)


def _added(name: str, rate: Rate, energy_fj: float, event: str) -> GateRate:
    share = energy_fj / rate.energy_fj if rate.energy_fj else 0.0
    added = replace(rate, event=event, energy_fj=energy_fj, transitions=share * rate.transitions)
    return GateRate(name, added, added=True)


__all__ = ["GateRate", "gate_rates"]
