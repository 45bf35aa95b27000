"""Where hardware stands that does not end: a sentence for the user, a file for the rest."""

from __future__ import annotations

import os
import re
import tempfile
from typing import Any

import pyrtl
import yaml

from asicbnn.hardware.accelerator import Machine
from asicbnn.hardware.network import STATES
from asicbnn.simulation.backends.interface import Backend

_COUNTER = re.compile(r"(.+)_count(\d+)")
_UNKNOWN = "unknown"


def describe_state(machine: Machine, backend: Backend, run: str) -> str:
    """Write every register to a file; return where the controller stands, and the file's name.

    run  what ran, for how long: becomes a comment at the top of the file
    """
    values = backend.registers()
    number = values.get("state", len(STATES))
    state = STATES[number] if number < len(STATES) else _UNKNOWN
    counters = _counters(values)
    loops = ", ".join(f"{name} {counts}" for name, counts in counters.items())
    content = {
        "controller": state,
        "loop_counters": counters,
        "registers": _by_component(machine, values),
    }
    return f"the controller is in state '{state}', loop counters {loops or 'none'}; " + _written(
        f"# {run}\n{yaml.safe_dump(content, sort_keys=False)}"
    )


def _counters(values: dict[str, int]) -> dict[str, list[int]]:
    """Counters of each loop nest (tiles, steps, bursts), innermost first."""
    found: dict[str, dict[int, int]] = {}
    for name, value in values.items():
        if match := _COUNTER.fullmatch(name):
            found.setdefault(match[1], {})[int(match[2])] = value
    return {name: [counts[i] for i in sorted(counts)] for name, counts in sorted(found.items())}


def _by_component(machine: Machine, values: dict[str, int]) -> dict[str, Any]:
    """All registers as hexadecimal numbers: they may have more digits than decimal allows."""
    component_of = {
        net.dests[0].name: component
        for component, nets in machine.stages.items()
        for net in nets
        if net.dests and isinstance(net.dests[0], pyrtl.Register)
    }
    grouped: dict[str, dict[str, str]] = {}
    for name, value in values.items():
        grouped.setdefault(component_of.get(name, _UNKNOWN), {})[name] = hex(value)
    return grouped


def _written(text: str) -> str:
    try:
        handle, name = tempfile.mkstemp(prefix="asicbnn-state-", suffix=".yaml")
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text)
    except OSError as problem:
        return f"its registers could not be written to a file: {problem.strerror}"
    return f"all registers are in {name}"
