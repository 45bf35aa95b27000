"""What control takes, by event: link words moved, words configured, steps issued, sums finished.

A component that moves data or follows addresses costs nothing while it waits, so its energy goes
by what it does, and by the bits of that; its size, much of which is control that stands still,
says little. The activities were counted on generated hardware (`assumptions.yaml`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType

from asicbnn.hardware.configuration import (
    configuration,
    configuration_words,
    frozen_order,
    level_quantities,
)
from asicbnn.hardware.engine import FINISHED_QUANTITIES
from asicbnn.mapping.layout import layout
from asicbnn.model.assumptions import assumptions
from asicbnn.spec.accelerator import Accelerator
from asicbnn.technology.cells import Cells

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class ControlEvent:
    """What a term of control's energy goes by.

    component  whose gates switch    event  the count    activity  of `assumptions`
    """

    component: str
    event: str
    activity: str

    @property
    def transitions(self) -> float:
        """Transitions per output and event."""
        return assumptions().value_of(f"{self.activity}_activity")


CONTROL: Mapping[Key, ControlEvent] = MappingProxyType(
    {
        ("control", "sequencer"): ControlEvent("sequencer", "steps", "sequencer"),
        ("control", "operand loads"): ControlEvent("registers", "steps", "operand_loads"),
        ("control", "operand fills"): ControlEvent(
            "registers", "weight_buffer_writes", "operand_fills"
        ),
        ("dma", "weight words"): ControlEvent("dma", "store_weight_reads", "dma_weights"),
        ("dma", "weight addresses"): ControlEvent("dma", "store_weight_reads", "dma_addresses"),
        ("dma", "input words"): ControlEvent("dma", "input_buffer_writes", "dma_inputs"),
        ("dma", "host words in"): ControlEvent("dma", "host_words_in", "dma_host"),
        ("dma", "host words out"): ControlEvent("dma", "host_words_out", "dma_host"),
        ("control", "configuration"): ControlEvent(
            "controller", "configuration_words", "configuration"
        ),
        ("control", "host words in"): ControlEvent("controller", "host_words_in", "host_port"),
        ("control", "host words out"): ControlEvent("controller", "host_words_out", "host_port"),
        # the output stage follows the addresses at every step, the sums when they are finished
        ("post", "output"): ControlEvent("output", "steps", "output"),
        ("post", "finished words"): ControlEvent(
            "output", "threshold_buffer_reads", "finished_words"
        ),
    }
)
"""The (part, term) of every rate of control."""

ACTIVITIES: tuple[str, ...] = tuple(dict.fromkeys(each.activity for each in CONTROL.values()))
"""Figures of `assumptions`, without their `_activity`."""


def control_outputs(accelerator: Accelerator, cells: Mapping[str, Cells]) -> dict[Key, float]:
    """Return the outputs that each event of control reaches, by (part, term).

    Bits that are moved, where there are any; else all gate outputs of the component.

    cells  of each component, as counted
    """
    lay = layout(accelerator)
    widths = configuration(accelerator, frozen_order(accelerator)).widths
    bits: dict[Key, float] = {
        ("control", "operand loads"): widths.weight + widths.input,
        ("control", "operand fills"): widths.weight,
        ("dma", "weight words"): lay.link_bits,
        ("dma", "weight addresses"): widths.weight_bank + widths.weight,
        ("dma", "input words"): lay.input_word_bits / lay.input_word_slots,
        ("dma", "host words in"): lay.host_bits,
        ("dma", "host words out"): lay.host_bits,
        ("control", "configuration"): configuration_words(accelerator) * lay.link_bits,
        ("control", "host words in"): lay.link_bits,
        ("control", "host words out"): lay.link_bits,
        ("post", "output"): finished_bits(accelerator),
        ("post", "finished words"): lay.pes,
    }
    return {
        key: bits[key] if key in bits else switching_cells(cells, each.component).outputs
        for key, each in CONTROL.items()
    }


def switching_cells(cells: Mapping[str, Cells], component: str) -> Cells:
    """Return the cells of a component that switch with data: clock gates do with the clock."""
    return replace(cells[component], clock_gate=0)


@lru_cache(maxsize=1024)
def finished_bits(accelerator: Accelerator) -> int:
    """Bits of the addresses that the steps generate for a finished word."""
    widths = configuration(accelerator, frozen_order(accelerator)).widths
    walked = level_quantities(accelerator)
    return sum(widths.of(name) for name in FINISHED_QUANTITIES if name in walked)


__all__ = [
    "ACTIVITIES", "CONTROL", "ControlEvent", "control_outputs", "finished_bits", "switching_cells",
]  # fmt: skip
