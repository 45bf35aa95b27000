"""The shipped accelerators: their memories are of the kind their sizes and comments call for."""

from __future__ import annotations

from pathlib import Path

import pytest

from asicbnn.mapping.layout import layout
from asicbnn.model.area import area
from asicbnn.result import PARTS
from asicbnn.spec.accelerator import Accelerator
from asicbnn.spec.reader import read
from asicbnn.technology.break_even import smallest_sram
from asicbnn.technology.library import load
from asicbnn.technology.memories import Memory, memory

SPECS = Path(__file__).parents[2] / "arch_specs"
SHIPPED = ("asap7_large", "edge128", "edge64", "ihp_chip", "ihp_latch", "tiny")


def access_fj(memory: Memory) -> float:
    """Energy of a cycle with one access, half of them writes."""
    accesses = (memory.read_energy_fj + memory.write_energy_fj) / 2
    return accesses + memory.clock_energy_fj_per_cycle


@pytest.mark.parametrize("name", SHIPPED)
def test_no_memory_is_beaten_in_both_energy_and_area_by_another_kind(name: str) -> None:
    spec = read(SPECS / f"{name}.yaml", Accelerator)
    technology = load(spec.technology)
    for macro, chosen in area(spec, technology).memories:
        if PARTS[macro.part].kind != "memory":
            continue
        for kind in {"sram", "latch", "register"} - {chosen.kind}:
            size = (chosen.words, chosen.word_bits, chosen.ports)
            if kind == "sram":
                other = smallest_sram(technology, *size)
            else:
                other = memory(technology, kind, *size, chosen.write_mask)
            is_worse = chosen.area_um2 > other.area_um2 and access_fj(chosen) > access_fj(other)
            assert not is_worse, f"{macro.part}: {kind} costs less than {chosen.kind}"


@pytest.mark.parametrize("name", SHIPPED)
def test_accumulators_are_as_wide_as_the_spec_says(name: str) -> None:
    spec = read(SPECS / f"{name}.yaml", Accelerator)
    assert layout(spec).psum_bits == spec.psum_bits
