"""Activities as factors of the rates of energy: what is assumed, and what was measured instead.

Every dynamic rate of the logic is proportional to one activity, so a measured one replaces the
assumption by scaling the rate. Equations: docs/models/activity.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from asicbnn.errors import SpecError
from asicbnn.mapping.layout import Layout, layout
from asicbnn.model.area import structural
from asicbnn.model.assumptions import assumptions, summed_planes
from asicbnn.model.control import ACTIVITIES, CONTROL
from asicbnn.model.energy import WIRES, Rate
from asicbnn.model.rate_errors import DATA_ORIGINS
from asicbnn.spec.accelerator import Accelerator, to_yaml
from asicbnn.spec.activity_file import Activities, ActivityFile
from asicbnn.spec.reader import read_document
from asicbnn.spec.workload import Workload

TERMS: Mapping[str, tuple[tuple[str, str], ...]] = MappingProxyType(
    {
        "xnor": (("array", "xnor"),),
        "mask": (("array", "mask"),),
        "popcount": (("array", "popcount"),),
        "popcount_register": (("array", "popcount register"),),
        "accumulate": (("array", "accumulate"),),
        "compare": (("array", "compare"),),
        "weight_register": (("array", "weight register"),),
        "input_register": (("array", "input register"),),
        "psum_register": (("array", "psum register"),),
        "threshold_register": (("post", "threshold register"),),
        **{
            name: tuple(key for key, each in CONTROL.items() if each.activity == name)
            for name in ACTIVITIES
        },
    }
)
"""The (part, term) of the rates that go by each activity."""

_BUSES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "weight_register": ("weight bus",),
        "input_register": ("input bus", "input broadcast"),
        "psum_register": ("psum bus",),
        "threshold_register": ("threshold bus",),
    }
)
"""Nets of the array that switch as often as the registers behind them, at level routed."""

_ASSUMED = (*DATA_ORIGINS, *(f"{name}_activity" for name in ACTIVITIES))
"""Origins of errors that a measurement takes away."""

_WEIGHED: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "xnor": ("xnor_steps", "steps"),
        "mask": ("masked_lane_steps", "active_lane_steps"),
        "popcount": ("counted_lane_steps", "active_lane_steps"),
        "popcount_register": ("registered_pe_steps", "active_pe_steps"),
        "accumulate": ("added_pe_steps", "active_pe_steps"),
        "compare": ("compared_pe_steps", "active_pe_steps"),
        "weight_register": ("filled_weight_reads", "weight_buffer_reads"),
        "input_register": ("filled_input_reads", "input_buffer_reads"),
    }
)
"""Events the model goes by (`data_events`), and those an activity is stated by."""


def assumed_activities(lay: Layout, events: Mapping[str, float] | None = None) -> dict[str, float]:
    """Return what the model takes for granted [transitions per output and event].

    events  all that the energy of a run goes by; without them, of layers that fill the array with
            random bits which come in one piece

    The bits of an accumulator above the count are taken to be still, so that the mean over all of
    them is lower than that of a random bit.
    """
    known = assumptions()
    half = known.random_bit.value
    summed = half * summed_planes(lay) / lay.psum_bits
    figures = {name: getattr(known, f"{name}_activity").value for name in ACTIVITIES}
    found = {**dict.fromkeys(TERMS, half), "accumulate": summed, "compare": summed, **figures}
    if events is not None:
        for name, (weighed, plain) in _WEIGHED.items():
            if events[plain]:
                found[name] *= events[weighed] / events[plain]
    return found


def undelayed_counts(accelerator: Accelerator) -> dict[str, float]:
    """Return what a count without delays says of random bits, over what is assumed of them.

    Activities are counted so. Where it is not 1 the assumption is of more: that all bits of a sum
    are random, or that they glitch.
    """
    known, popcount = assumptions(), accelerator.array.popcount
    registers = "inner_registers" if popcount.pipeline_stages else "last_register"
    return {
        "popcount": known.value_of(f"undelayed_popcount_{popcount.structure}"),
        "popcount_register": known.value_of(f"undelayed_{registers}_{popcount.structure}"),
        "accumulate": known.undelayed_accumulate.value,
        "compare": known.undelayed_compare.value,
        "psum_register": known.undelayed_psum_register.value,
    }


def measured_rates(
    table: Sequence[Rate],
    accelerator: Accelerator,
    activities: Mapping[str, float],
    events: Mapping[str, float] | None = None,
) -> tuple[Rate, ...]:
    """Return the rates of energy with measured activities in place of the assumed ones.

    events  all that the energy of the whole run goes by (`assumed_activities`)

    Layers share what was measured as they share what is assumed. A rate that was played on gates
    holds what random bits do there, so it goes by what the same count finds of them. The error of
    the assumption goes with it; what remains is the scatter of what was counted.
    """
    assumed = assumed_activities(layout(accelerator), events)
    undelayed = undelayed_counts(accelerator)
    names = {
        term: name
        for name, terms in TERMS.items()
        if name in activities
        for term in (*terms, *(("array", bus) for bus in _BUSES.get(name, ())))
    }

    def measured(rate: Rate) -> Rate:
        name = names.get((rate.part, rate.term.removesuffix(WIRES)))
        if name is None:
            return rate
        played = undelayed.get(name, 1.0) if _was_played(rate) else 1.0
        return _scaled(rate, activities[name] / (assumed[name] * played))

    return tuple(map(measured, table))


def _was_played(rate: Rate) -> bool:
    """Return whether a rate is of random vectors on gates: popcounts are at every level.

    Buses between blocks are not: they have the length and the activity the model says.
    """
    is_bus = any(rate.term in buses for buses in _BUSES.values())
    return rate.term == "popcount" or (rate.level in ("gate", "routed") and not is_bus)


def _scaled(rate: Rate, factor: float) -> Rate:
    """Return a rate of which everything happens `factor` times as often, as was measured."""
    scatter = "measured activity", assumptions().measured_activity_relative_error.value
    remaining = (error for error in rate.also if error[0] not in _ASSUMED)
    return replace(
        rate, energy_fj=rate.energy_fj * factor, transitions=rate.transitions * factor,
        also=(*remaining, scatter),
    )  # fmt: skip


def hardware_digest(accelerator: Accelerator) -> str:
    """Digest of every field of an accelerator that changes a gate, and of its dataflow."""
    built = structural(accelerator).model_copy(update={"dataflow": accelerator.dataflow})
    return hashlib.sha256(to_yaml(built).encode()).hexdigest()[:16]


def read_activities(path: Path | str, accelerator: Accelerator, workload: Workload) -> ActivityFile:
    """Read measured activities of this accelerator and this workload.

    Raises SpecError with every problem of the file; it names the line if the activities are those
    of another accelerator or workload.
    """
    file, document = read_document(path, ActivityFile)
    problems = []
    for key, given, wanted in (
        ("accelerator", file.accelerator, accelerator.name),
        ("workload", file.workload, workload.name),
    ):
        if given != wanted:
            problems.append(document.problem(
                key, f"these activities are of {key} {given}, not of {wanted}",
                f"measure them again: asicbnn simulate ... --save-activity {path}",
            ))  # fmt: skip
    if not problems and file.hardware != hardware_digest(accelerator):
        problems.append(document.problem(
            "hardware", f"{accelerator.name} has changed since: its gates are not those measured",
            f"measure them again: asicbnn simulate ... --save-activity {path}",
        ))  # fmt: skip
    if problems:
        raise SpecError(problems)
    return file


def activity_flags(file: ActivityFile, lay: Layout, events: Mapping[str, float]) -> Iterable[str]:
    """Yield a sentence that names each measured activity, and one on what they leave out."""
    assumed = assumed_activities(lay, events)
    said = ", ".join(
        f"{name} {value:.3g} ({assumed[name]:.3g})"
        for name, value in file.activities.given().items()
    )
    share = file.counted_cycles / file.cycles
    yield (
        f"activities measured with {file.images} images, in {share:.0%} of {file.cycles:,} cycles, "
        f"in place of the assumed ones in brackets [transitions per output and event]: {said}"
    )
    yield "measured activities are counted without delays: they scale what glitches add, unmeasured"


__all__ = [
    "TERMS", "Activities", "activity_flags", "assumed_activities", "hardware_digest",
    "measured_rates", "read_activities", "undelayed_counts",
]  # fmt: skip
