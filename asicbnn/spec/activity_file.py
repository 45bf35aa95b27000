"""The activity file: how often a network's own data made an accelerator's cells switch.

`asicbnn simulate --save-activity FILE` writes it, `asicbnn estimate --activity FILE` reads it.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

import yaml
from pydantic import Field

from asicbnn.spec.model import SpecModel

MOST_TRANSITIONS = 100.0
"""Of one output in one event; what moves between two events is charged to them too."""

PerEvent: TypeAlias = Annotated[
    float | None,
    Field(ge=0, le=MOST_TRANSITIONS, description="transitions per output and event"),
]


class Activities(SpecModel):
    """Activities [transitions per output and event]; what is left out stays as assumed.

    The events are those of the energy model: steps for the array, reads for the registers of the
    operands, and for control what it does (`model/control.py`).
    """

    xnor: PerEvent = None
    mask: PerEvent = None
    popcount: PerEvent = None
    popcount_register: PerEvent = None
    accumulate: PerEvent = None
    compare: PerEvent = None
    weight_register: PerEvent = None
    input_register: PerEvent = None
    psum_register: PerEvent = None
    threshold_register: PerEvent = None
    sequencer: PerEvent = None
    operand_loads: PerEvent = None
    operand_fills: PerEvent = None
    dma_weights: PerEvent = None
    dma_addresses: PerEvent = None
    dma_inputs: PerEvent = None
    dma_host: PerEvent = None
    configuration: PerEvent = None
    host_port: PerEvent = None
    output: PerEvent = None
    finished_words: PerEvent = None

    def given(self) -> dict[str, float]:
        """Return the activities that are there, by name."""
        return {name: value for name, value in self if value is not None}


class ActivityFile(SpecModel):
    """Measured activities, and of what: they hold for this accelerator and this network alone."""

    accelerator: str = Field(description="name of the accelerator that was simulated")
    hardware: str = Field(
        pattern="^[0-9a-f]{16}$", description="digest of all its fields that change a gate"
    )
    workload: str = Field(description="name of the network that ran on it")
    images: int = Field(ge=1, description="images that ran")
    cycles: int = Field(ge=1, description="cycles they took")
    counted_cycles: int = Field(ge=1, description="cycles of which the toggles were counted")
    activities: Activities = Field(description="transitions per output and event")


def to_yaml(file: ActivityFile) -> str:
    """Return the file's text."""
    head = (
        "# Written by asicbnn simulate --save-activity, read by asicbnn estimate --activity.\n"
        "# Transitions per output and event, counted without delays: no glitches.\n"
    )
    return head + yaml.safe_dump(file.model_dump(exclude_none=True), sort_keys=False)
